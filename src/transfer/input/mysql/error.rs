//! What the server and the driver say, as errors that name tables and codes but no value.

use mysql::{DriverError, Error, MySqlError};

use crate::transfer::error::{ErrorKind, TransferError};

/// Server errors whose texts name users, hosts, tables and columns only, so that they can be shown whole.
const SHOWN_WHOLE: [u16; 17] =
    [1040, 1044, 1045, 1049, 1051, 1054, 1130, 1142, 1143, 1146, 1203, 1227, 1356, 1370, 1698, 1969, 3024];

/// The login that sends the password as it is.
const CLEARTEXT: &str = "mysql_clear_password";

const KNOWN_LOGINS: &str =
    "let the user log in by `caching_sha2_password`, `mysql_native_password` or `ed25519`";

/// Makes an error of the transfer of one of the driver, with what was being done.
pub(crate) fn driver_error(error: &Error, doing: impl Into<String>) -> TransferError {
    match error {
        Error::MySqlError(error) => server_error(error, doing),
        Error::IoError(error) => io_error(error, doing),
        Error::TlsError(error) => tls_error(error, doing),
        Error::DriverError(error) => client_error(error, doing.into()),
        Error::UrlError(error) => TransferError::new(ErrorKind::Config, doing).cause(error.to_string()),
        Error::CodecError(error) => {
            match std::error::Error::source(error).and_then(|source| source.downcast_ref()) {
                Some(error) => io_error(error, doing),
                None => TransferError::new(ErrorKind::ConnectionLost, doing).cause(error.to_string()),
            }
        }
        // These two hold a value of a row.
        Error::FromValueError(_) | Error::FromRowError(_) => {
            TransferError::new(ErrorKind::Data, doing).cause("a value of another type than its column")
        }
    }
}

fn io_error(error: &std::io::Error, doing: impl Into<String>) -> TransferError {
    if let Some(inner) = error.get_ref()
        && inner.is::<rustls::Error>()
    {
        return tls_error(error, doing);
    }
    match error.kind() {
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => {
            TransferError::new(ErrorKind::Timeout, doing)
                .cause("the server was silent for longer than `socket_timeout`")
                .hint("raise `socket_timeout`, or look at what holds the server")
        }
        _ => TransferError::new(ErrorKind::ConnectionLost, doing).cause(error.to_string()),
    }
}

/// The handshake of TLS happens with the first bytes, so its errors come from there as well.
fn tls_error(error: &dyn std::error::Error, doing: impl Into<String>) -> TransferError {
    TransferError::new(ErrorKind::Unreachable, doing)
        .cause(error.to_string())
        .hint("check `ssl` and the certificate of the server")
}

fn client_error(error: &DriverError, doing: String) -> TransferError {
    let kind = match error {
        DriverError::ConnectTimeout | DriverError::CouldNotConnect(_) | DriverError::TlsNotSupported => {
            ErrorKind::Unreachable
        }
        DriverError::Timeout => ErrorKind::Timeout,
        DriverError::UnknownAuthPlugin(_)
        | DriverError::OldMysqlPasswordDisabled
        | DriverError::CleartextPluginDisabled => ErrorKind::Authentication,
        DriverError::PacketTooLarge => ErrorKind::Data,
        _ => ErrorKind::ConnectionLost,
    };
    let found = TransferError::new(kind, doing).cause(error.to_string());
    match error {
        DriverError::UnknownAuthPlugin(plugin) if plugin == CLEARTEXT => in_the_clear(kind, found.message),
        DriverError::CleartextPluginDisabled => in_the_clear(kind, found.message),
        DriverError::UnknownAuthPlugin(plugin) => TransferError::new(kind, found.message)
            .cause(format!("the server wants a login by `{plugin}`, which is not supported"))
            .hint(KNOWN_LOGINS),
        DriverError::PacketTooLarge => found.hint("raise `max_allowed_packet` of the server"),
        DriverError::TlsNotSupported => found.hint("the server offers no TLS: set `ssl: disable`"),
        _ => found,
    }
}

fn in_the_clear(kind: ErrorKind, doing: String) -> TransferError {
    TransferError::new(kind, doing)
        .cause(format!("the server wants the password as it is (`{CLEARTEXT}`), which is sent over TLS only"))
        .hint("set `ssl: verify`")
}

fn server_error(error: &MySqlError, doing: impl Into<String>) -> TransferError {
    let message = if SHOWN_WHOLE.contains(&error.code) {
        error.message.clone()
    } else {
        without_values(&error.message)
    };
    TransferError::new(kind_of(error), doing).cause(format!("{message} (MySQL error {})", error.code))
}

fn kind_of(error: &MySqlError) -> ErrorKind {
    match error.code {
        1045 | 1130 | 1251 | 1698 | 1862 => ErrorKind::Authentication,
        1044 | 1142 | 1143 | 1227 | 1345 | 1356 | 1370 => ErrorKind::Permission,
        1049 | 1051 | 1146 => ErrorKind::NotFound,
        1040 | 1203 | 1205 | 1213 | 1226 => ErrorKind::Busy,
        1969 | 3024 => ErrorKind::Timeout,
        1053 | 1077 | 1152 | 1158..=1161 | 1184 | 1317 | 1927 => ErrorKind::ConnectionLost,
        _ if error.state.starts_with("08") => ErrorKind::ConnectionLost,
        _ => ErrorKind::Query,
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

    fn server(code: u16, state: &str, message: &str) -> TransferError {
        let error = MySqlError { state: state.to_owned(), message: message.to_owned(), code };
        driver_error(&Error::MySqlError(error), "table `orders` could not be read")
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
