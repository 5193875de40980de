//! Values of another form: `mask`, `typecast`, `timestamp_format`.

use super::{failure, filtered, lines};

const PEOPLE: &str = "create table t (id integer, name text, mail text, born date, at datetime, pay decimal(20, 2), w double, ok boolean, j json);
    insert into t values
        (12, 'Bell', 'bell@example.com', '2001-02-03', '2015-06-04 12:34:56.5', 1234567890123456.10, 1e7, true, '{\"n\": \"Bell\", \"l\": [0, 1], \"m\": \"b@c.d\", \"z\": null}'),
        (null, null, null, null, null, null, null, null, null);";

#[test]
fn every_type_can_be_masked() {
    assert_eq!(
        lines(
            PEOPLE,
            "- type: mask\n  columns:\n  - {name: id}\n  - {name: name, length: 2}\n  - {name: mail, type: email}\n  \
             - {name: born, type: substring, start: 4}\n  - {name: at, type: regex, pattern: '[0-9]'}\n  \
             - {name: pay}\n  - {name: w, type: substring, start: 1, end: 3, length: 4}\n  - {name: ok}\n  \
             - {name: j, paths: [{key: $.n}, {key: $.l}, {key: $.m, type: email, length: 3}, {key: $.z}, {key: $.q}]}"
        ),
        "{\"id\":\"**\",\"name\":\"**\",\"mail\":\"****@example.com\",\"born\":\"2001*******************\",\
          \"at\":\"****-**-** **:**:**.*** UTC\",\"pay\":\"*******************\",\"w\":\"1****E7\",\"ok\":\"****\",\
          \"j\":{\"n\":\"****\",\"l\":\"*****\",\"m\":\"***@c.d\",\"z\":null}}\n\
         {\"id\":null,\"name\":null,\"mail\":null,\"born\":null,\"at\":null,\"pay\":null,\"w\":null,\"ok\":null,\"j\":null}\n"
    );
}

#[test]
fn a_mask_that_masks_nothing_is_told() {
    let sql = "create table t (a text); insert into t values ('x');";
    let (lines, notes) = filtered(sql, "- {type: mask, columns: [{name: A}]}").unwrap();
    assert_eq!(lines, "{\"a\":\"x\"}\n");
    assert_eq!(notes, ["filter `mask`: column `A` does not exist"]);
}

const MANY: &str = "create table t (b boolean, l integer, d double, s text, at datetime, j json);
    insert into t values
        (true, 1, 2.75, 'yes', '2015-06-04 12:34:56.5', '{\"a\": [1, \"2\", null], \"b\": true}'),
        (false, 7, -1.5, ' 7', '1969-12-31 23:59:59.5', '\"text\"'),
        (null, null, null, null, null, null);";

/// All columns cast to one type.
fn cast(to: &str) -> Result<(String, Vec<String>), String> {
    let columns: Vec<String> =
        ["b", "l", "d", "s", "at", "j"].map(|name| format!("{{name: {name}, type: {to}}}")).to_vec();
    let filter = format!("- {{type: typecast, columns: [{}]}}", columns.join(", "));
    filtered(MANY, &filter).map_err(|error| error.to_string())
}

