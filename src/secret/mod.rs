//! The safe: values that cannot be printed, where they come from, and the scrubber that keeps them out of what
//! leaves the process.

pub mod ciphertext;
pub mod file;
pub mod key_service;
pub mod mapped;
pub mod mount;
pub mod name;
pub mod params;
pub mod resolver;
pub mod scrub;
pub mod source;

use std::fmt;

use zeroize::Zeroizing;

/// A value that must not be seen. It has no `Display`, its `Debug` shows nothing, and its memory is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a value into the safe.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The only door out. Callers hand it to a protocol, never to a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a secret could not be had. Texts name the secret and the place, never a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// No source knows the name.
    #[error("Secret not found for key: '{name}'")]
    NotFound {
        /// The name asked for.
        name: String,
    },
    /// A source knows the name but could not give the value.
    #[error("secret `{name}` could not be read from {place}: {reason}")]
    Unavailable {
        /// The name asked for.
        name: String,
        /// Which source.
        place: String,
        /// What it said, without values.
        reason: String,
    },
}

/// Where secrets come from; the first source that knows a name wins.
pub trait SecretStore: Send + Sync {
    /// The value of a name.
    fn get(&self, name: &str) -> Result<Secret, SecretError>;
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::key_service::DataKey;
    use super::*;

    /// Only what wipes itself compiles here.
    fn wiped<T: ZeroizeOnDrop>(_: &T) {}

    #[test]
    fn what_holds_a_secret_is_wiped_on_drop() {
        let secret = Secret::new("hunter2");
        wiped(&secret.0);
        let key = DataKey { plaintext: vec![1; 32].into(), ciphertext: Vec::new() };
        wiped(&key.plaintext);
        // The rounds that AES makes of a key are as good as the key.
        let _: fn(&aes::Aes256) = wiped;
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "Secret(…) Some(Secret(…))");
    }
}
