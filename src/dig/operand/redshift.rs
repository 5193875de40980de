//! `redshift_load>` and `redshift_unload>`: what they read, what excludes each other, and values that no server would be
//! asked with.

use serde_json::Value;

use super::{CODE, find, holds_template, span_of, sql};
use crate::diagnostic::Problem;
use crate::dig::params;
use crate::dig::workflow::OperatorCall;
use crate::yaml::Entry;

/// What both read.
const OPTIONS: [&str; 8] = [
    "role_session_name",
    "schema",
    "session_duration",
    "temp_credentials",
    "manifest",
    "encrypted",
    "delimiter",
    "fixedwidth",
];
/// What both read that is true or false.
const FLAGS: [&str; 16] = [
    "acceptanydate",
    "addquotes",
    "allowoverwrite",
    "blanksasnull",
    "bzip2",
    "emptyasnull",
    "encrypted",
    "escape",
    "explicit_ids",
    "fillrecord",
    "gzip",
    "ignoreblanklines",
    "manifest",
    "roundec",
    "trimblanks",
    "truncatecolumns",
];
/// What `redshift_load>` reads besides.
const LOAD_FLAGS: [&str; 3] = ["lzop", "noload", "removequotes"];
const NUMBERS: [&str; 4] = ["comprows", "ignoreheader", "maxerror", "readratio"];
const SWITCHES: [&str; 3] = ["compupdate", "parallel", "statupdate"];
/// What only `redshift_load>` reads.
const ONLY_LOAD: [&str; 28] = [
    "acceptanydate",
    "acceptinvchars",
    "avro",
    "blanksasnull",
    "column_list",
    "comprows",
    "compupdate",
    "csv",
    "dateformat",
    "emptyasnull",
    "encoding",
    "explicit_ids",
    "fillrecord",
    "from",
    "ignoreblanklines",
    "ignoreheader",
    "json",
    "lzop",
    "maxerror",
    "noload",
    "readratio",
    "region",
    "removequotes",
    "roundec",
    "statupdate",
    "table",
    "timeformat",
    "trimblanks",
];
/// What only `redshift_unload>` reads.
const ONLY_UNLOAD: [&str; 5] = ["addquotes", "allowoverwrite", "parallel", "query", "to"];

/// Everything that the operator reads beside the operator's own maps.
pub(super) fn options(operator: &str) -> Vec<&'static str> {
    let mut options = Vec::from(OPTIONS);
    options.extend(["bzip2", "escape", "gzip", "null_as", "redshift"]);
    options.extend(sql::SERVER_OPTIONS);
    options.extend(["database", "password", "status_table", "status_table_cleanup", "strict_transaction"]);
    if operator == "redshift_load" {
        options.extend(ONLY_LOAD);
        options.extend(["truncatecolumns", "redshift_load"]);
    } else {
        options.extend(ONLY_UNLOAD);
        options.push("redshift_unload");
    }
    options
}

/// Why options of a load cannot stand together, in Digdag's words. `has` tells whether one is given; what is false is
/// not.
pub(crate) fn exclusive_copy_options(has: impl Fn(&str) -> bool) -> Option<&'static str> {
    let any = |keys: &[&str]| keys.iter().any(|key| has(key));
    if has("csv") && any(&["fixedwidth", "removequotes", "escape"]) {
        return Some("CSV cannot be used with FIXEDWIDTH, REMOVEQUOTES, or ESCAPE");
    }
    if has("delimiter") && has("fixedwidth") {
        return Some("DELIMITER cannot be used with FIXEDWIDTH");
    }
    let lines =
        ["csv", "delimiter", "escape", "fillrecord", "fixedwidth", "ignoreblanklines", "removequotes"];
    if has("json") && (any(&lines) || any(&["avro", "null_as", "readratio"])) {
        return Some(
            "JSON cannot be used with CSV, DELIMITER, AVRO, ESCAPE, FILLRECORD, FIXEDWIDTH, IGNOREBLANKLINES, NULL AS, \
             READRATIO or REMOVEQUOTES",
        );
    }
    if has("avro") && any(&["csv", "delimiter", "json", "fixedwidth"]) {
        return Some("AVRO cannot be used with CSV, DELIMITER, JSON or FIXEDWIDTH");
    }
    None
}

/// What is wrong with the value of an option. Switches are refused in Digdag's words.
pub(crate) fn wrong_copy_value(key: &str, value: &Value) -> Option<String> {
    let text = || params::to_text(key, value);
    let message = |error: params::ParamError| error.to_string();
    if FLAGS.contains(&key) || LOAD_FLAGS.contains(&key) {
        return params::to_bool(key, value).err().map(message);
    }
    if NUMBERS.contains(&key) || key == "session_duration" {
        return params::to_integer(key, value).err().map(message);
    }
    if SWITCHES.contains(&key) {
        return match text() {
            Ok(word) if ["ON", "OFF", "TRUE", "FALSE"].contains(&word.to_uppercase().as_str()) => None,
            Ok(word) => Some(format!("{} should be in ON/OFF/TRUE/FALSE: {word}", key.to_uppercase())),
            Err(error) => Some(message(error)),
        };
    }
    match (key, text()) {
        ("csv", Ok(quote)) if quote.chars().count() > 1 => {
            Some("`csv` takes one character to quote with, or '' for the usual one".to_owned())
        }
        ("encoding", Ok(word))
            if !word.bytes().all(|byte| byte.is_ascii_alphanumeric()) || word.is_empty() =>
        {
            Some("`encoding` takes a word such as `UTF8` or `UTF16LE`".to_owned())
        }
        ("csv" | "encoding", Err(error)) => Some(message(error)),
        _ => None,
    }
}

/// The problems of a call's own keys. Those of the connection are [`sql`]'s.
pub(super) fn check(call: &OperatorCall, entries: &[&Entry]) -> Vec<Problem> {
    let mut problems: Vec<_> =
        entries.iter().filter_map(|entry| sql::wrong(entry).or_else(|| wrong(entry))).collect();
    if call.operator == "redshift_load"
        && let Some(clash) = exclusive_copy_options(|key| find(entries, key).is_some_and(given))
    {
        problems.push(Problem::error(CODE, clash, &call.span));
    }
    if !call.command.is_null() {
        let message = format!("the value of `{}>` has no effect", call.operator);
        problems.push(Problem::warning("no-effect", message, &call.span));
    }
    problems
}

fn wrong(entry: &Entry) -> Option<Problem> {
    let value = entry.value.to_json();
    if value.is_null() || holds_template(&entry.value) {
        return None;
    }
    wrong_copy_value(&entry.key, &value).map(|message| Problem::error(CODE, message, span_of(entry)))
}

/// Whether an option is there for certain.
fn given(entry: &Entry) -> bool {
    let value = entry.value.to_json();
    let is_flag = FLAGS.contains(&entry.key.as_str()) || LOAD_FLAGS.contains(&entry.key.as_str());
    if is_flag {
        return !holds_template(&entry.value) && params::to_bool(&entry.key, &value) == Ok(true);
    }
    !value.is_null()
}
