//! `require>`: what runs, what counts as done, and what a retry goes on with.

use crate::support::sandbox::Sandbox;

const MAIN: &str = "+r:\n  require>: child\n  params: {p: 7}\n+b:\n  sh>: echo b >> out.txt\n";
const CHILD: &str = "+one:\n  sh>: echo one ${p} ${session_date} >> out.txt\n+two:\n  sh>: test -e ok && echo two >> out.txt\n";

fn sandbox() -> Sandbox {
    Sandbox::new().file("main.dig", MAIN).file("child.dig", CHILD)
}

#[test]
fn a_retry_goes_on_with_the_required_workflow_too() {
    let sandbox = sandbox();
    let said = sandbox.run(["run", "main.dig", "--session", "2026-01-01"]).expect_code(1);
    assert_eq!(
        said.stderr,
        "error: task `+child+two` failed: Command failed with code 1\n\
         error: task `+main+r` failed: Dependent workflow failed. Session id: 2, attempt id: 2\n\
         error: 1 task failed\n  +main+r: Dependent workflow failed. Session id: 2, attempt id: 2\n    \
         hint: `sync status --session 2` shows its tasks\n\
         hint: `sync retry --session 1` runs what is left\n"
    );
    sandbox.write("ok", "");
    // `last` is the session that people asked for, not the one that it required.
    let said = sandbox.run(["retry", "--session", "last"]).expect_code(0);
    assert_eq!(said.stderr, "session 1 of main, 2026-01-01T00:00:00+00:00\n");
    assert_eq!(sandbox.read("out.txt"), "one 7 2026-01-01\ntwo\nb\n");
}

#[test]
fn what_is_done_for_its_session_counts_until_all_is_asked_for() {
    let sandbox = sandbox().file("ok", "");
    sandbox.run(["run", "main.dig", "--session", "2026-01-01"]).expect_code(0);
    let said = sandbox.run(["run", "main.dig", "--session", "2026-01-01"]).expect_code(0);
    assert_eq!(said.stderr, "+main+r: session 2 of `child` is done already\n");
    assert_eq!(sandbox.read("out.txt"), "one 7 2026-01-01\ntwo\nb\nb\n");
    sandbox.run(["run", "main.dig", "--session", "2026-01-01", "--rerun"]).expect_code(0);
    assert_eq!(sandbox.read("out.txt"), "one 7 2026-01-01\ntwo\nb\nb\none 7 2026-01-01\ntwo\nb\n");
}

#[test]
fn options_choose_the_session_and_what_an_ended_attempt_means() {
    let sandbox = Sandbox::new()
        .file(
            "main.dig",
            "+first:\n  require>: child\n  session_time: '2020-02-03'\n  ignore_failure: true\n\
             +again:\n  require>: child\n  session_time: '2020-02-03T00:00:00+00:00'\n  rerun_on: failed\n\
             +named:\n  require>: child\n  session_time: '2020-02-03'\n  retry_attempt_name: extra\n\
             +done:\n  require>: child\n  session_time: '2020-02-03'\n",
        )
        .file(
            "child.dig",
            "+a:\n  sh>: echo ${session_date} ${typeof retry_attempt_name} >> out.txt; test `wc -l < out.txt` -gt 1\n",
        );
    sandbox.run(["run", "main.dig"]).expect_code(0);
    assert_eq!(sandbox.read("out.txt"), "2020-02-03 undefined\n2020-02-03 undefined\n2020-02-03 string\n");
}

#[test]
fn one_place_is_enough_and_a_session_runs_once() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+p:\n  _parallel: true\n  +x:\n    require>: child\n  +y:\n    require>: child\n")
        .file(
            "child.dig",
            "+p:\n  _parallel: true\n  +a:\n    sh>: echo a >> out.txt\n  +b:\n    sh>: echo b >> out.txt\n",
        );
    sandbox.run(["run", "main.dig", "-j", "1"]).expect_code(0);
    assert_eq!(sandbox.read("out.txt").len(), 4);
}

#[test]
fn workflows_that_require_each_other_do_not_wait_for_ever() {
    let sandbox = Sandbox::new().file("a.dig", "+a:\n  require>: b\n").file("b.dig", "+b:\n  require>: a\n");
    let said = sandbox.run(["run", "a.dig"]).expect_code(1);
    assert!(
        said.stderr.starts_with("error: task `+b+b` failed: `b` would wait for itself\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn what_cannot_be_required_is_found_before_the_run() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+w:\n  sh>: echo w >> out.txt\n+a:\n  require>: nosuch\n+b:\n  require>: bad\n")
        .file("bad.dig", "+x:\n  frob>: 1\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(65);
    assert_eq!(
        said.stderr,
        "error: required workflow `nosuch` does not exist\n --> main.dig:4:13\n  |\n4 |   require>: nosuch\n  \
         |             ^^^^^^\n  = in task `+main+a`\n\n\
         error: unknown operator `frob>`\n --> bad.dig:2:3\n  |\n2 |   frob>: 1\n  |   ^^^^^\n  = in task `+bad+x`\n"
    );
    assert!(!sandbox.path().join("out.txt").exists());
}

#[test]
fn a_limit_stops_the_required_workflow() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+a:\n  require>: child\n  _timeout: 1s\n")
        .file("child.dig", "+s:\n  sh>: exec sleep 60\n+t:\n  sh>: echo never >> out.txt\n");
    let said = sandbox.run(["run", "main.dig"]).expect_code(1);
    assert!(
        said.stderr.contains("task `+main+a` failed: took longer than its `_timeout` of 1s"),
        "{}",
        said.stderr
    );
    assert!(!sandbox.path().join("out.txt").exists());
}
