//! Parameters: deep merging, and the getters that accept what Digdag accepts (`loop>: "3"` is three).

use std::time::Duration;

use serde_json::Value;

use crate::session::Params;

/// A parameter that is not of the kind that is asked for, in Digdag's words: people look for them in logs. They show
/// the beginning of the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// The key is absent.
    #[error("Parameter '{0}' is required but not set")]
    Missing(String),
    /// The key is null.
    #[error("Parameter '{0}' is required but null")]
    Null(String),
    /// The value is of another kind.
    #[error("Expected {expected} for key '{key}' but got {found}")]
    Kind {
        /// The key.
        key: String,
        /// What is wanted.
        expected: &'static str,
        /// What is there, with the name of its type.
        found: String,
    },
}

/// Puts `source` over `target`: maps merge at every depth, anything else is replaced. Keys that were there keep
/// their place, new ones come last.
pub fn merge(target: &mut Params, source: &Params) {
    for (key, value) in source {
        match (target.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(map)) => merge(inner, map),
            (Some(old), _) => *old = value.clone(),
            (None, _) => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Removes what lies at a path of keys, e.g. `["pg", "last_results"]`. A path that leads nowhere changes nothing.
pub fn remove_path(target: &mut Params, path: &[String]) {
    match path {
        [] => {}
        [last] => {
            target.shift_remove(last);
        }
        [first, rest @ ..] => {
            if let Some(Value::Object(inner)) = target.get_mut(first) {
                remove_path(inner, rest);
            }
        }
    }
}

/// What kind of value it is, for messages.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

fn wrong(key: &str, expected: &'static str, value: &Value) -> ParamError {
    ParamError::Kind {
        key: key.to_owned(),
        expected,
        found: format!("{} ({})", sample(value), type_of(value)),
    }
}

/// The beginning of a value, as JSON.
fn sample(value: &Value) -> String {
    let text = value.to_string();
    let Some((end, _)) = text.char_indices().nth(97).filter(|_| text.chars().count() >= 100) else {
        return text;
    };
    format!("{}...", &text[..end])
}

/// Digdag's name for a type.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The value of a key that must be there and not null.
pub fn required<'a>(params: &'a Params, key: &str) -> Result<&'a Value, ParamError> {
    match params.get(key) {
        None => Err(ParamError::Missing(key.to_owned())),
        Some(Value::Null) => Err(ParamError::Null(key.to_owned())),
        Some(value) => Ok(value),
    }
}

/// A boolean: also `"true" "True" "false" "False"`, the empty text and `"null"` (false), and numbers (0 is false).
pub fn to_bool(key: &str, value: &Value) -> Result<bool, ParamError> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::Number(number) => Ok(number.as_f64() != Some(0.0)),
        Value::String(text) => match text.as_str() {
            "true" | "True" => Ok(true),
            "false" | "False" | "" | "null" => Ok(false),
            _ => Err(wrong(key, "'true' or 'false'", value)),
        },
        _ => Err(wrong(key, "'true' or 'false'", value)),
    }
}

/// A whole number: also a float (truncated), numeric text, and the empty text (0).
pub fn to_integer(key: &str, value: &Value) -> Result<i64, ParamError> {
    let integer = match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(truncated)),
        Value::String(text) => match text.trim() {
            "" => Some(0),
            text => text.parse().ok().or_else(|| text.parse().ok().and_then(truncated)),
        },
        _ => None,
    };
    integer.ok_or_else(|| wrong(key, "integer (int) type", value))
}

#[expect(clippy::cast_possible_truncation, reason = "Digdag truncates floats; the bounds are checked first")]
fn truncated(float: f64) -> Option<i64> {
    let bound = 9_007_199_254_740_992.0;
    (float.abs() <= bound).then_some(float as i64)
}

/// A text: numbers and booleans become their text.
pub fn to_text(key: &str, value: &Value) -> Result<String, ParamError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(wrong(key, "string type", value)),
    }
}

/// A map or list, also as JSON text: for the few operators that re-read what `${...}` made a text.
pub fn parsed(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        other => other.clone(),
    }
}

/// A duration in parts `1d 2h 3m 4s` (blanks optional, each unit at most once, in this order).
pub fn to_duration(key: &str, value: &Value) -> Result<Duration, ParamError> {
    let wrong = || wrong(key, "a duration such as `10m` or `1h 30m`", value);
    let Value::String(text) = value else { return Err(wrong()) };
    parse_duration(text).ok_or_else(wrong)
}

