//! Walks parameters and evaluates every text in them, in the order and with the scope that Digdag has.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serializer as _;
use serde_json::Value;

use super::engine::Host;
use super::engine_thread::EngineThread;
use super::template::{Part, Template};
use crate::diagnostic::suggest;
use crate::session::Params;

/// Keys whose values are evaluated later, when the task made of them runs. At any depth.
const LATER: [&str; 2] = ["_do", "_else_do"];
/// The same, at the top only.
const LATER_AT_TOP: [&str; 2] = ["_error", "_check"];

/// What scripts take for now.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that asks each time.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// A clock that stands.
    pub fn fixed(at: Timestamp) -> Self {
        Self::new(move || at)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// What one text may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the engine's heap.
    pub memory_bytes: usize,
    /// Bytes of the script's stack.
    pub stack_bytes: usize,
    /// Steps of the engine (jumps back and calls), about fifty million a second. Steps rather than time: a script
    /// ends in the same way on every machine.
    pub steps: u64,
    /// The same by the clock, for what the engine does in one step and without asking. Long, because a busy machine
    /// is slow: scripts that loop meet the other limit first.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 128 << 20,
            stack_bytes: 1 << 20,
            steps: 500_000_000,
            time: Duration::from_secs(60),
        }
    }
}

/// What happens to a text that cannot be evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// It is an error.
    Refuse,
    /// It stays as written: for handlers of errors, which must run even when an exported text is broken.
    KeepAsWritten,
}

/// A text that cannot be evaluated. The words are Digdag's; the whole text is quoted, as people know it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Failed to evaluate a variable {text} ({reason})")]
pub struct EvaluationError {
    /// The whole text.
    pub text: String,
    /// What the engine said: `ReferenceError: x is not defined`.
    pub reason: String,
    /// The parameter it is the value of, dotted; empty for a text of its own.
    pub key: String,
    /// One thing to do next, where there is one.
    pub hint: Option<String>,
}

impl EvaluationError {
    fn new(text: &str, reason: String, key: &str, near: &Params, base: &Params) -> Self {
        let unknown =
            reason.strip_prefix("ReferenceError: ").and_then(|rest| rest.strip_suffix(" is not defined"));
        let hint =
            unknown.map(|name| match suggest(name, near.keys().chain(base.keys()).map(String::as_str)) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("set it with `_export`, in a task before, or with `-p {name}=...`"),
            });
        Self { text: text.to_owned(), reason, key: key.to_owned(), hint }
    }
}

/// Evaluates texts on one thread. The engine starts with the first text that needs it.
pub struct Evaluator {
    host: Host,
    limits: Limits,
    engine: Cell<Option<EngineThread>>,
}

impl fmt::Debug for Evaluator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluator").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Evaluator {
    /// An evaluator whose `Date` and `moment` live in a zone.
    pub fn new(zone: TimeZone, clock: Clock, limits: Limits) -> Self {
        Self { host: Host { zone, clock }, limits, engine: Cell::new(None) }
    }

    /// Evaluates every text of `object`, in key order. A text sees the keys of `base`, raw, and over them the keys
    /// of its own mapping that stand before it, evaluated. Keys, `_do`, `_else_do`, `_error` and `_check` are left.
    pub fn evaluate_object(
        &self,
        object: &Params,
        base: &Params,
        tolerance: Tolerance,
    ) -> Result<Params, EvaluationError> {
        let walk = Walk { evaluator: self, base, tolerance };
        walk.map(object, &LATER_AT_TOP, "")
    }

    /// Evaluates one text; names are looked up in `scope`.
    pub fn evaluate_text(&self, text: &str, scope: &Params) -> Result<String, EvaluationError> {
        let near = Params::new();
        self.evaluate(text, &near, scope)
            .map_err(|reason| EvaluationError::new(text, reason, "", &near, scope))
    }

    fn evaluate(&self, text: &str, near: &Params, base: &Params) -> Result<String, String> {
        let template = Template::scan(text);
        if let Some(literal) = template.as_literal() {
            return Ok(literal.to_owned());
        }
        let codes: Vec<String> = template.expressions().map(|(code, _)| code.to_owned()).collect();
        let scope = scope_json(&codes, near, base);
        let values = self.ask(codes, scope)?;
        let mut values = values.iter();
        Ok(template
            .parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.as_str(),
                Part::Expression { .. } => values.next().map_or("", String::as_str),
            })
            .collect())
    }

    fn ask(&self, codes: Vec<String>, scope: String) -> Result<Vec<String>, String> {
        let engine = match self.engine.take() {
            Some(engine) => engine,
            None => EngineThread::start(self.host.clone(), self.limits)?,
        };
        let (answer, engine) = engine.evaluate(codes, scope);
        self.engine.set(engine);
        answer
    }
}

