//! SQLite as a source.

use serde_json::json;
use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, ValueType};
use sync::transfer::error::ErrorKind;
use sync::transfer::input::{BytesRule, open};

use super::lab::{Lab, Nowhere, query, sqlite, table, to_jsonl, value_type};

fn lab() -> Lab {
    let lab = Lab::new();
    let connection = rusqlite::Connection::open(lab.path("shop.db")).unwrap();
    connection
        .execute_batch(
            "create table items (
                id integer primary key, title text, price decimal(10, 2), weight double, sold boolean,
                made date, at datetime, attributes json, picture blob);
             insert into items values
                (1, 'カップ ☕', 64.21, 0.1, true, '2015-06-04', '2015-06-04 12:34:56', '{\"a\": 1}', x'00ff'),
                (2, null, null, null, null, null, null, null, null),
                (-9223372036854775808, '', 12, 3, 0, '0001-01-01', '9999-12-31T23:59:59.999Z', '[]', x'');",
        )
        .unwrap();
    lab
}

#[test]
fn declared_types_decide_and_decimals_keep_their_digits() {
    let lab = lab();
    let input = sqlite("shop.db", query("select * from items order by id"));
    let report = lab.run(&to_jsonl(InputConfig::Sqlite(input), TypeMapping::Exact)).unwrap();
    assert_eq!(report.source, "sqlite shop.db (query)");
    let lines = std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        lines[0],
        "{\"id\":-9223372036854775808,\"title\":\"\",\"price\":12.00,\"weight\":3.0,\"sold\":false,\
         \"made\":\"0001-01-01\",\"at\":\"9999-12-31 23:59:59.999000\",\"attributes\":[],\"picture\":\"\"}"
    );
    assert_eq!(
        lines[1],
        "{\"id\":1,\"title\":\"カップ ☕\",\"price\":64.21,\"weight\":0.1,\"sold\":true,\"made\":\"2015-06-04\",\
         \"at\":\"2015-06-04 12:34:56.000000\",\"attributes\":{\"a\":1},\"picture\":\"AP8=\"}"
    );
    assert_eq!(
        lines[2],
        "{\"id\":2,\"title\":null,\"price\":null,\"weight\":null,\"sold\":null,\"made\":null,\"at\":null,\
         \"attributes\":null,\"picture\":null}"
    );
}

#[test]
fn expressions_are_of_the_type_of_the_first_row() {
    let lab = lab();
    let input = sqlite("shop.db", query("select count(*) as n, avg(weight) as w, 'x' as t from items"));
    lab.run(&to_jsonl(InputConfig::Sqlite(input), TypeMapping::Embulk)).unwrap();
    assert_eq!(lab.json_lines("out000.00.jsonl"), [json!({"n": 3, "w": 1.55, "t": "x"})]);
}

#[test]
fn what_is_not_there_or_not_a_date_is_named_without_its_value() {
    let lab = lab();
    let missing = lab.run(&to_jsonl(InputConfig::Sqlite(sqlite("no.db", table("t"))), TypeMapping::Exact));
    assert_eq!(missing.unwrap_err().to_string(), "there is no SQLite file `no.db`");
    assert!(!lab.path("no.db").exists());
    let table = lab.run(&to_jsonl(InputConfig::Sqlite(sqlite("shop.db", table("nope"))), TypeMapping::Exact));
    let table = table.unwrap_err();
    assert_eq!(table.kind, ErrorKind::Query);
    assert!(table.to_string().starts_with("table `nope` could not be read: no such table: nope"));
    let connection = rusqlite::Connection::open(lab.path("shop.db")).unwrap();
    connection.execute("update items set made = 'yesterday' where id = 1", []).unwrap();
    let broken = sqlite("shop.db", query("select made from items order by id"));
    let broken = lab.run(&to_jsonl(InputConfig::Sqlite(broken), TypeMapping::Exact)).unwrap_err();
    assert_eq!(broken.to_string(), "column `made`, row 2: a value is not a date or time as SQLite writes it");
    assert!(!lab.files().iter().any(|name| name.starts_with("out")));
}

