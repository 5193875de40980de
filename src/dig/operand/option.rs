//! Options beside an operator: what they take, where it is written out. Null stands for nothing written.

use serde_json::Value;

use super::super::compile::{find, holds_template, span_of};
use super::super::params;
use super::CODE;
use crate::diagnostic::Problem;
use crate::yaml::{Entry, NodeValue};

/// The option `key`, unless it is only known at run time.
pub(super) fn literal<'n>(entries: &[&'n Entry], key: &str) -> Option<&'n Entry> {
    find(entries, key).filter(|entry| {
        !matches!(entry.value.value, NodeValue::Scalar(Value::Null)) && !holds_template(&entry.value)
    })
}

/// An option that takes something else.
pub(super) fn wrong(entry: &Entry, key: &str, expected: &str) -> Problem {
    let message = match entry.value.as_str() {
        Some(_) => format!("`{key}` takes {expected}"),
        None => format!("`{key}` takes {expected}, not {}", entry.value.kind()),
    };
    Problem::error(CODE, message, span_of(entry))
}

/// Options that take yes or no.
pub(super) fn flags(entries: &[&Entry], keys: &[&str]) -> Vec<Problem> {
    let wrong_ones = keys.iter().filter_map(|key| {
        let entry = literal(entries, key)?;
        params::to_bool(key, &entry.value.to_json()).is_err().then(|| wrong(entry, key, "`true` or `false`"))
    });
    wrong_ones.collect()
}

/// An option that takes a whole number within bounds.
pub(super) fn number(
    entries: &[&Entry],
    key: &str,
    bounds: std::ops::RangeInclusive<i64>,
) -> Option<Problem> {
    let entry = literal(entries, key)?;
    match params::to_integer(key, &entry.value.to_json()) {
        Ok(number) if bounds.contains(&number) => None,
        Ok(_) => {
            let (from, to) = (bounds.start(), bounds.end());
            let message = format!("`{key}` takes a number from {from} to {to}");
            Some(Problem::error(CODE, message, span_of(entry)))
        }
        Err(_) => Some(wrong(entry, key, "a whole number")),
    }
}
