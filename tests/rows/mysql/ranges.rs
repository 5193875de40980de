//! Large tables that several connections read, and snapshots that tables share.

use std::sync::atomic::{AtomicBool, Ordering};

use mysql::prelude::Queryable;
use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, MysqlInput, Selection, Snapshot};
use sync::embulk::text::Text;
use sync::transfer::error::ErrorKind;
use sync::transfer::input::Places;
use sync::transfer::report::Change;

use super::super::lab::{mysql, table, to_jsonl};
use super::super::several::{Ends, Several, counted};
use crate::support::proxy::Proxy;
use crate::support::servers::{self, MySqlDatabase, MySqlServer};

const TEN: &str = "(select 0 as n union all select 1 union all select 2 union all select 3 union all select 4 union \
                   all select 5 union all select 6 union all select 7 union all select 8 union all select 9)";

/// 20,000 rows whose keys lie unevenly, with values that change on their way.
fn uneven(server: &MySqlServer) -> MySqlDatabase {
    let database = server.fresh_database();
    let number = "a.n + 10 * b.n + 100 * c.n + 1000 * d.n";
    let from = format!("from {TEN} a, {TEN} b, {TEN} c, {TEN} d");
    database.run([
        "create table t (id bigint unsigned primary key, v int, at datetime, wide varchar(300))".to_owned(),
        "set session sql_mode = ''".to_owned(),
        format!(
            "insert into t select {number}, if(({number}) % 7 = 0, null, ({number})), \
             if(({number}) % 10 = 0, '0000-00-00', '2026-01-02 03:04:05'), repeat('x', ({number}) % 300) {from}"
        ),
        format!(
            "insert into t select 9223372036854765000 + {number}, 1, '2026-01-02 03:04:05', repeat('y', 200) {from}"
        ),
        "analyze table t".to_owned(),
    ]);
    database
}

fn input(database: &MySqlDatabase, snapshot: Snapshot) -> MysqlInput {
    let select = "id, v, at, wide, cast(id as char) as c";
    let selection = Selection::Table {
        table: Text::plain("t"),
        select: Text::plain(select),
        where_clause: None,
        order_by: None,
    };
    MysqlInput { snapshot: Some(snapshot), ..mysql(database, selection) }
}

/// Nobody can write anything while this is held.
fn stillness(database: &MySqlDatabase) -> mysql::Conn {
    let mut lock = database.connect();
    lock.query_drop("flush tables with read lock").unwrap();
    lock
}

#[test]
fn ranges_of_a_large_table_are_read_from_one_snapshot() {
    for server in servers::mysql_sources() {
        let database = uneven(&server);
        let (one, rows) = Several::with(0).copy(InputConfig::Mysql(input(&database, Snapshot::PerTable)));
        assert_eq!((one.snapshot.as_str(), rows.len()), ("per table", 20_000));
        assert_eq!(one.changes, [Change::of("at", "zero dates became NULL", 1_000)]);
        for (snapshot, words) in [
            (Snapshot::PerTable, "per table: N ranges over 4 connections"),
            (Snapshot::None, "none: N ranges over 4 connections, each at its own moment"),
        ] {
            let several = Several::with(5);
            let still = (snapshot == Snapshot::PerTable).then(|| stillness(&database));
            let (report, lines) = several.copy(InputConfig::Mysql(input(&database, snapshot)));
            drop(still);
            assert_eq!((counted(&report.snapshot, 16..=32).as_str(), report.rows_read), (words, 20_000));
            assert!(lines == rows, "the rows are the same");
            assert_eq!((&report.changes, &report.notes), (&one.changes, &one.notes));
            assert_eq!(several.places.free(), 5, "places come back");
        }
    }
}

