//! The pairs of a mapping as they count: equal keys settled, and what `<<` merges put in its place.

use std::collections::HashMap;

use serde_json::Value;

use super::{Dialect, Entry, EntryKind, Node, NodeValue};
use crate::diagnostic::{Problem, Span};

/// A pair as written.
pub(super) enum Pair {
    Plain {
        key: Key,
        value: Node,
    },
    /// `<<: value`; the span is that of `<<`.
    Merge(Span, Node),
}

/// A key as written.
pub(super) struct Key {
    pub(super) kind: EntryKind,
    /// What it was read as.
    pub(super) value: Value,
    /// Its text in the file, without quotes.
    pub(super) written: String,
    /// Its text after reading: `31` for `0x1F`.
    pub(super) text: String,
    pub(super) span: Span,
}

impl Pair {
    /// Where it ends.
    pub(super) fn end(&self) -> usize {
        match self {
            Self::Plain { key, value } => value.span.end.max(key.span.end),
            Self::Merge(span, node) => node.span.end.max(span.end),
        }
    }

    fn written(&self) -> Option<(&str, &Span)> {
        match self {
            Self::Plain { key, .. } if key.kind == EntryKind::Include => None,
            Self::Plain { key, .. } => Some((&key.written, &key.span)),
            Self::Merge(span, _) => Some(("<<", span)),
        }
    }
}

/// The keys of a set, as values.
pub(super) fn keys(pairs: Vec<Pair>, problems: &mut Vec<Problem>) -> Vec<Node> {
    let mut settled = Settled { problems, entries: Vec::new(), places: HashMap::new() };
    settled.all(pairs, None);
    let entries = settled.entries.into_iter().flatten();
    entries.map(|(value, entry)| Node { value: NodeValue::Scalar(value), span: entry.key_span }).collect()
}

/// The pairs of a mapping. What is written wins over what is merged, an earlier merge over a later one. Of keys that
/// are written twice the last counts, which is an error in Digdag where they are written alike.
pub(super) fn entries(pairs: Vec<Pair>, dialect: Dialect, problems: &mut Vec<Problem>) -> Vec<Entry> {
    if dialect == Dialect::Digdag {
        refuse_equal(&pairs, problems);
    }
    let mut settled = Settled { problems, entries: Vec::new(), places: HashMap::new() };
    settled.all(pairs, Some(dialect));
    settled.entries.into_iter().flatten().map(|(_, entry)| entry).collect()
}

fn refuse_equal(pairs: &[Pair], problems: &mut Vec<Problem>) {
    let mut first: HashMap<&str, &Span> = HashMap::new();
    for (text, span) in pairs.iter().filter_map(Pair::written) {
        match first.get(text) {
            Some(before) => {
                let problem = Problem::error("duplicate-key", format!("duplicate key `{text}`"), span);
                problems.push(problem.label("written again here").also(before, "first written here"));
            }
            None => {
                first.insert(text, span);
            }
        }
    }
}

struct Settled<'a> {
    problems: &'a mut Vec<Problem>,
    /// None where a later pair counts instead.
    entries: Vec<Option<(Value, Entry)>>,
    /// Where the pair of a key stands, and how it came there.
    places: HashMap<String, (usize, Origin)>,
}

enum Origin {
    /// Its text in the file and its place.
    Written(String, Span),
    Merged,
}

impl Settled<'_> {
    /// `warns`: for whom equal keys are worth a warning.
    fn all(&mut self, pairs: Vec<Pair>, warns: Option<Dialect>) {
        for pair in pairs {
            match pair {
                Pair::Merge(span, node) => self.merge(&span, node),
                Pair::Plain { key, value } => self.plain(key, value, warns),
            }
        }
    }

    fn plain(&mut self, key: Key, value: Node, warns: Option<Dialect>) {
        let Key { kind, value: read, written, text, span } = key;
        let entry = Entry { kind, key: text.clone(), key_span: span.clone(), value };
        if kind == EntryKind::Include {
            self.entries.push(Some((read, entry)));
            return;
        }
        let mut at = self.entries.len();
        match self.places.get(&text) {
            Some((before, Origin::Merged)) => at = *before,
            Some((before, Origin::Written(as_written, first))) => {
                // What Digdag refuses was refused before.
                let warns = match warns {
                    Some(Dialect::Digdag) => *as_written != written,
                    Some(Dialect::Embulk) => true,
                    None => false,
                };
                if warns {
                    let problem = Problem::warning("duplicate-key", format!("duplicate key `{text}`"), &span);
                    self.problems.push(problem.label("this one counts").also(first, "first written here"));
                }
                // A number and a text that is written like it are two keys, until they stand in one JSON object.
                let same = self.entries[*before].as_ref().is_some_and(|(known, _)| *known == read);
                if same {
                    self.entries[*before] = None;
                } else {
                    at = *before;
                }
            }
            None => {}
        }
        match self.entries.get_mut(at) {
            Some(merged) => *merged = Some((read, entry)),
            None => self.entries.push(Some((read, entry))),
        }
        self.places.insert(text, (at, Origin::Written(written, span)));
    }

    fn merge(&mut self, span: &Span, node: Node) {
        let nodes = match node.value {
            NodeValue::Sequence(nodes) => nodes,
            _ => vec![node],
        };
        for node in nodes {
            let NodeValue::Mapping(entries) = node.value else {
                let message = "`<<` takes a mapping or a list of mappings";
                self.problems.push(Problem::error("yaml-merge", message, span));
                continue;
            };
            for entry in entries {
                let is_new = entry.kind == EntryKind::Include || !self.places.contains_key(&entry.key);
                if is_new {
                    if entry.kind == EntryKind::Plain {
                        self.places.insert(entry.key.clone(), (self.entries.len(), Origin::Merged));
                    }
                    self.entries.push(Some((Value::String(entry.key.clone()), entry)));
                }
            }
        }
    }
}
