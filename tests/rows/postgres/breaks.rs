//! Reads that end before their last row: connections that break, servers that hold, runs that stop.

use std::sync::Arc;

use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, PostgresqlInput};
use sync::embulk::text::Text;
use sync::transfer::error::ErrorKind;
use sync::transfer::input::{BytesRule, open};

use super::super::lab::{Lab, Nowhere, postgresql, query, table, to_jsonl};
use super::refused;
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::proxy::Proxy;

/// A table that does not fit in the buffers of a connection.
fn through_a_proxy() -> Option<(PostgresDatabase, Proxy, PostgresqlInput)> {
    let database = postgres_database()?;
    database
        .run("create table wide as select i as id, repeat('x', 1000) as t from generate_series(1, 50000) i");
    let proxy = Proxy::before(&database.host, database.port);
    let mut input = postgresql(&database, table("wide"));
    input.host = Text::plain("127.0.0.1");
    input.port = proxy.port();
    Some((database, proxy, input))
}

#[test]
fn a_connection_that_breaks_in_the_middle_leaves_nothing() {
    let Some((_database, proxy, input)) = through_a_proxy() else { return };
    proxy.cut_after(5_000_000);
    let lab = Lab::new();
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::ConnectionLost);
    assert!(error.to_string().starts_with("table `wide` could not be read: "), "{error}");
    assert!(error.is_unreachable());
    proxy.clear();
    let config = to_jsonl(InputConfig::Postgresql(input), TypeMapping::Embulk);
    assert_eq!(lab.run(&config).unwrap().rows_sent, 50_000);
}

#[test]
fn a_server_that_is_silent_for_too_long_is_given_up() {
    let Some((_database, proxy, mut input)) = through_a_proxy() else { return };
    proxy.hold_after(5_000_000);
    input.socket_timeout = std::time::Duration::from_millis(300);
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(
        error.to_string(),
        "table `wide` could not be read: the server was silent for longer than `socket_timeout`"
    );
}

#[test]
fn a_session_that_is_ended_in_the_middle_is_a_lost_connection() {
    let Some((database, _proxy, input)) = through_a_proxy() else { return };
    let lab = Lab::new();
    let other = std::sync::Mutex::new(database.connect());
    let end = "select pg_terminate_backend(pid) from pg_stat_activity \
               where datname = current_database() and query like 'COPY%'";
    *lab.heard.at_progress.lock().unwrap() = Some(Box::new(move |_| other.lock().unwrap().run(end)));
    let error = refused(&lab, &input);
    assert_eq!(error.kind, ErrorKind::ConnectionLost);
    lab.heard.at_progress.lock().unwrap().take();
}

#[test]
fn a_table_cannot_vanish_while_it_is_read() {
    let Some((database, _proxy, input)) = through_a_proxy() else { return };
    let lab = Lab::new();
    let other = std::sync::Mutex::new(Some(database.connect()));
    let drop = "do $$ begin set local lock_timeout = '1ms'; drop table wide; \
                exception when lock_not_available then create table held (); end $$";
    *lab.heard.at_progress.lock().unwrap() = Some(Box::new(move |_| {
        if let Some(mut client) = other.lock().unwrap().take() {
            client.run(drop);
        }
    }));
    let config = to_jsonl(InputConfig::Postgresql(input.clone()), TypeMapping::Embulk);
    assert_eq!(lab.run(&config).unwrap().rows_sent, 50_000);
    assert_eq!(database.rows("select to_regclass('held') is not null"), ["t"]);
    database.run("drop table wide");
    let error = refused(&Lab::new(), &input);
    assert_eq!(error.kind, ErrorKind::NotFound);
    lab.heard.at_progress.lock().unwrap().take();
}

#[test]
fn a_table_cannot_vanish_between_its_columns_and_its_rows() {
    let Some(database) = postgres_database() else { return };
    database.run("create table t (a int); insert into t values (1)");
    for change in ["drop table t", "alter table t rename to u", "alter table t add column b int"] {
        let input = InputConfig::Postgresql(postgresql(&database, table("t")));
        let mut source = open(&input, &Lab::new().context(), BytesRule::Refuse).unwrap();
        let held = format!(
            "do $$ begin set local lock_timeout = '1ms'; {change}; raise 'it was possible'; \
             exception when lock_not_available then null; end $$"
        );
        database.run(&held);
        let schema = Arc::clone(source.reader.schema());
        assert_eq!(source.reader.read(&mut Nowhere(schema)).unwrap().rows, 1, "{change}");
    }
}

#[test]
fn a_stopped_read_ends_soon_and_the_server_stops_too() {
    let Some(database) = postgres_database() else { return };
    let lab = Lab::new();
    let cancel = lab.cancel.clone();
    // Without the stop these queries would run for hours.
    let sql = "select 600 as a from pg_sleep(600)";
    let input = InputConfig::Postgresql(postgresql(&database, query(sql)));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            database.await_row(
                "select 1 from pg_stat_activity where datname = current_database() and query like 'COPY%' \
                 and wait_event = 'PgSleep'",
            );
            cancel.cancel();
        });
        assert_eq!(lab.run(&to_jsonl(input, TypeMapping::Embulk)).unwrap_err().kind, ErrorKind::Canceled);
    });
    let gone = "select 1 where not exists (select from pg_stat_activity where datname = current_database() \
                and query like 'COPY%')";
    database.await_row(gone);

    let lab = Lab::new();
    let cancel = lab.cancel.clone();
    *lab.heard.at_progress.lock().unwrap() = Some(Box::new(move |_| cancel.cancel()));
    let sql = "select a, b from generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let input = postgresql(&database, query(sql));
    assert_eq!(refused(&lab, &input).kind, ErrorKind::Canceled);
    database.await_row(gone);
}

#[test]
fn a_lock_that_keeps_the_table_closed_does_not_hold_the_run() {
    let Some(database) = postgres_database() else { return };
    database.run("create table closed (id int)");
    let mut holder = database.connect();
    holder.run("begin; lock table closed");
    let lab = Lab::new();
    let cancel = lab.cancel.clone();
    let config =
        to_jsonl(InputConfig::Postgresql(postgresql(&database, table("closed"))), TypeMapping::Embulk);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            database.await_row(
                "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
            );
            cancel.cancel();
        });
        assert_eq!(lab.run(&config).unwrap_err().kind, ErrorKind::Canceled);
    });
}
