//! How long is waited, what people hear of it and how it ends, with looks made for the test.

mod service;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

use super::super::testing::Bench;
use super::super::{Cancel, FailureKind, Operator, Waiting};
use super::*;

const POLLS: Polls = Polls::seconds(5, 300);

/// Finds what it was told to, one a look.
struct Canned(Mutex<VecDeque<Look>>);

impl Canned {
    fn new(looks: impl IntoIterator<Item = Look>) -> Self {
        Self(Mutex::new(looks.into_iter().collect()))
    }
}

impl Operator for Canned {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let option = |key: &str| request.param(key);
        let (bucket, object) = address(request, "x://", "key", option)?;
        let wait = Wait::new(format!("{bucket}/{object}"), "x", POLLS, option)?;
        let look = self.0.lock().unwrap().pop_front().expect("the test says what is found");
        wait.turn(request, look)
    }
}

fn there() -> Look {
    Look::There(Params::from_iter([("metadata".to_owned(), json!({"size": 3}))]))
}

fn no_answer() -> Look {
    let error = OperatorError::unreachable("the store cannot be asked");
    let mut error = error.hint("check the network");
    error.causes.push("connection refused".to_owned());
    Look::NoAnswer(error)
}

/// One turn so many seconds after the first.
fn turn(bench: &Bench, local: Value, look: Look, seconds: u64, state: Value) -> Result<Turn, OperatorError> {
    let since = Instant::now().checked_sub(Duration::from_secs(seconds)).expect("a time");
    bench.turn(&Canned::new([look]), json!({}), local, Waiting { since, state })
}

