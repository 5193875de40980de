//! `action:` and the keys that belong to it.

use super::section::{Section, listed};
use super::{Action, Mask, Shown, Truncate, Unit};
use crate::diagnostic::{Problem, Span, suggest};
use crate::secret::name;
use crate::yaml::{Node, NodeValue};

/// Code of the problem of a key that is written out; the place it is shown with must not show it.
pub(super) const LITERAL_KEY: &str = "literal-secret";

/// Keys of actions, and the actions they belong to.
const OPTIONS: [(&str, &str); 6] = [
    ("key", "hmac"),
    ("keep_first", "mask"),
    ("keep_last", "mask"),
    ("keep_domain", "mask"),
    ("length", "mask` and `truncate"),
    ("unit", "truncate"),
];

/// What is said of a key that belongs to another action.
pub(super) fn unfit(action: &str, key: &str) -> Option<String> {
    let (_, owner) = OPTIONS.iter().find(|(known, _)| *known == key)?;
    Some(format!("`{key}` belongs to `action: {owner}`, not to `{action}`"))
}

/// The action of a rule; none after saying what is wrong with it.
pub(super) fn action(rule: &Section<'_>, place: &Span) -> Option<Action> {
    let Some(entry) = rule.entry("action") else {
        let problem = Problem::error("missing-option", "the rule has no `action`", place);
        rule.report(problem.hint(format!("write one of {}", listed(&Action::NAMES))));
        return None;
    };
    let word = word(&entry.value);
    match word {
        Some("keep") => Some(Action::Keep),
        Some("drop") => Some(Action::Drop),
        Some("null") => Some(Action::Null),
        Some("hash") => Some(Action::Hash),
        Some("hmac") => hmac(rule, &entry.value.span),
        Some("mask") => mask(rule),
        Some("truncate") => truncate(rule, &entry.value.span),
        other => {
            let message = match other {
                Some(word) => format!("unknown action `{word}`"),
                None => "`action` must be a word".to_owned(),
            };
            let problem = Problem::error("bad-value", message, &entry.value.span);
            rule.report(match other.and_then(|word| suggest(word, Action::NAMES)) {
                Some(near) => problem.did_you_mean(other.unwrap_or_default(), near),
                None => problem.hint(format!("write one of {}", listed(&Action::NAMES))),
            });
            None
        }
    }
}

/// The word of a value. YAML takes a plain `null` for nothing, and here it is a word.
fn word(node: &Node) -> Option<&str> {
    match &node.value {
        NodeValue::Scalar(serde_json::Value::Null) if node.span.text() == "null" => Some("null"),
        _ => node.as_str(),
    }
}

fn hmac(rule: &Section<'_>, place: &Span) -> Option<Action> {
    const HINT: &str = "write `key: ${secret:NAME}`, and keep the key itself with `sync secrets set NAME`";
    let Some(entry) = rule.entry("key") else {
        rule.report(Problem::error("missing-option", "`action: hmac` needs a `key`", place).hint(HINT));
        return None;
    };
    let span = &entry.value.span;
    let written = entry.value.as_str().map(str::trim).unwrap_or_default();
    let Some(secret) = written.strip_prefix("${secret:").and_then(|rest| rest.strip_suffix('}')) else {
        let message = "the `key` of `hmac` must be the name of a secret, never the key itself";
        rule.report(Problem::error(LITERAL_KEY, message, span).hint(HINT));
        return None;
    };
    if let Err(error) = name::check(secret) {
        rule.report(Problem::error("bad-value", error.to_string(), span));
        return None;
    }
    Some(Action::Hmac { secret: secret.to_owned() })
}

fn mask(rule: &Section<'_>) -> Option<Action> {
    let (first, last) = (rule.count("keep_first", 0), rule.count("keep_last", 0));
    let length = rule.count("length", 1);
    let shown = match rule.flag("keep_domain") {
        Some(true) => {
            if let Some(entry) = ["keep_first", "keep_last"].iter().find_map(|key| rule.entry(key)) {
                let message = format!("`{}` cannot stand beside `keep_domain`", entry.key);
                rule.report(Problem::error("unfit-option", message, &entry.key_span));
                return None;
            }
            Shown::Domain
        }
        _ => Shown::Ends { first: first.unwrap_or(0), last: last.unwrap_or(0) },
    };
    Some(Action::Mask(Mask { shown, length }))
}

fn truncate(rule: &Section<'_>, place: &Span) -> Option<Action> {
    let length = rule.count("length", 1);
    let unit = rule.text("unit").and_then(|(word, span)| {
        let unit = Unit::NAMES.iter().find(|(name, _)| *name == word).map(|(_, unit)| *unit);
        if unit.is_none() {
            let names = Unit::NAMES.map(|(name, _)| name);
            let problem = Problem::error("bad-value", format!("unknown unit `{word}`"), span);
            rule.report(problem.hint(format!("write one of {}", listed(&names))));
        }
        unit
    });
    let is_written = rule.entry("length").is_some() || rule.entry("unit").is_some();
    if !is_written {
        let problem =
            Problem::error("missing-option", "`action: truncate` needs a `length` or a `unit`", place);
        rule.report(problem.hint("`length: 3` for texts, `unit: month` for dates and times"));
        return None;
    }
    Some(Action::Truncate(Truncate { length, unit }))
}
