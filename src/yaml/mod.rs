//! YAML with positions, in the two dialects of the field: Digdag's and Embulk's.
//!
//! Both read SnakeYAML's scalars with a narrowed resolver; they differ in what they do with duplicate keys and
//! `!include`. A parsed text is a tree of [`Node`]s that remember where they stood.

mod build;
mod scalar;
mod syntax;

use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Problem, Source, Span};

/// Whose rules a text follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `.dig` files and what they include: equal keys are errors, `!include :` keys are kept for the reader of includes.
    Digdag,
    /// Transfer files, as Embulk up to 0.11.3 reads them: of equal keys the last wins, with a warning.
    Embulk,
}

/// What came out of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The one document (null for an empty text). None when the text is not YAML; then `problems` has an error.
    /// It may be there beside errors (equal keys), so that further checks can go on.
    pub node: Option<Node>,
    /// All that is wrong, in the order of the text.
    pub problems: Vec<Problem>,
}

/// Reads one document. Codes of problems: `yaml-syntax`, `duplicate-key`, `yaml-tag`, `yaml-key`, `yaml-merge`,
/// `yaml-limit`.
pub fn parse(source: &Arc<Source>, dialect: Dialect) -> Parsed {
    build::Builder::new(source, dialect).run()
}

/// One value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: NodeValue,
    /// Where it stands. For nodes made at run time: a source without text.
    pub span: Span,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    /// Null, boolean, number or text, already resolved by the dialect.
    Scalar(Value),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping, in the order of the file.
    Mapping(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What kind of key it is.
    pub kind: EntryKind,
    /// The key as text: integers, booleans and floats become their text.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Its value.
    pub value: Node,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// An ordinary key.
    Plain,
    /// Digdag's `!include : path`: `dig::include` puts the pairs of that file in its place.
    Include,
}

impl Node {
    /// The value without places, as JSON; mappings keep their order.
    pub fn to_json(&self) -> Value {
        match &self.value {
            NodeValue::Scalar(value) => value.clone(),
            NodeValue::Sequence(nodes) => Value::Array(nodes.iter().map(Self::to_json).collect()),
            NodeValue::Mapping(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
            ),
        }
    }

    /// A tree made at run time (a subtask that a script added); every node has the place `span`.
    pub fn from_json(value: &Value, span: &Span) -> Self {
        let value = match value {
            Value::Array(items) => {
                NodeValue::Sequence(items.iter().map(|item| Self::from_json(item, span)).collect())
            }
            Value::Object(map) => NodeValue::Mapping(
                map.iter()
                    .map(|(key, value)| Entry {
                        kind: EntryKind::Plain,
                        key: key.clone(),
                        key_span: span.clone(),
                        value: Self::from_json(value, span),
                    })
                    .collect(),
            ),
            scalar => NodeValue::Scalar(scalar.clone()),
        };
        Self { value, span: span.clone() }
    }

    /// The entries of a mapping; none for anything else.
    pub fn as_mapping(&self) -> Option<&[Entry]> {
        match &self.value {
            NodeValue::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// What it is, for messages: `text`, `a list`.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            NodeValue::Scalar(Value::Null) => "null",
            NodeValue::Scalar(Value::Bool(_)) => "a boolean",
            NodeValue::Scalar(Value::Number(_)) => "a number",
            NodeValue::Scalar(_) => "text",
            NodeValue::Sequence(_) => "a list",
            NodeValue::Mapping(_) => "a mapping",
        }
    }

    /// The text of a text scalar.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The value of a key of a mapping (the last one, should a dialect allow several).
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_mapping()?.iter().rev().find(|entry| entry.key == key).map(|entry| &entry.value)
    }
}
