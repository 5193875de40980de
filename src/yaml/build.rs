//! Parser events to a tree: keys, tags, anchors, aliases and merges, with limits that a hostile file cannot pass.
//!
//! The walk keeps its own stack and refuses depth, so that neither building nor dropping a tree can overflow ours.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};
use serde_json::Value;

use super::scalar;
use super::syntax;
use super::{Dialect, Entry, EntryKind, Node, NodeValue, Parsed};
use crate::diagnostic::{Problem, Source, Span};

/// Deepest nesting of lists and mappings. Real files stay below twenty.
const MAX_DEPTH: usize = 100;
/// Nodes that aliases may add to a file. More is an alias bomb.
const MAX_ALIAS_NODES: usize = 100_000;

/// Turns the events of one text into a tree.
pub(super) struct Builder<'a> {
    source: &'a Arc<Source>,
    dialect: Dialect,
    /// Byte offset of each character; empty when every character is one byte.
    offsets: Vec<usize>,
    problems: Vec<Problem>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    alias_nodes: usize,
    root: Option<Node>,
}

/// A value that an alias can repeat.
struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

/// A list or mapping that is not closed yet.
struct Frame {
    anchor: usize,
    start: usize,
    nodes: usize,
    height: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<RawEntry>, key: Option<Key>, set: bool },
}

enum Key {
    Entry {
        kind: EntryKind,
        text: String,
        span: Span,
    },
    Merge(Span),
    /// A list or mapping in the place of a key, refused already and still to be read.
    Complex,
    /// A key that was refused already; its value is read and dropped.
    Refused,
}

enum RawEntry {
    Entry(Entry),
    Merge(Span, Node),
}

/// The text cannot be read further; its problem is recorded.
struct Stop;

impl<'a> Builder<'a> {
    pub(super) fn new(source: &'a Arc<Source>, dialect: Dialect) -> Self {
        let offsets = if source.text.is_ascii() {
            Vec::new()
        } else {
            source.text.char_indices().map(|(at, _)| at).collect()
        };
        Self {
            source,
            dialect,
            offsets,
            problems: Vec::new(),
            stack: Vec::new(),
            anchors: HashMap::new(),
            alias_nodes: 0,
            root: None,
        }
    }

    pub(super) fn run(mut self) -> Parsed {
        let source = Arc::clone(self.source);
        let mut documents = 0;
        for event in Parser::new_from_str(&source.text) {
            let step = match event {
                Ok((Event::DocumentStart(_), at)) => {
                    documents += 1;
                    if documents > 1 { self.second_document(&at) } else { Ok(()) }
                }
                Ok((event, at)) => self.event(event, &at),
                Err(error) => self.syntax_error(&error),
            };
            if step.is_err() {
                return Parsed { node: None, problems: self.problems };
            }
        }
        let null = || Node { value: NodeValue::Scalar(Value::Null), span: Span::file(&source) };
        Parsed { node: Some(self.root.take().unwrap_or_else(null)), problems: self.problems }
    }

