//! Arrays of everything: as PostgreSQL writes them, as Embulk does, and as JSON.

use sync::embulk::config::{EmbulkType, TypeMapping};
use sync::embulk::input::{ColumnOption, ValueType};

use super::super::lab::{Lab, postgresql, query, value_type};
use super::jsonl;
use crate::support::postgres::postgres_database;

/// An array, and its three forms.
const ARRAYS: [(&str, &str, &str, &str); 28] = [
    ("array[true, null]", "{t,NULL}", "{t,}", "[true,null]"),
    ("array[1, null]::int2[]", "{1,NULL}", "{1,}", "[1,null]"),
    (
        "array[-9223372036854775808]",
        "{-9223372036854775808}",
        "{-9223372036854775808}",
        "[-9223372036854775808]",
    ),
    ("array[5]::oid[]", "{5}", "{5}", "[5]"),
    ("array[1.50, 0]", "{1.50,0}", "{1.50,0}", "[1.50,0]"),
    ("array[1.5, 1e300]::float8[]", "{1.5,1e+300}", "{1.5,1e+300}", "[1.5,1e+300]"),
    ("'[5:6]={1,2}'::int[]", "[5:6]={1,2}", "{1,2}", "[1,2]"),
    (
        "'{{{1},{2}},{{3},{4}}}'::int[]",
        "{{{1},{2}},{{3},{4}}}",
        "{{{1},{2}},{{3},{4}}}",
        "[[[1],[2]],[[3],[4]]]",
    ),
    ("array[]::int[]", "{}", "{}", "[]"),
    ("array['a', 'b,']::texts", r#"{a,"b,"}"#, r#"{a,"b,"}"#, r#"["a","b,"]"#),
    ("array[1, 2]::positive[]", "{1,2}", "{1,2}", "[1,2]"),
    ("array['ok', 'い']::mood[]", "{ok,い}", "{ok,い}", r#"["ok","い"]"#),
    ("array[row(1, 'x,y')::pair]", r#"{"(1,\"x,y\")"}"#, r#"{"(1,\"x,y\")"}"#, r#"["(1,\"x,y\")"]"#),
    ("array['a']::char(3)[]", r#"{"a  "}"#, "{a  }", r#"["a  "]"#),
    ("array['a', 'b']::\"char\"[]", "{a,b}", "{a,b}", r#"["a","b"]"#),
    ("array['a']::name[]", "{a}", "{a}", r#"["a"]"#),
    ("array['A']::citext[]", "{A}", "{A}", r#"["A"]"#),
    (
        "array['2020-01-01 00:00Z'::timestamptz]",
        r#"{"2020-01-01 00:00:00+00"}"#,
        "{2020-01-01 00:00:00+00}",
        r#"["2020-01-01 00:00:00+00"]"#,
    ),
    (
        "array['2020-01-01'::date, 'infinity']",
        "{2020-01-01,infinity}",
        "{2020-01-01,infinity}",
        r#"["2020-01-01","infinity"]"#,
    ),
    ("array['10:00'::time]", "{10:00:00}", "{10:00:00}", r#"["10:00:00"]"#),
    ("array['1 day'::interval]", r#"{"1 day"}"#, "{1 day}", r#"["1 day"]"#),
    ("array['\\x00ff'::bytea]", r#"{"\\x00ff"}"#, r#"{"\\x00ff"}"#, r#"["\\x00ff"]"#),
    (r#"array['{"a": 1}'::jsonb]"#, r#"{"{\"a\": 1}"}"#, r#"{"{\"a\": 1}"}"#, r#"["{\"a\": 1}"]"#),
    ("array['1.2.3.4'::inet]", "{1.2.3.4}", "{1.2.3.4}", r#"["1.2.3.4"]"#),
    ("array['[1,5)'::int4range]", r#"{"[1,5)"}"#, r#"{"[1,5)"}"#, r#"["[1,5)"]"#),
    ("array[b'101'::varbit]", "{101}", "{101}", r#"["101"]"#),
    ("array['(1,2)'::point]", r#"{"(1,2)"}"#, r#"{"(1,2)"}"#, r#"["(1,2)"]"#),
    (
        "array['(1,2),(3,4)'::box, '(0,0),(1,1)']",
        "{(3,4),(1,2);(1,1),(0,0)}",
        r#"{"(3,4),(1,2)","(1,1),(0,0)"}"#,
        r#"["(3,4),(1,2)","(1,1),(0,0)"]"#,
    ),
];

#[test]
fn arrays_of_everything_have_three_forms() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create extension citext; create type pair as (a int, b text); create domain texts as text[];
         create domain positive as int; create type mood as enum ('ok', 'い')",
    );
    let columns: Vec<_> =
        ARRAYS.iter().enumerate().map(|(at, (sql, ..))| format!("{sql} as c{at}")).collect();
    let mut input = postgresql(&database, query(&format!("select {}", columns.join(", "))));
    let row = |form: &dyn Fn(usize) -> String| {
        let cells: Vec<_> = (0..ARRAYS.len()).map(|at| format!("\"c{at}\":{}", form(at))).collect();
        format!("{{{}}}\n", cells.join(","))
    };
    let text = |text: &str| serde_json::to_string(text).unwrap();
    let exact = jsonl(&Lab::new(), input.clone(), TypeMapping::Exact);
    assert_eq!(exact, row(&|at| text(ARRAYS[at].1)));
    let embulk = jsonl(&Lab::new(), input.clone(), TypeMapping::Embulk);
    assert_eq!(embulk, row(&|at| text(ARRAYS[at].2)));
    input.column_options = (0..ARRAYS.len())
        .map(|at| {
            let (name, option) = value_type(&format!("c{at}"), ValueType::Coalesce);
            (name, ColumnOption { column_type: Some(EmbulkType::Json), ..option })
        })
        .collect();
    assert_eq!(jsonl(&Lab::new(), input, TypeMapping::Embulk), row(&|at| ARRAYS[at].3.to_owned()));
}
