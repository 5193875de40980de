//! A table that others use: the step that swaps waits, tells for whom, lets them through, and is tried again.

use std::time::Duration;

use sync::embulk::output::{LoadMode, Retries};
use sync::transfer::error::ErrorKind;

use super::Bench;

fn bench() -> Option<(Bench, sync::embulk::output::RedshiftOutput)> {
    let bench = Bench::new()?;
    bench.database.run("create table t (id int); insert into t values (1)");
    let mut output = bench.output(LoadMode::Replace);
    output.lock_timeout = Duration::from_millis(600);
    Some((bench, output))
}

#[test]
fn who_holds_the_table_is_named_when_the_time_is_up() {
    let Some((bench, mut output)) = bench() else { return };
    output.load.retries = Retries { limit: 1, ..output.load.retries };
    let mut holder = bench.database.connect();
    let pid = holder.rows("select pg_backend_pid()").remove(0);
    holder.run("begin; select * from t");
    let error = bench.sql("select 2 as id", &output).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy, "{error}");
    let target = format!("redshift {}.public.t", bench.database.name);
    let start = format!(
        "rows for `{target}` could not be published: table `t` was held by others for 0 s: \
         process {pid} of user `sync` holds it since "
    );
    assert!(error.to_string().starts_with(&start), "{error}");
    assert!(error.to_string().ends_with(" (AccessShareLock)"), "{error}");
    assert_eq!(
        error.remedy(),
        Some("end the process that holds it (PG_TERMINATE_BACKEND), or raise `lock_timeout`")
    );
    let said = bench.said();
    assert!(
        said.contains(&format!("waits for table `t`: process {pid} of user `sync` holds it since")),
        "{said}"
    );
    assert!(said.contains("; retry 1 of 1 in "), "{said}");
    holder.run("rollback");
    assert_eq!(bench.rows("select * from t"), ["1"]);
    bench.assert_tidy();
}

#[test]
fn a_table_that_is_let_go_is_swapped() {
    let Some((bench, output)) = bench() else { return };
    let mut holder = bench.database.connect();
    holder.run("begin; select * from t");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| bench.sql("select 2 as id", &output));
        bench
            .database
            .behind
            .await_row("select 1 from pg_locks where relation = 't'::regclass and not granted");
        holder.run("rollback");
        run.join().unwrap().unwrap();
    });
    assert_eq!(bench.rows("select * from t"), ["2"]);
    bench.assert_tidy();
}

/// A run that is stopped while it waits leaves nothing.
#[test]
fn a_run_that_is_stopped_while_it_waits_lets_go() {
    let Some((bench, mut output)) = bench() else { return };
    output.lock_timeout = Duration::from_secs(60);
    let mut holder = bench.database.connect();
    holder.run("begin; select * from t");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| bench.sql("select 2 as id", &output));
        bench
            .database
            .behind
            .await_row("select 1 from pg_locks where relation = 't'::regclass and not granted");
        bench.lab.cancel.cancel();
        let error = run.join().unwrap().unwrap_err();
        assert!(error.is_canceled(), "{error}");
    });
    holder.run("rollback");
    assert_eq!(bench.rows("select * from t"), ["1"]);
    bench.assert_tidy();
}
