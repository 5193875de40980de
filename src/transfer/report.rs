//! What a transfer says of itself when it ended well.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// What the next read begins behind: options of `in:` (`embulk run -c`).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub next: Map<String, Value>,
}
