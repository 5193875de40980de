//! Runs that ended without a word.

use serde_json::json;

use super::{DAY, killed, messages, project, undelivered, working};
use crate::support::mail::MailServer;
use crate::support::sandbox::Sandbox;
use crate::support::webhook::{Reply, Webhook};

/// What people are told of attempt 1, but for process, host and time.
fn is_about_the_first(message: &str, flags: &str) -> bool {
    message.starts_with(
        "Workflow session attempt 1 of `main`, session 2026-01-02T00:00:00+00:00 ended without a word: its process ",
    ) && message.ends_with(&format!("Z. `sync retry --session 1{flags}` runs what is left"))
        && message.contains("` is gone, last heard of 20")
}

#[test]
fn a_run_of_another_workflow_tells_once() {
    let webhook = Webhook::start();
    let sandbox = project(&webhook);
    killed(&sandbox);
    let said = sandbox.run(["run", "other.dig", DAY, "--project", "."]).expect_code(0);
    let expected = "warning: attempt 1 ended without a word: its process is gone\n\
                    people were told of attempt 1 of main by http\n";
    assert!(said.stderr.starts_with(expected), "{}", said.stderr);
    let received = webhook.received();
    let body = received[0].json();
    let message = body["message"].as_str().expect("a text");
    assert!(is_about_the_first(message, " --project ."), "{message}");
    assert_eq!(
        (&body["workflow_name"], &body["session_id"], &body["attempt_id"], &body["session_time"]),
        (&json!("main"), &json!(1), &json!(1), &json!("2026-01-02T00:00:00+00:00"))
    );
    assert!(body["session_uuid"].as_str().is_some_and(|uuid| uuid.len() == 36));
    sandbox.run(["run", "other.dig"]).expect_code(0);
    sandbox.write("go", "");
    sandbox.run(["retry", "--session", "1"]).expect_code(0);
    assert_eq!(webhook.received().len(), 1, "once");
    assert_eq!(undelivered(&sandbox), [json!(null); 0]);
}

#[test]
fn a_retry_and_a_command_for_units_tell_as_well() {
    for command in [&["retry", "--session", "1"][..], &["notify", "--lost"]] {
        let webhook = Webhook::start();
        let sandbox = project(&webhook);
        killed(&sandbox);
        sandbox.write("go", "");
        for _ in 0..2 {
            sandbox.run(command).expect_code(0);
        }
        let told = messages(&webhook.received());
        assert!(told.len() == 1 && is_about_the_first(&told[0], ""), "{told:?}");
    }
}

#[test]
fn a_run_that_lives_or_may_live_elsewhere_is_none() {
    let webhook = Webhook::start();
    let sandbox = project(&webhook);
    let mut living = working(&sandbox, &["run", "main.dig", DAY]);
    sandbox.run(["notify", "--lost"]).expect_code(0);
    assert_eq!(webhook.received().len(), 0);
    living.kill().expect("it runs");
    living.wait().expect("it ends");
    let state = rusqlite::Connection::open(sandbox.path().join(".sync/state.db")).expect("a state");
    state.execute_batch("update attempts set host = 'elsewhere', boot = 'elsewhere'").expect("done");
    sandbox.run(["notify", "--lost"]).expect_code(0);
    assert_eq!(webhook.received().len(), 0, "nobody knows whether it lives");
    sandbox.run(["prune", "--lost", "1"]).expect_code(0);
    sandbox.run(["notify", "--lost"]).expect_code(0);
    let told = messages(&webhook.received());
    assert!(told.len() == 1 && told[0].contains(" on `elsewhere` is gone"), "{told:?}");
}

#[test]
fn what_is_not_delivered_is_tried_as_often_as_is_set_and_is_told_at_the_next_start() {
    let webhook = Webhook::start();
    let mut sandbox = project(&webhook);
    killed(&sandbox);
    let url = webhook.url("hook-secret");
    sandbox.set(
        "DIGDAG_CONFIG",
        format!(
            "notification.type = http\nnotification.retries = 2\nnotification.min_retry_wait = 1\nnotification.http.url = {url}"
        ),
    );
    webhook.reply([Reply::Status(500); 3]);
    let said = sandbox.run(["notify", "--lost"]).expect_code(75);
    let answered = "the receiver of notifications answered 500";
    let expected = format!(
        "warning: attempt 1 ended without a word: its process is gone\n\
         warning: the notification of attempt 1 of main was not sent: {answered}; next try in 0.001 s\n\
         warning: the notification of attempt 1 of main was not sent: {answered}; next try in 0.002 s\n\
         warning: the notification of attempt 1 of main by http was not delivered: {answered}; the next `run` or \
         `retry` sends it again\n"
    );
    assert_eq!(said.stderr, expected);
    let left = undelivered(&sandbox);
    assert_eq!(
        (
            &left[0]["reason"],
            &left[0]["workflow"],
            &left[0]["attempt"],
            &left[0]["failure"],
            &left[0]["given_up_at"]
        ),
        (&json!("lost"), &json!("main"), &json!(1), &json!(answered), &json!(null))
    );
    sandbox.run(["run", "other.dig"]).expect_code(0);
    assert_eq!(webhook.received().len(), 4);
    assert_eq!(undelivered(&sandbox), [json!(null); 0]);
}

#[test]
fn by_mail_it_is_the_same() {
    let Some(mut server) = MailServer::start("starttls", Some(("me", "ge heim"))) else { return };
    let mut sandbox = project(&Webhook::start());
    killed(&sandbox);
    sandbox.set(
        "DIGDAG_CONFIG",
        format!(
            "notification.type = mail\nnotification.retries = 0\nnotification.mail.host = localhost\n\
             notification.mail.port = {}\nnotification.mail.username = me\nnotification.mail.password = ge heim\n\
             notification.mail.from = sync@example.com\nnotification.mail.to = a@example.com",
            server.port
        ),
    );
    sandbox.set("SSL_CERT_FILE", server.trusted());
    sandbox.run(["run", "other.dig"]).expect_code(0);
    let mail = server.next();
    let text = mail["parts"][0]["text"].as_str().expect("a text");
    assert!(text.contains("attempt 1 of `main`") && text.contains("`sync retry --session 1`"), "{text}");
}

#[test]
fn without_a_way_nobody_is_told_and_nothing_is_lost() {
    let webhook = Webhook::start();
    let mut sandbox = project(&webhook);
    killed(&sandbox);
    sandbox.set("DIGDAG_CONFIG", "");
    sandbox.run(["run", "other.dig"]).expect_code(0);
    assert_eq!(undelivered(&sandbox), [json!(null); 0]);
    let said = sandbox.run(["notify", "--lost"]).expect_code(1);
    assert_eq!(
        said.stderr,
        "error: nobody can be told: no property says how (`sync.notify.slack.url` and others, or `notification.type`)\n"
    );
    sandbox.set(
        "DIGDAG_CONFIG",
        format!("notification.type = http\nnotification.http.url = {}", webhook.url("x")),
    );
    sandbox.run(["run", "other.dig"]).expect_code(0);
    assert_eq!(webhook.received().len(), 1);
    let nothing = Sandbox::new();
    nothing.run(["notify"]).expect_code(2);
}
