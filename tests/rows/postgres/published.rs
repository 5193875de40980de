//! The rows of the README's tables of types: what each says is what a target gets.

use std::fs::File;

use parquet::basic::{LogicalType, Type as Physical};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use serde_json::json;
use sync::embulk::config::TypeMapping;
use sync::embulk::input::InputConfig;
use sync::embulk::output::Formatter;

use super::super::lab::{Lab, postgresql, query, to_file};
use crate::support::google::FakeGoogle;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::sandbox::Sandbox;

const README: &str = include_str!("../../../README.md");

const SETUP: &str = "create extension hstore; create type mood as enum ('ok'); create type pair as (a int)";

/// First cells and values of their types.
type Samples = &'static [(&'static str, &'static [&'static str])];

const BIGQUERY: Samples = &[
    ("BOOLEAN, BIT(1)", &["true", "'1'::bit(1)"]),
    ("BIT(2) and more", &["'01'::bit(2)", "'1'::bit(100)"]),
    ("SMALLINT, INTEGER, BIGINT, OID", &["1::smallint", "1::int", "1::bigint", "1::oid"]),
    ("REAL, DOUBLE PRECISION", &["1::real", "1::double precision"]),
    ("NUMERIC(38, 9) and below", &["1::numeric(38,9)", "1::numeric(5,2)"]),
    ("NUMERIC(76, 38) and below", &["1::numeric(76,38)", "1::numeric(38,10)"]),
    ("NUMERIC, NUMERIC above that", &["1::numeric", "1::numeric(76,0)", "1::numeric(1000,2)"]),
    ("MONEY", &["1::money"]),
    (
        "CHAR, VARCHAR, TEXT, NAME, UUID, enums",
        &["'a'::char(2)", "'a'::varchar(2)", "'a'::text", "'a'::name", "gen_random_uuid()", "'ok'::mood"],
    ),
    ("JSON, JSONB", &["'1'::json", "'1'::jsonb"]),
    ("DATE", &["'2015-06-04'::date"]),
    ("TIMESTAMP", &["'2015-06-04'::timestamp"]),
    ("TIMESTAMPTZ", &["'2015-06-04'::timestamptz"]),
    ("TIME", &["'12:34'::time"]),
    ("TIMETZ", &["'12:34Z'::timetz"]),
    ("arrays", &["'{1}'::int[]", "'{a}'::text[]", "'{ok}'::mood[]"]),
    ("HSTORE", &["'a=>b'::hstore"]),
    ("BYTEA", &["'a'::bytea"]),
    ("INTERVAL, INET, XML, VARBIT, ranges, composites and all others", OTHERS),
];

const PARQUET: Samples = &[
    ("BOOLEAN, BIT(1)", &["true", "'1'::bit(1)"]),
    ("BIT(2) and more", &["'01'::bit(2)", "'1'::bit(100)"]),
    ("SMALLINT, INTEGER, BIGINT, OID", &["1::smallint", "1::int", "1::bigint", "1::oid"]),
    ("REAL", &["1::real"]),
    ("DOUBLE PRECISION", &["1::double precision"]),
    ("NUMERIC(p, s) up to 76 digits", &["1::numeric(38,9)", "1::numeric(76,38)"]),
    ("NUMERIC, NUMERIC above that", &["1::numeric", "1::numeric(77,0)", "1::numeric(1000,2)"]),
    ("MONEY", &["1::money"]),
    (
        "CHAR, VARCHAR, TEXT, NAME, UUID, enums, JSON, JSONB, arrays, HSTORE",
        &[
            "'a'::char(2)",
            "'a'::varchar(2)",
            "'a'::text",
            "'a'::name",
            "gen_random_uuid()",
            "'ok'::mood",
            "'1'::json",
            "'1'::jsonb",
            "'{1}'::int[]",
            "'a=>b'::hstore",
        ],
    ),
    ("DATE", &["'2015-06-04'::date"]),
    ("TIMESTAMP", &["'2015-06-04'::timestamp"]),
    ("TIMESTAMPTZ", &["'2015-06-04'::timestamptz"]),
    ("TIME", &["'12:34'::time"]),
    ("TIMETZ", &["'12:34Z'::timetz"]),
    ("BYTEA", &["'a'::bytea"]),
    ("INTERVAL, INET, XML, VARBIT, ranges, composites and all others", OTHERS),
];

const OTHERS: &[&str] = &[
    "'1 day'::interval",
    "'::1'::inet",
    "'<a/>'::xml",
    "'1'::varbit",
    "'[1,2)'::int4range",
    "'(1)'::pair",
    "'(1,2)'::point",
];

/// The rows of the table with this first line.
fn rows(header: &str) -> Vec<Vec<&'static str>> {
    let lines = README.lines().skip_while(|line| *line != header).skip(2);
    let rows = lines.map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").collect()).collect()
}

