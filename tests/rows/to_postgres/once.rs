//! `kill -9` around the transaction that publishes, then a retry: every row once.

use std::process::Stdio;

use sync::embulk::output::LoadMode;
use sync::transfer::effect::{Effect, EffectOutcome, RecordedEffect};

use super::Bench;
use crate::support::sandbox::Sandbox;

const CONFIG: &str = "in: {type: sqlite, database: empty.db, query: select 1 as id union all select 2}\n\
     out: {type: postgresql, host: HOST, port: PORT, user: USER, database: DATABASE, table: t, mode: MODE}\n";

/// Inserts wait in COMMIT until nobody holds the gate.
const GATE: &str = "create table t (id int);
    create function gate() returns trigger language plpgsql as
    'begin perform pg_advisory_xact_lock_shared(1); return null; end';
    create constraint trigger gate after insert on t deferrable initially deferred
    for each row execute function gate()";

fn sandbox(bench: &Bench, mode: &str) -> Sandbox {
    let database = &bench.database;
    let config = CONFIG
        .replace("HOST", &database.host)
        .replace("PORT", &database.port.to_string())
        .replace("USER", &database.user)
        .replace("DATABASE", &database.name)
        .replace("MODE", mode);
    let sandbox = Sandbox::new().file("load.dig", "+load:\n  embulk>: load.yml\n").file("load.yml", &config);
    sandbox.write("empty.db", "");
    sandbox
}

/// Kills a run while it waits for what `hold` holds, lets that go, and retries.
fn kill_and_retry(mode: &str, hold: &str, release: &str, waits: &str) -> Option<String> {
    let bench = Bench::new()?;
    bench.database.run(GATE);
    let sandbox = sandbox(&bench, mode);
    let mut holder = bench.database.connect();
    holder.run(hold);
    let mut run =
        sandbox.command(["run", "load.dig"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    bench.database.await_row(&format!("select 1 from pg_locks where {waits} and not granted"));
    run.kill().unwrap();
    run.wait().unwrap();
    holder.run(release);
    let said = sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(bench.rows("select id from t order by id"), ["1", "2"], "{mode}");
    bench.assert_tidy();
    Some(said.stderr)
}

#[test]
fn killed_between_commit_and_record() {
    for mode in ["insert", "insert_direct", "truncate_insert", "replace"] {
        let hold = "select pg_advisory_lock(1)";
        let release = "select pg_advisory_unlock(1)";
        let Some(said) = kill_and_retry(mode, hold, release, "locktype = 'advisory'") else { return };
        assert!(said.contains("an earlier attempt has published `postgresql "), "{mode}: {said}");
    }
}

#[test]
fn killed_before_commit() {
    for mode in ["insert", "insert_direct", "truncate_insert", "replace"] {
        let hold = "begin; lock table t in exclusive mode";
        let Some(said) = kill_and_retry(mode, hold, "rollback", "relation = 't'::regclass") else { return };
        assert!(!said.contains("an earlier attempt"), "{mode}: {said}");
    }
}

/// Of an attempt that is over, told by its record alone.
#[test]
fn what_is_recorded_as_done_is_not_done_again() {
    let Some(bench) = Bench::new() else { return };
    let output = bench.output(LoadMode::Insert);
    let rows = || bench.rows_of("select 1 as id");
    bench.load(rows(), &output).unwrap();
    // It was killed before it removed the row.
    let id = bench.lab.context().key.id();
    bench.database.run(&format!("insert into __sync_published (id) values ('{id}')"));
    let report = bench.again(rows(), &output).unwrap();
    assert_eq!((report.rows_sent, report.rows_loaded), (1, Some(1)));
    assert_eq!(bench.rows("select * from t"), ["1"]);
    bench.assert_tidy();
    let recorded = bench.lab.effects.0.lock().unwrap().clone();
    let outcomes: Vec<_> = recorded.iter().map(|effect| effect.outcome.clone()).collect();
    assert_eq!(outcomes, [None, Some(EffectOutcome::Done)]);
}

/// The row in the status table decides, whatever was recorded: a run that lost its state sends nothing twice.
#[test]
fn a_row_of_the_same_transfer_stops_the_publication() {
    let Some(bench) = Bench::new() else { return };
    let output = bench.output(LoadMode::Insert);
    bench.sql("select 1 as id", &output).unwrap();
    let id = bench.lab.context().key.id();
    bench.database.run(&format!("insert into __sync_published (id) values ('{id}')"));
    bench.sql("select 2 as id", &output).unwrap();
    assert_eq!(bench.rows("select * from t"), ["1"]);
    // An attempt whose end is open finds it without a look at the source.
    let open = Effect::PublishRows { target: "t".to_owned(), id, rows: 5, bytes: 9 };
    bench.lab.effects.0.lock().unwrap().push(RecordedEffect { effect: open, outcome: None });
    let report = bench.again(bench.rows_of("select nope"), &output).unwrap();
    assert_eq!((report.rows_sent, report.bytes), (5, 9));
    bench.assert_tidy();
}

#[test]
fn a_deadlock_is_tried_again() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run(
        "create table t (id int); create sequence tries;
         create function busy() returns trigger language plpgsql as
         'begin if nextval(''tries'') < 4 then raise exception using errcode = ''40P01'', message = ''deadlock detected'';
          end if; return new; end';
         create trigger busy before insert on t for each row execute function busy()",
    );
    let report = bench.sql("select 1 as id", &bench.output(LoadMode::Insert)).unwrap();
    assert_eq!(report.rows_loaded, Some(1));
    assert_eq!(bench.rows("select * from t"), ["1"]);
    let said = bench.lab.heard.lines.lock().unwrap().join("\n");
    assert!(said.contains("deadlock detected (PostgreSQL error 40P01); retry 1 of 12 in "), "{said}");
    assert!(said.contains("; retry 3 of 12 in "), "{said}");
    bench.assert_tidy();
}
