//! The vendors' words for what went wrong. Each list stands here once.

use std::io;

use super::Fault;

/// An error number of MySQL, MariaDB or Aurora, with its SQLSTATE.
/// Sources: <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
/// <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
pub fn of_mysql(code: u16, state: &str) -> Fault {
    match code {
        // Too many connections; max_user_connections; a limit of the user an hour.
        1040 | 1203 | 1226 => Fault::TooManyConnections,
        // Going down, also as the end of each connection (KILL); aborted; the network of the server.
        1053 | 1077 | 1079 | 1152 | 1158..=1161 | 1184 | 1927 | 3169 => Fault::Restarting,
        1317 => Fault::Interrupted,
        // --read-only; a transaction of a read-only session; innodb_read_only (an Aurora reader); MySQL's super_read_only.
        1290 | 1792 | 1836 | 1874 => Fault::ReadOnlyNode,
        1205 | 3572 => Fault::LockTimeout,
        1213 | 1020 | 1412 | 1614 => Fault::Conflict,
        1969 | 3024 => Fault::StatementTimeout,
        // The server's word, and that of a client whose own limit is met.
        1153 | 2020 => Fault::PacketTooLarge,
        1021 | 1030 | 1037 | 1038 | 1041 | 1114 => Fault::NoRoom,
        1045 | 1130 | 1251 | 1275 | 1698 | 1862 => Fault::CredentialsRefused,
        1044 | 1142 | 1143 | 1227 | 1345 | 1356 | 1370 => Fault::Denied,
        1049 | 1051 | 1146 => Fault::NotFound,
        _ if state.starts_with("08") => Fault::ConnectionLost,
        _ => Fault::Refused,
    }
}

/// SQLSTATE of PostgreSQL, and of Redshift where it speaks the same.
/// Source: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub fn of_sqlstate(code: &str) -> Fault {
    match code {
        // admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout.
        "57P01" | "57P02" | "57P03" | "57P05" => Fault::Restarting,
        "25006" => Fault::ReadOnlyNode,
        "53300" => Fault::TooManyConnections,
        "55P03" => Fault::LockTimeout,
        // serialization_failure is also a replica's word for a read that was in the way of what it had to apply.
        "40001" | "40P01" => Fault::Conflict,
        "25P03" | "25P04" | "57014" => Fault::StatementTimeout,
        "42501" => Fault::Denied,
        "3D000" | "3F000" | "42P01" => Fault::NotFound,
        code if code.starts_with("28") => Fault::CredentialsRefused,
        code if code.starts_with("08") => Fault::ConnectionLost,
        code if code.starts_with("53") => Fault::NoRoom,
        _ => Fault::Refused,
    }
}

/// A status of HTTP that is no success. A service's own code may say more: see [`of_google`] and [`of_aws`].
pub fn of_status(status: u16) -> Fault {
    match status {
        401 | 407 => Fault::CredentialsExpired,
        403 => Fault::Denied,
        404 => Fault::NotFound,
        409 => Fault::Exists,
        410 => Fault::Gone,
        412 => Fault::Changed,
        429 => Fault::RateLimited,
        // 425 is Too Early. What a server has not built (501, 505) it does not build meanwhile.
        408 | 425 | 500 | 502 | 503 | 504 | 506..=599 => Fault::Busy,
        _ => Fault::Refused,
    }
}

/// A status with the `reason` of a Google service.
/// Sources: <https://cloud.google.com/bigquery/docs/error-messages>, <https://cloud.google.com/storage/docs/retry-strategy>.
pub fn of_google(status: u16, reason: &str) -> Fault {
    match (reason, of_status(status)) {
        (_, found @ (Fault::CredentialsExpired | Fault::RateLimited | Fault::Busy)) => found,
        ("rateLimitExceeded" | "userRateLimitExceeded", _) => Fault::RateLimited,
        (reason, _) if is_passing_reason(reason) => Fault::Busy,
        (reason, _) if is_quota(reason) => Fault::QuotaSpent,
        (_, found) => found,
    }
}

/// The `reason` of a job of BigQuery that failed.
pub fn of_job(reason: &str) -> Fault {
    match reason {
        "notFound" => Fault::NotFound,
        "accessDenied" => Fault::Denied,
        "stopped" | "timeout" => Fault::StatementTimeout,
        "rateLimitExceeded" => Fault::RateLimited,
        reason if is_passing_reason(reason) => Fault::Busy,
        reason if is_quota(reason) => Fault::QuotaSpent,
        _ => Fault::Refused,
    }
}

