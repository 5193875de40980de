//! What each option may hold and what is said of the rest, from the outside.

mod login;
mod mysql_output;
mod postgresql;
mod postgresql_output;
mod redshift;

mod source;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::Path;
use std::time::Duration;

use crate::diagnostic::Problem;
use crate::embulk::config::{EmbulkConfig, ExecConfig, TypeMapping};
use crate::embulk::filter::{ColumnSelection, DefaultValue, FilterConfig, RemoveRule, Unmatched};
use crate::embulk::input::{DatetimeCode, InputConfig, Selection, SslMode, ValueType};
use crate::embulk::output::{
    Auth, BigqueryOutput, Compression, CountCheck, Creation, Encoder, FieldMode, FieldType, FormatChoice,
    Formatter, GivenSchema, HeaderLine, Newline, OutputConfig, Partitioning, QuotePolicy, SourceFormat,
    StaleObjects, TextEncoding, TimeUnit,
};
use crate::embulk::{Rendered, Surroundings, load};
use crate::reader::MemoryReader;
use crate::secret::{Secret, SecretError, SecretStore};

mod bigquery;
mod buckets;
mod google;

struct Empty;

impl SecretStore for Empty {
    fn get(&self, name: &str) -> Result<Secret, SecretError> {
        Err(SecretError::NotFound { name: name.to_owned() })
    }
}

fn loaded(text: &str) -> Result<Rendered, Vec<Problem>> {
    load(
        Path::new("a.yml"),
        &Surroundings {
            env: &BTreeMap::new(),
            reader: &MemoryReader::default().with("a.yml", text),
            secrets: &Empty,
            is_secret: &|_, _| false,
            now: &"2024-06-04T01:02:03[UTC]".parse().unwrap(),
            directory: Path::new(""),
            diff: None,
            exec: ExecConfig::default(),
        },
    )
}

pub(super) fn bound(text: &str) -> EmbulkConfig {
    match loaded(text) {
        Ok(rendered) if rendered.problems.is_empty() => rendered.config,
        Ok(rendered) => panic!("{:?}", lines(&rendered.problems)),
        Err(problems) => panic!("{:?}", lines(&problems)),
    }
}

/// The output of a file that writes to BigQuery.
fn output_of(text: &str) -> BigqueryOutput {
    let OutputConfig::Bigquery(output) = bound(text).output else { panic!("bigquery") };
    *output
}

fn lines(problems: &[Problem]) -> Vec<String> {
    let line = |problem: &Problem| {
        let (line, column) = problem.span.as_ref().map_or((0, 0), |span| (span.line(), span.column()));
        let label = if problem.label.is_empty() { String::new() } else { format!(" [{}]", problem.label) };
        let word = problem.severity.word();
        format!("{line}:{column} {word} {}: {}{label}", problem.code, problem.message)
    };
    problems.iter().map(line).collect()
}

fn problems(text: &str) -> Vec<String> {
    match loaded(text) {
        Ok(rendered) => lines(&rendered.problems),
        Err(problems) => lines(&problems),
    }
}

const IN: &str = "in: {type: sqlite, database: d, table: t}\n";
const OUT: &str = "out: {type: file, path_prefix: o, file_ext: csv, formatter: {type: csv}}\n";

fn input_problems(options: &str) -> Vec<String> {
    problems(&format!("{OUT}in:\n  type: mysql\n  host: h\n  user: u\n  database: d\n{options}"))
}

fn output_problems(options: &str) -> Vec<String> {
    problems(&format!("{IN}out:\n  type: bigquery\n  project: p\n  dataset: d\n  table: t\n{options}"))
}

pub(super) fn filter_problems(filter: &str) -> Vec<String> {
    problems(&format!("{IN}{OUT}filters:\n- {filter}\n"))
}

