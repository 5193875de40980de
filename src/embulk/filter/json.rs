//! What the `column` filter does inside of JSON columns: entries whose name is a JSONPath.

use crate::embulk::json_path::{JsonPath, Step};

/// Entries of the three lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonEdits {
    /// `columns`: beside these nothing stays, in this order.
    pub keep: Vec<JsonRule>,
    /// `add_columns`: these come at the end, unless they are there.
    pub add: Vec<JsonRule>,
    /// `drop_columns`
    pub drop: Vec<JsonPath>,
}

/// An entry of `columns` or `add_columns`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonRule {
    /// Where the value goes.
    pub path: JsonPath,
    /// The last step of `src`, when the value comes from beside it.
    pub src: Option<Step>,
    /// What stands where the source has nothing, as JSON text; null without a default.
    pub default: Option<String>,
}
