//! The options of `mail>`.

use serde_json::Value;

use super::super::compile::{find, span_of};
use super::super::params;
use super::CODE;
use super::option::{flags, literal, number, wrong};
use crate::diagnostic::Problem;
use crate::yaml::{Entry, Node, NodeValue};

/// What it reads, the password that it does not take from there included: that has words of its own.
pub(super) const OPTIONS: [&str; 18] = [
    "mail",
    "body",
    "subject",
    "to",
    "cc",
    "bcc",
    "from",
    "html",
    "attach_files",
    "host",
    "port",
    "tls",
    "ssl",
    "username",
    "password",
    "debug",
    "connect_timeout",
    "socket_timeout",
];

/// What stands beside the body.
pub(super) fn options(entries: &[&Entry]) -> Vec<Problem> {
    let mut problems = flags(entries, &["html", "tls", "ssl", "debug"]);
    problems.extend(number(entries, "port", 1..=65_535));
    for key in ["connect_timeout", "socket_timeout"] {
        let unreadable = |entry: &&Entry| params::to_duration(key, &entry.value.to_json()).is_err();
        problems.extend(
            literal(entries, key)
                .filter(unreadable)
                .map(|entry| wrong(entry, key, "a duration such as `30s`")),
        );
    }
    problems.extend(
        literal(entries, "to")
            .filter(|entry| !is_text(&entry.value) && !is_list(&entry.value))
            .map(|entry| wrong(entry, "to", "an address or a list of addresses")),
    );
    for key in ["cc", "bcc"] {
        problems.extend(
            literal(entries, key)
                .filter(|entry| !is_list(&entry.value))
                .map(|entry| wrong(entry, key, "a list of addresses")),
        );
    }
    problems.extend(find(entries, "attach_files").into_iter().flat_map(attached));
    problems.extend(find(entries, "password").map(|entry| {
        Problem::warning("unused-parameter", "`mail>` does not read `password`", &entry.key_span)
            .hint("set the secret `mail.password`")
    }));
    problems
}

fn is_text(node: &Node) -> bool {
    matches!(node.value, NodeValue::Scalar(Value::String(_)))
}

fn is_list(node: &Node) -> bool {
    matches!(&node.value, NodeValue::Sequence(items) if items.iter().all(is_text))
}

fn attached(entry: &Entry) -> Vec<Problem> {
    match &entry.value.value {
        NodeValue::Scalar(Value::Null) => Vec::new(),
        NodeValue::Sequence(items) => {
            let without_path = items.iter().filter(|item| item.get("path").is_none());
            let message = "`attach_files` takes a list of mappings with `path`";
            without_path.map(|item| Problem::error(CODE, message, &item.span)).collect()
        }
        NodeValue::Scalar(Value::String(text)) if text.contains("${") => Vec::new(),
        _ => vec![Problem::error(
            CODE,
            format!("`attach_files` takes a list of mappings with `path`, not {}", entry.value.kind()),
            span_of(entry),
        )],
    }
}