#[test]
fn the_defaults_of_mysql() {
    let config = bound(&format!("in: {{type: mysql, host: h, user: u, database: d, table: t}}\n{OUT}"));
    let InputConfig::Mysql(input) = config.input else { panic!("mysql") };
    assert_eq!((input.port, input.password.expose(), input.ssl), (3306, "", SslMode::Disable));
    assert_eq!(input.fetch_rows, 10_000);
    assert_eq!(input.connect_timeout, Duration::from_secs(300));
    assert_eq!(input.socket_timeout, Duration::from_secs(1800));
    assert_eq!(input.datetime_code, DatetimeCode::ServerZone);
    assert_eq!(input.default_timezone.name, "UTC");
    assert!(input.column_options.is_empty() && input.options.is_empty());
    let Selection::Table { table, select, where_clause, order_by } = input.selection else { panic!("table") };
    assert_eq!((table.expose(), select.expose()), ("t", "*"));
    assert_eq!((where_clause, order_by), (None, None));
}

#[test]
fn the_options_of_mysql() {
    let config = bound(&format!(
        "{OUT}in:\n  type: mysql\n  host: h\n  port: '3307'\n  user: 5\n  password: 007\n  database: d\n  ssl: true\n  query: select 1\n  fetch_rows: 1\n  use_legacy_datetime_code: true\n  default_timezone: Asia/Tokyo\n  driver_path: x.jar\n  incremental: false\n  before_select: set a = 1\n  options: {{tinyInt1isBit: false, n: 1}}\n  column_options:\n    a: {{value_type: STRING, type: json, timestamp_format: '%Y', timezone: '+09:00'}}\n  default_column_options:\n    BIT: {{type: long}}\n"
    ));
    let InputConfig::Mysql(input) = config.input else { panic!("mysql") };
    assert_eq!((input.port, input.user.expose(), input.password.expose()), (3307, "5", "7"));
    assert_eq!((input.ssl, input.datetime_code), (SslMode::Enable, DatetimeCode::ProcessZone));
    assert!(matches!(&input.selection, Selection::Query(query) if query.expose() == "select 1"));
    assert_eq!(input.options["tinyInt1isBit"].expose(), "false");
    assert_eq!(input.options["n"].expose(), "1");
    let (name, column) = &input.column_options[0];
    assert_eq!((name.as_str(), column.value_type), ("a", ValueType::String));
    assert_eq!(input.default_column_options[0].0, "BIT");
    assert_eq!(
        input.statements.before_select.as_ref().map(crate::embulk::text::Text::expose),
        Some("set a = 1")
    );
}

#[test]
fn what_mysql_refuses() {
    for (options, expected) in [
        ("", vec!["3:3 error missing-option: `table` or `query` is required in `in`"]),
        ("  table:\n", vec!["3:3 error missing-option: `table` or `query` is required in `in`"]),
        (
            "  table: t\n  query: q\n",
            vec!["3:3 error missing-option: `table` and `query` cannot be given both"],
        ),
        (
            "  query: q\n  where: w\n",
            vec!["3:3 error missing-option: `select`, `where` and `order_by` cannot be given with `query`"],
        ),
        (
            "  table: t\n  port: many\n",
            vec!["8:9 error bad-value: `port` must be a whole number from 1 to 65535, not `many`"],
        ),
        ("  table: [t]\n", vec!["7:10 error wrong-type: `table` must be text, not a list"]),
        (
            "  table: t\n  ssl: maybe\n",
            vec![
                "8:8 error bad-value: `ssl` must be one of disable, enable, verify, true, false, not `maybe`",
            ],
        ),
        (
            "  table: t\n  use_legacy_datetime_code: yes\n",
            vec!["8:29 error bad-value: `use_legacy_datetime_code` must be true or false, not `yes`"],
        ),
        (
            "  table: t\n  default_timezone: Mars\n",
            vec!["8:21 error bad-time-zone: `Mars` in `default_timezone` is not a time zone"],
        ),
        (
            "  table: t\n  incremental: true\n  incremental_columns: [a, b]\n  order_by: a\n  last_record: [1, x]\n",
            vec!["10:13 error bad-value: `order_by` must not be set if `incremental` is true"],
        ),
        (
            "  table: t\n  incremental: true\n  incremental_columns: [a, b]\n  last_record: [1]\n",
            vec!["10:16 error bad-value: `last_record` must have as many values as `incremental_columns`"],
        ),
        (
            "  table: t\n  incremental: true\n  incremental_columns: [a]\n  last_record: [{}]\n",
            vec!["10:17 error wrong-type: `last_record` must hold numbers and texts, not a mapping"],
        ),
        (
            "  table: t\n  incremental_columns: [a]\n",
            vec!["8:24 error bad-value: `incremental: true` must be set if `incremental_columns` is set"],
        ),
        (
            "  query: select 1\n  incremental: true\n",
            vec![
                "8:16 error bad-value: a `query` is incremental only with `use_raw_query_with_incremental: true`",
            ],
        ),
        (
            "  query: select 1\n  incremental: true\n  use_raw_query_with_incremental: true\n",
            vec!["8:16 error bad-value: an incremental `query` needs `incremental_columns`"],
        ),
        (
            "  query: select 1\n  incremental: true\n  use_raw_query_with_incremental: true\n  incremental_columns: [a]\n",
            vec!["8:16 error bad-value: an incremental `query` needs a `last_record` to begin behind"],
        ),
        (
            "  table: t\n  column_options: {a: {value_type: strin}}\n",
            vec![
                "8:36 error bad-value: `value_type` must be one of coalesce, long, float, double, boolean, string, json, date, time, timestamp, decimal, not `strin` [did you mean `string`?]",
            ],
        ),
        (
            "  table: t\n  column_options: [a]\n",
            vec!["8:19 error wrong-type: `column_options` must be a mapping, not a list"],
        ),
        (
            "  table: t\n  column_options: {a: long}\n",
            vec!["8:23 error wrong-type: `column_options` of `a` must be a mapping, not text"],
        ),
        (
            "  table: t\n  passwrod: x\n",
            vec![
                "8:3 warning unknown-option: unknown option `passwrod` in `in` is ignored [did you mean `password`?]",
            ],
        ),
    ] {
        assert_eq!(input_problems(options), expected, "{options}");
    }
}