fn parse_duration(text: &str) -> Option<Duration> {
    let units = [('d', 86_400_u64), ('h', 3_600), ('m', 60), ('s', 1)];
    let mut seconds = 0_u64;
    let mut digits = String::new();
    let mut next_unit = 0;
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
        } else if let Some(at) = units.iter().position(|(unit, _)| *unit == letter) {
            if at < next_unit || digits.is_empty() {
                return None;
            }
            let part = digits.parse::<u64>().ok()?.checked_mul(units[at].1)?;
            seconds = seconds.checked_add(part)?;
            digits.clear();
            next_unit = at + 1;
        } else if !letter.is_whitespace() {
            return None;
        }
    }
    (digits.is_empty() && next_unit > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Params {
        match value {
            Value::Object(map) => map,
            _ => Params::new(),
        }
    }

    #[test]
    fn maps_merge_at_every_depth_and_lists_are_replaced() {
        let mut target = map(json!({"m": {"a": 1, "b": {"c": 2, "d": 3}, "l": [1, 2]}}));
        merge(&mut target, &map(json!({"m": {"b": {"c": 20}, "l": [9]}, "n": 1})));
        let expected = json!({"m": {"a": 1, "b": {"c": 20, "d": 3}, "l": [9]}, "n": 1});
        assert_eq!(Value::Object(target), expected);
    }

    #[test]
    fn a_path_is_removed_where_it_leads_somewhere() {
        let mut target = map(json!({"pg": {"last_results": 1, "host": "h"}, "x": 1}));
        remove_path(&mut target, &["pg".into(), "last_results".into()]);
        remove_path(&mut target, &["x".into(), "y".into()]);
        remove_path(&mut target, &["z".into()]);
        assert_eq!(Value::Object(target), json!({"pg": {"host": "h"}, "x": 1}));
    }

    #[test]
    fn booleans_and_numbers_are_read_from_text() {
        for (value, expected) in [
            (json!(true), Some(true)),
            (json!("True"), Some(true)),
            (json!(""), Some(false)),
            (json!(0), Some(false)),
            (json!("yes"), None),
            (json!([]), None),
        ] {
            assert_eq!(to_bool("k", &value).ok(), expected, "{value}");
        }
        for (value, expected) in [
            (json!("3"), Some(3)),
            (json!(2.9), Some(2)),
            (json!(""), Some(0)),
            (json!("2.5"), Some(2)),
            (json!("x"), None),
            (json!(true), None),
        ] {
            assert_eq!(to_integer("k", &value).ok(), expected, "{value}");
        }
    }

    #[test]
    fn what_is_of_another_kind_is_told_in_the_words_of_digdag() {
        let long = "x".repeat(200);
        for (error, expected) in [
            (
                to_bool("k", &json!("x")).err(),
                "Expected 'true' or 'false' for key 'k' but got \"x\" (string)".to_owned(),
            ),
            (
                to_bool("k", &json!({"a": 1})).err(),
                "Expected 'true' or 'false' for key 'k' but got {\"a\":1} (object)".to_owned(),
            ),
            (
                to_integer("k", &json!(true)).err(),
                "Expected integer (int) type for key 'k' but got true (boolean)".to_owned(),
            ),
            (
                to_integer("k", &Value::Null).err(),
                "Expected integer (int) type for key 'k' but got null (null)".to_owned(),
            ),
            (
                to_text("k", &json!([1, 2])).err(),
                "Expected string type for key 'k' but got [1,2] (array)".to_owned(),
            ),
            (
                to_duration("k", &json!(5)).err(),
                "Expected a duration such as `10m` or `1h 30m` for key 'k' but got 5 (number)".to_owned(),
            ),
            (
                to_bool("k", &json!(long)).err(),
                format!("Expected 'true' or 'false' for key 'k' but got \"{}... (string)", &long[..96]),
            ),
            (required(&Params::new(), "k").err(), "Parameter 'k' is required but not set".to_owned()),
            (required(&map(json!({"k": null})), "k").err(), "Parameter 'k' is required but null".to_owned()),
        ] {
            assert_eq!(error.map(|error| error.to_string()), Some(expected));
        }
    }

    #[test]
    fn durations_have_units() {
        for (text, expected) in [
            ("600s", Some(600)),
            ("1h30m", Some(5400)),
            ("1d 2h 3m 4s", Some(93_784)),
            ("10", None),
            ("", None),
            ("5m1h", None),
            ("-5m", None),
        ] {
            let seconds = to_duration("k", &json!(text)).ok().map(|duration| duration.as_secs());
            assert_eq!(seconds, expected, "{text}");
        }
        assert!(to_duration("k", &json!(5)).is_err());
    }
}
