//! SQLite as a source.

use serde_json::json;
use sync::embulk::config::TypeMapping;
use sync::embulk::input::InputConfig;
use sync::transfer::error::ErrorKind;

use super::lab::{Lab, query, sqlite, table, to_jsonl};

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
