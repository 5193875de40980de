//! The options of `filters:`, per `type:`.

mod cast;
mod json;
mod mask;
mod rename;
mod row;

pub use cast::{ClockCast, ExpandJson, Expanded, Place, TimeUnit, TimestampFormat, Typecast, TypecastColumn};
pub use json::{JsonEdits, JsonRule};
pub use mask::{Mask, MaskColumn, MaskKind, MaskPath};
pub use rename::{CharacterTypes, FirstCharacter, NumberSuffix, Rename, RenameRule};
pub use row::{Comparison, Condition, Literal, Operator, Reading};

use super::config::EmbulkType;
use super::zone::Zone;

/// The format of timestamps where a config names none.
pub const DEFAULT_FORMAT: &str = "%Y-%m-%d %H:%M:%S.%N %z";

/// One filter.
#[derive(Debug, Clone, PartialEq)]
pub enum FilterConfig {
    /// `type: column`
    Column(ColumnFilter),
    /// `type: remove_columns`
    RemoveColumns(RemoveColumns),
    /// `type: rename`
    Rename(Rename),
    /// `type: mask`
    Mask(Mask),
    /// `type: row`: the rows that stay.
    Row(Condition),
    /// `type: typecast`
    Typecast(Typecast),
    /// `type: timestamp_format`
    TimestampFormat(TimestampFormat),
    /// `type: expand_json`
    ExpandJson(ExpandJson),
}

/// What happens with values that cannot become what they should (`stop_on_invalid_record`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// The transfer fails.
    Stop,
    /// The value becomes NULL, or the row is left out; how often is told.
    Tolerate,
}

/// `type: column`: first what stays, then what is added.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnFilter {
    /// Which columns stay.
    pub selection: ColumnSelection,
    /// `add_columns`: appended at the end.
    pub add: Vec<ColumnRule>,
    /// How defaults of timestamp columns are written.
    pub default_timestamp_format: String,
    /// The zone of such defaults.
    pub default_timezone: Zone,
    /// What happens inside of JSON columns.
    pub edits: JsonEdits,
}

/// Which columns stay.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnSelection {
    /// All, in their order.
    All,
    /// `columns`: these, in this order; others go.
    Only(Vec<ColumnRule>),
    /// `drop_columns`: all but these; names that do not exist are ignored.
    Drop(Vec<String>),
}

/// One entry of `columns` or `add_columns`.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnRule {
    /// Name of the column in the result.
    pub name: String,
    /// Name of the column it is taken from, when it is another.
    pub src: Option<String>,
    /// Type of a column that the input does not have. It never converts one that the input has.
    pub column_type: Option<EmbulkType>,
    /// Value of a column that the input does not have, and of nulls of one that it has.
    pub default: Option<DefaultValue>,
    /// How a timestamp default is written.
    pub format: Option<String>,
    /// The zone of a timestamp default.
    pub timezone: Option<Zone>,
}

/// A default as written; it is converted when the column's type is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultValue {
    /// A YAML boolean: the only default a boolean column takes.
    Boolean(bool),
    /// Any other scalar, as text.
    Text(String),
}

/// `type: remove_columns`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveColumns {
    /// Which ones.
    pub rule: RemoveRule,
    /// What happens with names that the input does not have.
    pub unmatched: Unmatched,
}

/// Which columns `remove_columns` takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoveRule {
    /// These.
    Remove(Vec<String>),
    /// All others.
    Keep(Vec<String>),
}

/// Names of columns that the input does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmatched {
    /// Are an error.
    Refuse,
    /// Are ignored (`accept_unmatched_columns: true`).
    Accept,
}
