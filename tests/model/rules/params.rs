//! Parameters: how they are merged, and how operators read them.

use serde_json::Value;

use crate::model::story::Params;

/// What an operator left for the tasks after it: paths that are taken away, then values that are merged.
#[derive(Debug, Clone, Default)]
pub struct Left {
    pub reset: Vec<Vec<String>>,
    pub store: Params,
}

impl Left {
    /// Puts it over what is in scope.
    pub fn apply(&self, scope: &mut Params) {
        for path in &self.reset {
            remove(scope, path);
        }
        merge(scope, &self.store);
    }
}

/// Maps merge at every depth, anything else replaces.
pub fn merge(target: &mut Params, source: &Params) {
    for (key, value) in source {
        let merged = match (target.get(key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let mut old = old.clone();
                merge(&mut old, new);
                Value::Object(old)
            }
            _ => value.clone(),
        };
        target.insert(key.clone(), merged);
    }
}

fn remove(target: &mut Params, path: &[String]) {
    let Some((last, above)) = path.split_last() else { return };
    let mut map = target;
    for key in above {
        match map.get_mut(key) {
            Some(Value::Object(inner)) => map = inner,
            _ => return,
        }
    }
    map.shift_remove(last);
}

/// The map under a key; empty when there is none.
pub fn map_at(written: &Params, key: &str) -> Params {
    written.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The value of a task's key: a map, or a list of maps that are put over each other.
pub fn task_map(value: &Value) -> Params {
    match value {
        Value::Object(map) => map.clone(),
        Value::Array(maps) => {
            let mut all = Params::new();
            for map in maps.iter().filter_map(Value::as_object) {
                all.extend(map.clone());
            }
            all
        }
        _ => Params::new(),
    }
}

/// A directive that must be written out.
pub fn flag(written: &Params, key: &str) -> bool {
    written.get(key).is_some_and(|value| boolean(key, value) == Ok(true))
}

/// A text that holds JSON counts as what it holds.
pub fn parsed(value: &Value) -> Value {
    let text = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    text.unwrap_or_else(|| value.clone())
}

/// The getters accept what means the same; their refusals are the program's own words.
pub fn boolean(key: &str, value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::Number(number) => Ok(number.as_f64() != Some(0.0)),
        Value::String(text) if ["true", "True"].contains(&text.as_str()) => Ok(true),
        Value::String(text) if ["false", "False", "", "null"].contains(&text.as_str()) => Ok(false),
        other => Err(wrong(key, "'true' or 'false'", other)),
    }
}

/// See [`boolean`].
pub fn integer(key: &str, value: &Value) -> Result<i64, String> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.is_empty() => Some(0),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| wrong(key, "integer (int) type", value))
}

/// See [`boolean`].
pub fn text(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null => Err(format!("Parameter '{key}' is required but not set")),
        other => Err(wrong(key, "string type", other)),
    }
}

fn wrong(key: &str, expected: &str, value: &Value) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let mut shown = value.to_string();
    if shown.chars().count() >= 100 {
        shown = shown.chars().take(97).chain("...".chars()).collect();
    }
    format!("Expected {expected} for key '{key}' but got {shown} ({kind})")
}

/// How messages call a value.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// `_retry`: how often again. Nothing that cannot be read is retried.
pub fn retries(value: Option<&Value>) -> u32 {
    let limit = match value {
        Some(Value::Object(map)) => map.get("limit"),
        other => other,
    };
    let limit = limit.filter(|limit| limit.is_number() || limit.is_string());
    limit.and_then(|limit| integer("_retry", limit).ok()).and_then(|limit| limit.try_into().ok()).unwrap_or(0)
}
