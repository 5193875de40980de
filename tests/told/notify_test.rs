//! `sync notify --test`: what would be sent, and that it arrives.

use serde_json::json;

use crate::support::sandbox::Sandbox;
use crate::support::webhook::{Reply, Webhook};

const MARK: &str = "This is a test by `sync notify --test`: nothing of it has happened.";

#[test]
fn it_shows_each_event_and_sends_one_message_in_each_way() {
    let (slack, http, digdag) = (Webhook::start(), Webhook::start(), Webhook::start());
    let mut sandbox = Sandbox::new();
    sandbox.set(
        "DIGDAG_CONFIG",
        format!(
            "sync.notify.slack.url = {}\nsync.notify.http.url = {}\nsync.notify.http.on = empty success\n\
             sync.notify.shell.command = cat > told.json\nnotification.type = http\nnotification.http.url = {}",
            slack.url("hook-secret"),
            http.url("http-secret"),
            digdag.url("digdag-secret")
        ),
    );
    let said = sandbox.run(["notify", "--test"]).expect_code(0);
    let heads: Vec<&str> = said.stdout.lines().filter(|line| line.starts_with("== ")).collect();
    let shown = |way: &str, word: &str| format!("== {way}, {word}: would be sent ==");
    let left_out =
        |way: &str, word: &str| format!("== {way}, {word}: would not be sent: `on` leaves it out ==");
    let expected = [
        shown("slack", "failure"),
        shown("slack", "recovery"),
        shown("slack", "empty"),
        shown("slack", "slow"),
        left_out("slack", "success"),
        left_out("http", "failure"),
        left_out("http", "recovery"),
        shown("http", "empty"),
        left_out("http", "slow"),
        shown("http", "success"),
        shown("shell", "failure"),
        shown("shell", "recovery"),
        shown("shell", "empty"),
        shown("shell", "slow"),
        left_out("shell", "success"),
        "== notification.type = http, a test: would be sent ==".to_owned(),
        "== slack: a test message was sent ==".to_owned(),
        "== http: a test message was sent ==".to_owned(),
        "== shell: a test message was sent ==".to_owned(),
        "== notification.type = http: a test message was sent ==".to_owned(),
    ];
    assert_eq!(heads, expected);
    assert!(!said.stdout.contains("secret"), "{}", said.stdout);
    let received = slack.received();
    assert_eq!(received.len(), 1);
    let message = received[0].json();
    assert_eq!(message["blocks"][0]["text"]["text"], "Test: nightly: failed");
    assert_eq!(message["blocks"][1]["elements"][0]["text"], MARK);
    // What is sent is what was shown.
    let body = said.stdout.split("failure: would be sent ==\n").nth(1).expect("it is shown");
    let body = body.split("== ").next().expect("up to the next");
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).expect("JSON"), message);
    let told = http.received()[0].json();
    assert_eq!((&told["test"], &told["events"]), (&json!(true), &json!(["empty"])));
    assert!(sandbox.read("told.json").starts_with("{\"version\":1,\"test\":true,\"events\":[\"failure\"],"));
    let message = digdag.received()[0].json()["message"].take();
    assert_eq!(message, "This is a test by `sync notify --test`: nothing has happened.");
    // It leaves nothing behind.
    assert!(!sandbox.path().join(".sync/state.db").exists());
}

#[test]
fn what_does_not_arrive_is_said() {
    let webhook = Webhook::start();
    webhook.reply([Reply::Status(404)]);
    let mut sandbox = Sandbox::new();
    sandbox.set("DIGDAG_CONFIG", format!("sync.notify.slack.url = {}", webhook.url("hook-secret")));
    let said = sandbox.run(["notify", "--test"]).expect_code(75);
    assert_eq!(
        said.stderr,
        "error: the test message by slack was not delivered: the receiver of notifications answered 404\n"
    );
    sandbox.set("DIGDAG_CONFIG", "");
    sandbox.run(["notify", "--test"]).expect_code(1);
    sandbox.run(["notify", "--test", "--lost"]).expect_code(2);
}
