//! Random values of every type, made by the server and compared with what the server prints.

use sync::embulk::config::TypeMapping;

use super::super::lab::{Lab, postgresql, query};
use super::jsonl;
use crate::support::postgres::postgres_database;

/// Values of each type.
const ROWS: usize = 100_000;

/// A type, an expression for a random value of it, and the JSON that a value is to become.
type Column = (&'static str, &'static str, &'static str);

/// The text that the server has for it.
const AS_IT_IS: &str = "COLUMN::text";
/// The same between quotes.
const QUOTED: &str = "to_json(COLUMN::text)";

/// `r()` is a random integer of 64 bits, `w()` a text with everything that has a meaning somewhere.
const COLUMNS: [Column; 43] = [
    ("boolean", "r() % 2 = 0", AS_IT_IS),
    ("smallint", "r() % 32768", AS_IT_IS),
    ("int", "r() % 2147483648", AS_IT_IS),
    ("bigint", "r()", AS_IT_IS),
    ("oid", "abs(r() % 4294967296)", AS_IT_IS),
    ("numeric", "r()::numeric * r() / 10::numeric ^ abs(r() % 40)", AS_IT_IS),
    ("numeric(38,9)", "r()::numeric * abs(r() % 10000) / 1000000", AS_IT_IS),
    ("numeric(1000,300)", "r()::numeric * r() * r() * r() / (abs(r()) + 1)", AS_IT_IS),
    ("money", "(r() / 100)::numeric::money", "COLUMN::numeric::text"),
    ("text", "w()", QUOTED),
    ("varchar", "w()", QUOTED),
    ("char(30)", "w()", "to_json(rpad(COLUMN, 30))"),
    ("name", "w()", QUOTED),
    ("uuid", "gen_random_uuid()", QUOTED),
    ("bytea", "decode(md5(w()), 'hex')", "to_json(encode(COLUMN, 'base64'))"),
    (
        "json",
        "json_build_array(w(), r(), null, true, json_build_object('k', w()))",
        "replace(replace(COLUMN::text, ', ', ','), '\" : ', '\":')",
    ),
    ("date", "'0001-01-01'::date + abs(r() % 3652058)::int", "to_json(to_char(COLUMN, 'YYYY-MM-DD'))"),
    (
        "timestamp",
        "'0001-01-01'::timestamp + abs(r() % 3652058)::int * interval '1 day' + random() * interval '1 day'",
        "to_json(to_char(COLUMN, 'YYYY-MM-DD HH24:MI:SS.US'))",
    ),
    (
        "timestamptz",
        "'1800-01-01'::timestamptz + abs(r() % 300000)::int * interval '1 day' + random() * interval '1 day'",
        "to_json(to_char(COLUMN at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US +00:00'))",
    ),
    ("time", "'00:00'::time + random() * interval '1 day'", "to_json(to_char(COLUMN, 'HH24:MI:SS.US'))"),
    ("timetz", "('00:00'::time + random() * interval '1 day') at time zone 'Asia/Kolkata'", QUOTED),
    ("interval", "random() * interval '1 year' - r() % 1000 * interval '1 mon'", QUOTED),
    ("bit(20)", "(r() % 1048576)::int::bit(20)", QUOTED),
    ("varbit", "substring(r()::bit(64) from 1 for abs(r() % 64)::int)", QUOTED),
    ("inet", "'0.0.0.0'::inet + abs(r() % 4294967296)", "to_json(host(COLUMN))"),
    ("macaddr", "substr(md5(w() || r()), 1, 12)::macaddr", QUOTED),
    ("point", "point(r(), random())", QUOTED),
    ("int8[]", "array[r(), null, r()]", QUOTED),
    ("text[]", "array[[w(), null], [w(), w()]]", QUOTED),
    ("numrange", "numrange(least(r(), 0), 0)", QUOTED),
    ("int8multirange", "int8multirange(int8range(least(r(), 0), 0), int8range(1, greatest(r(), 1)))", QUOTED),
    ("tsvector", "to_tsvector('simple', w())", QUOTED),
    ("pg_lsn", "('0/0'::pg_lsn + abs(r() % 1000000000000))", QUOTED),
    ("hstore", "hstore(array[w(), 'k'], array[w(), null])", QUOTED),
    ("mood", "(array['ok', 'い', ''])[1 + abs(r() % 3)]::mood", QUOTED),
    ("numeric(12,2)", "(r() % 1000000)::numeric / 100", AS_IT_IS),
    ("numeric", "round((r() % 20000)::numeric / 10000, abs(r() % 9)::int)", AS_IT_IS),
    (
        "jsonb",
        "jsonb_build_array(w(), r(), null, true, jsonb_build_object('k', w()))",
        "replace(replace(COLUMN::text, ', ', ','), '\": ', '\":')",
    ),
    ("bit(1)", "(r() % 2)::int::bit(1)", "(COLUMN = b'1')::text"),
    ("\"char\"", "chr(1 + abs(r() % 127)::int)::\"char\"", QUOTED),
    ("feeling", "(array['ok', 'い', ''])[1 + abs(r() % 3)]::mood", QUOTED),
    ("pair", "row(w(), r())::pair", QUOTED),
    (
        "timestamptz[]",
        "array['1800-01-01'::timestamptz + abs(r() % 300000)::int * interval '1 day', null]",
        QUOTED,
    ),
];

/// Where in the list dates and times are.
const CLOCKS: std::ops::Range<usize> = 16..22;

const FUNCTIONS: &str = r#"
    create extension if not exists hstore;
    create type mood as enum ('ok', 'い', '');
    create domain feeling as mood;
    create type pair as (a text, b bigint);
    create function r() returns bigint language sql volatile as
        'select (random() * 4294967295)::bigint << 32 | (random() * 4294967295)::bigint';
    create function w() returns text language sql volatile as $$
        select translate(substr(md5(random()::text), 1, (random() * 12)::int), '0123456789abcdef',
            E'a"\'\\\t\n\r,{}日😀é\x01N.')
    $$;
"#;

#[test]
fn random_values_are_what_the_server_prints() {
    let Some(database) = postgres_database() else { return };
    database.run(FUNCTIONS);
    let number = |at: usize| format!("c{at}");
    let types: Vec<_> =
        COLUMNS.iter().enumerate().map(|(at, (kind, ..))| format!("{} {kind}", number(at))).collect();
    let values: Vec<_> = COLUMNS
        .iter()
        .map(|(kind, value, _)| format!("case when random() > 0.1 then ({value})::{kind} end"))
        .collect();
    let cells: Vec<_> = COLUMNS
        .iter()
        .enumerate()
        .map(|(at, (_, _, json))| {
            format!("'\"c{at}\":' || coalesce(({})::text, 'null')", json.replace("COLUMN", &number(at)))
        })
        .collect();
    database.run(&format!(
        "create table v (i int, {}); insert into v select i, {} from generate_series(1, {ROWS}) i",
        types.join(", "),
        values.join(", ")
    ));
    // What the zone of the process has a part in is read in two.
    for (zone, of) in [("UTC", 0..COLUMNS.len()), ("America/New_York", CLOCKS)] {
        let mut lab = Lab::new();
        lab.zone = jiff::tz::TimeZone::get(zone).unwrap();
        let names: Vec<_> = of.clone().map(number).collect();
        let sql = format!("select {} from v order by i", names.join(", "));
        let written = jsonl(&lab, postgresql(&database, query(&sql)), TypeMapping::Exact);
        let printed = database
            .rows(&format!("select '{{' || {} || '}}' from v order by i", cells[of].join(" || ',' || ")));
        assert_eq!((written.lines().count(), printed.len()), (ROWS, ROWS));
        for (line, printed) in written.lines().zip(&printed) {
            assert_eq!(line, printed, "{zone}");
        }
    }
}

#[test]
fn random_floats_are_those_of_the_server() {
    let Some(database) = postgres_database() else { return };
    database.run(FUNCTIONS);
    database.run(&format!(
        "create table v as select i, ((random() - 0.5) * 10 ^ (r() % 37))::real as f, \
         (random() - 0.5) * 10 ^ (r() % 300) as d from generate_series(1, {ROWS}) i"
    ));
    let input = postgresql(&database, query("select f, d from v order by i"));
    let written = jsonl(&Lab::new(), input, TypeMapping::Exact);
    let printed = database.rows("select f::float8 || ' ' || d from v order by i");
    assert_eq!((written.lines().count(), printed.len()), (ROWS, ROWS));
    for (line, printed) in written.lines().zip(&printed) {
        let (f, d) = line.strip_prefix("{\"f\":").unwrap().split_once(",\"d\":").unwrap();
        let printed = printed.split_once(' ').unwrap();
        for (cell, printed) in [(f, printed.0), (d.trim_end_matches('}'), printed.1)] {
            let bits = |text: &str| text.parse::<f64>().unwrap().to_bits();
            assert_eq!(bits(cell), bits(printed), "{cell} is not {printed}");
        }
    }
}
