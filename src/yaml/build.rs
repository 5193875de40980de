//! The parts of a document to a tree: keys, tags, anchors, aliases, with limits that a hostile file cannot pass.
//!
//! The builder keeps its own stack and refuses depth, so that neither parsing nor dropping a tree can overflow ours.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::merge::{self, Key, Pair};
use super::scan::Style;
use super::syntax::{Failure, INCLUDE, Mistake};
use super::tag::{self, MappingKind, Refused, SequenceKind};
use super::{Dialect, EntryKind, Node, NodeValue, scalar};
use crate::diagnostic::{Problem, Source, Span};

/// Deepest nesting of lists and mappings. Real files stay below twenty.
const MAX_DEPTH: usize = 100;
/// Most values of a file, each of which takes hundreds of bytes.
const MAX_NODES: usize = 500_000;
/// About what a value takes.
const NODE_BYTES: usize = 256;
/// Nodes that aliases may add to a file. More is an alias bomb.
const MAX_ALIAS_NODES: usize = 100_000;

/// Turns the parts of one text into a tree. The problem that a method returns ends the reading.
pub(super) struct Builder<'a> {
    source: &'a Arc<Source>,
    dialect: Dialect,
    /// What is wrong and did not end the reading.
    pub(super) problems: Vec<Problem>,
    stack: Vec<Frame<'a>>,
    anchors: HashMap<&'a str, Anchored>,
    nodes: usize,
    anchored_nodes: usize,
    alias_nodes: usize,
    /// The finished document.
    pub(super) root: Option<Node>,
}

/// What may stand before a value.
#[derive(Debug, Default)]
pub(super) struct Properties<'a> {
    pub(super) anchor: Option<&'a str>,
    pub(super) tag: Option<Tag>,
    /// Where they end, when there are any.
    pub(super) end: Option<usize>,
}

/// A tag by its whole name, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) span: Span,
}

/// What an alias repeats.
enum Anchored {
    /// Not finished: the alias would stand in itself.
    Open,
    Done(Measured),
}

/// A value with its size.
#[derive(Clone)]
struct Measured {
    node: Node,
    nodes: usize,
    height: usize,
}

/// A list or mapping that is not closed yet.
struct Frame<'a> {
    anchor: Option<&'a str>,
    tag: Option<Tag>,
    start: usize,
    nodes: usize,
    height: usize,
    content: Content,
}

enum Content {
    Sequence { kind: SequenceKind, items: Vec<Node> },
    Mapping { kind: MappingKind, pairs: Vec<Pair>, key: Option<PendingKey> },
}

/// A key whose value is still to come.
enum PendingKey {
    Key(Key),
    Merge(Span),
    /// A list or mapping in the place of a key, refused already and still to be read.
    Complex,
    /// A key that was refused already; its value is read and dropped.
    Refused,
}

impl<'a> Builder<'a> {
    pub(super) fn new(source: &'a Arc<Source>, dialect: Dialect) -> Self {
        Self {
            source,
            dialect,
            problems: Vec::new(),
            stack: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            anchored_nodes: 0,
            alias_nodes: 0,
            root: None,
        }
    }

    /// A scalar between two bytes.
    pub(super) fn scalar(
        &mut self,
        text: String,
        style: Style,
        start: usize,
        end: usize,
        properties: &Properties<'a>,
    ) -> Result<(), Failure> {
        let span = Span::new(self.source, start, end);
        let tag = properties.tag.as_ref();
        let merges = tag::is_merge(&text, style, tag.map(|tag| tag.name.as_str()));
        if self.expects_key() {
            if merges {
                self.set_key(PendingKey::Merge(span));
            } else if let Some(tag) = tag.filter(|tag| self.includes(tag)) {
                // The tag is the key: what follows it is empty, and means nothing when it is not.
                let (value, text, span) = (Value::Null, tag.name.clone(), tag.span.clone());
                let key = Key { kind: EntryKind::Include, value, written: text.clone(), text, span };
                self.set_key(PendingKey::Key(key));
            } else {
                self.scalar_key(text, style, properties, span);
            }
            return Ok(());
        }
        let value = if merges {
            let problem = Problem::error("yaml-merge", "`<<` is a key that merges a mapping", &span);
            self.problems.push(problem.hint("quote it if it is text"));
            Value::Null
        } else {
            self.scalar_value(&text, style, tag)
        };
        let node = Node { value: NodeValue::Scalar(value), span };
        // A long text weighs as much as many values.
        self.add(Measured { node, nodes: 1 + text.len() / NODE_BYTES, height: 0 }, properties.anchor)
    }

