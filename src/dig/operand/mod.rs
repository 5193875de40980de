//! What stands after an operator: the shapes that would fail for certain when the task starts.
//!
//! A value that holds `${...}` is known only then, so it is left alone here.

mod bigquery;
mod http;
mod mail;
mod object_put;
mod object_wait;
mod option;
mod param;
mod redshift;
mod sql;
#[cfg(test)]
mod testing;

use serde_json::Value;

pub(crate) use self::redshift::{exclusive_copy_options, wrong_copy_value};
pub(crate) use self::sql::exclusive_sql_options;
use super::compile::{DIRECTIVES, find, given, holds_template, span_of};
use super::params;
use super::workflow::{OperatorCall, Parallel};
use crate::diagnostic::{Problem, suggest};
use crate::yaml::{Entry, Node, NodeValue};

const CODE: &str = "operand";

/// The problems of an operator's value and of the directives that it needs.
pub(super) fn check(call: &OperatorCall, entries: &[&Entry]) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(missing_branch(call, entries));
    problems.extend(find(entries, "_env").into_iter().flat_map(environment));
    problems.extend(find(entries, "_secrets").into_iter().flat_map(|entry| secrets("_secrets", entry)));
    problems.extend(unused(call, entries));
    problems.extend(parallel(call, entries));
    problems.extend(param::check(call, entries));
    problems.extend(object_wait::check(call, entries));
    problems.extend(object_put::check(call, entries));
    match call.operator.as_str() {
        "http" | "http_call" => problems.extend(http::options(entries)),
        "mail" => problems.extend(mail::options(entries)),
        "pg" | "redshift" | "mysql" | "sqlite" => problems.extend(sql::check(call, entries)),
        "redshift_load" | "redshift_unload" => problems.extend(redshift::check(call, entries)),
        "bq_load" | "bq_extract" | "bq_ddl" => problems.extend(bigquery::check(call, entries)),
        _ => {}
    }
    let node = &call.command_node;
    let text = node.as_str();
    if text.is_some_and(|text| text.contains("${")) {
        return problems;
    }
    match call.operator.as_str() {
        "http" | "http_call" => problems.extend(http::address(call)),
        "sh" | "echo" | "fail" | "call" | "notify" => problems.extend(needs_text(call)),
        "for_each" => problems.extend(for_each(call)),
        "for_range" => problems.extend(for_range(call)),
        // A `count` in scope stands in for the value.
        "loop" if call.command.is_null() => {}
        "loop" if params::to_integer("loop>", &call.command).is_err() => {
            problems.push(wrong(call, "a whole number"));
        }
        "if" if call.command.is_null() || params::to_bool("if>", &call.command).is_err() => {
            problems.push(wrong(call, "`true` or `false`"));
        }
        "wait" if params::to_duration("wait>", &call.command).is_err() => {
            problems.push(wrong(call, "a duration such as `10m`"));
        }
        "slack" | "mail" | "pg" | "redshift" | "mysql" | "sqlite" | "bq" => {
            problems.extend(file_or_data(call));
        }
        _ => {}
    }
    problems
}

/// Whether some operator reads an option of this name: an `_export` of it means something to the tasks below.
pub(super) fn is_option(name: &str) -> bool {
    let lists: [&[&str]; 12] = [
        &http::OPTIONS,
        &http::CALL_OPTIONS,
        &mail::OPTIONS,
        object_wait::S3_OPTIONS,
        object_wait::GCS_OPTIONS,
        object_put::S3_OPTIONS,
        object_put::GCS_OPTIONS,
        bigquery::QUERY_OPTIONS,
        bigquery::LOAD_OPTIONS,
        bigquery::EXTRACT_OPTIONS,
        bigquery::DDL_OPTIONS,
        &OTHER_OPTIONS,
    ];
    let is_sql = || sql::OPTIONS.contains(&name) || sql::SERVER_OPTIONS.contains(&name);
    let is_copy =
        || ["redshift_load", "redshift_unload"].iter().any(|of| redshift::options(of).contains(&name));
    lists.iter().any(|list| list.contains(&name)) || is_sql() || is_copy()
}

