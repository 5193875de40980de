//! `kill -9` at any moment, then a retry: every table equal, nothing twice, nothing left behind.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::estate::{Estate, FORMS, Form, Target};
use super::leaks;
use crate::google_clients;
use crate::support::google::FakeGoogle;

/// Kills the flow at a moment that `reach` waits for, then retries.
#[track_caller]
fn kill_and_retry(form: Form, prepare: impl Fn(&FakeGoogle, &Estate), reach: impl Fn(&FakeGoogle, &Estate)) {
    let Some(fake) = FakeGoogle::start() else { return };
    let Some(estate) = Estate::new(form, Target::of_fake(&fake)) else { return };
    prepare(&fake, &estate);
    let mut flow: Child = estate
        .sandbox
        .command(estate.run_arguments())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    reach(&fake, &estate);
    leaks::assert_none_in_arguments(&estate.secrets);
    flow.kill().expect("it runs");
    flow.wait().expect("it ends");
    leaks::assert_none_below(&estate.secrets, &estate.sandbox.path());
    fake.forget_rules();
    fake.polls(0);
    estate.proxy.clear();

    let said = estate.retry().expect_code(0);
    leaks::assert_none(&estate.secrets, "what was printed", &said.stderr);
    estate.assert_equal();
    assert_eq!(estate.target.staged(), Vec::<String>::new());
    for (table, times) in published(&fake) {
        assert_eq!(times, 1, "{table} was loaded {times} times");
    }
    google_clients::check_calls(&fake);
}

/// How often rows were published into each table.
fn published(fake: &FakeGoogle) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for call in fake.calls_to("POST", "/jobs") {
        if call["status"] == 200 && call["response"]["jobReference"].is_object() {
            let load: &Value = &call["body"]["configuration"]["load"];
            let table = load["destinationTable"]["tableId"].as_str().unwrap_or_default();
            *times.entry(table.to_owned()).or_default() += 1;
        }
    }
    // Two tables have no rows, so there is nothing to load.
    assert_eq!(times.len(), 38, "{times:?}");
    times
}

#[test]
fn while_reading() {
    for form in FORMS {
        kill_and_retry(
            form,
            |_, estate| estate.proxy.hold_after(300_000),
            |_, estate| estate.proxy.await_fault(),
        );
    }
}

#[test]
fn while_uploading() {
    for form in FORMS {
        let rule = json!({"id": "here", "method": "PUT", "path": "/upload/", "after": 5, "action": "hold"});
        kill_and_retry(form, |fake, _| fake.rule(&rule), |fake, _| drop(fake.await_rule("here", 1)));
    }
}

#[test]
fn between_a_job_and_its_answer() {
    for form in FORMS {
        let rule =
            json!({"id": "here", "method": "POST", "path": "/jobs", "after": 3, "action": "hold_answer"});
        kill_and_retry(form, |fake, _| fake.rule(&rule), |fake, _| drop(fake.await_rule("here", 1)));
    }
}

#[test]
fn while_polling() {
    for form in FORMS {
        let rule = json!({"id": "here", "method": "GET", "path": "/jobs/", "after": 4, "action": "hold"});
        let prepare = |fake: &FakeGoogle, _: &Estate| {
            fake.polls(2);
            fake.rule(&rule);
        };
        kill_and_retry(form, prepare, |fake, _| drop(fake.await_rule("here", 1)));
    }
}

#[test]
fn before_the_last_event() {
    for form in FORMS {
        let rule = json!({"id": "here", "method": "DELETE", "path": "/o/", "after": 6, "action": "hold"});
        kill_and_retry(form, |fake, _| fake.rule(&rule), |fake, _| drop(fake.await_rule("here", 1)));
    }
}