#[test]
fn what_is_missing_is_said_at_once() {
    assert_eq!(
        problems("in: {type: mysql}\n"),
        [
            "1:5 error missing-option: `host` is required in `in`",
            "1:5 error missing-option: `user` is required in `in`",
            "1:5 error missing-option: `database` is required in `in`",
            "1:5 error missing-option: `table` or `query` is required in `in`",
            "1:1 error missing-option: `out` is required in the file",
        ]
    );
    assert_eq!(
        problems(""),
        ["1:1 error not-a-mapping: a transfer file must be a mapping with `in` and `out`, not null"]
    );
    assert_eq!(
        problems(
            "in:\nout: {type: file}\nexec: {min_output_tasks: 0, type: mapreduce, transaction_time: x}\nfoo: 1\n"
        ),
        [
            "1:1 error missing-option: `in` is required in the file",
            "3:26 error bad-value: `min_output_tasks` must be a whole number of at least 1, not `0`",
            "3:35 error bad-value: `type` must be one of local, not `mapreduce`",
            "3:46 warning ignored-option: `transaction_time` has no effect: no plugin here takes a time from it",
            "2:6 error missing-option: `path_prefix` is required in `out`",
            "2:6 error missing-option: `file_ext` is required in `out`",
            "2:6 error missing-option: `formatter` is required in `out`",
            "4:1 warning unknown-option: unknown option `foo` in the file is ignored",
        ]
    );
}

#[test]
fn filters_are_bound_in_order() {
    let config = bound(&format!(
        "{IN}{OUT}filters:\n- type: column\n  columns:\n  - {{name: a}}\n  - {{name: b, src: c}}\n  add_columns:\n  - {{name: d, type: boolean, default: true}}\n  - {{name: e, type: long, default: 5}}\n- {{type: remove_columns, keep: [a], accept_unmatched_columns: true}}\n- {{type: rename, columns: {{a: b}}}}\n"
    ));
    let [FilterConfig::Column(column), FilterConfig::RemoveColumns(remove), FilterConfig::Rename(rename)] =
        config.filters.as_slice()
    else {
        panic!("three filters")
    };
    let ColumnSelection::Only(only) = &column.selection else { panic!("columns") };
    assert_eq!((only[1].name.as_str(), only[1].src.as_deref()), ("b", Some("c")));
    assert_eq!(column.add[0].default, Some(DefaultValue::Boolean(true)));
    assert_eq!(column.add[1].default, Some(DefaultValue::Text("5".to_owned())));
    assert_eq!(remove.rule, RemoveRule::Keep(vec!["a".to_owned()]));
    assert_eq!(remove.unmatched, Unmatched::Accept);
    assert_eq!(rename.columns, [("a".to_owned(), "b".to_owned())]);
}

