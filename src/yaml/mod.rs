//! YAML with positions, in the two dialects of the field: Digdag's and Embulk's.
//!
//! Both read SnakeYAML's scalars with a narrowed resolver; they differ in what they do with duplicate keys and
//! `!include`. A parsed text is a tree of [`Node`]s that remember where they stood.

mod build;
mod dump;
mod merge;
mod parse;
mod scalar;
mod scan;
mod syntax;
mod tag;
mod timestamp;

use std::sync::Arc;

pub use scalar::number_text;
use serde_json::Value;

use crate::diagnostic::{Problem, Source, Span};
use crate::reader::LARGEST;

pub use dump::dump;

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
    if source.text.len() > LARGEST {
        let message = format!("the text is larger than {} MiB", LARGEST >> 20);
        let problem = Problem::error("yaml-limit", message, &Span::file(source));
        return Parsed { node: None, problems: vec![problem] };
    }
    let mut builder = build::Builder::new(source, dialect);
    if let Err(problem) = parse::parse(source, &mut builder) {
        builder.problems.push(*problem);
        return Parsed { node: None, problems: builder.problems };
    }
    let nothing = || Node { value: NodeValue::Scalar(Value::Null), span: Span::file(source) };
    Parsed { node: Some(builder.root.unwrap_or_else(nothing)), problems: builder.problems }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
                "a: !!str 1\nb: !!int '3'\nc: !!binary aG k=\nd: !!set {x, 1, ~}\ne: ! '5'\nf: !!float 0.5\ng: !!bool yes\n",
                json!({"a": "1", "b": 3, "c": "aGk=", "d": ["x", 1, null], "e": 5, "f": 0.5, "g": true}),
            ),
            ("a: !!timestamp 2024-01-01\n", json!({"a": 1_704_067_200_000_i64})),
            ("a: !!omap [{b: 1}, {c: 2}, {b: 3}]\n", json!({"a": {"b": 3, "c": 2}})),
            ("%TAG !e! tag:yaml.org,2002:\n---\na: !e!str 1\n...\n", json!({"a": "1"})),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
    }

    #[test]
    fn merges_give_way_to_what_is_written() {
        let text = "base: &base {a: 1, b: 2}\nother: &other {b: 5, c: 3}\nv:\n  <<: [*base, *other]\n  b: 20\nw: {'<<': text}\nx: *base\n";
        let read = value(text);
        assert_eq!(read["v"].to_string(), r#"{"a":1,"b":20,"c":3}"#);
        assert_eq!(read["w"], json!({"<<": "text"}));
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
        // Digdag looks at how a key is written.
        assert_eq!(messages(&digdag("1: a\n'1': b\n")), ["2:1 duplicate-key duplicate key `1`"]);
        assert_eq!(messages(&digdag("{<<: {a: 1}, '<<': b}\n")), ["1:14 duplicate-key duplicate key `<<`"]);
        let parsed = digdag("1: a\n0x1: b\n");
        assert_eq!(messages(&parsed), ["2:1 duplicate-key duplicate key `1`"]);
        assert!(!parsed.problems[0].is_error());
        assert_eq!(parsed.node.expect("a node").to_json(), json!({"1": "b"}));
        assert_eq!(
            messages(&digdag("x: {<<: {a: 1}, <<: {b: 1}}\n")),
            ["1:17 duplicate-key duplicate key `<<`"]
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            ("? \n: 1\n", "1:2 yaml-key a key must not be null"),
            ("~: [1, 2]\nb: 1\n", "1:1 yaml-key a key must not be null"),
            ("k: <<\n", "1:4 yaml-merge `<<` is a key that merges a mapping"),
            ("a: !!map [1]\n", "1:4 yaml-tag `!!map` does not fit this value"),
            ("a: !!omap [{b: 1, c: 2}]\n", "1:4 yaml-tag `!!omap` does not fit this value"),
            ("a: !<x:y> 1\n", "1:4 yaml-tag unknown tag `!<x:y>`"),
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
    fn braces_of_another_template_language_are_to_be_quoted() {
        let parsed = digdag("echo>: {{ x }}\n");
        assert_eq!(messages(&parsed), ["1:9 yaml-key a list or a mapping can't be a key"]);
        assert_eq!(parsed.problems[0].hint.as_deref(), Some("quote the whole value if it is text"));
    }

    #[test]
    fn a_bracket_that_is_missing_shows_where_it_was_opened() {
        for (text, opened) in
            [("a: [\nb: {c: 1\nd: 2\n", "2:4"), ("a: [b,\n", "1:4"), ("a: [{}, [1]\n", "1:4")]
        {
            let problem = digdag(text).problems.remove(0);
            let [(span, label)] = problem.also.as_slice() else { panic!("{text}: {problem:?}") };
            assert_eq!(
                (format!("{}:{}", span.line(), span.column()), label.as_str()),
                (opened.into(), "opened here")
            );
        }
    }

    #[test]
    fn texts_with_too_much_in_them_are_refused() {
        let list = format!("a:\n{}", "- b\n".repeat(500_001));
        assert_eq!(messages(&digdag(&list)), ["500002:3 yaml-limit more than 500000 values"]);
        let large = format!("a: {}\n", "b".repeat(LARGEST));
        assert_eq!(messages(&digdag(&large)), ["1:1 yaml-limit the text is larger than 32 MiB"]);
        // A text that is repeated, and a list that is anchored at each of its levels.
        let texts = format!("a: &a {}\nb: [{}]\n", "b".repeat(1 << 20), "*a, ".repeat(40));
        assert_eq!(messages(&digdag(&texts)), ["2:101 yaml-limit aliases make more than 100000 values"]);
        let levels: String = (0..90).map(|level| format!("&a{level} [")).collect();
        let levels = format!("a: {levels}{}{}\n", "b, ".repeat(10_000), "]".repeat(90));
        assert_eq!(messages(&digdag(&levels)), ["1:239 yaml-limit anchors hold more than 500000 values"]);
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
