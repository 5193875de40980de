//! Alerts that could not be delivered, and runs that a signal stopped.

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{DAY, messages, project, undelivered, working};
use crate::support::webhook::{Reply, Webhook};

#[test]
fn an_alert_that_did_not_get_out_is_shown_and_sent_at_the_next_start() {
    let webhook = Webhook::start();
    let sandbox = project(&webhook);
    webhook.reply([Reply::Status(503), Reply::Close]);
    sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    // The next start finds the receiver away again, and runs all the same.
    let said = sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    let warning = "warning: the notification of attempt 1 of broken by http was not delivered: the receiver of \
                   notifications could not be reached: ";
    assert!(said.stderr.contains(warning), "{}", said.stderr);
    let left = undelivered(&sandbox);
    assert_eq!(
        (left.len(), &left[0]["reason"], &left[0]["workflow"], &left[0]["tries"], &left[0]["channel"]),
        (1, &json!("alert"), &json!("broken"), &json!(2), &json!("http"))
    );
    let shown = sandbox.run(["status"]).expect_code(0).stdout;
    let line = shown.lines().last().expect("a line");
    assert!(line.starts_with("the notification of attempt 1 of broken, 20"), "{line}");
    assert!(
        line.contains(", was not delivered: 2 tries by http: the receiver of notifications could not be"),
        "{line}"
    );
    assert!(line.ends_with("; the next `run` or `retry` sends it"), "{line}");
    assert!(!shown.contains("hook-secret"));
    let of_session = |session: &str| sandbox.run(["status", "--session", session]).expect_code(0).stdout;
    assert!(of_session("1").contains("was not delivered") && !of_session("2").contains("was not delivered"));
    let said = sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    assert!(said.stderr.contains("people were told of attempt 1 of broken by http\n"), "{}", said.stderr);
    let received = webhook.received();
    assert_eq!(messages(&received), ["Workflow session attempt failed"; 3]);
    let body = received[2].json();
    assert_eq!((&body["task_name"], &body["attempt_id"]), (&json!("+broken^failure-alert"), &json!(1)));
    assert_eq!(undelivered(&sandbox), [json!(null); 0]);
}

#[test]
fn after_a_week_it_is_given_up_and_shown_so() {
    let webhook = Webhook::start();
    let sandbox = project(&webhook);
    webhook.reply([Reply::Status(503)]);
    sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    let state = Connection::open(sandbox.path().join(".sync/state.db")).expect("a state");
    state.execute_batch("update undelivered set since = '2026-01-01T00:00:00Z'").expect("done");
    sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    assert_eq!(webhook.received().len(), 1, "it is not tried any more");
    assert!(undelivered(&sandbox)[0]["given_up_at"].is_string());
    let shown = sandbox.run(["status"]).expect_code(0).stdout;
    assert!(
        shown.contains(": 1 try by http: the receiver of notifications answered 503; given up 20"),
        "{shown}"
    );
}

#[test]
fn what_another_process_has_in_hand_is_not_sent_twice() {
    let webhook = Webhook::start();
    let sandbox = project(&webhook);
    webhook.reply([Reply::Status(503)]);
    sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    let state = Connection::open(sandbox.path().join(".sync/state.db")).expect("a state");
    let claim = |ago: i64| {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(ago);
        state.execute("update undelivered set claimed_at = ?1", [at.to_string()]).expect("done");
    };
    claim(0);
    sandbox.run(["notify", "--lost"]).expect_code(75);
    assert_eq!(webhook.received().len(), 1);
    // That process was killed before it knew.
    claim(600);
    sandbox.run(["notify", "--lost"]).expect_code(0);
    assert_eq!(webhook.received().len(), 2);
}

#[test]
fn a_time_out_is_told_of() {
    let webhook = Webhook::start();
    let sandbox = project(&webhook).file("late.dig", "_timeout: 1s\n+a: {sh>: exec sleep 1000}\n");
    sandbox.run(["run", "late.dig", DAY]).expect_code(1);
    let told = messages(&webhook.received());
    assert!(told.len() == 1 && told[0].starts_with("Workflow session attempt"), "{told:?}");
}

#[test]
fn a_run_that_a_signal_stopped_is_told_of() {
    for (signal, name, code) in
        [(Signal::TERM, "SIGTERM", 143), (Signal::INT, "SIGINT", 130), (Signal::HUP, "SIGHUP", 129)]
    {
        let webhook = Webhook::start();
        let sandbox = project(&webhook);
        let stopped = |arguments: &[&str]| {
            let mut running = working(&sandbox, arguments);
            kill_process(Pid::from_child(&running), signal).expect("it runs");
            assert_eq!(running.wait().expect("it ends").code(), Some(code));
        };
        stopped(&["run", "main.dig", DAY, "--grace", "0s"]);
        let expected = |attempt: u32| {
            format!(
                "Workflow session attempt {attempt} of `main`, session 2026-01-02T00:00:00+00:00 was stopped by {name}. \
                 `sync retry --session 1` runs what is left"
            )
        };
        assert_eq!(messages(&webhook.received()), [expected(1)]);
        // Who cannot be reached then is told at the next start.
        webhook.reply([Reply::Status(500)]);
        stopped(&["retry", "--session", "1", "--grace", "0s"]);
        assert_eq!(undelivered(&sandbox)[0]["reason"], "stopped");
        sandbox.run(["run", "other.dig"]).expect_code(0);
        assert_eq!(messages(&webhook.received())[2..], [expected(2)]);
    }
}
