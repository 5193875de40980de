//! Some ranges of a table were staged: they serve where nothing was written to the source since, and the others are read.

use std::process::Child;
use std::time::Instant;

use serde_json::{Value, json};

use super::{Bench, Fault, From, NEW, PAIRS, PROPERTIES, ROWS, Source, Target, To};
use crate::support::running::Running;

/// Uploads that are let through: more than the readers have at once, so that some have ended.
const UPLOADS: u32 = 12;

impl Bench {
    /// A bench whose table is read in ranges, however small it is.
    fn in_ranges(from: From, to: To) -> Option<Self> {
        let bench = Self::quiet(from, to)?;
        bench.sandbox.write(PROPERTIES, "sync.source.range_bytes = 1\n");
        Some(bench)
    }

    /// Starts a run and waits until it has staged some of the ranges and not all.
    fn run_to_the_middle(&self) -> Child {
        match &self.target {
            Target::Bigquery { fake, .. } => {
                fake.rule(
                    &json!({"id": "load", "method": "POST", "path": "/upload/storage/", "after": UPLOADS,
                    "times": 0, "action": "hold"}),
                );
                let run = self.start();
                fake.await_rule("load", 1);
                run
            }
            Target::Redshift { .. } => {
                self.hold_first_range();
                let run = self.start();
                self.await_some_objects();
                run
            }
        }
    }

    /// The first range stands still while the others are read.
    fn hold_first_range(&self) {
        self.proxy.hold_answer_to(match &self.source {
            Source::Mariadb(_) => "WHERE (`id` < ",
            Source::Postgresql { .. } => "WHERE (ctid < '",
        });
    }

    /// Waits until some of the other ranges are staged for Redshift.
    fn await_some_objects(&self) {
        self.proxy.await_fault();
        let begun = Instant::now();
        while self.staged().len() < 8 {
            assert!(begun.elapsed().as_secs() < 60, "too few objects arrive");
        }
    }

    fn killed_in_the_middle(&self) {
        let mut run = self.run_to_the_middle();
        run.kill().expect("it runs");
        run.wait().expect("it ends");
        self.go_on();
        assert_eq!(self.loaded(), Vec::<i64>::new());
    }

    /// What stands still goes on.
    fn go_on(&self) {
        match &self.target {
            Target::Bigquery { .. } => self.let_go(),
            Target::Redshift { .. } => self.proxy.clear(),
        }
    }

    /// What the source answers to a whole read, in bytes.
    fn whole_read(&self) -> u64 {
        let before = self.proxy.answered();
        self.sandbox.run(["embulk", "run", "load.yml"]).expect_code(0);
        self.proxy.answered() - before
    }

    /// Objects and rows that were not read again.
    fn reused(&self) -> (u64, u64) {
        let reused = self.figures()["reused"].clone();
        let number = |name: &str| reused[name].as_u64().unwrap_or_default();
        (number("objects"), number("rows"))
    }
}

/// The ranges in a line of the log: those that are there, and all.
fn told(said: &str) -> (u64, u64) {
    let line = said.lines().find(|line| line.contains(" ranges, which an earlier attempt staged from "));
    let line = line.unwrap_or_else(|| panic!("nothing is said of ranges: {said}"));
    let numbers: Vec<u64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    (numbers[0], numbers[1])
}

#[test]
fn killed_in_the_middle_a_retry_reads_the_missing_ranges_only() {
    for (from, to) in PAIRS {
        let Some(bench) = Bench::in_ranges(from, to) else { return };
        let _still = bench.stillness();
        bench.killed_in_the_middle();
        let before = bench.proxy.answered();
        let said = bench.retry().expect_code(0);
        let read = bench.proxy.answered() - before;
        let what = format!("{from:?} {to:?}: {}", said.stderr);
        assert!(
            said.stderr.contains(" are taken as they are: nothing was written to the source since"),
            "{what}"
        );
        let (done, all) = told(&said.stderr);
        assert!(done > 0 && done < all, "{what}");
        assert_eq!(bench.loaded(), (1..=ROWS).collect::<Vec<_>>(), "{what}");
        let figures = bench.figures();
        let (objects, rows) = bench.reused();
        assert!(objects > 0 && rows > 0 && rows < 2000, "{what}");
        assert_eq!((&figures["rows_read"], &figures["rows_sent"]), (&json!(ROWS), &json!(ROWS)), "{what}");
        bench.assert_tidy();
        // Of each row come more than 60 bytes: none of the rows that were there did.
        let whole = bench.whole_read();
        let slack = 30_000;
        assert!(read < whole + slack - rows * 60, "{read} of {whole} bytes with {rows} rows: {what}");
    }
}

