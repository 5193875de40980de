//! The rows of the README's tables about this target: what each says is what a table gets.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::InputConfig;
use sync::embulk::output::LoadMode;

use super::super::lab::{mysql, postgresql, query};
use super::Bench;
use crate::support::sandbox::Sandbox;
use crate::support::servers::mariadb;

const README: &str = include_str!("../../../README.md");

/// A value of a type, and where it comes from.
enum Sample {
    Postgres(&'static str),
    Mysql(&'static str),
}
use Sample::{Mysql, Postgres};

const SAMPLES: &[(&str, &[Sample])] = &[
    ("BOOLEAN, BIT(1) of PostgreSQL", &[Postgres("true"), Postgres("'1'::bit(1)")]),
    ("TINYINT(1), BIT(1) of MySQL", &[Mysql("tinyint(1)"), Mysql("bit(1)")]),
    ("BIT(2) to BIT(64) of MySQL", &[Mysql("bit(2)"), Mysql("bit(64)")]),
    (
        "TINYINT, SMALLINT, TINYINT UNSIGNED",
        &[Mysql("tinyint"), Mysql("smallint"), Mysql("tinyint unsigned"), Postgres("1::smallint")],
    ),
    (
        "INTEGER, INT, MEDIUMINT, SMALLINT UNSIGNED",
        &[Postgres("1::integer"), Mysql("int"), Mysql("mediumint unsigned"), Mysql("smallint unsigned")],
    ),
    (
        "BIGINT, INT UNSIGNED, OID",
        &[Postgres("1::bigint"), Mysql("bigint"), Mysql("int unsigned"), Postgres("1::oid")],
    ),
    ("BIGINT UNSIGNED", &[Mysql("bigint unsigned")]),
    ("REAL, FLOAT", &[Postgres("1::real"), Mysql("float")]),
    ("DOUBLE PRECISION, DOUBLE", &[Postgres("1::float8"), Mysql("double")]),
    (
        "NUMERIC(p, s), DECIMAL(p, s) up to 38 and 37",
        &[Postgres("1::numeric(38,37)"), Mysql("decimal(38,30)")],
    ),
    (
        "NUMERIC, DECIMAL beyond that",
        &[Postgres("1::numeric"), Postgres("1::numeric(76,38)"), Mysql("decimal(65,30)")],
    ),
    (
        "CHAR(n), VARCHAR(n), enums of MySQL",
        &[Postgres("'a'::char(3)"), Postgres("'a'::varchar(3)"), Mysql("char(3)"), Mysql("enum('abc')")],
    ),
    ("TEXT, LONGTEXT, enums of PostgreSQL", &[Postgres("'a'::text"), Mysql("text"), Mysql("longtext")]),
    ("JSON, JSONB", &[Postgres("'1'::json"), Postgres("'1'::jsonb")]),
    ("BYTEA, BINARY, VARBINARY, BLOB", &[Postgres("'a'::bytea"), Mysql("binary(2)"), Mysql("blob")]),
    ("DATE", &[Postgres("'2015-06-04'::date"), Mysql("date")]),
    ("TIMESTAMP of PostgreSQL, DATETIME", &[Postgres("'2015-06-04'::timestamp"), Mysql("datetime")]),
    ("TIMESTAMPTZ, TIMESTAMP of MySQL", &[Postgres("now()"), Mysql("timestamp null")]),
    ("TIME", &[Postgres("'12:34'::time"), Mysql("time")]),
    ("YEAR", &[Mysql("year")]),
];

/// The rows of the table with this first line.
fn rows(header: &str) -> Vec<Vec<&'static str>> {
    let lines = README.lines().skip_while(|line| *line != header).skip(2);
    let rows = lines.map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").collect()).collect()
}

/// How the catalog begins to write the type that a cell of the README names.
fn named(cell: &str) -> String {
    let first = cell.split("; ").next().unwrap_or(cell);
    let first = first.split(" (").next().unwrap_or(first).split(", by").next().unwrap_or(first);
    match first {
        "TIMESTAMP" => "timestamp without time zone".to_owned(),
        "TIMESTAMPTZ" => "timestamp with time zone".to_owned(),
        "TIME" => "time without time zone".to_owned(),
        "VARBYTE" => "binary varying(".to_owned(),
        "VARCHAR" => "character varying(".to_owned(),
        // Three letters.
        "VARCHAR(4n)" => "character varying(12)".to_owned(),
        "VARCHAR(65535)" => "character varying(65535)".to_owned(),
        "DECIMAL(p, s)" => "numeric(38,3".to_owned(),
        "DECIMAL(20,0)" => "numeric(20,0)".to_owned(),
        other => other.to_lowercase(),
    }
}

#[test]
fn each_type() {
    let (Some(bench), Some(server)) = (Bench::new(), mariadb()) else { return };
    let source = server.fresh_database();
    let table = rows("| PostgreSQL, MySQL, MariaDB | Redshift, `types: embulk` | Redshift, `types: exact` |");
    let firsts: Vec<&str> = table.iter().map(|row| row[0]).collect();
    assert_eq!(firsts, SAMPLES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (row, (name, samples)) in table.iter().zip(SAMPLES) {
        for (types, cell) in [(TypeMapping::Embulk, row[1]), (TypeMapping::Exact, row[2])] {
            for sample in *samples {
                let input = match sample {
                    Postgres(value) => {
                        let select = query(&format!("select {value} as c"));
                        InputConfig::Postgresql(postgresql(&bench.database.behind, select))
                    }
                    Mysql(sql_type) => {
                        source.run([format!("create or replace table s (c {sql_type})")]);
                        InputConfig::Mysql(mysql(&source, query("select c from s")))
                    }
                };
                bench.database.run("drop table if exists t");
                let mut output = bench.output(LoadMode::Insert);
                output.load.types = types;
                let loaded = bench.load(input, &output);
                if cell.starts_with("refused") {
                    assert!(loaded.is_err(), "{name}");
                    continue;
                }
                loaded.unwrap();
                let (columns, expected) = (bench.columns(), named(cell));
                let is_whole = !expected.ends_with(['(', '3']);
                let found = columns[0].strip_prefix("c|").unwrap();
                let matches = if is_whole { found == expected } else { found.starts_with(&expected) };
                assert!(matches, "{name} {types:?}: {columns:?} is not {expected}");
            }
        }
    }
}

/// Every word of the table of modes is taken, and no other.
#[test]
fn each_mode() {
    let table = rows("| `mode` of `redshift` | what happens once all rows are staged |");
    let words: Vec<&str> =
        table.iter().flat_map(|row| row[0].split(", ")).map(|word| word.trim_matches('`')).collect();
    let check = |mode: &str| {
        let config = format!(
            "in: {{type: sqlite, database: a.db, table: t}}\n\
             out: {{type: redshift, host: h, user: u, database: d, table: t, s3_bucket: b, mode: {mode}}}\n"
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
