//! What fails is told, and only that is done again.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::estate::{Estate, FORMS, Form, Target};
use super::leaks;
use crate::support::bigquery::BigQueryKind;
use crate::support::google::FakeGoogle;
use crate::support::{s3, servers};

/// The table that the reader may not read.
const UNREADABLE: &str = "plain_01";
/// The table with a value that the target refuses.
const REFUSED: &str = "plain_02";

#[test]
fn a_read_and_a_load_fail_and_retry_does_just_those_two() {
    for form in FORMS {
        let Some(fake) = fake() else { return };
        let Some(estate) = Estate::new(form, Target::of_fake(&fake)) else { return };
        estate.revoke(UNREADABLE);
        fake.rule(&json!({
            "method": "POST", "path": "/jobs", "body": format!("\"tableId\": ?\"{REFUSED}\""), "times": 0,
            "action": "job_fail", "reason": "invalid",
            "message": "Error while reading data, error message: JSON parsing error in row starting at position 0: \
                        Could not convert value 'string_value: \"row 1\"' to integer. Field: number; Value: row 1",
        }));
        let said = estate.run().expect_code(1);
        for table in [UNREADABLE, REFUSED] {
            assert!(said.stderr.contains(table), "{table}: {}", said.stderr);
        }
        assert!(said.stdout.contains("38 in all"), "{}", said.stdout);
        let docker = "--docker never";
        assert!(
            said.stderr.contains(&format!("`sync retry --session 1 -c sync.properties {docker}`")),
            "{}",
            said.stderr
        );
        for table in &estate.tables {
            if ![UNREADABLE, REFUSED].contains(&table.name.as_str()) {
                estate.assert_table_equal(table);
            }
        }
        check_slack(&estate);
        check_logs(&estate);
        check_leaks(&estate, &[&said.stdout, &said.stderr]);

        fake.forget_rules();
        estate.grant(UNREADABLE);
        let jobs = fake.calls_to("POST", "/jobs").len();
        let said = estate.retry().expect_code(0);
        assert!(said.stdout.contains("2 in all"), "{}", said.stdout);
        assert_eq!(fake.calls_to("POST", "/jobs").len() - jobs, 2, "{form:?}");
        estate.assert_equal();
        assert_eq!(estate.target.staged(), Vec::<String>::new());
        let ran = ran_in_attempt(&estate, 2);
        let mut expected = vec![UNREADABLE, REFUSED];
        if form == Form::Ruby {
            assert!(ran.iter().any(|task| task.ends_with("+get_credentials")), "{ran:?}");
            assert!(said.stderr.contains("+get_credentials: runs again: "), "{}", said.stderr);
            expected.push("+get_credentials");
        }
        assert_eq!(ran.len(), expected.len(), "{ran:?}");
        check_leaks(&estate, &[&said.stdout, &said.stderr]);

        let said = estate.retry().expect_code(0);
        assert!(said.stderr.contains("nothing is left to do"), "{}", said.stderr);
    }
}

/// Before an emulator where one is that knows dispositions, else alone.
fn fake() -> Option<FakeGoogle> {
    let emulators = servers::bigquery_emulators();
    match emulators.iter().find(|emulator| emulator.kind == BigQueryKind::LocalBigquery) {
        Some(emulator) => FakeGoogle::before(emulator),
        None => FakeGoogle::start(),
    }
}

/// The tasks that did work in an attempt: those that only generate others left out.
fn ran_in_attempt(estate: &Estate, attempt: i64) -> Vec<String> {
    let said = estate.sandbox.run(["status", "--session", "last", "--json"]).expect_code(0);
    let status: Value = serde_json::from_str(&said.stdout).expect("status prints JSON");
    let tasks = status["tasks"].as_array().expect("a list of tasks");
    tasks
        .iter()
        .filter(|task| task["attempt"] == attempt)
        .filter(|task| matches!(task["operator"].as_str(), Some("sh" | "rb" | "mysql" | "slack")))
        .map(|task| task["task"].as_str().expect("a task has a name").to_owned())
        .collect()
}

/// One message for each of the two, naming the table and the cause.
fn check_slack(estate: &Estate) {
    let messages: Vec<String> =
        estate.slack.received().iter().map(|request| decoded(&request.body)).collect();
    assert_eq!(messages.len(), 2, "{messages:?}");
    for (table, cause) in [(UNREADABLE, "SELECT command denied"), (REFUSED, "invalid")] {
        let found = messages.iter().find(|message| message.contains(table));
        let message = found.unwrap_or_else(|| panic!("no message about {table}: {messages:?}"));
        assert!(message.contains(cause), "{message}");
    }
}

/// A form field as text.
fn decoded(body: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = body.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| char::from(digit.unwrap_or(b'0')));
                let digits: String = digits.iter().collect();
                bytes.push(u8::from_str_radix(&digits, 16).expect("two hexadecimal digits"));
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// The logs and reports that went to S3, unpacked.
fn kept_in_s3(estate: &Estate) -> BTreeMap<String, String> {
    let unpacked = |key: &str, bytes: Vec<u8>| match key.ends_with(".gz") {
        true => s3::gunzip(&bytes),
        false => String::from_utf8(bytes).expect("JSON is UTF-8"),
    };
    let objects = s3::objects(&estate.aws, &estate.log_prefix).into_iter();
    objects.map(|(key, bytes)| (key.clone(), unpacked(&key, bytes))).collect()
}

/// The logs of both failed tasks are in S3, with the cause.
fn check_logs(estate: &Estate) {
    let logs: Vec<String> = kept_in_s3(estate).into_values().collect();
    for cause in ["SELECT command denied", "Field: number"] {
        assert!(logs.iter().any(|log| log.contains(cause)), "no log with {cause}");
    }
}

/// No secret in what was printed, in the state and the logs, in S3, in Slack's messages; no value of a row in an
/// error.
fn check_leaks(estate: &Estate, printed: &[&str]) {
    let secrets = &estate.secrets;
    for text in printed {
        leaks::assert_none(secrets, "what was printed", text);
        assert!(!text.contains("row 1\"") && !text.contains("Value: row 1"), "a value of a row: {text}");
    }
    leaks::assert_none_below(secrets, &estate.sandbox.path());
    for (key, text) in kept_in_s3(estate) {
        leaks::assert_none(secrets, &key, &text);
    }
    for request in estate.slack.received() {
        leaks::assert_none(secrets, "a message to Slack", &decoded(&request.body));
    }
    leaks::assert_none_in_arguments(secrets);
}
