//! Every type of MySQL at its limits, as Embulk's types and as exact ones.

use serde_json::{Value, json};
use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, ValueType};
use sync::embulk::output::Formatter;

use super::lab::{Lab, mysql, query, table, to_file, to_jsonl, value_type};
use crate::support::servers::{self, MySqlDatabase, MySqlServer};

const COLUMNS: &str = "
    id int not null primary key,
    ti tinyint, tu tinyint unsigned, t1 tinyint(1), si smallint, su smallint unsigned, mi mediumint,
    mu mediumint unsigned, i int, iu int unsigned, bi bigint, bu bigint unsigned,
    f float, d double, `dec` decimal(65,30), money decimal(12,2),
    c char(5), v varchar(40), t longtext, e enum('a','い'), s set('x','y'),
    b1 bit(1), b9 bit(9), da date, dt datetime(6), d0 datetime, ts timestamp(6) null, tm time(6), y year, j json,
    vb varbinary(10)";

const LOW: &str = "(1, -128, 0, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0,
    -1.2345, -1.7976931348623157e308, -99999999999999999999999999999999999.999999999999999999999999999999, -0.01,
    '', '', '', 'a', '', b'0', b'0', '1000-01-01', '1000-01-01 00:00:00.000001', '1970-01-01 00:00:00',
    '1970-01-02 00:00:01.000001', '-838:59:59', 1901, '{\"a\": 1}', x'00ff')";

const HIGH: &str = "(2, 127, 255, 1, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807,
    9223372036854775807, 1.2345, 2.2250738585072014e-308, 0.000000000000000000000000000001, 123456789.12,
    'ab', '日本😀\"\\\\\n', '<&/>', 'い', 'x,y', b'1', b'111111111', '9999-12-31', '9999-12-31 23:59:59.999999',
    '2015-06-04 12:34:56', '2038-01-01 03:14:07.999999', '12:34:56.654321', 2155, '[]', 'ab')";

const NULLS: &str =
    "(3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
    null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)";

/// How a server keeps JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum JsonType {
    /// As JSON (MySQL).
    Native,
    /// As LONGTEXT with a check (MariaDB): a text, as Embulk sees it.
    Text,
}

/// A database on each server that there is.
fn databases() -> Vec<(MySqlDatabase, JsonType)> {
    let mariadb = servers::mariadb().map(|server| (filled(&server), JsonType::Text));
    let mysql = servers::mysql().map(|server| (filled(&server), JsonType::Native));
    mariadb.into_iter().chain(mysql).collect()
}

fn database() -> Option<MySqlDatabase> {
    servers::mariadb().map(|server| filled(&server))
}

fn filled(server: &MySqlServer) -> MySqlDatabase {
    let database = server.fresh_database();
    database.run([
        format!("create table types ({COLUMNS})"),
        format!("insert into types values {LOW}, {HIGH}, {NULLS}"),
    ]);
    database
}

fn rows(database: &MySqlDatabase, types: TypeMapping) -> Vec<Value> {
    let lab = Lab::new();
    let mut input = mysql(database, query("select * from types order by id"));
    if types == TypeMapping::Embulk {
        input.selection = query(
            "select * from (select id, ti, tu, t1, si, su, mi, mu, i, iu, bi, bu, f, d, \
             `dec`, money, c, v, t, e, s, b1, b9, da, dt, d0, ts, tm, y, j from types) x order by id",
        );
    }
    let report = lab.run(&to_jsonl(InputConfig::Mysql(input), types)).unwrap();
    assert_eq!((report.rows_read, report.rows_sent, report.rows_loaded), (3, 3, Some(3)));
    lab.json_lines("out000.00.jsonl")
}

/// Numbers beyond what a double holds are compared as text.
fn text(lines: &str, at: usize) -> &str {
    lines.lines().nth(at).unwrap()
}

#[test]
fn exact_types_arrive_with_every_digit() {
    for (database, json) in databases() {
        exact(&database, json);
    }
}

