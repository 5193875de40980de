//! Conditions of `if`, `unless` and `case`.

use super::expression::Expression;
use super::value::Value;

/// A comparison and what it is joined to. Ruby's Liquid evaluates from the right: `a and b or c` is `a and (b or c)`.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) left: Expression,
    pub(super) comparison: Option<(Comparison, Expression)>,
    pub(super) next: Option<(Join, Box<Condition>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    And,
    Or,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

impl Comparison {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "==" => Self::Equal,
            "!=" | "<>" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            // The lexer knows no other word.
            _ => Self::Contains,
        }
    }
}

/// `left < right` and its like. Errors: what Ruby says of two values that have no order.
pub(super) fn ordered(left: &Value, comparison: Comparison, right: &Value) -> Result<bool, String> {
    let (left, right) = (left.open(), right.open());
    let number = |value: &Value| match value {
        Value::Integer(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    };
    let order = match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => left.partial_cmp(right),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => left.partial_cmp(&right),
            _ if comparable(left) && comparable(right) => {
                let right = if is_immediate(right) { right.to_text() } else { right.class().to_owned() };
                return Err(format!("comparison of {} with {right} failed", left.class()));
            }
            _ => return Ok(false),
        },
    };
    Ok(order.is_some_and(|order| match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        _ => order.is_ge(),
    }))
}

/// Whether Ruby shows the value in an error rather than its class: numbers that need no memory of their own.
fn is_immediate(value: &Value) -> bool {
    match value {
        Value::Integer(value) => (-(1_i128 << 62)..1 << 62).contains(value),
        value => matches!(value, Value::Float(_)),
    }
}

fn comparable(value: &Value) -> bool {
    matches!(value, Value::Integer(_) | Value::Float(_) | Value::Text(_))
}

/// `left contains right`
pub(super) fn contains(left: &Value, right: &Value) -> bool {
    if !left.is_truthy() || !right.is_truthy() {
        return false;
    }
    match left.open() {
        Value::Text(text) => text.contains(&right.to_text()),
        Value::List(items) => items.contains(right),
        Value::Hash(entries) => {
            matches!(right.open(), Value::Text(name) if entries.iter().any(|(key, _)| key == name))
        }
        Value::Range(first, last) => match right.open() {
            Value::Integer(value) => first <= value && value <= last,
            Value::Float(value) => *first as f64 <= *value && *value <= *last as f64,
            _ => false,
        },
        _ => false,
    }
}
