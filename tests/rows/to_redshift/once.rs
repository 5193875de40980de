//! `kill -9` at every recorded effect, then a retry: every row once, and nothing staged is left.

use std::process::Stdio;

use serde_json::json;
use sync::embulk::output::LoadMode;
use sync::transfer::effect::{Effect, EffectOutcome, RecordedEffect};
use sync::transfer::error::ErrorKind;

use super::Bench;
use crate::support::sandbox::Sandbox;

const CONFIG: &str = "in: {type: sqlite, database: empty.db, query: select 1 as id union all select 2}\n\
     out: {type: redshift, host: HOST, port: PORT, user: USER, database: DATABASE, table: t, mode: MODE, \
     s3_bucket: BUCKET, s3_key_prefix: PREFIX, aws_auth_method: env, copy_iam_role: 'ROLE'}\n";

fn sandbox(bench: &Bench, mode: &str) -> Sandbox {
    let database = &bench.database;
    let config = CONFIG
        .replace("HOST", &database.host)
        .replace("PORT", &database.port.to_string())
        .replace("USER", &database.user)
        .replace("DATABASE", &database.name)
        .replace("BUCKET", &bench.aws.bucket)
        .replace("PREFIX", &bench.prefix)
        .replace("ROLE", &database.role)
        .replace("MODE", mode);
    let mut sandbox =
        Sandbox::new().file("load.dig", "+load:\n  embulk>: load.yml\n").file("load.yml", &config);
    for (name, value) in bench.aws.environment() {
        sandbox.set(name, value);
    }
    sandbox.write("empty.db", "");
    sandbox
}

/// Rows of the status table wait in COMMIT until nobody holds the gate.
const GATE: &str = "create table __sync_published (id varchar(64) not null, published_at timestamp not null);
    create function gate() returns trigger language plpgsql as
    'begin perform pg_advisory_xact_lock_shared(1); return null; end';
    create constraint trigger gate after insert on __sync_published deferrable initially deferred
    for each row execute function gate()";

