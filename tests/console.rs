//! What becomes of results when nobody takes them.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::support::sandbox::{Said, Sandbox};

fn project() -> Sandbox {
    Sandbox::new().file("greet.dig", "+hello:\n  echo>: good morning\n")
}

#[test]
fn a_full_disk_is_a_failure() {
    let sandbox = project();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = sandbox.command(["run", "greet.dig"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let said = Said::of(output).expect_code(1);
    assert!(
        said.stderr
            .ends_with("error: the results could not be written: No space left on device (os error 28)\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_reader_that_went_away_is_not() {
    let sandbox = project();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output =
        sandbox.command(["run", "greet.dig"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    let said = Said::of(output).expect_code(0);
    assert!(!said.stderr.contains("error"), "{}", said.stderr);
}
