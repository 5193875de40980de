//! The README's tables of MySQL's types, row by row: what a cell says is what is told, and `runs` holds what is told
//! against what runs do.

use serde_json::json;

use super::{columns, text};

use crate::support::sandbox::Sandbox;
use crate::support::servers::{self, MySqlServer};

const README: &str = include_str!("../../README.md");

/// First cells of a table, and types of SQL that each stands for.
type Rows = &'static [(&'static str, &'static [&'static str])];

const BIGQUERY: Rows = &[
    ("TINYINT(1)", &["tinyint(1)"]),
    ("BIT(1)", &["bit(1)"]),
    ("BIT(2) to BIT(63)", &["bit(2)", "bit(63)"]),
    ("BIT(64)", &["bit(64)"]),
    (
        "TINYINT to BIGINT, unsigned up to INT",
        &["tinyint", "tinyint unsigned", "smallint", "mediumint", "int unsigned", "bigint"],
    ),
    ("BIGINT UNSIGNED", &["bigint unsigned"]),
    ("FLOAT, DOUBLE", &["float", "double"]),
    ("DECIMAL(p, s)", &["decimal(38, 9)", "decimal(10, 0)"]),
    ("DECIMAL beyond 29 and 9 digits", &["decimal(39, 9)", "decimal(12, 10)"]),
    ("DECIMAL beyond 38 and 38 digits", &["decimal(40, 1)", "decimal(65, 0)"]),
    (
        "CHAR, VARCHAR, TEXT, ENUM, SET",
        &["char(5)", "varchar(5)", "text", "longtext", "enum('a')", "set('a')"],
    ),
    (
        "BINARY, VARBINARY, BLOB, GEOMETRY, VECTOR",
        &["binary(2)", "varbinary(2)", "blob", "tinyblob", "geometry"],
    ),
    ("JSON (MySQL; MariaDB's is TEXT)", &["json"]),
    ("DATE", &["date"]),
    ("DATETIME", &["datetime", "datetime(6)"]),
    ("TIMESTAMP", &["timestamp null", "timestamp(6) null"]),
    ("TIME", &["time", "time(6)"]),
    ("YEAR", &["year"]),
];

const PARQUET: Rows = &[
    ("TINYINT(1), BIT(1)", &["tinyint(1)", "bit(1)"]),
    ("BIT(2) to BIT(63)", &["bit(2)", "bit(63)"]),
    ("BIT(64)", &["bit(64)"]),
    ("TINYINT to BIGINT, unsigned up to INT", &["tinyint", "int unsigned", "bigint"]),
    ("BIGINT UNSIGNED", &["bigint unsigned"]),
    ("FLOAT", &["float"]),
    ("DOUBLE", &["double"]),
    ("DECIMAL(p, s)", &["decimal(10, 2)", "decimal(65, 30)"]),
    ("CHAR, VARCHAR, TEXT, ENUM, SET", &["char(5)", "varchar(5)", "text", "enum('a')", "set('a')"]),
    ("JSON", &["json"]),
    ("BINARY, VARBINARY, BLOB, GEOMETRY, VECTOR", &["binary(2)", "varbinary(2)", "blob", "geometry"]),
    ("DATE", &["date"]),
    ("DATETIME", &["datetime(6)"]),
    ("TIMESTAMP", &["timestamp null"]),
    ("TIME", &["time"]),
    ("YEAR", &["year"]),
];

/// The cells of the table with this first line.
fn table(header: &str) -> Vec<Vec<&'static str>> {
    let rows = README.lines().skip_while(|line| *line != header).skip(2);
    rows.map_while(|line| Some(line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect())).collect()
}