/// Kills a run while the stand-in holds a statement, lets that go, and retries.
fn kill_and_retry(mode: &str, statement: &str) -> Option<(Bench, String)> {
    let bench = Bench::new()?;
    bench.database.run("create table t (id int); insert into t values (0)");
    let sandbox = sandbox(&bench, mode);
    bench.database.rule(json!({"id": "hold", "statement": statement, "action": "hold"}));
    let mut run =
        sandbox.command(["run", "load.dig"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    bench.database.await_rule("hold", 1);
    run.kill().unwrap();
    run.wait().unwrap();
    bench.database.release("hold");
    let said = retried(&bench, &sandbox, mode);
    Some((bench, said))
}

/// Every row is there once after a retry, and nothing else.
fn retried(bench: &Bench, sandbox: &Sandbox, mode: &str) -> String {
    let said = sandbox.run(["retry", "--session", "last"]).expect_code(0);
    let expected = if mode.starts_with("insert") { &["0", "1", "2"][..] } else { &["1", "2"] };
    assert_eq!(bench.rows("select id from t order by id"), expected, "{mode}");
    bench.assert_tidy();
    said.stderr
}

const MODES: [&str; 4] = ["insert", "insert_direct", "truncate_insert", "replace"];

#[test]
fn killed_before_the_transaction() {
    for (mode, statement) in [
        ("replace", "^CREATE TABLE \"public\".\"sync_"),
        ("insert", "^COPY"),
        ("replace", "^SELECT current_user"),
        ("truncate_insert", "^DELETE FROM \"public\".\"t\""),
        ("insert", "^INSERT INTO \"public\".\"t\""),
        ("insert_direct", "^COPY"),
        ("replace", "^LOCK TABLE"),
        ("insert", "^INSERT INTO .*__sync_published"),
    ] {
        let Some((_, said)) = kill_and_retry(mode, statement) else { return };
        assert!(!said.contains("an earlier attempt has published"), "{mode} {statement}: {said}");
    }
}

#[test]
fn killed_while_the_commit_is_on_its_way() {
    for mode in MODES {
        let Some(bench) = Bench::new() else { return };
        bench.database.run("create table t (id int); insert into t values (0)");
        bench.database.behind.run(GATE);
        let sandbox = sandbox(&bench, mode);
        let mut holder = bench.database.behind.connect();
        holder.run("select pg_advisory_lock(1)");
        let mut run =
            sandbox.command(["run", "load.dig"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        bench.database.behind.await_row("select 1 from pg_locks where locktype = 'advisory' and not granted");
        run.kill().unwrap();
        run.wait().unwrap();
        holder.run("select pg_advisory_unlock(1)");
        let said = retried(&bench, &sandbox, mode);
        assert!(said.contains("an earlier attempt has published `redshift "), "{mode}: {said}");
    }
}

/// The answer of COMMIT is lost: the attempt itself finds out, and the next one goes by what it found.
#[test]
fn an_answer_of_commit_that_is_lost_is_asked_for() {
    for (action, published) in [("cut", false), ("cut_after", true)] {
        for mode in [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::Replace] {
            let Some(bench) = Bench::new() else { return };
            bench.database.run("create table t (id int); insert into t values (0)");
            bench.database.rule(json!({"id": "cut", "statement": "^COMMIT", "action": action}));
            let output = bench.output(mode.clone());
            let error = bench.sql("select 1 as id", &output).unwrap_err();
            assert_eq!(error.kind, ErrorKind::ConnectionLost, "{error}");
            bench.database.await_rule("cut", 1);
            let begun = bench.database.statements().len();
            let report = bench.again(bench.lab.rows_of("select 1 as id"), &output).unwrap();
            assert_eq!(report.rows_loaded, Some(1));
            let copies =
                bench.database.statements()[begun..].iter().filter(|sql| sql.starts_with("COPY")).count();
            assert_eq!(copies, usize::from(!published), "{mode:?} {action}");
            let rows = if mode == LoadMode::Replace { &["1"][..] } else { &["0", "1"] };
            assert_eq!(bench.rows("select * from t order by id"), rows, "{mode:?} {action}");
            bench.assert_tidy();
        }
    }
}

/// Without a workflow nothing remembers for the next attempt, but the transfer itself does: it begins anew and finds out
/// whether its rows are in.
#[test]
fn alone_an_answer_of_commit_that_is_lost_is_asked_for_too() {
    for (action, copies) in [("cut", 2), ("cut_after", 1)] {
        let Some(bench) = Bench::new() else { return };
        bench.database.run("create table t (id int); insert into t values (0)");
        let mut sandbox = sandbox(&bench, "insert");
        sandbox.set("DIGDAG_CONFIG", "");
        bench.database.rule(json!({"id": "cut", "statement": "^COMMIT", "action": action}));
        let said = sandbox.run(["embulk", "run", "load.yml"]).expect_code(0);
        bench.database.await_rule("cut", 1);
        let what = format!("{action}: {}{}", said.stdout, said.stderr);
        assert_eq!(bench.rows("select id from t order by id"), ["0", "1", "2"], "{what}");
        let copied = bench.database.statements().iter().filter(|sql| sql.starts_with("COPY")).count();
        assert_eq!(copied, copies, "{what}");
        bench.assert_tidy();
    }
}

/// The row in the status table decides: what is done is not done again, and the source is not asked.
#[test]
fn an_attempt_whose_end_is_open_is_looked_up() {
    let Some(bench) = Bench::new() else { return };
    let output = bench.output(LoadMode::Insert);
    bench.sql("select 1 as id", &output).unwrap();
    let id = bench.lab.context().key.name(1);
    let effect = Effect::PublishRows { target: "t".to_owned(), id: id.clone(), rows: 5, bytes: 9 };
    // Or its end is recorded, and it was killed before it removed the row.
    for outcome in [None, Some(EffectOutcome::Done)] {
        bench.database.run(&format!("insert into __sync_published values ('{id}', getdate())"));
        *bench.lab.effects.0.lock().unwrap() = vec![RecordedEffect { effect: effect.clone(), outcome }];
        let report = bench.again(bench.lab.rows_of("select nope"), &output).unwrap();
        assert_eq!((report.rows_sent, report.bytes), (5, 9));
        bench.assert_tidy();
    }
}

/// What a run left that nobody ever retries goes with the next run to the same table.
#[test]
fn the_next_run_removes_what_a_killed_one_left() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (id int); insert into t values (0)");
    let sandbox = sandbox(&bench, "insert");
    bench.database.rule(json!({"id": "hold", "statement": "^COPY", "action": "hold"}));
    let mut run =
        sandbox.command(["run", "load.dig"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    bench.database.await_rule("hold", 1);
    run.kill().unwrap();
    run.wait().unwrap();
    bench.database.release("hold");
    assert_eq!(bench.keys().len(), 2);
    let said = sandbox.run(["run", "load.dig"]).expect_code(0);
    assert_eq!(bench.rows("select id from t order by id"), ["0", "1", "2"], "{}", said.stderr);
    bench.assert_tidy();
}
