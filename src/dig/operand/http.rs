//! The options of `http>` and `http_call>`.

use serde_json::Value;

use super::super::compile::{find, holds_template, span_of};
use super::super::params;
use super::super::workflow::OperatorCall;
use super::option::{flags, literal, number, wrong};
use super::{CODE, wrong as wrong_value};
use crate::diagnostic::Problem;
use crate::yaml::{Entry, Node, NodeValue};

/// What `http>` reads.
pub(super) const OPTIONS: [&str; 13] = [
    "http",
    "method",
    "content",
    "content_format",
    "content_type",
    "headers",
    "query",
    "store_content",
    "timeout",
    "retry",
    "follow_redirects",
    "insecure",
    "proxy",
];

/// What `http_call>` reads.
pub(super) const CALL_OPTIONS: [&str; 13] = [
    "http",
    "method",
    "content",
    "content_format",
    "content_type",
    "content_type_override",
    "headers",
    "query",
    "timeout",
    "retry",
    "follow_redirects",
    "insecure",
    "proxy",
];

/// The address. Without one, the secret `http.uri` may give it.
pub(super) fn address(call: &OperatorCall) -> Option<Problem> {
    let is_web = |text: &str| {
        let scheme = text.trim_start().split_once("://").map(|(scheme, _)| scheme.to_lowercase());
        matches!(scheme.as_deref(), Some("http" | "https"))
    };
    match &call.command {
        Value::Null if call.operator == "http" => None,
        Value::String(text) if is_web(text) => None,
        _ => Some(wrong_value(call, "a URL of http or https")),
    }
}

/// What stands beside it.
pub(super) fn options(entries: &[&Entry]) -> Vec<Problem> {
    let mut problems = flags(entries, &["store_content", "retry", "follow_redirects", "insecure"]);
    problems.extend(literal(entries, "timeout").and_then(timeout));
    problems.extend(literal(entries, "method").and_then(method));
    problems.extend(content(entries));
    problems.extend(find(entries, "headers").into_iter().flat_map(headers));
    problems.extend(
        literal(entries, "query")
            .filter(|entry| matches!(entry.value.value, NodeValue::Sequence(_)))
            .map(|entry| wrong(entry, "query", "a mapping or text")),
    );
    problems.extend(literal(entries, "proxy").and_then(proxy));
    problems
}

fn timeout(entry: &Entry) -> Option<Problem> {
    match params::to_integer("timeout", &entry.value.to_json()) {
        Ok(0..) => None,
        Ok(_) => Some(Problem::error(CODE, "`timeout` takes no negative number", span_of(entry))),
        Err(_) => Some(wrong(entry, "timeout", "a whole number of seconds")),
    }
}

fn method(entry: &Entry) -> Option<Problem> {
    let is_token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    (!entry.value.as_str().is_some_and(is_token)).then(|| wrong(entry, "method", "a method of HTTP"))
}

/// A format that does not go with what is sent.
fn content(entries: &[&Entry]) -> Option<Problem> {
    let format = literal(entries, "content_format")?;
    let text = format.value.as_str().map(str::to_lowercase);
    let Some(text @ ("json" | "form" | "text")) = text.as_deref() else {
        return Some(wrong(format, "content_format", "`json`, `form` or `text`"));
    };
    let content = find(entries, "content")?;
    let fits = match &content.value.value {
        NodeValue::Scalar(Value::Null) => true,
        NodeValue::Scalar(_) => text != "form",
        NodeValue::Mapping(_) => text != "text",
        NodeValue::Sequence(_) => text == "json",
    };
    let message = || format!("`content_format: {text}` can't be sent as {}", content.value.kind());
    (!fits).then(|| Problem::error(CODE, message(), span_of(format)).also(span_of(content), "the content"))
}

fn headers(entry: &Entry) -> Vec<Problem> {
    let expected = "a list of mappings with one pair each";
    let is_pair = |node: &Node| node.as_mapping().is_some_and(|entries| entries.len() == 1);
    match &entry.value.value {
        NodeValue::Scalar(Value::Null) => Vec::new(),
        NodeValue::Sequence(items) => {
            let wrong_ones = items.iter().filter(|item| !is_pair(item));
            wrong_ones
                .map(|item| Problem::error(CODE, format!("`headers` takes {expected}"), &item.span))
                .collect()
        }
        _ if holds_template(&entry.value) && entry.value.as_mapping().is_none() => Vec::new(),
        _ => vec![wrong(entry, "headers", expected)],
    }
}

fn proxy(entry: &Entry) -> Option<Problem> {
    let Some(entries) = entry.value.as_mapping() else {
        return Some(wrong(entry, "proxy", "a mapping with `enabled`, `host` and `port`"));
    };
    let entries: Vec<&Entry> = entries.iter().collect();
    let enabled = find(&entries, "enabled").is_some_and(|entry| entry.value.to_json() == Value::Bool(true));
    let missing = ["host", "port"].into_iter().find(|key| enabled && find(&entries, key).is_none());
    let missing = missing.map(|key| Problem::error(CODE, format!("`proxy` needs `{key}`"), span_of(entry)));
    missing
        .or_else(|| flags(&entries, &["enabled", "tls"]).pop())
        .or_else(|| number(&entries, "port", 1..=65_535))
}
