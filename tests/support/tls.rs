//! Certificates of a test: an authority that nobody else trusts, a certificate for this machine, and a web server
//! behind it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::servers::{fresh_name, skip};

/// The files of an authority and of one server, made by `openssl`.
pub struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    /// A new one. `None`, after saying so, where there is no `openssl`.
    pub fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
            assert!(std::env::var("SYNC_TEST_REQUIRE").as_deref() != Ok("1"), "`openssl` does not run");
            skip("no `openssl`");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
        std::fs::write(folder.path().join("names"), names).expect("a file can be written");
        // Two authorities of one name would be taken for each other.
        let name = fresh_name("authority");
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        for arguments in [
            format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN={name}"),
            format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"),
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem"
                .to_owned(),
        ] {
            let made = Command::new("openssl")
                .args(arguments.split(' '))
                .current_dir(folder.path())
                .output()
                .expect("openssl runs");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        Some(Self { folder })
    }

    /// The certificate to trust.
    pub fn trusted(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The server's certificate and its key.
    pub fn server(&self) -> (PathBuf, PathBuf) {
        (self.folder.path().join("server.pem"), self.folder.path().join("server.key"))
    }

    /// Answers every request with `ok` over TLS, until the tests end. Gives its port.
    pub fn serve(&self) -> u16 {
        let config = Arc::new(self.config());
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
                let mut stream = rustls::StreamOwned::new(connection, stream);
                // A client that does not trust the certificate goes away.
                if head_of(&mut stream).is_ok() {
                    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
                    let _ = stream.write_all(answer.as_bytes());
                }
            }
        });
        port
    }

    /// What a server needs that shows its certificate and wants one of the same authority.
    pub fn strict_config(&self) -> rustls::ServerConfig {
        let mut roots = rustls::RootCertStore::empty();
        let authority = std::fs::read(self.trusted()).expect("the file is there");
        roots.add(CertificateDer::from_pem_slice(&authority).expect("a certificate")).expect("an authority");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        self.config_with(verifier.build().expect("an authority is enough"))
    }

    /// What a server needs that shows its certificate.
    pub fn config(&self) -> rustls::ServerConfig {
        self.config_with(WebPkiClientVerifier::no_client_auth())
    }

    fn config_with(&self, visitors: Arc<dyn ClientCertVerifier>) -> rustls::ServerConfig {
        let (certificate, key) = self.server();
        let read = |path: &Path| std::fs::read(path).expect("the file is there");
        let certificate = CertificateDer::from_pem_slice(&read(&certificate)).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(&read(&key)).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions that the provider knows")
            .with_client_cert_verifier(visitors)
            .with_single_cert(vec![certificate], key)
            .expect("a certificate and its key")
    }
}

fn head_of(stream: &mut impl std::io::Read) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    Ok(())
}
