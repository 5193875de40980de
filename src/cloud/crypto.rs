//! One crypto provider for every TLS connection of the process.

/// Installs it. `main` calls this first thing: rustls stops at the first connection when several are linked and none
/// was chosen. Calling it again does nothing.
pub fn install_crypto() {
    // An error only says that one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_second_call_does_nothing() {
        super::install_crypto();
        super::install_crypto();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}
