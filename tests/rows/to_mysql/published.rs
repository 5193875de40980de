//! The rows of the README's tables about this target: what each says is what a table gets.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::InputConfig;
use sync::embulk::output::LoadMode;

use super::super::lab::{mysql, postgresql, query};
use super::benches;
use crate::support::postgres::postgres_database;
use crate::support::sandbox::Sandbox;

const README: &str = include_str!("../../../README.md");

/// A value of a type, and where it comes from.
enum Sample {
    Postgres(&'static str),
    Mysql(&'static str),
}
use Sample::{Mysql, Postgres};

const SAMPLES: &[(&str, &[Sample])] = &[
    (
        "BOOLEAN, TINYINT(1), BIT(1)",
        &[Postgres("true"), Postgres("'1'::bit(1)"), Mysql("tinyint(1)"), Mysql("bit(1)")],
    ),
    ("BIT(n) of MySQL", &[Mysql("bit(2)"), Mysql("bit(64)")]),
    ("whole numbers", &[Postgres("1::smallint"), Postgres("1::oid"), Mysql("int unsigned"), Mysql("bigint")]),
    ("BIGINT UNSIGNED", &[Mysql("bigint unsigned")]),
    ("REAL, FLOAT", &[Postgres("1::real"), Mysql("float")]),
    ("DOUBLE PRECISION, DOUBLE", &[Postgres("1::float8"), Mysql("double")]),
    ("DECIMAL(p, s) up to 65 and 30", &[Postgres("1::numeric(65,30)"), Mysql("decimal(65,30)")]),
    ("NUMERIC beyond that", &[Postgres("1::numeric"), Postgres("1::numeric(66,2)")]),
    (
        "texts and enums",
        &[Postgres("'a'::text"), Postgres("gen_random_uuid()"), Mysql("varchar(3)"), Mysql("enum('a')")],
    ),
    ("JSON, JSONB", &[Postgres("'1'::json"), Postgres("'1'::jsonb")]),
    ("BINARY, VARBINARY, BLOB, BYTEA", &[Postgres("'a'::bytea"), Mysql("binary(2)"), Mysql("blob")]),
    ("DATE", &[Postgres("'2015-06-04'::date"), Mysql("date")]),
    ("DATETIME, TIMESTAMP of PostgreSQL", &[Postgres("'2015-06-04'::timestamp"), Mysql("datetime")]),
    ("TIMESTAMP of MySQL, TIMESTAMPTZ", &[Postgres("now()"), Mysql("timestamp null")]),
    ("TIME", &[Postgres("'12:34'::time"), Mysql("time")]),
    ("YEAR", &[Mysql("year")]),
];

/// The rows of the table with this first line.
fn rows(header: &str) -> Vec<Vec<&'static str>> {
    let lines = README.lines().skip_while(|line| *line != header).skip(2);
    let rows = lines.map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").collect()).collect()
}

/// The type that a cell of the README names, as the catalog writes it.
fn named(cell: &str, is_mariadb: bool) -> String {
    let first = cell.split("; ").next().unwrap_or(cell);
    let first = first.split(" (").next().unwrap_or(first);
    match if first.contains('(') { first } else { first.split(", ").next().unwrap_or(first) } {
        "BOOLEAN" => "tinyint(1)".to_owned(),
        "JSON" if is_mariadb => "longtext".to_owned(),
        other => other.to_lowercase(),
    }
}

#[test]
fn each_type() {
    let table = rows("| MySQL, MariaDB, PostgreSQL | MySQL, `types: embulk` | MySQL, `types: exact` |");
    let firsts: Vec<&str> = table.iter().map(|row| row[0]).collect();
    assert_eq!(firsts, SAMPLES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for bench in benches() {
        let Some(other) = postgres_database() else { return };
        let is_mariadb = bench.rows("select version()")[0].contains("Maria");
        for (row, (name, samples)) in table.iter().zip(SAMPLES) {
            for (types, cell) in [(TypeMapping::Embulk, row[1]), (TypeMapping::Exact, row[2])] {
                for sample in *samples {
                    bench.database.run(["drop table if exists t, s"]);
                    let input = match sample {
                        Postgres(value) => {
                            let select = query(&format!("select {value} as c"));
                            InputConfig::Postgresql(postgresql(&other, select))
                        }
                        Mysql(sql_type) => {
                            bench.database.run([format!("create table s (c {sql_type})")]);
                            InputConfig::Mysql(mysql(&bench.database, query("select c from s")))
                        }
                    };
                    let mut output = bench.output(LoadMode::Replace);
                    output.load.types = types;
                    let loaded = bench.load(input, &output);
                    if cell.starts_with("refused") {
                        assert!(loaded.is_err(), "{name}");
                        continue;
                    }
                    loaded.unwrap();
                    let expected = named(cell, is_mariadb);
                    let columns = bench.columns();
                    let matches = match expected.split_once("(p, s)").or(expected.split_once("(n)")) {
                        Some((start, _)) => columns[0].starts_with(&format!("c|{start}(")),
                        None => columns[0] == format!("c|{expected}"),
                    };
                    assert!(matches, "{name} {types:?}: {columns:?} is not {expected}");
                }
            }
        }
    }
}

/// Every word of the table of modes is taken, and no other.
#[test]
fn each_mode() {
    let table = rows("| `mode` of `mysql` | what happens once all rows are staged |");
    let words: Vec<&str> =
        table.iter().flat_map(|row| row[0].split(", ")).map(|word| word.trim_matches('`')).collect();
    let check = |mode: &str| {
        let config = format!(
            "in: {{type: sqlite, database: a.db, table: t}}\n\
             out: {{type: mysql, host: h, user: u, database: d, table: t, mode: {mode}}}\n"
        );
        let sandbox = Sandbox::new().file("a.dig", "+a:\n  sh>: embulk run a.yml\n").file("a.yml", &config);
        sandbox.run(["check"])
    };
    for word in &words {
        check(word).expect_code(0);
    }
    let said = check("other").expect_code(65);
    let listed = format!("`mode` must be one of {}, not `other`", words.join(", "));
    assert!(said.stdout.contains(&listed) || said.stderr.contains(&listed), "{}{}", said.stdout, said.stderr);
}
