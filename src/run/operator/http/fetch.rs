//! Sends a request, tells how it went, and says when it is worth another try.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{OperatorError, OperatorRequest, SecretGuard, Turn};
use super::call::{Call, Retry};
use crate::cloud::fault::codes;
use crate::cloud::fault::pace::Pace;
use crate::cloud::web::{self, Answer, StatusCode, WebError};
use crate::run::interrupt::block_on;
use crate::session::Level;

/// The limits of pauses. A server that asks for more gets it, as far as the time for all tries goes.
const PACE: Pace = Pace {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(30),
    longest_wish: Duration::from_secs(24 * 3600),
};
/// The shortest pause that a server may ask for.
const SHORTEST_WISH: Duration = Duration::from_secs(1);

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

/// Another turn, unless it would come too late. It is the user's own wait with an end of its own: the budget of retries
/// pays for none of it.
fn later(
    request: &OperatorRequest<'_>,
    mut error: OperatorError,
    wish: Option<Duration>,
    longest: Duration,
) -> Result<Fetched, OperatorError> {
    let tried = request.waiting.state.get("retries").and_then(Value::as_u64).unwrap_or(0);
    let number = u32::try_from(tried + 1).unwrap_or(u32::MAX);
    let after = PACE.pause(number, wish.map(|wish| wish.max(SHORTEST_WISH)));
    if request.waiting.since.elapsed().saturating_add(after) > longest {
        let hours = longest.as_secs() / 3600;
        error.causes.push(format!("number of tries within {hours} h: {}", tried + 1));
        return Err(error);
    }
    request
        .reporter
        .log(Level::Warn, &format!("{}; retry {number} in {} ms", error.message, after.as_millis()));
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
    // Digdag: what is neither a success nor the client's fault may pass.
    let passes = !status.is_client_error() || codes::of_status(status.as_u16()).passes();
    let passing = if passes { Passing::Maybe(answer.retry_after()) } else { Passing::Never };
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
