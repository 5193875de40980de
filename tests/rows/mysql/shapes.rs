//! Tables of every shape: views, partitions, no key, generated and hidden columns, odd names, very many columns.

use sync::embulk::config::TypeMapping::{Embulk, Exact};
use sync::embulk::input::Selection;
use sync::embulk::text::Text;

use super::super::lab::{mysql, table};
use super::written;
use crate::support::servers;

#[test]
fn tables_of_every_shape_are_read() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        database.run([
            "create table keyless (a int)",
            "insert into keyless values (1), (1)",
            "create table parts (a int, b text) partition by range (a) \
             (partition p0 values less than (10), partition p1 values less than maxvalue)",
            "insert into parts values (1, 'x'), (100, 'y')",
            "create view doubled as select a, a * 2 as twice from parts",
            "create table made (a int, s int as (a * 2) stored, v int as (a + 1) virtual)",
            "insert into made (a) values (5)",
            "create table hidden (a int, h int invisible default 7)",
            "insert into hidden (a) values (1)",
            "create table memory (a int) engine = memory",
            "insert into memory values (3)",
            "create table no_rows (a int)",
        ]);
        for (name, expected) in [
            ("keyless", "{\"a\":1}\n{\"a\":1}\n"),
            ("parts", "{\"a\":1,\"b\":\"x\"}\n{\"a\":100,\"b\":\"y\"}\n"),
            ("doubled", "{\"a\":1,\"twice\":2}\n{\"a\":100,\"twice\":200}\n"),
            ("made", "{\"a\":5,\"s\":10,\"v\":6}\n"),
            ("hidden", "{\"a\":1}\n"),
            ("memory", "{\"a\":3}\n"),
            ("no_rows", ""),
        ] {
            assert_eq!(written(&mysql(&database, table(name)), Embulk), expected, "{name}");
        }
        let hidden = Selection::Table {
            table: Text::plain("hidden"),
            select: Text::plain("*, h"),
            where_clause: None,
            order_by: None,
        };
        assert_eq!(written(&mysql(&database, hidden), Embulk), "{\"a\":1,\"h\":7}\n");
    }
}

#[test]
fn a_table_that_keeps_its_history_is_read_as_it_is_now() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    database.run([
        "create table t (a int) with system versioning",
        "insert into t values (1)",
        "update t set a = 2",
        "create sequence numbers",
    ]);
    assert_eq!(written(&mysql(&database, table("t")), Embulk), "{\"a\":2}\n");
}

#[test]
fn names_may_hold_anything() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        for name in ["select", "a.b", "a`b", "a\"b'c", "注文 表", "x;y -- z", "ÜBER", "a\\b", "?", ":a", "%"]
        {
            let quoted = format!("`{}`", name.replace('`', "``"));
            database.run([
                format!("create table {quoted} ({quoted} int, `group` int)"),
                format!("insert into {quoted} values (1, 2)"),
            ]);
            let expected = format!("{{{}:1,\"group\":2}}\n", serde_json::to_string(name).unwrap());
            assert_eq!(written(&mysql(&database, table(name)), Embulk), expected);
        }
    }
}

#[test]
fn a_thousand_columns_arrive() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        let columns: Vec<_> = (0..1000).map(|at| format!("c{at} int")).collect();
        let values: Vec<_> = (0..1000).map(|at| at.to_string()).collect();
        database.run([
            format!("create table wide ({})", columns.join(", ")),
            format!("insert into wide values ({})", values.join(", ")),
        ]);
        let expected: Vec<_> = (0..1000).map(|at| format!("\"c{at}\":{at}")).collect();
        assert_eq!(written(&mysql(&database, table("wide")), Exact), format!("{{{}}}\n", expected.join(",")));
    }
}
