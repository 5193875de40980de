//! What the server and the driver say, as errors that name tables and codes but no value.

use std::time::Duration;

use tokio_postgres::error::DbError;

use crate::cloud::fault::Fault;
use crate::cloud::fault::codes;
use crate::cloud::postgres::{chain, said, shown};
use crate::transfer::error::{ErrorKind, TransferError};

/// What can go wrong between the two sides.
#[derive(Debug)]
pub(in crate::transfer) enum Trouble {
    /// The server refused.
    Server(Box<DbError>),
    /// The connection is gone; with the chain of causes.
    Lost(Vec<String>),
    /// The server was silent for too long.
    Silent,
    /// The run wants to stop.
    Canceled,
    /// The driver met something that it does not know.
    Driver(Vec<String>),
}

impl Trouble {
    /// The error of a transfer that was `doing` something, e.g. ``table `orders` could not be read``.
    pub(in crate::transfer) fn during(self, doing: impl Into<String>) -> TransferError {
        match self {
            Self::Server(error) => {
                let found =
                    TransferError::of(codes::of_sqlstate(error.code().code()), doing).cause(said(&error));
                match hint(&error) {
                    Some(hint) => found.hint(hint),
                    None => found,
                }
            }
            Self::Lost(causes) => with(Fault::ConnectionLost, doing, causes),
            Self::Silent => TransferError::of(Fault::TimedOut, doing)
                .cause("the server was silent for longer than `socket_timeout`")
                .hint("raise `socket_timeout`, or look at what holds the server"),
            Self::Canceled => TransferError::canceled(),
            Self::Driver(causes) => with(Fault::Refused, doing, causes),
        }
    }

    /// Whether the server refused with this code.
    pub(in crate::transfer) fn has_code(&self, code: &str) -> bool {
        matches!(self, Self::Server(error) if error.code().code() == code)
    }
}

fn with(fault: Fault, doing: impl Into<String>, causes: Vec<String>) -> TransferError {
    TransferError { causes, ..TransferError::of(fault, doing) }
}

fn hint(error: &DbError) -> Option<String> {
    match error.code().code() {
        "25006" => Some(
            "let `host` name the server that takes writes; a table that writes as it is read is read by a `query`"
                .to_owned(),
        ),
        "3D000" => Some("check `database`".to_owned()),
        code if codes::of_sqlstate(code) == Fault::NoRoom => {
            Some("look at the disk and the memory of the server".to_owned())
        }
        "42P01" => Some("check the name in the config, and `schema`".to_owned()),
        _ => error.hint().map(|hint| shown(error, hint).trim_end_matches('.').to_owned()),
    }
}

/// A connection that was not made. `server` is its name.
pub(in crate::transfer) fn not_connected(
    server: &str,
    address: &str,
    error: &tokio_postgres::Error,
) -> TransferError {
    let doing = format!("cannot connect to {server} at `{address}`");
    if let Some(error) = error.as_db_error() {
        let found = Trouble::Server(Box::new(error.clone())).during(doing);
        // Nobody was served yet: a server that is starting or full is one that cannot be reached.
        let kind = if found.kind == ErrorKind::Busy { ErrorKind::Unreachable } else { found.kind };
        return TransferError { kind, ..found };
    }
    let causes = chain(error);
    let has = |text: &str| causes.iter().any(|cause| cause.contains(text));
    if has("password missing") {
        return TransferError::of(Fault::CredentialsRefused, doing)
            .cause("the server wants a password")
            .hint("set `password`");
    }
    let (fault, hint) = if has("invalid peer certificate") {
        (
            Fault::Tls,
            Some(
                "name the file of the server's authority: `options: {sslrootcert: FILE}`, or encrypt without knowing to whom with `ssl: true`",
            ),
        )
    } else if has("server does not support TLS") {
        (Fault::Tls, Some("the server offers no TLS: set `ssl: false`"))
    } else {
        (causes.iter().find_map(|cause| codes::of_name(cause)).unwrap_or(Fault::NoConnection), None)
    };
    TransferError { hint: hint.map(str::to_owned), ..with(fault, doing, causes) }
}

/// A connection that took too long to be made.
pub(in crate::transfer) fn too_slow(server: &str, address: &str, limit: Duration) -> TransferError {
    TransferError::of(Fault::NoConnection, format!("cannot connect to {server} at `{address}`"))
        .cause(format!("no connection within {} s", limit.as_secs()))
}
