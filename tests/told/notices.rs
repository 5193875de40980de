//! `sync.notify.*`: what people are told of, in which way, and until it has arrived.

use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{DAY, undelivered, working};
use crate::support::mail::MailServer;
use crate::support::sandbox::Sandbox;
use crate::support::servers::{self, aws, fresh_name};
use crate::support::webhook::{Received, Reply, Webhook};

/// Copies the tables of a list; one that is not there fails.
const COPIES: &str =
    "+copy:\n  for_each>: {TABLE: [orders, users]}\n  _do: {sh>: embulk run -l warn t.yml.liquid}\n";
const TRANSFER: &str = "in: {type: sqlite, database: shop.db, table: {{ env.TABLE }}}\n\
    out: {type: file, path_prefix: '{{ env.TABLE }}', sequence_format: '', file_ext: .csv, formatter: {type: csv}}\n";

fn project(properties: &str) -> Sandbox {
    let mut sandbox = Sandbox::new()
        .file("copies.dig", COPIES)
        .file("t.yml.liquid", TRANSFER)
        .file("main.dig", "+a: {sh>: 'test -e go || { echo working; exec sleep 1000; }'}\n")
        .file("other.dig", "+o: {sh>: test ! -e broken}\n")
        .file("broken.dig", "+f: {fail>: \"no <luck> & hunter2\"}\n");
    shop(&sandbox)
        .execute_batch("create table orders (id integer); insert into orders values (1), (2)")
        .expect("made");
    sandbox.set("SYNC_SECRET_OTHER", "hunter2");
    sandbox.set("DIGDAG_CONFIG", properties);
    sandbox
}

fn shop(sandbox: &Sandbox) -> Connection {
    Connection::open(sandbox.path().join("shop.db")).expect("a database")
}

fn state(sandbox: &Sandbox) -> Connection {
    Connection::open(sandbox.path().join(".sync/state.db")).expect("a state")
}

fn by_slack(webhook: &Webhook) -> Sandbox {
    project(&format!("sync.notify.slack.url = {}", webhook.url("hook-secret")))
}

/// What the heads of messages of Slack say.
fn titles(received: &[Received]) -> Vec<String> {
    let title = |one: &Received| one.json()["blocks"][0]["text"]["text"].as_str().expect("a text").to_owned();
    received.iter().map(title).collect()
}

/// The texts of a message of Slack, but for its head and facts.
fn texts(message: &Value) -> Vec<String> {
    let blocks = message["blocks"].as_array().expect("blocks").iter();
    blocks.filter_map(|block| block["text"]["text"].as_str()).skip(2).map(str::to_owned).collect()
}

