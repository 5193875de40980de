//! What does not work: nothing is published, nothing is left, and the message names the place without the value.

use sync::embulk::output::LoadMode;
use sync::embulk::text::Text;
use sync::secret::Secret;
use sync::transfer::error::ErrorKind;

use super::Bench;
use crate::support::sandbox::Sandbox;

const MODES: [LoadMode; 4] =
    [LoadMode::Insert, LoadMode::InsertDirect, LoadMode::TruncateInsert, LoadMode::Replace];

#[test]
fn a_value_that_does_not_fit_is_named_by_column_and_row() {
    for mode in MODES {
        let Some(bench) = Bench::new() else { return };
        bench.database.run("create table t (id int, name varchar(3)); insert into t values (7, 'old')");
        let mut output = bench.output(mode.clone());
        for (batch, rows, said) in [
            (
                1 << 20,
                "select 1 as id, 'a' as name union all select 2, 'secret'",
                "column `name`, row 2: value too long for type character varying(3) (PostgreSQL error 22001)",
            ),
            (
                1,
                "select 1 as id, 'a' as name union all select 5000000000, 'b'",
                "column `id`, row 2: value \"…\" is out of range for type integer (PostgreSQL error 22003)",
            ),
            (
                1 << 20,
                "select 'x' as id, 'a' as name",
                "column `id`, row 1: invalid input syntax for type integer: \"…\" (PostgreSQL error 22P02)",
            ),
        ] {
            output.load.batch_bytes = batch;
            let error = bench.sql(rows, &output).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Data);
            let target = format!("postgresql {}.public.t", bench.database.name);
            assert_eq!(
                error.to_string(),
                format!("rows for `{target}` could not be loaded: {said}"),
                "{mode:?}"
            );
            assert_eq!(bench.rows("select * from t"), ["7|old"]);
            bench.assert_tidy();
        }
    }
}

#[test]
fn a_batch_that_failed_is_noticed_when_it_ends_and_rows_count_on() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (id int)");
    let mut output = bench.output(LoadMode::Insert);
    output.load.batch_bytes = 1;
    let rows = "with recursive n(id) as (select 1 union all select id + 1 from n where id < 100000) \
                select case id when 70000 then 5000000000 else id end as id from n";
    let error = bench.sql(rows, &output).unwrap_err();
    assert!(error.to_string().contains("column `id`, row 70000: "), "{error}");
    assert_eq!(bench.rows("select count(*) from t"), ["0"]);
    output.load.batch_bytes = 100_000;
    let report = bench.sql(&rows.replace("5000000000", "0"), &output).unwrap();
    assert_eq!((report.rows_sent, report.rows_loaded), (100_000, Some(100_000)));
    assert_eq!(bench.rows("select count(*), sum(id) from t"), ["100000|4999980000"]);
}

#[test]
fn constraints_are_named_and_values_are_not() {
    for mode in MODES {
        let Some(bench) = Bench::new() else { return };
        bench.database.run(
            "create table t (id int primary key, name text not null check (name <> 'bad')); \
             insert into t values (7, 'old')",
        );
        let output = bench.output(mode.clone());
        for (rows, said) in [
            (
                "select 1 as id, 'secret' as name union all select 1, 'b'",
                "duplicate key value violates unique constraint \"t_pkey\" (PostgreSQL error 23505)",
            ),
            (
                "select 1 as id, null as name",
                "null value in column \"name\" of relation \"t\" violates not-null constraint (PostgreSQL error 23502)",
            ),
            (
                "select 1 as id, 'bad' as name",
                "new row for relation \"t\" violates check constraint \"t_name_check\" (PostgreSQL error 23514)",
            ),
        ] {
            let error = bench.sql(rows, &output).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Data);
            assert!(error.to_string().ends_with(said), "{mode:?} {error}");
            assert!(!error.to_string().contains("secret"));
            assert_eq!(error.remedy(), Some("correct the rows, or change the constraint of the table"));
            assert_eq!(bench.rows("select * from t"), ["7|old"]);
            bench.assert_tidy();
        }
    }
}

#[test]
fn rows_that_a_trigger_keeps_out_are_missed() {
    for mode in MODES {
        let Some(bench) = Bench::new() else { return };
        bench.database.run(
            "create table t (id int); insert into t values (7);
             create function skip() returns trigger language plpgsql as
             'begin if new.id = 2 then return null; end if; return new; end';
             create trigger skip before insert on t for each row execute function skip()",
        );
        let error = bench.sql("select 1 as id union all select 2", &bench.output(mode)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data);
        assert_eq!(
            error.to_string(),
            format!("`postgresql {}.public.t`: 2 rows were sent but 1 were loaded", bench.database.name)
        );
        assert_eq!(error.remedy(), Some("look for a trigger or a rule of the table that keeps rows out"));
        assert_eq!(bench.rows("select * from t"), ["7"]);
        bench.assert_tidy();
    }
}