    fn event(&mut self, event: Event<'_>, at: &saphyr_parser::Span) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.scalar_span(at, style);
                let tag = tag.as_deref();
                if self.expects_key() {
                    return self.scalar_key(&text, style, tag, anchor, span);
                }
                let value = self.scalar_value(&text, style, tag, &span);
                self.add(Node { value: NodeValue::Scalar(value), span }, anchor, 1, 0)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &["seq"], at);
                self.open(anchor, at, Content::Sequence(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &["map", "set"], at);
                let set = tag.as_deref().is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "set");
                self.open(anchor, at, Content::Mapping { entries: Vec::new(), key: None, set })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(id) => self.alias(id, at),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, at: &saphyr_parser::Span, content: Content) -> Result<(), Stop> {
        let start = self.byte(at.start);
        if self.stack.len() >= MAX_DEPTH {
            let span = Span::new(self.source, start, start + 1);
            return self.stop(Problem::error(
                "yaml-limit",
                format!("nested more than {MAX_DEPTH} levels deep"),
                &span,
            ));
        }
        if self.expects_key() {
            self.refuse_key("a list or a mapping can't be a key", &self.span(at));
            self.set_key(Key::Complex);
        }
        self.stack.push(Frame { anchor, start, nodes: 1, height: 0, content });
        Ok(())
    }

    fn close(&mut self, at: &saphyr_parser::Span) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let flow_end = self.byte(at.end);
        let (value, last) = match frame.content {
            Content::Sequence(items) => {
                let last = items.last().map(|node| node.span.end);
                (NodeValue::Sequence(items), last)
            }
            Content::Mapping { entries, set, .. } => {
                let last = entries.iter().map(RawEntry::end).max();
                let entries = self.flatten(entries);
                (if set { keys_as_list(entries) } else { NodeValue::Mapping(entries) }, last)
            }
        };
        // The end of a block collection is where the next token starts; its last child knows better.
        let flow = self.source.text[frame.start.min(self.source.text.len())..].starts_with(['[', '{']);
        let end = if flow { flow_end } else { last.unwrap_or(frame.start) };
        let span = Span::new(self.source, frame.start, end);
        self.add(Node { value, span }, frame.anchor, frame.nodes, frame.height)
    }

    /// Puts a finished node where it belongs: the open list or mapping, or the root.
    fn add(&mut self, node: Node, anchor: usize, nodes: usize, height: usize) -> Result<(), Stop> {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, height });
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.nodes += nodes;
        frame.height = frame.height.max(height + 1);
        match &mut frame.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { entries, key, .. } => match key.take() {
                Some(Key::Entry { kind, text, span }) => {
                    entries.push(RawEntry::Entry(Entry { kind, key: text, key_span: span, value: node }));
                }
                Some(Key::Merge(span)) => entries.push(RawEntry::Merge(span, node)),
                Some(Key::Complex) => *key = Some(Key::Refused),
                Some(Key::Refused) | None => {}
            },
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, at: &saphyr_parser::Span) -> Result<(), Stop> {
        let span = self.span(at);
        let Some(anchored) = self.anchors.get(&id) else {
            return self.stop(Problem::error(
                "yaml-limit",
                "an alias inside the value that it stands for",
                &span,
            ));
        };
        let (mut node, nodes, height) = (anchored.node.clone(), anchored.nodes, anchored.height);
        self.alias_nodes = self.alias_nodes.saturating_add(nodes);
        if self.alias_nodes > MAX_ALIAS_NODES {
            let message = format!("aliases make more than {MAX_ALIAS_NODES} values");
            return self.stop(Problem::error("yaml-limit", message, &span));
        }
        if self.stack.len() + height > MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            return self.stop(Problem::error("yaml-limit", message, &span));
        }
        if self.expects_key() {
            let NodeValue::Scalar(value) = &node.value else {
                self.refuse_key("a list or a mapping can't be a key", &span);
                self.set_key(Key::Refused);
                return Ok(());
            };
            let value = value.clone();
            self.value_as_key(&value, span);
            return Ok(());
        }
        node.span = span;
        self.add(node, 0, nodes, height)
    }

    fn scalar_key(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        anchor: usize,
        span: Span,
    ) -> Result<(), Stop> {
        if self.dialect == Dialect::Digdag && is_include(tag) {
            self.set_key(Key::Entry { kind: EntryKind::Include, text: "!include".to_owned(), span });
            return Ok(());
        }
        if tag.is_none() && style == ScalarStyle::Plain && text == "<<" {
            self.set_key(Key::Merge(span));
            return Ok(());
        }
        let value = self.scalar_value(text, style, tag, &span);
        if anchor != 0 {
            let node = Node { value: NodeValue::Scalar(value.clone()), span: span.clone() };
            self.anchors.insert(anchor, Anchored { node, nodes: 1, height: 0 });
        }
        self.value_as_key(&value, span);
        Ok(())
    }

    fn value_as_key(&mut self, value: &Value, span: Span) {
        let key = if let Some(text) = scalar::key_text(value) {
            Key::Entry { kind: EntryKind::Plain, text, span }
        } else {
            self.refuse_key("a key must not be null", &span);
            Key::Refused
        };
        self.set_key(key);
    }

    fn refuse_key(&mut self, message: &str, span: &Span) {
        self.problems.push(Problem::error("yaml-key", message, span));
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Frame { content: Content::Mapping { key, .. }, .. }) = self.stack.last_mut() {
            *key = Some(new);
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { content: Content::Mapping { key: None, .. }, .. }))
    }

    fn scalar_value(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: &Span) -> Value {
        let as_text = || Value::String(text.to_owned());
        let Some(tag) = tag else {
            return if style == ScalarStyle::Plain { scalar::resolve(text, self.dialect) } else { as_text() };
        };
        if tag.handle.is_empty() && tag.suffix == "!" {
            return as_text();
        }
        if !tag.is_yaml_core_schema() {
            self.unknown_tag(tag, span);
            return as_text();
        }
        let value = match tag.suffix.as_str() {
            "str" => Some(as_text()),
            "null" => Some(Value::Null),
            "int" => scalar::explicit_integer(text),
            "float" => scalar::explicit_float(text),
            "bool" => scalar::explicit_boolean(text),
            "binary" => Some(Value::String(text.split_whitespace().collect())),
            "timestamp" => scalar::epoch_milliseconds(text),
            _ => {
                self.unknown_tag(tag, span);
                return as_text();
            }
        };
        value.unwrap_or_else(|| {
            let message = format!("`!!{}` does not fit this value", tag.suffix);
            self.problems.push(Problem::error("yaml-tag", message, span));
            as_text()
        })
    }

    /// Tags of lists and mappings: only those of the core that mean what stands there.
    fn check_tag(&mut self, tag: Option<&Tag>, known: &[&str], at: &saphyr_parser::Span) {
        let Some(tag) = tag else { return };
        let core = tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str());
        let plain = tag.handle.is_empty() && tag.suffix == "!";
        if !core && !plain {
            self.unknown_tag(tag, &self.span(at));
        }
    }

    fn unknown_tag(&mut self, tag: &Tag, span: &Span) {
        let shown = if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { format!("{tag}") };
        let mut problem = Problem::error("yaml-tag", format!("unknown tag `{shown}`"), span);
        if self.dialect == Dialect::Digdag && shown.starts_with("!include") {
            problem = problem.hint(
                "write it as a key on a line of its own, with a space before the colon: `!include : FILE`",
            );
        }
        self.problems.push(problem);
    }

    /// Puts merged pairs in place of `<<` and settles equal keys: what is written wins over what is merged, an
    /// earlier merge over a later one.
    fn flatten(&mut self, raw: Vec<RawEntry>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
        // Where a key stands, and whether it was written here (not merged).
        let mut places: HashMap<String, (usize, Origin)> = HashMap::new();
        let mut merge: Option<Span> = None;
        for item in raw {
            match item {
                RawEntry::Merge(span, node) => {
                    if let Some(first) = &merge {
                        self.duplicate("<<", first, &span);
                    }
                    merge.get_or_insert_with(|| span.clone());
                    for entry in self.merged_entries(&span, node) {
                        if !places.contains_key(&entry.key) {
                            places.insert(entry.key.clone(), (entries.len(), Origin::Merged));
                            entries.push(entry);
                        }
                    }
                }
                RawEntry::Entry(entry) if entry.kind == EntryKind::Include => entries.push(entry),
                RawEntry::Entry(entry) => match places.get(&entry.key).copied() {
                    Some((at, origin)) => {
                        if origin == Origin::Written {
                            self.duplicate(&entry.key, &entries[at].key_span.clone(), &entry.key_span);
                        }
                        places.insert(entry.key.clone(), (at, Origin::Written));
                        entries[at] = entry;
                    }
                    None => {
                        places.insert(entry.key.clone(), (entries.len(), Origin::Written));
                        entries.push(entry);
                    }
                },
            }
        }
        entries
    }

    fn merged_entries(&mut self, span: &Span, node: Node) -> Vec<Entry> {
        match node.value {
            NodeValue::Mapping(entries) => entries,
            NodeValue::Sequence(nodes) => nodes
                .into_iter()
                .flat_map(|node| match node.value {
                    NodeValue::Mapping(entries) => entries,
                    _ => {
                        self.bad_merge(span);
                        Vec::new()
                    }
                })
                .collect(),
            NodeValue::Scalar(_) => {
                self.bad_merge(span);
                Vec::new()
            }
        }
    }

    fn bad_merge(&mut self, span: &Span) {
        self.problems.push(Problem::error("yaml-merge", "`<<` takes a mapping or a list of mappings", span));
    }

    fn duplicate(&mut self, key: &str, first: &Span, second: &Span) {
        let message = format!("duplicate key `{key}`");
        let problem = match self.dialect {
            Dialect::Digdag => Problem::error("duplicate-key", message, second).label("written again here"),
            Dialect::Embulk => Problem::warning("duplicate-key", message, second).label("this one counts"),
        };
        self.problems.push(problem.also(first, "first written here"));
    }

    fn second_document(&mut self, at: &saphyr_parser::Span) -> Result<(), Stop> {
        let span = self.span(at);
        self.stop(
            Problem::error("yaml-syntax", "a file must hold one document", &span)
                .label("a second one starts here"),
        )
    }

    fn syntax_error(&mut self, error: &ScanError) -> Result<(), Stop> {
        let at = self.byte(*error.marker());
        let (message, hint) = syntax::wording(error.info(), &self.source.text[at..]);
        // A tab is reported one behind; the caret belongs under the tab.
        let at = if message.starts_with("a tab") && at > 0 && self.source.text.as_bytes()[at - 1] == b'\t' {
            at - 1
        } else {
            at
        };
        let width = self.source.text[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let mut problem = Problem::error("yaml-syntax", message, &Span::new(self.source, at, at + width));
        if let Some(hint) = hint {
            problem = problem.hint(hint);
        }
        self.stop(problem)
    }

    fn stop(&mut self, problem: Problem) -> Result<(), Stop> {
        self.problems.push(problem);
        Err(Stop)
    }

    fn byte(&self, marker: Marker) -> usize {
        let end = self.source.text.len();
        if self.offsets.is_empty() {
            return marker.index().min(end);
        }
        self.offsets.get(marker.index()).copied().unwrap_or(end)
    }

    fn span(&self, at: &saphyr_parser::Span) -> Span {
        Span::new(self.source, self.byte(at.start), self.byte(at.end))
    }

    /// The parser ends a quoted scalar after the blanks and comment behind it, an empty one at the next token.
    fn scalar_span(&self, at: &saphyr_parser::Span, style: ScalarStyle) -> Span {
        let whole = self.span(at);
        let text = whole.text();
        let length = match style {
            ScalarStyle::SingleQuoted => quoted_length(text, '\''),
            ScalarStyle::DoubleQuoted => quoted_length(text, '"'),
            _ => text.trim_end().len(),
        };
        Span::new(self.source, whole.start, whole.start + length)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Written,
    Merged,
}

impl RawEntry {
    fn end(&self) -> usize {
        match self {
            Self::Entry(entry) => entry.value.span.end.max(entry.key_span.end),
            Self::Merge(span, node) => node.span.end.max(span.end),
        }
    }
}

fn is_include(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.handle == "!" && tag.suffix == "include")
}