/// Looks at every cell of a table: `typed` says what columns become, or none where one is refused.
fn check(
    header: &str,
    samples: Samples,
    mappings: [TypeMapping; 2],
    typed: impl Fn(&PostgresDatabase, &[&str], TypeMapping) -> Option<Vec<String>>,
) {
    let Some(database) = postgres_database() else { return };
    database.run(SETUP);
    let rows = rows(header);
    let firsts: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(firsts, samples.iter().map(|(first, _)| *first).collect::<Vec<_>>());
    for (at, mapping) in mappings.into_iter().enumerate() {
        let mut values = Vec::new();
        let mut expected = Vec::new();
        for (row, (_, samples)) in rows.iter().zip(samples) {
            let cell = row[at + 1];
            if cell.starts_with("refused") {
                for value in *samples {
                    assert_eq!(typed(&database, &[value], mapping), None, "{value}");
                }
                continue;
            }
            values.extend_from_slice(samples);
            expected.extend(samples.iter().map(|_| cell));
        }
        let types = typed(&database, &values, mapping).expect("none is refused");
        for ((value, cell), word) in values.iter().zip(expected).zip(types) {
            assert!(cell.starts_with(&word), "{value}: {word} is not {cell}");
        }
    }
}

fn select(values: &[&str]) -> String {
    let columns: Vec<String> =
        values.iter().enumerate().map(|(at, value)| format!("{value} as c{at}")).collect();
    format!("select {}", columns.join(", "))
}

#[test]
fn types_of_bigquery() {
    let Some(google) = FakeGoogle::start() else { return };
    let mappings = [TypeMapping::Embulk, TypeMapping::Exact];
    let header = "| PostgreSQL | BigQuery, `types: embulk` | BigQuery, `types: exact` |";
    check(header, BIGQUERY, mappings, |database, values, mapping| {
        let dataset = google.bigquery().fresh_dataset();
        let input = json!({
            "type": "postgresql", "host": database.host, "port": database.port, "user": database.user,
            "database": database.name, "query": select(values),
        });
        let types = if mapping == TypeMapping::Exact { "exact" } else { "embulk" };
        let output = json!({
            "type": "bigquery", "mode": "replace", "auth_method": "application_default",
            "project": google.bigquery().project, "dataset": dataset, "table": "t", "types": types,
        });
        let mut sandbox =
            Sandbox::new().file("transfer.yml", &json!({"in": input, "out": output}).to_string());
        for (name, value) in google.environment() {
            sandbox.set(name, value);
        }
        let said = sandbox.run(["embulk", "run", "transfer.yml"]);
        if said.stderr.contains("unsupported type") {
            return None;
        }
        said.expect_code(0);
        let columns = google.bigquery().columns(&dataset, "t");
        Some(columns.into_iter().map(|(_, kind)| kind).collect())
    });
}

#[test]
fn types_of_parquet() {
    let mappings = [TypeMapping::Exact, TypeMapping::Embulk];
    let header = "| PostgreSQL | Parquet, `types: exact` | Parquet, `types: embulk` |";
    check(header, PARQUET, mappings, |database, values, mapping| {
        let lab = Lab::new();
        let input = InputConfig::Postgresql(postgresql(database, query(&select(values))));
        let config = to_file(input, Formatter::Parquet, mapping, "parquet", Vec::new());
        if let Err(error) = lab.run(&config) {
            assert!(error.to_string().starts_with("unsupported type"), "{error}");
            return None;
        }
        let reader = SerializedFileReader::new(File::open(lab.path("out000.00.parquet")).unwrap()).unwrap();
        let schema = reader.metadata().file_metadata().schema_descr();
        Some(schema.columns().iter().map(|column| word(column)).collect())
    });
}

fn word(column: &ColumnDescriptor) -> String {
    let word = match (column.logical_type_ref(), column.physical_type()) {
        (Some(LogicalType::String), _) => "STRING",
        (Some(LogicalType::Decimal { .. }), _) => "DECIMAL",
        (Some(LogicalType::Date), _) => "DATE",
        (Some(LogicalType::Time { .. }), _) => "TIME",
        (Some(LogicalType::Timestamp(kind)), _) if kind.is_adjusted_to_u_t_c => "TIMESTAMP in UTC",
        (Some(LogicalType::Timestamp(_)), _) => "TIMESTAMP without zone",
        (None, Physical::BOOLEAN) => "BOOLEAN",
        (None, Physical::INT64) => "INT64",
        (None, Physical::FLOAT) => "FLOAT",
        (None, Physical::DOUBLE) => "DOUBLE",
        (None, Physical::BYTE_ARRAY) => "BYTE_ARRAY",
        other => panic!("{other:?}"),
    };
    word.to_owned()
}
