//! What `type` in `column_options` says: more than a type, a type that there is not, and one that holds less than the
//! values have.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::InputConfig;
use sync::embulk::output::{LoadMode, SentAs, SqlColumnOption};
use sync::transfer::error::ErrorKind;
use sync::transfer::report::Change;

use super::super::lab::{postgresql, query};
use super::Bench;

fn modes() -> [LoadMode; 5] {
    let merge = LoadMode::Merge { keys: vec!["id".to_owned()], rule: Vec::new() };
    [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::TruncateInsert, LoadMode::Replace, merge]
}

fn typed(name: &str, sql_type: &str) -> (String, SqlColumnOption) {
    let option = SqlColumnOption {
        sql_type: Some(sql_type.to_owned()),
        value_type: SentAs::Column,
        timestamp_format: None,
        timezone: None,
        ..SqlColumnOption::silent()
    };
    (name.to_owned(), option)
}

/// Whether columns are NOT NULL, their defaults, and the columns of keys.
const MADE: &str = "select attname, attnotnull, pg_get_expr(adbin, adrelid), (select string_agg(indkey::text, ',') \
     from pg_index where indrelid = attrelid and attnum = any (indkey)) from pg_attribute left join pg_attrdef \
     on adrelid = attrelid and adnum = attnum where attrelid = 't'::regclass and attnum > 0 order by attnum";

#[test]
fn a_new_column_has_all_that_its_type_says_in_every_mode() {
    for mode in modes() {
        let Some(bench) = Bench::new() else { return };
        let mut output = bench.output(mode.clone());
        output.load.column_options =
            vec![typed("id", "BIGINT PRIMARY KEY"), typed("name", "VARCHAR(3) NOT NULL DEFAULT 'x' UNIQUE")];
        // Of rows with one key the last counts in a merge: the staged ones may have it twice.
        let doubled = matches!(mode, LoadMode::Merge { .. });
        let rows = "select 1 as id, 'a' as name";
        let rows = if doubled { format!("{rows} union all {rows}") } else { rows.to_owned() };
        bench.sql(&rows, &output).unwrap();
        let made = ["id|t|-|1", "name|t|'x'::character varying|2"];
        assert_eq!(bench.rows(MADE), made, "{mode:?}");
        assert_eq!(bench.rows("select * from t"), ["1|a"]);
        // Once more, over the table that is there.
        let report = bench.sql("select 1 as id, 'a' as name", &output);
        if matches!(mode, LoadMode::Insert | LoadMode::InsertDirect) {
            assert_eq!(report.unwrap_err().kind, ErrorKind::Data);
        } else {
            assert_eq!(report.unwrap().notes, [""; 0], "{mode:?}");
        }
        assert_eq!(bench.rows(MADE), made, "{mode:?}");
        let error = bench.sql("select 2 as id, null as name", &output).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data);
        bench.assert_tidy();
    }
}

#[test]
fn a_table_that_is_replaced_gets_new_columns_whole_and_of_old_ones_the_type() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (id int, name text)");
    let mut output = bench.output(LoadMode::Replace);
    output.load.column_options = vec![
        typed("id", "BIGINT NOT NULL UNIQUE"),
        typed("name", "text"),
        typed("new", "INT NOT NULL DEFAULT 5"),
    ];
    let report = bench.sql("select 1 as id, 'a' as name, 2 as new", &output).unwrap();
    assert_eq!(bench.columns(), ["id|bigint", "name|text", "new|integer"]);
    assert_eq!(bench.rows(MADE), ["id|f|-|-", "name|f|-|-", "new|t|5|-"]);
    assert_eq!(
        report.notes,
        [
            "column `id` of table `t` stays without NOT NULL and UNIQUE: a column that is there gets no more than a type \
          from `column_options`"
        ]
    );
}

#[test]
fn a_type_that_there_is_not_is_named_by_its_option() {
    for mode in modes() {
        let Some(bench) = Bench::new() else { return };
        let mut output = bench.output(mode.clone());
        for (sql_type, said) in [
            ("VARCHR(3)", "type \"varchr\" does not exist (PostgreSQL error 42704)"),
            ("numeric(10, 2", "syntax error at end of input (PostgreSQL error 42601)"),
            ("varchar(0)", "length for type varchar must be at least 1 (PostgreSQL error 22023)"),
        ] {
            output.load.column_options = vec![typed("id", "INT"), typed("name", sql_type)];
            let error = bench.sql("select 1 as id, 'a' as name", &output).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Config, "{mode:?}");
            assert_eq!(
                error.to_string(),
                format!("column `name` cannot have the type that `column_options` gives it: {said}")
            );
            assert_eq!(error.remedy(), Some("check `column_options.name.type`"));
        }
        assert_eq!(
            bench.rows("select count(*) from pg_class where relname in ('t', '__sync_published')"),
            ["0"]
        );
    }
}