fn is_passing_reason(reason: &str) -> bool {
    matches!(reason, "backendError" | "internalError" | "jobBackendError" | "jobInternalError")
}

/// Limits that pass with time, though not within seconds.
fn is_quota(reason: &str) -> bool {
    matches!(reason, "quotaExceeded" | "resourcesExceeded" | "blocked")
}

/// The code of a service of AWS with the status of its answer.
/// Sources: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>.
pub fn of_aws(code: &str, status: u16) -> Fault {
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => {
            Fault::CredentialsExpired
        }
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        // The clock of this machine is wrong.
        | "RequestTimeTooSkewed" => Fault::CredentialsRefused,
        "NoSuchBucket" | "NoSuchKey" | "NoSuchUpload" => Fault::NotFound,
        // The checksum, or the hash of the body, that was sent along is not that of what arrived.
        "BadDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch" | "IncompleteBody" => {
            Fault::Garbled
        }
        "RequestTimeout" | "RequestTimeoutException" | "OperationAborted" | "InternalError"
        | "PriorRequestNotComplete" | "TransactionInProgressException" => Fault::Busy,
        "SlowDown"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "LimitExceededException"
        | "BandwidthLimitExceeded"
        | "EC2ThrottledException"
        | "ProvisionedThroughputExceededException" => Fault::RateLimited,
        code if code.starts_with("Throttl") => Fault::RateLimited,
        _ => match of_status(status) {
            // Without a code that says that they are over, the keys are wrong: new ones are the same.
            Fault::CredentialsExpired => Fault::CredentialsRefused,
            found => found,
        },
    }
}

/// What the operating system says of a connection. `connected` tells a connection that broke from one that was never made.
pub fn of_io(error: &io::Error, connected: Connected) -> Fault {
    if matches!(error.get_ref(), Some(inner) if inner.is::<rustls::Error>()) {
        return Fault::Tls;
    }
    match (error.kind(), connected) {
        (io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock, _) => Fault::TimedOut,
        (_, Connected::Yes) => Fault::ConnectionLost,
        (_, Connected::No) => of_name(&error.to_string()).unwrap_or(Fault::NoConnection),
    }
}

/// Whether there was a connection when it went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connected {
    Yes,
    No,
}