    fn includes(&self, tag: &Tag) -> bool {
        self.dialect == Dialect::Digdag && tag.name == "!include"
    }

    fn scalar_key(&mut self, text: String, style: Style, properties: &Properties<'a>, span: Span) {
        let value = self.scalar_value(&text, style, properties.tag.as_ref());
        if let Some(name) = properties.anchor {
            let node = Node { value: NodeValue::Scalar(value.clone()), span: span.clone() };
            self.anchors.insert(name, Anchored::Done(Measured { node, nodes: 1, height: 0 }));
        }
        self.value_as_key(value, Some(text), span);
    }

    /// A list begins.
    pub(super) fn open_sequence(&mut self, start: usize, properties: &Properties<'a>) -> Result<(), Failure> {
        let kind = tag::sequence_kind(properties.tag.as_ref().map(|tag| tag.name.as_str()));
        let kind = kind.unwrap_or_else(|why| {
            self.refuse_tag(properties.tag.as_ref(), why);
            SequenceKind::List
        });
        self.open(start, properties, Content::Sequence { kind, items: Vec::new() })
    }

    /// A mapping begins.
    pub(super) fn open_mapping(&mut self, start: usize, properties: &Properties<'a>) -> Result<(), Failure> {
        let kind = tag::mapping_kind(properties.tag.as_ref().map(|tag| tag.name.as_str()));
        let kind = kind.unwrap_or_else(|why| {
            self.refuse_tag(properties.tag.as_ref(), why);
            MappingKind::Mapping
        });
        self.open(start, properties, Content::Mapping { kind, pairs: Vec::new(), key: None })
    }

