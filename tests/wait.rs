//! `sync wait`: until a session, or a task of it, has succeeded; at once when it has failed.

use serde_json::{Value, json};

use crate::support::gate::Gate;
use crate::support::running::Running;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::schema;
use crate::support::webhook::Webhook;

const DAY: &str = "--session=2026-01-02";
const OFTEN: &str = "--interval=10ms";
const OF: &str = "session 2026-01-02T00:00:00+00:00 of main";

/// A workflow whose second task stands at a gate.
fn project() -> Sandbox {
    let text = format!("+a:\n  sh>: echo a\n+b:\n  sh>: '{}'\n+c:\n  sh>: echo c\n", Gate::script("b"));
    Sandbox::new().file("main.dig", &text)
}

fn waiting(sandbox: &Sandbox, arguments: &[&str]) -> Running {
    Running::start(sandbox, &[&["wait", "--workflow", "main", DAY, OFTEN], arguments].concat())
}

/// What it says of the state as it is now.
fn looked(sandbox: &Sandbox, arguments: &[&str]) -> Said {
    sandbox.run([&["wait", "--workflow", "main", DAY, "--timeout=0s"], arguments].concat())
}

#[test]
fn it_waits_for_a_run_that_has_not_begun_and_a_task_is_done_before_its_session() {
    let sandbox = project();
    let gate = Gate::new(&sandbox, "b");
    let mut wait = waiting(&sandbox, &[]);
    wait.await_line(&format!("waits for {OF}: it has not begun"));
    assert!(!sandbox.path().join(".sync").exists(), "who waits makes no state");
    let run = Running::start(&sandbox, &["run", "main.dig", DAY]);
    gate.await_begun();
    wait.await_line(&format!("waits for {OF}: attempt 1 runs since 20"));
    let said = looked(&sandbox, &["+a"]).expect_code(0);
    assert_eq!(said.stderr, format!("task `+main+a` of {OF} succeeded\n"));
    let said = looked(&sandbox, &["+b"]).expect_code(75).stderr;
    let told = format!("error: task `+main+b` of {OF} has not succeeded after 0.0s: attempt 1 runs since 20");
    assert!(said.starts_with(&told) && said.ends_with(" UTC\n"), "{said}");
    gate.open("yes");
    run.expect_code(0);
    let said = wait.expect_code(0);
    assert!(said.ends_with(&format!("{OF} succeeded\n")), "{said}");
    looked(&sandbox, &[]).expect_code(0);
}

#[test]
fn it_ends_at_once_when_what_is_waited_for_has_failed() {
    let sandbox = project();
    let gate = Gate::new(&sandbox, "b");
    let run = Running::start(&sandbox, &["run", "main.dig", DAY]);
    gate.await_begun();
    let wait = waiting(&sandbox, &[]);
    let of_task = waiting(&sandbox, &["+b"]);
    let of_later = waiting(&sandbox, &["+c"]);
    gate.open("no");
    run.expect_code(1);
    let failure = "  +main+b: Command failed with code 1\nhint: `sync retry --session 1` runs what is left\n";
    let said = wait.expect_code(1);
    assert!(said.ends_with(&format!("error: {OF} failed\n{failure}")), "{said}");
    let said = of_task.expect_code(1);
    assert!(said.contains(&format!("error: task `+main+b` of {OF} failed\n  +main+b: ")), "{said}");
    let said = of_later.expect_code(1);
    let expected = format!("error: task `+main+c` of {OF} did not run: its attempt failed\n{failure}");
    assert!(said.ends_with(&expected), "{said}");
    looked(&sandbox, &["+a"]).expect_code(0);
}

#[test]
fn a_task_that_failed_is_told_while_its_session_goes_on() {
    let text = format!(
        "_parallel: true\n+bad:\n  sh>: exit 3\n+group:\n  _retry: 1\n  +again:\n    sh>: 'test -e second || {{ \
         touch second; exit 4; }}'\n+b:\n  sh>: '{}'\n",
        Gate::script("b")
    );
    let sandbox = Sandbox::new().file("main.dig", &text);
    let gate = Gate::new(&sandbox, "b");
    let run = Running::start(&sandbox, &["run", "main.dig", DAY]);
    gate.await_begun();
    let said = waiting(&sandbox, &["+bad"]).expect_code(1);
    let expected =
        format!("error: task `+main+bad` of {OF} failed\n  +main+bad: Command failed with code 3\n");
    assert!(said.ends_with(&expected), "a run that goes on cannot be retried yet: {said}");
    // Its group tries it again: the first failure is not the end.
    waiting(&sandbox, &["+again"]).expect_code(0);
    gate.open("yes");
    run.expect_code(1);
}

