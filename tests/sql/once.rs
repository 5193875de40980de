//! `strict_transaction`: a script is done once, whatever happens to its answers and to the processes that wait for them.

use super::{Running, pg_project};
use crate::support::postgres::{PostgresDatabase, postgres_database};
use crate::support::proxy::Proxy;
use crate::support::sandbox::Sandbox;

const INSERT: &str = "+q:\n  pg>: {data: insert into t values (1)}\n";

/// A database whose table `t` lets nobody commit a row while the gate, an advisory lock, is held.
fn gated() -> Option<PostgresDatabase> {
    let database = postgres_database()?;
    database.run(
        "create table t (a int);
         create function gate() returns trigger language plpgsql as $$
         begin perform pg_advisory_xact_lock_shared(1); return null; end $$;
         create constraint trigger gate after insert on t deferrable initially deferred
         for each row execute function gate()",
    );
    Some(database)
}

/// A session that waits at the gate, in its COMMIT.
const AT_THE_GATE: &str = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and wait_event = 'advisory' \
                           and query = 'COMMIT'";

fn project(database: &PostgresDatabase, tasks: &str) -> Sandbox {
    pg_project(database, &database.user, tasks)
}

fn status(database: &PostgresDatabase) -> Vec<String> {
    database.rows("select completed_at is not null from __digdag_status order by created_at")
}

#[test]
fn a_script_is_one_transaction_and_its_row_is_completed_with_it() {
    let Some(database) = postgres_database() else { return };
    database.run("create table t (a int primary key)");
    let sandbox = project(&database, "+q:\n  pg>: q.sql\n");
    sandbox.write("q.sql", "insert into t values (1);\ncreate table u (b int);\ninsert into t values (1);");
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert!(said.stderr.contains("the statement at q.sql:3 failed"), "{}", said.stderr);
    assert_eq!(database.rows("select * from t"), [""; 0]);
    assert_eq!(status(&database), ["f"]);
    // The retry is the same script to the database, also when its text was corrected.
    sandbox.write("q.sql", "insert into t values (1);\ncreate table u (b int);\ninsert into t values (2);");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(database.rows("select * from t order by a"), ["1", "2"]);
    assert_eq!(status(&database), ["t"]);
    // Another run of the same session means it once more.
    database.run("drop table u; delete from t");
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(database.rows("select * from t order by a"), ["1", "2"]);
    assert_eq!(status(&database), ["t", "t"]);
}

#[test]
fn a_run_that_was_killed_at_its_commit_is_found_done_by_every_retry() {
    let Some(database) = gated() else { return };
    let sandbox = project(&database, INSERT);
    let mut gate = database.connect();
    gate.run("select pg_advisory_lock(1)");
    let running = Running::start(&sandbox, &["run", "main.dig"]);
    database.await_row(AT_THE_GATE);
    running.kill();
    // Two processes with the same query id, each with a state of its own, while the server is still at it.
    let copied =
        std::process::Command::new("cp").args(["-r", ".sync", "copy"]).current_dir(sandbox.path()).status();
    assert!(copied.expect("`cp` starts").success());
    let mut first = Running::start(&sandbox, &["retry", "--session", "last"]);
    let mut second = Running::start(&sandbox, &["retry", "--session", "last", "--state", "copy/state.db"]);
    for running in [&mut first, &mut second] {
        running.await_line("another session is at the same query (row `");
    }
    gate.run("select pg_advisory_unlock(1)");
    let said = first.expect_code(0);
    assert!(
        said.contains("an earlier try is in `__digdag_status` as done: the script is not run again"),
        "{said}"
    );
    second.expect_code(0);
    assert_eq!(database.rows("select a from t"), ["1"]);
}

#[test]
fn an_answer_that_was_lost_is_found_by_the_next_round() {
    let Some(database) = gated() else { return };
    let proxy = Proxy::before(&database.host, database.port);
    let tasks = format!("{INSERT}  port: {}\n  _retry: {{limit: 20, interval: 1}}\n", proxy.port());
    let sandbox = project(&database, &tasks);
    let mut gate = database.connect();
    gate.run("select pg_advisory_lock(1)");
    let running = Running::start(&sandbox, &["run", "main.dig"]);
    database.await_row(AT_THE_GATE);
    proxy.cut_after(0);
    gate.run("select pg_advisory_unlock(1)");
    proxy.await_fault();
    proxy.clear();
    let said = running.expect_code(0);
    assert!(said.contains("the transaction of the script could not be committed"), "{said}");
    assert!(said.contains("as done: the script is not run again"), "{said}");
    assert_eq!(database.rows("select a from t"), ["1"]);
}

