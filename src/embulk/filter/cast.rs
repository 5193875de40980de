//! `type: typecast`, `type: timestamp_format` and `type: expand_json`: values of another type.

use super::Invalid;
use crate::embulk::config::EmbulkType;
use crate::embulk::json_path::JsonPath;
use crate::embulk::zone::Zone;

/// What the name of a column says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A column.
    Column(String),
    /// A part of a JSON column, which the first step names.
    Path(JsonPath),
}

/// `type: typecast`
#[derive(Debug, Clone, PartialEq)]
pub struct Typecast {
    /// What is cast.
    pub columns: Vec<TypecastColumn>,
    /// What becomes of values that cannot be.
    pub invalid: Invalid,
}

/// One cast.
#[derive(Debug, Clone, PartialEq)]
pub struct TypecastColumn {
    /// What is cast.
    pub place: Place,
    /// To what; never a timestamp inside of JSON.
    pub to: EmbulkType,
    /// Of timestamps read from texts or written to them.
    pub format: String,
    /// The zone that goes with it.
    pub zone: Zone,
}

/// `type: timestamp_format`
#[derive(Debug, Clone, PartialEq)]
pub struct TimestampFormat {
    /// What is read and written.
    pub columns: Vec<ClockCast>,
    /// What becomes of values that cannot be read.
    pub invalid: Invalid,
}

/// One column of times.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockCast {
    /// What is read.
    pub place: Place,
    /// String, timestamp, long or double.
    pub to: EmbulkType,
    /// Formats of texts, tried one after another.
    pub from_formats: Vec<String>,
    /// The zone of texts that name none.
    pub from_zone: Zone,
    /// The format of written texts.
    pub to_format: String,
    /// The zone they show.
    pub to_zone: Zone,
    /// The unit of numbers that are read.
    pub from_unit: TimeUnit,
    /// The unit of numbers that are written.
    pub to_unit: TimeUnit,
}

/// What a number of a time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

/// `type: expand_json`: columns out of the values of a JSON column, in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpandJson {
    /// `json_column_name`
    pub column: String,
    /// `expanded_columns`
    pub columns: Vec<Expanded>,
    /// Whether the JSON column stays, before the others.
    pub keep: bool,
    /// What becomes of rows whose values do not fit.
    pub invalid: Invalid,
}

/// One column out of a JSON value.
#[derive(Debug, Clone, PartialEq)]
pub struct Expanded {
    /// Its name, as it is written.
    pub name: String,
    /// `root` and the name.
    pub path: JsonPath,
    /// Its type.
    pub to: EmbulkType,
    /// Of timestamps.
    pub format: String,
    /// The zone of timestamps that name none.
    pub zone: Zone,
}
