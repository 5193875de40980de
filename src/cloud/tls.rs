//! TLS to databases, by the process's one provider of cryptography.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// What a server must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// Nothing: any certificate will do.
    Any,
    /// A certificate that leads to an authority, for whatever host.
    Authority,
    /// A certificate that leads to an authority and names the host.
    Host,
}

/// Why there is nothing to verify a server by, or nothing to show it.
#[derive(Debug)]
pub struct NoAuthority {
    /// What is missing.
    pub message: String,
    /// What led to it.
    pub causes: Vec<String>,
    /// One thing to do next.
    pub hint: &'static str,
}

/// A certificate of the client's own, with its key; files in PEM.
#[derive(Debug, Clone, Copy)]
pub struct OwnCertificate<'p> {
    /// The certificate, then those that lead to its authority.
    pub certificate: &'p Path,
    /// The key, not encrypted; in DER if it likes.
    pub key: &'p Path,
}

/// How connections are made. Authorities are those of `file` (PEM), else the system's (or those of `SSL_CERT_FILE`).
pub fn config(
    identity: Identity,
    file: Option<&Path>,
    own: Option<OwnCertificate<'_>>,
) -> Result<ClientConfig, NoAuthority> {
    crate::cloud::install_crypto();
    let builder = ClientConfig::builder();
    let builder = match identity {
        Identity::Host => builder.with_root_certificates(authorities(file)?),
        Identity::Any | Identity::Authority => {
            let verifier = Lenient { provider: Arc::new(aws_lc_rs::default_provider()), authority: None };
            let verifier = if identity == Identity::Authority { verifier.knowing(file)? } else { verifier };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    match own {
        None => Ok(builder.with_no_client_auth()),
        Some(own) => {
            let (chain, key) = own.read()?;
            builder.with_client_auth_cert(chain, key).map_err(|error| own.unusable(own.key, &error))
        }
    }
}

impl<'p> OwnCertificate<'p> {
    /// A certificate and its key, where both are given.
    pub fn of((certificate, key): &'p (Option<PathBuf>, Option<PathBuf>)) -> Option<Self> {
        Some(Self { certificate: certificate.as_deref()?, key: key.as_deref()? })
    }

    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), NoAuthority> {
        let chain = CertificateDer::pem_file_iter(self.certificate)
            .and_then(Iterator::collect)
            .map_err(|error| self.unusable(self.certificate, &error))?;
        let bytes = std::fs::read(self.key).map_err(|error| self.unusable(self.key, &error))?;
        // Java's driver wants it in DER.
        let key = PrivateKeyDer::from_pem_slice(&bytes)
            .or_else(|error| PrivateKeyDer::try_from(bytes).map_err(|_| self.unusable(self.key, &error)))?;
        Ok((chain, key))
    }

    fn unusable(&self, file: &Path, error: &dyn std::error::Error) -> NoAuthority {
        NoAuthority {
            message: format!("`{}` cannot be shown to the server", file.display()),
            causes: vec![error.to_string()],
            hint: "give a certificate and its key in PEM, the key without a password",
        }
    }
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, NoAuthority> {
    let mut roots = RootCertStore::empty();
    let (certificates, errors): (Vec<_>, Vec<String>) = match file {
        Some(file) => match CertificateDer::pem_file_iter(file).and_then(Iterator::collect) {
            Ok(certificates) => (certificates, Vec::new()),
            Err(error) => (Vec::new(), vec![error.to_string()]),
        },
        None => {
            let found = rustls_native_certs::load_native_certs();
            (found.certs, found.errors.iter().map(ToString::to_string).collect())
        }
    };
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added > 0 {
        return Ok(roots);
    }
    Err(match file {
        Some(file) => NoAuthority {
            message: format!("no certificate of an authority could be read from `{}`", file.display()),
            causes: errors,
            hint: "it must be a file in PEM",
        },
        None => NoAuthority {
            message: "no certificate of an authority was found to verify the server by".to_owned(),
            causes: errors,
            hint: "install `ca-certificates`, or name a file with `SSL_CERT_FILE`",
        },
    })
}

/// Takes any certificate, or any that leads to an authority; then the signature of the handshake must be right.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    authority: Option<Arc<WebPkiServerVerifier>>,
}

impl Lenient {
    fn knowing(mut self, file: Option<&Path>) -> Result<Self, NoAuthority> {
        let built = WebPkiServerVerifier::builder_with_provider(
            Arc::new(authorities(file)?),
            Arc::clone(&self.provider),
        )
        .build();
        self.authority = Some(built.map_err(|error| NoAuthority {
            message: "the authorities cannot be used".to_owned(),
            causes: vec![error.to_string()],
            hint: "look at the certificates",
        })?);
        Ok(self)
    }
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        // The name is looked at last: an error about it says that all else is right.
        match authority.verify_server_cert(certificate, between, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.authority.is_none() {
            // Whose signature it is nobody knows, and a certificate too old to be read will do.
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.authority.is_none() {
            // Whose signature it is nobody knows, and a certificate too old to be read will do.
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
