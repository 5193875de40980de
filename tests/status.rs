//! `sync status`: what ran, what runs now and how far it is, what took long.

use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::gate::Gate;
use crate::support::running::{Running, without_ignored_signals};
use crate::support::sandbox::{Said, Sandbox};
use crate::support::schema;
use crate::support::servers::{self, fresh_name};

const DAY: &str = "--session=2026-01-02";

fn status(sandbox: &Sandbox, arguments: &[&str]) -> String {
    sandbox.run([&["status"], arguments].concat()).expect_code(0).stdout
}

fn read(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    schema::read("status", &status(sandbox, &[&["--json"], arguments].concat()))
}

/// Puts words in the places of times and durations, and one space between columns.
fn without_times(text: &str) -> String {
    let rules = [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[time]"),
        (r"\b\d\d-\d\d \d\d:\d\d\b", "[time]"),
        (r"\b(\d+m\d\d|\d+\.\d)s\b", "[took]"),
        (r" {2,}", " "),
    ];
    rules.iter().fold(text.to_owned(), |text, (pattern, word)| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *word).into_owned()
    })
}

#[test]
fn what_runs_is_told_with_its_tasks() {
    let text = format!(
        "+a:\n  sh>: echo a\n+some:\n  _parallel: true\n  +bad:\n    sh>: exit 3\n  +b:\n    sh>: '{}'\n",
        Gate::script("b")
    );
    let sandbox = Sandbox::new().file("main.dig", &text);
    let gate = Gate::new(&sandbox, "b");
    let mut run = Running::start(&sandbox, &["run", "main.dig", DAY]);
    gate.await_begun();
    run.await_line("task `+main+some+bad` failed");
    assert_eq!(
        without_times(&status(&sandbox, &[])),
        "SESSION WORKFLOW SESSION TIME STATE ATTEMPTS STARTED (UTC) TOOK\n \
         1 main 2026-01-02T00:00:00+00:00 running 1 [time] [took]\n\n\
         session 1 of main runs: 1 task is done, 1 failed, 1 at work\n\
         TASK STATE FOR TABLE ROWS BYTES\n\
         +main+some+b running [took]\n"
    );
    let listed = read(&sandbox, &[]);
    let mut running = listed["sessions"][0]["running"].clone();
    assert_eq!((&running["tasks_done"], &running["tasks_failed"]), (&json!(1), &json!(1)));
    assert_eq!(running["tasks"][0]["task"], "+main+some+b");
    let mut one = read(&sandbox, &["--session", "last"])["running"].clone();
    for told in [&mut running, &mut one] {
        assert!(told["tasks"][0]["seconds"].take().is_f64());
    }
    assert_eq!(one, running);
    gate.open("yes");
    run.expect_code(1);
    assert_eq!(
        without_times(&status(&sandbox, &["--session", "1", "--failed"])),
        "SESSION WORKFLOW SESSION TIME STATE ATTEMPTS STARTED (UTC) TOOK\n \
         1 main 2026-01-02T00:00:00+00:00 failed 1 [time] [took]\n\n\
         TASK OPERATOR STATE TRIES STARTED (UTC) TOOK\n\
         +main+some+bad sh> error 1 [time] [took]\n\n\
         +main+some+bad: Command failed with code 3\n\n\
         `sync retry --session 1` runs what is left\n"
    );
    assert_eq!(read(&sandbox, &[])["sessions"][0]["running"], Value::Null);
}

#[test]
fn a_table_on_its_way_is_told_with_its_rows() {
    let Some(server) = servers::mariadb() else { return };
    let database = server.fresh_database();
    let gate = fresh_name("gate");
    // The server sends what fills its buffer, then it waits for the lock that the test holds.
    database.run([
        "create table t (id int primary key, body text)".to_owned(),
        "insert into t select seq, repeat('x', 2000) from seq_1_to_20000".to_owned(),
        format!(
            "create view v as select id, body, if(id = 20000, get_lock('{gate}', 600), 0) as gate from t"
        ),
    ]);
    let mut holder = server.connect();
    mysql::prelude::Queryable::query_drop(&mut holder, format!("do get_lock('{gate}', 0)"))
        .expect("the lock");
    let (host, port) = (&server.host, server.port);
    let table = format!(
        "in: {{type: mysql, host: {host}, port: {port}, user: '{}', password: '{}', database: {}, table: v}}\n\
         out: {{type: file, path_prefix: v, sequence_format: '', file_ext: .csv, formatter: {{type: csv}}}}\n",
        server.user, server.password, database.name
    );
    let sandbox =
        Sandbox::new().file("v.yml.liquid", &table).file("main.dig", "+v:\n  embulk>: v.yml.liquid\n");
    let mut run = Running::start(&sandbox, &["run", "main.dig", DAY]);
    let seen = loop {
        assert_eq!(run.child.try_wait().expect("a child"), None, "it has ended before it was seen");
        let said = sandbox.run(["status", "--json"]);
        if said.code == Some(0) {
            let seen: Value = serde_json::from_str(&said.stdout).expect("JSON");
            let rows =
                seen["sessions"][0]["running"]["tasks"][0]["transfers"][0]["progress"]["rows"].as_u64();
            if rows.is_some_and(|rows| rows > 1000) {
                break said.stdout;
            }
        }
    };
    let seen = schema::read("status", &seen);
    let copying = &seen["sessions"][0]["running"]["tasks"][0]["transfers"][0];
    assert_eq!(copying["target"], "file v.csv");
    let one = read(&sandbox, &["--session", "last"]);
    let rows = one["transfers"][0]["progress"]["rows"].as_u64().expect("rows so far");
    assert!(rows > 1000 && rows <= 20_000, "{rows}");
    let line = status(&sandbox, &[]).lines().last().expect("a line").to_owned();
    assert!(
        line.starts_with("+main+v  running") && line.contains(&format!("{}.v  ", database.name)),
        "{line}"
    );
    drop(holder);
    run.expect_code(0);
    let one = read(&sandbox, &["--session", "last"]);
    assert_eq!(one["transfers"][0]["report"]["rows_sent"], 20_000);
    assert_eq!(one["transfers"][0].get("progress"), None);
}