fn again(turn: Result<Turn, OperatorError>) -> (Duration, Value) {
    match turn {
        Ok(Turn::Again { after, state }) => (after, state),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_object_that_appears_ends_the_wait_and_is_stored() {
    let bench = Bench::new();
    let canned = Canned::new([Look::NotThere, Look::NotThere, there()]);
    let output = bench.run(&canned, json!({}), json!({"x_wait>": "b/k/l"})).expect("it is there");
    assert_eq!(
        Value::Object(output.store),
        json!({"x": {"last_object": {"metadata": {"size": 3}, "result": true}}})
    );
    assert_eq!(output.reset_store, [["x", "last_object"]]);
    assert_eq!(
        bench.log(),
        "Info: object `b/k/l` does not yet exist: waits for it\nInfo: object `b/k/l` is there\n"
    );
    let bench = Bench::new();
    bench.run(&Canned::new([there()]), json!({}), json!({"x_wait>": "b/k"})).expect("it is there");
    assert_eq!(bench.log(), "");
}

#[test]
fn pauses_grow_and_end_with_the_time() {
    let bench = Bench::new();
    let mut state = Value::Null;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let (after, left) = again(turn(&bench, json!({"x_wait>": "b/k"}), Look::NotThere, 0, state));
        pauses.push(after.as_secs());
        state = left;
    }
    assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(POLLS.pause(u32::MAX), POLLS.longest);
    let local = json!({"x_wait>": "b/k", "timeout": "100s"});
    let (after, _) = again(turn(&bench, local, Look::NotThere, 98, json!({"looks": 5, "told": 1})));
    assert!(after <= Duration::from_secs(2), "{after:?}");
}

#[test]
fn people_hear_of_it_at_the_start_and_every_ten_minutes() {
    let bench = Bench::new();
    let local = json!({"x_wait>": "b/k", "timeout": "1d 2h"});
    let mut state = Value::Null;
    for seconds in [0, 5, 599, 600, 1199, 1500, 1799, 90_061] {
        (_, state) = again(turn(&bench, local.clone(), Look::NotThere, seconds, state));
    }
    assert_eq!(
        bench.log(),
        "Info: object `b/k` does not yet exist: waits for it, at most 26h\n\
         Info: object `b/k` does not yet exist: waits since 10m\n\
         Info: object `b/k` does not yet exist: waits since 25m\n\
         Info: object `b/k` does not yet exist: waits since 25h 1m 1s\n"
    );
}

#[test]
fn a_timeout_fails_or_goes_on() {
    let bench = Bench::new();
    let mut local = json!({"x_wait>": "b/k", "timeout": "2m"});
    let error = turn(&bench, local.clone(), Look::NotThere, 120, Value::Null).expect_err("too late");
    assert_eq!(error.message, "object `b/k` did not appear within 2m");
    assert_eq!(
        error.hint.as_deref(),
        Some("raise `timeout`, or go on without it by `continue_on_timeout: true`")
    );
    assert_eq!(error.kind, FailureKind::Failed);
    let error = turn(&bench, local.clone(), no_answer(), 120, Value::Null).expect_err("too late");
    assert_eq!(error.message, "object `b/k` did not appear within 2m");
    assert_eq!(error.causes, ["the store cannot be asked", "connection refused"]);
    assert_eq!(error.kind, FailureKind::Unreachable);
    // What is there counts, however late.
    assert!(matches!(turn(&bench, local.clone(), there(), 500, Value::Null), Ok(Turn::Done(_))));
    assert_eq!(bench.log(), "");

    local["continue_on_timeout"] = "true".into();
    let Ok(Turn::Done(output)) = turn(&bench, local, Look::NotThere, 120, Value::Null) else {
        panic!("it goes on")
    };
    assert_eq!(Value::Object(output.store), json!({"x": {"last_object": {"result": false}}}));
    assert_eq!(output.reset_store, [["x", "last_object"]]);
    assert_eq!(bench.log(), "Warn: object `b/k` did not appear within 2m; the task goes on without it\n");
}

#[test]
fn a_service_may_be_silent_for_an_hour() {
    let bench = Bench::new();
    let local = json!({"x_wait>": "b/k"});
    let (after, state) = again(turn(&bench, local.clone(), no_answer(), 1000, Value::Null));
    assert_eq!(after, Duration::from_secs(5));
    let (_, state) = again(turn(&bench, local.clone(), no_answer(), 4590, state));
    let failed = turn(&bench, local.clone(), no_answer(), 4605, state.clone()).expect_err("it gave up");
    assert_eq!(
        (failed.message.as_str(), failed.kind),
        ("the store cannot be asked", FailureKind::Unreachable)
    );
    // An answer in between begins anew.
    let (_, state) = again(turn(&bench, local.clone(), Look::NotThere, 4595, state));
    again(turn(&bench, local, no_answer(), 9000, state));
    assert_eq!(
        bench.log(),
        "Warn: the store cannot be asked: connection refused; asks again in 5s\n\
         Info: object `b/k` does not yet exist: waits for it\n\
         Warn: the store cannot be asked: connection refused; asks again in 40s\n"
    );
}

#[test]
fn an_object_stands_in_the_value_or_beside_it() {
    let found = |exported: Value, local: Value| {
        let bench = Bench::new();
        let canned = Canned::new([Look::NotThere]);
        bench.turn(&canned, exported, local, Waiting::first()).map_err(|error| error.message)?;
        let log = bench.log();
        Ok::<_, String>(log.split('`').nth(1).expect("the object is named").to_owned())
    };
    let both = json!({"bucket": "b", "key": "k/l"});
    assert_eq!(found(json!({}), json!({"x_wait>": "x://b/k/l"})), Ok("b/k/l".to_owned()));
    assert_eq!(found(json!({}), json!({"x_wait>": "b//k"})), Ok("b//k".to_owned()));
    assert_eq!(found(both.clone(), json!({"x_wait>": null})), Ok("b/k/l".to_owned()));
    let needs = Err("`x_wait>` needs either a value or both `bucket` and `key`".to_owned());
    assert_eq!(found(both, json!({"x_wait>": "value/first"})), Ok("value/first".to_owned()));
    assert_eq!(found(json!({}), json!({"x_wait>": "b/k", "bucket": "b"})), needs);
    assert_eq!(found(json!({}), json!({"x_wait>": "b/k", "key": "k"})), needs);
    assert_eq!(found(json!({}), json!({"x_wait>": null, "bucket": "b"})), needs);
    for (value, shown) in [("b", "b/"), ("b/", "b/"), ("/k", "/k"), ("x://b", "b/")] {
        let wrong = Err(format!("`{shown}` is not a bucket and an object in it"));
        assert_eq!(found(json!({}), json!({"x_wait>": value})), wrong);
    }
}

#[test]
fn a_call_that_hangs_ends_when_the_task_is_to_stop() {
    let cancel = Cancel::default();
    assert_eq!(unless_canceled(&cancel, async { 3 }).map_err(|error| error.message), Ok(3));
    cancel.cancel();
    let ended = unless_canceled(&cancel, std::future::pending::<()>());
    assert_eq!(ended.expect_err("it was stopped").kind, FailureKind::Canceled);
}

#[test]
fn the_pauses_are_digdags() {
    let pauses = |polls: Polls| (0..8).map(|looks| polls.pause(looks).as_secs()).collect::<Vec<_>>();
    let (s3, gcs) = (s3::POLLS, gcs::POLLS);
    assert_eq!(pauses(s3), [5, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(pauses(gcs), [1, 2, 4, 8, 16, 30, 30, 30]);
    for polls in [s3, gcs] {
        assert_eq!(polls.remind, Duration::from_secs(600));
        assert_eq!(polls.silence, Duration::from_secs(3600));
    }
}
