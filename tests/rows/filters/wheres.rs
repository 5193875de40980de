//! Rows that stay: `row` with `where` and with `conditions`, alone and among other filters.

use super::{failure, filtered};

const ROWS: &str =
    "create table t (id integer, s text, d double, ok boolean, at datetime, p decimal(5, 2), j json);
    insert into t values
        (1, 'str one', 0.5, true, '2015-07-13 00:00:00', 1.10, '{}'),
        (2, 'two', 1.5, false, '2016-01-01 00:00:00.5', 2.20, null),
        (3, null, null, null, null, null, null),
        (4, 'Four\nlines', -4, true, '2015-07-12 23:59:59', 4, '[]');";

/// Ids of the rows that stay under a filter.
#[track_caller]
fn ids(filter: &str) -> String {
    let filters = format!("{filter}\n- {{type: remove_columns, keep: [id]}}");
    let (lines, notes) = filtered(ROWS, &filters).unwrap();
    let ids: Vec<String> =
        lines.lines().map(|line| line.trim_matches(|char: char| !char.is_ascii_digit()).to_owned()).collect();
    let expected: &[String] = match 4 - ids.len() {
        0 => &[],
        out => &[format!("filter `row`: {out} of 4 rows were left out")],
    };
    assert_eq!(notes, expected);
    ids.join(" ")
}

#[test]
fn conditions_of_where() {
    for (condition, expected) in [
        ("id = 1", "1"),
        ("id != 1", "2 3 4"),
        ("2 < id", "3 4"),
        ("d >= 0.5 AND d <= 1.5", "1 2"),
        ("p > 1.1", "2 4"),
        ("ok = true", "1 4"),
        ("ok != TRUE", "2 3"),
        ("s START_WITH 'str' OR s END_WITH 'wo'", "1 2"),
        ("s INCLUDE ' '", "1"),
        ("'two three' START_WITH s", "2"),
        ("'number two' END_WITH s OR 'a Four' INCLUDE s", "2"),
        ("s REGEXP '^lines$' OR s REGEXP '^t'", "2 4"),
        ("s > 'str'", "1 2"),
        ("s = 'two'", "2"),
        ("s != 'two'", "1 3 4"),
        ("NOT s = 'two'", "1 3 4"),
        ("s IS NULL", "3"),
        ("NOT (s IS NULL OR id = 4)", "1 2"),
        ("d IS NOT NULL", "1 2 4"),
        ("at = TIMESTAMP '2015-07-13'", "1"),
        ("at > '2015-07-12 23:59:59 +0000'", "1 2"),
        ("at < TIMESTAMP '2015-07-13 09:00:00 +0900'", "4"),
        ("at = TIMESTAMP 1451606400.5", "2"),
        ("at >= 1451606400", "2"),
    ] {
        assert_eq!(ids(&format!("- type: row\n  where: |-\n    {condition}")), expected, "{condition}");
    }
}

#[test]
fn lists_of_conditions() {
    for (options, expected) in [
        (
            "conditions: [{column: id, operator: '>=', argument: 2}, {column: id, operator: '<', argument: 4}]",
            "2 3",
        ),
        ("condition: OR, conditions: [{column: id, argument: 1}, {column: s, operator: IS NULL}]", "1 3"),
        (
            "condition: and, conditions: [{column: s, operator: IS NOT NULL}, {column: ok, argument: false}]",
            "2",
        ),
        ("conditions: [{column: s, operator: include, argument: t, not: true}]", "3 4"),
        ("conditions: [{column: s, operator: startsWith, argument: t}]", "2"),
        ("conditions: [{column: s, operator: END_WITH, argument: e}]", "1"),
        ("conditions: [{column: s, operator: '!=', argument: two}]", "1 3 4"),
        ("conditions: [{column: d, operator: '>', argument: '0.75'}]", "2"),
        ("conditions: [{column: at, operator: '==', argument: '2015-07-13', format: '%Y-%m-%d'}]", "1"),
        (
            "conditions: [{column: at, operator: '<', argument: '2015-07-13 09', format: '%Y-%m-%d %H', timezone: Asia/Tokyo}]",
            "4",
        ),
        ("conditions: []", "1 2 3 4"),
    ] {
        assert_eq!(ids(&format!("- {{type: row, {options}}}")), expected, "{options}");
    }
}

#[test]
fn what_cannot_be_compared_is_said_before_the_first_row() {
    for (condition, expected) in [
        ("x = 1", "row: column `x` does not exist in the schema"),
        ("j IS NULL", "row: column `j` is JSON, which conditions cannot look into"),
        ("id = 'one'", "row: column `id` is a long and cannot be compared with a text"),
        ("id = true", "row: column `id` is a long and cannot be compared with true or false"),
        ("s = 1", "row: column `s` is a string and cannot be compared with a number"),
        ("ok = 1", "row: column `ok` is a boolean and cannot be compared with a number"),
        ("d INCLUDE 'x'", "row: column `d` is a double and cannot be compared with a part of a text"),
        ("id = TIMESTAMP 1", "row: column `id` is a long and cannot be compared with a timestamp"),
        (
            "at = 'noon'",
            "row: column `at` is a timestamp and cannot be compared with `noon`, which is no timestamp in any of its formats",
        ),
    ] {
        assert_eq!(failure(ROWS, &format!("- type: row\n  where: {condition}")), expected, "{condition}");
    }
}

#[test]
fn no_row_may_stay() {
    let (lines, notes) = filtered(ROWS, "- {type: row, where: id > 9}").unwrap();
    assert_eq!((lines.as_str(), notes), ("", vec!["filter `row`: 4 of 4 rows were left out".to_owned()]));
}

#[test]
fn filters_see_what_the_ones_before_made_over_many_pages() {
    let sql = "create table t (n integer, s text);
        insert into t with recursive c(n) as (select 1 union all select n + 1 from c where n < 100000) \
        select n, case when n % 1000 = 0 then 'x' else n end from c;";
    let (lines, notes) = filtered(
        sql,
        "- {type: row, where: n > 50}\n- {type: typecast, columns: [{name: s, type: long}]}\n\
         - {type: column, add_columns: [{name: twice, src: s}]}\n- {type: rename, rules: [{rule: lower_to_upper}]}\n\
         - {type: row, where: S IS NULL OR N <= 52}\n- {type: mask, columns: [{name: TWICE}]}",
    )
    .unwrap();
    let mut expected =
        "{\"N\":51,\"S\":51,\"TWICE\":\"**\"}\n{\"N\":52,\"S\":52,\"TWICE\":\"**\"}\n".to_owned();
    for n in 1..=100 {
        expected += &format!("{{\"N\":{},\"S\":null,\"TWICE\":null}}\n", n * 1000);
    }
    assert_eq!(lines, expected);
    assert_eq!(
        notes,
        [
            "filter `row`: 50 of 100000 rows were left out",
            "filter `typecast`, column `s`: 100 values did not fit, they became NULL; the first cannot become a long",
            "filter `row`: 99848 of 99950 rows were left out",
        ]
    );
}
