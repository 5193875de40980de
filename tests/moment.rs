//! `moment` in `${...}` against what the real moment 2.21.0 answered, recorded by `fixtures/moment/record.js`.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use sync::dig::expression::{Clock, Evaluator, Limits};
use sync::session::Params;

#[test]
fn every_recorded_call_gets_the_recorded_answer() {
    let now = "2024-03-10T12:34:56.789Z".parse().expect("a time");
    let mut evaluators: BTreeMap<String, Evaluator> = BTreeMap::new();
    let mut differences = Vec::new();
    let mut count = 0;
    let more =
        std::env::var("SYNC_TEST_MOMENT").map(|path| std::fs::read_to_string(path).expect("the records"));
    let records = more.as_deref().unwrap_or(include_str!("fixtures/moment/recorded.jsonl"));
    for line in records.lines() {
        let (zone, code, expected): (String, String, Option<String>) =
            serde_json::from_str(line).expect("a record");
        let evaluator = evaluators.entry(zone.clone()).or_insert_with(|| {
            let zone = TimeZone::get(&zone).expect("a known zone");
            Evaluator::new(zone, Clock::fixed(now), Limits::default())
        });
        let answer = evaluator.evaluate_text(&format!("${{{code}}}"), &Params::new());
        if answer.as_ref().ok() != expected.as_ref() {
            let answer = answer.unwrap_or_else(|error| error.reason);
            let expected = expected.unwrap_or_else(|| "that it cannot".to_owned());
            differences.push(format!("{zone}: {code}\n  moment says {expected}\n  we say      {answer}"));
        }
        count += 1;
    }
    assert!(count > 1000, "only {count} records");
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), differences.join("\n"));
}
