//! What an answer of Google's services says, without values.

use std::time::Duration;

use serde_json::Value;

use crate::cloud::fault::pace::Pace;
use crate::cloud::fault::retry::{Failed, Next};
use crate::cloud::fault::{Fault, codes};
use crate::cloud::web;

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
    /// What it is: what becomes of it stands in the table of faults.
    pub fault: Fault,
}

impl GoogleError {
    /// No answer came: no connection, a broken one, or a time-out.
    pub fn unanswered(call: &str, error: &reqwest::Error) -> Self {
        let (fault, what) = if error.is_timeout() {
            (Fault::TimedOut, "no answer in time")
        } else if error.is_connect() {
            web::unconnected(error)
        } else {
            (Fault::ConnectionLost, "the connection broke")
        };
        Self {
            call: call.to_owned(),
            status: None,
            reason: String::new(),
            message: what.to_owned(),
            retry_after: None,
            fault,
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
        let fault = codes::of_google(status, reason);
        let (call, reason) = (call.to_owned(), reason.to_owned());
        Self { call, status: Some(status), reason, message, retry_after, fault }
    }

    /// A fault on our side of the wire (credentials that cannot be made, an answer that is not JSON).
    pub fn own(call: &str, message: impl Into<String>) -> Self {
        Self {
            call: call.to_owned(),
            status: None,
            reason: "local".to_owned(),
            message: message.into(),
            retry_after: None,
            fault: if call == "credentials" { Fault::CredentialsRefused } else { Fault::Refused },
        }
    }

    /// The try that failed so, as the one who decides about another is told.
    pub(super) fn failed(&self, retried: u32, most: u32) -> Failed<'_> {
        Failed { what: self, retried, most, wish: self.retry_after, pace: Pace::CALLS }
    }

