//! A secret as it lies in `secrets.yml`: encrypted by KMS itself, or, when it is too long for that, by AES-256-GCM
//! under a data key that KMS made.

use aes_gcm::aead::rand_core::RngCore as _;
use aes_gcm::aead::{Aead as _, KeyInit as _, OsRng, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use zeroize::Zeroizing;

use super::Secret;
use super::key_service::{DIRECT_LIMIT, KeyService, KeyServiceError};

/// Length of a nonce of AES-GCM.
pub const NONCE_LENGTH: usize = 12;

/// A value that only the key service can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ciphertext {
    /// What KMS Encrypt gave.
    Kms(Vec<u8>),
    /// AES-256-GCM with the name of the secret as associated data, so that an entry moved to another name does not
    /// open.
    Envelope {
        /// The data key under KMS.
        key: Vec<u8>,
        /// [`NONCE_LENGTH`] bytes.
        nonce: [u8; NONCE_LENGTH],
        /// The value and the tag.
        data: Vec<u8>,
    },
}

/// Why a value could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CiphertextError {
    /// The key service said no.
    #[error(transparent)]
    Service(#[from] KeyServiceError),
    /// The data key is not one.
    #[error("its data key has {0} bytes, not 32")]
    KeyLength(usize),
    /// The tag does not fit: another name, or changed bytes.
    #[error("its envelope does not open under this name: it was changed, or moved from another name")]
    Envelope,
    /// Secrets are text.
    #[error("its value is not UTF-8 text")]
    NotText,
}

impl Ciphertext {
    /// Encrypts a value for a name.
    pub fn seal(
        name: &str,
        value: &Secret,
        key: &str,
        service: &dyn KeyService,
    ) -> Result<Self, CiphertextError> {
        let plaintext = value.expose().as_bytes();
        if plaintext.len() <= DIRECT_LIMIT {
            return Ok(Self::Kms(service.encrypt(key, plaintext)?));
        }
        let data_key = service.data_key(key)?;
        let mut nonce = [0; NONCE_LENGTH];
        OsRng.fill_bytes(&mut nonce);
        let data = cipher(&data_key.plaintext)?
            .encrypt(Nonce::from_slice(&nonce), Payload { msg: plaintext, aad: name.as_bytes() })
            .map_err(|_| CiphertextError::Envelope)?;
        Ok(Self::Envelope { key: data_key.ciphertext, nonce, data })
    }

    /// Decrypts the value of a name.
    pub fn open(&self, name: &str, service: &dyn KeyService) -> Result<Secret, CiphertextError> {
        let plaintext = match self {
            Self::Kms(ciphertext) => service.decrypt(ciphertext)?,
            Self::Envelope { key, nonce, data } => {
                let payload = Payload { msg: data, aad: name.as_bytes() };
                let opened = cipher(&service.decrypt(key)?)?.decrypt(Nonce::from_slice(nonce), payload);
                Zeroizing::new(opened.map_err(|_| CiphertextError::Envelope)?)
            }
        };
        std::str::from_utf8(&plaintext).map(Secret::new).map_err(|_| CiphertextError::NotText)
    }

    /// The word for its form in lists.
    pub fn form(&self) -> &'static str {
        match self {
            Self::Kms(_) => "kms",
            Self::Envelope { .. } => "kms envelope",
        }
    }
}

fn cipher(key: &[u8]) -> Result<Aes256Gcm, CiphertextError> {
    Aes256Gcm::new_from_slice(key).map_err(|_| CiphertextError::KeyLength(key.len()))
}

#[cfg(test)]
mod tests {
    use super::super::key_service::tests::FakeKeyService;
    use super::*;

    #[test]
    fn short_values_go_through_kms_and_long_ones_into_an_envelope() {
        let service = FakeKeyService::default();
        for (length, form) in [(0, "kms"), (DIRECT_LIMIT, "kms"), (DIRECT_LIMIT + 1, "kms envelope")] {
            let value = Secret::new("x".repeat(length));
            let sealed = Ciphertext::seal("a", &value, "alias/test", &service).expect("the key is there");
            assert_eq!(sealed.form(), form);
            if length > 0 {
                assert!(sealed.open("a", &service).expect("it opens") == value);
            }
        }
    }

    #[test]
    fn an_envelope_opens_only_under_its_name_and_unchanged() {
        let service = FakeKeyService::default();
        let value = Secret::new("x".repeat(5000));
        let sealed = Ciphertext::seal("a", &value, "alias/test", &service).expect("the key is there");
        assert_eq!(sealed.open("b", &service), Err(CiphertextError::Envelope));
        let Ciphertext::Envelope { key, nonce, mut data } = sealed else { panic!("it is long") };
        data[0] ^= 1;
        let changed = Ciphertext::Envelope { key: key.clone(), nonce, data: data.clone() };
        assert_eq!(changed.open("a", &service), Err(CiphertextError::Envelope));
        let short_key = Ciphertext::Envelope { key: key[1..].to_vec(), nonce, data };
        assert_eq!(short_key.open("a", &service), Err(CiphertextError::KeyLength(31)));
    }

    #[test]
    fn a_value_that_is_not_text_is_refused() {
        let sealed = Ciphertext::Kms(vec![0x00, 0x01]);
        assert_eq!(sealed.open("a", &FakeKeyService::default()), Err(CiphertextError::NotText));
    }

    #[test]
    fn reasons_are_told_in_full() {
        assert_eq!(
            [CiphertextError::KeyLength(31), CiphertextError::Envelope, CiphertextError::NotText]
                .map(|error| error.to_string()),
            [
                "its data key has 31 bytes, not 32",
                "its envelope does not open under this name: it was changed, or moved from another name",
                "its value is not UTF-8 text",
            ]
        );
    }
}