/// What the C library says of a name; none: the text is about something else. It gives no code, only its words.
pub fn of_name(text: &str) -> Option<Fault> {
    if text.contains("Temporary failure in name resolution") || text.contains("Try again") {
        return Some(Fault::NameUnanswered);
    }
    let unknown = ["Name or service not known", "No address associated with hostname", "has no address"];
    unknown.iter().any(|words| text.contains(words)).then_some(Fault::NameUnknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_mysql() {
        for (code, fault) in [
            (1040, Fault::TooManyConnections),
            (1203, Fault::TooManyConnections),
            (1226, Fault::TooManyConnections),
            (1053, Fault::Restarting),
            (1927, Fault::Restarting),
            (1317, Fault::Interrupted),
            (1290, Fault::ReadOnlyNode),
            (1792, Fault::ReadOnlyNode),
            (1836, Fault::ReadOnlyNode),
            (1205, Fault::LockTimeout),
            (1213, Fault::Conflict),
            (1969, Fault::StatementTimeout),
            (3024, Fault::StatementTimeout),
            (1153, Fault::PacketTooLarge),
            (2020, Fault::PacketTooLarge),
            (1114, Fault::NoRoom),
            (1045, Fault::CredentialsRefused),
            (1142, Fault::Denied),
            (1146, Fault::NotFound),
            (1064, Fault::Refused),
        ] {
            assert_eq!(of_mysql(code, "HY000"), fault, "{code}");
        }
        assert_eq!(of_mysql(4031, "08S01"), Fault::ConnectionLost);
    }

    #[test]
    fn states_of_postgresql() {
        for (code, fault) in [
            ("57P01", Fault::Restarting),
            ("57P02", Fault::Restarting),
            ("57P03", Fault::Restarting),
            ("25006", Fault::ReadOnlyNode),
            ("53300", Fault::TooManyConnections),
            ("53100", Fault::NoRoom),
            ("55P03", Fault::LockTimeout),
            ("40P01", Fault::Conflict),
            ("40001", Fault::Conflict),
            ("57014", Fault::StatementTimeout),
            ("28P01", Fault::CredentialsRefused),
            ("42501", Fault::Denied),
            ("42P01", Fault::NotFound),
            ("08006", Fault::ConnectionLost),
            ("42601", Fault::Refused),
        ] {
            assert_eq!(of_sqlstate(code), fault, "{code}");
        }
    }

    #[test]
    fn statuses_of_http() {
        for (status, fault) in [
            (400, Fault::Refused),
            (401, Fault::CredentialsExpired),
            (403, Fault::Denied),
            (404, Fault::NotFound),
            (408, Fault::Busy),
            (409, Fault::Exists),
            (410, Fault::Gone),
            (412, Fault::Changed),
            (413, Fault::Refused),
            (429, Fault::RateLimited),
            (500, Fault::Busy),
            (501, Fault::Refused),
            (502, Fault::Busy),
            (503, Fault::Busy),
            (504, Fault::Busy),
        ] {
            assert_eq!(of_status(status), fault, "{status}");
        }
    }

    #[test]
    fn reasons_of_google_say_more_than_a_status() {
        for (status, reason, fault) in [
            (403, "rateLimitExceeded", Fault::RateLimited),
            (403, "backendError", Fault::Busy),
            (403, "quotaExceeded", Fault::QuotaSpent),
            (403, "accessDenied", Fault::Denied),
            (400, "jobInternalError", Fault::Busy),
            (401, "backendError", Fault::CredentialsExpired),
            (429, "quotaExceeded", Fault::RateLimited),
            (503, "", Fault::Busy),
        ] {
            assert_eq!(of_google(status, reason), fault, "{status} {reason}");
        }
        for (reason, fault) in [
            ("backendError", Fault::Busy),
            ("rateLimitExceeded", Fault::RateLimited),
            ("jobBackendError", Fault::Busy),
            ("quotaExceeded", Fault::QuotaSpent),
            ("notFound", Fault::NotFound),
            ("accessDenied", Fault::Denied),
            ("timeout", Fault::StatementTimeout),
            ("invalid", Fault::Refused),
        ] {
            assert_eq!(of_job(reason), fault, "{reason}");
        }
    }

    #[test]
    fn codes_of_aws_say_more_than_a_status() {
        for (code, status, fault) in [
            ("ExpiredToken", 400, Fault::CredentialsExpired),
            ("ExpiredTokenException", 400, Fault::CredentialsExpired),
            ("InvalidAccessKeyId", 403, Fault::CredentialsRefused),
            ("", 401, Fault::CredentialsRefused),
            ("AccessDenied", 403, Fault::Denied),
            ("NoSuchUpload", 404, Fault::NotFound),
            ("BadDigest", 400, Fault::Garbled),
            ("RequestTimeout", 400, Fault::Busy),
            ("SlowDown", 503, Fault::RateLimited),
            ("ThrottlingException", 400, Fault::RateLimited),
            ("PreconditionFailed", 412, Fault::Changed),
            ("OperationAborted", 409, Fault::Busy),
            ("", 409, Fault::Exists),
            ("", 503, Fault::Busy),
            ("InvalidArgument", 400, Fault::Refused),
        ] {
            assert_eq!(of_aws(code, status), fault, "{code} {status}");
        }
    }

    #[test]
    fn connections_break_or_are_never_made() {
        let of = |kind: io::ErrorKind, connected| of_io(&io::Error::from(kind), connected);
        assert_eq!(of(io::ErrorKind::ConnectionRefused, Connected::No), Fault::NoConnection);
        assert_eq!(of(io::ErrorKind::ConnectionReset, Connected::Yes), Fault::ConnectionLost);
        assert_eq!(of(io::ErrorKind::UnexpectedEof, Connected::Yes), Fault::ConnectionLost);
        assert_eq!(of(io::ErrorKind::WouldBlock, Connected::Yes), Fault::TimedOut);
        let tls = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        assert_eq!(of_io(&tls, Connected::Yes), Fault::Tls);
        let name = |text: &str| of_io(&io::Error::other(text.to_owned()), Connected::No);
        let failed = "failed to lookup address information: ";
        assert_eq!(name(&format!("{failed}Temporary failure in name resolution")), Fault::NameUnanswered);
        assert_eq!(name(&format!("{failed}Name or service not known")), Fault::NameUnknown);
    }
}
