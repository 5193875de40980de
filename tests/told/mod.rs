//! A failure gets out, however a run ended: people are told of it at the end, or at the next start.

mod begun;
mod lost;
mod notices;
mod notify_test;
mod undelivered;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::support::running::without_ignored_signals;
use crate::support::sandbox::Sandbox;
use crate::support::webhook::{Received, Webhook};

const DAY: &str = "--session=2026-01-02";

/// A project whose people are told over HTTP, once each time.
fn project(webhook: &Webhook) -> Sandbox {
    let mut sandbox = Sandbox::new()
        .file("main.dig", "+a: {sh>: 'test -e go || { echo working; exec sleep 1000; }'}\n")
        .file("other.dig", "+o: {sh>: echo other}\n")
        .file("broken.dig", "+f: {fail>: broken}\n");
    sandbox.set(
        "DIGDAG_CONFIG",
        format!(
            "notification.type = http\nnotification.retries = 0\nnotification.min_retry_wait = 1\n\
             notification.http.url = {}",
            webhook.url("hook-secret")
        ),
    );
    sandbox
}

/// Starts a run whose first task says that it works, and never ends.
fn working(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = without_ignored_signals(&sandbox.command(arguments));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("it is text");
    assert_eq!(line, "working\n");
    child
}

/// Starts it and kills it.
fn killed(sandbox: &Sandbox) {
    let mut child = working(sandbox, &["run", "main.dig", DAY]);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

fn messages(received: &[Received]) -> Vec<String> {
    let text = |one: &Received| one.json()["message"].as_str().expect("a text").to_owned();
    received.iter().map(text).collect()
}

/// What `status --json` says that people do not know.
fn undelivered(sandbox: &Sandbox) -> Vec<Value> {
    let said = sandbox.run(["status", "--json"]).expect_code(0).stdout;
    let status: Value = serde_json::from_str(&said).expect("JSON");
    status["undelivered"].as_array().expect("a list").clone()
}
