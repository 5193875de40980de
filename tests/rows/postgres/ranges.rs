//! Large tables that several connections read, and snapshots that tables share.

use std::sync::atomic::{AtomicBool, Ordering};

use sync::embulk::input::{InputConfig, PostgresqlInput, Selection, Snapshot};
use sync::embulk::text::Text;
use sync::transfer::error::ErrorKind;
use sync::transfer::input::Places;

use super::super::lab::{postgresql, table, to_jsonl};
use super::super::several::{Ends, Several, counted};
use crate::support::postgres::{PostgresDatabase, postgres_database};
use sync::embulk::config::TypeMapping;

fn input(database: &PostgresDatabase, name: &str) -> InputConfig {
    InputConfig::Postgresql(postgresql(database, table(name)))
}

fn consistent(database: &PostgresDatabase, name: &str) -> InputConfig {
    let plain = postgresql(database, table(name));
    InputConfig::Postgresql(PostgresqlInput { snapshot: Some(Snapshot::Consistent), ..plain })
}

/// 20,000 rows of two kinds of text, one of which comes as the server writes it.
fn wide() -> Option<PostgresDatabase> {
    let database = postgres_database()?;
    database.run(
        "create table t (id int, tags int[], wide text);
         insert into t select n, array[n, n + 1], repeat('x', n % 300) from generate_series(1, 20000) n;
         delete from t where id % 3 = 0;
         insert into t select n, null, null from generate_series(30001, 31000) n;
         analyze t",
    );
    Some(database)
}

#[test]
fn ranges_of_a_large_table_are_read_from_one_snapshot() {
    let Some(database) = wide() else { return };
    let (one, rows) = Several::with(0).copy(input(&database, "t"));
    assert_eq!((one.snapshot.as_str(), rows.len()), ("per table", 14_334));
    let several = Several::with(5);
    let (report, lines) = several.copy(input(&database, "t"));
    assert_eq!(report.snapshot, "per table: 32 ranges over 4 connections");
    assert!(lines == rows, "the rows are the same");
    assert_eq!((report.rows_read, several.places.free()), (14_334, 5));
    // There is no other moment to be had, so none is taken.
    let none = PostgresqlInput { snapshot: Some(Snapshot::None), ..postgresql(&database, table("t")) };
    assert_eq!(several.copy(InputConfig::Postgresql(none)).0.snapshot, report.snapshot);
}

#[test]
fn what_cannot_be_read_in_ranges_is_read_in_one_stream_and_the_report_says_why() {
    let Some(database) = wide() else { return };
    database.run(
        "create table whole (id int) partition by range (id);
         create table part partition of whole for values from (0) to (100);
         insert into whole values (1);
         create table mother (id int);
         create table child () inherits (mother);
         insert into mother values (1);
         insert into child values (2);
         create view seen as select * from t;
         create materialized view kept as select * from t;
         create index on t (id);
         analyze t",
    );
    let several = Several::with(3);
    let no_plain = "per table, one stream: it is no plain table";
    assert_eq!(several.snapshot(input(&database, "mother")), no_plain);
    // What has no file of its own has no size either.
    for name in ["whole", "seen"] {
        assert_eq!(several.snapshot(input(&database, name)), "per table", "{name}");
    }
    assert_eq!(several.snapshot(input(&database, "kept")), "per table: 32 ranges over 4 connections");
    let with = |condition: Option<&str>, order: Option<&str>| {
        let selection = Selection::Table {
            table: Text::plain("t"),
            select: Text::plain("id, wide as other"),
            where_clause: condition.map(Text::plain),
            order_by: order.map(Text::plain),
        };
        several.copy(InputConfig::Postgresql(postgresql(&database, selection)))
    };
    assert_eq!(with(None, Some("id")).0.snapshot, "per table, one stream: `order_by` asks for an order");
    assert_eq!(
        with(Some("id = 5"), None).0.snapshot,
        "per table, one stream: the server reads the rows of `where` by an index"
    );
    // A condition that is looked at in every row anyway.
    let (report, lines) = with(Some("wide like 'xx%' or false"), None);
    assert_eq!(counted(&report.snapshot, 32..=32), "per table: N ranges over 4 connections");
    let count = database.rows("select count(*) from t where wide like 'xx%'");
    assert_eq!(count, [lines.len().to_string()]);
    assert_eq!(Several::with(1).snapshot(input(&database, "t")), "per table");
}

#[test]
fn whoever_writes_meanwhile_no_range_sees_another_moment() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create table pairs (id int primary key, money int not null, wide text);
         insert into pairs select n, 100, repeat('x', 300) from generate_series(0, 9999) n;
         analyze pairs",
    );
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = database.connect();
            let mut round = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                let (from, to) = (round * 7919 % 10_000, round * 104_729 % 10_000);
                // A new version of the row comes to lie elsewhere.
                writer.run(&format!(
                    "update pairs set money = money - 1 where id = {from}; \
                     update pairs set money = money + 1 where id = {to}"
                ));
                round += 1;
            }
        });
        let _ends = Ends(&stop);
        for _ in 0..5 {
            let several = Several::with(3);
            let (report, lines) = several.copy(input(&database, "pairs"));
            let money: i64 = lines
                .iter()
                .map(|line| {
                    serde_json::from_str::<serde_json::Value>(line).unwrap()["money"].as_i64().unwrap()
                })
                .sum();
            assert_eq!((lines.len(), money), (10_000, 1_000_000));
            assert_eq!(report.snapshot, "per table: 32 ranges over 4 connections");
        }
    });
}

#[test]
fn tables_of_one_run_share_a_moment_where_the_config_asks_for_it() {
    let Some(database) = postgres_database() else { return };
    database.run("create table a (id int); create table b (id int); insert into a values (1); insert into b values (1)");
    let several = Several::with(3);
    let (report, lines) = several.copy(consistent(&database, "a"));
    assert_eq!((report.snapshot.as_str(), lines.len()), ("consistent: 1 ranges over 4 connections", 1));
    database.run("insert into a values (2); insert into b values (2)");
    for name in ["a", "b", "b"] {
        assert_eq!(several.copy(consistent(&database, name)).1, ["{\"id\":1}"]);
    }
    assert_eq!(several.copy(input(&database, "b")).1.len(), 2);
    // Who holds the snapshot is ended.
    database.run(
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid() and state = 'idle in transaction'",
    );
    let config = to_jsonl(consistent(&database, "a"), TypeMapping::Embulk);
    let error = sync::transfer::run(&config, &several.context).unwrap_err();
    let said = error.to_string();
    assert!(
        said.starts_with("the snapshot that several connections share could not be taken on: "),
        "{said}"
    );
    assert_eq!(
        error.remedy(),
        Some("run the whole workflow again where its connection was lost: no later moment is the same")
    );
}

#[test]
fn the_first_error_of_several_readers_ends_all_and_leaves_nothing() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create table t (id int, at date, wide text);
         insert into t select n, case when n % 5000 = 4999 then 'infinity'::date else '2026-01-02' end, repeat('x', 300)
         from generate_series(1, 20000) n",
    );
    let several = Several::with(3);
    let config = to_jsonl(input(&database, "t"), TypeMapping::Embulk);
    let error = sync::transfer::run(&config, &several.context).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Data);
    let said = error.to_string();
    assert!(
        said.starts_with("range ")
            && said.contains(" of 32 of table `t` could not be read: column `at`, row "),
        "{said}"
    );
    assert_eq!((several.lab.files(), several.places.free()), (Vec::<String>::new(), 3));
}
