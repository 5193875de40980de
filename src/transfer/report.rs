//! What a transfer says of itself when it ended well.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Values that did not arrive as they were, because the config or Embulk's rules have it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The column; none for whole rows.
    pub column: Option<String>,
    /// What happened to them, e.g. `zero dates became NULL`.
    pub what: String,
    /// How many.
    pub count: u64,
}

impl Change {
    /// A change of values of a column.
    pub fn of(column: &str, what: impl Into<String>, count: u64) -> Self {
        Self { column: Some(column.to_owned()), what: what.into(), count }
    }

    /// A change of whole rows.
    pub fn of_rows(what: impl Into<String>, count: u64) -> Self {
        Self { column: None, what: what.into(), count }
    }

    /// In words, for people.
    pub fn note(&self) -> String {
        let Self { column, what, count } = self;
        match column {
            Some(column) => format!("column `{column}`: {count} {what}"),
            None => format!("{count} {what}"),
        }
    }
}

/// The figures of one transfer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TransferReport {
    /// The source as people know it, e.g. `mysql shop.orders`.
    pub source: String,
    /// The target as people know it, e.g. `bigquery proj.lake.orders`.
    pub target: String,
    /// Rows read from the source.
    pub rows_read: u64,
    /// Rows sent to the target, after filters.
    pub rows_sent: u64,
    /// Rows the target says it has taken; none where it cannot tell.
    pub rows_loaded: Option<u64>,
    /// Bytes sent to the target (compressed where the config compresses).
    pub bytes: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// What consistency the read had, e.g. `per table`.
    pub snapshot: String,
    /// Things that people should know: zero dates turned into NULL, with counts.
    pub notes: Vec<String>,
    /// The same counts for programs, column by column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What the next read begins behind: options of `in:` (`embulk run -c`).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub next: Map<String, Value>,
}
