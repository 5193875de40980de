//! What filters refuse, and what their options become.

use super::super::tests::{bound, filter_problems};
use crate::embulk::filter::{FilterConfig, Invalid, MaskKind, Operator, Place, TimeUnit};

const IN_AND_OUT: &str = "in: {type: sqlite, database: d, table: t}\nout: {type: file, path_prefix: o, file_ext: csv, formatter: {type: csv}}\n";

/// The one problem of a filter, without its place.
#[track_caller]
fn refused(filter: &str, expected: &str) {
    let problems = filter_problems(filter);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].split_once(' ').unwrap().1, expected, "{filter}");
}

fn filter(text: &str) -> FilterConfig {
    bound(&format!("{IN_AND_OUT}filters:\n- {text}\n")).filters.remove(0)
}

#[test]
fn parts_of_json_columns() {
    let column = |options: &str| format!("{{type: column, {options}}}");
    for (options, expected) in [
        (
            "drop_columns: [{name: $.j..k}]",
            "error bad-value: the path `$.j..k` has `..`, which is not supported",
        ),
        (
            "drop_columns: [{name: '$[0].k'}]",
            "error bad-value: the path `$[0].k` does not begin with a column",
        ),
        (
            "columns: [{name: j}, {name: $.j}]",
            "error bad-value: the path `$.j` names a whole column: write its name alone",
        ),
        (
            "add_columns: [{name: '$.j.l[*]', type: long, default: 1}]",
            "error bad-value: the path `$.j.l[*]` ends with `[*]`, where nothing can be added",
        ),
        (
            "columns: [{name: j}, {name: '$.j.l[*]'}]",
            "error bad-value: the path `$.j.l[*]` ends with `[*]`, which keeps nothing by name",
        ),
        ("add_columns: [{name: $.j.a}]", "error bad-value: `$.j.a` needs `src`, or `type` and `default`"),
        (
            "add_columns: [{name: $.j.a, src: $.j.b.c}]",
            "error bad-value: `src` must stand beside `$.j.a`, in the same part of the column",
        ),
        (
            "add_columns: [{name: $.j.a, type: timestamp, default: '2015-01-01'}]",
            "error bad-value: the default of `$.j.a` cannot be read as timestamp",
        ),
        (
            "add_columns: [{name: $.j.a, type: json, default: '{'}]",
            "error bad-value: the default of `$.j.a` cannot be read as json",
        ),
        (
            "columns: [{name: a, src: $.j.b}]",
            "error bad-value: `src` is a part of a JSON column, and `a` is not",
        ),
        (
            "columns: [{name: $.j.a}]",
            "warning part-without-column: `columns` lists a part of column `j` and not the column, which goes",
        ),
    ] {
        refused(&column(options), expected);
    }
}

#[test]
fn rules_of_rename() {
    let rule = |options: &str| format!("{{type: rename, rules: [{{{options}}}]}}");
    for (options, expected) in [
        ("a: b", "error missing-option: `rule` is required in `rules`"),
        (
            "rule: upper",
            "error bad-value: `rule` must be one of lower_to_upper, upper_to_lower, truncate, character_types, first_character_types, regex_replace, unique_number_suffix, not `upper`",
        ),
        (
            "rule: upper_to_lower, max_length: 3",
            "warning unknown-option: unknown option `max_length` in `rules` is ignored",
        ),
        (
            "rule: truncate, max_length: -1",
            "error bad-value: `max_length` must be a whole number of at least 0, not `-1`",
        ),
        (
            "rule: character_types",
            "error missing-option: `pass_types` or `pass_characters` is required in `rules`",
        ),
        (
            "rule: character_types, pass_types: [a-f]",
            "error bad-value: `pass_types` takes a-z, A-Z and 0-9, not `a-f`",
        ),
        (
            "rule: character_types, pass_types: [a-z], replace: xy",
            "error bad-value: `replace` must be one character, not `xy`",
        ),
        (
            "rule: character_types, pass_types: [a-z], replace: $",
            "error bad-value: `replace` cannot be `$`, which has a meaning of its own",
        ),
        (
            "rule: character_types, pass_characters: 'a\\E'",
            "error bad-value: `pass_characters` cannot have `\\E` in it",
        ),
        (
            "rule: first_character_types, pass_types: [a-z]",
            "error missing-option: `replace` or `prefix` is required in `rules`",
        ),
        (
            "rule: first_character_types, pass_types: [a-z], replace: a, prefix: b",
            "error bad-value: `replace` and `prefix` cannot be given both",
        ),
        ("rule: regex_replace, match: a", "error missing-option: `replace` is required in `rules`"),
        (
            "rule: regex_replace, match: (, replace: a",
            "error bad-value: the pattern of `match` cannot be used: it unclosed group",
        ),
        ("rule: unique_number_suffix, delimiter: 5", "error bad-value: `delimiter` cannot be the digit `5`"),
        (
            "rule: unique_number_suffix, max_length: 7",
            "error bad-value: `max_length` must be a whole number from 8 to 2147483647, not `7`",
        ),
        (
            "rule: unique_number_suffix, max_length: 8, digits: 8",
            "error bad-value: `max_length` must be above `digits`, which is 8",
        ),
    ] {
        refused(&rule(options), expected);
    }
}

