//! How long the night takes and how much memory, beside what the servers need for the same rows.
//!
//! `tests/run --only-servers cargo bench --features bench --bench night` prints it: sources, target and the estate are
//! those of the tests.

#![allow(dead_code, unused_imports, reason = "tests use what this does not")]
#![allow(unreachable_pub, reason = "private modules of one binary")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement that cannot go on fails"
)]
#![allow(clippy::print_stdout, reason = "figures are what it is for")]

#[path = "../../tests/estate_to_redshift/estate.rs"]
mod estate;
#[path = "../../tests/estate_to_redshift/lists.rs"]
mod lists;
#[path = "../../tests/estate_to_redshift/source.rs"]
mod source;
mod support;

use std::process::Stdio;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;

use self::estate::Estate;
use self::lists::{Engine, Table};
use self::support::s3;

/// Half a million rows in 280 tables.
const SIZES: [u32; 10] = [1000, 10, 10_000, 0, 200, 2000, 100, 4000, 500, 300];
/// How many tables are under way at once, in the run and without it.
const AT_ONCE: usize = 4;

/// Runs the night; seconds, and the peak of the program's memory in MiB.
fn night(estate: &Estate, session: &str) -> (f64, f64) {
    let mut command =
        estate.command(&["run", "nightly.dig", "--session", session, "-j", &AT_ONCE.to_string()]);
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let mut peak = 0.0_f64;
    let status = loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        let text = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        peak = peak.max(kibibytes.unwrap_or(0.0) / 1024.0);
        thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success());
    (started.elapsed().as_secs_f64(), peak)
}

/// Has the source send the rows of a table to somebody who throws them away.
fn read(estate: &Estate, table: &Table) {
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let Table { database, name, .. } = table;
    let query = |from: String| format!("select {} from {from}", columns.join(", "));
    match table.engine {
        Engine::Mysql => {
            let mut connection = estate.mysql.connect();
            connection.query_drop(query(format!("`{}{database}`.`{name}`", estate.names))).unwrap();
        }
        Engine::Postgresql => drop(estate.postgresql.connect().cells(&query(format!("{database}.{name}")))),
    }
}

/// Seconds of a piece of work on every table, some at once.
fn seconds(estate: &Estate, work: impl Fn(&Table) + Sync) -> f64 {
    let left = Mutex::new(estate.tables.iter());
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some(table) = next else { return };
                    work(table);
                }
            });
        }
    });
    started.elapsed().as_secs_f64()
}

fn main() {
    let Some(estate) = Estate::with_sizes(&SIZES) else { return };
    let rows: u32 = estate.tables.iter().map(|table| table.rows).sum();
    println!("{} tables, {rows} rows, {AT_ONCE} at once", estate.tables.len());
    let three_steps = night(&estate, "2026-01-01");
    estate.assert_arrived(|_| true);

    let reading = seconds(&estate, |table| read(&estate, table));
    let loading = seconds(&estate, |table| {
        let Table { schema, name, database, .. } = table;
        let mut client = estate.warehouse.connect();
        client.run(&format!("drop table if exists {schema}.{name}_new"));
        client.run(&format!("create table {schema}.{name}_new (like {schema}.{name} including defaults)"));
        client.run(&format!(
            "copy {schema}.{name}_new from 's3://{}/{}/20260101/{database}/{name}.' iam_role '{}' region '{}' csv gzip \
             ignoreheader 1 timeformat 'auto' dateformat 'auto' emptyasnull statupdate off compupdate off",
            estate.aws.bucket, estate.prefix, estate.warehouse.role, estate.aws.region
        ));
        client.run(&format!(
            "begin; alter table {schema}.{name} rename to {name}_old; \
             alter table {schema}.{name}_new rename to {name}; drop table {schema}.{name}_old; commit"
        ));
    });
    let bytes: usize = s3::objects(&estate.aws, &estate.prefix).values().map(Vec::len).sum();
    println!(
        "the servers alone: {reading:.1} s to read, {loading:.1} s to load {:.1} MB",
        bytes as f64 / 1e6
    );
    println!("S3 and three scripts: {:.1} s, {:.0} MiB", three_steps.0, three_steps.1);

    estate.sandbox.copy_from_repository("tests/fixtures/estate_to_redshift/one_step", ".");
    let one_step = night(&estate, "2026-01-02");
    println!("one step: {:.1} s, {:.0} MiB", one_step.0, one_step.1);
    estate.assert_arrived(|_| true);
}
