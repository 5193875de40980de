//! What an output makes of one column: the decision that its rows are written by, as a value that can be looked at
//! before there is a row.

use super::encode::Form;
use super::encode::arrow::ParquetType;
use super::encode::sent::SentForm;

/// A column in the target.
#[derive(Debug, Clone)]
pub struct ColumnTarget {
    /// Its type as the target names it; the kind of text where it has no types.
    pub type_name: String,
    /// How values are written for it.
    pub written: Written,
    /// What the type holds of what is written.
    pub room: Room,
}

/// How the values of a column are written.
#[derive(Debug, Clone)]
pub enum Written {
    /// As text of JSON or CSV.
    Text(Form),
    /// As text of a statement of SQL.
    Sql(SentForm),
    /// In Parquet.
    Parquet(ParquetType),
    /// The target has no such column: it is left out.
    LeftOut,
}

/// What a type holds of the text that is written for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// All of it.
    All,
    /// What a double of 64 bits can tell apart.
    Double,
    /// What a float of 32 bits can tell apart.
    Single,
    /// So many digits before and after the point.
    Digits {
        /// Before it.
        whole: usize,
        /// After it.
        scale: usize,
        /// What becomes of more digits after it.
        excess: Excess,
    },
    /// A clock with so many digits of a second.
    Seconds {
        /// Of a second.
        digits: usize,
        /// What becomes of more.
        excess: Excess,
    },
}

impl Room {
    /// What `decimal(10,2)` holds; without brackets everything.
    pub(super) fn decimal(sql_type: &str, excess: Excess) -> Self {
        let inner = sql_type.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        let mut digits = inner
            .map_or("", |(inner, _)| inner)
            .split(',')
            .map_while(|part| part.trim().parse::<usize>().ok());
        let Some(precision) = digits.next() else { return Self::All };
        let scale = digits.next().unwrap_or(0);
        Self::Digits { whole: precision.saturating_sub(scale), scale, excess }
    }
}

/// What becomes of more digits than a type holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// They are lost.
    Rounded,
    /// The load fails.
    Refused,
}

impl ColumnTarget {
    /// A column that is written as text.
    pub fn text(type_name: impl Into<String>, form: Form, room: Room) -> Self {
        Self { type_name: type_name.into(), written: Written::Text(form), room }
    }

    /// A column that the target does not have.
    pub fn left_out() -> Self {
        Self { type_name: String::new(), written: Written::LeftOut, room: Room::All }
    }

    /// A column of a Parquet file.
    pub fn parquet(kind: ParquetType) -> Self {
        Self { type_name: kind.name(), written: Written::Parquet(kind), room: Room::All }
    }
}
