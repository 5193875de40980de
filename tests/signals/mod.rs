//! SIGTERM, SIGINT and SIGHUP at every moment of a run, and what becomes of its commands when it is killed.

mod children;
mod phases;
mod servers;
mod stopping;

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::running::Running;
use crate::support::sandbox::Sandbox;

/// The signals, how messages call them, and the codes that runs end with.
const SIGNALS: [(Signal, &str, i32); 3] =
    [(Signal::TERM, "SIGTERM", 143), (Signal::INT, "SIGINT", 130), (Signal::HUP, "SIGHUP", 129)];

/// Waits until something is so; half a minute without is a failure.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(30), "it never came: {what}");
        std::thread::yield_now();
    }
}

/// The word that a task has written into a file.
fn word_in(sandbox: &Sandbox, name: &str) -> String {
    let file = sandbox.path().join(name);
    let whole = || std::fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n'));
    until(name, || whole().is_some());
    whole().expect("it is there").trim().to_owned()
}

/// The same, when it is the number of a process that lives.
fn process_in(sandbox: &Sandbox, name: &str) -> String {
    let number = word_in(sandbox, name);
    assert!(number.parse::<u32>().is_ok() && is_alive(&number), "{name}: {number}");
    number
}

/// Whether a process works: one that has ended may wait for its parent to notice.
fn is_alive(number: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{number}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}
