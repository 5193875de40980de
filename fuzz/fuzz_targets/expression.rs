//! Evaluation of whatever a person writes between `${` and `}`: it ends, within its limits, with a text or an error.

#![no_main]

use std::cell::RefCell;

use jiff::{Timestamp, tz::TimeZone};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sync::dig::expression::{Clock, Evaluator, Limits, Tolerance};
use sync::session::Params;

thread_local! {
    /// One engine for many texts, as a worker has it. A text must not change what the next one sees.
    static EVALUATOR: RefCell<Evaluator> = RefCell::new(evaluator());
}

fuzz_target!(|text: &str| {
    let text = if text.contains("${") { text.to_owned() } else { format!("${{{text}}}") };
    let object = params(json!({"first": text, "list": [text, 1], "nested": {"a": text}, "last": "${first}"}));
    let base = params(json!({"x": 1, "text": "abc", "list": [1, "two", null], "map": {"a": {"b": true}}}));
    EVALUATOR.with_borrow(|evaluator| {
        let _ = evaluator.evaluate_text(&text, &base);
        let _ = evaluator.evaluate_object(&object, &base, Tolerance::Refuse);
        assert_eq!(evaluator.evaluate_text("${x + text}", &base).as_deref(), Ok("1abc"));
    });
});

fn evaluator() -> Evaluator {
    let limits = Limits { memory_bytes: 16 << 20, steps: 200_000, ..Limits::default() };
    Evaluator::new(
        TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::UTC),
        Clock::fixed(Timestamp::UNIX_EPOCH),
        limits,
    )
}

fn params(value: Value) -> Params {
    value.as_object().cloned().unwrap_or_default()
}
