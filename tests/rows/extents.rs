//! What sources tell of how much there is to read, for those who watch.

use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, Selection};
use sync::embulk::text::Text;
use sync::transfer::gauge::Extent;

use super::lab::{Lab, mysql, postgresql, query, table, to_jsonl};
use crate::support::postgres::postgres_database;
use crate::support::servers;

/// What was told before the rows of a source were read.
fn told(input: InputConfig) -> Option<Extent> {
    let lab = Lab::new();
    lab.run(&to_jsonl(input, TypeMapping::Exact)).unwrap();
    let told = lab.heard.extents.lock().unwrap().clone();
    let [told] = told[..] else { panic!("{told:?}") };
    told
}

fn with_condition(name: &str) -> Selection {
    Selection::Table {
        table: Text::plain(name),
        select: Text::plain("*"),
        where_clause: Some(Text::plain("id > 7")),
        order_by: None,
    }
}

#[test]
fn mysql_tells_what_its_catalog_estimates() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        database.run([
            // An engine that counts: the estimate is no guess.
            "create table t (id int) engine = MyISAM",
            "insert into t values (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)",
            "create view v as select * from t",
        ]);
        let read = |selection| told(InputConfig::Mysql(mysql(&database, selection)));
        assert_eq!(read(table("t")), Some(Extent::Rows(10)));
        // The catalog knows of tables, not of parts of them.
        assert_eq!(read(with_condition("t")), None);
        assert_eq!(read(query("select * from t")), None);
        assert_eq!(read(table("v")), None);
    }
}

#[test]
fn postgresql_tells_what_its_catalog_estimates() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create table t (id int); insert into t select generate_series(1, 10); create view v as select * from t; \
         create table never_counted (id int)",
    );
    database.run("analyze t");
    let read = |selection| told(InputConfig::Postgresql(postgresql(&database, selection)));
    assert_eq!(read(table("t")), Some(Extent::Rows(10)));
    for selection in [with_condition("t"), query("select * from t"), table("v"), table("never_counted")] {
        assert_eq!(read(selection), None);
    }
}
