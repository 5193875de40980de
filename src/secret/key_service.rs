//! What the safe needs of a key service such as AWS KMS. The wires are elsewhere.

use zeroize::Zeroizing;

/// The most that one call encrypts: KMS refuses more than 4096 bytes.
pub const DIRECT_LIMIT: usize = 4096;

/// A key made for one value.
pub struct DataKey {
    /// 32 bytes, for AES-256.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The same, encrypted under the key of the service.
    pub ciphertext: Vec<u8>,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// Why the service did not do it. Texts name what was asked, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct KeyServiceError {
    /// What the service or the way to it said.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Encrypts and decrypts under keys that never leave the service.
pub trait KeyService: Send + Sync {
    /// Encrypts at most [`DIRECT_LIMIT`] bytes.
    fn encrypt(&self, key: &str, plaintext: &[u8]) -> Result<Vec<u8>, KeyServiceError>;
    /// Decrypts what `encrypt` or `data_key` gave; the ciphertext names its key.
    fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyServiceError>;
    /// Makes a new key of 32 bytes.
    fn data_key(&self, key: &str) -> Result<DataKey, KeyServiceError>;
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Turns bytes around and counts the calls to decrypt.
    #[derive(Default)]
    pub(crate) struct FakeKeyService {
        pub(crate) decrypted: AtomicUsize,
    }

    impl KeyService for FakeKeyService {
        fn encrypt(&self, key: &str, plaintext: &[u8]) -> Result<Vec<u8>, KeyServiceError> {
            if key != "alias/test" {
                return Err(KeyServiceError { message: format!("no key `{key}`"), hint: None });
            }
            assert!(plaintext.len() <= DIRECT_LIMIT);
            Ok(plaintext.iter().rev().map(|byte| !byte).collect())
        }

        fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyServiceError> {
            self.decrypted.fetch_add(1, Ordering::SeqCst);
            if ciphertext.is_empty() {
                return Err(KeyServiceError { message: "access denied".into(), hint: Some("ask".into()) });
            }
            Ok(Zeroizing::new(ciphertext.iter().rev().map(|byte| !byte).collect()))
        }

        fn data_key(&self, key: &str) -> Result<DataKey, KeyServiceError> {
            let plaintext: Vec<u8> = (0..32).collect();
            let ciphertext = self.encrypt(key, &plaintext)?;
            Ok(DataKey { plaintext: Zeroizing::new(plaintext), ciphertext })
        }
    }
}
