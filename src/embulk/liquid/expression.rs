//! Expressions: literals, ranges, and variables with what is looked up in them.

use std::sync::LazyLock;

use regex::Regex;

use super::number;
use super::value::Value;

/// What stands where a value is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Literal(Value),
    /// `empty`, `blank`: mean something in conditions only.
    Quality(Quality),
    Range(Box<Expression>, Box<Expression>),
    Variable(Lookup),
}

/// What a condition may ask of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quality {
    /// Without items or characters.
    Empty,
    /// Ruby's Liquid asks `blank?`, which no value of a transfer file answers.
    Blank,
}

/// `name.key[expression]`
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lookup {
    pub(super) name: Box<Expression>,
    pub(super) keys: Vec<Key>,
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    /// `.name`
    Name(String),
    /// `[expression]`
    Index(Expression),
}

/// Ranges in ranges.
const MAX_DEPTH: usize = 100;

/// The parts of a variable, as Ruby scans them.
static PARTS: LazyLock<Regex> =
    // A constant pattern: compiles always, or the tests fail.
    LazyLock::new(|| Regex::new(r"\[[^\]]+\]|[0-9A-Za-z_\-]+\??").expect("constant pattern"));

impl Expression {
    /// Reads the text of an expression; everything means something.
    pub(super) fn parse(text: &str) -> Self {
        Self::parse_within(text, MAX_DEPTH)
    }

    /// Ranges in ranges beyond the depth are nothing: the stack has an end.
    fn parse_within(text: &str, depth: usize) -> Self {
        let Some(depth) = depth.checked_sub(1) else { return Self::Literal(Value::Nil) };
        match text {
            "" | "nil" | "null" => return Self::Literal(Value::Nil),
            "true" => return Self::Literal(Value::Bool(true)),
            "false" => return Self::Literal(Value::Bool(false)),
            "empty" => return Self::Quality(Quality::Empty),
            "blank" => return Self::Quality(Quality::Blank),
            _ => {}
        }
        for quote in ['\'', '"'] {
            if text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote) {
                return Self::Literal(Value::text(&text[1..text.len() - 1]));
            }
        }
        if let Some(number) = number::literal(text) {
            return Self::Literal(number);
        }
        if let Some((first, last)) = text
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .and_then(|inner| inner.rsplit_once(".."))
        {
            return Self::Range(
                Box::new(Self::parse_within(first, depth)),
                Box::new(Self::parse_within(last, depth)),
            );
        }
        Self::Variable(Lookup::parse(text))
    }
}

impl Lookup {
    fn parse(text: &str) -> Self {
        let mut parts = PARTS.find_iter(text).map(|part| part.as_str());
        let inside = |part: &str| {
            part.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(Expression::parse)
        };
        let name = match parts.next() {
            None => Expression::Literal(Value::Nil),
            Some(part) => inside(part).unwrap_or_else(|| Expression::Literal(Value::text(part))),
        };
        let keys =
            parts.map(|part| inside(part).map_or_else(|| Key::Name(part.to_owned()), Key::Index)).collect();
        Self { name: Box::new(name), keys }
    }
}
