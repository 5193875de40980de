//! What the server and the connection say, as errors that name tables and codes but no value.

use std::io;

use crate::cloud::fault::Fault;
use crate::cloud::fault::codes::{self, Connected};
use crate::cloud::mysql::{Error, ServerError};
use crate::transfer::error::TransferError;

/// Server errors whose texts name users, hosts, tables and columns only, so that they can be shown whole.
const SHOWN_WHOLE: [u16; 17] =
    [1040, 1044, 1045, 1049, 1051, 1054, 1130, 1142, 1143, 1146, 1203, 1227, 1356, 1370, 1698, 1969, 3024];

const KNOWN_LOGINS: &str =
    "let the user log in by `caching_sha2_password`, `mysql_native_password` or `ed25519`";

/// Makes an error of the transfer of one of the connection, with what was being done.
pub(crate) fn server_error(error: &Error, doing: impl Into<String>) -> TransferError {
    let (fault, hint) = match error {
        Error::Server(error) => return refused(error, doing),
        Error::Io(error) => return io_error(error, doing),
        Error::NotConnected(error) => (codes::of_io(error, Connected::No), None),
        Error::TooSlow(_) => (Fault::NoConnection, None),
        Error::NoTls => (Fault::Tls, Some("set `ssl: disable`")),
        Error::UnknownLogin(_) => (Fault::CredentialsRefused, Some(KNOWN_LOGINS)),
        Error::InTheClear => (Fault::CredentialsRefused, Some("set `ssl: verify`")),
        Error::KeyForbidden => (
            Fault::CredentialsRefused,
            Some("set `ssl: verify`, or give the key: `options: {serverRSAPublicKeyFile: FILE}`"),
        ),
        Error::BadKey => (Fault::CredentialsRefused, Some("set `ssl: verify`")),
        Error::Protocol(_) => (Fault::Truncated, None),
    };
    let found = TransferError::of(fault, doing).cause(error.to_string());
    match hint {
        Some(hint) => found.hint(hint),
        None => found,
    }
}

fn io_error(error: &io::Error, doing: impl Into<String>) -> TransferError {
    let fault = codes::of_io(error, Connected::Yes);
    let found = TransferError::of(fault, doing);
    match fault {
        Fault::Tls => found.cause(error.to_string()).hint("check `ssl` and the certificate of the server"),
        Fault::TimedOut => found
            .cause("the server was silent for longer than `socket_timeout`")
            .hint("raise `socket_timeout`, or look at what holds the server"),
        _ => found.cause(error.to_string()),
    }
}

fn refused(error: &ServerError, doing: impl Into<String>) -> TransferError {
    let message = if SHOWN_WHOLE.contains(&error.code) {
        error.message.clone()
    } else {
        without_values(&error.message)
    };
    let fault = codes::of_mysql(error.code, &error.state);
    let found = TransferError::of(fault, doing).cause(format!("{message} (MySQL error {})", error.code));
    match fault {
        Fault::PacketTooLarge => found.hint("raise `max_allowed_packet` of the server"),
        Fault::ReadOnlyNode => {
            found.hint("let `host` name the server that takes writes; after a failover, retry")
        }
        Fault::NoRoom => found.hint("look at the disk and the memory of the server"),
        _ => found,
    }
}

/// A server's text with everything between quotes as `…`.
fn without_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['\'', '"', '`']) {
        let quote = &rest[start..=start];
        out.push_str(&rest[..start]);
        // The last quote of this kind: values may hold quotes themselves.
        let Some(end) = rest[start + 1..].rfind(quote) else {
            out.push('…');
            return out;
        };
        out.push_str(quote);
        out.push('…');
        out.push_str(quote);
        rest = &rest[start + 1 + end + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::error::ErrorKind;

    fn server(code: u16, state: &str, message: &str) -> TransferError {
        let error = ServerError { state: state.to_owned(), message: message.to_owned(), code };
        server_error(&Error::Server(error), "table `orders` could not be read")
    }

    #[test]
    fn kinds_follow_the_codes() {
        for (code, kind) in [
            (1045, ErrorKind::Authentication),
            (1142, ErrorKind::Permission),
            (1146, ErrorKind::NotFound),
            (1040, ErrorKind::Busy),
            (3024, ErrorKind::Timeout),
            (1317, ErrorKind::ConnectionLost),
            (1064, ErrorKind::Query),
        ] {
            assert_eq!(server(code, "HY000", "x").kind, kind);
        }
    }

    #[test]
    fn refused_logins_say_what_to_do() {
        for (error, cause, remedy) in [
            (
                Error::UnknownLogin("dialog".to_owned()),
                "the server wants a login by `dialog`, which is not supported",
                KNOWN_LOGINS,
            ),
            (
                Error::InTheClear,
                "the server wants the password as it is (`mysql_clear_password`), which is sent over TLS only",
                "set `ssl: verify`",
            ),
            (Error::BadKey, "the public key of the server cannot be used", "set `ssl: verify`"),
        ] {
            let found = server_error(&error, "x");
            assert_eq!((found.kind, found.causes[0].as_str()), (ErrorKind::Authentication, cause));
            assert_eq!(found.remedy(), Some(remedy));
        }
    }

    #[test]
    fn values_in_the_servers_text_are_cut_and_names_are_kept() {
        let error =
            server(1292, "22007", "Incorrect datetime value: 'it's secret' for column `db`.`t`.`c` at row 1");
        assert_eq!(
            error.to_string(),
            "table `orders` could not be read: Incorrect datetime value: '…' for column `…` at row 1 (MySQL error 1292)"
        );
        let error = server(1142, "42000", "SELECT command denied to user 'u'@'h' for table `db`.`orders`");
        assert_eq!(
            error.to_string(),
            "table `orders` could not be read: SELECT command denied to user 'u'@'h' for table `db`.`orders` (MySQL error 1142)"
        );
    }
}
