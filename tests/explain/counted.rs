//! What a run counts of values that did not arrive as they were: in its summary, and for programs in `status`.

use serde_json::{Value, json};

use super::sqlite;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers;

const FILE: &str =
    "{type: file, path_prefix: out, sequence_format: '.', file_ext: csv, formatter: {type: csv}}";

/// Runs a transfer in a workflow; what it says, and what `status` says of its changes.
fn run(sandbox: &Sandbox) -> (Said, Vec<Value>) {
    sandbox.write("main.dig", "+copy:\n  sh>: embulk run -l warn a.yml\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    let status = sandbox.run(["status", "--session", "1", "--json"]).expect_code(0).stdout;
    let status: Value = serde_json::from_str(&status).unwrap_or_else(|error| panic!("{error}: {status}"));
    let changes = status["transfers"][0]["report"]["changes"].as_array();
    (said, changes.cloned().unwrap_or_default())
}

fn change(column: &str, what: &str, count: u64) -> Value {
    json!({"column": column, "what": what, "count": count})
}

#[test]
fn zero_dates_are_counted_column_by_column() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run([
        "create table t (id int, day date, at datetime, born year, note varchar(10))",
        "set statement sql_mode = '' for insert into t values (1, '0000-00-00', '0000-00-00', 0, '12'), \
         (2, '0000-00-00', '2024-02-00', 2024, 'x'), (3, '2024-02-29', '2024-02-29', 2024, null)",
    ]);
    let sandbox = Sandbox::new().file(
        "a.yml",
        &format!(
            "in:\n  type: mysql\n  host: {}\n  port: {}\n  user: {}\n  password: {}\n  database: {}\n  table: t\n  \
             column_options: {{note: {{type: long}}}}\nout: {FILE}\n",
            server.host, server.port, server.user, server.password, database.name
        ),
    );
    let (said, changes) = run(&sandbox);
    let notes = [
        "column `day`: 2 zero dates became NULL",
        "column `at`: 1 zero dates became NULL",
        "column `at`: 1 dates with a month or day of zero became the one before",
        "column `born`: 1 zero dates became NULL",
        "column `note`: 1 values that did not fit became NULL",
    ];
    for note in notes {
        let line = format!("mysql {}.t: {note}\n", database.name);
        assert!(said.stderr.contains(&line), "{}", said.stderr);
    }
    let zero = "zero dates became NULL";
    assert_eq!(
        changes,
        [
            change("day", zero, 2),
            change("at", zero, 1),
            change("at", "dates with a month or day of zero became the one before", 1),
            change("born", zero, 1),
            change("note", "values that did not fit became NULL", 1),
        ]
    );
}

#[test]
fn what_filters_do_is_counted() {
    let sandbox = Sandbox::new().file(
        "a.yml",
        &format!(
            "in: {{type: sqlite, database: shop.db, table: t}}\nfilters:\n\
             - {{type: typecast, columns: [{{name: n, type: long}}]}}\n\
             - {{type: mask, columns: [{{name: s}}]}}\n- {{type: row, where: 'id != 3'}}\nout: {FILE}\n"
        ),
    );
    sqlite(
        &sandbox,
        "create table t (id integer, n text, s text); \
         insert into t values (1, '1', 'a'), (2, 'x', 'b'), (3, 'y', null)",
    );
    let (_, changes) = run(&sandbox);
    assert_eq!(
        changes,
        [
            change("n", "values did not fit filter `typecast` and became NULL", 2),
            change("s", "values were masked", 2),
            json!({"column": null, "what": "rows were left out by filter `row`", "count": 1}),
        ]
    );
}

#[test]
fn rows_of_files_that_are_skipped_are_counted_by_the_column_at_fault() {
    let sandbox = Sandbox::new().file("rows.csv", "1,a\nx,b\ny,c\n4\n5,e\n").file(
        "a.yml",
        &format!(
            "in:\n  type: file\n  path_prefix: rows\n  parser:\n    type: csv\n    columns: [{{name: id, type: long}}, \
             {{name: s, type: string}}]\nout: {FILE}\n"
        ),
    );
    let (said, changes) = run(&sandbox);
    assert!(said.stderr.contains("file rows: 3 rows were skipped: `rows.csv` line 2 "), "{}", said.stderr);
    let rows = "rows were skipped";
    assert_eq!(changes, [json!({"column": null, "what": rows, "count": 1}), change("id", rows, 2)]);
}

#[test]
fn casts_that_may_fail_are_counted_in_every_format() {
    for format in ["CSV", "NEWLINE_DELIMITED_JSON", "PARQUET"] {
        let sandbox = Sandbox::new().file(
            "a.yml",
            &format!(
                "in: {{type: sqlite, database: shop.db, table: t}}\nout:\n  type: bigquery\n  \
                 auth_method: application_default\n  project: p\n  dataset: d\n  table: t\n  source_format: {format}\n  \
                 skip_load: true\n  path_prefix: out\n  \
                 column_options: [{{name: s, type: {}, strict: false}}]\n",
                // Parquet has texts of JSON only.
                if format == "PARQUET" { "JSON" } else { "INTEGER" }
            ),
        );
        sqlite(&sandbox, "create table t (s text); insert into t values ('1'), ('{'), ('?'), (null)");
        let (said, changes) = run(&sandbox);
        let what = "values that did not fit became NULL (`strict: false`)";
        assert_eq!(changes, [change("s", what, 2)], "{format}");
        assert!(said.stderr.contains(&format!("column `s`: 2 {what}\n")), "{}", said.stderr);
    }
}
