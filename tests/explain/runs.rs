//! What is told against what runs really do: the type that each column gets, and the text that is written for a value.

use serde_json::{Value, json};

use super::{columns, text};
use crate::support::google::FakeGoogle;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::sandbox::Sandbox;
use crate::support::servers::{self, MySqlDatabase};

const MYSQL: &[&str] = &[
    "tinyint(1)",
    "bit(1)",
    "bit(9)",
    "bit(64)",
    "tinyint unsigned",
    "bigint",
    "bigint unsigned",
    "float",
    "double",
    "decimal(10,2)",
    "decimal(20,2)",
    "decimal(40,10)",
    "decimal(65,0)",
    "varchar(40)",
    "longtext",
    "enum('text','b')",
    "blob",
    "date",
    "datetime(6)",
    "timestamp(6) null",
    "time(6)",
    "year",
];

const POSTGRES: &[&str] = &[
    "boolean",
    "bit(1)",
    "bit(9)",
    "bigint",
    "real",
    "double precision",
    "numeric(20,2)",
    "numeric(40,10)",
    "numeric",
    "money",
    "varchar(40)",
    "uuid",
    "json",
    "date",
    "timestamp",
    "timestamptz",
    "time",
    "timetz",
    "int[]",
    "bytea",
    "interval",
];

/// A table `t` with a column of each type, `c0`, `c1`, …
fn definitions(types: &[&str]) -> String {
    let columns: Vec<String> = types.iter().enumerate().map(|(at, kind)| format!("c{at} {kind}")).collect();
    format!("create table t (id int, {})", columns.join(", "))
}

fn from_mysql(database: &MySqlDatabase) -> Value {
    let server = &database.server;
    json!({
        "type": "mysql", "host": server.host, "port": server.port, "user": server.user,
        "password": server.password, "database": database.name, "table": "t",
    })
}

fn from_postgres(database: &PostgresDatabase) -> Value {
    json!({
        "type": "postgresql", "host": database.host, "port": database.port, "user": database.user,
        "database": database.name, "table": "t",
    })
}

fn sandbox(input: &Value, output: &Value) -> Sandbox {
    let mut sandbox = Sandbox::new().file("a.yml", &json!({"in": input, "out": output}).to_string());
    sandbox.set("TZ", "Asia/Tokyo");
    sandbox
}

fn explained(sandbox: &Sandbox) -> Vec<Value> {
    columns(&sandbox.run(["check", "--explain", "--connect", "--format", "json", "a.yml"]).expect_code(0))
}

/// The same with only the columns that the mapping takes.
fn selected(input: &Value, types: &[&str], taken: impl Fn(&str) -> bool) -> Value {
    let names = types.iter().enumerate().filter(|(_, kind)| taken(kind)).map(|(at, _)| format!("c{at}"));
    let mut input = input.clone();
    input["select"] = json!(names.collect::<Vec<_>>().join(", "));
    input
}

/// Columns that Embulk's mapping refuses.
fn refused(kind: &str) -> bool {
    ["blob", "bytea", "interval"].contains(&kind)
}

#[test]
fn the_types_that_are_told_are_those_that_bigquery_gets() {
    let Some(google) = FakeGoogle::start() else { return };
    let (Some(server), Some(postgres)) = (servers::mariadb(), postgres_database()) else { return };
    let mysql = server.fresh_database();
    mysql.run([definitions(MYSQL)]);
    postgres.run(&definitions(POSTGRES));
    for (input, types) in [(from_mysql(&mysql), MYSQL), (from_postgres(&postgres), POSTGRES)] {
        for (mapping, format) in
            [("embulk", "PARQUET"), ("embulk", "CSV"), ("exact", "NEWLINE_DELIMITED_JSON")]
        {
            let input = selected(&input, types, |kind| mapping == "exact" || !refused(kind));
            let dataset = google.bigquery().fresh_dataset();
            let output = json!({
                "type": "bigquery", "mode": "replace", "auth_method": "application_default", "types": mapping,
                "project": google.bigquery().project, "dataset": dataset, "table": "t", "source_format": format,
            });
            let mut sandbox = sandbox(&input, &output);
            for (name, value) in google.environment() {
                sandbox.set(name, value);
            }
            let told: Vec<(String, String)> = explained(&sandbox)
                .iter()
                .map(|column| (text(column, "column").to_owned(), text(column, "target_type").to_owned()))
                .collect();
            sandbox.run(["embulk", "run", "a.yml"]).expect_code(0);
            assert_eq!(google.bigquery().columns(&dataset, "t"), told, "{mapping} {format}");
        }
    }
}

