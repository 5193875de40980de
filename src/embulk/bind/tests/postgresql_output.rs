//! `out: {type: postgresql}`.

use super::*;
use crate::embulk::output::{Isolation, LoadMode, PostgresqlOutput, SentAs};

fn output(options: &str) -> PostgresqlOutput {
    let config = bound(&format!(
        "{IN}out:\n  type: postgresql\n  host: h\n  user: u\n  database: d\n  table: t\n{options}"
    ));
    assert_eq!(config.output.to_string().split('.').next(), Some("postgresql d"));
    let OutputConfig::Postgresql(output) = config.output else { panic!("postgresql") };
    *output
}

#[test]
fn the_defaults() {
    let output = output("  mode: insert\n");
    assert_eq!((output.port, output.password.expose(), output.ssl), (5432, "", SslMode::Disable));
    assert_eq!(output.schema.expose(), "public");
    let load = output.load;
    assert_eq!((load.mode, load.types), (LoadMode::Insert, TypeMapping::Embulk));
    assert_eq!((load.batch_bytes, load.default_timezone.name.as_str()), (16_777_216, "UTC"));
    let retries = (load.retries.limit, load.retries.wait.as_millis(), load.retries.longest.as_millis());
    assert_eq!(retries, (12, 1000, 1_800_000));
    assert_eq!((load.isolation, load.before_load, load.create_table_option), (None, None, None));
}

#[test]
fn the_options() {
    let output = output(
        "  mode: MERGE\n  merge_keys: [a, b]\n  merge_rule: ['n = S.n']\n  port: 5433\n  password: p\n  schema: s\n  ssl: true\n  options: {sslmode: require}\n  batch_size: 100\n  default_timezone: Asia/Tokyo\n  create_table_constraint: primary key (a)\n  create_table_option: with (fillfactor=70)\n  transaction_isolation: serializable\n  before_load: a\n  after_load: b\n  retry_limit: 0\n  retry_wait: 5\n  max_retry_wait: 6\n  types: exact\n  driver_path: x.jar\n  column_options:\n    a: {type: INT, value_type: long}\n    b: {timestamp_format: '%Y', timezone: '+09:00'}\n",
    );
    assert_eq!((output.port, output.schema.expose(), output.ssl), (5433, "s", SslMode::Enable));
    let load = output.load;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(load.mode, LoadMode::Merge { keys: texts(&["a", "b"]), rule: texts(&["n = S.n"]) });
    assert_eq!((load.batch_bytes, load.types, load.retries.limit), (100, TypeMapping::Exact, 0));
    assert_eq!(load.isolation, Some(Isolation::Serializable));
    assert_eq!(load.column_options[0].1.sql_type.as_deref(), Some("INT"));
    assert_eq!(load.column_options[0].1.value_type, SentAs::Integer);
    assert_eq!(load.column_options[1].1.timestamp_format.as_deref(), Some("%Y"));
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(
        problems(&format!(
            "{IN}out:\n  type: postgresql\n  user: u\n  database: d\n  table: t\n  mode: replace\n  before_load: x\n  merge_keys: [a]\n  column_options: {{a: {{value_type: blob}}}}\n"
        )),
        [
            "3:3 error missing-option: `host` is required in `out`",
            "9:15 error bad-value: `merge_keys` is there for `mode: merge` only",
            "8:16 error bad-value: `before_load` cannot be given with `mode: replace`",
            "10:36 error bad-value: `value_type` must be one of coerce, pass, byte, short, int, long, double, float, boolean, string, nstring, date, time, timestamp, decimal, json, null, not `blob`",
        ]
    );
    assert_eq!(
        problems(&format!(
            "{IN}out: {{type: postgresql, host: h, user: u, database: d, table: t, mode: insert, temp_schema: s}}\n"
        )),
        ["2:93 error bad-value: `temp_schema` is there for `mode: replace` only"]
    );
    assert_eq!(
        problems(&format!("{IN}out: {{type: postgresql, host: h, user: u, database: d, table: t}}\n")),
        ["2:6 error missing-option: `mode` is required in `out`"]
    );
}