    fn open(&mut self, start: usize, properties: &Properties<'a>, content: Content) -> Result<(), Failure> {
        let span = Span::new(self.source, start, start + 1);
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_deep(&span));
        }
        if self.expects_key() {
            self.refuse_complex_key(&span);
            self.set_key(PendingKey::Complex);
        }
        if let Some(name) = properties.anchor {
            self.anchors.insert(name, Anchored::Open);
        }
        let (anchor, tag) = (properties.anchor, properties.tag.clone());
        self.stack.push(Frame { anchor, tag, start, nodes: 1, height: 0, content });
        Ok(())
    }

    /// The innermost list or mapping ends: at a byte, or with its last part.
    pub(super) fn close(&mut self, end: Option<usize>) -> Result<(), Failure> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let (value, last) = match frame.content {
            Content::Sequence { kind, items } => {
                let last = items.last().map(|node| node.span.end);
                (self.sequence(kind, items, frame.tag.as_ref()), last)
            }
            Content::Mapping { kind, pairs, .. } => {
                let last = pairs.iter().map(Pair::end).max();
                let value = match kind {
                    MappingKind::Set => NodeValue::Sequence(merge::keys(pairs, &mut self.problems)),
                    MappingKind::Mapping => {
                        NodeValue::Mapping(merge::entries(pairs, self.dialect, &mut self.problems))
                    }
                };
                (value, last)
            }
        };
        let span = Span::new(self.source, frame.start, end.or(last).unwrap_or(frame.start));
        let node = Node { value, span };
        self.add(Measured { node, nodes: frame.nodes, height: frame.height }, frame.anchor)
    }

    fn sequence(&mut self, kind: SequenceKind, items: Vec<Node>, tag: Option<&Tag>) -> NodeValue {
        if kind == SequenceKind::List {
            return NodeValue::Sequence(items);
        }
        NodeValue::Mapping(tag::ordered_mapping(items).unwrap_or_else(|why| {
            self.refuse_tag(tag, why);
            Vec::new()
        }))
    }

    /// Puts a finished node where it belongs: the open list or mapping, or the root.
    fn add(&mut self, value: Measured, anchor: Option<&'a str>) -> Result<(), Failure> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(limit(format!("more than {MAX_NODES} values"), &value.node.span));
        }
        if let Some(name) = anchor {
            self.anchored_nodes += value.nodes;
            if self.anchored_nodes > MAX_NODES {
                let message = format!("anchors hold more than {MAX_NODES} values");
                return Err(limit(message, &value.node.span));
            }
            self.anchors.insert(name, Anchored::Done(value.clone()));
        }
        let Measured { node, nodes, height } = value;
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.nodes += nodes;
        frame.height = frame.height.max(height + 1);
        match &mut frame.content {
            Content::Sequence { items, .. } => items.push(node),
            Content::Mapping { pairs, key, .. } => match key.take() {
                Some(PendingKey::Key(key)) => pairs.push(Pair::Plain { key, value: node }),
                Some(PendingKey::Merge(span)) => pairs.push(Pair::Merge(span, node)),
                Some(PendingKey::Complex) => *key = Some(PendingKey::Refused),
                Some(PendingKey::Refused) | None => {}
            },
        }
        Ok(())
    }

    /// `*name` between two bytes.
    pub(super) fn alias(&mut self, name: &str, start: usize, end: usize) -> Result<(), Failure> {
        let span = Span::new(self.source, start, end);
        let mut value = match self.anchors.get(name) {
            Some(Anchored::Done(value)) => value.clone(),
            Some(Anchored::Open) => {
                let message = "an alias inside the value that it stands for".to_owned();
                return Err(limit(message, &span));
            }
            None => return Err(Mistake::UnknownAnchor.problem(self.source, start)),
        };
        self.alias_nodes = self.alias_nodes.saturating_add(value.nodes);
        if self.alias_nodes > MAX_ALIAS_NODES {
            let message = format!("aliases make more than {MAX_ALIAS_NODES} values");
            return Err(limit(message, &span));
        }
        if self.stack.len() + value.height > MAX_DEPTH {
            return Err(too_deep(&span));
        }
        if !self.expects_key() {
            value.node.span = span;
            return self.add(value, None);
        }
        match value.node.value {
            NodeValue::Scalar(value) => self.value_as_key(value, None, span),
            _ => {
                self.refuse_complex_key(&span);
                self.set_key(PendingKey::Refused);
            }
        }
        Ok(())
    }

    fn value_as_key(&mut self, value: Value, written: Option<String>, span: Span) {
        let key = match scalar::key_text(&value) {
            Some(text) => {
                let written = written.unwrap_or_else(|| text.clone());
                PendingKey::Key(Key { kind: EntryKind::Plain, value, written, text, span })
            }
            // A set may hold null.
            None if self.in_set() => {
                let text = String::new();
                PendingKey::Key(Key { kind: EntryKind::Plain, value, written: text.clone(), text, span })
            }
            None => {
                self.problems.push(Problem::error("yaml-key", "a key must not be null", &span));
                PendingKey::Refused
            }
        };
        self.set_key(key);
    }

    fn refuse_complex_key(&mut self, span: &Span) {
        let problem = Problem::error("yaml-key", "a list or a mapping can't be a key", span);
        self.problems.push(problem.hint("quote the whole value if it is text"));
    }

    fn set_key(&mut self, new: PendingKey) {
        if let Some(Frame { content: Content::Mapping { key, .. }, .. }) = self.stack.last_mut() {
            *key = Some(new);
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { content: Content::Mapping { key: None, .. }, .. }))
    }

    fn in_set(&self) -> bool {
        let set = Some(MappingKind::Set);
        self.stack.last().and_then(|frame| match &frame.content {
            Content::Mapping { kind, .. } => Some(*kind),
            Content::Sequence { .. } => None,
        }) == set
    }

    fn scalar_value(&mut self, text: &str, style: Style, tag: Option<&Tag>) -> Value {
        let name = tag.map(|tag| tag.name.as_str());
        tag::scalar_value(text, style, name, self.dialect).unwrap_or_else(|why| {
            self.refuse_tag(tag, why);
            Value::String(text.to_owned())
        })
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, why: Refused) {
        let Some(tag) = tag else { return };
        let shown = tag::shown(&tag.name);
        let message = match why {
            Refused::Unknown => format!("unknown tag `{shown}`"),
            Refused::Unfit => format!("`{shown}` does not fit this value"),
        };
        let mut problem = Problem::error("yaml-tag", message, &tag.span);
        if self.dialect == Dialect::Digdag && shown.starts_with("!include") {
            problem = problem.hint(INCLUDE);
        }
        self.problems.push(problem);
    }
}

fn too_deep(span: &Span) -> Failure {
    limit(format!("nested more than {MAX_DEPTH} levels deep"), span)
}

fn limit(message: String, span: &Span) -> Failure {
    Box::new(Problem::error("yaml-limit", message, span))
}
