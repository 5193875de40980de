//! One mapping of the file, asked for its keys one by one; what nobody asked for is an error.

use std::cell::RefCell;

use crate::diagnostic::{Problem, Span, suggest};
use crate::yaml::{Entry, Node, NodeValue};

/// Where problems go.
pub(super) type Found = RefCell<Vec<Problem>>;

pub(super) struct Section<'a> {
    entries: &'a [Entry],
    found: &'a Found,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The section of a mapping; what is none is said.
    pub(super) fn of(node: &'a Node, what: &str, found: &'a Found) -> Option<Self> {
        let Some(entries) = node.as_mapping() else {
            let message = format!("{what} must be a mapping, not {}", node.kind());
            found.borrow_mut().push(Problem::error("wrong-type", message, &node.span));
            return None;
        };
        Some(Self { entries, found, asked: RefCell::default() })
    }

    /// Where a section without a place of its own begins.
    pub(super) fn first_key(&self) -> Option<&'a Span> {
        self.entries.first().map(|entry| &entry.key_span)
    }

    pub(super) fn report(&self, problem: Problem) {
        self.found.borrow_mut().push(problem);
    }

    /// A key and its value, where it is written.
    pub(super) fn entry(&self, key: &'static str) -> Option<&'a Entry> {
        self.asked.borrow_mut().push(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn wrong(&self, key: &str, wanted: &str, node: &Node) {
        let message = format!("`{key}` must be {wanted}, not {}", node.kind());
        let problem = Problem::error("wrong-type", message, &node.span);
        let is_word = matches!(&node.value, NodeValue::Scalar(_)) && !node.span.text().is_empty();
        self.report(if is_word { problem.hint("put it between quotes if it is text") } else { problem });
    }

    /// A text that is not empty.
    pub(super) fn text(&self, key: &'static str) -> Option<(&'a str, &'a Span)> {
        let node = &self.entry(key)?.value;
        match node.as_str() {
            Some("") => self.report(Problem::error("bad-value", format!("`{key}` is empty"), &node.span)),
            Some(text) => return Some((text, &node.span)),
            None => self.wrong(key, "text", node),
        }
        None
    }

    /// A text or a list of texts, none empty.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<(&'a str, &'a Span)>> {
        let node = &self.entry(key)?.value;
        let nodes = match &node.value {
            NodeValue::Sequence(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if nodes.is_empty() {
            self.report(Problem::error("bad-value", format!("`{key}` is an empty list"), &node.span));
        }
        let texts = nodes.iter().filter_map(|node| match node.as_str() {
            Some("") => {
                self.report(Problem::error("bad-value", format!("`{key}` has an empty text"), &node.span));
                None
            }
            Some(text) => Some((text, &node.span)),
            None => {
                self.wrong(key, "text or a list of texts", node);
                None
            }
        });
        Some(texts.collect())
    }

    /// A whole number of at least `least`.
    pub(super) fn count(&self, key: &'static str, least: usize) -> Option<usize> {
        let node = &self.entry(key)?.value;
        let number = match &node.value {
            NodeValue::Scalar(value) => value.as_u64().and_then(|number| usize::try_from(number).ok()),
            _ => None,
        };
        // More characters than this nobody wants to see.
        if let Some(number) = number.filter(|number| (least..=100_000).contains(number)) {
            return Some(number);
        }
        let message = format!("`{key}` must be a whole number from {least} to 100000");
        self.report(Problem::error("bad-value", message, &node.span));
        None
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let node = &self.entry(key)?.value;
        match &node.value {
            NodeValue::Scalar(serde_json::Value::Bool(flag)) => Some(*flag),
            _ => {
                let message = format!("`{key}` must be `true` or `false`");
                self.report(Problem::error("bad-value", message, &node.span));
                None
            }
        }
    }

    /// Says of every key that nobody asked for that it is unknown, or that it has no place beside the action.
    pub(super) fn refuse_others(&self, known: &[&'static str], unfit: &dyn Fn(&str) -> Option<String>) {
        let asked = self.asked.borrow();
        for entry in self.entries.iter().filter(|entry| !asked.contains(&entry.key.as_str())) {
            let key = &entry.key;
            let problem = match unfit(key) {
                Some(message) => Problem::error("unfit-option", message, &entry.key_span),
                None => {
                    let problem =
                        Problem::error("unknown-option", format!("unknown key `{key}`"), &entry.key_span);
                    match suggest(key, known.iter().copied()) {
                        Some(near) => problem.did_you_mean(key, near),
                        None => problem.hint(format!("the keys here are {}", listed(known))),
                    }
                }
            };
            self.report(problem);
        }
    }
}

/// `a`, `b` and `c`.
pub(super) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}
