//! `notify>` through each way that the properties may name, and what happens when it does not get out.

use serde_json::{Value, json};

use crate::support::mail::MailServer;
use crate::support::sandbox::Sandbox;
use crate::support::webhook::{Reply, Webhook};

const TASK: &str = "+tell:\n  notify>: \"done ${1 + 1}, hunter2\"\n";

fn project(properties: &str) -> Sandbox {
    let mut sandbox = Sandbox::new().file("main.dig", TASK);
    sandbox.set("SYNC_SECRET_OTHER", "hunter2");
    sandbox.set("DIGDAG_CONFIG", properties);
    sandbox
}

/// The events of notifications that a run with `--json` told.
fn notified(sandbox: &Sandbox, code: i32) -> Vec<Value> {
    let said = sandbox.run(["run", "main.dig", "--json"]).expect_code(code);
    let events = said.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events
        .filter(|event| event["event"] == "notified")
        .map(|event| json!([event["channel"], event["error"]]))
        .collect()
}

#[test]
fn over_http_it_is_json() {
    let webhook = Webhook::start();
    let sandbox = project(&format!(
        "notification.type = http\nnotification.retries = 0\nnotification.http.url = {}\nnotification.http.method = PUT\n\
         notification.http.headers.Authorization = Bearer t0ken",
        webhook.url("hook")
    ));
    assert_eq!(notified(&sandbox, 0), [json!(["http", null])]);
    let received = webhook.received().remove(0);
    let header =
        |name: &str| received.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!((received.method.as_str(), received.path.as_str()), ("PUT", "/hook"));
    assert_eq!(
        (header("authorization"), header("content-type")),
        (Some("Bearer t0ken"), Some("application/json"))
    );
    let mut body = received.json();
    assert_eq!((&body["message"], &body["task_name"]), (&json!("done 2, ***"), &json!("+main+tell")));
    assert_eq!((&body["workflow_name"], &body["session_id"]), (&json!("main"), &json!(1)));
    assert!(body["session_uuid"].take().as_str().is_some_and(|uuid| uuid.len() == 36));
}

#[test]
fn by_a_command_it_comes_on_the_input() {
    let sandbox = project(
        "notification.type = shell\nnotification.retries = 0\nnotification.shell.command = cat > told.json; echo seen",
    );
    assert_eq!(notified(&sandbox, 0), [json!(["shell", null])]);
    let told: Value = serde_json::from_str(&sandbox.read("told.json")).expect("JSON");
    assert_eq!((&told["message"], &told["attempt_id"]), (&json!("done 2, ***"), &json!(1)));
}

#[test]
fn a_workflow_that_failed_is_told_of() {
    let sandbox = project(
        "notification.type = shell\nnotification.retries = 0\nnotification.shell.command = cat > told.json",
    )
    .file("main.dig", "+f:\n  fail>: no\n");
    assert_eq!(notified(&sandbox, 1), [json!(["shell", null])]);
    let told: Value = serde_json::from_str(&sandbox.read("told.json")).expect("JSON");
    assert_eq!(told["message"], "Workflow session attempt failed");
}

#[test]
fn by_mail_it_has_a_body_of_its_own_or_a_template() {
    let Some(mut server) = MailServer::start("starttls", Some(("me", "ge heim"))) else { return };
    let properties = format!(
        "notification.type = mail\nnotification.retries = 0\nnotification.mail.host = localhost\nnotification.mail.port = {}\n\
         notification.mail.username = me\nnotification.mail.password = ge heim\n\
         notification.mail.from = sync@example.com\nnotification.mail.to = a@example.com, b@example.com\n\
         notification.mail.cc = c@example.com",
        server.port
    );
    let mut sandbox = project(&properties).file("body.txt", "${task_name}: ${message}\n");
    sandbox.set("SSL_CERT_FILE", server.trusted());
    assert_eq!(notified(&sandbox, 0), [json!(["mail", null])]);
    let mail = server.next();
    assert_eq!(mail["to"], json!(["a@example.com", "b@example.com", "c@example.com"]));
    assert_eq!((&mail["tls"], &mail["headers"]["Subject"]), (&json!(true), &json!("Notification of sync")));
    let text = mail["parts"][0]["text"].as_str().expect("a text");
    assert!(
        text.contains("\nmessage: done 2, ***\n") && text.contains("\ntask name: +main+tell\n"),
        "{text}"
    );
    let template = "\nnotification.mail.subject = told\nnotification.mail.body_template_file = body.txt\nnotification.mail.html = true";
    sandbox.set("DIGDAG_CONFIG", properties + template);
    assert_eq!(notified(&sandbox, 0), [json!(["mail", null])]);
    let mail = server.next();
    assert_eq!(
        mail["parts"],
        json!([{"type": "text/html", "name": null, "text": "+main+tell: done 2, ***\n"}])
    );
}

#[test]
fn what_does_not_get_out_fails_the_task_and_the_address_is_not_told() {
    let webhook = Webhook::start();
    webhook.reply([Reply::Status(500), Reply::Close]);
    let sandbox = project(&format!(
        "notification.type = http\nnotification.http.url = {}\nnotification.retries = 1\n\
         notification.min_retry_wait = 1",
        webhook.url("hook-secret")
    ));
    let said = sandbox.run(["run", "main.dig"]).expect_code(75);
    let warning =
        "the notification was not sent: the receiver of notifications answered 500; next try in 0.001 s";
    assert!(said.stderr.contains(warning), "{}", said.stderr);
    let reason =
        "the receiver of notifications could not be reached: connection closed before message completed";
    let expected =
        format!("error: 1 task failed\n  +main+tell: Sending notification failed\n    cause: {reason}\n");
    assert!(said.stderr.contains(&expected), "{}", said.stderr);
    assert!(!said.stderr.contains("hook-secret"), "{}", said.stderr);
    webhook.reply([Reply::Status(403), Reply::Status(403)]);
    let refused = "the receiver of notifications answered 403";
    // The second is the alert that the workflow failed: it gets out.
    assert_eq!(notified(&sandbox, 1), [json!(["http", refused]), json!(["http", null])]);
}

#[test]
fn without_a_way_it_does_nothing_and_a_wrong_one_is_found_at_once() {
    assert_eq!(notified(&project(""), 0), Vec::<Value>::new());
    let said = project("notification.type = pigeon").run(["run", "main.dig"]).expect_code(65);
    assert_eq!(said.stderr, "error: property `notification.type` takes `shell`, `http` or `mail`\n");
}
