//! Parts of JSON columns: `column` with JSONPath names, `expand_json`.

use super::{failure, filtered, lines};

const ROWS: &str = "create table t (id integer, j json);
    insert into t values
        (1, '{\"a\": {\"x\": 1.10, \"y\": [1, 2, 3]}, \"b\": \"B\", \"n\": 12345678901234567890}'),
        (2, '{\"b\": null}'), (3, null), (4, '[1]');";

#[test]
fn parts_are_dropped() {
    assert_eq!(
        lines(
            ROWS,
            "- {type: column, drop_columns: [{name: $.j.a.x}, {name: \"$['j']['a']['y'][1]\"}, {name: $.j.b}]}"
        ),
        "{\"id\":1,\"j\":{\"a\":{\"y\":[1,3]},\"n\":12345678901234567890}}\n\
         {\"id\":2,\"j\":{}}\n{\"id\":3,\"j\":null}\n{\"id\":4,\"j\":[1]}\n"
    );
}

#[test]
fn parts_stay_are_renamed_and_have_defaults() {
    assert_eq!(
        lines(
            ROWS,
            "- type: column\n  columns:\n  - {name: j}\n  - {name: $.j.new, src: $.j.b}\n  - {name: '$.j.a.y[0]'}\n  \
             - {name: $.j.d, type: double, default: 0.5}"
        ),
        "{\"j\":{\"new\":\"B\",\"a\":{\"y\":[1]},\"d\":0.5}}\n\
         {\"j\":{\"new\":null,\"a\":{\"y\":[null]},\"d\":0.5}}\n{\"j\":null}\n{\"j\":[]}\n"
    );
}

#[test]
fn parts_are_added_also_to_a_default_and_under_a_new_name() {
    assert_eq!(
        lines(
            ROWS,
            "- type: column\n  columns:\n  - {name: k, src: j, default: '{}'}\n  add_columns:\n  \
             - {name: $.k.b, type: string, default: none}\n  - {name: $.k.c, type: json, default: '[1.0]'}\n  \
             - {name: $.k.e, type: boolean, default: true}\n  - {name: $.k.f, type: long, default: 7}\n  \
             - {name: $.k.g, src: $.k.b}"
        ),
        "{\"k\":{\"a\":{\"x\":1.10,\"y\":[1,2,3]},\"b\":\"B\",\"n\":12345678901234567890,\"c\":[1.0],\"e\":true,\"f\":7,\"g\":\"B\"}}\n\
         {\"k\":{\"b\":null,\"c\":[1.0],\"e\":true,\"f\":7,\"g\":null}}\n\
         {\"k\":{\"b\":\"none\",\"c\":[1.0],\"e\":true,\"f\":7,\"g\":null}}\n{\"k\":[1]}\n"
    );
}

#[test]
fn columns_without_parts_and_texts_that_are_no_json() {
    assert_eq!(
        failure(ROWS, "- {type: column, drop_columns: [{name: $.id.x}]}"),
        "column: column `id` is a long, so it has no parts"
    );
    let broken = "create table t (j json); insert into t values ('{}'), ('{\"a\"');";
    assert_eq!(
        failure(broken, "- {type: column, drop_columns: [{name: $.j.x}]}"),
        "filter `column`, column `j`, row 2: a value is not JSON"
    );
}

const PAYLOADS: &str = "create table t (id integer, p text, z integer);
    insert into t values
        (1, '{\"s\": \"x\", \"n\": 3e2, \"d\": \"1.5\", \"b\": \"TRUE\", \"at\": \"2015-06-04\", \"o\": {\"k\": [1.10, {}]}}', 9),
        (2, '{\"s\": [1, 2], \"o\": {\"k\": []}}', 9), (3, null, 9), (4, '', 9);";

#[test]
fn json_is_expanded_where_it_stood() {
    let columns = "expanded_columns: [{name: s, type: string}, {name: n, type: long}, {name: d, type: double}, \
        {name: b, type: boolean}, {name: at, type: timestamp, format: '%Y-%m-%d', timezone: Asia/Tokyo}, \
        {name: 'o.k[0]', type: string}, {name: o, type: json}, {name: 'o.k[*]', type: json}]";
    assert_eq!(
        lines(PAYLOADS, &format!("- {{type: expand_json, json_column_name: p, {columns}}}")),
        "{\"id\":1,\"s\":\"x\",\"n\":300,\"d\":1.5,\"b\":true,\"at\":\"2015-06-03 15:00:00.000000 +0000\",\
          \"o.k[0]\":\"1.10\",\"o\":{\"k\":[1.10,{}]},\"o.k[*]\":[1.10,{}],\"z\":9}\n\
         {\"id\":2,\"s\":\"[1,2]\",\"n\":null,\"d\":null,\"b\":null,\"at\":null,\
          \"o.k[0]\":null,\"o\":{\"k\":[]},\"o.k[*]\":[],\"z\":9}\n\
         {\"id\":3,\"s\":null,\"n\":null,\"d\":null,\"b\":null,\"at\":null,\
          \"o.k[0]\":null,\"o\":null,\"o.k[*]\":null,\"z\":9}\n\
         {\"id\":4,\"s\":null,\"n\":null,\"d\":null,\"b\":null,\"at\":null,\
          \"o.k[0]\":null,\"o\":null,\"o.k[*]\":null,\"z\":9}\n"
    );
}

#[test]
fn the_json_column_may_stay_and_the_root_lie_deeper() {
    assert_eq!(
        lines(
            "create table t (p json); insert into t values ('{\"o\": {\"k\": \"2015-06-04 12\"}}');",
            "- {type: expand_json, json_column_name: p, root: $.o., keep_expanding_json_column: true, \
             default_timezone: Asia/Tokyo, default_timestamp_format: '%Y-%m-%d %H', cache_provider: NOOP, \
             expanded_columns: [{name: k, type: timestamp}]}"
        ),
        "{\"p\":{\"o\":{\"k\":\"2015-06-04 12\"}},\"k\":\"2015-06-04 03:00:00.000000 +0000\"}\n"
    );
}

#[test]
fn rows_that_do_not_fit_are_left_out_and_counted_or_stop_the_transfer() {
    let sql = "create table t (id integer, p text); insert into t values
        (1, '{\"n\": \"x\"}'), (2, '{\"n\": 5}'), (3, 'nothing'), (4, '{}');";
    let filter = "type: expand_json, json_column_name: p, expanded_columns: [{name: n, type: long}]";
    let (lines, notes) = filtered(sql, &format!("- {{{filter}}}")).unwrap();
    assert_eq!(lines, "{\"id\":2,\"n\":5}\n{\"id\":4,\"n\":null}\n");
    assert_eq!(
        notes,
        [
            "filter `expand_json`, column `p`: 2 values did not fit, their rows were left out; the first has a part that cannot become a long"
        ]
    );
    assert_eq!(
        failure(sql, &format!("- {{{filter}, stop_on_invalid_record: true}}")),
        "filter `expand_json`, column `p`, row 1: a value has a part that cannot become a long"
    );
    for (column, expected) in [
        ("id", "expand_json: column `id` is a long, neither text nor JSON"),
        ("nope", "expand_json: column `nope` does not exist in the schema"),
    ] {
        let filter = format!("- {{type: expand_json, json_column_name: {column}, expanded_columns: []}}");
        assert_eq!(failure(sql, &filter), expected);
    }
}