struct Walk<'a> {
    evaluator: &'a Evaluator,
    base: &'a Params,
    tolerance: Tolerance,
}

impl Walk<'_> {
    fn map(&self, object: &Params, skipped: &[&str], path: &str) -> Result<Params, EvaluationError> {
        let mut evaluated = Params::new();
        for (key, value) in object {
            let later = LATER.contains(&key.as_str()) || skipped.contains(&key.as_str());
            let value = if later {
                value.clone()
            } else {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                self.value(value, &evaluated, &path)?
            };
            evaluated.insert(key.clone(), value);
        }
        Ok(evaluated)
    }

    /// `near`: the keys before it in its mapping; elements of a list see those of the mapping around the list.
    fn value(&self, value: &Value, near: &Params, path: &str) -> Result<Value, EvaluationError> {
        Ok(match value {
            Value::String(text) if text.contains('$') => Value::String(self.text(text, near, path)?),
            Value::Object(map) => Value::Object(self.map(map, &[], path)?),
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.value(item, near, path)).collect::<Result<_, _>>()?)
            }
            other => other.clone(),
        })
    }

    fn text(&self, text: &str, near: &Params, path: &str) -> Result<String, EvaluationError> {
        match (self.evaluator.evaluate(text, near, self.base), self.tolerance) {
            (Ok(text), _) => Ok(text),
            (Err(_), Tolerance::KeepAsWritten) => Ok(text.to_owned()),
            (Err(reason), Tolerance::Refuse) => {
                Err(EvaluationError::new(text, reason, path, near, self.base))
            }
        }
    }
}