#[test]
fn what_filters_refuse() {
    for (filter, expected) in [
        (
            "{type: column, columns: [{name: a}], drop_columns: [{name: b}]}",
            vec!["4:3 error bad-value: `columns` and `drop_columns` cannot be given both"],
        ),
        (
            "{type: column, drop_columns: [a]}",
            vec!["4:33 error wrong-type: `drop_columns` must be a list of mappings, not text"],
        ),
        (
            "{type: column, drop_columns: a}",
            vec!["4:32 error wrong-type: `drop_columns` must be a list, not text"],
        ),
        (
            "{type: column, drop_columns: }",
            vec!["4:18 warning empty-value: `drop_columns` has nothing under it and counts as an empty list"],
        ),
        (
            "{type: remove_columns}",
            vec!["4:3 error missing-option: `remove` or `keep` is required in `filters`"],
        ),
        (
            "{type: remove_columns, remove: [a], keep: [b]}",
            vec!["4:3 error bad-value: `remove` and `keep` cannot be given both"],
        ),
        (
            "{type: rename, columns: {a: [b]}}",
            vec!["4:31 error wrong-type: the new name of `a` must be text, not a list"],
        ),
        (
            "{type: ruby_proc, columns: []}",
            vec![
                "4:10 error unknown-plugin: filter plugin `ruby_proc` runs Ruby code, which is not supported",
            ],
        ),
        ("{}", vec!["4:3 error missing-option: `type` is required in `filters`"]),
    ] {
        assert_eq!(filter_problems(filter), expected, "{filter}");
    }
}

#[test]
fn the_defaults_of_bigquery() {
    let config = bound(&format!("{IN}out: {{type: bigquery, project: p, dataset: d, table: t}}\n"));
    let OutputConfig::Bigquery(output) = config.output else { panic!("bigquery") };
    assert_eq!(output.auth, Auth::ApplicationDefault);
    assert_eq!((output.project.expose(), output.destination_project.expose()), ("p", "p"));
    assert_eq!((output.source_format, output.compression), (SourceFormat::Csv, Compression::None));
    assert_eq!(output.format_choice, FormatChoice::Fastest);
    assert_eq!((output.field_delimiter, output.encoding), (',', TextEncoding::Utf8));
    assert_eq!((output.local, output.kept, output.ready), (None, None, None));
    assert_eq!((output.types, output.count_check), (TypeMapping::Embulk, CountCheck::Fail));
    assert_eq!((output.retries, output.max_bad_records), (5, 0));
    assert_eq!(output.timeouts.read, Duration::from_secs(300));
    assert_eq!(output.default_timestamp_format, "%Y-%m-%d %H:%M:%S.%6N");
    assert_eq!((output.gcs, output.partitioning), (None, None));
}