#[test]
fn the_types_that_are_told_are_those_that_postgresql_gets() {
    let (Some(server), Some(postgres)) = (servers::mariadb(), postgres_database()) else { return };
    let mysql = server.fresh_database();
    mysql.run([definitions(MYSQL)]);
    postgres.run(&definitions(POSTGRES));
    for (input, types) in [(from_mysql(&mysql), MYSQL), (from_postgres(&postgres), POSTGRES)] {
        for mapping in ["embulk", "exact"] {
            let input = selected(&input, types, |kind| mapping == "exact" || !refused(kind));
            postgres.run("drop table if exists made");
            let output = json!({
                "type": "postgresql", "host": postgres.host, "port": postgres.port, "user": postgres.user,
                "database": postgres.name, "table": "made", "mode": "insert", "types": mapping,
            });
            let sandbox = sandbox(&input, &output);
            let before = explained(&sandbox);
            sandbox.run(["embulk", "run", "a.yml"]).expect_code(0);
            // Asked again, the server spells the types, and nothing else is told otherwise.
            let after = explained(&sandbox);
            for (before, after) in before.iter().zip(&after) {
                let spelled = |column: &Value| {
                    let lower = text(column, "target_type").to_lowercase();
                    let lower = lower.replace("timestamptz", "timestamp with time zone");
                    match lower.as_str() {
                        plain @ ("timestamp" | "time") => format!("{plain} without time zone"),
                        other => other.to_owned(),
                    }
                };
                assert_eq!(spelled(before), text(after, "target_type"), "{mapping}: {before}");
                for key in ["conversion", "zones", "lost"] {
                    assert_eq!(before[key], after[key], "{mapping}: {before}");
                }
            }
        }
    }
}

/// A value that was told, as SQL.
fn literal(kind: &str, value: &str) -> String {
    match (kind, value) {
        ("bit(1)", "true") => "b'1'".to_owned(),
        ("boolean", _) => value.to_owned(),
        (bits, _) if bits.starts_with("bit(") => value.to_owned(),
        _ => format!("'{}'", value.trim_end_matches(" +00:00")),
    }
}

/// Cells of a CSV file in which nothing is quoted but what holds a comma or a quote.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let last = cells.last_mut().unwrap();
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => last.push(letters.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => last.push(other),
        }
    }
    cells
}

/// Writes every example that is told to the source, and compares what a run makes of it.
fn hold(types: &[&str], input: &Value, run: &dyn Fn(&str)) {
    let file = json!({
        "type": "file", "path_prefix": "out", "sequence_format": ".", "file_ext": "csv",
        "formatter": {"type": "csv", "header_line": false},
    });
    let bigquery = |types: &str| {
        json!({
            "type": "bigquery", "auth_method": "application_default", "project": "p", "dataset": "d", "table": "t",
            "source_format": "CSV", "types": types, "skip_load": true, "path_prefix": "out", "sequence_format": ".",
            "file_ext": "csv",
        })
    };
    for (mapping, output) in [("embulk", file), ("embulk", bigquery("embulk")), ("exact", bigquery("exact"))]
    {
        let input = selected(input, types, |kind| mapping == "exact" || !refused(kind));
        let sandbox = sandbox(&input, &output);
        let told = explained(&sandbox);
        run("delete from t");
        let (mut names, mut values, mut expected) = (Vec::new(), Vec::new(), Vec::new());
        let mut failing = Vec::new();
        for column in &told {
            let name = text(column, "column");
            let kind = types[name[1..].parse::<usize>().unwrap()];
            let example = &column["example"];
            let value = literal(kind, text(example, "value"));
            match example["sent"].as_str() {
                Some(sent) => {
                    names.push(name);
                    values.push(value);
                    expected.push((name, kind, sent.to_owned()));
                }
                None => failing.push((name, kind, value)),
            }
        }
        run(&format!("insert into t ({}) values ({})", names.join(", "), values.join(", ")));
        sandbox.run(["embulk", "run", "a.yml"]).expect_code(0);
        let written = sandbox.read("out.csv");
        let written = cells(written.trim_end());
        for (name, kind, sent) in &expected {
            let at = told.iter().position(|column| text(column, "column") == *name).unwrap();
            assert_eq!(written[at], *sent, "{mapping} {kind}");
        }
        for (name, kind, value) in failing {
            run("delete from t");
            run(&format!("insert into t ({name}) values ({value})"));
            let said = sandbox.run(["embulk", "run", "a.yml"]).expect_code(1);
            assert!(said.stderr.contains(&format!("column `{name}`")), "{mapping} {kind}: {}", said.stderr);
        }
    }
}

#[test]
fn the_texts_that_are_told_are_those_that_a_run_writes_from_mysql() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run([definitions(MYSQL)]);
    hold(MYSQL, &from_mysql(&database), &|sql| {
        // A TIMESTAMP is told in UTC.
        database.run([format!("set statement time_zone = '+00:00' for {sql}")]);
    });
}

#[test]
fn the_texts_that_are_told_are_those_that_a_run_writes_from_postgresql() {
    let Some(database) = postgres_database() else { return };
    // Examples of texts are no texts of these types.
    let types: Vec<&str> = POSTGRES
        .iter()
        .copied()
        .filter(|kind| !["uuid", "interval", "timetz", "int[]", "bit(9)"].contains(kind))
        .collect();
    database.run(&definitions(&types));
    hold(&types, &from_postgres(&database), &|sql| database.run(&format!("set time zone 'UTC'; {sql}")));
}