/// The scope of a text as JSON. Handing over hundreds of parameters for each text would cost more than the text
/// itself, so those whose names do not occur in the code are left out.
fn scope_json(codes: &[String], near: &Params, base: &Params) -> String {
    // These reach a parameter without writing its name; a backslash may spell one.
    let indirect = ["this", "eval", "unction", "\\"];
    let all = codes.iter().any(|code| indirect.iter().any(|word| code.contains(word)));
    let named = |key: &str| all || codes.iter().any(|code| code.contains(key));
    let wanted = base
        .iter()
        .map(|(key, value)| (key, near.get(key).unwrap_or(value)))
        .chain(near.iter().filter(|(key, _)| !base.contains_key(*key)))
        .filter(|(key, _)| named(key));
    let mut json = Vec::new();
    let written = serde_json::Serializer::new(&mut json).collect_map(wanted);
    // Writing JSON values to memory does not fail, and JSON text is UTF-8.
    written.ok().and_then(|()| String::from_utf8(json).ok()).unwrap_or_else(|| "{}".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn evaluator(zone: &str) -> Evaluator {
        let zone = TimeZone::get(zone).expect("a known zone");
        let now = "2024-03-10T12:00:00Z".parse().expect("a timestamp");
        Evaluator::new(zone, Clock::fixed(now), Limits::default())
    }

    fn map(value: Value) -> Params {
        value.as_object().cloned().expect("an object")
    }

    fn text(text: &str, scope: Value) -> Result<String, String> {
        evaluator("UTC").evaluate_text(text, &map(scope)).map_err(|error| error.to_string())
    }

    fn object(object: Value, base: Value) -> Result<Value, EvaluationError> {
        evaluator("UTC").evaluate_object(&map(object), &map(base), Tolerance::Refuse).map(Value::Object)
    }

    #[test]
    fn values_become_text() {
        for (code, expected) in [
            ("1", "1"),
            ("1.0", "1"),
            ("true", "true"),
            ("null", ""),
            ("undefined", ""),
            ("'a'", "a"),
            ("[1, 'a']", "[1,\"a\"]"),
            ("{a: 1}", "{\"a\":1}"),
            ("0/0", "null"),
            ("new Date(0)", "\"1970-01-01T00:00:00.000Z\""),
            ("m.missing", ""),
            ("m.k", "v"),
            ("this['a-b']", "dash"),
            ("typeof nowhere", "undefined"),
            ("l.push(3), l", "[1,2,3]"),
        ] {
            let scope = json!({"m": {"k": "v"}, "a-b": "dash", "l": [1, 2]});
            assert_eq!(text(&format!("${{{code}}}"), scope), Ok(expected.to_owned()), "{code}");
        }
    }

    #[test]
    fn templates_of_a_text_share_a_scope_and_the_next_text_starts_afresh() {
        let evaluator = evaluator("UTC");
        let scope = map(json!({"x": 1, "l": [1]}));
        let all = ["${x = 5} ${x}", "${x} ${typeof y}", "${y = 2}${l.push(2)}", "${typeof y} ${l}"];
        let results: Vec<_> = all.iter().map(|text| evaluator.evaluate_text(text, &scope).ok()).collect();
        let expected = ["5 5", "1 undefined", "22", "undefined [1]"];
        assert_eq!(results, expected.map(|text| Some(text.to_owned())));
    }

    #[test]
    fn errors_quote_the_whole_text() {
        assert_eq!(
            text("echo ${x} >> out.txt", json!({})),
            Err("Failed to evaluate a variable echo ${x} >> out.txt (ReferenceError: x is not defined)"
                .to_owned())
        );
        assert_eq!(
            text("${a.b.c}", json!({"a": {}})),
            Err("Failed to evaluate a variable ${a.b.c} (TypeError: cannot read property 'c' of undefined)"
                .to_owned())
        );
        let syntax = text("${ }", json!({})).unwrap_err();
        assert!(syntax.starts_with("Failed to evaluate a variable ${ } (SyntaxError: "), "{syntax}");
    }

    #[test]
    fn an_unknown_name_comes_with_what_to_do() {
        let hint = |code: &str| {
            let scope = map(json!({"table_name": "t", "arguments": "a"}));
            evaluator("UTC").evaluate_text(code, &scope).map_err(|error| error.hint)
        };
        assert_eq!(hint("${tabel_name}"), Err(Some("did you mean `table_name`?".to_owned())));
        let unknown = "set it with `_export`, in a task before, or with `-p zone=...`";
        assert_eq!(hint("${zone}"), Err(Some(unknown.to_owned())));
        assert_eq!(hint("${null.x}"), Err(None));
        assert_eq!(hint("${arguments} ${table_name}"), Ok("a t".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn expressions_are_found_where_they_stand(text in "[$\\{\\}a: \\n\"日]{0,40}") {
            let template = Template::scan(&text);
            for (code, at) in template.expressions() {
                proptest::prop_assert_eq!(&text[at..at + code.len()], code);
            }
            if !text.contains('$') {
                proptest::prop_assert_eq!(template.as_literal(), Some(text.as_str()));
            }
        }

        #[test]
        fn no_text_makes_the_engine_fall_over(text in "[$\\{\\}a(): \"'0;\\[\\]]{0,30}") {
            // Whatever it becomes, a good text is still evaluated afterwards.
            let evaluator = evaluator("UTC");
            let _ = evaluator.evaluate_text(&format!("${{{text}}} {text}"), &Params::new());
            proptest::prop_assert_eq!(evaluator.evaluate_text("${1 + 1}", &Params::new()), Ok("2".to_owned()));
        }
    }

    #[test]
    fn a_script_is_stopped_at_its_limits() {
        let limits =
            Limits { memory_bytes: 4 << 20, stack_bytes: 128 << 10, steps: 2_000_000, ..Limits::default() };
        let evaluator = Evaluator::new(TimeZone::UTC, Clock::fixed(Timestamp::UNIX_EPOCH), limits);
        let reason = |code: &str| evaluator.evaluate_text(code, &Params::new()).map_err(|error| error.reason);
        let endless = reason("${(function () { while (true) {} })()}");
        assert_eq!(endless, Err("the script takes too long".to_owned()));
        let deep = reason("${(function f() { return f() + 1 })()}");
        assert_eq!(deep, Err("RangeError: Maximum call stack size exceeded".to_owned()));
        let big = reason("${(function () { var l = []; for (;;) l.push('x'.repeat(1e5) + l.length) })()}");
        assert_eq!(big, Err("the script takes too much memory".to_owned()));
        assert_eq!(reason("${1 + 1}"), Ok("2".to_owned()));
    }

    #[test]
    fn a_text_sees_evaluated_siblings_and_raw_outer_values() {
        let base = json!({"b": "x${1}", "late": "${1+1}"});
        let mut merged = json!({"b": "x${1}", "early": "${late}", "late": "${1+1}"});
        merged["c"] = json!("${b}");
        merged["v"] = json!({"inner": "${late}", "own": "1", "list": ["${own}", {"deep": "${typeof own}"}]});
        let expected = json!({
            "b": "x1", "early": "${1+1}", "late": "2", "c": "x1",
            "v": {"inner": "${1+1}", "own": "1", "list": ["1", {"deep": "undefined"}]},
        });
        assert_eq!(object(merged, base), Ok(expected));
    }

    #[test]
    fn what_is_evaluated_later_is_left() {
        let raw =
            json!({"_do": {"sh": "${i}"}, "m": {"_else_do": "${i}", "_check": "${1}"}, "_error": "${e}"});
        let mut expected = raw.clone();
        expected["m"]["_check"] = json!("1");
        assert_eq!(object(raw, json!({})), Ok(expected));
    }

    #[test]
    fn a_broken_text_names_its_parameter_or_stays_as_written() {
        let broken = map(json!({"m": {"k": "${x}"}, "fine": "${1}"}));
        let evaluator = evaluator("UTC");
        let refused = evaluator.evaluate_object(&broken, &Params::new(), Tolerance::Refuse);
        assert_eq!(refused.map_err(|error| error.key), Err("m.k".to_owned()));
        let kept = evaluator.evaluate_object(&broken, &Params::new(), Tolerance::KeepAsWritten);
        assert_eq!(kept.map(Value::Object), Ok(json!({"m": {"k": "${x}"}, "fine": "1"})));
    }

    #[test]
    fn dates_are_in_the_zone_of_the_workflow() {
        let evaluator = evaluator("Asia/Tokyo");
        for (code, expected) in [
            ("new Date(0).getHours()", "9"),
            ("new Date(0).getTimezoneOffset()", "-540"),
            ("new Date(2024, 0, 1).toISOString()", "2023-12-31T15:00:00.000Z"),
            ("new Date().toString()", "Sun Mar 10 2024 21:00:00 GMT+0900"),
            ("Date.now()", "1710072000000"),
            ("new Date('2024-01-01T00:00:00').getTime()", "1704034800000"),
            ("new Date('2024-01-01').getTime()", "1704067200000"),
            (
                "(function () { var d = new Date(0); d.setHours(0); return d })().toISOString()",
                "1969-12-31T15:00:00.000Z",
            ),
            ("new Date(NaN).getTime()", "null"),
            ("new Date(0) instanceof Date", "true"),
        ] {
            let result = evaluator.evaluate_text(&format!("${{{code}}}"), &Params::new());
            assert_eq!(result, Ok(expected.to_owned()), "{code}");
        }
    }

    #[test]
    fn the_engine_is_not_started_for_plain_texts() {
        let evaluator = evaluator("UTC");
        let params = map(json!({"a": "$HOME $$ ${secret:k}", "b": ["x"]}));
        let evaluated = evaluator.evaluate_object(&params, &params, Tolerance::Refuse);
        assert_eq!(evaluated.map(Value::Object), Ok(json!({"a": "$HOME $ ${secret:k}", "b": ["x"]})));
        assert!(evaluator.engine.take().is_none());
    }
}