#[test]
fn the_options_of_bigquery() {
    let config = bound(&format!(
        "{IN}out:\n  type: bigquery\n  mode: APPEND\n  project: p\n  destination_project: q\n  dataset: d\n  table: t$20240101\n  location: asia-northeast1\n  auto_create_dataset: true\n  auto_create_table: true\n  gcs_bucket: b\n  auto_create_gcs_bucket: true\n  source_format: jsonl\n  compression: gzip\n  max_bad_records: 3\n  timeout_sec: 7\n  types: exact\n  time_partitioning: {{type: day, expiration_ms: 86400000, field: at}}\n  clustering: {{fields: [a, b]}}\n  schema_update_options: [ALLOW_FIELD_ADDITION]\n  column_options:\n  - {{name: a, type: numeric, mode: required, description: x}}\n  - {{name: b, type: Timestamp, timezone: +0900, strict: false}}\n"
    ));
    let OutputConfig::Bigquery(output) = config.output else { panic!("bigquery") };
    assert_eq!(output.destination_project.expose(), "q");
    assert_eq!(output.dataset_creation, Creation::IfMissing);
    assert_eq!(output.gcs.as_ref().map(|gcs| gcs.creation), Some(Creation::IfMissing));
    assert_eq!((output.source_format, output.compression), (SourceFormat::Jsonl, Compression::Gzip));
    assert_eq!((output.count_check, output.types), (CountCheck::Note, TypeMapping::Exact));
    assert_eq!(output.timeouts.read, Duration::from_secs(7));
    assert_eq!(
        output.partitioning,
        Some(Partitioning::Time {
            unit: TimeUnit::Day,
            expiration_ms: Some(86_400_000),
            field: Some("at".to_owned())
        })
    );
    assert_eq!(output.clustering, ["a", "b"]);
    assert_eq!(output.column_options[0].field_type, Some(FieldType::Numeric));
    assert_eq!(output.column_options[0].mode, FieldMode::Required);
    assert_eq!(output.column_options[1].field_type, Some(FieldType::Timestamp));
}

#[test]
fn what_bigquery_refuses() {
    for (options, expected) in [
        (
            "  auth_method: json_key\n",
            vec!["7:16 error missing-option: `json_keyfile` is required for this `auth_method`"],
        ),
        (
            "  auth_method: private_key\n",
            vec![
                "7:16 error bad-value: `auth_method` must be one of json_key, service_account, authorized_user, compute_engine, application_default, workload_identity_federation, not `private_key`",
            ],
        ),
        (
            "  json_keyfile: {content: '{}'}\n",
            vec!["7:27 error bad-json-key: `json_keyfile` has no `client_email`"],
        ),
        ("  skip_load: true\n  path_prefix: out/r\n", vec![]),
        (
            "  skip_load: true\n",
            vec!["7:14 error missing-option: `skip_load` leaves a file, so `path_prefix` must say where"],
        ),
        (
            "  skip_load: true\n  path_prefix: r\n  sequence_format: '%x'\n",
            vec![
                "9:20 error bad-value: `%x` is not a sequence format; it may hold %d, %02d, %03d and their like for two numbers, and %%",
            ],
        ),
        ("  mode: delete_in_advance\n  merge_keys: []\n", vec![]),
        (
            "  mode: replace_backup\n",
            vec!["7:9 error missing-option: `mode: replace_backup` requires `dataset_old` or `table_old`"],
        ),
        ("  mode: replace_backup\n  table_old: x\n", vec![]),
        ("  mode: append_direct\n  auto_create_table: false\n", vec![]),
        (
            "  before_load: DELETE FROM x WHERE true\n  mode: replace\n",
            vec!["7:16 error bad-value: `before_load` is there for `mode: append` only"],
        ),
        (
            "  schema_file: no.json\n",
            vec!["7:16 error bad-schema-file: `schema_file` `no.json` cannot be read: entity not found"],
        ),
        (
            "  payload_column: x\n",
            vec![
                "7:19 error missing-option: `payload_column` needs `schema_file` or `template_table`: a line says nothing of its fields",
            ],
        ),
        (
            "  mode: replce\n",
            vec![
                "7:9 error bad-value: `mode` must be one of append, append_direct, replace, delete_in_advance, replace_backup, merge, not `replce` [did you mean `replace`?]",
            ],
        ),
        (
            "  auto_create_table: false\n",
            vec!["7:22 error bad-value: `mode: append` requires `auto_create_table: true`"],
        ),
        (
            "  auto_create_dataset: 'false'\n",
            vec![
                "7:24 warning true-by-ruby: `auto_create_dataset` counts as true: everything but `false` without quotes does",
            ],
        ),
        (
            "  default_timezone: JST\n",
            vec!["7:21 error bad-time-zone: `JST` in `default_timezone` is not a time zone"],
        ),
        (
            "  column_options: [{name: a, type: STRNG}, {type: STRING}]\n",
            vec![
                "7:36 error bad-value: `STRNG` is not a type of BigQuery [did you mean `STRING`?]",
                "7:44 error missing-option: `name` is required in `column_options`",
            ],
        ),
        ("  field_delimiter: \"\\t\"\n", vec![]),
        (
            "  field_delimiter: '||'\n",
            vec!["7:20 error bad-value: `field_delimiter` must be one character of ASCII, not `||`"],
        ),
        (
            "  encoding: ISO-8859-1\n",
            vec![
                "7:3 warning ignored-option: `encoding` has no effect: texts are sent in UTF-8 and arrive as they are",
            ],
        ),
        ("  encoding: ISO-8859-1\n  skip_file_generation: true\n  path_prefix: f\n", vec![]),
        (
            "  skip_file_generation: true\n  skip_load: true\n",
            vec![
                "8:14 error bad-value: `skip_load` and `skip_file_generation` leave nothing to do",
                "7:25 error missing-option: `skip_file_generation` loads files, so `path_prefix` must say where",
            ],
        ),
        (
            "  delete_from_local_when_job_end: false\n",
            vec![
                "7:35 error missing-option: `delete_from_local_when_job_end` leaves a file, so `path_prefix` must say where",
            ],
        ),
        (
            "  progress_log_interval: often\n",
            vec!["7:26 error bad-value: `progress_log_interval` must be a number of seconds, not `often`"],
        ),
        (
            "  retries: 1.x\n  max_bad_records: '08'\n",
            vec![
                "8:20 error bad-value: `max_bad_records` must be a whole number from 0 to 2147483647, not `08`",
                "7:12 error bad-value: `retries` must be a whole number from 0 to 1000, not `1.x`",
            ],
        ),
        ("  clustering: {}\n", vec!["7:15 error missing-option: `fields` is required in `clustering`"]),
        (
            "  range_partitioning: {field: a, range: {start: 1, interval: 1}}\n",
            vec!["7:41 error missing-option: `end` is required in `range`"],
        ),
        ("  payload_column: x\n  mode: append_direct\n  auto_create_table: false\n", vec![]),
        (
            "  is_skip_job_result_check: true\n",
            vec![
                "7:29 warning ignored-option: `is_skip_job_result_check` is ignored: the result of a job is always checked",
            ],
        ),
        (
            "  range_partitioning: {field: a, range: {start: 1, end: 2, interval: 1}}\n",
            vec!["7:23 error bad-value: `range_partitioning` needs `start` + `interval` < `end`"],
        ),
        (
            "  schema_update_options: [ALLOW_FIELD_ADITION]\n",
            vec![
                "7:27 error bad-value: `schema_update_options` must be one of ALLOW_FIELD_ADDITION, ALLOW_FIELD_RELAXATION, not `ALLOW_FIELD_ADITION` [did you mean `ALLOW_FIELD_ADDITION`?]",
            ],
        ),
    ] {
        assert_eq!(output_problems(options), expected, "{options}");
    }
}

