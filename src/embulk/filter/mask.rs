//! `type: mask`

use crate::embulk::json_path::JsonPath;
use crate::embulk::pattern::Pattern;

/// Columns whose values become asterisks. They are strings afterwards, unless they are JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask {
    /// One per column.
    pub columns: Vec<MaskColumn>,
}

/// How one column is masked.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskColumn {
    /// Its name.
    pub name: String,
    /// What becomes of its values.
    pub kind: MaskKind,
    /// `paths`: what is masked in a JSON column, whose other parts stay.
    pub paths: Vec<MaskPath>,
}

/// A part of a JSON column.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskPath {
    /// From the column's value on.
    pub key: JsonPath,
    /// What becomes of it.
    pub kind: MaskKind,
}

/// What becomes of a text. Lengths and places count UTF-16 units, as in Java.
#[derive(Debug, Clone, PartialEq)]
pub enum MaskKind {
    /// An asterisk for every character, or as many as `length` says.
    All { length: Option<usize> },
    /// The same for what stands before the `@`.
    Email { length: Option<usize> },
    /// An asterisk for every match.
    Regex(Pattern),
    /// Asterisks from `start` on, up to before `end`.
    Substring { start: usize, end: Option<usize>, length: Option<usize> },
}
