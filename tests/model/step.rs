//! The operator of the tests: it fails when its parameters say so, and leaves what they say.
//!
//! Parameters: `fail` (the tries that fail: digits, or `*` for all), `code` (the exit code then, 1 when absent),
//! `put` (a map to store), and for `py>` alone `give` with `reset` (key paths), `export` (a map), `add: {_do: TASK}`.

use serde_json::Value;

use super::story::Params;

/// How a try ends.
#[expect(clippy::large_enum_variant, reason = "a test holds few of them")]
pub enum Step {
    Fails(i64),
    Leaves { store: Params, reset: Vec<Vec<String>>, export: Params, sub: Option<Params> },
}

/// The try number `count` of a task with these parameters, evaluated.
pub fn take(params: &Params, count: u32) -> Step {
    let fails = params.get("fail").and_then(Value::as_str).unwrap_or_default();
    if fails == "*" || fails.contains(&count.to_string()) {
        return Step::Fails(params.get("code").and_then(Value::as_i64).unwrap_or(1));
    }
    let map = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let give = map(params.get("give")).unwrap_or_default();
    let path = |path: &Value| {
        let words = path.as_array().into_iter().flatten();
        words.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Step::Leaves {
        store: map(params.get("put")).unwrap_or_default(),
        reset: give.get("reset").and_then(Value::as_array).into_iter().flatten().map(path).collect(),
        export: map(give.get("export")).unwrap_or_default(),
        sub: map(give.get("add").and_then(|add| add.get("_do"))),
    }
}

/// What people are told of a failed step.
pub fn message(code: i64) -> String {
    format!("Command failed with code {code}")
}

/// What handlers are told of it.
pub fn told(code: i64) -> String {
    format!("Command failed with code {code} (runtime)")
}
