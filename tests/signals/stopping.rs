//! What a first and a second signal do, to the letter.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use super::{Running, SIGNALS, is_alive, process_in, until};
use crate::support::sandbox::Sandbox;

const DAY: &str = "--session=2026-01-02";

/// `+work` waits for `gate`, a pipe, unless `go` is there.
fn gated() -> Sandbox {
    Sandbox::new()
        .file(
            "main.dig",
            "_error: {sh>: touch handled}\n+before: {sh>: echo before >> log.txt}\n\
         +work: {sh>: exec sh work.sh}\n+after: {sh>: echo after >> log.txt}\n",
        )
        .file(
            "work.sh",
            "test -e go || { mkfifo gate; echo $$ > at; read line < gate; }\necho work >> log.txt\n",
        )
}

#[test]
fn running_work_goes_on_for_the_grace_and_nothing_new_begins() {
    for (signal, name, code) in SIGNALS {
        let sandbox = gated();
        let mut running = Running::start(&sandbox, &["run", "main.dig", DAY, "--grace", "1h"]);
        process_in(&sandbox, "at");
        running.signal(signal);
        running.await_line("stopping");
        sandbox.write("gate", "on\n");
        let said = running.expect_code(code);
        let expected = format!(
            "warning: stopping: {name}; what runs may go on for 1h00m, a second signal ends it at once\n\
             error: stopped by {name}; what is done is recorded\nhint: `sync retry --session 1` runs what is left\n"
        );
        assert_eq!(said, expected);
        assert_eq!(sandbox.read("log.txt"), "before\nwork\n");
        assert!(!sandbox.path().join("handled").exists(), "nothing failed");
        sandbox.run(["retry", "--session", "last"]).expect_code(0);
        assert_eq!(sandbox.read("log.txt"), "before\nwork\nafter\n");
    }
}

#[test]
fn without_grace_the_first_signal_ends_running_work() {
    for command in [vec!["run", "main.dig", DAY], vec!["retry", "--session", "1"]] {
        for (signal, name, code) in SIGNALS {
            let sandbox = gated();
            if command[0] == "retry" {
                let running = Running::start(&sandbox, &["run", "main.dig", DAY, "--grace", "0s"]);
                process_in(&sandbox, "at");
                running.signal(signal);
                running.expect_code(code);
                for file in ["at", "gate"] {
                    std::fs::remove_file(sandbox.path().join(file)).expect("it is there");
                }
            }
            let running = Running::start(&sandbox, &[&command[..], &["--grace", "0s"]].concat());
            let shell = process_in(&sandbox, "at");
            running.signal(signal);
            let said = running.expect_code(code);
            let stopping =
                format!("stopping: {name}; what runs may go on for 0.0s, a second signal ends it at once\n");
            assert!(said.contains(&stopping), "{said}");
            assert!(!is_alive(&shell));
            let status = sandbox.run(["status", "--session", "1", "--json"]).expect_code(0).stdout;
            let status: Value = serde_json::from_str(&status).expect("JSON");
            assert_eq!(status["state"], "stopped");
            let left = std::fs::read_dir(sandbox.path().join(".sync/tmp")).expect("a folder").count();
            assert_eq!(left, 0, "files of tasks are gone");
            sandbox.write("go", "");
            sandbox.run(["retry", "--session", "last"]).expect_code(0);
            assert_eq!(sandbox.read("log.txt"), "before\nwork\nafter\n");
        }
    }
}

#[test]
fn a_second_signal_ends_what_does_not_want_to_end() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+before: {sh>: echo before >> log.txt}\n+deaf: {sh>: exec sh deaf.sh}\n")
        .file(
            "deaf.sh",
            "test -e go || { trap '' TERM INT HUP; echo $$ > at; while :; do sleep 1000; done; }\n",
        );
    let mut running = Running::start(&sandbox, &["run", "main.dig", DAY, "--grace", "1h"]);
    let shell = process_in(&sandbox, "at");
    running.signal(Signal::TERM);
    running.await_line("stopping");
    let since = Instant::now();
    running.signal(Signal::INT);
    // The first one counts.
    running.expect_code(143);
    // A command that is only asked to end would get five seconds.
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    until("its end", || !is_alive(&shell));
    let status = sandbox.run(["status"]).expect_code(0).stdout;
    assert!(status.contains("  stopped  "), "{status}");
    sandbox.write("go", "");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(sandbox.read("log.txt"), "before\n");
}

/// `SendSIGHUP=` of systemd sends both at once.
#[test]
fn a_hang_up_after_the_first_signal_changes_nothing() {
    let sandbox = gated();
    let mut running = Running::start(&sandbox, &["run", "main.dig", DAY, "--grace", "1h"]);
    process_in(&sandbox, "at");
    running.signal(Signal::TERM);
    running.await_line("stopping");
    running.signal(Signal::HUP);
    // What a signal asks for is done before the next one is read.
    running.signal(Signal::HUP);
    sandbox.write("gate", "on\n");
    let said = running.expect_code(143);
    assert_eq!(said.matches("stopping: ").count(), 1, "{said}");
    assert_eq!(sandbox.read("log.txt"), "before\nwork\n");
}

#[test]
fn a_hang_up_that_is_ignored_stays_ignored() {
    let sandbox = gated();
    let like = sandbox.command(["run", "main.dig", DAY]);
    let mut command = Command::new("nohup");
    command.arg(like.get_program()).args(like.get_args());
    let running = Running::of(command, &like);
    process_in(&sandbox, "at");
    running.signal(Signal::HUP);
    sandbox.write("gate", "on\n");
    running.expect_code(0);
    assert_eq!(sandbox.read("log.txt"), "before\nwork\nafter\n");
}

#[test]
fn a_grace_is_a_length() {
    let sandbox = gated();
    let said = sandbox.run(["run", "main.dig", "--grace", "soon"]).expect_code(2);
    assert!(said.stderr.contains("a length such as `0s`, `90s` or `5m`"), "{}", said.stderr);
    let said = sandbox.run(["embulk", "run", "a.yml", "--grace", "soon"]).expect_code(255);
    assert!(said.stderr.contains("`--grace` takes a length such as `0s`, `90s` or `5m`"), "{}", said.stderr);
}
