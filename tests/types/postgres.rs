//! Random values of PostgreSQL's types, loaded by the emulators: types of the columns and cells as they answer them.

use serde_json::{Value, json};

use super::cells::{Kind, by_key, differences};
use super::transfer::{ALL_FORMATS, Format, MAPPINGS, Mapping};
use crate::support::bigquery::BigQueryKind;
use crate::support::google::FakeGoogle;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::sandbox::Sandbox;
use crate::support::servers;

const ROWS: usize = 2000;

/// A column: its type, a random value, and what it becomes with the text of a cell (`c` is the column).
pub(super) struct Column {
    pub(super) sql_type: &'static str,
    pub(super) value: &'static str,
    pub(super) embulk: Option<(Kind, &'static str)>,
    exact: (Kind, &'static str),
}

const EPOCH: &str = "(extract(epoch from c at time zone 'UTC')::numeric * 1000000)::bigint::text";
const INSTANT: &str = "(extract(epoch from c)::numeric * 1000000)::bigint::text";

const fn column(
    sql_type: &'static str,
    value: &'static str,
    embulk: Option<(Kind, &'static str)>,
    exact: (Kind, &'static str),
) -> Column {
    Column { sql_type, value, embulk, exact }
}

pub(super) const COLUMNS: [Column; 15] = [
    column("boolean", "random() < 0.5", Some((Kind::Boolean, "c::text")), (Kind::Boolean, "c::text")),
    column("bigint", "r()", Some((Kind::Integer, "c::text")), (Kind::Integer, "c::text")),
    column("real", "random() * 1e6", Some((Kind::Single, "c::text")), (Kind::Single, "c::text")),
    column(
        "double precision",
        "(random() - 0.5) * 10 ^ (r() % 300)",
        Some((Kind::Float, "c::text")),
        (Kind::Float, "c::text"),
    ),
    column(
        "numeric(38,9)",
        "r()::numeric * abs(r() % 100000000) / 1000000000",
        Some((Kind::Float, "c::float8::text")),
        (Kind::Numeric, "c::text"),
    ),
    column("numeric", "r() / 1e15", Some((Kind::Float, "c::float8::text")), (Kind::String, "c::text")),
    column(
        "money",
        "r() % 1000000",
        Some((Kind::Float, "c::numeric::text")),
        (Kind::Numeric, "c::numeric::text"),
    ),
    column("text", "w()", Some((Kind::String, "c")), (Kind::String, "c")),
    column("uuid", "gen_random_uuid()", Some((Kind::String, "c::text")), (Kind::String, "c::text")),
    column(
        "jsonb",
        "jsonb_build_object('k', w(), 'a', jsonb_build_array(r() % 1000, null, true))",
        Some((Kind::JsonText, "c::text")),
        (Kind::Json, "c::text"),
    ),
    column("bytea", "decode(md5(w()), 'hex')", None, (Kind::Bytes, "encode(c, 'base64')")),
    column(
        "date",
        "'1000-01-01'::date + abs(r() % 3000000)::int",
        Some((Kind::Timestamp, "((c - '1970-01-01'::date) * 86400000000)::text")),
        (Kind::Date, "c::text"),
    ),
    column(
        "timestamp",
        "'1900-01-01'::timestamp + random() * interval '200 years'",
        Some((Kind::Timestamp, EPOCH)),
        (Kind::Datetime, "to_char(c, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"),
    ),
    column(
        "timestamptz",
        "'1900-01-01'::timestamptz + random() * interval '200 years'",
        Some((Kind::Timestamp, INSTANT)),
        (Kind::Timestamp, INSTANT),
    ),
    column(
        "time",
        "'00:00'::time + random() * interval '1 day'",
        Some((Kind::Timestamp, "(floor(extract(epoch from c)::numeric * 1000)::bigint * 1000)::text")),
        (Kind::Time, "c::text"),
    ),
];

const FUNCTIONS: &str = "
    set time zone 'UTC';
    create function r() returns bigint language sql volatile as
        'select (random() * 4294967295)::bigint << 32 | (random() * 4294967295)::bigint';
    create function w() returns text language sql volatile as $$
        select coalesce(string_agg((array['a', ' ', '\"', '''', E'\\\\', E'\\t', E'\\n', ',', '{', '日', '😀', '<'])
            [1 + floor(random() * 12)::int], ''), '')
        from generate_series(1, floor(random() * 12)::int)
    $$;";

/// The table with its random rows.
fn make(database: &PostgresDatabase) {
    let names: Vec<String> =
        COLUMNS.iter().enumerate().map(|(at, column)| format!("c{at} {}", column.sql_type)).collect();
    let values: Vec<String> = COLUMNS
        .iter()
        .map(|column| format!("case when random() < 0.9 then ({})::{} end", column.value, column.sql_type))
        .collect();
    database.run(&format!(
        "{FUNCTIONS} create table t (id int, {}); \
         insert into t select i, {} from generate_series(1, {ROWS}) i; \
         alter database {} set timezone = 'UTC'",
        names.join(", "),
        values.join(", "),
        database.name
    ));
}

/// What must arrive.
fn expected(database: &PostgresDatabase, arriving: &[(String, Kind, &str)]) -> Vec<Vec<Option<String>>> {
    let mut rows = vec![Vec::new(); ROWS];
    for (name, _, sql) in arriving {
        let sql = format!("select coalesce({sql}, '∅') from (select id, {name} as c from t) t order by id");
        for (row, cell) in rows.iter_mut().zip(database.rows(&sql)) {
            row.push((cell != "∅").then_some(cell));
        }
    }
    rows
}

fn config(
    database: &PostgresDatabase,
    google: &FakeGoogle,
    dataset: &str,
    [mapping, format]: [Value; 2],
    names: &[&str],
) -> String {
    let input = json!({
        "type": "postgresql", "host": database.host, "port": database.port, "user": database.user,
        "database": database.name, "table": "t", "select": names.join(", "),
    });
    let output = json!({
        "type": "bigquery", "mode": "replace", "auth_method": "application_default", "types": mapping,
        "project": google.bigquery().project, "dataset": dataset, "table": "t",
        "gcs_bucket": FakeGoogle::BUCKET, "auto_create_gcs_bucket": false, "source_format": format,
    });
    json!({"in": input, "out": output}).to_string()
}

#[test]
fn random_values_of_postgresql_arrive() {
    let Some(database) = postgres_database() else { return };
    make(&database);
    let mut found = Vec::new();
    for emulator in servers::bigquery_emulators() {
        let Some(google) = FakeGoogle::before(&emulator) else { return };
        for (mapping, format) in
            MAPPINGS.into_iter().flat_map(|mapping| ALL_FORMATS.map(|format| (mapping, format)))
        {
            // It keeps the Base64 text of lines as their bytes.
            let no_bytes = emulator.kind == BigQueryKind::Bqemulator && format != Format::Parquet;
            let mut arriving = vec![("id".to_owned(), Kind::Integer, "c::text")];
            for (at, column) in COLUMNS.iter().enumerate() {
                let arrives = match mapping {
                    Mapping::Embulk => column.embulk,
                    Mapping::Exact => Some(column.exact),
                };
                match arrives {
                    Some((Kind::Bytes, _)) if no_bytes => {}
                    Some((kind, sql)) => arriving.push((format!("c{at}"), kind, sql)),
                    None => {}
                }
            }
            let kinds: Vec<(&str, Kind)> =
                arriving.iter().map(|(name, kind, _)| (name.as_str(), *kind)).collect();
            let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
            let dataset = google.bigquery().fresh_dataset();
            let types = if mapping == Mapping::Exact { "exact" } else { "embulk" };
            let source = match format {
                Format::Csv => json!("CSV"),
                Format::Lines => json!("NEWLINE_DELIMITED_JSON"),
                Format::Parquet => json!("PARQUET"),
                Format::Unsaid => Value::Null,
            };
            let text = config(&database, &google, &dataset, [json!(types), source], &names);
            let mut sandbox = Sandbox::new().file("transfer.yml", &text);
            sandbox.set("TZ", "UTC");
            for (name, value) in google.environment() {
                sandbox.set(name, value);
            }
            sandbox.run(["embulk", "run", "transfer.yml"]).expect_code(0);
            let place = format!("{:?} {mapping:?} {format:?}", emulator.kind);
            let columns: Vec<(String, String)> =
                kinds.iter().map(|(name, kind)| ((*name).to_owned(), kind.name().to_owned())).collect();
            assert_eq!(google.bigquery().columns(&dataset, "t"), columns, "{place}");
            let rows = by_key(google.bigquery().rows(&dataset, "t"));
            let expected = expected(&database, &arriving);
            found.extend(differences(&kinds, &expected, &rows).iter().map(|one| format!("{place}: {one}")));
        }
    }
    assert!(found.is_empty(), "{} differences: {:#?}", found.len(), &found[..found.len().min(20)]);
}
