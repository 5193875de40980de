//! All rows were staged: the objects hold one moment of the source, and serve without it.

use serde_json::json;

use super::{Bench, Fault, From, NEW, PAIRS, ROWS, To};

impl Bench {
    /// Nobody can read any more.
    fn close_source(&self) {
        self.proxy.cut_after(0);
    }

    #[track_caller]
    fn assert_taken(&self, said: &str, what: &str) {
        assert!(
            said.contains("1 object with 2000 rows, which an earlier attempt staged at "),
            "{what}: {said}"
        );
        assert!(said.contains(" are taken as they are: the source is not asked"), "{what}: {said}");
        assert_eq!(self.loaded(), (1..=ROWS).collect::<Vec<_>>(), "{what}");
        let figures = self.figures();
        assert_eq!(figures["reused"], json!({"objects": 1, "rows": ROWS}), "{what}");
        assert_eq!((&figures["rows_read"], &figures["rows_sent"]), (&json!(ROWS), &json!(ROWS)), "{what}");
        self.assert_tidy();
    }

    #[track_caller]
    fn assert_read_again(&self, said: &str, reason: &str) {
        assert!(said.contains(" do not serve: "), "{reason}: {said}");
        assert!(said.contains(&format!("{reason}; the rows are read again")), "{reason}: {said}");
        self.assert_new(reason);
    }

    #[track_caller]
    fn assert_new(&self, what: &str) {
        assert_eq!(self.loaded(), (1..=ROWS).chain([NEW]).collect::<Vec<_>>(), "{what}");
        assert_eq!(self.figures()["reused"], json!(null), "{what}");
        self.assert_tidy();
    }
}

#[test]
fn killed_before_the_load_a_retry_needs_no_source() {
    for (from, to) in PAIRS {
        let Some(bench) = Bench::new(from, to, "") else { return };
        bench.killed_at_load();
        bench.add_row();
        bench.close_source();
        let said = bench.retry().expect_code(0);
        bench.assert_taken(&said.stderr, &format!("{from:?} {to:?}"));
    }
}

#[test]
fn stopped_by_a_signal_it_needs_none_either() {
    for to in [To::Bigquery, To::Redshift] {
        let Some(bench) = Bench::new(From::Mariadb, to, "") else { return };
        let mut run = bench.run_to_load();
        let id = rustix::process::Pid::from_child(&run);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let ended = run.wait().unwrap();
        assert_eq!(ended.code(), Some(143), "{to:?}");
        bench.let_go();
        assert_eq!(bench.staged().len(), 1, "{to:?}");
        bench.close_source();
        let said = bench.retry().expect_code(0);
        bench.assert_taken(&said.stderr, &format!("{to:?}"));
    }
}

#[test]
fn a_fault_that_passes_leaves_what_a_retry_takes() {
    for to in [To::Bigquery, To::Redshift] {
        let Some(bench) = Bench::new(From::Postgresql, to, "") else { return };
        bench.load_fails(Fault::Passes);
        bench.run().expect_code(1);
        assert_eq!(bench.staged().len(), 1, "{to:?}");
        // It stays for as long as the fault does.
        bench.close_source();
        bench.retry().expect_code(1);
        assert_eq!(bench.staged().len(), 1, "{to:?}");
        bench.load_works();
        let said = bench.retry().expect_code(0);
        bench.assert_taken(&said.stderr, &format!("{to:?}"));
    }
}

#[test]
fn the_next_round_of_the_same_run_takes_it_too() {
    for to in [To::Bigquery, To::Redshift] {
        let Some(bench) = Bench::new(From::Mariadb, to, "  _retry: 1\n") else { return };
        bench.load_fails(Fault::Passes);
        let said = bench.run().expect_code(1);
        assert_eq!(said.stderr.matches("are taken as they are").count(), 1, "{to:?}: {}", said.stderr);
        bench.load_works();
        bench.close_source();
        let said = bench.retry().expect_code(0);
        bench.assert_taken(&said.stderr, &format!("{to:?}"));
    }
}

#[test]
fn what_the_target_has_refused_is_read_again() {
    for to in [To::Bigquery, To::Redshift] {
        let Some(bench) = Bench::new(From::Mariadb, to, "") else { return };
        bench.load_fails(Fault::Refuses);
        bench.run().expect_code(1);
        assert_eq!(bench.staged(), Vec::<String>::new(), "{to:?}");
        bench.load_works();
        bench.add_row();
        bench.retry().expect_code(0);
        bench.assert_new(&format!("{to:?}"));
    }
}

/// Rows go to a staging table first: the job that fills it goes on while nobody watches.
#[test]
fn a_load_into_a_staging_table_is_attached_to() {
    let Some(bench) = Bench::new(From::Mariadb, To::Bigquery, "") else { return };
    let super::Target::Bigquery { fake, .. } = &bench.target else { return };
    let config = bench.sandbox.read("load.yml").replace("NEWLINE_DELIMITED_JSON", "CSV");
    bench.sandbox.write("load.yml", &config);
    let loads = || {
        let jobs = fake.calls_to("POST", "/jobs").into_iter();
        jobs.filter(|call| call["status"] == 200 && call["body"]["configuration"]["load"].is_object()).count()
    };
    fake.polls(1);
    fake.rule(&json!({"id": "poll", "method": "GET", "path": "/jobs/", "action": "hold"}));
    let mut run = bench.start();
    fake.await_rule("poll", 1);
    run.kill().unwrap();
    run.wait().unwrap();
    fake.drop_held("poll");
    fake.forget_rules();
    assert_eq!(loads(), 1);
    bench.add_row();
    bench.close_source();
    let said = bench.retry().expect_code(0);
    assert!(said.stderr.contains(" of an earlier attempt is gone on with"), "{}", said.stderr);
    assert_eq!(loads(), 1, "it is loaded once");
    assert_eq!(fake.calls_to("POST", "/cancel").len(), 0);
    bench.assert_taken(&said.stderr, "staging table");
}

