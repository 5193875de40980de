//! Sends a request, tells how it went, and says when it is worth another try.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{OperatorError, OperatorRequest, SecretGuard, Turn};
use super::call::{Call, Retry};
use crate::cloud::web::{self, Answer, StatusCode, WebError};
use crate::run::interrupt::block_on;
use crate::session::Level;

/// The first pause, and the shortest that a server may ask for.
const FIRST_PAUSE: u64 = 1;
/// The longest pause that no server asked for.
const LONGEST_PAUSE: u64 = 30;

/// How it went.
pub(in super::super) enum Fetched {
    /// Well.
    Answer(Answer),
    /// Not yet: the request is sent again.
    Later(Turn),
}

/// A failure, and what may become of it.
struct Failed {
    error: OperatorError,
    passing: Passing,
}

#[derive(PartialEq, Eq)]
enum Passing {
    /// It may pass; the server may say when to ask again.
    Maybe(Option<Duration>),
    /// It stays.
    Never,
}

/// Sends the request once.
pub(in super::super) fn fetch(
    request: &OperatorRequest<'_>,
    call: &Call,
    longest: Duration,
) -> Result<Fetched, OperatorError> {
    let shown = &call.shown;
    request.reporter.log(Level::Debug, &format!("Sending HTTP request: {shown}"));
    let failed = match block_on(web::send(&call.web), &request.cancel)? {
        Ok(answer) => {
            let status = status_text(answer.status);
            request.reporter.log(Level::Debug, &format!("Received HTTP response: {shown}: {status}"));
            if answer.status.is_success() || answer.status.is_redirection() {
                return Ok(Fetched::Answer(answer));
            }
            refused(shown, &answer, request.services.guard.as_ref())
        }
        Err(error) => unanswered(shown, &error),
    };
    match failed.passing {
        Passing::Maybe(wish) if call.retry == Retry::Again => later(request, failed.error, wish, longest),
        _ => Err(failed.error),
    }
}

/// Another turn, unless it would come too late.
fn later(
    request: &OperatorRequest<'_>,
    mut error: OperatorError,
    wish: Option<Duration>,
    longest: Duration,
) -> Result<Fetched, OperatorError> {
    let tried = request.waiting.state.get("retries").and_then(Value::as_u64).unwrap_or(0);
    let backoff = FIRST_PAUSE << tried.min(LONGEST_PAUSE);
    let after = match wish {
        Some(wish) => wish.max(Duration::from_secs(FIRST_PAUSE)),
        None => Duration::from_secs(backoff.min(LONGEST_PAUSE)),
    };
    if request.waiting.since.elapsed().saturating_add(after) > longest {
        let hours = longest.as_secs() / 3600;
        error.causes.push(format!("number of tries within {hours} h: {}", tried + 1));
        return Err(error);
    }
    request.reporter.log(Level::Warn, &format!("{}; next try in {} s", error.message, after.as_secs()));
    Ok(Fetched::Later(Turn::Again { after, state: json!({"retries": tried + 1}) }))
}

/// The server said no, in Digdag's words.
fn refused(shown: &str, answer: &Answer, guard: &dyn SecretGuard) -> Failed {
    let status = answer.status;
    let kind = match status.as_u16() {
        400..500 => "HTTP 4XX Client Error",
        500..600 => "HTTP 5XX Server Error",
        _ => "Unexpected HTTP status",
    };
    let body = web::excerpt(&guard.scrub(&answer.text()));
    let colon = if body.is_empty() { "" } else { ": " };
    let message = format!("{kind}: {shown} - {}{colon}{body}", status_text(status));
    let lasts = status.is_client_error()
        && ![StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    let passing = if lasts { Passing::Never } else { Passing::Maybe(answer.retry_after()) };
    Failed { error: OperatorError::failed(message), passing }
}

fn status_text(status: StatusCode) -> String {
    status
        .canonical_reason()
        .map_or_else(|| status.as_str().to_owned(), |reason| format!("{} {reason}", status.as_str()))
}

/// Nobody answered.
fn unanswered(shown: &str, error: &WebError) -> Failed {
    let message = format!("HTTP request failed: {shown}: {error}");
    let (error, passing) = match error {
        WebError::Certificate(_) => {
            let hint = "the variable `SSL_CERT_FILE` names a file with the certificates to trust";
            (OperatorError::failed(message).hint(hint), Passing::Never)
        }
        WebError::TooManyRedirects | WebError::WrongRedirect => {
            (OperatorError::failed(message), Passing::Never)
        }
        WebError::Timeout(_) => {
            let hint = "`timeout` says how many seconds it may take";
            (OperatorError::unreachable(message).hint(hint), Passing::Maybe(None))
        }
        WebError::Network(_) => {
            let hint = "check host, port and network, then retry";
            (OperatorError::unreachable(message).hint(hint), Passing::Maybe(None))
        }
    };
    Failed { error, passing }
}
