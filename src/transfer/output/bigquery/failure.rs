//! What Google's errors mean for a transfer, in words without values of rows.

use crate::cloud::google::bigquery::{Job, JobError};
use crate::cloud::google::error::{GoogleError, passes, without_values};
use crate::transfer::error::{ErrorKind, TransferError};

/// So many errors of a job are shown; the rest is counted.
const ERRORS_SHOWN: usize = 5;

/// A call failed while something was being done, e.g. "table `d.t` could not be read".
pub(in crate::transfer::output) fn call_failed(
    what: impl Into<String>,
    error: &GoogleError,
) -> TransferError {
    let kind = match error.status {
        None if error.is_unreachable() => ErrorKind::Unreachable,
        None if error.call == "credentials" => ErrorKind::Authentication,
        // An upload that was cut short, or an answer that is not what it should be.
        None => ErrorKind::ConnectionLost,
        Some(401) => ErrorKind::Authentication,
        Some(403) if !passes(&error.reason) => ErrorKind::Permission,
        Some(404) => ErrorKind::NotFound,
        Some(403 | 408 | 429 | 500 | 502 | 503 | 504) => ErrorKind::Busy,
        // A session of an upload that the service forgot.
        Some(410) => ErrorKind::ConnectionLost,
        Some(_) => ErrorKind::Rejected,
    };
    TransferError::new(kind, what).cause(error.to_string())
}

/// A job ended with an error.
pub(super) fn job_failed(what: impl Into<String>, job: &Job) -> TransferError {
    let reason = job.error.as_ref().map_or("", |error| error.reason.as_str());
    let kind = match reason {
        "notFound" => ErrorKind::NotFound,
        "accessDenied" => ErrorKind::Permission,
        "stopped" | "timeout" => ErrorKind::Timeout,
        "quotaExceeded" | "resourcesExceeded" | "blocked" => ErrorKind::Busy,
        reason if passes(reason) => ErrorKind::Busy,
        _ => ErrorKind::Rejected,
    };
    let mut causes: Vec<String> = Vec::new();
    for error in job.error.iter().chain(&job.errors) {
        let cause = described(error);
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    let hidden = causes.len().saturating_sub(ERRORS_SHOWN);
    causes.truncate(ERRORS_SHOWN);
    let mut failed = TransferError::new(kind, what);
    for cause in causes {
        failed = failed.cause(cause);
    }
    if hidden > 0 {
        failed = failed.cause(format!("{hidden} more errors"));
    }
    match hint(job) {
        Some(hint) if kind == ErrorKind::Rejected => failed.hint(hint),
        _ => failed,
    }
}

/// What the reader can do about a job that BigQuery refused.
fn hint(job: &Job) -> Option<&'static str> {
    let message = job.error.as_ref().map(|error| error.message.as_str())?;
    if message.contains("Schema does not match") || message.contains("schema does not match") {
        return Some("give the columns the types of the table in `column_options`, or use `mode: replace`");
    }
    let about_rows = ["reading data", "parsing error", "convert", "parse"];
    let found = about_rows.iter().any(|words| message.contains(words));
    found.then_some("choose another type for the column in `column_options`")
}

/// Code, place and text of one error; what may be a value is cut out.
fn described(error: &JobError) -> String {
    let message = without_values(&error.message);
    match (error.location.as_str(), message.as_str()) {
        ("", message) => format!("{}: {message}", error.reason),
        (location, message) => format!("{} in `{location}`: {message}", error.reason),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_of_a_job_name_file_and_column_but_no_value() {
        let error = json!({
            "reason": "invalid",
            "location": "gs://staging/sync_1-000000.jsonl.gz",
            "message": "JSON parsing error in row starting at position 12: Could not convert value to integer. \
                        Field: price; Value: 4000-0000 File: gs://staging/x",
        });
        let job = Job::read(&json!({"status": {"state": "DONE", "errorResult": error, "errors": [error]}}));
        let failed = job_failed("load job `j` failed", &job);
        assert_eq!(failed.kind, ErrorKind::Rejected);
        assert_eq!(failed.remedy(), Some("choose another type for the column in `column_options`"));
        assert_eq!(
            failed.to_string(),
            "load job `j` failed: invalid in `gs://staging/sync_1-000000.jsonl.gz`: JSON parsing error in row \
             starting at position 12: Could not convert value to integer. Field: price; Value: … File: \
             gs://staging/x"
        );
    }

    #[test]
    fn statuses_become_kinds() {
        for (status, kind) in [
            (401, ErrorKind::Authentication),
            (403, ErrorKind::Permission),
            (404, ErrorKind::NotFound),
            (409, ErrorKind::Rejected),
            (503, ErrorKind::Busy),
        ] {
            let error = GoogleError::answered("GET x", status, None, b"");
            assert_eq!(call_failed("x", &error).kind, kind, "{status}");
        }
        let key = GoogleError::own("credentials", "no");
        assert_eq!(call_failed("x", &key).kind, ErrorKind::Authentication);
    }
}
