//! `s3_wait>` and `gcs_wait>`: an object in the value or beside it, and options of the right kind; where the object lies
//! is told in the same way to `s3_put>` and `gcs_put>`.

use super::{CODE, wrong};
use crate::diagnostic::Problem;
use crate::dig::compile::{find, holds_template, span_of};
use crate::dig::params::{self, ParamError};
use crate::dig::workflow::OperatorCall;
use crate::yaml::Entry;

/// What `s3_wait>` reads; `aws` holds defaults.
pub(super) const S3_OPTIONS: &[&str] = &[
    "bucket",
    "key",
    "version_id",
    "region",
    "endpoint",
    "path_style_access",
    "timeout",
    "continue_on_timeout",
    "aws",
];

/// What `gcs_wait>` reads; `gcs` holds defaults, and Digdag takes a project in `gcp`.
pub(super) const GCS_OPTIONS: &[&str] = &["bucket", "object", "timeout", "continue_on_timeout", "gcs", "gcp"];

/// The problems of the object and the options; none for other operators.
pub(super) fn check(call: &OperatorCall, entries: &[&Entry]) -> Vec<Problem> {
    let (name, form, scheme) = match call.operator.as_str() {
        "s3_wait" | "s3_put" => ("key", "`BUCKET/KEY`", "s3://"),
        "gcs_wait" | "gcs_put" => ("object", "`gs://BUCKET/OBJECT` or `BUCKET/OBJECT`", "gs://"),
        _ => return Vec::new(),
    };
    let mut problems = options(entries);
    if call.command.is_null() || holds_template(&call.command_node) {
        return problems;
    }
    let is_object = |text: &str| {
        let path = text.strip_prefix(scheme).unwrap_or(text);
        path.split_once('/').is_some_and(|(bucket, object)| !bucket.is_empty() && !object.is_empty())
    };
    if !params::to_text("value", &call.command).is_ok_and(|text| is_object(&text)) {
        problems.push(wrong(call, form));
    }
    let doubled = ["bucket", name].into_iter().filter_map(|key| find(entries, key));
    problems.extend(doubled.filter(|entry| !is_null(entry)).map(|entry| {
        let message = format!("`{}` has no place beside a value of `{}>`", entry.key, call.operator);
        Problem::error(CODE, message, &entry.key_span)
    }));
    problems
}

/// Options that would be refused when the task starts.
fn options(entries: &[&Entry]) -> Vec<Problem> {
    let check = |key: &'static str, read: fn(&Entry) -> Result<(), ParamError>| {
        let entry = find(entries, key).filter(|entry| !is_null(entry) && !holds_template(&entry.value))?;
        let error = read(entry).err()?;
        Some(Problem::error(CODE, error.to_string(), span_of(entry)))
    };
    let is_flag = |entry: &Entry| params::to_bool(&entry.key, &entry.value.to_json()).map(|_| ());
    let is_duration = |entry: &Entry| params::to_duration(&entry.key, &entry.value.to_json()).map(|_| ());
    [
        check("path_style_access", is_flag),
        check("timeout", is_duration),
        check("continue_on_timeout", is_flag),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn is_null(entry: &Entry) -> bool {
    entry.value.to_json().is_null()
}

#[cfg(test)]
mod tests {
    use super::super::testing::problems;

    #[test]
    fn what_can_be_right_is_left_alone() {
        for task in [
            "s3_wait>: b/k",
            "s3_wait>: s3://b/k/l, timeout: 2h 30m, continue_on_timeout: true, _retry: 1",
            "s3_wait>: , bucket: b, key: k, version_id: v, region: r, endpoint: e, path_style_access: 'true'",
            "s3_wait>: , aws: {s3: {bucket: b}}",
            "s3_wait>: '${bucket}', timeout: '${t}', bucket: ",
            "gcs_wait>: gs://b/o, gcp: {project: p}",
            "gcs_wait>: b/o/p, timeout: 10s",
            "gcs_wait>: , bucket: b, object: o",
        ] {
            assert_eq!(problems(task), [""; 0], "{task}");
        }
    }

    #[test]
    fn what_would_fail_for_certain_is_named() {
        for (task, expected) in [
            ("s3_wait>: bucket", "error `s3_wait>` takes `BUCKET/KEY`"),
            ("s3_wait>: bucket/", "error `s3_wait>` takes `BUCKET/KEY`"),
            ("s3_wait>: [b/k]", "error `s3_wait>` takes `BUCKET/KEY`, not a list"),
            ("gcs_wait>: gs://b", "error `gcs_wait>` takes `gs://BUCKET/OBJECT` or `BUCKET/OBJECT`"),
            ("s3_wait>: b/k, key: k", "error `key` has no place beside a value of `s3_wait>`"),
            ("gcs_wait>: b/o, bucket: b", "error `bucket` has no place beside a value of `gcs_wait>`"),
            (
                "s3_wait>: b/k, timeout: 30",
                "error Expected a duration such as `10m` or `1h 30m` for key 'timeout' but got 30 (number)",
            ),
            (
                "gcs_wait>: b/o, continue_on_timeout: perhaps",
                "error Expected 'true' or 'false' for key 'continue_on_timeout' but got \"perhaps\" (string)",
            ),
            ("gcs_wait>: b/o, key: k", "warning `gcs_wait>` does not read `key`"),
            ("s3_wait>: b/k, time_out: 1h", "warning `s3_wait>` does not read `time_out`"),
        ] {
            assert_eq!(problems(task), [expected], "{task}");
        }
    }
}
