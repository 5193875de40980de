//! What Google's errors mean for a transfer, in words without values of rows.

use crate::cloud::fault::{Fault, codes};
use crate::cloud::google::bigquery::{Job, JobError};
use crate::cloud::google::error::{GoogleError, without_values};
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
        None if error.fault == Fault::CredentialsRefused => ErrorKind::Authentication,
        // An upload that was cut short, or an answer that is not what it should be.
        None => ErrorKind::ConnectionLost,
        Some(_) => error.fault.into(),
    };
    let failed = TransferError::new(kind, what).cause(error.to_string());
    match call_hint(error) {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

/// What the reader can do about a call that was refused, where its kind does not say it.
fn call_hint(error: &GoogleError) -> Option<&'static str> {
    let said = |words: &str| error.message.contains(words);
    match error.reason.as_str() {
        _ if error.fault == Fault::QuotaSpent => Some(LIMIT_HINT),
        "billingNotEnabled" | "billingTierLimitExceeded" => Some("look after the billing of the project"),
        // The token service's word for a key that is expired, deleted or disabled.
        _ if said("invalid_grant") => Some(
            "the key is expired, deleted or disabled, or the clock of this machine is wrong: make a new key",
        ),
        _ => place_hint(&error.message),
    }
}

/// What the service says about places, and what to do about it.
fn place_hint(message: &str) -> Option<&'static str> {
    let said = |words: &str| message.contains(words);
    if said("different locations") || said("same location") || said("same region") {
        return Some("the bucket must be where the dataset is: give `gcs_bucket` one of that location");
    }
    said("was not found in location").then_some("set `location` to that of the dataset, or leave it out")
}

const LIMIT_HINT: &str = "a quota of the project is used up: retry later, or have it raised";