#[test]
fn a_project_may_come_from_the_key() {
    let key = r#"{"project_id": "own", "type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}"#;
    let config = bound(&format!(
        "{IN}out: {{type: bigquery, dataset: d, table: t, auth_method: authorized_user, json_keyfile: {{content: '{key}'}}}}\n"
    ));
    let OutputConfig::Bigquery(output) = config.output else { panic!("bigquery") };
    assert_eq!((output.project.expose(), output.destination_project.expose()), ("own", "own"));
    assert_eq!(
        problems(&format!("{IN}out: {{type: bigquery, dataset: d, table: t}}\n")),
        ["2:6 error missing-option: `project` is required in `out`"]
    );
}

#[test]
fn files_and_their_formats() {
    let config = bound(&format!(
        "{IN}out:\n  type: file\n  path_prefix: o\n  file_ext: .csv.gz\n  sequence_format: .%03d.%02d\n  stale_objects: keep\n  formatter:\n    type: csv\n    header_line: false\n    delimiter: \"\\t\"\n    quote_policy: NONE\n    null_string: \\N\n    newline: LF\n    charset: UTF-8\n    column_options: {{a: {{format: '%Y', timezone: Asia/Tokyo}}}}\n  encoders: [{{type: gzip, level: 9}}]\n"
    ));
    assert_eq!(config.output.to_string(), "file o.000.00.csv.gz");
    let OutputConfig::File(output) = config.output else { panic!("file") };
    assert_eq!((output.types, output.stale), (TypeMapping::Embulk, StaleObjects::Keep));
    assert_eq!(output.encoders, [Encoder::Gzip { level: Some(9) }]);
    let Formatter::Csv(csv) = output.formatter else { panic!("csv") };
    assert_eq!(
        (csv.header, csv.newline, csv.newline_in_field),
        (HeaderLine::Absent, Newline::Lf, Newline::Lf)
    );
    assert_eq!((csv.delimiter, csv.escape, csv.quote_policy), ('\t', '\\', QuotePolicy::None));
    assert_eq!(csv.null_string, "\\N");
    let several = bound(
        &format!("{IN}{OUT}")
            .replace("csv}", "csv}, max_file_bytes: 5, encoders: [{type: bzip2}, {type: zstd}]"),
    );
    let OutputConfig::File(several) = several.output else { panic!("file") };
    assert_eq!(several.encoders, [Encoder::Bzip2 { level: 9 }, Encoder::Zstd { level: 3 }]);
    assert_eq!(several.max_file_bytes, NonZeroU64::new(5));
    let parquet = bound(&format!("{IN}{}", OUT.replace("csv}", "parquet}")));
    assert!(matches!(parquet.output, OutputConfig::File(output) if output.types == TypeMapping::Exact));
}