/// `!!set {a, b}` is the list of its keys.
fn keys_as_list(entries: Vec<Entry>) -> NodeValue {
    let keys = entries.into_iter();
    NodeValue::Sequence(
        keys.map(|entry| Node { value: NodeValue::Scalar(Value::String(entry.key)), span: entry.key_span })
            .collect(),
    )
}

/// Bytes up to and with the closing quote.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut inside = false;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && quote == '"' && inside {
            characters.next();
        } else if character == quote {
            if !inside {
                inside = true;
            } else if quote == '\'' && characters.peek().is_some_and(|(_, next)| *next == '\'') {
                characters.next();
            } else {
                return at + quote.len_utf8();
            }
        }
    }
    text.trim_end().len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::parse;

    fn digdag(text: &str) -> Parsed {
        parse(&Source::new("a.dig", text), Dialect::Digdag)
    }

    fn messages(parsed: &Parsed) -> Vec<String> {
        let place = |span: &Option<Span>| {
            span.as_ref().map_or(String::new(), |span| format!("{}:{} ", span.line(), span.column()))
        };
        parsed
            .problems
            .iter()
            .map(|problem| format!("{}{} {}", place(&problem.span), problem.code, problem.message))
            .collect()
    }

    fn value(text: &str) -> Value {
        let parsed = digdag(text);
        assert_eq!(messages(&parsed), Vec::<String>::new(), "{text}");
        parsed.node.expect("a node").to_json()
    }

    #[test]
    fn documents_become_values() {
        for (text, expected) in [
            ("", json!(null)),
            ("# only a comment\n", json!(null)),
            ("a: 1\nb: [x, 'y', \"z\"]\n", json!({"a": 1, "b": ["x", "y", "z"]})),
            ("\u{feff}a: 1\r\nb:\r\n", json!({"a": 1, "b": null})),
            (
                "a: '1'\nb: \"true\"\nc: |\n  x\n  y\nd: >\n  x\n  y\n",
                json!({"a": "1", "b": "true", "c": "x\ny\n", "d": "x y\n"}),
            ),
            (
                "{1: a, true: b, 1.5: c, yes: d, 0x1F: e, '~': f}",
                json!({"1": "a", "true": "b", "1.5": "c", "yes": "d", "31": "e", "~": "f"}),
            ),
            ("sh>: echo ${v} '{a}'\n", json!({"sh>": "echo ${v} '{a}'"})),
            (
                "a: !!str 1\nb: !!int '3'\nc: !!binary aGk=\nd: !!set {x, y}\ne: ! 5\nf: !!float 0.5\ng: !!bool yes\n",
                json!({"a": "1", "b": 3, "c": "aGk=", "d": ["x", "y"], "e": "5", "f": 0.5, "g": true}),
            ),
            ("a: !!timestamp 2024-01-01\n", json!({"a": 1_704_067_200_000_i64})),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn merges_give_way_to_what_is_written() {
        let text = "base: &base {a: 1, b: 2}\nother: &other {b: 5, c: 3}\nv:\n  <<: [*base, *other]\n  b: 20\nw: {<<: *other, '<<': text}\nx: *base\n";
        let read = value(text);
        assert_eq!(read["v"].to_string(), r#"{"a":1,"b":20,"c":3}"#);
        assert_eq!(read["w"], json!({"b": 5, "c": 3, "<<": "text"}));
        assert_eq!(read["x"], json!({"a": 1, "b": 2}));
    }

    #[test]
    fn include_keys_are_marked_and_may_repeat() {
        let parsed =
            digdag("_export:\n  a: 1\n  !include : x.yml\n  !include : 'y.yml'\n  \"!include\": text\n");
        assert_eq!(messages(&parsed), Vec::<String>::new());
        let node = parsed.node.expect("a node");
        let entries = node.get("_export").and_then(Node::as_mapping).expect("a mapping");
        let shown: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.value.to_json())).collect();
        assert_eq!(
            shown,
            [
                (EntryKind::Plain, json!(1)),
                (EntryKind::Include, json!("x.yml")),
                (EntryKind::Include, json!("y.yml")),
                (EntryKind::Plain, json!("text")),
            ]
        );
        assert_eq!((entries[1].key_span.line(), entries[1].key_span.column()), (3, 3));
        assert_eq!(entries[2].value.span.text(), "'y.yml'");
    }

    #[test]
    fn equal_keys_show_both_places() {
        let text = "a:\n  color: red\n  b: 1\n  color: blue\n";
        let parsed = digdag(text);
        assert_eq!(messages(&parsed), ["4:3 duplicate-key duplicate key `color`"]);
        let (first, label) = &parsed.problems[0].also[0];
        assert_eq!((first.line(), first.text(), label.as_str()), (2, "color", "first written here"));
        assert!(parsed.problems[0].is_error());

        let parsed = parse(&Source::new("a.yml", text), Dialect::Embulk);
        assert!(!parsed.problems[0].is_error());
        assert_eq!(parsed.node.expect("a node").to_json(), json!({"a": {"color": "blue", "b": 1}}));
        assert_eq!(messages(&digdag("1: a\n'1': b\n")), ["2:1 duplicate-key duplicate key `1`"]);
        assert_eq!(
            messages(&digdag("x: {<<: {a: 1}, <<: {b: 1}}\n")),
            ["1:17 duplicate-key duplicate key `<<`"]
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            (
                "+a:\n  sh>: echo ${true ? \"a\" : \"b\"}\n",
                "2:26 yaml-syntax `: ` is not allowed inside a plain value",
            ),
            ("+a:\n\tsh>: echo 1\n", "2:1 yaml-syntax a tab can't be used for indentation"),
            ("+a:\n  x: 1\n---\n+b: 1\n", "3:1 yaml-syntax a file must hold one document"),
            ("cron>: */5 * * * *\n", "1:8 yaml-syntax an alias of an anchor that is not there"),
            ("a: %x\n", "1:4 yaml-syntax a plain value can't begin with `%`"),
            ("v: [${x}]\n", "1:6 yaml-syntax a `,` or the closing bracket is missing here"),
            ("a: 'x\n", "1:4 yaml-syntax a quote that is never closed"),
            ("+a:\n  sh>: x\n +b: 1\n", "3:2 yaml-syntax a key was expected here"),
            ("+b:\n  x: 日本: 1\n", "2:8 yaml-syntax `: ` is not allowed inside a plain value"),
            (": 1\n", "1:1 yaml-key a key must not be null"),
            ("~: [1, 2]\nb: 1\n", "1:1 yaml-key a key must not be null"),
            ("? [a, b]\n: {c: d}\nb: 1\n", "1:3 yaml-key a list or a mapping can't be a key"),
            ("a: !foo 1\n", "1:4 yaml-tag unknown tag `!foo`"),
            ("a: !foo [1]\n", "1:4 yaml-tag unknown tag `!foo`"),
            ("a: !!int x\n", "1:4 yaml-tag `!!int` does not fit this value"),
            ("x: !include inc.yml\n", "1:4 yaml-tag unknown tag `!include`"),
            ("!include: x\n", "1:1 yaml-tag unknown tag `!include:`"),
            ("<<: 1\n", "1:1 yaml-merge `<<` takes a mapping or a list of mappings"),
            ("a: &x [1, *x]\n", "1:11 yaml-limit an alias inside the value that it stands for"),
        ] {
            assert_eq!(messages(&digdag(text)), [expected], "{text}");
        }
    }

    #[test]
    fn bombs_and_abysses_are_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let below = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", "));
        }
        assert_eq!(messages(&digdag(&bomb)), ["5:45 yaml-limit aliases make more than 100000 values"]);

        let deep = format!("a: {}\n", "[".repeat(240));
        assert_eq!(messages(&digdag(&deep)), ["1:103 yaml-limit nested more than 100 levels deep"]);
        let block: String = (0..3000).map(|level| format!("{}k:\n", " ".repeat(level))).collect();
        assert_eq!(messages(&digdag(&block)), ["101:101 yaml-limit nested more than 100 levels deep"]);
        let mut ladder = String::from("a0: &a0 [x]\n");
        for level in 1..150 {
            ladder += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
        }
        assert_eq!(messages(&digdag(&ladder)), ["100:12 yaml-limit nested more than 100 levels deep"]);
    }

    #[test]
    fn values_know_where_they_stand() {
        let parsed = digdag("a: \"q\" # c\nm:\n  k: v  \n  l:\n    - 日本\n    - z\nn: {x: 1}\n");
        let node = parsed.node.expect("a node");
        let text = |key: &str| node.get(key).map(|node| node.span.text().to_owned());
        assert_eq!(text("a").as_deref(), Some("\"q\""));
        assert_eq!(text("m").as_deref(), Some("k: v  \n  l:\n    - 日本\n    - z"));
        assert_eq!(text("n").as_deref(), Some("{x: 1}"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a+:{}\\[\\],&*!?|>'\"%@` \n\t#0-9.<é\u{feff}]{0,60}") {
            let _ = digdag(&text);
            let _ = parse(&Source::new("a.yml", text), Dialect::Embulk);
        }
    }
}