#[test]
fn what_cannot_be_read_in_ranges_is_read_in_one_stream_and_the_report_says_why() {
    for server in servers::mysql_sources() {
        let database = uneven(&server);
        database.run([
            "create table texts (k varchar(20) primary key)",
            "create table none (k int)",
            "create table old (k int primary key) engine = MyISAM",
            "create view seen as select * from t",
            "create index by_v on t (v)",
            "insert into texts values ('a')",
            "insert into old values (1)",
            "analyze table t",
        ]);
        let plain = |name| mysql(&database, table(name));
        let several = Several::with(5);
        let no_key = "per table, one stream: its primary key does not begin with a whole number";
        assert_eq!(several.snapshot(InputConfig::Mysql(plain("texts"))), no_key);
        assert_eq!(several.snapshot(InputConfig::Mysql(plain("none"))), no_key);
        assert_eq!(
            several.snapshot(InputConfig::Mysql(plain("old"))),
            "per table, one stream: the engine of the table has no snapshots"
        );
        let with = |condition: Option<&str>, order: Option<&str>| {
            let selection = Selection::Table {
                table: Text::plain("t"),
                select: Text::plain("v, wide"),
                where_clause: condition.map(Text::plain),
                order_by: order.map(Text::plain),
            };
            several.snapshot(InputConfig::Mysql(mysql(&database, selection)))
        };
        assert_eq!(with(None, Some("v")), "per table, one stream: `order_by` asks for an order");
        assert_eq!(
            with(Some("v = 5"), None),
            "per table, one stream: the server reads the rows of `where` by an index"
        );
        let mut own = plain("texts");
        own.statements.before_select = Some(Text::plain("select 1"));
        assert_eq!(
            several.snapshot(InputConfig::Mysql(own)),
            "per table, one stream: statements of the config's own are for one connection"
        );
        assert_eq!(
            Several::with(1).snapshot(InputConfig::Mysql(input(&database, Snapshot::None))),
            "per table"
        );
        let still = stillness(&database);
        let two_more = Several::with(3);
        let _busy: Vec<_> =
            (0..2).map(|_| two_more.context.sources.acquire_free(&address(&server))).collect();
        assert_eq!(
            two_more.snapshot(InputConfig::Mysql(input(&database, Snapshot::None))),
            "per table, one stream: no two more connections are free"
        );
        drop(still);
        assert_eq!(several.snapshot(InputConfig::Mysql(plain("seen"))), "per table", "a view has no size");
        // A condition that is looked at in every row anyway.
        let several = Several::with(2);
        let selection = Selection::Table {
            table: Text::plain("t"),
            select: Text::plain("v"),
            where_clause: Some(Text::plain("wide like '%y%' or false")),
            order_by: None,
        };
        let mut all = mysql(&database, selection);
        all.snapshot = Some(Snapshot::None);
        let (report, lines) = several.copy(InputConfig::Mysql(all));
        let words = "none: N ranges over 3 connections, each at its own moment";
        assert_eq!(counted(&report.snapshot, 12..=24), words);
        assert_eq!(lines.len(), 10_000);
    }
}

fn address(server: &MySqlServer) -> String {
    format!("{}:{}", server.host, server.port)
}

/// Rows of `pairs` that move money between keys which lie in different ranges, without end.
fn move_money(database: &MySqlDatabase, stop: &AtomicBool) {
    let mut writer = database.connect();
    let mut round = 0_u64;
    while !stop.load(Ordering::SeqCst) {
        let (from, to) = (round * 7919 % 10_000, round * 104_729 % 10_000);
        writer.query_drop("begin").unwrap();
        writer.query_drop(format!("update pairs set money = money - 1 where id = {from}")).unwrap();
        writer.query_drop(format!("update pairs set money = money + 1 where id = {to}")).unwrap();
        writer.query_drop("commit").unwrap();
        round += 1;
    }
}

#[test]
fn whoever_writes_meanwhile_no_range_sees_another_moment() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        let number = "a.n + 10 * b.n + 100 * c.n + 1000 * d.n";
        database.run([
            "create table pairs (id int primary key, money int not null, wide varchar(400))".to_owned(),
            format!(
                "insert into pairs select {number}, 100, repeat('x', 300) from {TEN} a, {TEN} b, {TEN} c, {TEN} d"
            ),
            "analyze table pairs".to_owned(),
        ]);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| move_money(&database, &stop));
            let _ends = Ends(&stop);
            let mut in_ranges = 0;
            for snapshot in [Snapshot::PerTable, Snapshot::Consistent] {
                for _ in 0..5 {
                    let several = Several::with(3);
                    let read = MysqlInput { snapshot: Some(snapshot), ..mysql(&database, table("pairs")) };
                    let (report, lines) = several.copy(InputConfig::Mysql(read));
                    let money: i64 = lines
                        .iter()
                        .map(|line| {
                            let row: serde_json::Value = serde_json::from_str(line).unwrap();
                            row["money"].as_i64().unwrap()
                        })
                        .sum();
                    assert_eq!((lines.len(), money), (10_000, 1_000_000), "{}", report.snapshot);
                    in_ranges += u32::from(report.snapshot.contains("ranges over 4 connections"));
                    let in_one_stream = report.snapshot
                        == "per table, one stream: the server was written to each time that several connections began to read";
                    assert!(in_one_stream || report.snapshot.contains("ranges"), "{}", report.snapshot);
                }
            }
            assert!(in_ranges >= 5, "a lock finds a moment each time");
        });
    }
}