/// Columns, a value that they change and one that they hold, and what the change is.
const CHANGED: [(&str, &str, &str, &str); 11] = [
    ("numeric(10,2)", "1.005::numeric", "1.050::numeric", "values lost digits after the point"),
    ("numeric(3,-1)", "125::numeric", "120::numeric", "values lost digits after the point"),
    ("numeric(10,2)", "1.005::float8", "1e2::float8", "values lost digits after the point"),
    ("money", "1.005::numeric", "1.05::numeric", "values lost digits after the point"),
    (
        "timestamp(0)",
        "timestamp '2024-02-29 23:59:59.6'",
        "timestamp '2024-02-29 23:59:59'",
        "values lost digits of a second",
    ),
    (
        "timestamptz(3)",
        "timestamptz '2024-02-29 23:59:59.0006Z'",
        "timestamptz '2024-02-29 23:59:59.001Z'",
        "values lost digits of a second",
    ),
    ("time(0)", "time '23:59:59.4'", "time '23:59:59'", "values lost digits of a second"),
    ("interval(0)", "interval '1:00:00.4'", "interval '1:00:00'", "values lost digits of a second"),
    ("varchar(3)", "'a     '::text", "'a  '::text", "values lost spaces at their end"),
    ("cents", "1.005::numeric", "1.05::numeric", "values lost digits after the point"),
    (
        "timestamp(0)",
        "'2024-02-29 23:59:59.6'::text",
        "'2024.02.29 23:59:59'::text",
        "values lost digits of a second",
    ),
];

#[test]
fn what_the_server_would_change_without_a_word_is_counted_or_refused() {
    for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::Replace] {
        let Some(bench) = Bench::new() else { return };
        bench.database.run("create domain cents as numeric(10,2)");
        for (sql_type, changed, held, what) in CHANGED {
            let load = |value: &str, types| {
                bench.database.run("drop table if exists t");
                let mut output = bench.output(mode.clone());
                output.load.types = types;
                output.load.column_options = vec![typed("c", sql_type)];
                let value =
                    if value.starts_with("interval") { format!("({value})::text") } else { value.to_owned() };
                let select = format!("select {value} as c union all select {value} union all select null");
                bench.load(InputConfig::Postgresql(postgresql(&bench.database, query(&select))), &output)
            };
            let report = load(changed, TypeMapping::Embulk).unwrap();
            assert_eq!(report.changes, [Change::of("c", what, 2)], "{mode:?} {sql_type} {changed}");
            assert_eq!(report.notes, [format!("column `c`: 2 {what}")]);
            for types in [TypeMapping::Embulk, TypeMapping::Exact] {
                let report = load(held, types).unwrap();
                assert_eq!((report.changes, report.notes), (vec![], vec![]), "{sql_type} {held}");
            }
            let error = load(changed, TypeMapping::Exact).unwrap_err();
            let reason = match what {
                "values lost digits after the point" => "has more digits after the point than the column",
                "values lost digits of a second" => "has more digits of a second than the column",
                _ => "has more spaces at its end than the column",
            };
            assert_eq!(error.to_string(), format!("column `c`, row 1: a value {reason}"), "{sql_type}");
            assert_eq!(error.kind, ErrorKind::Data);
        }
    }
}

#[test]
fn what_is_too_large_fails_in_every_mode() {
    for mode in modes() {
        let Some(bench) = Bench::new() else { return };
        let mut output = bench.output(mode.clone());
        for (sql_type, value, code) in [
            ("smallint", "40000", "22003"),
            ("varchar(3)", "'abcd'", "22001"),
            ("numeric(4,2)", "123.4", "22003"),
            ("timestamp(0)", "'no time'", "22007"),
        ] {
            output.load.column_options = vec![typed("c", sql_type)];
            let error = bench.sql(&format!("select 1 as id, {value} as c"), &output).unwrap_err();
            let said = error.to_string();
            assert!(said.contains("column `c`, row 1: "), "{said}");
            assert!(said.ends_with(&format!("(PostgreSQL error {code})")), "{said}");
            assert_eq!(bench.rows("select count(*) from pg_class where relname = 't'"), ["0"]);
        }
    }
}