#[test]
fn a_retry_that_runs_now_is_waited_for() {
    let sandbox = project();
    let gate = Gate::new(&sandbox, "b");
    let run = Running::start(&sandbox, &["run", "main.dig", DAY]);
    gate.await_begun();
    gate.open("no");
    run.expect_code(1);
    let retry = Running::start(&sandbox, &["retry", "--session", "1"]);
    gate.await_begun();
    let mut wait = waiting(&sandbox, &[]);
    wait.await_line("attempt 2 runs since");
    let mut of_task = waiting(&sandbox, &["+b"]);
    of_task.await_line("attempt 2 runs since");
    gate.open("yes");
    retry.expect_code(0);
    wait.expect_code(0);
    of_task.expect_code(0);
}

#[test]
fn what_was_left_out_is_waited_for() {
    let sandbox = Sandbox::new().file("main.dig", "+a:\n  sh>: echo a\n+b:\n  sh>: echo b\n");
    sandbox.run(["run", "main.dig", "--goal", "+a", DAY]).expect_code(0);
    looked(&sandbox, &["+a"]).expect_code(0);
    for (task, what) in [(&[][..], OF.to_owned()), (&["+b"], format!("task `+main+b` of {OF}"))] {
        let said = looked(&sandbox, task).expect_code(75).stderr;
        let left = "attempt 1 ran only a part, and this is still to do";
        assert_eq!(said, format!("error: {what} has not succeeded after 0.0s: {left}\n"));
    }
    sandbox.run(["retry", "--session", "last"]).expect_code(0);
    looked(&sandbox, &[]).expect_code(0);
    looked(&sandbox, &["+b"]).expect_code(0);
}

/// A project whose people are told by HTTP.
fn told_project(webhook: &Webhook) -> Sandbox {
    let mut sandbox = project();
    sandbox.set(
        "DIGDAG_CONFIG",
        format!(
            "notification.type = http\nnotification.retries = 0\nnotification.http.url = {}",
            webhook.url("x")
        ),
    );
    sandbox
}

#[test]
fn a_run_that_is_killed_has_failed_and_people_are_told() {
    let webhook = Webhook::start();
    let sandbox = told_project(&webhook);
    let gate = Gate::new(&sandbox, "b");
    let run = Running::start(&sandbox, &["run", "main.dig", DAY]);
    gate.await_begun();
    let mut wait = waiting(&sandbox, &["--project", "."]);
    wait.await_line("attempt 1 runs since");
    assert_eq!(webhook.received().len(), 0);
    run.kill();
    let said = wait.expect_code(1);
    let expected = format!(
        "warning: attempt 1 ended without a word: its process is gone\npeople were told of attempt 1 of main by http\n\
         error: {OF} ended without a word: its process is gone\n\
         hint: `sync retry --session 1 --project .` runs what is left\n"
    );
    assert!(said.ends_with(&expected), "{said}");
    let told = webhook.received();
    let message = told[0].json()["message"].as_str().expect("a text").to_owned();
    assert!(message.contains("ended without a word"), "{message}");
    looked(&sandbox, &[]).expect_code(1);
    assert_eq!(webhook.received().len(), 1, "once");
}

#[test]
fn a_run_that_was_killed_before_is_found() {
    let webhook = Webhook::start();
    let sandbox = told_project(&webhook);
    let gate = Gate::new(&sandbox, "b");
    let run = Running::start(&sandbox, &["run", "main.dig", DAY]);
    gate.await_begun();
    run.kill();
    let elsewhere = Sandbox::new();
    let mut command = sandbox.command(["wait", "--workflow", "main", DAY, "--json", "--project"]);
    command.arg(sandbox.path()).current_dir(elsewhere.path());
    let said = Said::of(command.output().expect("it starts")).expect_code(1);
    let printed = schema::read("wait", &said.stdout);
    let retry = format!("sync retry --session 1 --project {}", sandbox.path().display());
    assert_eq!(
        (&printed["outcome"], &printed["state"], &printed["retry_command"]),
        (&json!("failed"), &json!("lost"), &json!(retry))
    );
    assert_eq!(webhook.received().len(), 1);
}