#[test]
fn a_source_that_was_written_to_is_read_again() {
    for (from, to) in PAIRS {
        for change in ["insert", "truncate", "another table"] {
            let Some(bench) = Bench::in_ranges(from, to) else { return };
            bench.killed_in_the_middle();
            match change {
                "insert" => bench.add_row(),
                "truncate" => bench.change("truncate table t"),
                _ => bench.change("create table other (id int)"),
            }
            let said = bench.retry().expect_code(0);
            let what = format!("{from:?} {to:?} {change}: {}", said.stderr);
            assert!(said.stderr.contains(" do not serve: they were staged at "), "{what}");
            assert!(said.stderr.contains(", and the source is at "), "{what}");
            assert!(said.stderr.contains("; the rows are read again"), "{what}");
            let rows: Vec<i64> = match change {
                "insert" => (1..=ROWS).chain([NEW]).collect(),
                "truncate" => Vec::new(),
                _ => (1..=ROWS).collect(),
            };
            assert_eq!(bench.loaded(), rows, "{what}");
            assert_eq!(bench.figures()["reused"], Value::Null, "{what}");
            bench.assert_tidy();
        }
    }
}

#[test]
fn an_object_that_is_not_what_it_was_costs_its_own_ranges() {
    for to in [To::Bigquery, To::Redshift] {
        for spoil in ["lose", "cut", "change"] {
            let Some(bench) = Bench::in_ranges(From::Mariadb, to) else { return };
            let _still = bench.stillness();
            bench.killed_in_the_middle();
            let name = &bench.staged()[0];
            let mut bytes = bench.bytes(name);
            match spoil {
                "lose" => bench.lose(name),
                "cut" => {
                    bytes.pop();
                    bench.overwrite(name, bytes);
                }
                _ => {
                    *bytes.last_mut().unwrap() ^= 1;
                    bench.overwrite(name, bytes);
                }
            }
            let said = bench.retry().expect_code(0);
            let what = format!("{to:?} {spoil}: {}", said.stderr);
            assert!(said.stderr.contains(": its ranges are read again"), "{what}");
            assert_eq!(bench.loaded(), (1..=ROWS).collect::<Vec<_>>(), "{what}");
            assert!(bench.reused().0 > 0, "{what}");
            bench.assert_tidy();
        }
    }
}

/// Each attempt goes on from what all before it have staged.
#[test]
fn killed_twice_and_then_at_the_load() {
    for (from, to) in [(From::Mariadb, To::Bigquery), (From::Postgresql, To::Redshift)] {
        let Some(bench) = Bench::in_ranges(from, to) else { return };
        let _still = bench.stillness();
        bench.killed_in_the_middle();
        bench.hold_load();
        let mut retry = bench.sandbox.command(["retry", "--session", "last", "-c", PROPERTIES]);
        let mut retry = retry.stderr(std::process::Stdio::null()).spawn().unwrap();
        bench.await_load();
        retry.kill().unwrap();
        retry.wait().unwrap();
        bench.let_go();
        // All is staged now: by two attempts.
        bench.proxy.cut_after(0);
        let said = bench.retry().expect_code(0);
        let what = format!("{from:?} {to:?}: {}", said.stderr);
        assert!(said.stderr.contains(" are taken as they are: the source is not asked"), "{what}");
        assert_eq!(bench.loaded(), (1..=ROWS).collect::<Vec<_>>(), "{what}");
        assert_eq!(bench.reused().1, 2000, "{what}");
        bench.assert_tidy();
    }
}