/// Holds what was sent against the models of Slack's own SDK.
fn check_messages(received: &[Received]) {
    let Some(python) = servers::variable("SYNC_TEST_SLACK_SDK", "Python with slack_sdk") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let files = received.iter().enumerate().map(|(number, one)| {
        let file = folder.path().join(format!("{number}.json"));
        std::fs::write(&file, &one.body).expect("written");
        file
    });
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/check_slack.py");
    let done = Command::new(python).arg(program).args(files).output().expect("it starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&[done.stdout, done.stderr].concat()));
}

#[test]
fn a_failure_is_told_with_its_tables_and_cause() {
    let webhook = Webhook::start();
    let sandbox = by_slack(&webhook);
    let said = sandbox.run(["run", "copies.dig", DAY, "--project", "."]).expect_code(1);
    assert!(said.stderr.contains("people were told of attempt 1 of copies by slack\n"), "{}", said.stderr);
    let received = webhook.received();
    assert_eq!(received.len(), 1);
    let header = received[0].headers.iter().find(|(name, _)| name == "content-type");
    assert_eq!(header.map(|(_, value)| value.as_str()), Some("application/json"));
    let message = received[0].json();
    let sentence = "`copies` failed: 1 task (session 1 of 2026-01-02T00:00:00+00:00, attempt 1)";
    assert_eq!(message["text"], format!("copies: failed: {sentence}"));
    assert_eq!(
        texts(&message),
        [
            "*`+copies+copy^sub+for-0=TABLE=1=users`*\n`sqlite shop.db users` → `file users.csv`\n\
             ```Command failed with code 1: no such table: users```\nHint: `check the query in the config`",
            "Run what is left:\n```sync retry --session 1 --project .```"
        ]
    );
    sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    let message = webhook.received()[1].json();
    assert!(texts(&message)[0].contains("no &lt;luck&gt; &amp; ***"), "{message}");
    check_messages(&webhook.received());
    assert_eq!(undelivered(&sandbox), [json!(null); 0]);
}

#[test]
fn a_success_is_told_of_after_a_failure_and_where_it_is_asked_for() {
    let webhook = Webhook::start();
    let mut sandbox = by_slack(&webhook);
    sandbox.write("broken", "");
    sandbox.run(["run", "other.dig", DAY]).expect_code(1);
    std::fs::remove_file(sandbox.path().join("broken")).expect("it is there");
    sandbox.run(["retry", "--session", "1"]).expect_code(0);
    sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    assert_eq!(titles(&webhook.received()), ["other: failed", "other: works again"]);
    let url = webhook.url("hook");
    sandbox.set("DIGDAG_CONFIG", format!("sync.notify.slack.url = {url}\nsync.notify.on = success"));
    sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    assert_eq!(titles(&webhook.received())[2..], ["other: succeeded"]);
    check_messages(&webhook.received());
}

#[test]
fn a_table_without_rows_is_told_of_once() {
    let webhook = Webhook::start();
    let sandbox = by_slack(&webhook);
    shop(&sandbox).execute_batch("create table users (id integer)").expect("made");
    sandbox.run(["run", "copies.dig", DAY]).expect_code(0);
    assert_eq!(webhook.received().len(), 0, "nobody knows that it had rows");
    shop(&sandbox).execute_batch("delete from orders").expect("done");
    for _ in 0..2 {
        sandbox.run(["run", "copies.dig", DAY]).expect_code(0);
    }
    let received = webhook.received();
    assert_eq!(titles(&received), ["copies: 1 table has no rows"]);
    let expected = "*No rows* (1)\n`sqlite shop.db orders → file orders.csv: 0 rows, 2 the last time`";
    assert_eq!(texts(&received[0].json()), [expected]);
    check_messages(&received);
}

#[test]
fn a_slow_run_is_told_of() {
    let webhook = Webhook::start();
    let sandbox = by_slack(&webhook);
    for _ in 0..3 {
        sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    }
    assert_eq!(webhook.received().len(), 0);
    state(&sandbox).execute_batch("update attempts set finished_at = started_at").expect("done");
    sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    let received = webhook.received();
    assert_eq!(titles(&received), ["other: was slow"]);
    let text = texts(&received[0].json()).remove(0);
    assert!(text.ends_with("s, more than twice the median of its last 3 runs, 0.0s."), "{text}");
    check_messages(&received);
}

#[test]
fn a_run_that_was_killed_is_told_of_by_the_next_one() {
    let webhook = Webhook::start();
    let sandbox = by_slack(&webhook);
    let mut child = working(&sandbox, &["run", "main.dig", DAY]);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let said = sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    assert!(said.stderr.contains("people were told of attempt 1 of main by slack\n"), "{}", said.stderr);
    let received = webhook.received();
    assert_eq!(titles(&received), ["main: ended without a word"]);
    assert_eq!(texts(&received[0].json()), ["Run what is left:\n```sync retry --session 1```"]);
    check_messages(&received);
}

/// Its process was killed when it had recorded its end, and had told nobody.
#[test]
fn an_end_that_nobody_has_looked_at_is_told_of_by_the_next_run() {
    let webhook = Webhook::start();
    let mut sandbox = project("");
    sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    state(&sandbox)
        .execute(
            "insert into undelivered (project, attempt, reason, since)
             select s.project, a.id, 'ended', ?1 from attempts a join sessions s on s.id = a.session",
            [jiff::Timestamp::now().to_string()],
        )
        .expect("done");
    assert_eq!(undelivered(&sandbox), [json!(null); 0]);
    sandbox.set("DIGDAG_CONFIG", format!("sync.notify.slack.url = {}", webhook.url("hook")));
    for _ in 0..2 {
        sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    }
    assert_eq!(titles(&webhook.received()), ["broken: failed"]);
}

#[test]
fn each_way_is_told_until_it_has_heard() {
    let (slack, http) = (Webhook::start(), Webhook::start());
    let sandbox = project(&format!(
        "sync.notify.slack.url = {}\nsync.notify.http.url = {}\nsync.notify.http.method = PUT\n\
         sync.notify.http.headers.Authorization = Bearer t0ken\nnotification.retries = 0\n\
         sync.notify.shell.command = cat > told.json; echo seen",
        slack.url("hook-secret"),
        http.url("http-secret")
    ));
    slack.reply([Reply::Status(500)]);
    let said = sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    let warning = "warning: the notification of attempt 1 of broken by slack was not delivered: the receiver of \
                   notifications answered 500; the next `run` or `retry` sends it again\n";
    assert!(said.stderr.contains(warning), "{}", said.stderr);
    let left = undelivered(&sandbox);
    assert_eq!(
        (left.len(), &left[0]["reason"], &left[0]["attempt"], &left[0]["channel"]),
        (1, &json!("notice"), &json!(1), &json!("slack"))
    );
    let shown = sandbox.run(["status"]).expect_code(0).stdout;
    assert!(shown.contains("was not delivered: 1 try by slack") && !shown.contains("secret"), "{shown}");
    sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    assert_eq!(titles(&slack.received()), ["broken: failed"; 2]);
    let received = http.received();
    assert_eq!(
        (received.len(), received[0].method.as_str(), received[0].path.as_str()),
        (1, "PUT", "/http-secret")
    );
    assert!(received[0].headers.contains(&("authorization".into(), "Bearer t0ken".into())));
    let body = received[0].json();
    assert_eq!(
        (&body["version"], &body["test"], &body["events"], &body["outcome"], &body["failed_count"]),
        (&json!(1), &json!(false), &json!(["failure"]), &json!("failed"), &json!(1))
    );
    assert_eq!(
        (&body["workflow"], &body["failed"][0]["task"], &body["retry_command"], &body["way"]),
        (&json!("broken"), &json!("+broken+f"), &json!("sync retry --session 1"), &json!(null))
    );
    assert_eq!(serde_json::from_str::<Value>(&sandbox.read("told.json")).expect("JSON"), body);
    assert_eq!(undelivered(&sandbox), [json!(null); 0]);
}

#[test]
fn digdags_own_way_is_told_what_it_always_was() {
    let (slack, digdag) = (Webhook::start(), Webhook::start());
    let sandbox = project(&format!(
        "sync.notify.slack.url = {}\nnotification.type = http\nnotification.http.url = {}",
        slack.url("a"),
        digdag.url("b")
    ));
    sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    let mut child = working(&sandbox, &["run", "main.dig", DAY]);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    sandbox.run(["notify", "--lost"]).expect_code(0);
    sandbox.run(["run", "odd.dig", "--scheduled"]).expect_code(65);
    let digdag = super::messages(&digdag.received());
    assert_eq!(digdag[0], "Workflow session attempt failed");
    assert!(digdag[1].starts_with("Workflow session attempt 2 of `main`"), "{digdag:?}");
    assert!(digdag[2].starts_with("`odd.dig` did not run: "), "{digdag:?}");
    assert_eq!(digdag.len(), 3);
    let slack = slack.received();
    let titles = titles(&slack);
    assert_eq!(titles[..2], ["broken: failed", "main: ended without a word"]);
    assert!(titles.len() == 3 && titles[2].ends_with(": a run did not begin"), "{titles:?}");
    check_messages(&slack);
}

#[test]
fn a_run_that_could_not_begin_waits_once() {
    let webhook = Webhook::start();
    let sandbox = by_slack(&webhook).file("odd.dig", "+a: {embluk>: x.yml}\n");
    webhook.reply([Reply::Status(500); 2]);
    sandbox.run(["run", "odd.dig", "--scheduled"]).expect_code(65);
    sandbox.run(["run", "odd.dig", "--scheduled"]).expect_code(65);
    assert_eq!(undelivered(&sandbox).len(), 1);
    sandbox.run(["notify", "--lost"]).expect_code(0);
    let received = webhook.received();
    assert_eq!(received.len(), 3);
    let sentence = "`odd.dig` did not run: it, or a file that it needs, is invalid: `sync check` says where";
    assert_eq!(received[2].json()["blocks"][1]["text"]["text"], sentence);
    check_messages(&received);
}

#[test]
fn an_address_may_be_a_secret_of_the_safe() {
    let webhook = Webhook::start();
    let mut sandbox = project("sync.notify.slack.url = ${secret:slack.hook}");
    let said = sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    assert!(
        said.stderr.contains("was not delivered: Secret not found for key: 'slack.hook'"),
        "{}",
        said.stderr
    );
    sandbox.set("SYNC_SECRET_SLACK_HOOK", webhook.url("hook-secret"));
    sandbox.run(["run", "other.dig", DAY]).expect_code(0);
    assert_eq!(titles(&webhook.received()), ["broken: failed"]);
}

#[test]
fn by_mail_it_is_a_text() {
    let Some(mut server) = MailServer::start("starttls", Some(("me", "ge heim"))) else { return };
    let mut sandbox = project(&format!(
        "config.mail.host = localhost\nconfig.mail.port = {}\nconfig.mail.username = me\n\
         config.mail.password = ge heim\nconfig.mail.from = sync@example.com\n\
         sync.notify.mail.to = a@example.com, b@example.com",
        server.port
    ));
    sandbox.set("SSL_CERT_FILE", server.trusted());
    sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    let mail = server.next();
    assert_eq!(
        (&mail["to"], &mail["headers"]["Subject"]),
        (&json!(["a@example.com", "b@example.com"]), &json!("broken: failed"))
    );
    let text = mail["parts"][0]["text"].as_str().expect("a text");
    assert!(text.contains("Failed (1):\n  +broken+f\n    no <luck> & ***\n"), "{text}");
    assert!(text.contains("\nRun what is left:\n  sync retry --session 1\n"), "{text}");
}

#[test]
fn a_link_leads_to_the_report() {
    let Some(aws) = aws() else { return };
    let (webhook, prefix) = (Webhook::start(), fresh_name("notices"));
    let mut sandbox = project(&format!(
        "sync.notify.http.url = {}\nlog-server.type = s3\nlog-server.s3.bucket = {}\nlog-server.s3.path = {prefix}",
        webhook.url("hook"),
        aws.bucket
    ));
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    sandbox.run(["run", "broken.dig", DAY]).expect_code(1);
    let report = webhook.received()[0].json()["report"].take();
    let object = report["object"].as_str().expect("a text");
    let key = object.strip_prefix(&format!("s3://{}/", aws.bucket)).expect("an object of the bucket");
    let keys: Vec<String> = crate::support::s3::objects(&aws, &prefix).into_keys().collect();
    assert!(keys.contains(&key.to_owned()), "{key} is not among {keys:?}");
    let url = report["url"].as_str().expect("a text");
    assert!(url.starts_with("http") && url.contains(&prefix) && url.contains("%40"), "{url}");
}

#[test]
fn what_is_wrong_is_found_before_anything_runs() {
    let sandbox = project("sync.notify.slack.url = nowhere");
    let said = sandbox.run(["run", "other.dig", DAY]).expect_code(65);
    let expected =
        "error: property `sync.notify.slack.url` takes an address of http or https, or `${secret:NAME}`\n";
    assert_eq!(said.stderr, expected);
}
