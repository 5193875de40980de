//! `in: {type: postgresql}`.

use super::*;

#[test]
fn the_defaults_of_postgresql() {
    let config = bound(&format!("in: {{type: postgresql, host: h, user: u, database: d, table: t}}\n{OUT}"));
    assert_eq!(config.input.to_string(), "postgresql d.t");
    let InputConfig::Postgresql(input) = config.input else { panic!("postgresql") };
    assert_eq!((input.port, input.password.expose(), input.ssl), (5432, "", SslMode::Disable));
    assert_eq!(input.schema.expose(), "public");
    assert_eq!(input.application_name.expose(), "embulk-input-postgresql");
    assert_eq!(input.statement_timeout, None);
    assert_eq!(input.connect_timeout, Duration::from_secs(300));
    assert_eq!(input.socket_timeout, Duration::from_secs(1800));
    assert_eq!(input.default_timezone.name, "UTC");
    assert!(input.column_options.is_empty() && input.options.is_empty());
}

#[test]
fn the_options_of_postgresql() {
    let config = bound(&format!(
        "{OUT}in:\n  type: postgresql\n  host: h\n  port: '5433'\n  user: u\n  password: p\n  database: d\n  schema: S\n  ssl: true\n  application_name: a\n  statement_timeout_millis: 1500\n  query: select 1\n  fetch_rows: 1\n  default_timezone: Asia/Tokyo\n  driver_path: x.jar\n  incremental: false\n  before_setup: a\n  before_select: b\n  after_select: c\n  connect_timeout: 5\n  socket_timeout: 0\n  options: {{sslmode: verify-full}}\n  column_options:\n    a: {{value_type: STRING}}\n  default_column_options:\n    TIMESTAMP: {{type: string}}\n"
    ));
    let InputConfig::Postgresql(input) = config.input else { panic!("postgresql") };
    assert_eq!((input.port, input.schema.expose(), input.ssl), (5433, "S", SslMode::Enable));
    assert_eq!(input.application_name.expose(), "a");
    assert_eq!(input.statement_timeout, Some(Duration::from_millis(1500)));
    assert_eq!((input.connect_timeout, input.socket_timeout), (Duration::from_secs(5), Duration::ZERO));
    assert_eq!(input.default_timezone.name, "Asia/Tokyo");
    assert_eq!(input.options["sslmode"].expose(), "verify-full");
    assert_eq!(input.column_options[0].1.value_type, ValueType::String);
    assert_eq!(input.default_column_options[0].0, "TIMESTAMP");
    let statements =
        [input.statements.before_setup, input.statements.before_select, input.statements.after_select];
    assert_eq!(statements.map(|text| text.unwrap().expose().to_owned()), ["a", "b", "c"]);
}

#[test]
fn what_is_wrong_with_options_of_postgresql_is_said() {
    assert_eq!(
        problems(&format!(
            "{OUT}in:\n  type: postgresql\n  user: u\n  database: d\n  table: t\n  ssl: maybe\n  statement_timeout_millis: -1\n  shema: x\n  fetch_rows: many\n"
        )),
        [
            "3:3 error missing-option: `host` is required in `in`",
            "7:8 error bad-value: `ssl` must be one of disable, enable, verify, true, false, not `maybe`",
            "10:15 error bad-value: `fetch_rows` must be a whole number, not `many`",
            "8:29 error bad-value: `statement_timeout_millis` must be a whole number from 0 to 2147483647, not `-1`",
            "9:3 warning unknown-option: unknown option `shema` in `in` is ignored [did you mean `schema`?]",
        ]
    );
}