fn exact(database: &MySqlDatabase, json: JsonType) {
    let lab = Lab::new();
    let input = mysql(database, query("select * from types order by id"));
    lab.run(&to_jsonl(InputConfig::Mysql(input), TypeMapping::Exact)).unwrap();
    let lines = std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap();
    let (object, array) = match json {
        JsonType::Native => ("{\"a\":1}", "[]"),
        JsonType::Text => ("\"{\\\"a\\\": 1}\"", "\"[]\""),
    };
    let expected = "{\"id\":1,\"ti\":-128,\"tu\":0,\"t1\":false,\"si\":-32768,\"su\":0,\"mi\":-8388608,\"mu\":0,\
         \"i\":-2147483648,\"iu\":0,\"bi\":-9223372036854775808,\"bu\":0,\"f\":-1.2345000505447388,\
         \"d\":-1.7976931348623157e+308,\
         \"dec\":-99999999999999999999999999999999999.999999999999999999999999999999,\"money\":-0.01,\
         \"c\":\"\",\"v\":\"\",\"t\":\"\",\"e\":\"a\",\"s\":\"\",\"b1\":false,\"b9\":0,\"da\":\"1000-01-01\",\
         \"dt\":\"1000-01-01 00:00:00.000001\",\"d0\":\"1970-01-01 00:00:00.000000\",\
         \"ts\":\"1970-01-02 00:00:01.000001 +00:00\",\"tm\":\"-838:59:59.000000\",\"y\":1901,\
         \"j\":OBJECT,\"vb\":\"AP8=\"}";
    assert_eq!(text(&lines, 0), expected.replace("OBJECT", object));
    let expected = "{\"id\":2,\"ti\":127,\"tu\":255,\"t1\":true,\"si\":32767,\"su\":65535,\"mi\":8388607,\"mu\":16777215,\
         \"i\":2147483647,\"iu\":4294967295,\"bi\":9223372036854775807,\"bu\":9223372036854775807,\
         \"f\":1.2345000505447388,\"d\":2.2250738585072014e-308,\
         \"dec\":0.000000000000000000000000000001,\"money\":123456789.12,\
         \"c\":\"ab\",\"v\":\"日本😀\\\"\\\\\\n\",\"t\":\"<&/>\",\"e\":\"い\",\"s\":\"x,y\",\"b1\":true,\"b9\":511,\
         \"da\":\"9999-12-31\",\"dt\":\"9999-12-31 23:59:59.999999\",\"d0\":\"2015-06-04 12:34:56.000000\",\
         \"ts\":\"2038-01-01 03:14:07.999999 +00:00\",\"tm\":\"12:34:56.654321\",\"y\":2155,\"j\":ARRAY,\
         \"vb\":\"YWI=\"}";
    assert_eq!(text(&lines, 1), expected.replace("ARRAY", array));
    let nulls: Value = serde_json::from_str(text(&lines, 2)).unwrap();
    let nulls = nulls.as_object().unwrap();
    assert_eq!(nulls.len(), 31);
    assert!(nulls.iter().all(|(name, value)| (name == "id") != value.is_null()));
}

#[test]
fn embulks_types_show_clocks_as_instants_and_bits_by_their_first_byte() {
    let Some(database) = database() else { return };
    let rows = rows(&database, TypeMapping::Embulk);
    let high = &rows[1];
    for (name, expected) in [
        ("t1", json!(true)),
        ("bu", json!(9_223_372_036_854_775_807_u64)),
        ("money", json!(123_456_789.12)),
        ("b9", json!(true)),
        ("da", json!("9999-12-31 00:00:00.000000 +0000")),
        ("d0", json!("2015-06-04 12:34:56.000000 +0000")),
        ("ts", json!("2038-01-01 03:14:07.999999 +0000")),
        ("tm", json!("1970-01-01 12:34:56.000000 +0000")),
        ("y", json!("2155-01-01 00:00:00.000000 +0000")),
    ] {
        assert_eq!(high[name], expected, "{name}");
    }
    assert_eq!(rows[0]["tm"], json!("1970-01-01 22:59:59.000000 +0000"));
}

#[test]
fn bytes_are_refused_as_embulk_refuses_them() {
    let Some(database) = database() else { return };
    let lab = Lab::new();
    let error = lab
        .run(&to_jsonl(
            InputConfig::Mysql(mysql(&database, query("select id, vb from types"))),
            TypeMapping::Embulk,
        ))
        .unwrap_err();
    assert_eq!(error.to_string(), "unsupported type VARBINARY of column `vb`");
    assert!(error.remedy().unwrap().starts_with("add `vb: {value_type: string}` to `column_options`"));
    assert_eq!(lab.files(), Vec::<String>::new());
}