/// Options of the operators that have few.
const OTHER_OPTIONS: [&str; 16] = [
    "blocking",
    "config",
    "count",
    "ignore_failure",
    "params",
    "password",
    "plugin",
    "poll_interval",
    "python",
    "rerun_on",
    "ruby",
    "schema",
    "session_time",
    "shell",
    "user",
    "webhook_url",
];

/// `_env` is a map of names that a shell can have.
fn environment(entry: &Entry) -> Vec<Problem> {
    if entry.value.as_str().is_some_and(|text| text.contains("${")) {
        return Vec::new();
    }
    let Some(variables) = entry.value.as_mapping() else {
        let message = format!("`_env` must be a mapping, but is {}", entry.value.kind());
        return vec![Problem::error(CODE, message, span_of(entry))];
    };
    let is_name = |name: &str| {
        !name.starts_with(|letter: char| letter.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    variables
        .iter()
        .filter(|variable| !is_name(&variable.key))
        .map(|variable| {
            let message = format!("Invalid _env key name: {}", variable.key);
            Problem::error(CODE, message, &variable.key_span)
        })
        .collect()
}

/// `_secrets` maps names of secrets to names of secrets. `true` is a word of older versions of Digdag, without effect.
fn secrets(path: &str, entry: &Entry) -> Vec<Problem> {
    match &entry.value.value {
        NodeValue::Mapping(entries) => {
            entries.iter().flat_map(|entry| secrets(&format!("{path}.{}", entry.key), entry)).collect()
        }
        NodeValue::Scalar(Value::String(_)) if path != "_secrets" => Vec::new(),
        NodeValue::Scalar(Value::Bool(true) | Value::Null) => {
            vec![Problem::warning("no-effect", format!("`{path}` has no effect"), &entry.key_span)]
        }
        _ => {
            let message =
                format!("Illegal value in _secrets: `{path}` must be a text, but is {}", entry.value.kind());
            vec![Problem::error(CODE, message, span_of(entry))]
        }
    }
}

/// Parameters that nothing reads: of the operators that do not take the whole map, each says what it reads. A name
/// that a template of the same task mentions is read.
fn unused(call: &OperatorCall, entries: &[&Entry]) -> Vec<Problem> {
    let of_copy;
    let options: &[&str] = match call.operator.as_str() {
        "echo" | "fail" | "if" | "for_each" | "for_range" | "notify" => &[],
        "http" => &http::OPTIONS,
        "http_call" => &http::CALL_OPTIONS,
        // The template of a file may mention any of them.
        "mail" if call.command.is_object() => &mail::OPTIONS,
        "loop" => &["count"],
        "wait" => &["blocking", "poll_interval"],
        "s3_wait" => object_wait::S3_OPTIONS,
        "gcs_wait" => object_wait::GCS_OPTIONS,
        "s3_put" => object_put::S3_OPTIONS,
        "gcs_put" => object_put::GCS_OPTIONS,
        "bq" if call.command.is_object() => bigquery::QUERY_OPTIONS,
        "bq_load" => bigquery::LOAD_OPTIONS,
        "bq_extract" => bigquery::EXTRACT_OPTIONS,
        "bq_ddl" => bigquery::DDL_OPTIONS,
        "redshift_load" | "redshift_unload" => {
            of_copy = redshift::options(&call.operator);
            &of_copy
        }
        _ => return Vec::new(),
    };
    let own = |key: &str| key.starts_with(['_', '+']) || key.ends_with('>') || options.contains(&key);
    let mut spots = Vec::new();
    entries
        .iter()
        .filter(|entry| !entry.key.starts_with('+'))
        .for_each(|entry| spots_of(&entry.value, &mut spots));
    entries
        .iter()
        .filter(|entry| !own(&entry.key) && !spots.iter().any(|text| text.contains(&entry.key)))
        .map(|entry| {
            let message = format!("`{}>` does not read `{}`", call.operator, entry.key);
            let problem = Problem::warning("unused-parameter", message, &entry.key_span);
            let known = options.iter().copied().chain(DIRECTIVES);
            match suggest(&entry.key, known.clone()).or_else(|| suggest(&format!("_{}", entry.key), known)) {
                Some(near) => problem.did_you_mean(&entry.key, near),
                None => problem,
            }
        })
        .collect()
}

/// The texts with templates in a value.
fn spots_of<'n>(node: &'n Node, found: &mut Vec<&'n str>) {
    match &node.value {
        NodeValue::Scalar(_) => found.extend(node.as_str().filter(|text| text.contains("${"))),
        NodeValue::Sequence(items) => items.iter().for_each(|item| spots_of(item, found)),
        NodeValue::Mapping(entries) => entries.iter().for_each(|entry| spots_of(&entry.value, found)),
    }
}

/// `_parallel` of a loop, which is evaluated with it.
fn parallel(call: &OperatorCall, entries: &[&Entry]) -> Option<Problem> {
    let is_loop = ["for_each", "for_range", "loop"].contains(&call.operator.as_str());
    let entry = given(entries, "_parallel").filter(|entry| is_loop && !holds_template(&entry.value))?;
    let message = Parallel::from_value(&entry.value.to_json()).err()?;
    Some(Problem::error(CODE, message, span_of(entry)))
}

/// Loops need `_do`; `if>` needs one of the two.
fn missing_branch(call: &OperatorCall, entries: &[&Entry]) -> Option<Problem> {
    let has = |key: &str| find(entries, key).is_some();
    let message = match call.operator.as_str() {
        "for_each" | "for_range" | "loop" if !has("_do") => format!("`{}>` needs `_do`", call.operator),
        "if" if !has("_do") && !has("_else_do") => "`if>` needs `_do` or `_else_do`".to_owned(),
        _ => return None,
    };
    Some(Problem::error("missing-directive", message, &call.span))
}

fn wrong(call: &OperatorCall, expected: &str) -> Problem {
    let node = &call.command_node;
    let span = if node.span.text().is_empty() { &call.span } else { &node.span };
    let message = if call.command.is_null() {
        format!("`{}>` takes {expected}, but has no value", call.operator)
    } else if node.as_str().is_some() {
        format!("`{}>` takes {expected}", call.operator)
    } else {
        format!("`{}>` takes {expected}, not {}", call.operator, node.kind())
    };
    Problem::error(CODE, message, span)
}

fn needs_text(call: &OperatorCall) -> Option<Problem> {
    params::to_text("value", &call.command).is_err().then(|| wrong(call, "text"))
}

/// A file's name, or `{data: text}`. Without a value the text may come from another key, also an exported one.
fn file_or_data(call: &OperatorCall) -> Option<Problem> {
    match &call.command {
        Value::Null => None,
        Value::String(_) => None,
        Value::Object(map) if map.get("data").is_some_and(|data| !data.is_object() && !data.is_array()) => {
            None
        }
        _ => Some(wrong(call, "the name of a file or `data: TEXT`")),
    }
}

fn for_each(call: &OperatorCall) -> Vec<Problem> {
    let node = &call.command_node;
    let Some(entries) = node.as_mapping() else {
        let is_map = matches!(params::parsed(&call.command), Value::Object(_));
        return if is_map { Vec::new() } else { vec![wrong(call, "a mapping of names to lists")] };
    };
    let is_list = |node: &Node| match &node.value {
        NodeValue::Sequence(_) => true,
        NodeValue::Mapping(_) => false,
        NodeValue::Scalar(value) => holds_template(node) || params::parsed(value).is_array(),
    };
    entries
        .iter()
        .filter(|entry| !is_list(&entry.value))
        .map(|entry| {
            let message = format!("`for_each>` takes a list for `{}`, not {}", entry.key, entry.value.kind());
            Problem::error(CODE, message, span_of(entry))
        })
        .collect()
}

fn for_range(call: &OperatorCall) -> Vec<Problem> {
    let Some(entries) = call.command_node.as_mapping() else {
        let is_map = matches!(params::parsed(&call.command), Value::Object(_));
        return if is_map {
            Vec::new()
        } else {
            vec![wrong(call, "a mapping with `from`, `to` and `step` or `slices`")]
        };
    };
    let has = |key: &str| entries.iter().any(|entry| entry.key == key);
    let missing = ["from", "to"].into_iter().filter(|key| !has(key));
    let mut problems: Vec<_> =
        missing.map(|key| Problem::error(CODE, format!("`for_range>` needs `{key}`"), &call.span)).collect();
    if has("step") == has("slices") {
        problems.push(Problem::error(CODE, "`for_range>` needs either `step` or `slices`", &call.span));
    }
    problems
}

#[cfg(test)]
mod tests;
