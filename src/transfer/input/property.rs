//! `options:` of the database inputs: values of the driver's properties.

use crate::embulk::text::Text;
use crate::transfer::error::{ErrorKind, TransferError};

/// The error for a value that a property cannot have.
pub(super) fn bad(name: &str, expected: &str) -> TransferError {
    TransferError::new(ErrorKind::Config, format!("`{name}` in `options` is not {expected}"))
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
