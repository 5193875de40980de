//! `sync log`: what the tasks of a session said, those that said nothing among them.

use std::io::BufRead;

use crate::support::gate::Gate;
use crate::support::running::Running;
use crate::support::sandbox::Sandbox;

/// Hides the times, which are at the beginning of lines.
fn without_times(text: &str) -> String {
    let line = |line: &str| match line.find(" +0000 ") {
        Some(end) => format!("<time>{}\n", &line[end + 6..]),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn every_task_that_ran_is_shown_once_as_its_last_attempt_left_it() {
    let text =
        "+quiet:\n  sh>: 'true'\n+loud:\n  sh>: echo ${session_date}; test -e there\n+never:\n  echo>: x\n";
    let sandbox = Sandbox::new().file("main.dig", text);
    sandbox.run(["run", "main.dig", "--session", "2026-01-02"]).expect_code(1);
    let quiet = "==> +main+quiet (attempt 1) <==\n<time> [1] INFO sh> begins, attempt 1, try 1\n\
                 <time> [1] INFO ended: success\n";
    let loud = "==> +main+loud (attempt 1) <==\n<time> [1] INFO sh> begins, attempt 1, try 1\n\
                <time> [1] 2026-01-02\n<time> [1] ERROR Command failed with code 1\n<time> [1] INFO ended: error\n";
    let shown = |arguments: &[&str]| without_times(&sandbox.run(arguments).expect_code(0).stdout);
    assert_eq!(shown(&["log"]), format!("{quiet}{loud}"));
    std::fs::write(sandbox.path().join("there"), "").expect("written");
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    let loud = "==> +main+loud (attempt 2) <==\n<time> [1] INFO sh> begins, attempt 2, try 1\n\
                <time> [1] 2026-01-02\n<time> [1] INFO ended: success\n";
    let never = "==> +main+never (attempt 2) <==\n<time> [1] INFO echo> begins, attempt 2, try 1\n\
                 <time> [1] x\n<time> [1] INFO ended: success\n";
    assert_eq!(shown(&["log"]), format!("{quiet}{loud}{never}"));
    assert_eq!(shown(&["log", "--attempt", "1", "+quiet"]), quiet);
    assert_eq!(
        sandbox.run(["log", "+no"]).expect_code(1).stderr,
        "error: no task of session 1 has a log and a name that ends in `+no`\n"
    );
    assert_eq!(
        sandbox.run(["log", "--follow", "+quite"]).expect_code(1).stderr.lines().skip(1).collect::<Vec<_>>(),
        [
            "error: no task of session 1 has a log and a name that ends in `+quite`",
            "hint: did you mean `+quiet`?"
        ]
    );
}

/// Reads lines of results until one ends so.
fn read_until(results: &mut impl BufRead, end: &str) -> String {
    let mut text = String::new();
    while !text.trim_end().ends_with(end) {
        assert!(results.read_line(&mut text).expect("text") > 0, "it never said {end:?}, but\n{text}");
    }
    text
}

fn rest(mut results: impl BufRead) -> String {
    let mut text = String::new();
    results.read_to_string(&mut text).expect("text");
    text
}

/// Hides the times behind the names of tasks.
fn lines_without_times(text: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((task, rest)) => format!("{task}: {}", without_times(rest)),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn a_live_run_is_followed_to_its_end() {
    let text = format!(
        "+a:\n  sh>: 'echo one; {}'\n+later:\n  sh>: echo late\n+no:\n  sh>: 'true'\n",
        Gate::script("g")
    );
    let sandbox = Sandbox::new().file("main.dig", &text);
    let gate = Gate::new(&sandbox, "g");
    let run = Running::start(&sandbox, &["run", "main.dig", "--session", "2026-01-02"]);
    gate.await_begun();
    let (mut follow, mut results) = Running::start_with_results(&sandbox, &["log", "--follow"]);
    follow.await_line("attempt 1 of main, 2026-01-02T00:00:00+00:00, runs since 20");
    let first = read_until(&mut results, "one");
    let (of_task, mut its_results) = Running::start_with_results(&sandbox, &["log", "--follow", "+later"]);
    gate.open("yes");
    run.expect_code(0);
    let said = follow.expect_code(0);
    let ended = said.lines().last().expect("a line");
    assert!(ended.starts_with("attempt 1 of main ended after ") && ended.ends_with("s: success"), "{said}");
    assert_eq!(
        lines_without_times(&(first + &rest(results))),
        "+main+a: <time> [1] INFO sh> begins, attempt 1, try 1\n+main+a: <time> [1] one\n\
         +main+a: <time> [1] through\n+main+a: <time> [1] INFO ended: success\n\
         +main+later: <time> [1] INFO sh> begins, attempt 1, try 1\n+main+later: <time> [1] late\n\
         +main+later: <time> [1] INFO ended: success\n\
         +main+no: <time> [1] INFO sh> begins, attempt 1, try 1\n+main+no: <time> [1] INFO ended: success\n"
    );
    of_task.expect_code(0);
    assert_eq!(
        lines_without_times(&read_until(&mut its_results, "ended: success")),
        "+main+later: <time> [1] INFO sh> begins, attempt 1, try 1\n+main+later: <time> [1] late\n\
         +main+later: <time> [1] INFO ended: success\n"
    );
}

#[test]
fn a_run_that_is_killed_ends_its_followers() {
    let text = format!("+a:\n  sh>: 'echo one; {}'\n", Gate::script("g"));
    let sandbox = Sandbox::new().file("main.dig", &text);
    let gate = Gate::new(&sandbox, "g");
    let run = Running::start(&sandbox, &["run", "main.dig", "--session", "2026-01-02"]);
    gate.await_begun();
    let (follow, mut results) = Running::start_with_results(&sandbox, &["log", "--follow"]);
    read_until(&mut results, "one");
    run.kill();
    let said = follow.expect_code(0);
    assert!(said.ends_with("attempt 1 of main ended without a word: its process is gone\n"), "{said}");
    assert_eq!(rest(results), "");
}

#[test]
fn an_attempt_is_followed_by_its_number() {
    let text = format!("+a:\n  sh>: echo done\n+b:\n  sh>: '{}'\n", Gate::script("g"));
    let sandbox = Sandbox::new().file("main.dig", &text);
    let gate = Gate::new(&sandbox, "g");
    let run = Running::start(&sandbox, &["run", "main.dig", "--session", "2026-01-02"]);
    gate.await_begun();
    gate.open("no");
    run.expect_code(1);
    let retry = Running::start(&sandbox, &["retry", "--session", "1"]);
    gate.await_begun();
    let first = sandbox.run(["log", "--follow", "--attempt", "1", "+b"]).expect_code(0);
    assert!(
        first.stderr.starts_with("attempt 1 of main ended after ") && first.stderr.ends_with("s: failed\n")
    );
    assert!(first.stdout.ends_with("INFO ended: error\n"), "{}", first.stdout);
    let (follow, mut results) = Running::start_with_results(&sandbox, &["log", "-f", "--session", "last"]);
    let begun = read_until(&mut results, "begins, attempt 2, try 1");
    assert!(begun.starts_with("+main+b: "), "what an earlier attempt has done is not its own: {begun}");
    gate.open("yes");
    retry.expect_code(0);
    let said = follow.expect_code(0);
    assert!(said.contains("attempt 2 of main ended after "), "{said}");
    let no = sandbox.run(["log", "--attempt", "3"]).expect_code(1).stderr;
    assert_eq!(no, "error: session 1 has no attempt 3\n");
}

#[test]
fn where_nothing_has_run_nothing_is_made() {
    let sandbox = Sandbox::new();
    let said = sandbox.run(["log"]).expect_code(1).stderr;
    assert_eq!(said, format!("error: nothing has run yet in project `{}`\n", sandbox.path().display()));
    assert!(!sandbox.path().join(".sync").exists());
}