#[test]
fn a_run_that_took_more_than_twice_as_long_as_usual_is_noted() {
    let sandbox =
        Sandbox::new().file("main.dig", "+a:\n  sh>: echo a\n").file("other.dig", "+a:\n  sh>: echo a\n");
    for day in 1..=4 {
        sandbox.run(["run", "main.dig", &format!("--session=2026-01-0{day}")]).expect_code(0);
    }
    sandbox.run(["run", "other.dig"]).expect_code(0);
    let state = Connection::open(sandbox.path().join(".sync/state.db")).expect("a state");
    let took = |attempt: i64, seconds: i64| {
        let sql = "update attempts set started_at = ?2, finished_at = ?3 where id = ?1";
        let end = format!("2026-02-0{attempt}T00:{:02}:{:02}Z", seconds / 60, seconds % 60);
        state.execute(sql, (attempt, format!("2026-02-0{attempt}T00:00:00Z"), end)).expect("done");
    };
    [(1, 60), (2, 50), (3, 70), (4, 121)].into_iter().for_each(|(attempt, seconds)| took(attempt, seconds));
    let printed = status(&sandbox, &["--workflow", "main"]);
    assert_eq!(
        printed.lines().take(3).collect::<Vec<_>>(),
        [
            "SESSION  WORKFLOW  SESSION TIME               STATE    ATTEMPTS  STARTED (UTC)         TOOK  NOTE",
            "      4  main      2026-01-04T00:00:00+00:00  success         1  2026-02-04 00:00:00  2m01s  slow: usually 1m00s",
            "      3  main      2026-01-03T00:00:00+00:00  success         1  2026-02-03 00:00:00  1m10s",
        ]
    );
    let listed = read(&sandbox, &[]);
    let slow: Vec<&Value> =
        listed["sessions"].as_array().expect("a list").iter().map(|one| &one["slow"]).collect();
    let expected = json!({"median_seconds": 60.0, "runs": 3});
    assert_eq!(slow, [&Value::Null, &expected, &Value::Null, &Value::Null, &Value::Null]);
    assert_eq!(
        status(&sandbox, &["--session", "4"]).lines().nth(3),
        Some("slow: the median of the 3 runs before it that ended well is 1m00s")
    );
    took(4, 120);
    assert_eq!(read(&sandbox, &["--session", "4"])["slow"], Value::Null, "just twice");
    assert_eq!(status(&sandbox, &["--since", "2026-02-03", "--workflow", "main"]).lines().count(), 3);
    assert_eq!(status(&sandbox, &["--failed"]), "");
    let said = sandbox.run(["status", "--workflow", "mian"]).expect_code(0).stderr;
    assert_eq!(said, "no such session: a workflow `mian` has not run here; did you mean `main`?\n");
}

/// What it prints on a terminal of so many columns.
fn on_a_terminal(sandbox: &Sandbox, columns: u32, arguments: &str) -> String {
    let program = env!("CARGO_BIN_EXE_sync");
    let like = sandbox.command(["status"]);
    let mut command = Command::new("script");
    command
        .args(["-qec", &format!("stty cols {columns}; {program} {arguments}"), "/dev/null"])
        .env_clear()
        .envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("NO_COLOR", "1")
        .env("TERM", "xterm")
        .current_dir(sandbox.path())
        .stdin(std::process::Stdio::null());
    Said::of(
        without_ignored_signals(&command)
            .env("NO_COLOR", "1")
            .env("TERM", "xterm")
            .output()
            .expect("it starts"),
    )
    .expect_code(0)
    .stdout
    .replace('\r', "")
}

#[test]
fn it_fits_the_terminal() {
    let text = "+copy_of_all_tables:\n  for_each>: {table: [order_items_of_the_shop]}\n  _do:\n    \
                +load_one_table_of_them:\n      sh>: echo ${table}\n";
    let sandbox = Sandbox::new().file("the_nightly_copy_of_everything.dig", text);
    sandbox.run(["run", "the_nightly_copy_of_everything.dig", DAY]).expect_code(0);
    assert_eq!(
        without_times(&on_a_terminal(&sandbox, 80, "status")),
        "SESSION WORKFLOW SESSION TIME STATE STARTED (UTC) TOOK\n \
         1 the_night…opy_of_everything 2026-01-02 success [time] [took]\n"
    );
    for columns in [70, 80, 100, 130] {
        let printed = on_a_terminal(&sandbox, columns, "status --session last");
        let widest = printed.lines().map(|line| line.chars().count()).max().expect("lines");
        assert!(widest <= columns as usize, "{columns}: {widest}\n{printed}");
        assert!(printed.contains("\n+the_"), "{printed}");
    }
    let whole = "+the_nightly_copy_of_everything+copy_of_all_tables^sub+for-0=table=0=order_it+load_one_table_of_them";
    assert!(
        status(&sandbox, &["--session", "last"]).contains(whole),
        "where there is no terminal nothing is shortened"
    );
}
