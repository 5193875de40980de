//! Values that are read in a way of their own: spatial ones, vectors, other character sets, numbers with zeros before
//! them, years and times under the options that change them.

use sync::embulk::config::TypeMapping::{Embulk, Exact};
use sync::embulk::input::ValueType;
use sync::transfer::error::ErrorKind;

use super::super::lab::{Lab, mysql, query, table, value_type};
use super::{refused, written};
use crate::support::servers;

#[test]
fn spatial_values_are_bytes_and_the_message_says_how_to_have_their_text() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        database.run([
            "create table places (g geometry, p point, l linestring)",
            "insert into places values (st_geomfromtext('POINT(1 2)'), st_geomfromtext('POINT(1 2)'), \
             st_geomfromtext('LINESTRING(0 0,1 1)')), (null, null, null)",
        ]);
        let mut input = mysql(&database, table("places"));
        // Four bytes of the reference system, then what OpenGIS calls well-known binary.
        let point = "AAAAAAEBAAAAAAAAAAAA8D8AAAAAAAAAQA==";
        let line = "AAAAAAECAAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADwPwAAAAAAAPA/";
        assert_eq!(
            written(&input, Exact),
            format!(
                "{{\"g\":\"{point}\",\"p\":\"{point}\",\"l\":\"{line}\"}}\n{{\"g\":null,\"p\":null,\"l\":null}}\n"
            )
        );
        let error = refused(&Lab::new(), &input);
        assert_eq!(error.to_string(), "unsupported type GEOMETRY of column `g`");
        assert_eq!(
            error.remedy(),
            Some(
                "take it as text with `ST_AsText(g) AS g` in `select`, leave the column out, or use `types: exact`"
            )
        );
        input.selection =
            query("select st_astext(p) as p, st_astext(l) as l from places where p is not null");
        assert_eq!(written(&input, Embulk), "{\"p\":\"POINT(1 2)\",\"l\":\"LINESTRING(0 0,1 1)\"}\n");
    }
}

#[test]
fn vectors_of_mysql_are_bytes() {
    let Some(server) = servers::mysql() else { return };
    let database = server.fresh_database();
    database.run(["create table v (v vector(2))", "insert into v values (to_vector('[1,2.5]')), (null)"]);
    let mut input = mysql(&database, table("v"));
    assert_eq!(written(&input, Exact), "{\"v\":\"AACAPwAAIEA=\"}\n{\"v\":null}\n");
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.to_string(), "unsupported type VECTOR of column `v`");
    input.selection = query("select vector_to_string(v) as v from v where v is not null");
    assert_eq!(written(&input, Embulk), "{\"v\":\"[1.00000e+00,2.50000e+00]\"}\n");
}

#[test]
fn types_that_only_mariadb_has_are_texts() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run([
        "create table m (u uuid, a inet4, b inet6)",
        "insert into m values ('123e4567-e89b-12d3-a456-426655440000', '1.2.3.4', '::ffff:1.2.3.4')",
    ]);
    let expected =
        "{\"u\":\"123e4567-e89b-12d3-a456-426655440000\",\"a\":\"1.2.3.4\",\"b\":\"::ffff:1.2.3.4\"}\n";
    for types in [Embulk, Exact] {
        assert_eq!(written(&mysql(&database, table("m")), types), expected);
    }
}

/// A character set and a text that it has.
const CHARACTER_SETS: [(&str, &str); 21] = [
    ("ascii", "a~\\"),
    ("latin1", "é€ÿ¥"),
    ("latin2", "Łódź"),
    ("latin5", "İş"),
    ("cp1251", "Я"),
    ("koi8r", "Я"),
    ("greek", "Ω"),
    ("hebrew", "ש"),
    ("tis620", "ไทย"),
    ("sjis", "日本表ソｱ~\\"),
    ("cp932", "日本髙①ｱ~\\"),
    ("ujis", "日本é"),
    ("eucjpms", "日本髙①"),
    ("gbk", "中文"),
    ("gb2312", "中文"),
    ("big5", "中文功"),
    ("euckr", "한국"),
    ("ucs2", "日本é"),
    ("utf8mb3", "日本é"),
    ("utf16", "日本😀"),
    ("utf32", "日本😀"),
];