/// What is told of a column of each type: its type in the target and what it can lose; none where it is refused.
fn told(server: &MySqlServer, types: &[&str], mapping: &str, parquet: bool) -> Vec<Option<(String, String)>> {
    let database = server.fresh_database();
    let columns_of: Vec<String> =
        types.iter().enumerate().map(|(at, kind)| format!("c{at} {kind}")).collect();
    database.run([format!("create table t ({})", columns_of.join(", "))]);
    let output = match parquet {
        true => {
            json!({"type": "file", "path_prefix": "o", "file_ext": "p", "formatter": {"type": "parquet"}, "types": mapping})
        }
        // The stand-in of a server is not needed: what the config decides is told when nobody is there.
        false => json!({
            "type": "bigquery", "auth_method": "application_default", "project": "p", "dataset": "d", "table": "t",
            "source_format": "NEWLINE_DELIMITED_JSON", "types": mapping, "skip_load": true, "path_prefix": "o",
        }),
    };
    let ask = |select: &str| {
        let input = json!({
            "type": "mysql", "host": server.host, "port": server.port, "user": server.user,
            "password": server.password, "database": database.name, "table": "t", "select": select,
        });
        let sandbox = Sandbox::new().file("a.yml", &json!({"in": input, "out": output}).to_string());
        sandbox.run(["check", "--explain", "--connect", "--format", "json", "a.yml"])
    };
    let of = |column: &serde_json::Value| {
        let lost =
            column["lost"].as_array().unwrap().iter().map(|loss| text(loss, "text")).collect::<Vec<_>>();
        let told = [
            column["conversion"].as_array().unwrap().iter().filter_map(|part| part.as_str()).collect(),
            lost,
        ];
        (text(column, "target_type").to_owned(), told.concat().join("; "))
    };
    let binary = |kind: &&str| {
        ["b", "v", "t", "g"].iter().any(|first| kind.starts_with(first)) && {
            ["binary(2)", "varbinary(2)", "blob", "tinyblob", "geometry"].contains(kind)
        }
    };
    let taken: Vec<String> = types
        .iter()
        .enumerate()
        .filter(|(_, kind)| mapping == "exact" || !binary(kind))
        .map(|(at, _)| format!("c{at}"))
        .collect();
    let known = columns(&ask(&taken.join(", ")).expect_code(0));
    (0..types.len())
        .map(|at| {
            let name = format!("c{at}");
            let column = known.iter().find(|column| text(column, "column") == name);
            if column.is_none() {
                let said = ask(&name).expect_code(65);
                assert!(said.stdout.contains("unsupported type "), "{}", said.stdout);
            }
            column.map(of)
        })
        .collect()
}

/// The type that a cell begins with: what stands before the first comma, semicolon or remark.
fn named(cell: &str) -> &str {
    let end = cell.find([',', ';']).unwrap_or(cell.len());
    let first = &cell[..cell.find(" (").unwrap_or(end).min(end)];
    if cell.starts_with("DECIMAL(") { &cell[..=cell.find(')').unwrap()] } else { first }
}

fn check(header: &str, rows: Rows, mappings: [&str; 2], parquet: bool) {
    let table = table(header);
    let firsts: Vec<&str> = table.iter().map(|row| row[0]).collect();
    assert_eq!(firsts, rows.iter().map(|(first, _)| *first).collect::<Vec<_>>());
    for server in servers::mysql_sources() {
        // MariaDB's JSON is a text.
        let is_mysql = servers::mysql().is_some_and(|mysql| mysql.port == server.port);
        for (place, mapping) in mappings.iter().enumerate() {
            let types: Vec<&str> = rows.iter().flat_map(|(_, types)| types.iter().copied()).collect();
            let mut all = told(&server, &types, mapping, parquet).into_iter();
            for (row, (first, types)) in table.iter().zip(rows) {
                for (kind, told) in types.iter().zip(all.by_ref()) {
                    let cell = row[place + 1];
                    if *kind == "json" && !is_mysql {
                        continue;
                    }
                    let Some((told, words)) = told else {
                        assert!(
                            cell.starts_with("refused unless `value_type: string`"),
                            "{first} {kind}: {cell}"
                        );
                        continue;
                    };
                    let expected = named(cell);
                    let same = match expected {
                        "DECIMAL(p, s)" => told.to_lowercase() == *kind,
                        other => told == other,
                    };
                    assert!(same, "{first} {kind} {mapping}: {told} is not {expected}");
                    // What a cell says to fail is told to fail.
                    let one_bit = *kind == "bit(1)" && parquet;
                    assert!(
                        one_bit || cell.contains("fails") == words.contains("fails"),
                        "{first} {kind}: {words}"
                    );
                }
            }
        }
    }
}

#[test]
fn each_row_of_bigquery() {
    let header = "| MySQL, MariaDB | BigQuery, `types: embulk` | BigQuery, `types: exact` |";
    check(header, BIGQUERY, ["embulk", "exact"], false);
}

#[test]
fn each_row_of_parquet() {
    let header = "| MySQL, MariaDB | Parquet, `types: exact` | Parquet, `types: embulk` |";
    check(header, PARQUET, ["exact", "embulk"], true);
}