#[test]
fn every_type_becomes_every_other_or_null_with_a_count() {
    let nulls = "{\"b\":null,\"l\":null,\"d\":null,\"s\":null,\"at\":null,\"j\":null}\n";
    let note = |column: &str, to: &str, count: usize| match count {
        1 => format!(
            "filter `typecast`, column `{column}`: 1 value did not fit, it became NULL; the value cannot become {to}"
        ),
        _ => format!(
            "filter `typecast`, column `{column}`: {count} values did not fit, they became NULL; the first cannot become {to}"
        ),
    };
    for (to, expected, notes) in [
        (
            "boolean",
            "{\"b\":true,\"l\":true,\"d\":null,\"s\":true,\"at\":null,\"j\":null}\n\
             {\"b\":false,\"l\":null,\"d\":null,\"s\":null,\"at\":null,\"j\":null}\n",
            vec![
                ("l", "a boolean", 1),
                ("d", "a boolean", 2),
                ("s", "a boolean", 1),
                ("at", "a boolean", 2),
                ("j", "a boolean", 2),
            ],
        ),
        (
            "long",
            "{\"b\":1,\"l\":1,\"d\":2,\"s\":null,\"at\":1433421296,\"j\":null}\n\
             {\"b\":0,\"l\":7,\"d\":-1,\"s\":null,\"at\":-1,\"j\":null}\n",
            vec![("s", "a long", 2), ("j", "a long", 2)],
        ),
        (
            "double",
            "{\"b\":null,\"l\":1.0,\"d\":2.75,\"s\":null,\"at\":1433421296.5,\"j\":null}\n\
             {\"b\":null,\"l\":7.0,\"d\":-1.5,\"s\":7.0,\"at\":-0.5,\"j\":null}\n",
            vec![("b", "a double", 2), ("s", "a double", 1), ("j", "a double", 2)],
        ),
        (
            "string",
            "{\"b\":\"true\",\"l\":\"1\",\"d\":\"2.75\",\"s\":\"yes\",\"at\":\"2015-06-04 12:34:56.500000000 +0000\",\
              \"j\":\"{\\\"a\\\":[1,\\\"2\\\",null],\\\"b\\\":true}\"}\n\
             {\"b\":\"false\",\"l\":\"7\",\"d\":\"-1.5\",\"s\":\" 7\",\"at\":\"1969-12-31 23:59:59.500000000 +0000\",\"j\":\"text\"}\n",
            vec![],
        ),
        (
            "json",
            "{\"b\":null,\"l\":null,\"d\":null,\"s\":null,\"at\":null,\"j\":{\"a\":[1,\"2\",null],\"b\":true}}\n\
             {\"b\":null,\"l\":null,\"d\":null,\"s\":7,\"at\":null,\"j\":\"text\"}\n",
            vec![("b", "JSON", 2), ("l", "JSON", 2), ("d", "JSON", 2), ("s", "JSON", 1), ("at", "JSON", 2)],
        ),
        (
            "timestamp",
            "{\"b\":null,\"l\":\"1970-01-01 00:00:01.000000 +0000\",\"d\":\"1970-01-01 00:00:02.750000 +0000\",\"s\":null,\
              \"at\":\"2015-06-04 12:34:56.500000 +0000\",\"j\":null}\n\
             {\"b\":null,\"l\":\"1970-01-01 00:00:07.000000 +0000\",\"d\":\"1969-12-31 23:59:58.500000 +0000\",\"s\":null,\
              \"at\":\"1969-12-31 23:59:59.500000 +0000\",\"j\":null}\n",
            vec![("b", "a timestamp", 2), ("s", "a timestamp", 2), ("j", "a timestamp", 2)],
        ),
    ] {
        let notes: Vec<String> =
            notes.into_iter().map(|(column, to, count)| note(column, to, count)).collect();
        assert_eq!(cast(to).unwrap(), (format!("{expected}{nulls}"), notes), "{to}");
    }
}

#[test]
fn parts_of_json_are_cast_and_formats_and_zones_count() {
    let sql = "create table t (s text, n text, at datetime, day date, pay decimal(20, 2), j json); insert into t values
        ('04/06/2015 12', '12:00', '2015-06-04 03:00:00', '2015-06-04', 1234567890.10, '{\"a\": [1, \"2.50\"], \"b\": 3.9, \"c\": {\"d\": 1}, \"n\": null}');";
    assert_eq!(
        lines(
            sql,
            "- type: typecast\n  default_timezone: Asia/Tokyo\n  default_timestamp_format: '%d/%m/%Y %H'\n  columns:\n  \
             - {name: s, type: timestamp}\n  - {name: n, type: timestamp, format: '%H:%M', timezone: UTC}\n  \
             - {name: at, type: string}\n  - {name: day, type: timestamp}\n  - {name: pay, type: string}\n  \
             - {name: '$.j.a[*]', type: double}\n  - {name: $.j.b, type: long}\n  - {name: $.j.c, type: string}\n  \
             - {name: $.j.n, type: long}\n  - {name: $.j.q, type: long}"
        ),
        "{\"s\":\"2015-06-04 03:00:00.000000 +0000\",\"n\":\"1970-01-01 12:00:00.000000 +0000\",\"at\":\"04/06/2015 12\",\
          \"day\":\"2015-06-04 00:00:00.000000 +0000\",\"pay\":\"1234567890.10\",\
          \"j\":{\"a\":[1.0,2.5],\"b\":3,\"c\":\"{\\\"d\\\":1}\",\"n\":null}}\n"
    );
    assert_eq!(
        failure(sql, "- {type: typecast, stop_on_invalid_record: true, columns: [{name: s, type: long}]}"),
        "filter `typecast`, column `s`, row 1: a value cannot become a long"
    );
    assert_eq!(
        failure(sql, "- {type: typecast, columns: [{name: $.s.x, type: long}]}"),
        "typecast: column `s` is not JSON, so it has no parts"
    );
    assert_eq!(
        failure(sql, "- {type: typecast, columns: [{name: x, type: long}]}"),
        "typecast: column `x` does not exist in the schema"
    );
}