/// A job ended with an error.
pub(super) fn job_failed(what: impl Into<String>, job: &Job) -> TransferError {
    let reason = job.error.as_ref().map_or("", |error| error.reason.as_str());
    let kind = codes::of_job(reason).into();
    let mut causes = told(job);
    let hidden = causes.len().saturating_sub(ERRORS_SHOWN);
    causes.truncate(ERRORS_SHOWN);
    let mut failed = TransferError::new(kind, what);
    for cause in causes {
        failed = failed.cause(cause);
    }
    if hidden > 0 {
        failed = failed.cause(format!("{hidden} more errors"));
    }
    match hint(job, kind) {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

/// What the job says, each thing once: rows and columns first, then sums such as "too many errors, giving up", which
/// are left out where a row is named.
fn told(job: &Job) -> Vec<String> {
    let is_sum = |error: &&JobError| error.message.contains("too many errors, giving up");
    let all = || job.error.iter().chain(&job.errors);
    let mut rows: Vec<&JobError> = all().filter(|error| !is_sum(error)).collect();
    if rows.is_empty() {
        rows = all().collect();
    }
    let mut told: Vec<String> = Vec::new();
    for error in rows {
        let cause = described(error);
        if !told.contains(&cause) {
            told.push(cause);
        }
    }
    told
}

/// What the reader can do about a job that BigQuery refused.
fn hint(job: &Job, kind: ErrorKind) -> Option<&'static str> {
    let error = job.error.as_ref()?;
    let message = error.message.as_str();
    if codes::of_job(&error.reason) == Fault::QuotaSpent {
        return Some(LIMIT_HINT);
    }
    if let Some(hint) = place_hint(message) {
        return Some(hint);
    }
    if kind != ErrorKind::Rejected {
        return None;
    }
    if message.contains("table partitioning specification") {
        return Some(
            "give `time_partitioning` or `range_partitioning` as the table has it, or use `mode: replace`",
        );
    }
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
    use serde_json::{Value, json};

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

    /// The three entries that BigQuery gives for one bad row of CSV.
    #[test]
    fn rows_are_told_and_sums_are_not() {
        let file = "gs://b/o.csv";
        let entry = |message: &str| json!({"reason": "invalid", "location": file, "message": message});
        let sum = entry(
            "Error while reading data, error message: CSV table encountered too many errors, giving up. Rows: 1; \
             errors: 1. Please look into the errors[] collection for more details. File: gs://b/o.csv",
        );
        let processing = json!({"reason": "invalid", "message": "Error while reading data, error message: CSV \
             processing encountered too many errors, giving up. Rows: 1; errors: 1; max bad: 0; error percent: 0"});
        let row = entry(
            "Error while reading data, error message: Unable to parse; line_number: 2 \
             byte_offset_to_start_of_line: 11 column_index: 1 column_name: \"price\" column_type: INT64 value: \
             \"four\" File: gs://b/o.csv",
        );
        let job = Job::read(
            &json!({"status": {"state": "DONE", "errorResult": sum, "errors": [sum, processing, row]}}),
        );
        let failed = job_failed("load job `j` failed", &job);
        assert_eq!(
            failed.causes,
            [
                "invalid in `gs://b/o.csv`: Error while reading data, error message: Unable to parse; line_number: 2 \
              byte_offset_to_start_of_line: 11 column_index: 1 column_name: \"price\" column_type: INT64 value: … \
              File: gs://b/o.csv"
            ]
        );
        let job = Job::read(&json!({"status": {"state": "DONE", "errorResult": sum, "errors": [sum]}}));
        assert_eq!(job_failed("x", &job).causes.len(), 1, "a sum alone is told");
        let rows: Vec<Value> = (0..9).map(|line| entry(&format!("bad; line_number: {line}"))).collect();
        let job = Job::read(&json!({"status": {"state": "DONE", "errorResult": rows[0], "errors": rows}}));
        let causes = job_failed("x", &job).causes;
        assert_eq!((causes.len(), causes[5].as_str()), (6, "4 more errors"));
    }

    #[test]
    fn what_can_be_done_is_told() {
        let of_job = |reason: &str, message: &str| {
            let error = json!({"reason": reason, "message": message});
            let failed =
                job_failed("x", &Job::read(&json!({"status": {"state": "DONE", "errorResult": error}})));
            (failed.kind, failed.remedy().unwrap_or_default().to_owned())
        };
        let place = "the bucket must be where the dataset is: give `gcs_bucket` one of that location";
        for (reason, message, kind, hint) in [
            (
                "invalid",
                "Cannot read and write in different locations: source: US, destination: asia-northeast1",
                ErrorKind::Rejected,
                place,
            ),
            (
                "notFound",
                "Not found: Dataset p:d was not found in location US",
                ErrorKind::NotFound,
                "set `location` to that of the dataset, or leave it out",
            ),
            ("quotaExceeded", "Quota exceeded: your table", ErrorKind::Busy, LIMIT_HINT),
            ("backendError", "try again", ErrorKind::Busy, "retry a little later"),
            (
                "invalid",
                "Incompatible table partitioning specification.",
                ErrorKind::Rejected,
                "give `time_partitioning` or `range_partitioning` as the table has it, or use `mode: replace`",
            ),
            (
                "invalid",
                "Provided Schema does not match Table p:d.t.",
                ErrorKind::Rejected,
                "give the columns the types of the table in `column_options`, or use `mode: replace`",
            ),
        ] {
            assert_eq!(of_job(reason, message), (kind, hint.to_owned()), "{message}");
        }
        let of_call = |error: &GoogleError| {
            let failed = call_failed("x", error);
            (failed.kind, failed.remedy().unwrap_or_default().to_owned())
        };
        let quota = br#"{"error":{"message":"Quota exceeded","errors":[{"reason":"quotaExceeded"}]}}"#;
        let quota = GoogleError::answered("POST x", 403, None, quota);
        assert_eq!(of_call(&quota), (ErrorKind::Busy, LIMIT_HINT.to_owned()));
        let key = GoogleError::own("credentials", "no access token: {\"error\":\"invalid_grant\"}");
        let (kind, hint) = of_call(&key);
        assert_eq!(kind, ErrorKind::Authentication);
        assert!(hint.starts_with("the key is expired, deleted or disabled"), "{hint}");
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
