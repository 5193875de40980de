//! `options:` of the database inputs: values of the driver's properties.

use crate::cloud::tls::Identity;
use crate::embulk::input::SslMode;
use crate::embulk::text::Text;
use crate::transfer::error::{ErrorKind, TransferError};

/// How a connection is encrypted and what the server must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    /// As it comes.
    Off,
    /// To whomever, where the server offers it.
    IfOffered,
    /// To whomever.
    Any,
    /// To a server that an authority knows, whatever its name.
    Authority,
    /// To a server that an authority knows by the name of the host.
    Host,
}

impl From<SslMode> for Encryption {
    fn from(mode: SslMode) -> Self {
        match mode {
            SslMode::Disable => Self::Off,
            SslMode::Enable => Self::Any,
            SslMode::Verify => Self::Host,
        }
    }
}

impl Encryption {
    /// What the server must show.
    pub(super) fn identity(self) -> Identity {
        match self {
            Self::Off | Self::IfOffered | Self::Any => Identity::Any,
            Self::Authority => Identity::Authority,
            Self::Host => Identity::Host,
        }
    }
}

/// The error for a value that a property cannot have.
pub(super) fn bad(name: &str, expected: &str) -> TransferError {
    TransferError::new(ErrorKind::Config, format!("`{name}` in `options` is not {expected}"))
}

/// The error for a property that would change the result or the connection, and cannot be followed.
pub(super) fn refused(name: &str, because: &str, hint: &str) -> TransferError {
    TransferError::new(ErrorKind::Config, format!("`{name}` in `options` {because}, which is not supported"))
        .hint(hint)
}

/// True or false.
pub(super) fn flag(name: &str, value: &Text) -> Result<bool, TransferError> {
    match value.expose().to_ascii_lowercase().as_str() {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err(bad(name, "true or false")),
    }
}

/// A whole number, which a message calls `expected`.
pub(super) fn number(name: &str, value: &Text, expected: &str) -> Result<u64, TransferError> {
    value.expose().trim().parse().map_err(|_| bad(name, expected))
}
