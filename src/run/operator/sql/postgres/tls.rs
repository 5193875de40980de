//! TLS to a server of PostgreSQL's wire, by the process's one provider of cryptography.
//!
//! `ssl: true` verifies: the certificate must lead to an authority of the system (or of `SSL_CERT_FILE`) and name the
//! host. Digdag's `ssl: true` accepts any certificate, which keeps out nobody who sits between; `ssl: no_verify` does
//! the same here.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::run::operator::OperatorError;
use crate::run::operator::sql::connect::Tls;

/// What makes the connections. Where TLS is off it is never asked.
pub(super) fn connector(tls: Tls) -> Result<MakeRustlsConnect, OperatorError> {
    crate::cloud::install_crypto();
    let roots = match tls {
        Tls::Verified => authorities()?,
        Tls::Off | Tls::Unverified => RootCertStore::empty(),
    };
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    if tls == Tls::Unverified {
        let verifier = AnyServer(Arc::new(aws_lc_rs::default_provider()));
        config.dangerous().set_certificate_verifier(Arc::new(verifier));
    }
    Ok(MakeRustlsConnect::new(config))
}

fn authorities() -> Result<RootCertStore, OperatorError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    let mut error = OperatorError::config("no certificate of an authority was found to verify the server by")
        .hint("install `ca-certificates`, or name a file with `SSL_CERT_FILE`");
    error.causes.extend(found.errors.iter().map(ToString::to_string));
    Err(error)
}

/// Takes any certificate. The signature of the handshake must still be right.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
