//! What can go wrong with a connection.

use std::io;

use thiserror::Error as ThisError;

use super::fields::Cut;

/// Why an exchange with a server failed.
#[derive(Debug, ThisError)]
pub enum Error {
    /// The server refused.
    #[error("{} (MySQL error {})", .0.message, .0.code)]
    Server(ServerError),
    /// The connection broke, or TLS did.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// No connection was made.
    #[error(transparent)]
    NotConnected(io::Error),
    /// Not within the time-out.
    #[error("no connection within {} s", .0.as_secs_f64())]
    TooSlow(std::time::Duration),
    /// TLS is asked for and the server has none.
    #[error("the server offers no TLS")]
    NoTls,
    /// A way of logging in that is not supported.
    #[error("the server wants a login by `{0}`, which is not supported")]
    UnknownLogin(String),
    /// The password would go over the wire as it is.
    #[error("the server wants the password as it is (`mysql_clear_password`), which is sent over TLS only")]
    InTheClear,
    /// The public key that would encrypt the password may not be asked for.
    #[error("the server must be asked for its public key, which `allowPublicKeyRetrieval` forbids")]
    KeyForbidden,
    /// The public key that should encrypt the password cannot.
    #[error("the public key of the server cannot be used")]
    BadKey,
    /// What came is not MySQL's protocol.
    #[error("{0}")]
    Protocol(&'static str),
}

/// What a server refuses with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// The number of the error.
    pub code: u16,
    /// SQLSTATE.
    pub state: String,
    /// The server's own words. They may hold values.
    pub message: String,
}

impl From<Cut> for Error {
    fn from(_: Cut) -> Self {
        Self::Protocol("a packet ends too early")
    }
}

impl Error {
    /// The other side has closed the connection.
    pub(super) fn ended() -> Self {
        Self::Io(io::Error::new(io::ErrorKind::UnexpectedEof, "the server ended the connection"))
    }

    /// The code of an error of the server's.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Server(error) => Some(error.code),
            _ => None,
        }
    }
}