#[test]
fn a_stop_keeps_ranges_and_a_source_that_is_lost_too() {
    for to in [To::Bigquery, To::Redshift] {
        let Some(bench) = Bench::in_ranges(From::Mariadb, to) else { return };
        let _still = bench.stillness();
        let mut run = bench.run_to_the_middle();
        let id = rustix::process::Pid::from_child(&run);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(143), "{to:?}");
        bench.go_on();
        assert!(!bench.staged().is_empty(), "{to:?}");
        // The source breaks off behind some of what is left, or before it.
        bench.proxy.cut_after(if to == To::Bigquery { 9_000 } else { 0 });
        let said = bench.retry();
        assert_ne!(said.code, Some(0), "{to:?}: {}", said.stderr);
        bench.proxy.clear();
        let said = bench.retry().expect_code(0);
        assert!(said.stderr.contains("nothing was written to the source since"), "{to:?}: {}", said.stderr);
        assert_eq!(bench.loaded(), (1..=ROWS).collect::<Vec<_>>(), "{to:?}");
        bench.assert_tidy();
    }
}

/// A failure that somebody has to do something about leaves nothing.
#[test]
fn what_the_target_refuses_leaves_no_ranges() {
    for to in [To::Bigquery, To::Redshift] {
        let Some(bench) = Bench::in_ranges(From::Postgresql, to) else { return };
        bench.load_fails(Fault::Refuses);
        bench.run().expect_code(1);
        assert_eq!(bench.staged(), Vec::<String>::new(), "{to:?}");
    }
}

/// A run that meets nothing is divided as before, and stages whole ranges.
#[test]
fn every_row_arrives_once_through_the_lanes() {
    for (from, to) in PAIRS {
        let Some(bench) = Bench::in_ranges(from, to) else { return };
        bench.run().expect_code(0);
        assert_eq!(bench.loaded(), (1..=ROWS).collect::<Vec<_>>(), "{from:?} {to:?}");
        let snapshot = bench.figures()["snapshot"].to_string();
        assert!(snapshot.contains(" ranges over "), "{from:?} {to:?}: {snapshot}");
        bench.assert_tidy();
    }
}

/// Each round has a word of its own for NULL, and a retry may take what the last one staged after it found what the
/// first one staged of no use.
#[test]
fn nulls_stay_null_where_two_rounds_have_staged() {
    let Some(bench) = Bench::in_ranges(From::Mariadb, To::Redshift) else { return };
    bench.change("update t set noise = null where id % 2 = 0");
    bench.sandbox.write("load.dig", "+load:\n  _retry: {limit: 1, interval: 5}\n  embulk>: load.yml\n");
    bench.sandbox.write(PROPERTIES, "sync.source.range_bytes = 1\nsync.retry.seconds = 0\n");
    bench.hold_first_range();
    let mut run = Running::start(&bench.sandbox, &["run", "load.dig", "-c", PROPERTIES]);
    bench.await_some_objects();
    bench.proxy.cut_after(0);
    run.await_line("is tried again in 5.0s");
    bench.proxy.clear();
    bench.add_row();
    bench.load_fails(Fault::Passes);
    let said = run.expect_code(1);
    assert!(said.contains(" do not serve: they were staged at "), "{said}");
    bench.load_works();
    let said = bench.retry().expect_code(0);
    assert!(said.stderr.contains(" are taken as they are: the source is not asked"), "{}", said.stderr);
    assert_eq!(bench.loaded(), (1..=ROWS).chain([NEW]).collect::<Vec<_>>());
    let Target::Redshift { database, .. } = &bench.target else { unreachable!("it is asked for above") };
    let nulls = database.rows("select count(*) from t where noise is null");
    assert_eq!(nulls, [(ROWS / 2).to_string()], "{}", said.stderr);
    bench.assert_tidy();
}
