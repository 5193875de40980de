//! `pg>`, `redshift>`, `mysql>` and `sqlite>`: options that exclude each other and values that no server would be asked with.

use super::{CODE, find, holds_template, span_of};
use crate::diagnostic::{Problem, suggest};
use crate::dig::params;
use crate::dig::workflow::OperatorCall;
use crate::yaml::Entry;

/// What all of them read.
pub(super) const OPTIONS: [&str; 8] = [
    "create_table",
    "database",
    "download_file",
    "insert_into",
    "status_table",
    "status_table_cleanup",
    "store_last_results",
    "strict_transaction",
];
/// What those read that connect to a server.
pub(super) const SERVER_OPTIONS: [&str; 8] = [
    "connect_timeout",
    "host",
    "password_override",
    "port",
    "socket_timeout",
    "ssl",
    "status_table_schema",
    "user",
];

/// Why options cannot stand together, in Digdag's words. `has` tells whether one is given; `store_last_results: false`
/// is as good as none.
pub(crate) fn exclusive_sql_options(has: impl Fn(&str) -> bool) -> Option<&'static str> {
    let (insert, create) = (has("insert_into"), has("create_table"));
    let (download, store) = (has("download_file"), has("store_last_results"));
    if insert && create {
        Some("Can't use both of insert_into and create_table")
    } else if download && (insert || create) {
        Some("Can't use download_file with insert_into or create_table")
    } else if store && (insert || create) {
        Some("Can't use store_last_results with insert_into or create_table")
    } else if download && store {
        Some("Can't use both download_file and store_last_results at once")
    } else {
        None
    }
}

/// The problems of a call's own keys.
pub(super) fn check(call: &OperatorCall, entries: &[&Entry]) -> Vec<Problem> {
    let mut problems: Vec<_> = entries.iter().filter_map(|entry| wrong(entry)).collect();
    if let Some(clash) = exclusive_sql_options(|key| find(entries, key).is_some_and(given)) {
        problems.push(Problem::error(CODE, clash, &call.span));
    }
    problems.extend(entries.iter().filter_map(|entry| misspelt(call, entry)));
    problems
}

/// Whether an option is there for certain: what a template becomes is not known, but a text it is.
fn given(entry: &Entry) -> bool {
    let value = entry.value.to_json();
    if entry.key == "store_last_results" {
        return !holds_template(&entry.value)
            && !matches!(value.as_str(), Some("false" | ""))
            && value != false
            && !value.is_null();
    }
    !value.is_null()
}

/// A value that the task would fail with.
pub(super) fn wrong(entry: &Entry) -> Option<Problem> {
    let value = entry.value.to_json();
    if value.is_null() || holds_template(&entry.value) {
        return None;
    }
    let key = entry.key.as_str();
    let message = match key {
        "store_last_results" => {
            let known =
                value.is_boolean() || matches!(value.as_str(), Some("first" | "all" | "true" | "false" | ""));
            (!known).then(|| "`store_last_results` must be `first`, `all` or `false`".to_owned())
        }
        "ssl" => {
            let known = value == "no_verify" || params::to_bool(key, &value).is_ok();
            (!known).then(|| "`ssl` must be `true`, `false` or `no_verify`".to_owned())
        }
        "connect_timeout" | "socket_timeout" | "status_table_cleanup" => {
            params::to_duration(key, &value).err().map(|error| error.to_string())
        }
        "port" => params::to_integer(key, &value).err().map(|error| error.to_string()),
        "strict_transaction" => params::to_bool(key, &value).err().map(|error| error.to_string()),
        _ => None,
    };
    message.map(|message| Problem::error(CODE, message, span_of(entry)))
}

/// Any key may be meant for the templates of the SQL, so only one that is nearly an option is worth a word; and a
/// password that `pg>` and `redshift>` do not take.
fn misspelt(call: &OperatorCall, entry: &Entry) -> Option<Problem> {
    let operator = call.operator.as_str();
    let key = entry.key.as_str();
    let message = format!("`{operator}>` does not read `{key}`");
    let warning = || Problem::warning("unused-parameter", message.as_str(), &entry.key_span);
    let has_schema = matches!(operator, "pg" | "redshift");
    if has_schema && key == "password" {
        let group = if operator == "pg" { "pg" } else { "aws.redshift" };
        return Some(warning().hint(format!("set the secret `{group}.password`")));
    }
    let server = SERVER_OPTIONS.into_iter().filter(|_| operator != "sqlite");
    let known = OPTIONS.into_iter().chain(server).chain(has_schema.then_some("schema"));
    let is_option =
        known.clone().any(|option| option == key) || matches!(key, "query" | "password" | "schema");
    if is_option || key.starts_with(['_', '+']) || key.ends_with('>') {
        return None;
    }
    let near = suggest(key, known)?;
    Some(warning().perhaps(near))
}
