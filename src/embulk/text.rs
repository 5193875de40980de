//! A text of a config that may hold a secret.
//!
//! Any option can be written as `${secret:NAME}` or filled from an environment value that counts as secret, not only
//! passwords: a host, a user, a `where`. Such a text goes to the wire and is never shown.

use crate::secret::Secret;

/// What stands where a secret must not be seen.
const HIDDEN: &str = "…";

/// A text of a config: plain, or holding a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// May be shown.
    Plain(String),
    /// Is, or contains, a secret.
    Secret(Secret),
}

impl Text {
    /// A text that may be shown.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Plain(text.into())
    }

    /// The text itself, for a protocol; never for a message.
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }

    /// The text for messages, logs and reports: `…` when it holds a secret.
    pub fn shown(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(_) => HIDDEN,
        }
    }

    /// The text as a secret, whatever it was.
    pub fn into_secret(self) -> Secret {
        match self {
            Self::Plain(text) => Secret::new(text),
            Self::Secret(secret) => secret,
        }
    }

    /// Whether there is no character in it.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_a_secret_is_not_shown() {
        let text = Text::Secret(Secret::new("hunter2"));
        assert_eq!(text.shown(), "…");
        assert_eq!(text.expose(), "hunter2");
        assert_eq!(format!("{text:?}"), "Secret(Secret(…))");
        assert_eq!(Text::from("db1").shown(), "db1");
    }
}
