//! `bq>`, `bq_load>`, `bq_extract>` and `bq_ddl>`: what they read, and what they cannot do without.

use serde_json::Value;

use super::CODE;
use crate::diagnostic::Problem;
use crate::dig::compile::{find, holds_template};
use crate::dig::params;
use crate::dig::workflow::OperatorCall;
use crate::yaml::Entry;

/// What `bq>` reads besides the parameters of its text; `bq` and `gcp` hold defaults.
pub(super) const QUERY_OPTIONS: &[&str] = &[
    "query",
    "dataset",
    "destination_table",
    "location",
    "create_disposition",
    "write_disposition",
    "priority",
    "use_query_cache",
    "allow_large_results",
    "flatten_results",
    "use_legacy_sql",
    "maximum_billing_tier",
    "maximum_bytes_billed",
    "table_definitions",
    "user_defined_function_resources",
    "schema_update_options",
    "clustering",
    "encryption_configuration",
    "range_partitioning",
    "time_partitioning",
    "bq",
    "gcp",
];

/// What `bq_load>` reads.
pub(super) const LOAD_OPTIONS: &[&str] = &[
    "dataset",
    "destination_table",
    "location",
    "create_disposition",
    "write_disposition",
    "source_format",
    "field_delimiter",
    "skip_leading_rows",
    "encoding",
    "quote",
    "max_bad_records",
    "allow_quoted_newlines",
    "allow_jagged_rows",
    "ignore_unknown_values",
    "projection_fields",
    "autodetect",
    "schema",
    "schema_update_options",
    "clustering",
    "decimal_target_types",
    "encryption_configuration",
    "hive_partitioning_options",
    "json_extension",
    "null_marker",
    "parquet_options",
    "use_avro_logical_types",
    "range_partitioning",
    "time_partitioning",
    "bq",
    "gcp",
];

/// What `bq_extract>` reads.
pub(super) const EXTRACT_OPTIONS: &[&str] = &[
    "dataset",
    "location",
    "destination",
    "print_header",
    "field_delimiter",
    "destination_format",
    "compression",
    "bq",
    "gcp",
];

/// What `bq_ddl>` reads.
pub(super) const DDL_OPTIONS: &[&str] = &[
    "dataset",
    "delete_datasets",
    "empty_datasets",
    "create_datasets",
    "delete_tables",
    "empty_tables",
    "create_tables",
    "bq",
    "gcp",
];

/// The problems of values that can only fail; none for other operators.
pub(super) fn check(call: &OperatorCall, entries: &[&Entry]) -> Vec<Problem> {
    let addresses = match call.operator.as_str() {
        "bq_load" if !holds_template(&call.command_node) => {
            bad_address(&call.command).map(|message| (message, &call.command_node.span))
        }
        "bq_extract" => find(entries, "destination")
            .filter(|entry| !holds_template(&entry.value))
            .and_then(|entry| Some((bad_address(&entry.value.to_json())?, &entry.value.span))),
        _ => None,
    };
    let mut problems: Vec<Problem> =
        addresses.map(|(message, span)| Problem::error(CODE, message, span)).into_iter().collect();
    if call.operator == "bq_ddl" {
        let lists = DDL_OPTIONS.iter().filter(|name| name.contains('_'));
        problems.extend(lists.filter_map(|name| {
            let entry = find(entries, name).filter(|entry| !holds_template(&entry.value))?;
            let is_list = matches!(params::parsed(&entry.value.to_json()), Value::Array(_) | Value::Null);
            let message = format!("`{name}` must be a list, but is {}", entry.value.kind());
            (!is_list).then(|| Problem::error(CODE, message, &entry.value.span))
        }));
    }
    problems
}

/// What is wrong with one address in Cloud Storage, or some.
fn bad_address(value: &Value) -> Option<String> {
    let value = params::parsed(value);
    let list = match &value {
        Value::Null => return None,
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let is_address =
        |item: &Value| item.as_str().is_some_and(|text| text.starts_with("gs://") || text.contains("${"));
    let bad = list.iter().find(|item| !is_address(item))?;
    let shown = bad.as_str().map_or_else(|| bad.to_string(), str::to_owned);
    Some(format!("`{shown}` is no address such as `gs://BUCKET/OBJECT`"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::problems;

    #[test]
    fn what_can_only_fail_is_found_before_the_run() {
        for (task, expected) in [
            ("bq_load>: gs://b/o, destination_table: t", vec![]),
            ("bq_load>: ['gs://b/o', '${x}'], destination_table: t", vec![]),
            (
                "bq_load>: o.csv, destination_table: t",
                vec!["error `o.csv` is no address such as `gs://BUCKET/OBJECT`"],
            ),
            (
                "bq_extract>: t, destination: [gs://b/o, 5]",
                vec!["error `5` is no address such as `gs://BUCKET/OBJECT`"],
            ),
            ("bq_ddl>: null, create_tables: t", vec!["error `create_tables` must be a list, but is text"]),
            ("bq_ddl>: null, create_tables: [t], delete_datasets: '${x}'", vec![]),
            (
                "bq_load>: gs://b/o, destination_tabel: t",
                vec!["warning `bq_load>` does not read `destination_tabel`"],
            ),
            (
                "bq>: {data: SELECT 1}, use_legacy_sq: true",
                vec!["warning `bq>` does not read `use_legacy_sq`"],
            ),
            ("bq>: [1]", vec!["error `bq>` takes the name of a file or `data: TEXT`, not a list"]),
        ] {
            assert_eq!(problems(task), expected, "{task}");
        }
    }
}
