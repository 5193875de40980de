//! Random values of every type, made by the server and compared with what the server prints.

use serde_json::Value;
use sync::embulk::config::TypeMapping;

use super::super::lab::{Lab, postgresql, query};
use super::jsonl;
use crate::support::postgres::postgres_database;

/// Values of each type.
const ROWS: usize = 4000;

/// How the cell of JSON and the server's text are compared.
#[derive(Clone, Copy)]
enum Compare {
    /// The text of a number, digit by digit.
    Digits,
    /// As doubles.
    Double,
    /// The text of a string.
    Text,
    /// As JSON values.
    Json,
}

/// A type, an expression for a random value of it, and what its text is to be.
type Column = (&'static str, &'static str, &'static str, Compare);

/// `r()` is a random integer of 64 bits, `w()` a text with everything that has a meaning somewhere.
const COLUMNS: [Column; 22] = [
    ("boolean", "r() % 2 = 0", "c::text", Compare::Digits),
    ("smallint", "r() % 32768", "c::text", Compare::Digits),
    ("int", "r() % 2147483648", "c::text", Compare::Digits),
    ("bigint", "r()", "c::text", Compare::Digits),
    ("oid", "abs(r() % 4294967296)", "c::text", Compare::Digits),
    ("real", "(random() - 0.5) * 10 ^ (r() % 37)", "c::float8::text", Compare::Double),
    ("double precision", "(random() - 0.5) * 10 ^ (r() % 300)", "c::text", Compare::Double),
    ("numeric", "r()::numeric * r() / 10::numeric ^ abs(r() % 40)", "c::text", Compare::Digits),
    ("numeric(38,9)", "r()::numeric * abs(r() % 10000) / 1000000", "c::text", Compare::Digits),
    ("money", "(r() / 100)::numeric::money", "c::numeric::text", Compare::Digits),
    ("text", "w()", "c", Compare::Text),
    ("varchar", "w()", "c", Compare::Text),
    ("uuid", "gen_random_uuid()", "c::text", Compare::Text),
    ("bytea", "decode(md5(w()), 'hex')", "encode(c, 'base64')", Compare::Text),
    (
        "jsonb",
        "jsonb_build_object(w(), r(), 'a', jsonb_build_array(w(), null, random()))",
        "c::text",
        Compare::Json,
    ),
    ("date", "'0001-01-01'::date + abs(r() % 3652058)::int", "to_char(c, 'YYYY-MM-DD')", Compare::Text),
    (
        "timestamp",
        "'0001-01-01'::timestamp + abs(r() % 3652058)::int * interval '1 day' + random() * interval '1 day'",
        "to_char(c, 'YYYY-MM-DD HH24:MI:SS.US')",
        Compare::Text,
    ),
    (
        "timestamptz",
        "'1800-01-01'::timestamptz + abs(r() % 300000)::int * interval '1 day' + random() * interval '1 day'",
        "to_char(c at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US +00:00')",
        Compare::Text,
    ),
    ("time", "'00:00'::time + random() * interval '1 day'", "to_char(c, 'HH24:MI:SS.US')", Compare::Text),
    ("interval", "random() * interval '1 year' - r() % 1000 * interval '1 mon'", "c::text", Compare::Text),
    ("text[]", "array[w(), null, w()]", "c::text", Compare::Text),
    ("numrange", "numrange(least(r(), 0), 0)", "c::text", Compare::Text),
];

const FUNCTIONS: &str = r#"
    create function r() returns bigint language sql volatile as
        'select (random() * 4294967295)::bigint << 32 | (random() * 4294967295)::bigint';
    create function w() returns text language sql volatile as $$
        select coalesce(string_agg((array['a', 'Z', ' ', '"', '''', '\', '\N', E'\t', E'\n', E'\r', ',', '{', '}',
            'NULL', '日', '😀', 'é', E'\x01', E'\x7f', '<', '\.'])[1 + floor(random() * 21)::int], ''), '')
        from generate_series(1, floor(random() * 12)::int)
    $$;
"#;

#[test]
fn random_values_are_what_the_server_prints() {
    let Some(database) = postgres_database() else { return };
    database.run(FUNCTIONS);
    for zone in ["UTC", "America/New_York"] {
        for (kind, value, expected, compare) in COLUMNS {
            database.run(&format!(
                "drop table if exists v; create table v (i int, c {kind}); \
                 insert into v select i, case when i % 10 > 0 then ({value})::{kind} end \
                 from generate_series(1, {ROWS}) i"
            ));
            let mut lab = Lab::new();
            lab.zone = jiff::tz::TimeZone::get(zone).unwrap();
            let input = postgresql(&database, query("select c from v order by i"));
            let written = jsonl(&lab, input, TypeMapping::Exact);
            let printed = database.rows(&format!("select coalesce({expected}, '∅') from v order by i"));
            let cells: Vec<&str> = written.lines().collect();
            assert_eq!(cells.len(), ROWS);
            for (cell, printed) in cells.iter().zip(&printed) {
                let cell = cell.strip_prefix("{\"c\":").unwrap().strip_suffix('}').unwrap();
                assert!(is_same(cell, printed, compare), "{kind}: {cell} is not {printed:?}");
            }
        }
    }
}

fn is_same(cell: &str, printed: &str, compare: Compare) -> bool {
    if printed == "∅" {
        return cell == "null";
    }
    match compare {
        Compare::Digits => cell == printed,
        Compare::Double => {
            cell.parse::<f64>().unwrap().to_bits() == printed.parse::<f64>().unwrap().to_bits()
        }
        Compare::Text => serde_json::from_str::<String>(cell).unwrap() == printed,
        Compare::Json => {
            serde_json::from_str::<Value>(cell).unwrap() == serde_json::from_str::<Value>(printed).unwrap()
        }
    }
}
