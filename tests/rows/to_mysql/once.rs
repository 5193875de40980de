//! `kill -9` around the step that publishes, then a retry: every row once.

use std::process::Stdio;

use mysql::prelude::Queryable;
use sync::embulk::config::{EmbulkConfig, ExecConfig};
use sync::embulk::output::{Isolation, LoadMode, OutputConfig};
use sync::embulk::text::Text;
use sync::transfer::effect::{Effect, EffectOutcome, RecordedEffect};

use super::{Bench, benches};
use crate::support::proxy::Proxy;
use crate::support::sandbox::Sandbox;

const CONFIG: &str = "in: {type: sqlite, database: empty.db, query: select 1 as id union all select 2}\n\
     out:\n  type: mysql\n  host: HOST\n  port: PORT\n  user: USER\n  password: PASSWORD\n  database: DATABASE\n  table: t\n  mode: MODE\n";

/// Of a mode, the first statement that a lock of the table holds up, and the one that makes rows visible.
const STEPS: [(&str, &str, &str); 4] = [
    ("insert", "INSERT INTO", "COMMIT"),
    ("insert_direct", "LOAD DATA", "COMMIT"),
    ("truncate_insert", "DELETE FROM", "COMMIT"),
    ("replace", "RENAME TABLE", "RENAME TABLE"),
];

fn sandbox(bench: &Bench, port: u16, mode: &str) -> Sandbox {
    let server = &bench.database.server;
    let config = CONFIG
        .replace("HOST", &server.host)
        .replace("PORT", &port.to_string())
        .replace("USER", &server.user)
        .replace("PASSWORD", &server.password)
        .replace("DATABASE", &bench.database.name)
        .replace("MODE", mode);
    let sandbox = Sandbox::new().file("load.dig", "+load:\n  embulk>: load.yml\n").file("load.yml", &config);
    sandbox.write("empty.db", "");
    sandbox
}

