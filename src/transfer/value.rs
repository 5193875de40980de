//! One cell: for defaults that a config gives. Rows never travel as these.

use super::page::{Buffer, ColumnBuffer};

/// A value in the storage of its column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Long(i64),
    UnsignedLong(u64),
    Double(f64),
    Text(Vec<u8>),
}

impl Value {
    /// Adds the value to a column; false where the column holds something else.
    #[must_use]
    pub fn push(&self, column: &mut ColumnBuffer) -> bool {
        match self {
            Self::Long(value) => column.push_long(*value),
            Self::UnsignedLong(value) => column.push_unsigned(*value),
            Self::Double(value) => column.push_double(*value),
            Self::Text(text) => column.push_text(text),
        }
    }
}

/// Adds a value of one column to another of the same storage; false where the storages differ.
#[must_use]
pub fn copy(from: &ColumnBuffer, row: usize, to: &mut ColumnBuffer) -> bool {
    match &from.data {
        Buffer::Long(values) => to.push_long(values[row]),
        Buffer::UnsignedLong(values) => to.push_unsigned(values[row]),
        Buffer::Double(values) => to.push_double(values[row]),
        Buffer::Text(texts) => to.push_text(texts.get(row)),
    }
}