#[test]
fn an_unsigned_number_above_the_limit_of_a_column_is_an_error_that_does_not_show_it() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run(["create table u (n bigint unsigned)", "insert into u values (1), (18446744073709551615)"]);
    let lab = Lab::new();
    let mut input = mysql(&database, table("u"));
    let error = lab
        .run(&to_file(
            InputConfig::Mysql(input.clone()),
            Formatter::Parquet,
            TypeMapping::Embulk,
            "parquet",
            Vec::new(),
        ))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `n`, row 2: a value is above 9223372036854775807, the limit of an integer"
    );
    assert_eq!(lab.files(), Vec::<String>::new());
    assert!(lab.run(&to_jsonl(InputConfig::Mysql(input.clone()), TypeMapping::Embulk)).is_err());
    input.column_options = vec![value_type("n", ValueType::String)];
    lab.run(&to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk)).unwrap();
    assert_eq!(lab.json_lines("out000.00.jsonl")[1], json!({"n": "18446744073709551615"}));
}

#[test]
fn zero_dates_become_null_and_are_counted() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run([
        "set sql_mode = ''",
        "create table z (id int, da date, dt datetime)",
        "insert into z values (1, '0000-00-00', '0000-00-00 00:00:00')",
        "insert into z values (2, '2015-00-00', '2015-06-04 00:00:00')",
    ]);
    let lab = Lab::new();
    let report =
        lab.run(&to_jsonl(InputConfig::Mysql(mysql(&database, table("z"))), TypeMapping::Exact)).unwrap();
    assert_eq!(
        report.notes,
        [
            "column `da`: 1 zero dates became NULL",
            "column `da`: 1 dates with a month or day of zero became the one before",
            "column `dt`: 1 zero dates became NULL"
        ]
    );
    assert_eq!(
        lab.json_lines("out000.00.jsonl"),
        [
            json!({"id": 1, "da": null, "dt": null}),
            json!({"id": 2, "da": "2014-11-30", "dt": "2015-06-04 00:00:00.000000"})
        ]
    );
}

#[test]
fn clocks_are_read_in_the_zone_of_the_server_also_where_an_hour_comes_twice() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    // 2024-10-27 00:30 and 01:30 UTC are both 02:30 in Paris.
    database.run([
        "create table c (id int, ts timestamp null, dt datetime)",
        "set time_zone = '+00:00'",
        "insert into c values (1, '2024-10-27 00:30:00', '2024-07-01 12:00:00')",
        "insert into c values (2, '2024-10-27 01:30:00', '2024-12-01 12:00:00')",
    ]);
    let lab = Lab::new();
    let mut input = mysql(&database, table("c"));
    input.options.insert("serverTimezone".to_owned(), "Europe/Paris".into());
    lab.run(&to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk)).unwrap();
    let rows = lab.json_lines("out000.00.jsonl");
    assert_eq!(rows[0]["ts"], json!("2024-10-27 00:30:00.000000 +0000"));
    assert_eq!(rows[1]["ts"], json!("2024-10-27 01:30:00.000000 +0000"));
    assert_eq!(rows[0]["dt"], json!("2024-07-01 10:00:00.000000 +0000"));
    assert_eq!(rows[1]["dt"], json!("2024-12-01 11:00:00.000000 +0000"));
}

#[test]
fn parquet_holds_what_the_server_holds() {
    let Some(database) = database() else { return };
    let lab = Lab::new();
    let input = mysql(
        &database,
        query("select id, bi, bu, `dec`, money, v, da, dt, ts, f, d, vb from types order by id"),
    );
    let config =
        to_file(InputConfig::Mysql(input), Formatter::Parquet, TypeMapping::Exact, "parquet", Vec::new());
    let report = lab.run(&config).unwrap();
    let file = std::fs::File::open(lab.path("out000.00.parquet")).unwrap();
    assert_eq!(report.bytes, file.metadata().unwrap().len());
    let reader = parquet::file::reader::SerializedFileReader::new(file).unwrap();
    let rows: Vec<String> = reader.into_iter().map(|row| row.unwrap().to_string()).collect();
    assert_eq!(
        rows[1],
        "{id: 2, bi: 9223372036854775807, bu: 9223372036854775807., dec: 0.000000000000000000000000000001, \
         money: 123456789.12, v: \"日本😀\"\\\n\", da: 9999-12-31, dt: 9999-12-31 23:59:59.999999 +00:00, \
         ts: 2038-01-01 03:14:07.999999 +00:00, f: 1.2345, d: 2.2250738585072014E-308, vb: [97, 98]}"
    );
    assert!(rows[2].starts_with("{id: 3, bi: null, bu: null, dec: null,"));
}
