//! `sync log`: what the tasks of a session said, those that said nothing among them.

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
    assert_eq!(shown(&["log", "--follow"]), format!("{quiet}{loud}"));
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
}