/// The same, but the staging table is gone: a job that is done is no proof of its rows.
#[test]
fn a_staging_table_that_is_gone_is_filled_again() {
    let Some(bench) = Bench::new(From::Mariadb, To::Bigquery, "") else { return };
    let super::Target::Bigquery { fake, dataset } = &bench.target else { return };
    let config = bench.sandbox.read("load.yml").replace("NEWLINE_DELIMITED_JSON", "CSV");
    bench.sandbox.write("load.yml", &config);
    fake.rule(&json!({"id": "copy", "method": "POST", "path": "/jobs", "after": 1, "action": "hold"}));
    let mut run = bench.start();
    fake.await_rule("copy", 1);
    run.kill().unwrap();
    run.wait().unwrap();
    fake.drop_held("copy");
    fake.forget_rules();
    for table in fake.bigquery().tables(dataset) {
        fake.bigquery().drop_table(dataset, &table);
    }
    bench.close_source();
    let said = bench.retry().expect_code(0);
    bench.assert_taken(&said.stderr, "a staging table that is gone");
}

/// The service had the job, and refused the rows while nobody was there to hear of it.
#[test]
fn what_was_refused_after_a_kill_is_read_again() {
    let Some(bench) = Bench::new(From::Mariadb, To::Bigquery, "") else { return };
    let super::Target::Bigquery { fake, .. } = &bench.target else { return };
    fake.rule(&json!({"method": "POST", "path": "/jobs", "action": "job_fail", "reason": "invalid", "message": "no"}));
    fake.polls(1);
    fake.rule(&json!({"id": "poll", "method": "GET", "path": "/jobs/", "action": "hold"}));
    let mut run = bench.start();
    fake.await_rule("poll", 1);
    run.kill().unwrap();
    run.wait().unwrap();
    fake.drop_held("poll");
    fake.forget_rules();
    fake.polls(0);
    bench.add_row();
    let said = bench.retry().expect_code(0);
    assert!(
        said.stderr.contains("the job of an earlier attempt failed, the rows are sent again"),
        "{}",
        said.stderr
    );
    bench.assert_new("refused");
}

/// What somebody does to a staged object.
type Spoil<'s> = &'s dyn Fn(&Bench, &str);

#[test]
fn objects_that_are_not_what_they_were_do_not_serve() {
    for to in [To::Bigquery, To::Redshift] {
        let of = |bigquery: &str, redshift: &str| match to {
            To::Bigquery => bigquery.to_owned(),
            To::Redshift => redshift.to_owned(),
        };
        let cases: [(Spoil<'_>, String); 4] = [
            (&|bench, name| bench.lose(name), of("` is gone", "` is gone")),
            (
                &|bench, name| {
                    let mut bytes = bench.bytes(name);
                    bytes.truncate(bytes.len() - 1);
                    bench.overwrite(name, bytes);
                },
                of("` has another size", "` has another size"),
            ),
            (
                &|bench, name| {
                    let mut bytes = bench.bytes(name);
                    *bytes.last_mut().unwrap() ^= 1;
                    bench.overwrite(name, bytes);
                },
                of("` has another checksum", "` has another ETag"),
            ),
            (
                // Redshift's ETag is that of the content.
                &|bench, name| match to {
                    To::Bigquery => bench.overwrite(name, bench.bytes(name)),
                    To::Redshift => bench.lose(name),
                },
                of("` was written again", "` is gone"),
            ),
        ];
        for (spoil, reason) in cases {
            let Some(bench) = Bench::new(From::Postgresql, to, "") else { return };
            bench.killed_at_load();
            let [name] = &bench.staged()[..] else { panic!("one object") };
            spoil(&bench, name);
            bench.add_row();
            let said = bench.retry().expect_code(0);
            bench.assert_read_again(&said.stderr, &reason);
        }
    }
}

/// What nobody retries goes with the next run to the same table.
#[test]
fn the_next_run_removes_what_was_kept() {
    for to in [To::Bigquery, To::Redshift] {
        let Some(bench) = Bench::new(From::Mariadb, to, "") else { return };
        bench.load_fails(Fault::Passes);
        bench.run().expect_code(1);
        let [left] = &bench.staged()[..] else { panic!("one object") };
        bench.load_works();
        bench.add_row();
        let said = bench.run().expect_code(0);
        let removed = format!("removed object `{left}`, which a run that is over had left");
        let removed = if to == To::Bigquery { removed.replace("object ", "") } else { removed };
        assert!(said.stderr.contains(&removed), "{}", said.stderr);
        bench.assert_new(&format!("{to:?}"));
    }
}

/// Without a state nobody would ever find it.
#[test]
fn a_transfer_without_a_state_keeps_nothing() {
    for to in [To::Bigquery, To::Redshift] {
        let Some(bench) = Bench::new(From::Mariadb, to, "") else { return };
        bench.load_fails(Fault::Passes);
        bench.sandbox.run(["embulk", "run", "load.yml"]).expect_code(1);
        assert_eq!(bench.staged(), Vec::<String>::new(), "{to:?}");
    }
}
