//! `type: row`: a condition, whether written as `where` or as `conditions`.

use crate::embulk::pattern::Pattern;
use crate::embulk::zone::Zone;

/// What must hold for a row to stay.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of these.
    All(Vec<Condition>),
    /// One of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// The column is NULL.
    Null {
        /// Its name.
        column: String,
    },
    /// The column compared with a literal. With NULL, `!=` holds and nothing else does.
    Compare(Comparison),
}

/// A column and a literal.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Name of the column.
    pub column: String,
    /// How they are compared.
    pub operator: Operator,
    /// What with.
    pub literal: Literal,
    /// How a text becomes a timestamp, when the column is one.
    pub reading: Reading,
}

/// Formats that are tried one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// In Ruby's notation.
    pub formats: Vec<String>,
    /// The zone of texts that name none.
    pub zone: Zone,
}

/// What stands between column and literal, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    StartWith,
    EndWith,
    Include,
    /// The literal begins with the column's value.
    StartsLiteral,
    /// The literal ends with the column's value.
    EndsLiteral,
    /// The literal has the column's value in it.
    InLiteral,
    /// The literal is a pattern.
    Regexp,
}

/// What a column is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Boolean(bool),
    Number(f64),
    Text(String),
    /// `TIMESTAMP '...'`: a text that must be one.
    TimestampText(String),
    /// `TIMESTAMP 12.5`: seconds since 1970-01-01T00:00:00Z.
    TimestampNumber(f64),
    Pattern(Pattern),
}