/// Starts a run, kills it when `until` returns.
fn killed(sandbox: &Sandbox, until: impl FnOnce()) {
    let mut run =
        sandbox.command(["run", "load.dig"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until();
    run.kill().unwrap();
    run.wait().unwrap();
}

#[test]
fn killed_between_the_step_and_the_record() {
    for made in [None, Some("create table t (id int)")] {
        // A new table is another thing for a swap only.
        for (mode, _, step) in STEPS.into_iter().filter(|(mode, ..)| made.is_some() || *mode == "replace") {
            for bench in benches() {
                bench.database.run(made);
                let server = &bench.database.server;
                let proxy = Proxy::before(&server.host, server.port);
                let sandbox = sandbox(&bench, proxy.port(), mode);
                proxy.hold_answer_to(step);
                killed(&sandbox, || proxy.await_fault());
                assert_eq!(bench.rows("select id from t order by id"), ["1", "2"], "{mode}");
                proxy.clear();
                let said = sandbox.run(["retry", "--session", "last"]).expect_code(0).stderr;
                assert!(said.contains("an earlier attempt has published `mysql "), "{mode}: {said}");
                assert_eq!(bench.rows("select id from t order by id"), ["1", "2"], "{mode}");
                bench.assert_tidy();
            }
        }
    }
}

#[test]
fn killed_before_the_step() {
    for (mode, held, _) in STEPS {
        for bench in benches() {
            bench.database.run(["create table t (id int)", "insert into t values (7)"]);
            let sandbox = sandbox(&bench, bench.database.server.port, mode);
            let mut holder = bench.database.connect();
            // A reader in a transaction: nobody may rename the table; a lock: nobody may write.
            let hold =
                if mode == "replace" { "start transaction; select * from t" } else { "lock tables t read" };
            holder.query_drop(hold).unwrap();
            killed(&sandbox, || bench.await_wait(held));
            holder.query_drop("rollback; unlock tables").unwrap();
            let said = sandbox.run(["retry", "--session", "last"]).expect_code(0).stderr;
            let old = if mode.starts_with("insert") { vec!["1", "2", "7"] } else { vec!["1", "2"] };
            assert_eq!(bench.rows("select id from t order by id"), old, "{mode}");
            // A rename that waits in the server is carried out once nobody is in its way.
            assert!(mode == "replace" || !said.contains("an earlier attempt"), "{mode}: {said}");
            bench.assert_tidy();
        }
    }
}

/// The retry comes while the statement of the killed run is still waiting in the server.
#[test]
fn a_step_that_is_still_on_its_way_is_waited_for_or_stopped() {
    for bench in benches() {
        bench.database.run(["create table t (id int)", "insert into t values (7)"]);
        let sandbox = sandbox(&bench, bench.database.server.port, "replace");
        let mut holder = bench.database.connect();
        holder.query_drop("start transaction; select * from t").unwrap();
        killed(&sandbox, || bench.await_wait("RENAME TABLE"));
        std::thread::scope(|scope| {
            // Whatever goes wrong here, nobody waits for it.
            let mut holder = holder;
            let retry = scope.spawn(|| sandbox.run(["retry", "--session", "last"]));
            // MariaDB carries out what nobody waits for any more; MySQL notices, and it is the retry's own step.
            bench.await_row(
                "select 1 from information_schema.processlist where db = database() and id <> connection_id() \
                 and state like 'Waiting for table %' and (info like 'DROP TABLE%' or info like '%\\_2`%')",
            );
            holder.query_drop("rollback").unwrap();
            retry.join().unwrap().expect_code(0);
        });
        assert_eq!(bench.rows("select id from t order by id"), ["1", "2"]);
        bench.assert_tidy();
    }
}

/// Nobody tries the killed run again: the next run finds what it left.
#[test]
fn the_next_run_drops_what_a_killed_one_left() {
    for bench in benches() {
        let foreign = "sync_0123456789abcdef01234567_1";
        bench.database.run([
            "create table t (id int)".to_owned(),
            "insert into t values (7)".to_owned(),
            // Somebody else's, of the same pattern.
            format!("create table {foreign} (id int)"),
        ]);
        let tables = || {
            bench.rows(
                "select table_name from information_schema.tables where table_schema = database() order by 1",
            )
        };
        let server = &bench.database.server;
        let proxy = Proxy::before(&server.host, server.port);
        let sandbox = sandbox(&bench, proxy.port(), "replace");
        proxy.hold_answer_to("LOAD DATA");
        killed(&sandbox, || proxy.await_fault());
        proxy.clear();
        assert_eq!(tables().len(), 3, "{:?}", tables());
        let said = sandbox.run(["run", "load.dig"]).expect_code(0);
        let log = sandbox.run(["log", "--session", "last"]).expect_code(0).stdout + &said.stderr;
        assert!(log.contains("…`, which a run that was killed had left"), "{log}");
        assert_eq!(tables(), [foreign, "t"]);
        assert_eq!(bench.rows("select id from t order by id"), ["1", "2"]);
        // A run after that has nothing to say of it.
        sandbox.run(["run", "load.dig"]).expect_code(0);
        let log = sandbox.run(["log", "--session", "last"]).expect_code(0).stdout;
        assert!(!log.contains("was killed"), "{log}");
        bench.database.run([format!("drop table {foreign}")]);
        bench.assert_tidy();
    }
}

/// Two of these at the same time would each delete what was there and add their own rows.
#[test]
fn runs_that_empty_a_table_take_turns() {
    for bench in benches() {
        bench.database.run(["create table t (id int)"]);
        let gate = format!("{}_gate", bench.database.name);
        let mut output = bench.output(LoadMode::TruncateInsert);
        output.load.isolation = Some(Isolation::ReadCommitted);
        // Between the two.
        output.load.before_load =
            Some(Text::plain(format!("do get_lock('{gate}', 120); do release_lock('{gate}')")));
        let run = |round| {
            let mut context = bench.lab.context();
            context.key.round = round;
            let config = EmbulkConfig {
                input: bench.rows_of("select 1 as id union all select 2"),
                filters: Vec::new(),
                output: OutputConfig::Mysql(Box::new(output.clone())),
                exec: ExecConfig::default(),
            };
            sync::transfer::run(&config, &context)
        };
        let waiting = |what: &str| {
            bench.await_row(&format!(
                "select 1 from information_schema.processlist where db = database() and id <> connection_id() \
                 and info like '{what}%' having count(*) >= 1"
            ));
        };
        let mut holder = bench.database.connect();
        holder.query_drop(format!("do get_lock('{gate}', 0)")).unwrap();
        std::thread::scope(|scope| {
            let mut holder = holder;
            let first = scope.spawn(|| run(1));
            waiting("do get_lock");
            let second = scope.spawn(|| run(2));
            waiting("INSERT INTO %__sync_published% VALUES (''table ");
            holder.query_drop(format!("do release_lock('{gate}')")).unwrap();
            first.join().unwrap().unwrap();
            second.join().unwrap().unwrap();
        });
        assert_eq!(bench.rows("select id from t order by id"), ["1", "2"]);
        bench.assert_tidy();
    }
}

/// Of an attempt that is over, told by its record alone.
#[test]
fn what_is_recorded_as_done_is_not_done_again() {
    for bench in benches() {
        for (mode, recorded) in [(LoadMode::Insert, 2), (LoadMode::Replace, 4)] {
            bench.database.run(["drop table if exists t"]);
            let output = bench.output(mode);
            let rows = || bench.rows_of("select 1 as id");
            bench.load(rows(), &output).unwrap();
            let in_table = recorded == 2;
            if in_table {
                // It was killed before it removed the row.
                let id = bench.lab.context().key.id();
                bench.database.run([format!("insert into __sync_published (id) values ('{id}')")]);
            }
            let report = bench.again(rows(), &output).unwrap();
            assert_eq!((report.rows_sent, report.rows_loaded), (1, Some(1)));
            assert_eq!(bench.rows("select * from t"), ["1"]);
            if in_table {
                bench.assert_tidy();
            }
            let effects = bench.lab.effects.0.lock().unwrap().clone();
            assert_eq!(effects.len(), recorded);
            assert!(effects.iter().any(|effect| effect.outcome == Some(EffectOutcome::Done)));
        }
    }
}

/// The row in the status table decides, whatever was recorded: a run that lost its state sends nothing twice.
#[test]
fn a_row_of_the_same_transfer_stops_the_publication() {
    for bench in benches() {
        let output = bench.output(LoadMode::Insert);
        bench.sql("select 1 as id", &output).unwrap();
        let id = bench.lab.context().key.id();
        bench.database.run([
            format!("insert into __sync_published (id) values ('{id}')"),
            "insert into __sync_published values ('old', now() - interval 91 day)".to_owned(),
        ]);
        bench.sql("select 2 as id", &output).unwrap();
        assert_eq!(bench.rows("select * from t"), ["1"]);
        // An attempt whose end is open finds it without a look at the source.
        let open = Effect::PublishRows { target: "t".to_owned(), id, rows: 5, bytes: 9 };
        bench.lab.effects.0.lock().unwrap().push(RecordedEffect { effect: open, outcome: None });
        let report = bench.again(bench.rows_of("select nope"), &output).unwrap();
        assert_eq!((report.rows_sent, report.bytes), (5, 9));
        bench.assert_tidy();
    }
}

/// What follows a swap is part of it: rows are not sent again, and the statement is run until it succeeds.
#[test]
fn a_statement_after_a_swap_that_failed_is_all_that_is_left() {
    for bench in benches() {
        bench.database.run(["create table t (id int)"]);
        let mut output = bench.output(LoadMode::Replace);
        output.load.after_load = Some(Text::plain("insert into log select count(*) from t"));
        let error = bench.sql("select 1 as id", &output).unwrap_err();
        assert!(error.to_string().starts_with("`after_load` failed: "), "{error}");
        assert_eq!(bench.rows("select * from t"), ["1"]);
        bench.again(bench.rows_of("select nope"), &output).unwrap_err();
        bench.database.run(["create table log (n int)"]);
        let report = bench.again(bench.rows_of("select nope"), &output).unwrap();
        assert_eq!(report.rows_loaded, Some(1));
        assert_eq!(bench.rows("select * from log"), ["1"]);
        bench.assert_tidy();
    }
}

#[test]
fn a_deadlock_is_tried_again() {
    for bench in benches() {
        bench.database.run([
            "create table t (id int)",
            // What a session remembers is not undone with its transaction.
            "create trigger busy before insert on t for each row begin set @tries = coalesce(@tries, 0) + 1; \
             if @tries < 4 then signal sqlstate '40001' set mysql_errno = 1213, \
             message_text = 'Deadlock found when trying to get lock; try restarting transaction'; end if; end",
        ]);
        let report = bench.sql("select 1 as id", &bench.output(LoadMode::Insert)).unwrap();
        assert_eq!(report.rows_loaded, Some(1));
        assert_eq!(bench.rows("select * from t"), ["1"]);
        let said = bench.said();
        let busy = "Deadlock found when trying to get lock; try restarting transaction (MySQL error 1213)";
        assert!(said.contains(&format!("{busy}; retry 1 of 12 in ")), "{said}");
        assert!(said.contains("; retry 3 of 12 in "), "{said}");
        bench.assert_tidy();
    }
}

/// A reader of the table does not keep all later ones waiting for hours.
#[test]
fn a_table_that_somebody_reads_is_tried_again() {
    for bench in benches() {
        bench.database.run(["create table t (id int)"]);
        let mut holder = bench.database.connect();
        holder.query_drop("start transaction; select * from t").unwrap();
        let mut output = bench.output(LoadMode::Replace);
        output.options.insert("sessionVariables".to_owned(), Text::plain("lock_wait_timeout=1"));
        std::thread::scope(|scope| {
            let mut holder = holder;
            let load = scope.spawn(|| bench.sql("select 1 as id", &output));
            let begun = std::time::Instant::now();
            while !bench.said().contains("; retry 1 of 12 in ") {
                assert!(begun.elapsed().as_secs() < 120);
                bench.rows("select sleep(0.02)");
            }
            holder.query_drop("rollback").unwrap();
            load.join().unwrap().unwrap();
        });
        assert_eq!(bench.rows("select * from t"), ["1"]);
        bench.assert_tidy();
    }
}