#[test]
fn a_source_that_breaks_publishes_nothing() {
    for mode in MODES {
        let Some(bench) = Bench::new() else { return };
        bench.database.run("create table t (id int); insert into t values (7)");
        let rows = "with recursive n(id) as (select 1 union all select id + 1 from n where id < 50000) \
                    select case id when 49999 then json('{') else id end as id from n";
        bench.sql(rows, &bench.output(mode)).unwrap_err();
        assert_eq!(bench.rows("select * from t"), ["7"]);
        bench.assert_tidy();
    }
}

#[test]
fn who_may_not_is_told_what_is_missing() {
    let Some(bench) = Bench::new() else { return };
    bench.database.run("create table t (id int)");
    let mut output = bench.output(LoadMode::Insert);
    let user = bench.database.fresh_user(Some("right-password"));
    output.user = Text::plain(&user);
    output.password = Secret::new("wrong-password");
    let error = bench.sql("select 1 as id", &output).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Authentication);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to PostgreSQL at `{}:{}`: password authentication failed for user \"{user}\" \
             (PostgreSQL error 28P01)",
            bench.database.host, bench.database.port
        )
    );
    output.password = Secret::new("right-password");
    let error = bench.sql("select 1 as id", &output).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Permission);
    assert_eq!(
        error.to_string(),
        "the table `public.__sync_published` could not be made: permission denied for schema public \
         (PostgreSQL error 42501)"
    );
    assert_eq!(
        error.remedy(),
        Some(
            "let somebody who may run `CREATE TABLE \"public\".\"__sync_published\" (id TEXT PRIMARY KEY, \
             published_at TIMESTAMPTZ NOT NULL DEFAULT now())` and grant SELECT, INSERT and DELETE on it"
        )
    );
    bench.sql("select 0 as id", &bench.output(LoadMode::Insert)).unwrap();
    bench.database.run(&format!("grant select, insert, delete on __sync_published to {user}"));
    let error = bench.sql("select 1 as id", &output).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "rows for `postgresql {}.public.t` could not be published: permission denied for table t \
             (PostgreSQL error 42501)",
            bench.database.name
        )
    );
    bench.database.run(&format!("grant insert on t to {user}"));
    bench.sql("select 1 as id", &output).unwrap();
    assert_eq!(bench.rows("select * from t"), ["0", "1"]);
    bench.database.run(&format!("drop owned by {user}; drop role {user}"));
}

#[test]
fn a_server_that_is_not_there_is_exit_75() {
    let Some(bench) = Bench::new() else { return };
    let sandbox = Sandbox::new().file("load.dig", "+load:\n  embulk>: load.yml\n").file(
        "load.yml",
        "in: {type: sqlite, database: empty.db, query: select 1 as id}\n\
         out: {type: postgresql, host: 127.0.0.1, port: 1, user: u, password: p, database: d, table: t, mode: insert}\n",
    );
    sandbox.write("empty.db", "");
    let said = sandbox.run(["run", "load.dig"]).expect_code(75);
    assert!(said.stderr.contains("cannot connect to PostgreSQL at `127.0.0.1:1`"), "{}", said.stderr);
    let yml = sandbox.read("load.yml").replace("port: 1,", &format!("port: {},", bench.database.port));
    sandbox.write("load.yml", &yml);
    let said = sandbox.run(["run", "load.dig"]).expect_code(1);
    assert!(said.stderr.contains("(PostgreSQL error 28000)"), "{}", said.stderr);
}

#[test]
fn a_run_that_is_stopped_while_it_publishes_leaves_nothing() {
    for mode in MODES {
        let Some(bench) = Bench::new() else { return };
        bench.database.run("create table t (id int)");
        let output = bench.output(mode);
        let mut holder = bench.database.connect();
        holder.run("begin; lock table t in exclusive mode");
        std::thread::scope(|scope| {
            let load = scope.spawn(|| bench.sql("select 1 as id", &output));
            bench.database.await_row("select 1 from pg_locks where relation = 't'::regclass and not granted");
            bench.lab.cancel.cancel();
            assert!(load.join().unwrap().unwrap_err().is_canceled());
        });
        holder.run("rollback");
        assert_eq!(bench.rows("select count(*) from t"), ["0"]);
        bench.assert_tidy();
    }
}
