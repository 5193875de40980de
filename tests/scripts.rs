//! `sh>`, `rb>` and `py>` as a user meets them: what a command finds, what becomes of what it says, how it ends.

mod python;
mod ruby;
mod shell;
mod stopping;

use crate::support::sandbox::{Said, Sandbox};

/// Runs `main.dig`, which must succeed, and gives what its tasks printed.
#[track_caller]
fn printed(sandbox: &Sandbox) -> String {
    sandbox.run(["run", "main.dig"]).expect_code(0).stdout
}

/// Runs `main.dig`, which must fail.
#[track_caller]
fn failed(sandbox: &Sandbox) -> Said {
    sandbox.run(["run", "main.dig"]).expect_code(1)
}

/// The lines below `error: N tasks failed`, up to the hint that ends the message.
fn failures(said: &Said) -> Vec<&str> {
    let lines = said.stderr.lines().skip_while(|line| !line.ends_with(" failed")).skip(1);
    lines.take_while(|line| !line.starts_with("hint: ")).collect()
}
