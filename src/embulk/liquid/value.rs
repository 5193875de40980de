//! The values of a template.

use std::rc::Rc;

use super::number;

/// A value. Copies are cheap.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing.
    Nil,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A double.
    Float(f64),
    /// Text.
    Text(Rc<str>),
    /// A list.
    List(Rc<Vec<Value>>),
    /// Names with values, in order.
    Hash(Rc<Vec<(Rc<str>, Value)>>),
    /// `(first..last)`
    Range(i128, i128),
    /// A value that must not be seen, with the name it has in what is rendered.
    Hidden(Rc<str>, Rc<Value>),
    /// A value that is not known while checking, with its name.
    Unknown(Rc<str>),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self.open(), other.open()) {
            (Self::Nil, Self::Nil) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::Integer(left), Self::Integer(right)) => left == right,
            (Self::Float(left), Self::Float(right)) => left == right,
            (Self::Integer(int), Self::Float(float)) | (Self::Float(float), Self::Integer(int)) => {
                // The comparison of Ruby is exact; beyond 2^53 a whole number may meet a float it is not.
                *int as f64 == *float
            }
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::List(left), Self::List(right)) => left == right,
            (Self::Hash(left), Self::Hash(right)) => left == right,
            (Self::Range(a, b), Self::Range(c, d)) => (a, b) == (c, d),
            (Self::Unknown(left), Self::Unknown(right)) => left == right,
            _ => false,
        }
    }
}

impl Value {
    /// Bytes that it takes, not counting what is in the items of a list.
    pub(super) fn bytes(&self) -> usize {
        match self.open() {
            Self::Text(text) => text.len(),
            Self::List(items) => items.len() * size_of::<Self>(),
            Self::Hash(entries) => entries.len() * size_of::<(Rc<str>, Self)>(),
            _ => 0,
        }
    }

    /// A text.
    pub fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A list.
    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(Rc::new(items))
    }

    /// A text that must not be seen.
    pub fn hidden(label: &str, text: &str) -> Self {
        Self::Hidden(label.into(), Rc::new(Self::text(text)))
    }

    /// The value without its cover, for comparing and computing.
    pub(super) fn open(&self) -> &Self {
        match self {
            Self::Hidden(_, value) => value.open(),
            value => value,
        }
    }

    /// The name under which it, or something in it, is hidden.
    pub(super) fn label(&self) -> Option<&Rc<str>> {
        match self {
            Self::Hidden(label, _) => Some(label),
            Self::List(items) => items.iter().find_map(Self::label),
            Self::Hash(entries) => entries.iter().find_map(|(_, value)| value.label()),
            _ => None,
        }
    }

    /// The name of what is not known in it.
    pub(super) fn unknown(&self) -> Option<&Rc<str>> {
        match self {
            Self::Unknown(label) => Some(label),
            Self::List(items) => items.iter().find_map(Self::unknown),
            _ => None,
        }
    }

    /// The same value, hidden; the items of a list are hidden one by one.
    pub(super) fn hide(self, label: &Rc<str>) -> Self {
        match self {
            Self::List(items) => Self::list(items.iter().map(|item| item.clone().hide(label)).collect()),
            Self::Hidden(..) | Self::Nil | Self::Bool(_) => self,
            value => Self::Hidden(Rc::clone(label), Rc::new(value)),
        }
    }

    /// Everything but nil and false.
    pub(super) fn is_truthy(&self) -> bool {
        !matches!(self.open(), Self::Nil | Self::Bool(false))
    }

    /// Ruby's `to_s`: what filters work on.
    pub(super) fn to_text(&self) -> String {
        match self.open() {
            Self::Nil | Self::Unknown(_) | Self::Hidden(..) => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => number::float_text(*value),
            Self::Text(text) => text.to_string(),
            Self::Range(first, last) => format!("{first}..{last}"),
            list_or_hash => list_or_hash.inspect(),
        }
    }

    /// What is rendered: lists are joined without anything between.
    pub(super) fn to_output(&self) -> String {
        match self.open() {
            Self::List(items) => items.iter().map(Self::to_output).collect(),
            value => value.to_text(),
        }
    }

    /// Ruby's `inspect`.
    fn inspect(&self) -> String {
        match self.open() {
            Self::Nil => "nil".to_owned(),
            Self::Text(text) => inspect_text(text),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::inspect).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Hash(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| format!("{}=>{}", inspect_text(key), value.inspect()))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
            value => value.to_text(),
        }
    }

    /// Ruby's `size`, for what has one. A number has the size of its machine word.
    pub(super) fn size(&self) -> Option<i128> {
        Some(match self.open() {
            Self::Text(text) => text.chars().count() as i128,
            Self::List(items) => items.len() as i128,
            Self::Hash(entries) => entries.len() as i128,
            Self::Range(first, last) => (last.saturating_sub(*first)).saturating_add(1).max(0),
            Self::Integer(_) => 8,
            _ => return None,
        })
    }

    /// Ruby's `first`.
    pub(super) fn first(&self) -> Option<Self> {
        match self.open() {
            Self::List(items) => Some(items.first().cloned().unwrap_or(Self::Nil)),
            Self::Hash(entries) => Some(entries.first().map_or(Self::Nil, |(key, value)| pair(key, value))),
            Self::Range(first, _) => Some(Self::Integer(*first)),
            _ => None,
        }
    }

    /// Ruby's `last`.
    pub(super) fn last(&self) -> Option<Self> {
        match self.open() {
            Self::List(items) => Some(items.last().cloned().unwrap_or(Self::Nil)),
            Self::Range(_, last) => Some(Self::Integer(*last)),
            _ => None,
        }
    }

    /// Whether it has no items or characters; none for what cannot be asked.
    pub(super) fn is_empty(&self) -> Option<bool> {
        match self.open() {
            Self::Text(text) => Some(text.is_empty()),
            Self::List(items) => Some(items.is_empty()),
            Self::Hash(entries) => Some(entries.is_empty()),
            _ => None,
        }
    }

    /// The class in Ruby's messages.
    pub(super) fn class(&self) -> &'static str {
        match self.open() {
            Self::Nil | Self::Unknown(_) | Self::Hidden(..) => "nil",
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Integer(_) => "Integer",
            Self::Float(_) => "Float",
            Self::Text(_) => "String",
            Self::List(_) => "Array",
            Self::Hash(_) => "Hash",
            Self::Range(..) => "Range",
        }
    }
}

/// A key with its value, as a list of two.
pub(super) fn pair(key: &Rc<str>, value: &Value) -> Value {
    Value::list(vec![Value::Text(Rc::clone(key)), value.clone()])
}

fn inspect_text(text: &str) -> String {
    let mut out = String::from("\"");
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x1b' => out.push_str("\\e"),
            '#' if matches!(chars.peek(), Some('{' | '$' | '@')) => out.push_str("\\#"),
            char if char.is_ascii_control() => out.push_str(&format!("\\x{:02X}", u32::from(char))),
            char => out.push(char),
        }
    }
    out.push('"');
    out
}