#[test]
fn a_run_that_a_signal_stopped_has_failed() {
    let sandbox = project();
    let gate = Gate::new(&sandbox, "b");
    let run = Running::start(&sandbox, &["run", "main.dig", DAY, "--grace=0s"]);
    gate.await_begun();
    run.signal(rustix::process::Signal::TERM);
    run.expect_code(143);
    let said = looked(&sandbox, &[]).expect_code(1).stderr;
    assert!(said.starts_with(&format!("error: {OF} was stopped by SIGTERM\n")), "{said}");
    assert!(said.ends_with("hint: `sync retry --session 1` runs what is left\n"), "{said}");
}

#[test]
fn without_a_session_it_is_the_one_that_run_would_take() {
    let sandbox = Sandbox::new()
        .file("main.dig", "timezone: Asia/Tokyo\nschedule:\n  monthly>: 1,00:00:00\n+a:\n  sh>: echo a\n");
    let printed = |code: i32, arguments: &[&str]| -> Value {
        let all = [&["wait", "--workflow", "main", "--timeout=0s", "--json"], arguments].concat();
        schema::read("wait", &sandbox.run(all).expect_code(code).stdout)
    };
    let before = printed(75, &[]);
    assert_eq!((&before["outcome"], &before["session"]), (&json!("timeout"), &Value::Null));
    sandbox
        .run(["run", "main.dig", "--session", before["session_time"].as_str().expect("a time")])
        .expect_code(0);
    sandbox.run(["run", "main.dig"]).expect_code(0);
    let after = printed(0, &[]);
    assert_eq!((&after["outcome"], &after["state"]), (&json!("success"), &json!("success")));
    let day = printed(75, &["--session", "2026-01-02"]);
    assert_eq!(day["session_time"], "2026-01-02T00:00:00+09:00");
    assert_eq!(printed(0, &["--session", "last", "+a"])["task"], "+main+a");
}

#[test]
fn what_is_not_there_is_named_with_what_may_be_meant() {
    let sandbox = Sandbox::new()
        .file("main.dig", "+load:\n  sh>: echo a\n")
        .file("each.dig", "+all:\n  for_each>: {t: [x, y]}\n  _do:\n    +load:\n      sh>: echo a\n")
        .file("broken.dig", "+a:\n  ehco>: a\n");
    let said = |code: i32, arguments: &[&str]| {
        sandbox.run([&["wait", "--timeout=0s", DAY], arguments].concat()).expect_code(code).stderr
    };
    let project = sandbox.path().display().to_string();
    assert_eq!(
        said(2, &["--workflow", "mian"]),
        format!("error: there is no workflow `mian` in project `{project}`\nhint: did you mean `main`?\n")
    );
    assert_eq!(
        said(2, &["--workflow", "main", "+laod"]),
        "error: no task of `main` has a name that ends in `+laod`\nhint: did you mean `+load`?\n"
    );
    assert_eq!(
        said(75, &["--workflow", "each", "+lo"]).lines().next(),
        Some(
            "warning: no task in the file of `each` has a name that ends in `+lo`: one that a run makes may"
        )
    );
    sandbox.run(["run", "each.dig", DAY]).expect_code(0);
    let both = said(2, &["--workflow", "each", "+load"]);
    let expected =
        "error: `+load` could be any of `+each+all^sub+for-0=t=0=x+load`, `+each+all^sub+for-0=t=1=y+load`\n";
    assert!(both.ends_with(expected), "{both}");
    said(0, &["--workflow", "each", "+for-0=t=1=y+load"]);
    assert!(said(65, &["--workflow", "broken"]).starts_with("error: unknown operator `ehco>`\n"));
    let wrong = sandbox.run(["wait", "--workflow", "main", "--session", "soon"]).expect_code(2).stderr;
    assert!(wrong.starts_with("error: `--session` takes `hourly`, "), "{wrong}");
    let wrong = sandbox.run(["wait", "--workflow", "main", "--interval", "0s"]).expect_code(2).stderr;
    assert!(wrong.contains("at least 10ms"), "{wrong}");
}
