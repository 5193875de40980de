//! What an answer of Google's services means: one place that decides whether trying again can help.

use std::time::Duration;

use serde_json::Value;

/// Why a call failed. Texts hold codes, reasons and names, never a value of a row or a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {message}")]
pub struct GoogleError {
    /// The call, e.g. `POST bigquery jobs`.
    pub call: String,
    /// HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// Google's `reason`, e.g. `rateLimitExceeded`; empty when none was given.
    pub reason: String,
    /// What to tell people.
    pub message: String,
    /// How long the service asks to wait.
    pub retry_after: Option<Duration>,
}

/// What can be done about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Try again after a pause.
    TryAgain,
    /// Get a new token and try again, once.
    NewCredentials,
    /// Nothing here.
    GiveUp,
}

impl GoogleError {
    /// No answer came: no connection, a broken one, or a time-out.
    pub fn unanswered(call: &str, error: &reqwest::Error) -> Self {
        let what = if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the connection broke"
        };
        Self {
            call: call.to_owned(),
            status: None,
            reason: String::new(),
            message: what.to_owned(),
            retry_after: None,
        }
    }

    /// An answer that is no success.
    pub fn answered(call: &str, status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let error = &body["error"];
        let reason = error["errors"][0]["reason"].as_str().or(error["status"].as_str()).unwrap_or_default();
        let said = error["message"].as_str().unwrap_or_default();
        let mut message = format!("HTTP {status}");
        for part in [reason, &without_values(said)] {
            if !part.is_empty() {
                message.push_str(if message.len() > 8 { ": " } else { " " });
                message.push_str(part);
            }
        }
        Self { call: call.to_owned(), status: Some(status), reason: reason.to_owned(), message, retry_after }
    }

    /// A fault on our side of the wire (credentials that cannot be made, an answer that is not JSON).
    pub fn own(call: &str, message: impl Into<String>) -> Self {
        Self {
            call: call.to_owned(),
            status: None,
            reason: "local".to_owned(),
            message: message.into(),
            retry_after: None,
        }
    }

    /// What can be done. BigQuery: "backendError, internalError, rateLimitExceeded" pass; so do 408, 429 and 5xx.
    pub fn remedy(&self) -> Remedy {
        match self.status {
            None if self.reason == "local" => Remedy::GiveUp,
            None | Some(408 | 429 | 500 | 502 | 503 | 504) => Remedy::TryAgain,
            Some(401) => Remedy::NewCredentials,
            Some(_) if passes(&self.reason) => Remedy::TryAgain,
            Some(_) => Remedy::GiveUp,
        }
    }

    /// Whether nobody answered at all.
    pub fn is_unreachable(&self) -> bool {
        self.status.is_none() && self.reason != "local"
    }

    /// Whether the answer had this status.
    pub fn is(&self, status: u16) -> bool {
        self.status == Some(status)
    }
}

/// Whether a reason of an error, or of a job that failed, is a passing one.
pub fn passes(reason: &str) -> bool {
    matches!(
        reason,
        "backendError" | "internalError" | "rateLimitExceeded" | "jobBackendError" | "jobInternalError"
    )
}

/// The text of a service with everything that may be a value of a row taken out: what stands in quotes or after
/// `Value:`, `value:`. Quoted names of things (tables, datasets, fields) are named outside of quotes by the services.
pub fn without_values(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let before = safe.chars().next_back();
        match quote {
            Some(open) if next == open => {
                quote = None;
                safe.push(next);
            }
            Some(_) => {}
            // An apostrophe within a word is no quote.
            None if matches!(next, '"' | '\'' | '`') && !before.is_some_and(char::is_alphanumeric) => {
                quote = Some(next);
                safe.push(next);
                safe.push('…');
            }
            None => safe.push(next),
        }
        rest = &rest[next.len_utf8()..];
        if quote.is_none() && (safe.ends_with("Value:") || safe.ends_with("value:")) {
            let end = rest.find(" File:").or_else(|| rest.find("; ")).unwrap_or(rest.len());
            if !rest[..end].trim_start().starts_with(['"', '\'']) || end < rest.len() {
                safe.push_str(" …");
                rest = &rest[end..];
            }
        }
    }
    const LONGEST: usize = 400;
    match safe.char_indices().nth(LONGEST) {
        Some((at, _)) => safe[..at].to_owned() + "…",
        None => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_out_and_places_stay() {
        assert_eq!(
            without_values(
                "Error while reading data, error message: JSON parsing error in row starting at position 12: Could \
                 not convert value 'string_value: \"secret street 1\"' to integer. Field: price; Value: secret street 1 \
                 File: gs://b/o.gz"
            ),
            "Error while reading data, error message: JSON parsing error in row starting at position 12: Could not \
             convert value '…' to integer. Field: price; Value: … File: gs://b/o.gz"
        );
        assert_eq!(without_values("Not found: Dataset proj:lake"), "Not found: Dataset proj:lake");
        assert_eq!(without_values("the service's value: 5"), "the service's value: …");
    }

    #[test]
    fn answers_are_classified_once() {
        let body =
            br#"{"error":{"message":"Exceeded rate limits","errors":[{"reason":"rateLimitExceeded"}]}}"#;
        let limited = GoogleError::answered("POST bigquery jobs", 403, None, body);
        assert_eq!(limited.remedy(), Remedy::TryAgain);
        assert_eq!(
            limited.to_string(),
            "POST bigquery jobs: HTTP 403 rateLimitExceeded: Exceeded rate limits"
        );
        for (status, remedy) in [
            (401, Remedy::NewCredentials),
            (403, Remedy::GiveUp),
            (404, Remedy::GiveUp),
            (503, Remedy::TryAgain),
        ] {
            assert_eq!(GoogleError::answered("GET x", status, None, b"").remedy(), remedy, "{status}");
        }
        assert_eq!(GoogleError::own("GET x", "no key").remedy(), Remedy::GiveUp);
    }
}
