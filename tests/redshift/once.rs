//! `strict_transaction`: a script is done once, whatever happens to its answers and to the processes that wait for them.

use serde_json::json;

use super::project;
use crate::support::redshift::{RedshiftDatabase, redshift_database};

const INSERT: &str = "+q:\n  redshift>: {data: insert into t values (1)}\n";

/// Status tables, and whether each is completed.
fn status(database: &RedshiftDatabase) -> Vec<String> {
    let names = database.behind.rows(
        "select tablename from pg_tables where tablename like '\\_\\_digdag\\_status\\_%' order by tablename",
    );
    let mut client = database.behind.connect();
    names
        .iter()
        .flat_map(|name| client.rows(&format!("select completed_at is not null from \"{name}\"")))
        .collect()
}

#[test]
fn a_script_and_its_status_table_are_there_or_neither() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int)");
    let sandbox = project(&database, "+q:\n  redshift>: q.sql\n");
    sandbox.write("q.sql", "insert into t values (1);\nselect 1/0;");
    sandbox.run(["run", "main.dig"]).expect_code(1);
    assert_eq!(database.rows("select a from t"), [""; 0]);
    assert_eq!(status(&database), [""; 0]);
    sandbox.write("q.sql", "insert into t values (1)");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(status(&database), ["t"]);
    // Another run of the same session means it once more.
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(database.rows("select a from t"), ["1", "1"]);
    assert_eq!(status(&database), ["t", "t"]);
}

#[test]
fn an_answer_that_was_lost_is_found_by_a_retry() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int)");
    database.rule(json!({"statement": "^COMMIT$", "action": "cut_after"}));
    let sandbox = project(&database, INSERT);
    let said = sandbox.run(["run", "main.dig"]).expect_code(75);
    assert!(said.stderr.contains("the transaction of the script could not be committed"), "{}", said.stderr);
    assert_eq!(database.rows("select a from t"), ["1"]);
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    let log = super::log(&sandbox, "+main+q");
    assert!(
        log.contains("an earlier try is in `__digdag_status` as done: the script is not run again"),
        "{log}"
    );
    assert_eq!(database.rows("select a from t"), ["1"]);
}

#[test]
fn an_answer_that_was_lost_is_found_by_the_next_round() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int)");
    database.rule(json!({"statement": "^COMMIT$", "action": "cut_after"}));
    let sandbox = project(&database, &format!("{INSERT}  _retry: 2\n"));
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(database.rows("select a from t"), ["1"]);
}

#[test]
fn a_script_that_was_not_carried_out_is_run_again() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int)");
    database.rule(json!({"statement": "^COMMIT$", "action": "cut"}));
    let sandbox = project(&database, &format!("{INSERT}  _retry: 2\n"));
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(database.rows("select a from t"), ["1"]);
    // Both rounds are done now.
    assert_eq!(status(&database), ["t", "t"]);
}

/// TRUNCATE commits in Redshift: what came before it is there, and so is the status table, uncompleted.
#[test]
pub(crate) fn a_script_that_ended_its_transaction_in_the_midst_is_run_again() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int); create table log (a int)");
    database.rule(json!({"statement": "^insert into t", "action": "cut"}));
    let sandbox = project(&database, "+q:\n  redshift>: q.sql\n");
    sandbox.write("q.sql", "insert into log values (1);\ntruncate t;\ninsert into t values (1);");
    sandbox.run(["run", "main.dig"]).expect_code(75);
    assert_eq!(status(&database), ["f"]);
    let said = sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert!(
        said.stderr.contains(
            "an earlier try committed a part of the script, as TRUNCATE and COMMIT do: all of it is run again"
        ),
        "{}",
        said.stderr
    );
    assert_eq!(database.rows("select a from t"), ["1"]);
    assert_eq!(status(&database), ["t"]);
    let again = sandbox.run(["retry", "--session", "last", "--all"]).expect_code(0);
    assert!(!again.stderr.contains("committed a part"), "{}", again.stderr);
}

#[test]
fn whoever_comes_second_waits_for_the_first_and_finds_it_done() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int)");
    database.rule(json!({"id": "commit", "statement": "^COMMIT$", "action": "hold"}));
    let sandbox = project(&database, INSERT);
    let first = sandbox.command(["run", "main.dig"]).stderr(std::process::Stdio::null()).spawn();
    let mut first = first.expect("the program starts");
    database.await_rule("commit", 1);
    // A copy of its state, as if another machine went on with it.
    let copied =
        std::process::Command::new("cp").args(["-r", ".sync", "copy"]).current_dir(sandbox.path()).status();
    assert!(copied.expect("`cp` starts").success());
    first.kill().expect("it runs");
    first.wait().expect("it ends");
    sandbox.run(["retry", "--session", "last", "--state", "copy/state.db"]).expect_code(0);
    assert_eq!(database.rows("select a from t"), ["1"]);
}

#[test]
fn old_tables_go() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int)");
    let table = |id: &str| format!("__digdag_status_{id}");
    let (old, young, other) = (table(&"a".repeat(24)), table(&"b".repeat(24)), table("notes"));
    database.run(&format!(
        "create table {old} as select 'a'::text as query_id, sysdate - interval '2 day' as completed_at;
         create table {young} as select 'a'::text as query_id, sysdate - interval '2 hour' as completed_at;
         create table {other} as select 'a'::text as query_id, sysdate - interval '2 day' as completed_at"
    ));
    project(&database, INSERT).run(["run", "main.dig"]).expect_code(0);
    let left = database.rows("select tablename from pg_tables where tablename like '%digdag%' order by 1");
    assert!(!left.contains(&old) && left.contains(&young) && left.contains(&other), "{left:?}");
    let short = format!("{INSERT}  status_table_cleanup: 1h\n");
    project(&database, &short).run(["run", "main.dig"]).expect_code(0);
    let left = database.rows("select tablename from pg_tables where tablename like '%digdag%'");
    assert!(!left.contains(&young), "{left:?}");
}

#[test]
fn the_table_has_the_name_and_the_schema_that_are_asked_for() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int); create schema jobs");
    let task = format!("{INSERT}  status_table: done\n  status_table_schema: jobs\n");
    project(&database, &task).run(["run", "main.dig"]).expect_code(0);
    let found = database.behind.rows("select tablename from pg_tables where schemaname = 'jobs'");
    assert!(found.len() == 1 && found[0].starts_with("done_"), "{found:?}");
}

#[test]
fn a_conflict_of_transactions_says_what_helps() {
    let Some(database) = redshift_database() else { return };
    database.run("create table t (a int)");
    database.rule(json!({"statement": "^insert", "action": "fail", "code": "XX000", "message": "1023"}));
    let sandbox = project(&database, INSERT);
    assert_eq!(
        super::failure(&sandbox.run(["run", "main.dig"]).expect_code(1)),
        [
            "+main+q: the statement at line 1 failed",
            "cause: 1023 (Redshift error XX000)",
            "cause: the statement is `insert into t values (1)`",
            "hint: another transaction wrote the same table at the same time: `_retry` runs the task again",
        ]
    );
}