    /// Says why nothing was tried again, where the reason is not the call's own.
    #[must_use]
    pub(super) fn ended(mut self, next: Next) -> Self {
        if let Some(reason) = next.reason() {
            self.message.push_str(&format!("; {reason}"));
        }
        self
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

/// The text of a service with everything that may be a value of a row taken out: what stands in quotes or after
/// `Value:`. What follows a word such as `Field` in quotes is a name, and stays.
pub fn without_values(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let is_word = safe.chars().next_back().is_some_and(char::is_alphanumeric);
        // An apostrophe within a word is no quote.
        if matches!(next, '"' | '\'' | '`') && !is_word {
            let inside = &rest[1..];
            let end = end_of_quote(&safe, inside, next);
            let shown = if is_name(&safe, &inside[..end]) { &inside[..end] } else { "…" };
            safe.push(next);
            safe.push_str(shown);
            rest = &inside[end..];
            if rest.starts_with(next) {
                safe.push(next);
                rest = &rest[1..];
            }
            continue;
        }
        safe.push(next);
        rest = &rest[next.len_utf8()..];
        if safe.ends_with("Value:") || safe.ends_with("value:") {
            safe.push_str(" …");
            rest = &rest[end_of_value(rest)..];
        }
    }
    const LONGEST: usize = 400;
    match safe.char_indices().nth(LONGEST) {
        Some((at, _)) => safe[..at].to_owned() + "…",
        None => safe,
    }
}

/// Where what stands in quotes ends. A value may hold the quote itself: where the service always goes on with the same
/// word, the last such place counts.
fn end_of_quote(before: &str, inside: &str, quote: char) -> usize {
    let goes_on = match before {
        _ if before.ends_with("parse ") => Some(" as "),
        _ if before.ends_with("value ") => Some(" to "),
        _ => None,
    };
    let last = goes_on.and_then(|word| inside.rfind(&format!("{quote}{word}")));
    let ends = |at: usize| !inside[at + 1..].starts_with(char::is_alphanumeric);
    last.or_else(|| inside.match_indices(quote).map(|(at, _)| at).find(|at| ends(*at)))
        .unwrap_or(inside.len())
}

/// Whether a word before says that a name follows.
fn is_name(before: &str, inside: &str) -> bool {
    const WORDS: [&str; 8] =
        ["Field ", "field ", "Column ", "column ", "column_name: ", "Table ", "Dataset ", "file "];
    let is_one = !inside.is_empty() && !inside.contains(char::is_whitespace);
    is_one && WORDS.iter().any(|word| before.ends_with(word))
}

/// Where a value without quotes ends: before the place that the service names after it, which holds no space.
fn end_of_value(rest: &str) -> usize {
    let is_place = |at: &usize| !rest[at + 1..].trim_start_matches("File: ").contains([' ', '"', '\'']);
    let file = rest.rfind(" File: ").filter(is_place);
    let line = rest[..file.unwrap_or(rest.len())].rfind("; line_number: ");
    line.or(file).unwrap_or(rest.len())
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

    /// What BigQuery says of rows, as people have posted it.
    #[test]
    fn columns_and_lines_stay_in_what_bigquery_says_of_rows() {
        for (said, shown) in [
            (
                "Could not parse 'it's me' as INT64 for field id (position 0) starting at location 12  with message \
                 'Unable to parse' File: gs://b/o.csv",
                "Could not parse '…' as INT64 for field id (position 0) starting at location 12  with message '…' \
                 File: gs://b/o.csv",
            ),
            (
                "Unable to parse; line_number: 2 byte_offset_to_start_of_line: 11 column_index: 1 column_name: \
                 \"price\" column_type: INT64 value: \"a \"b\" File: c\" File: gs://b/o.csv",
                "Unable to parse; line_number: 2 byte_offset_to_start_of_line: 11 column_index: 1 column_name: \
                 \"price\" column_type: INT64 value: … File: gs://b/o.csv",
            ),
            (
                "column_name: \"price\" column_type: INT64 value: \"a File: b\"",
                "column_name: \"price\" column_type: INT64 value: …",
            ),
            (
                "JSON parsing error in row starting at position 7: Could not convert value to double. Field: price; \
                 Value: x; y; line_number: 3",
                "JSON parsing error in row starting at position 7: Could not convert value to double. Field: price; \
                 Value: …; line_number: 3",
            ),
            ("No such field: colour. File: gs://b/o.jsonl", "No such field: colour. File: gs://b/o.jsonl"),
            (
                "Parquet column 'price' has type BYTE_ARRAY which does not match the target cpp_type INT64.",
                "Parquet column 'price' has type BYTE_ARRAY which does not match the target cpp_type INT64.",
            ),
            (
                "Provided schema is not compatible with the file 'gs://b/o.parquet'. Field 'id' is specified as \
                 REQUIRED in provided schema which does not match NULLABLE as specified in the file.",
                "Provided schema is not compatible with the file 'gs://b/o.parquet'. Field 'id' is specified as \
                 REQUIRED in provided schema which does not match NULLABLE as specified in the file.",
            ),
            ("Invalid value for field 'a b': \"c\"", "Invalid value for field '…': \"…\""),
        ] {
            assert_eq!(without_values(said), shown);
        }
    }

    #[test]
    fn answers_are_told_with_status_and_reason() {
        let body =
            br#"{"error":{"message":"Exceeded rate limits","errors":[{"reason":"rateLimitExceeded"}]}}"#;
        let limited = GoogleError::answered("POST bigquery jobs", 403, None, body);
        assert_eq!(limited.fault, Fault::RateLimited);
        assert_eq!(
            limited.to_string(),
            "POST bigquery jobs: HTTP 403 rateLimitExceeded: Exceeded rate limits"
        );
        assert_eq!(GoogleError::own("GET x", "no key").fault, Fault::Refused);
        assert_eq!(GoogleError::own("credentials", "no key").fault, Fault::CredentialsRefused);
        let spent = GoogleError::answered("GET x", 503, None, b"").ended(Next::Spent(5)).to_string();
        assert_eq!(
            spent,
            "GET x: HTTP 503; not tried again: the 5 retries of this run are spent (`sync.retry.budget`)"
        );
    }
}
