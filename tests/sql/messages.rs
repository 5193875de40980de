//! What is said where the database does not do as it is asked, in full.

use std::io::{Read, Write};
use std::net::TcpListener;

use mysql::prelude::Queryable as _;

use super::{Running, mysql::project as mysql_project, pg_project};
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::proxy::Proxy;
use crate::support::sandbox::Sandbox;
use crate::support::servers::mysql_sources;

/// The failure of the only task, without the offer of a retry.
fn failure(sandbox: &Sandbox, code: i32) -> String {
    let said = sandbox.run(["run", "main.dig"]).expect_code(code);
    let end = said.stderr.split("1 task failed\n").nth(1).unwrap_or_else(|| panic!("{}", said.stderr));
    let lines = end.lines().filter(|line| !line.starts_with("hint: `sync retry"));
    lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
}

fn pg(database: &PostgresDatabase, tasks: &str) -> Sandbox {
    pg_project(database, &database.user, tasks)
}

#[test]
fn a_session_that_cannot_be_set_up() {
    let Some(database) = postgres_database() else { return };
    assert_eq!(
        failure(&pg(&database, "+q:\n  pg>: {data: select 1}\n  schema: 'a,,b'\n"), 1),
        "+main+q: the session could not be set up\n\
         cause: invalid value for parameter \"…\" (PostgreSQL error 22023)"
    );
}

#[test]
fn a_query_whose_rows_come_and_whose_commit_fails() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create table t (a int);
         create function never() returns trigger language plpgsql as $$
         begin raise exception 'not today'; end $$;
         create constraint trigger never after insert on t deferrable initially deferred
         for each row execute function never()",
    );
    let task = "+q:\n  pg>: {data: insert into t values (1) returning a}\n  store_last_results: first\n";
    assert_eq!(
        failure(&pg(&database, task), 1),
        "+main+q: the query could not be committed\ncause: not today (PostgreSQL error P0001)\n\
         cause: PL/pgSQL function never() line 2 at RAISE"
    );
}

#[test]
fn old_rows_that_stay_are_a_warning() {
    let Some(database) = postgres_database() else { return };
    let user = database.fresh_user(None);
    database.run(&format!(
        "create table __digdag_status (query_id text not null unique, created_at timestamptz not null,
         completed_at timestamptz); grant select, insert, update on __digdag_status to {user}"
    ));
    let sandbox = pg_project(&database, &user, "+q:\n  pg>: {data: select 1}\n");
    assert_eq!(
        sandbox.run(["run", "main.dig"]).expect_code(0).stderr,
        "warning: +main+q: old rows of `__digdag_status` could not be removed: permission denied for table \
         __digdag_status (PostgreSQL error 42501)\n"
    );
}

#[test]
fn old_rows_that_stay_with_a_connection_that_went() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create table __digdag_status (query_id text not null unique, created_at timestamptz not null,
         completed_at timestamptz);
         create function gate() returns trigger language plpgsql as $$
         begin perform pg_advisory_xact_lock_shared(1); return null; end $$;
         create trigger gate before delete on __digdag_status for each statement execute function gate()",
    );
    let proxy = Proxy::before(&database.host, database.port);
    let task = format!("+q:\n  pg>: {{data: select 1}}\n  port: {}\n", proxy.port());
    let sandbox = pg(&database, &task);
    let mut gate = database.connect();
    gate.run("select pg_advisory_lock(1)");
    let running = Running::start(&sandbox, &["run", "main.dig"]);
    database.await_row(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and wait_event = 'advisory' \
         and query like 'DELETE %'",
    );
    proxy.cut_after(0);
    gate.run("select pg_advisory_unlock(1)");
    assert_eq!(
        running.expect_code(0),
        "warning: +main+q: old rows of `__digdag_status` could not be removed: the connection is gone\n"
    );
}

#[test]
fn a_database_that_swallows_what_it_is_given() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create table __digdag_status (query_id text not null unique, created_at timestamptz not null,
         completed_at timestamptz);
         create function swallow() returns trigger language plpgsql as $$ begin return null; end $$;
         create trigger swallow before insert on __digdag_status for each row execute function swallow()",
    );
    let sandbox = pg(&database, "+q:\n  pg>: {data: select 1}\n");
    assert_eq!(
        failure(&sandbox, 1),
        "+main+q: the row of the script in `__digdag_status` could not be locked\n\
         cause: the row was inserted and is not there"
    );
    database.run(
        "drop table __digdag_status;
         create function swallow_table() returns event_trigger language plpgsql as $$
         begin drop table __digdag_status; end $$;
         create event trigger swallow on ddl_command_end when tag in ('CREATE TABLE')
         execute function swallow_table()",
    );
    let sandbox = pg(&database, "+q:\n  pg>: {data: select 1}\n");
    assert_eq!(failure(&sandbox, 1), "+main+q: the status table `__digdag_status` was made and is not there");
}

