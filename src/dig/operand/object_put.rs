//! `s3_put>` and `gcs_put>`: what is written, and how.

use super::CODE;
use super::option::{literal, wrong};
use crate::diagnostic::Problem;
use crate::dig::compile::{given, span_of};
use crate::dig::params;
use crate::dig::workflow::OperatorCall;
use crate::yaml::{Entry, Node, NodeValue};

/// What `s3_put>` reads; `aws` holds defaults.
pub(super) const S3_OPTIONS: &[&str] = &[
    "bucket",
    "key",
    "content",
    "content_file",
    "content_type",
    "server_side_encryption",
    "sse_kms_key_id",
    "region",
    "endpoint",
    "path_style_access",
    "aws",
];

/// What `gcs_put>` reads; `gcs` holds defaults.
pub(super) const GCS_OPTIONS: &[&str] =
    &["bucket", "object", "content", "content_file", "content_type", "gcs", "gcp"];

/// S3's words for who encrypts.
const ENCRYPTIONS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];

/// The problems of the options; none for other operators. Where the object lies is checked as for those that wait for
/// one. A file that is not there yet may be made by a task before.
pub(super) fn check(call: &OperatorCall, entries: &[&Entry]) -> Vec<Problem> {
    if !matches!(call.operator.as_str(), "s3_put" | "gcs_put") {
        return Vec::new();
    }
    let mut problems = Vec::new();
    if let (Some(_), Some(file)) = (given(entries, "content"), given(entries, "content_file")) {
        let message = "`content` and `content_file` exclude each other";
        problems.push(Problem::error(CODE, message, &file.key_span));
    }
    if let Some(entry) = given(entries, "content").filter(|entry| holds_secret(&entry.value)) {
        let message = "`content` asks for a secret: an object is no place for one";
        problems.push(Problem::error(CODE, message, span_of(entry)));
    }
    problems.extend(["content_file", "content_type", "sse_kms_key_id"].into_iter().filter_map(|key| {
        let entry = literal(entries, key)?;
        params::to_text(key, &entry.value.to_json()).is_err().then(|| wrong(entry, key, "text"))
    }));
    if call.operator == "s3_put" {
        problems.extend(encryption(entries));
    }
    problems
}

fn encryption(entries: &[&Entry]) -> Option<Problem> {
    let word = literal(entries, "server_side_encryption");
    if let Some(entry) = word
        && !entry.value.as_str().is_some_and(|word| ENCRYPTIONS.contains(&word))
    {
        let words = "`AES256`, `aws:kms` or `aws:kms:dsse`";
        return Some(wrong(entry, "server_side_encryption", words));
    }
    let key = literal(entries, "sse_kms_key_id")?;
    let is_kms = match given(entries, "server_side_encryption") {
        None => false,
        // One that is only known at run time may be.
        Some(_) => word.is_none_or(|entry| entry.value.as_str() != Some("AES256")),
    };
    let message = "`sse_kms_key_id` goes with `server_side_encryption: aws:kms`";
    (!is_kms).then(|| Problem::error(CODE, message, &key.key_span))
}

fn holds_secret(node: &Node) -> bool {
    match &node.value {
        NodeValue::Scalar(_) => node.as_str().is_some_and(|text| text.contains("${secret:")),
        NodeValue::Sequence(items) => items.iter().any(holds_secret),
        NodeValue::Mapping(entries) => entries.iter().any(|entry| holds_secret(&entry.value)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::problems;

    #[test]
    fn what_can_be_right_is_left_alone() {
        for task in [
            "s3_put>: b/_SUCCESS",
            "s3_put>: 's3://b/k/${session_date}', content: done",
            "s3_put>: b/k, content: {rows: 3, tables: [a]}, content_type: application/vnd.x+json",
            "s3_put>: b/k, content_file: out/report.csv, region: r, endpoint: e, path_style_access: true",
            "s3_put>: b/k, server_side_encryption: aws:kms, sse_kms_key_id: alias/lake",
            "s3_put>: b/k, server_side_encryption: '${how}', sse_kms_key_id: alias/lake",
            "s3_put>: , bucket: b, key: k, content: ",
            "gcs_put>: gs://b/o, content: '${tables}', content_file: ",
            "gcs_put>: , bucket: b, object: o",
        ] {
            assert_eq!(problems(task), [""; 0], "{task}");
        }
    }

    #[test]
    fn what_would_fail_for_certain_is_named() {
        let words = "`AES256`, `aws:kms` or `aws:kms:dsse`";
        for (task, expected) in [
            ("s3_put>: bucket", "error `s3_put>` takes `BUCKET/KEY`".to_owned()),
            ("gcs_put>: b", "error `gcs_put>` takes `gs://BUCKET/OBJECT` or `BUCKET/OBJECT`".into()),
            ("s3_put>: b/k, key: k", "error `key` has no place beside a value of `s3_put>`".into()),
            (
                "s3_put>: b/k, content: a, content_file: b",
                "error `content` and `content_file` exclude each other".into(),
            ),
            (
                "gcs_put>: b/k, content: {a: ['${secret:x}']}",
                "error `content` asks for a secret: an object is no place for one".into(),
            ),
            ("s3_put>: b/k, content_file: [a]", "error `content_file` takes text, not a list".into()),
            (
                "s3_put>: b/k, server_side_encryption: true",
                format!("error `server_side_encryption` takes {words}, not a boolean"),
            ),
            (
                "s3_put>: b/k, server_side_encryption: kms",
                format!("error `server_side_encryption` takes {words}"),
            ),
            (
                "s3_put>: b/k, sse_kms_key_id: k",
                "error `sse_kms_key_id` goes with `server_side_encryption: aws:kms`".into(),
            ),
            (
                "s3_put>: b/k, path_style_access: perhaps",
                "error Expected 'true' or 'false' for key 'path_style_access' but got \"perhaps\" (string)"
                    .into(),
            ),
            ("s3_put>: b/k, timeout: 1h", "warning `s3_put>` does not read `timeout`".into()),
            ("gcs_put>: b/k, region: r", "warning `gcs_put>` does not read `region`".into()),
        ] {
            assert_eq!(problems(task), [expected], "{task}");
        }
    }
}
