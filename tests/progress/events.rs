//! Events for machines, and plain lines: with the same facts, and as the published schema says.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::estate::{DONE, Estate, HELD, TABLES};
use crate::support::running::Running;
use crate::support::sandbox::Sandbox;
use crate::support::schema;

/// Holds events against the published schema.
fn check_schema(sandbox: &Sandbox, events: &str) {
    sandbox.write("events.jsonl", events);
    schema::check_files("events", &[sandbox.path().join("events.jsonl")]);
}

#[test]
fn machines_are_told_how_far_tables_and_the_run_are() {
    let estate = Estate::new();
    let large = estate.take_first();
    let mut command = estate.command(&["--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut all = String::new();
    let mut next = |wished: &dyn Fn(&Value) -> bool| loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).expect("text") > 0, "it ended before\n{all}");
        all.push_str(&line);
        let event: Value = serde_json::from_str(&line).expect("JSON");
        if wished(&event) {
            return event;
        }
    };
    let moved = next(&|event| event["event"] == "transfer_progress" && event["rows"].as_u64() > Some(0));
    assert_eq!(
        (&moved["task"], &moved["source"]),
        (&"+main+tables+t032".into(), &"file in/held_00.csv".into())
    );
    assert_eq!(moved["fraction_is_estimate"], false);
    assert!(moved["fraction"].as_f64().is_some_and(|part| part > 0.0 && part < 1.0), "{moved}");
    // The second round: in the first one the others may be on their way.
    let stands = |event: &Value| event["event"] == "progress" && event["tables"]["running"] == HELD;
    let run = next(&stands);
    let counts = |name: &str| run["tables"][name].as_u64().and_then(|count| usize::try_from(count).ok());
    assert_eq!(
        (counts("done"), counts("failed"), counts("waiting")),
        (Some(DONE), Some(2), Some(TABLES - DONE - 2 - HELD))
    );
    let ending = estate.let_go(large);
    next(&|event| event["event"] == "attempt_finished");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    ending.join().expect("all is read");
    check_schema(&estate.sandbox, &all);
}

#[test]
fn events_of_a_required_workflow_and_of_retries_are_as_the_schema_says() {
    let sandbox = Sandbox::new()
        .file(
            "main.dig",
            "+r:\n  require>: child\n  ignore_failure: true\n+call:\n  loop>: 1\n  _do:\n    echo>: hello\n\
             +again:\n  sh>: exit 3\n  _retry: {limit: 1, interval: 0}\n",
        )
        .file(
            "child.dig",
            "+copy:\n  embulk>: a.yml\n+bad:\n  embulk>: b.yml\n",
        )
        .file("in.csv", "1\n2\n")
        .file(
            "a.yml",
            "in: {type: file, path_prefix: in.csv, parser: {type: csv, columns: [{name: id, type: long}]}}\n\
             out: {type: file, path_prefix: out, sequence_format: '', file_ext: .csv, formatter: {type: csv}}\n",
        )
        .file("b.yml", "in: {type: file, path_prefix: none.csv, parser: {type: csv, columns: [{name: id, type: long}]}}\n\
             out: {type: file, path_prefix: bad, sequence_format: '', file_ext: .csv, formatter: {type: csv}}\n");
    let said = sandbox.run(["run", "main.dig", "--json"]).expect_code(1);
    let again = sandbox.run(["retry", "--session", "last", "--json"]).expect_code(1);
    let events = said.stdout + &again.stdout;
    for kind in [
        "task_started",
        "task_skipped",
        "task_retrying",
        "task_planned",
        "task_finished",
        "transfer_started",
        "transfer_finished",
        "transfer_failed",
        "effect_intended",
        "effect_settled",
        "output",
        "log",
        "attempt_finished",
    ] {
        assert!(events.contains(&format!("\"event\":\"{kind}\"")), "no {kind} in\n{events}");
    }
    check_schema(&sandbox, &events);
}

#[test]
fn plain_lines_say_the_same_every_ten_seconds() {
    let estate = Estate::new();
    let large = estate.take_first();
    let mut running = Running::of(estate.command(&["--progress", "plain"]), &estate.command(&[]));
    running.await_line(&format!(
        "tables: {DONE} done, {HELD} running, 2 failed, {} waiting; ",
        TABLES - DONE - 2 - HELD
    ));
    let said = running.said.clone();
    let named = |start: &str| said.lines().filter(|line| line.starts_with(start)).count();
    // Twelve run, of which ten are named. The sources of those that failed are not there.
    assert_eq!((named("slowest: "), named("failed: "), named("running: ")), (5, 2, 11), "{said}");
    let line = said.lines().find(|line| line.starts_with("running: file in/held_00.csv: ")).expect("a line");
    for part in [" rows, ", " KiB, ", " rows/s, ", "/s, ", "%, ", " so far"] {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
    assert!(said.contains("running: … and 2 more\n"));
    assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said:?}");
    let ending = estate.let_go(large);
    running.expect_code(1);
    ending.join().expect("all is read");
}