#[test]
fn another_round_of_a_group_means_the_script_once_more() {
    let Some(database) = postgres_database() else { return };
    database.run("create table t (a int)");
    let sandbox = project(
        &database,
        "+g:\n  _retry: 1\n  +q:\n    pg>: {data: insert into t values (1)}\n  +once:\n    sh>: mkdir once 2> /dev/null && exit 1 || true\n",
    );
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(database.rows("select a from t"), ["1", "1"]);
}

#[test]
fn without_it_nobody_knows_what_became_of_a_lost_script() {
    let Some(database) = gated() else { return };
    let proxy = Proxy::before(&database.host, database.port);
    let tasks = format!("{INSERT}  port: {}\n  strict_transaction: false\n", proxy.port());
    let sandbox = project(&database, &tasks);
    let mut gate = database.connect();
    gate.run("select pg_advisory_lock(1)");
    let running = Running::start(&sandbox, &["run", "main.dig"]);
    database.await_row(&AT_THE_GATE.replace("'COMMIT'", "'insert into t values (1)'"));
    proxy.cut_after(0);
    gate.run("select pg_advisory_unlock(1)");
    let said = running.expect_code(1);
    assert!(
        said.contains("    hint: nobody knows whether the script was carried out: look before a retry\n"),
        "{said}"
    );
    assert_eq!(database.rows("select a from t"), ["1"]);
    assert_eq!(database.rows("select 1 from pg_tables where tablename = '__digdag_status'"), [""; 0]);
}

#[test]
fn without_it_a_script_may_end_its_transactions() {
    let Some(database) = postgres_database() else { return };
    database.run("create table t (a int)");
    let sandbox = project(
        &database,
        "+q:\n  pg>: q.sql\n  strict_transaction: false\n+v:\n  pg>: {data: vacuum t}\n  strict_transaction: false\n",
    );
    sandbox
        .write("q.sql", "begin;\ninsert into t values (1);\ncommit;\ninsert into t values (2);\nselect 1/0;");
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert!(said.stderr.contains("the statement at q.sql:5 failed"), "{}", said.stderr);
    assert_eq!(database.rows("select a from t"), ["1"]);
    sandbox.write("q.sql", "select 1");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
}

#[test]
fn the_table_has_the_name_and_the_schema_that_are_asked_for_and_old_rows_go() {
    let Some(database) = postgres_database() else { return };
    database.run(
        "create schema other; create table other.done (query_id text not null unique,
           created_at timestamptz not null, completed_at timestamptz);
         insert into other.done values ('old', now() - interval '3 hours', now() - interval '2 hours'),
           ('new', now() - interval '3 hours', now() - interval '10 minutes'), ('open', now() - interval '9 days', null)",
    );
    let sandbox = project(
        &database,
        "+q:\n  pg>: {data: 'set search_path to pg_catalog; select 1'}\n  status_table: done\n  \
         status_table_schema: other\n  status_table_cleanup: 1h\n",
    );
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(
        database.rows("select query_id from other.done where length(query_id) < 24 order by 1"),
        ["new", "open"]
    );
    assert_eq!(database.rows("select count(*) from other.done where completed_at is not null"), ["2"]);
}

#[test]
fn a_user_who_may_not_make_the_table_is_told_what_to_do() {
    let Some(database) = postgres_database() else { return };
    let user = database.fresh_user(None);
    let sandbox = pg_project(&database, &user, "+q:\n  pg>: {data: select 1}\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    let end = said.stderr.split("1 task failed\n").nth(1).unwrap_or_default();
    let create = "CREATE TABLE IF NOT EXISTS \"__digdag_status\" (query_id text NOT NULL UNIQUE, created_at timestamptz \
                  NOT NULL, completed_at timestamptz)";
    let expected = format!(
        "  +main+q: the status table `__digdag_status` could not be made\n    \
         cause: permission denied for schema public (PostgreSQL error 42501)\n    \
         hint: let somebody who may run `{create}` and grant SELECT, INSERT, UPDATE and DELETE on it, name a schema \
         that this user may create tables in as `status_table_schema`, or do without exactly-once with \
         `strict_transaction: false`\n"
    );
    assert!(end.starts_with(&expected), "{end}");
    database.run(&format!("{create}; grant select, insert, update, delete on __digdag_status to {user}"));
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(status(&database), ["t"]);
}
