//! What the server and the driver say, as errors of a task that name the line.

use crate::cloud::mysql::Error;
use crate::run::event::FailureKind;
use crate::run::operator::OperatorError;
use crate::run::operator::sql::script::Script;
use crate::run::operator::sql::strict::{Doubt, LOOK_FIRST};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::mysql::server_error;

/// No connection was made.
pub(super) fn connecting(error: &Error, address: &str) -> OperatorError {
    operator_error(server_error(error, format!("cannot connect to MySQL at `{address}`")), Doubt::None)
}

/// Something of ours around the script failed.
pub(super) fn during(error: &Error, doing: impl Into<String>) -> OperatorError {
    operator_error(server_error(error, doing.into()), Doubt::None)
}

/// A statement of the script failed: the one with this number, or, in the server's count, one of `before` lines less.
pub(super) fn failed(
    script: &Script,
    number: usize,
    before: usize,
    error: &Error,
    doubt: Doubt,
) -> OperatorError {
    let begin = script.line(script.start(number));
    let within = match error {
        Error::Server(error) => line_within(&error.message),
        _ => None,
    };
    // The server counts from the beginning of the statement; what stands before the script belongs to the first.
    let before = if number == 0 { before } else { 0 };
    let first = if before > 0 { 1 } else { begin };
    let line = within.map_or(begin, |line| first + line.saturating_sub(1 + before));
    operator_error(server_error(error, format!("{} failed", script.place(line))), doubt)
}

/// The number in `… at line 3` at the end of a syntax error.
fn line_within(message: &str) -> Option<usize> {
    message.rsplit_once(" at line ").and_then(|(_, line)| line.trim().parse().ok())
}

fn operator_error(error: TransferError, doubt: Doubt) -> OperatorError {
    let is_lost =
        matches!(error.kind, ErrorKind::Unreachable | ErrorKind::ConnectionLost | ErrorKind::Timeout);
    let kind = match error.kind {
        _ if is_lost && doubt == Doubt::None => FailureKind::Unreachable,
        ErrorKind::Config => FailureKind::Config,
        _ => FailureKind::Failed,
    };
    let hint = match error.kind {
        _ if is_lost && doubt == Doubt::Some => Some(LOOK_FIRST.to_owned()),
        // The remedies of transfers speak of their own files.
        ErrorKind::Query | ErrorKind::NotFound | ErrorKind::Data => error.hint,
        _ => error.remedy().map(str::to_owned),
    };
    let mut failed = OperatorError { fault: error.fault, ..OperatorError::new(kind, error.message) };
    failed.causes = error.causes;
    failed.hint = hint;
    failed
}
