//! Reports on their way to the log server, where each attempt has a place of its own.

use serde_json::Value;

use crate::support::s3;
use crate::support::sandbox::{Said, Sandbox};
use crate::support::servers::{Aws, aws, fresh_name};

fn sandbox(aws: &Aws, prefix: &str) -> Sandbox {
    let mut sandbox = Sandbox::new().file("main.dig", "+a:\n  sh>: test ! -e broken\n").file(
        "sync.properties",
        &format!(
            "log-server.type = s3\nlog-server.s3.bucket = {}\nlog-server.s3.path = {prefix}\n",
            aws.bucket
        ),
    );
    for (name, value) in aws.environment() {
        sandbox.set(name, value);
    }
    sandbox
}

/// The reports below a prefix: the end of the key after the day, and the report.
fn reports(aws: &Aws, prefix: &str) -> Vec<(String, Value)> {
    let objects = s3::objects(aws, prefix).into_iter().filter(|(key, _)| key.ends_with("report.json"));
    let told = |(key, bytes): (String, Vec<u8>)| {
        let end = key.split('/').rev().take(2).collect::<Vec<_>>();
        (format!("{}/{}", end[1], end[0]), serde_json::from_slice(&bytes).expect("JSON, not compressed"))
    };
    objects.map(told).collect()
}

#[test]
fn every_attempt_has_its_own_report_in_the_bucket() {
    let Some(aws) = aws() else { return };
    let prefix = fresh_name("reports");
    let sandbox = sandbox(&aws, &prefix);
    sandbox.write("broken", "");
    let run = ["run", "main.dig", "--session", "2026-01-02", "-c", "sync.properties"];
    sandbox.run(run).expect_code(1);
    sandbox.run(run).expect_code(1);
    std::fs::remove_file(sandbox.path().join("broken")).expect("it is there");
    sandbox.run(["retry", "--session", "last", "-c", "sync.properties"]).expect_code(0);
    let found = reports(&aws, &prefix);
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "0.1main@20260102T000000+0000/report.json",
            "0.1main@20260102T000000+0000_attempt2/report.json",
            "0.1main@20260102T000000+0000_attempt3/report.json",
        ]
    );
    let outcomes: Vec<&str> = found.iter().filter_map(|(_, report)| report["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["failed", "failed", "success"]);
    // The page beside each, which a browser shows and does not save.
    for (key, page) in s3::objects(&aws, &prefix).iter().filter(|(key, _)| key.ends_with("report.html")) {
        assert!(page.starts_with(b"<!DOCTYPE html>"), "{key}");
        assert_eq!(s3::content_type(&aws, key).as_deref(), Some("text/html; charset=utf-8"), "{key}");
    }
    let pages = s3::objects(&aws, &prefix).into_keys().filter(|key| key.ends_with("report.html")).count();
    assert_eq!(pages, 3);
    assert_eq!(found[1].1["retry_command"], "sync retry --session 1 -c sync.properties");
}

#[test]
fn a_report_that_could_not_be_sent_is_sent_by_the_next_run() {
    let Some(aws) = aws() else { return };
    let prefix = fresh_name("reports");
    let sandbox = sandbox(&aws, &prefix);
    let run = ["run", "main.dig", "--session", "2026-01-02", "-c", "sync.properties"];
    let mut away = sandbox.command(run);
    away.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").env("AWS_MAX_ATTEMPTS", "1");
    let said = Said::of(away.output().expect("it starts")).expect_code(0);
    assert!(said.stderr.contains("report.json"), "it is named as kept:\n{}", said.stderr);
    assert_eq!(reports(&aws, &prefix).len(), 0);
    sandbox.run(run).expect_code(0);
    let found = reports(&aws, &prefix);
    assert_eq!(found.len(), 2, "that of the first attempt and that of the second");
    assert_eq!(found[0].1["attempt"], 1);
}