#[test]
fn what_files_refuse() {
    let file =
        |more: &str| problems(&format!("{IN}out:\n  type: file\n  path_prefix: o\n  file_ext: e\n{more}"));
    assert_eq!(
        file(
            "  formatter: {type: csv, charset: Big5, delimiter: ab, quote_policy: SOME}\n  encoders: [{type: lzma}]\n  sequence_format: '%x'\n  max_file_bytes: 0\n"
        ),
        [
            "6:35 error bad-value: `Big5` in `charset` is not a charset that is written",
            "6:70 error bad-value: `quote_policy` must be one of MINIMAL, ALL, NONE, not `SOME`",
            "6:52 error bad-value: `delimiter` must be one character, not `ab`",
            "7:21 error unknown-plugin: unknown encoder plugin `lzma`",
            "8:20 error bad-value: `%x` is not a sequence format; it may hold %d, %02d, %03d and their like for two numbers, and %%",
            "9:19 error bad-value: `max_file_bytes` must be a whole number of at least 1, not `0`",
        ]
    );
    assert_eq!(
        file("  formatter: {type: jsonl}\n  sequence_format: .%d\n  max_file_bytes: 5\n"),
        [
            "7:20 error bad-value: `max_file_bytes` makes several files, and `sequence_format` gives all of them one name"
        ]
    );
    assert_eq!(
        file("  formatter: {type: jsonl}\n  encoders: [{type: bzip2, level: 0}, {type: zstd, level: 20}]\n"),
        [
            "7:35 error bad-value: `level` must be a whole number from 1 to 9, not `0`",
            "7:59 error bad-value: `level` must be a whole number from 1 to 19, not `20`",
        ]
    );
    assert_eq!(problems(&format!("{IN}{OUT}exec: {{min_output_tasks: 4}}\n")), [""; 0]);
    assert_eq!(
        problems(&format!("{IN}{OUT}exec: {{max_threads: 2}}\n")),
        [
            "3:8 warning ignored-option: `max_threads` has no effect: a transfer reads in one thread and writes in another"
        ]
    );
}