#[test]
fn another_session_at_the_same_query() {
    let Some(database) = postgres_database() else { return };
    let sandbox = pg(&database, "+q:\n  pg>: {data: select 1 from t}\n");
    sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(1);
    database.run("create table t (a int)");
    let id = database.rows("select query_id from __digdag_status").remove(0);
    let mut other = database.connect();
    other.run("begin; select * from __digdag_status for update");
    let mut running = Running::start(&sandbox, &["retry", "--session", "last"]);
    running.await_line("another session");
    other.run("rollback");
    assert_eq!(
        running.expect_code(0),
        format!(
            "session 1 of main, 2026-01-02T00:00:00+00:00\n\
             warning: +main+q: another session is at the same query (row `{id}` of `__digdag_status`); next look in 1 s\n"
        )
    );
}

#[test]
fn a_server_without_tls_and_a_machine_without_authorities() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        // The request for TLS, and the answer that there is none.
        client.read_exact(&mut [0; 8]).unwrap();
        client.write_all(b"N").unwrap();
    });
    let task = format!(
        "+q:\n  pg>: {{data: select 1}}\n  host: 127.0.0.1\n  port: {port}\n  user: u\n  database: d\n  ssl: "
    );
    assert_eq!(
        failure(&Sandbox::new().file("main.dig", &format!("{task}no_verify\n")), 1),
        format!(
            "+main+q: cannot connect to PostgreSQL at `127.0.0.1:{port}`\ncause: error performing TLS handshake\n\
             cause: server does not support TLS\nhint: the server offers no TLS: set `ssl: false`"
        )
    );
    let mut sandbox = Sandbox::new().file("main.dig", &format!("{task}true\n")).file("none.pem", "");
    sandbox.set("SSL_CERT_FILE", sandbox.path().join("none.pem").to_string_lossy());
    assert_eq!(
        failure(&sandbox, 1),
        "+main+q: no certificate of an authority was found to verify the server by\n\
         hint: install `ca-certificates`, or name a file with `SSL_CERT_FILE`"
    );
}

#[test]
fn rows_of_scripts_that_mysql_does_not_give() {
    const TABLE: &str = "create table __digdag_status (query_id varchar(64) not null primary key, created_at timestamp \
                         not null default current_timestamp, completed_at timestamp null) engine = InnoDB";
    let refusing = |event: &str| {
        format!(
            "create trigger never before {event} on __digdag_status for each row signal sqlstate '45000' \
             set message_text = 'not today'"
        )
    };
    let task = "+q:\n  mysql>: {data: select 1}\n  strict_transaction: true\n";
    for server in mysql_sources() {
        let database = server.fresh_database();
        database.run([TABLE.to_owned(), refusing("insert")]);
        assert_eq!(
            failure(&mysql_project(&database, task), 1),
            "+main+q: the row of the script in `__digdag_status` could not be locked\n\
             cause: not today (MySQL error 1644)"
        );
        let database = server.fresh_database();
        let old =
            "insert into __digdag_status values ('old', now() - interval 9 day, now() - interval 9 day)";
        database.run([TABLE.to_owned(), old.to_owned(), refusing("delete")]);
        assert_eq!(
            mysql_project(&database, task).run(["run", "main.dig"]).expect_code(0).stderr,
            "warning: +main+q: old rows of `__digdag_status` could not be removed: not today (MySQL error 1644)\n"
        );

        let database = server.fresh_database();
        let script = "+q:\n  mysql>: {data: select 1 from t}\n  strict_transaction: true\n";
        let sandbox = mysql_project(&database, script);
        sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(1);
        database.run(["create table t (i int)"]);
        let mut other = database.connect();
        let id: String = other.query_first("select query_id from __digdag_status").unwrap().unwrap();
        other.query_drop("start transaction").unwrap();
        other.query_drop("select * from __digdag_status for update").unwrap();
        let mut running = Running::start(&sandbox, &["retry", "--session", "last"]);
        running.await_line("another session");
        other.query_drop("rollback").unwrap();
        assert_eq!(
            running.expect_code(0),
            format!(
                "session 1 of main, 2026-01-02T00:00:00+00:00\nwarning: +main+q: another session is at the same query \
                 (row `{id}` of `__digdag_status`); next look in 1 s\n"
            )
        );
    }
}