#[test]
fn what_other_filters_refuse() {
    for (filter, expected) in [
        ("{type: mask}", "error missing-option: `columns` is required in `filters`"),
        (
            "{type: mask, columns: [{name: a, type: al}]}",
            "error bad-value: `type` must be one of all, email, regex, substring, not `al` [did you mean `all`?]",
        ),
        (
            "{type: mask, columns: [{name: a, pattern: email}]}",
            "error bad-value: `pattern` goes with `type: regex` alone",
        ),
        (
            "{type: mask, columns: [{name: a, type: regex}]}",
            "error missing-option: `pattern` is required in `columns`",
        ),
        (
            "{type: mask, columns: [{name: a, paths: [{key: '$.a[*]'}]}]}",
            "error bad-value: the path `$.a[*]` has `[*]`, which is not supported here",
        ),
        (
            "{type: row, where: a == 1}",
            "error bad-value: `where` cannot be read: `=` stands where a literal is needed",
        ),
        (
            "{type: row, conditions: [{column: a, operator: like, argument: b}]}",
            "error bad-value: `operator` must be one of ==, !=, >, >=, <, <=, start_with, startsWith, end_with, endsWith, include, contains, IS NULL, IS NOT NULL, not `like`",
        ),
        (
            "{type: row, conditions: [{column: a}]}",
            "error missing-option: `argument` is required in `conditions`",
        ),
        ("{type: typecast, columns: [{name: a}]}", "error missing-option: `type` is required in `columns`"),
        (
            "{type: typecast, columns: [{name: $.a.b, type: timestamp}]}",
            "error bad-value: a part of a JSON column cannot become a timestamp",
        ),
        (
            "{type: typecast, stop_on_invalid_record: maybe}",
            "error bad-value: `stop_on_invalid_record` must be true or false, not `maybe`",
        ),
        (
            "{type: timestamp_format, columns: [{name: a, type: json}]}",
            "error bad-value: a time cannot become a json",
        ),
        (
            "{type: timestamp_format, default_to_timestamp_format: 'java:%'}",
            "error bad-value: `java:%` in `default_to_timestamp_format` is a format of Java's, which is not supported",
        ),
        (
            "{type: timestamp_format, columns: [{name: a, to_unit: hour}]}",
            "error bad-value: `to_unit` must be one of second, sec, ms, millisecond, milli_second, milli, us, microsecond, micro_second, micro, ns, nanosecond, nano_second, nano, not `hour`",
        ),
        (
            "{type: expand_json, expanded_columns: []}",
            "error missing-option: `json_column_name` is required in `filters`",
        ),
        (
            "{type: expand_json, json_column_name: a}",
            "error missing-option: `expanded_columns` is required in `filters`",
        ),
        (
            "{type: expand_json, json_column_name: a, root: $.x, expanded_columns: [{name: '..y', type: long}]}",
            "error bad-value: the path `$.x..y` has `..`, which is not supported",
        ),
        (
            "{type: typecast, default_date: '2015-01-01'}",
            "error unsupported-option: `default_date` is not supported yet, and leaving it out would change the result",
        ),
    ] {
        refused(filter, expected);
    }
}

#[test]
fn options_and_their_defaults() {
    let FilterConfig::Mask(mask) =
        filter("{type: mask, columns: [{name: a, mask_length: 4}, {name: b, length: 0}]}")
    else {
        panic!("mask")
    };
    assert_eq!(mask.columns[0].kind, MaskKind::All { length: Some(4) });
    assert_eq!(mask.columns[1].kind, MaskKind::All { length: None });
    let FilterConfig::TimestampFormat(format) = filter(
        "{type: timestamp_format, default_from_timestamp_unit: ms, columns: [{name: $.a.b, from_format: 'ruby:%s', to_unit: us}]}",
    ) else {
        panic!("timestamp_format")
    };
    let column = &format.columns[0];
    assert!(matches!(column.place, Place::Path(_)));
    assert_eq!((column.from_unit, column.to_unit), (TimeUnit::Millisecond, TimeUnit::Microsecond));
    assert_eq!(
        (column.from_formats.as_slice(), column.to_format.as_str()),
        (&["%s".to_owned()][..], "%Y-%m-%d %H:%M:%S.%N %z")
    );
    assert_eq!(format.invalid, Invalid::Tolerate);
    let FilterConfig::ExpandJson(expand) = filter(
        "{type: expand_json, json_column_name: j, time_zone: Asia/Tokyo, stop_on_invalid_record: 'true', expanded_columns: [{name: a, type: long}]}",
    ) else {
        panic!("expand_json")
    };
    assert_eq!((expand.invalid, expand.keep), (Invalid::Stop, false));
    assert_eq!(expand.columns[0].zone.name, "Asia/Tokyo");
    assert_eq!(expand.columns[0].path.to_string(), "$['a']");
    let FilterConfig::Row(condition) = filter("{type: row, where: 1 < a}") else { panic!("row") };
    assert!(format!("{condition:?}").contains(&format!("{:?}", Operator::Greater)));
}