#[test]
fn texts_of_every_character_set_arrive() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        let columns: Vec<_> = CHARACTER_SETS
            .iter()
            .map(|(set, _)| format!("`{set}` varchar(20) character set {set}"))
            .collect();
        let values: Vec<_> =
            CHARACTER_SETS.iter().map(|(_, text)| format!("'{}'", text.replace('\\', "\\\\"))).collect();
        database.run([
            format!("create table texts ({}) character set utf8mb4", columns.join(", ")),
            format!("insert into texts values ({})", values.join(", ")),
        ]);
        let written = written(&mysql(&database, table("texts")), Embulk);
        let row: serde_json::Value = serde_json::from_str(&written).unwrap();
        for (set, text) in CHARACTER_SETS {
            assert_eq!(row[set], text, "{set}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_an_error_and_never_another_text() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        database.run([
            "create table b (v varbinary(10), t varchar(10) character set latin1)",
            "insert into b values ('日', 'x'), (x'e697', x'81')",
        ]);
        let mut input = mysql(&database, table("b"));
        input.column_options = vec![value_type("v", ValueType::String)];
        let error = refused(&Lab::new(), &input);
        assert_eq!(error.kind, ErrorKind::Data);
        assert_eq!(error.to_string(), "column `v`, row 2: a value is not text in UTF-8");
        // What a character set has no character for is what the server makes of it.
        input.selection = query("select t from b");
        assert_eq!(written(&input, Embulk), "{\"t\":\"x\"}\n{\"t\":\"\u{81}\"}\n");
    }
}

#[test]
fn numbers_have_no_zeros_before_them() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        database.run([
            "create table z (i int(5) zerofill, d decimal(10,2) zerofill, n decimal(4,0) zerofill)",
            "insert into z values (7, 3, 0), (0, 0, 12)",
        ]);
        let expected = "{\"i\":7,\"d\":3.00,\"n\":0}\n{\"i\":0,\"d\":0.00,\"n\":12}\n";
        for types in [Embulk, Exact] {
            assert_eq!(written(&mysql(&database, table("z")), types), expected);
        }
    }
}

#[test]
fn a_year_may_be_a_number() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        database.run(["create table y (y year)", "insert into y values (2015), (0), (null)"]);
        let mut input = mysql(&database, table("y"));
        let stamps = "{\"y\":\"2015-01-01 00:00:00.000000 +0000\"}\n{\"y\":null}\n{\"y\":null}\n";
        assert_eq!(written(&input, Embulk), stamps);
        input.options.insert("yearIsDateType".to_owned(), "false".into());
        let numbers = "{\"y\":2015}\n{\"y\":null}\n{\"y\":null}\n";
        assert_eq!(written(&input, Embulk), numbers);
        assert_eq!(written(&input, Exact), numbers);
        // Its JDBC type is another then.
        let text = (value_type("", ValueType::String)).1;
        input.default_column_options = vec![("SMALLINT".to_owned(), text)];
        assert_eq!(written(&input, Embulk), "{\"y\":\"2015\"}\n{\"y\":null}\n{\"y\":null}\n");
    }
}

#[test]
fn a_time_is_in_the_zone_of_the_process_or_over_the_text_protocol_of_the_server() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        let mut lab = Lab::new();
        lab.zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
        let mut input = mysql(&database, query("select time('12:34:56') as t, date('2015-06-04') as d"));
        input.options.insert("serverTimezone".to_owned(), "Asia/Tokyo".into());
        let date = "\"d\":\"2015-06-04 04:00:00.000000 +0000\"";
        for (fetch_rows, time) in [
            (10_000, "1970-01-01 17:34:56"),
            (2, "1970-01-01 17:34:56"),
            (1, "1970-01-01 03:34:56"),
            (0, "1970-01-01 03:34:56"),
            (-1, "1970-01-01 03:34:56"),
        ] {
            input.fetch_rows = fetch_rows;
            let expected = format!("{{\"t\":\"{time}.000000 +0000\",{date}}}\n");
            assert_eq!(super::jsonl(&lab, &input, Embulk).unwrap(), expected, "{fetch_rows}");
        }
        let exact = "{\"t\":\"12:34:56.000000\",\"d\":\"2015-06-04\"}\n";
        assert_eq!(super::jsonl(&lab, &input, Exact).unwrap(), exact);
    }
}

#[test]
fn a_value_of_many_packets_arrives_whole() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        let input = mysql(&database, query("select repeat('0123456789', 4000000) as c, 1 as d"));
        let text = written(&input, Exact);
        assert!(text == format!("{{\"c\":\"{}\",\"d\":1}}\n", "0123456789".repeat(4_000_000)));
    }
}