#[test]
fn tables_of_one_run_share_a_moment_where_the_config_asks_for_it() {
    for server in servers::mysql_sources() {
        let (first, second) = (server.fresh_database(), server.fresh_database());
        for database in [&first, &second] {
            database.run(["create table t (id int primary key)", "insert into t values (1)"]);
        }
        let several = Several::with(0);
        let read = |database: &MySqlDatabase| {
            let input = MysqlInput { snapshot: Some(Snapshot::Consistent), ..mysql(database, table("t")) };
            let (report, lines) = several.copy(InputConfig::Mysql(input.clone()));
            assert_eq!(report.snapshot, "consistent");
            lines
        };
        assert_eq!(read(&first), ["{\"id\":1}"]);
        for database in [&first, &second] {
            database.run(["insert into t values (2)"]);
        }
        // Another database of the same server, and more tables than there are connections.
        for _ in 0..5 {
            assert_eq!(read(&second), ["{\"id\":1}"]);
        }
        let other_run = Several::with(0);
        assert_eq!(other_run.copy(InputConfig::Mysql(mysql(&second, table("t")))).1.len(), 2);
    }
}

#[test]
fn a_moment_that_was_lost_is_not_replaced_by_another() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        database.run(["create table t (id int primary key)", "insert into t values (1)"]);
        let several = Several::with(0);
        let input = MysqlInput { snapshot: Some(Snapshot::Consistent), ..mysql(&database, table("t")) };
        several.copy(InputConfig::Mysql(input.clone()));
        let mut killer = database.connect();
        let ids: Vec<u64> = killer
            .query(format!(
                "select id from information_schema.processlist where db = '{}' and id <> connection_id()",
                database.name
            ))
            .unwrap();
        assert_eq!(ids.len(), 4);
        for id in ids {
            killer.query_drop(format!("kill {id}")).unwrap();
        }
        let config = to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk);
        let errors: Vec<_> =
            (0..5).map(|_| sync::transfer::run(&config, &several.context).unwrap_err()).collect();
        assert!(errors[..4].iter().all(|error| error.kind == ErrorKind::ConnectionLost), "{errors:?}");
        assert_eq!(errors[4].to_string(), "the connections that held the snapshot of all tables were lost");
        assert_eq!(errors[4].remedy(), Some("run the whole workflow again: no later moment is the same"));
    }
}

#[test]
fn a_moment_needs_a_log_or_a_lock() {
    for server in servers::mysql_sources() {
        let database = server.fresh_database();
        database.run(["create table t (id int primary key)"]);
        let user = database.fresh_user("pw");
        database.run([format!("grant select on `{}`.* to '{user}'@'%'", database.name)]);
        let several = Several::with(0);
        let input = MysqlInput {
            snapshot: Some(Snapshot::Consistent),
            user: Text::plain(&user),
            password: sync::secret::Secret::new("pw"),
            ..mysql(&database, table("t"))
        };
        let config = to_jsonl(InputConfig::Mysql(input), TypeMapping::Embulk);
        let _writes = &database;
        match sync::transfer::run(&config, &several.context) {
            // MariaDB tells everybody what a transaction sees.
            Ok(report) => assert_eq!(report.snapshot, "consistent"),
            Err(error) => {
                let said = error.to_string();
                let begin = "all tables could not be locked to find a moment that they share: Access denied; you need ";
                assert!(said.starts_with(begin), "{said}");
                assert!(error.remedy().unwrap().starts_with("let the user have the privilege RELOAD"));
            }
        }
    }
}

#[test]
fn the_first_error_of_several_readers_ends_all_and_leaves_nothing() {
    for server in servers::mysql_sources() {
        let database = uneven(&server);
        // In one of the ranges a value does not fit.
        let several = Several::with(3);
        let exact = ("zeroDateTimeBehavior".to_owned(), Text::plain("exception"));
        let broken = MysqlInput { options: [exact].into(), ..input(&database, Snapshot::None) };
        let config = to_jsonl(InputConfig::Mysql(broken), TypeMapping::Embulk);
        let error = sync::transfer::run(&config, &several.context).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data);
        let said = error.to_string();
        assert!(
            said.starts_with("range ") && said.contains(" of table `t` could not be read: column `at`, row "),
            "{said}"
        );
        assert_eq!((several.lab.files(), several.places.free()), (Vec::<String>::new(), 3));

        let proxy = Proxy::before(&server.host, server.port);
        proxy.cut_after(300_000);
        let cut = MysqlInput {
            host: Text::plain("127.0.0.1"),
            port: proxy.port(),
            ..input(&database, Snapshot::None)
        };
        let config = to_jsonl(InputConfig::Mysql(cut), TypeMapping::Embulk);
        let error = sync::transfer::run(&config, &several.context).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ConnectionLost, "{error}");
        assert_eq!((several.lab.files(), several.places.free()), (Vec::<String>::new(), 3));
    }
}
