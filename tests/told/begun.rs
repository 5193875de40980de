//! Runs that nobody watches and that could not begin.

use std::io::Write;

use super::{DAY, killed, messages, project, undelivered};
use crate::support::webhook::{Reply, Webhook};

#[test]
fn an_invalid_workflow_is_told_of() {
    let webhook = Webhook::start();
    let sandbox = project(&webhook).file("odd.dig", "+a: {embluk>: x.yml}\n");
    sandbox.run(["run", "odd.dig", "--scheduled"]).expect_code(65);
    let expected = "`odd.dig` did not run: it, or a file that it needs, is invalid: `sync check` says where";
    assert_eq!(messages(&webhook.received()), [expected]);
    assert_eq!(webhook.received()[0].json()["project_name"].as_str().map(str::len), Some(19));
    webhook.reply([Reply::Status(500)]);
    let said = sandbox.run(["run", "odd.dig"]).expect_code(65);
    assert!(said.stderr.contains("the notification of a run that could not begin by http was not delivered"));
    assert_eq!(undelivered(&sandbox)[0]["reason"], "not_begun");
    let shown = sandbox.run(["status"]).expect_code(0).stdout;
    assert!(shown.contains("the notification of a run that could not begin, 20"), "{shown}");
    sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    assert_eq!(messages(&webhook.received()), [expected; 3]);
    // Who only tries something out tells nobody.
    sandbox.run(["run", "odd.dig", "--dry-run"]).expect_code(65);
    sandbox.run(["run", "odd.dig", "--no-save"]).expect_code(65);
    assert_eq!(webhook.received().len(), 3);
}

#[test]
fn an_invalid_workflow_does_not_hide_a_run_that_was_killed() {
    let webhook = Webhook::start();
    let sandbox = project(&webhook).file("odd.dig", "+a: {embluk>: x.yml}\n");
    killed(&sandbox);
    sandbox.run(["run", "odd.dig", "--scheduled"]).expect_code(65);
    let told = messages(&webhook.received());
    assert!(told.len() == 2 && told[0].contains("attempt 1 of `main`"), "{told:?}");
}

/// What is wrong in the properties is found before an attempt begins, and what goes wrong later fails the attempt.
#[test]
fn an_attempt_without_its_logs_is_told_of_once() {
    let webhook = Webhook::start();
    let mut sandbox = project(&webhook);
    sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    let logs = sandbox.path().join(".sync/logs");
    if logs.exists() {
        std::fs::remove_dir_all(&logs).expect("removed");
    }
    std::fs::write(&logs, "no folder").expect("written");
    sandbox.run(["run", "other.dig", DAY]).expect_code(1);
    let status = sandbox.run(["status", "--session", "1"]).expect_code(0).stdout;
    assert!(status.contains("failed"), "{status}");
    std::fs::remove_file(&logs).expect("removed");
    sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    let told = messages(&webhook.received());
    assert!(
        told.len() == 1 && told[0].starts_with("`other.dig` did not run: a folder for logs in `"),
        "{told:?}"
    );
    let url = webhook.url("hook-secret");
    let properties = format!("notification.type = http\nnotification.http.url = {url}\nlog-server.type = s3");
    sandbox.set("DIGDAG_CONFIG", properties);
    let said = sandbox.run(["run", "other.dig", DAY]).expect_code(65);
    let error = "error: property `log-server.s3.bucket` is required with `log-server.type=s3`\n";
    assert_eq!(said.stderr, format!("people were told of a run that could not begin by http\n{error}"));
    let status = sandbox.run(["status", "--session", "1", "--json"]).expect_code(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!((&status["attempt_count"], &status["state"]), (&3.into(), &"success".into()));
    let told = messages(&webhook.received());
    let expected =
        "`other.dig` did not run: property `log-server.s3.bucket` is required with `log-server.type=s3`";
    assert_eq!(told[1..], [expected]);
}

#[test]
fn a_retry_that_could_not_begin_is_told_of() {
    let webhook = Webhook::start();
    let sandbox = project(&webhook);
    killed(&sandbox);
    sandbox.write("main.dig", "+a: {embluk>: x.yml}\n");
    sandbox.run(["retry", "--session", "1"]).expect_code(65);
    let told = messages(&webhook.received());
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("ended without a word")
            && told[1].starts_with("`sync retry --session 1` did not run")
    );
}

#[test]
fn a_state_that_cannot_be_used_is_told_of() {
    let webhook = Webhook::start();
    let sandbox = project(&webhook);
    std::fs::create_dir(sandbox.path().join(".sync")).expect("a folder");
    let mut file = std::fs::File::create(sandbox.path().join(".sync/state.db")).expect("a file");
    file.write_all("no database ".repeat(1000).as_bytes()).expect("written");
    sandbox.run(["run", "other.dig"]).expect_code(1);
    let told = messages(&webhook.received());
    assert!(told.len() == 1 && told[0].starts_with("`other.dig` did not run: the state file `"), "{told:?}");
    assert!(told[0].ends_with("could not be opened: file is not a database"), "{told:?}");
}