const TIMES: &str = "create table t (s text, l integer, d double, at datetime, j json);
    insert into t values
        ('2015-07-12 15:00:00.1 UTC', 1436713200100, 1436713200.5, '2015-07-12 15:00:00.25', '{\"t\": \"2015-07-12 15:00:00 UTC\", \"u\": [1436713200, true], \"v\": 1}'),
        ('2015-07-12 15:00:00 +0900', -1, -0.5, null, null);";

#[test]
fn times_change_format_zone_and_unit() {
    let formats = "default_from_timestamp_format: ['%Y-%m-%d %H:%M:%S.%N %z', '%Y-%m-%d %H:%M:%S %z'], \
        default_to_timezone: Asia/Tokyo, default_to_timestamp_format: '%Y-%m-%d %H:%M:%S.%L', default_from_timestamp_unit: ms";
    let filter = |columns: &str| format!("- {{type: timestamp_format, {formats}, columns: [{columns}]}}");
    assert_eq!(
        lines(
            TIMES,
            &filter(
                "{name: s}, {name: l}, {name: d, from_unit: second}, {name: at}, {name: $.j.t}, {name: '$.j.u[*]', from_unit: sec}"
            )
        ),
        "{\"s\":\"2015-07-13 00:00:00.100\",\"l\":\"2015-07-13 00:00:00.100\",\"d\":\"2015-07-13 00:00:00.500\",\"at\":\"2015-07-13 00:00:00.250\",\
          \"j\":{\"t\":\"2015-07-13 00:00:00.000\",\"u\":[\"2015-07-13 00:00:00.000\",true],\"v\":1}}\n\
         {\"s\":\"2015-07-12 15:00:00.000\",\"l\":\"1970-01-01 08:59:59.999\",\"d\":\"1970-01-01 08:59:59.500\",\"at\":null,\"j\":null}\n"
    );
    assert_eq!(
        lines(
            TIMES,
            &filter(
                "{name: s, type: long, to_unit: ms}, {name: l, type: long}, {name: d, type: long, from_unit: second, to_unit: us}, {name: at, type: long, to_unit: ns}, {name: $.j.t, type: long}"
            )
        ),
        "{\"s\":1436713200100,\"l\":1436713200,\"d\":1436713200500000,\"at\":1436713200250000000,\"j\":{\"t\":1436713200,\"u\":[1436713200,true],\"v\":1}}\n\
         {\"s\":1436680800000,\"l\":0,\"d\":-500000,\"at\":null,\"j\":null}\n"
    );
    assert_eq!(
        lines(
            TIMES,
            &filter(
                "{name: s, type: double}, {name: l, type: double}, {name: d, type: timestamp, from_unit: second}, {name: at, type: timestamp}, {name: $.j.v, type: double}"
            )
        ),
        "{\"s\":1436713200.1,\"l\":1436713200.1,\"d\":\"2015-07-12 15:00:00.500000 +0000\",\"at\":\"2015-07-12 15:00:00.250000 +0000\",\
          \"j\":{\"t\":\"2015-07-12 15:00:00 UTC\",\"u\":[1436713200,true],\"v\":0.001}}\n\
         {\"s\":1436680800.0,\"l\":-0.001,\"d\":\"1969-12-31 23:59:59.500000 +0000\",\"at\":null,\"j\":null}\n"
    );
}

#[test]
fn texts_that_are_no_times_become_null_or_stop_the_transfer() {
    let sql = "create table t (s text, ok boolean); insert into t values ('2015-06-04', 1), ('soon', 0);";
    let filter = "type: timestamp_format, columns: [{name: s, from_format: '%Y-%m-%d', from_timezone: Asia/Tokyo, to_format: '%s', to_timezone: UTC}]";
    let (lines, notes) = filtered(sql, &format!("- {{{filter}}}")).unwrap();
    assert_eq!(lines, "{\"s\":\"1433343600\",\"ok\":true}\n{\"s\":null,\"ok\":false}\n");
    assert_eq!(
        notes,
        [
            "filter `timestamp_format`, column `s`: 1 value did not fit, it became NULL; the value is not a time in any of its formats"
        ]
    );
    assert_eq!(
        failure(sql, &format!("- {{{filter}, stop_on_invalid_record: true}}")),
        "filter `timestamp_format`, column `s`, row 2: a value is not a time in any of its formats"
    );
    for (name, expected) in [
        ("ok", "timestamp_format: column `ok` is a boolean and holds no times"),
        ("$.s.x", "timestamp_format: column `s` is a string and is not JSON, so it has no parts"),
        ("x", "timestamp_format: column `x` does not exist in the schema"),
    ] {
        assert_eq!(
            failure(sql, &format!("- {{type: timestamp_format, columns: [{{name: {name}}}]}}")),
            expected
        );
    }
}
