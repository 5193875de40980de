//! One run of a workflow and project at a time: waiting, overlapping, and processes that are gone or elsewhere.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::sandbox::Sandbox;

/// A workflow that says when it works, and ends when `gate` is written to; the second time it ends at once.
const GATED: &str =
    "+a:\n  sh>: echo a >> out.txt; if mkfifo gate 2> /dev/null; then echo working; read line < gate; fi\n";
const DAY: [&str; 2] = ["--session", "2026-01-02"];

fn begun(sandbox: &Sandbox, line: &str) -> (Child, BufReader<ChildStdout>, BufReader<ChildStderr>) {
    let mut command = sandbox.command(line.split(' '));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    (child, BufReader::new(out), BufReader::new(err))
}

fn line(pipe: &mut impl BufRead) -> String {
    let mut line = String::new();
    pipe.read_line(&mut line).unwrap();
    line
}

fn rest(mut pipe: impl Read) -> String {
    let mut text = String::new();
    pipe.read_to_string(&mut text).unwrap();
    text
}

/// A sandbox where session 1 of `main` runs until `gate` is written to.
fn held() -> (Sandbox, Child) {
    let sandbox = Sandbox::new().file("main.dig", GATED).file("other.dig", "+o:\n  sh>: echo o >> out.txt\n");
    let (first, mut out, _) = begun(&sandbox, "run main.dig --session 2026-01-02");
    assert_eq!(line(&mut out), "working\n");
    (sandbox, first)
}

fn end(sandbox: &Sandbox, mut first: Child) {
    sandbox.write("gate", "go\n");
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_second_run_waits_when_it_is_told_to() {
    let (sandbox, first) = held();
    let (mut second, _, mut err) = begun(&sandbox, "run main.dig --session 2026-01-03 --wait-lock");
    let said = line(&mut err);
    let expected =
        "waits for another run to end: workflow `main` is already running: attempt 1 of session 1 (";
    assert!(said.starts_with(expected), "{said}");
    end(&sandbox, first);
    assert_eq!(rest(err), "", "it says so once");
    assert!(second.wait().unwrap().success());
    assert_eq!(sandbox.read("out.txt"), "a\na\n");
}

#[test]
fn a_retry_that_waited_does_not_redo_what_the_other_did() {
    let (sandbox, first) = held();
    let (mut second, _, mut err) = begun(&sandbox, "retry --session 1 --wait-lock=1h");
    assert_eq!(line(&mut err), "session 1 of main, 2026-01-02T00:00:00+00:00\n");
    assert!(line(&mut err).starts_with("waits for another run to end"));
    end(&sandbox, first);
    assert!(second.wait().unwrap().success());
    assert_eq!(sandbox.read("out.txt"), "a\n");
}

#[test]
fn waiting_ends_by_time_or_by_a_signal() {
    let (sandbox, first) = held();
    let said = sandbox.run(["run", "main.dig", "--wait-lock=0s"]).expect_code(75);
    assert!(
        said.stderr.ends_with("\nhint: try again when it has ended, or wait for that with `--wait-lock`\n"),
        "{}",
        said.stderr
    );
    let (mut second, _, mut err) = begun(&sandbox, "run main.dig --wait-lock=1h");
    assert!(line(&mut err).starts_with("waits for another run to end"));
    kill_process(Pid::from_child(&second), Signal::TERM).unwrap();
    assert_eq!(rest(err), "stopped while it waited: nothing has begun\n");
    assert_eq!(second.wait().unwrap().code(), Some(143));
    end(&sandbox, first);
    let status = sandbox.run(["status", "--json"]).expect_code(0).stdout;
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&status).unwrap()["sessions"][0]["attempt_count"],
        1
    );
}

#[test]
fn an_overlap_is_allowed_to_runs_and_not_to_two_retries_of_one_attempt() {
    let (sandbox, first) = held();
    sandbox.run(["run", "other.dig"]).expect_code(0);
    sandbox.run(["run", "main.dig", "--allow-overlap"].iter().chain(&DAY)).expect_code(0);
    assert_eq!(sandbox.read("out.txt"), "a\no\na\n");
    // The last attempt of session 1 is the one that overlapped, and that one is done.
    sandbox.run(["retry", "--session", "1", "--all", "--allow-overlap"]).expect_code(0);
    sandbox.run(["run", "main.dig"].iter().chain(&DAY)).expect_code(75);
    end(&sandbox, first);
    let (sandbox, first) = held();
    let said = sandbox.run(["retry", "--session", "1", "--allow-overlap"]).expect_code(75);
    let hint = "\nhint: both would go on with the same attempt: try again when it has ended\n";
    assert!(said.stderr.ends_with(hint), "{}", said.stderr);
    end(&sandbox, first);
}

#[test]
fn flags_that_say_opposite_things_are_refused() {
    let sandbox = Sandbox::new().file("main.dig", GATED);
    for flags in
        [["--wait-lock", "--allow-overlap"], ["--no-save", "--wait-lock"], ["--no-save", "--allow-overlap"]]
    {
        sandbox.run(["run", "main.dig"].iter().chain(&flags)).expect_code(2);
    }
    let said = sandbox.run(["run", "main.dig", "--wait-lock=soon"]).expect_code(2);
    assert!(said.stderr.contains("a length such as `90s`, `30m` or `12h`"), "{}", said.stderr);
}

#[test]
fn a_run_requires_another_session_of_its_own_workflow() {
    let sandbox = Sandbox::new().file(
        "main.dig",
        "+before:\n  if>: \"${session_date == '2026-01-02'}\"\n  _do:\n    require>: main\n    \
         session_time: '2026-01-01'\n+a:\n  sh>: echo ${session_date} >> out.txt\n",
    );
    sandbox.run(["run", "main.dig"].iter().chain(&DAY)).expect_code(0);
    assert_eq!(sandbox.read("out.txt"), "2026-01-01\n2026-01-02\n");
}

#[test]
fn a_process_on_another_host_is_freed_by_people_only() {
    let (sandbox, mut first) = held();
    first.kill().unwrap();
    first.wait().unwrap();
    let state = rusqlite::Connection::open(sandbox.path().join(".sync/state.db")).unwrap();
    state.execute_batch("update attempts set host = 'elsewhere', boot = 'elsewhere'").unwrap();
    let said = sandbox.run(["run", "main.dig", "--project", "."]).expect_code(75);
    let hint = "on `elsewhere`\nhint: nobody here can see whether a process on `elsewhere` still lives: when it does \
                not, `sync prune --lost 1 --project .` frees the workflow\n";
    assert!(said.stderr.ends_with(hint), "{}", said.stderr);
    let said = sandbox.run(["prune", "--lost", "1"]).expect_code(0);
    let expected = "attempt 1 of main counts as lost: `sync retry --session 1` runs what is left\n";
    assert_eq!(said.stdout, expected);
    let said = sandbox.run(["prune", "--lost", "1"]).expect_code(1);
    assert!(said.stderr.starts_with("error: attempt 1 does not run in project `"), "{}", said.stderr);
    sandbox.run(["retry", "--session", "1"]).expect_code(0);
    assert_eq!(sandbox.read("out.txt"), "a\na\n");
}

#[test]
fn a_process_that_lives_here_is_not_freed() {
    let (sandbox, first) = held();
    let said = sandbox.run(["prune", "--lost", "1"]).expect_code(1);
    assert!(
        said.stderr.starts_with("error: workflow `main` is already running: attempt 1"),
        "{}",
        said.stderr
    );
    end(&sandbox, first);
}