#[test]
fn tables_of_every_shape_are_read() {
    let lab = Lab::new();
    let connection = rusqlite::Connection::open(lab.path("shop.db")).unwrap();
    connection
        .execute_batch(
            "create table keyed (k text primary key, n int) without rowid; insert into keyed values ('a', 1);
             create table made (a int, b int as (a * 2), c int as (a + 1) stored); insert into made values (5);
             create view doubled as select n * 2 as n from keyed;
             create table strict_one (a int, b any) strict; insert into strict_one values (1, 'x');
             create table \"odd \"\"name\" (\"select\" int); insert into \"odd \"\"name\" values (1);
             create table empty (a int);",
        )
        .unwrap();
    for (name, expected) in [
        ("keyed", "{\"k\":\"a\",\"n\":1}\n"),
        ("made", "{\"a\":5,\"b\":10,\"c\":6}\n"),
        ("doubled", "{\"n\":2}\n"),
        ("strict_one", "{\"a\":1,\"b\":\"x\"}\n"),
        ("odd \"name", "{\"select\":1}\n"),
        ("empty", ""),
    ] {
        lab.run(&to_jsonl(InputConfig::Sqlite(sqlite("shop.db", table(name))), TypeMapping::Embulk)).unwrap();
        assert_eq!(std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap(), expected, "{name}");
    }
}

#[test]
fn a_value_of_another_type_than_declared_is_read_as_text_where_that_is_asked_for() {
    let lab = lab();
    let connection = rusqlite::Connection::open(lab.path("shop.db")).unwrap();
    connection
        .execute_batch("update items set price = '7,50', made = 'soon', sold = 2.5, picture = 'é'")
        .unwrap();
    let mut input =
        sqlite("shop.db", query("select price, made, sold, picture, weight from items where id = 1"));
    let refused = lab.run(&to_jsonl(InputConfig::Sqlite(input.clone()), TypeMapping::Exact)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "column `price`, row 1: a value does not go with the declared type of its column"
    );
    input.column_options =
        ["price", "made", "sold", "picture", "weight"].map(|name| value_type(name, ValueType::String)).into();
    lab.run(&to_jsonl(InputConfig::Sqlite(input.clone()), TypeMapping::Embulk)).unwrap();
    assert_eq!(
        std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap(),
        "{\"price\":\"7,50\",\"made\":\"soon\",\"sold\":\"2.5\",\"picture\":\"é\",\"weight\":\"0.1\"}\n"
    );
    connection.execute_batch("update items set picture = x'ff'").unwrap();
    let error = lab.run(&to_jsonl(InputConfig::Sqlite(input), TypeMapping::Embulk)).unwrap_err();
    assert_eq!(error.to_string(), "column `picture`, row 1: a value is not text in UTF-8");
}

#[test]
fn a_table_does_not_change_between_its_columns_and_its_rows() {
    let lab = lab();
    let input = InputConfig::Sqlite(sqlite("shop.db", table("items")));
    let mut source = open(&input, &lab.context(), BytesRule::Accept).unwrap();
    let connection = rusqlite::Connection::open(lab.path("shop.db")).unwrap();
    connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let change = || connection.execute_batch("alter table items rename column weight to mass");
    assert_eq!(change().unwrap_err().to_string(), "database is locked");
    let schema = std::sync::Arc::clone(source.reader.schema());
    assert_eq!(source.reader.read(&mut Nowhere(schema)).unwrap().rows, 3);
    drop(source);
    change().unwrap();
}

#[test]
fn a_file_that_another_process_holds_is_waited_for_and_then_named() {
    let lab = lab();
    let holder = rusqlite::Connection::open(lab.path("shop.db")).unwrap();
    holder.execute_batch("begin exclusive").unwrap();
    // A minute is too long for a test.
    let mut input = sqlite("shop.db", table("items"));
    input.statements.before_setup = Some("pragma busy_timeout = 1".into());
    let error = lab.run(&to_jsonl(InputConfig::Sqlite(input.clone()), TypeMapping::Exact)).unwrap_err();
    assert_eq!(error.to_string(), "table `items` could not be read: database is locked");
    assert_eq!((error.kind, error.remedy()), (ErrorKind::Busy, Some("retry a little later")));
    assert_eq!(lab.files(), ["shop.db"]);
    holder.execute_batch("commit; begin immediate; update items set title = 'x'").unwrap();
    // A change that is not committed is no reason to wait, and is not read.
    let report = lab.run(&to_jsonl(InputConfig::Sqlite(input), TypeMapping::Exact)).unwrap();
    assert_eq!(report.rows_read, 3);
    assert!(!std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap().contains("\"title\":\"x\""));
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let lab = Lab::new();
    std::fs::write(lab.path("shop.db"), "no database, only a text that is long enough to be taken for one")
        .unwrap();
    let error = lab.run(&to_jsonl(InputConfig::Sqlite(sqlite("shop.db", table("t"))), TypeMapping::Exact));
    assert_eq!(error.unwrap_err().to_string(), "table `t` could not be read: file is not a database");
}
