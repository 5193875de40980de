//! A signal while nothing works: the run waits for time, for another run, or for a second try.

use rustix::process::Signal;

use super::{Running, SIGNALS, word_in};
use crate::support::sandbox::Sandbox;

/// The run ends at once though it has an hour of grace, as nothing works.
fn ends(sandbox: &Sandbox, said_before: &str, signal: (Signal, &str, i32)) {
    let (signal, name, code) = signal;
    let mut running = Running::start(sandbox, &["run", "main.dig", "--session=2026-01-02", "--grace=1h"]);
    match said_before {
        "" => drop(word_in(sandbox, "begun")),
        text => running.await_line(text),
    }
    running.signal(signal);
    let said = running.expect_code(code);
    let end = format!(
        "error: stopped by {name}; what is done is recorded\nhint: `sync retry --session 1` runs what is left\n"
    );
    assert!(said.ends_with(&end), "{said}");
    sandbox.write("go", "");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(sandbox.read("log.txt"), "before\nafter\n");
}

#[test]
fn while_it_waits_for_time() {
    for signal in SIGNALS {
        let sandbox = Sandbox::new().file(
            "main.dig",
            "+before: {sh>: 'echo before >> log.txt; echo 1 > begun'}\n\
             +wait: {wait>: \"${require_file ? '0s' : '1h'}\"}\n+after: {sh>: echo after >> log.txt}\n\
             _export: {require_file: false}\n",
        );
        // A retry waits for the same hour, so it is told not to.
        let shorter = sandbox.read("main.dig").replace("require_file: false", "require_file: true");
        let running = Running::start(&sandbox, &["run", "main.dig", "--session=2026-01-02", "--grace=1h"]);
        word_in(&sandbox, "begun");
        running.signal(signal.0);
        running.expect_code(signal.2);
        sandbox.write("main.dig", &shorter);
        sandbox.run(["retry", "--session", "last"]).expect_code(0);
        assert_eq!(sandbox.read("log.txt"), "before\nafter\n");
    }
}

#[test]
fn while_it_pauses_before_a_retry() {
    for signal in SIGNALS {
        let sandbox = Sandbox::new().file(
            "main.dig",
            "+before: {sh>: echo before >> log.txt}\n+again: {sh>: test -e go, _retry: {limit: 3, interval: 3600}}\n\
             +after: {sh>: echo after >> log.txt}\n",
        );
        ends(&sandbox, "is tried again in", signal);
    }
}