#[test]
fn a_schema_file_is_read_with_the_config() {
    let load_with = |schema: &str| {
        let config = format!(
            "{IN}out:\n  type: bigquery\n  project: p\n  dataset: d\n  table: t\n  schema_file: s.json\n"
        );
        let reader = MemoryReader::default().with("a.yml", &config).with("s.json", schema);
        let surroundings = Surroundings {
            env: &BTreeMap::new(),
            reader: &reader,
            secrets: &Empty,
            is_secret: &|_, _| false,
            now: &"2024-06-04T01:02:03[UTC]".parse().unwrap(),
            directory: Path::new(""),
            diff: None,
            exec: ExecConfig::default(),
        };
        load(Path::new("a.yml"), &surroundings).map_err(|problems| lines(&problems))
    };
    let OutputConfig::Bigquery(output) =
        load_with(r#"[{"name": "a", "type": "NUMERIC"}]"#).unwrap().config.output
    else {
        panic!("bigquery")
    };
    let fields = vec![serde_json::json!({"name": "a", "type": "NUMERIC"})];
    assert_eq!(output.given_schema, Some(GivenSchema::File(fields)));
    let refused = |schema: &str| load_with(schema).map(drop).unwrap_err();
    assert_eq!(
        refused("{}"),
        [
            "7:16 error bad-schema-file: `schema_file` `s.json` is not a list of fields in JSON: invalid type: map, expected a sequence at line 1 column 0"
        ]
    );
    assert_eq!(
        refused(r#"[{"name": "a", "type": "NUMERIC"}, {"name": "b"}]"#),
        ["7:16 error bad-schema-file: field 2 of `schema_file` `s.json` has no `name` and `type`"]
    );
}

#[test]
fn what_is_refused_comes_with_what_to_do() {
    let mysql = |options: &str| {
        format!("{OUT}in:\n  type: mysql\n  host: h\n  user: u\n  database: d\n  table: t\n{options}")
    };
    let bigquery = |options: &str| {
        format!("{IN}out:\n  type: bigquery\n  project: p\n  dataset: d\n  table: t\n{options}")
    };
    let file = |options: &str| format!("{IN}out:\n  type: file\n  path_prefix: o\n  file_ext: e\n{options}");
    for (text, expected) in [
        (mysql("  options: {a: [b]}\n"), "`a` in `options` must be a scalar, not a list"),
        (
            file("  formatter: {type: csv}\n  sequence_format: .\n  max_file_bytes: 5\n"),
            "`max_file_bytes` makes several files, and `sequence_format` gives all of them one name\n\
             hint: write both numbers in it: `.%03d.%02d`",
        ),
        (
            file("  formatter: {type: csv}\n  types: exact\n"),
            "`types` is not supported yet, and leaving it out would change the result\n\
             hint: exact types of files are for the `parquet` formatter",
        ),
        (
            file("  formatter: {type: csv, charset: Big5}\n"),
            "`Big5` in `charset` is not a charset that is written\n\
             hint: UTF-8, UTF-16, Shift_JIS, windows-31j, EUC-JP, EUC-KR, ISO-8859-1 and other charsets of one byte are",
        ),
        (
            file("  formatter: {type: csv}\n  sequence_format: '.%%'\nexec: {min_output_tasks: 4}\n"),
            "`min_output_tasks` makes 4 files, and `sequence_format` gives all of them one name\n\
             hint: write both numbers in it: `.%03d.%02d`",
        ),
        (
            bigquery("  encoding: Shift_JIS\n"),
            "`encoding` must be one of UTF-8, ISO-8859-1, UTF-16BE, UTF-16LE, UTF-32BE, UTF-32LE, not `Shift_JIS`",
        ),
        (
            bigquery("  auto_create_dataset: 'false'\n"),
            "`auto_create_dataset` counts as true: everything but `false` without quotes does\n\
             hint: write `false` without quotes",
        ),
        (
            bigquery(
                "  time_partitioning: {type: DAY}\n  range_partitioning: {field: a, range: {start: 1, end: 9, interval: 1}}\n",
            ),
            "`time_partitioning` and `range_partitioning` cannot be given both",
        ),
        (
            format!("{IN}{OUT}filters:\n- {{type: remove_columns, remove: [[a]]}}\n"),
            "`remove` must be a list of texts, not a list",
        ),
    ] {
        let problems = match loaded(&text) {
            Ok(rendered) => rendered.problems,
            Err(problems) => problems,
        };
        let said = problems.iter().map(|problem| match &problem.hint {
            Some(hint) => format!("{}\nhint: {hint}", problem.message),
            None => problem.message.clone(),
        });
        assert_eq!(said.collect::<Vec<_>>(), [expected], "{text}");
    }
}
