//! Pages to bytes: how each column is written, and the formats that write it.
//!
//! An output decides a [`Rendering`] per column once; the encoders follow it for every value. What a type of the
//! target is called, and which rendering it needs, is the output's business.

pub mod arrow;
pub(super) mod cell;
pub mod charset;
pub mod check;
pub mod copy_text;
pub mod csv;
mod gathered;
pub(in crate::transfer) mod json_text;
pub mod jsonl;
pub mod load_data;
pub mod number;
pub mod parquet;
pub mod sent;
pub(in crate::transfer) mod short;
pub mod staged_rows;
pub mod typed;
pub mod words;

use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::error::{ErrorKind, TransferError};
use super::schema::{Column, ColumnType};
use super::strftime::{Dialect, TimeFormat};

/// How the values of a column are written.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// Which text a value becomes.
    pub form: Form,
    /// Whether JSON puts the text between quotes. CSV has its own rules.
    pub json: JsonPlace,
}

/// Where a text stands in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonPlace {
    /// As it is: numbers, `true`, raw JSON.
    Bare,
    /// As a string, escaped.
    Quoted,
}

/// The text of a value. A form that does not go with the column's type gives an error for the first value.
#[derive(Debug, Clone)]
pub enum Form {
    /// `true` or `false`, by Embulk's rule: -1 and numbers above 0 are true. BIT(n) goes by its first byte.
    Boolean,
    /// `true` or `false` of 1 and 0; other numbers do not fit.
    Flag,
    /// `1` or `0`, by Embulk's rule.
    BooleanDigit,
    /// The digits of an integer, also of a boolean, year or bit column. Above 9223372036854775807 does not fit.
    Integer,
    /// The shortest text of a double in Ruby's notation: `1.1`, `-1234.0`, `1.0e-05`. NaN and infinities do not fit.
    Float,
    /// A double as Java writes it: `1.2345678901234568E17`, `NaN`. Not for JSON.
    JavaFloat,
    /// The whole part of a double or decimal.
    Truncated,
    /// Digits as the source wrote them (decimals), or of an integer without a limit.
    Digits,
    /// The text as it is; must be UTF-8.
    Text,
    /// JSON text without the white space between its parts; nothing else is changed.
    Json,
    /// Base64 with padding.
    Base64,
    /// An instant or wall clock through a format.
    Clock(ClockForm),
    /// Seconds, milliseconds or microseconds since 1970-01-01T00:00:00Z.
    Epoch(EpochUnit),
    /// A TIME as the server writes it, with sign and hours beyond 24, six digits of a second.
    TimeSpan,
    /// A TIME as a time of day with six digits of a second; others do not fit.
    TimeOfDay,
    /// A text column through a conversion of the output's own.
    TextWith(Arc<dyn TextConversion>),
}

/// An instant or wall clock through a format.
#[derive(Debug, Clone)]
pub struct ClockForm {
    /// The format.
    pub format: TimeFormat,
    /// What clock it shows.
    pub clock: Clock,
}

/// Which clock a format shows.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The wall clock as the source stores it; a TIMESTAMP column's in UTC. No zone is asked.
    Wall,
    /// The clock of this zone: wall clocks become instants in the zones of the schema first, as in Embulk.
    In(TimeZone),
}

/// Which unit an epoch number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochUnit {
    /// Whole seconds; a fraction is cut off, also before 1970.
    Seconds,
    /// Seconds with a fraction, as a float in Ruby's notation.
    SecondsWithFraction,
    /// Milliseconds, rounded down.
    Milliseconds,
    /// Microseconds.
    Microseconds,
}

/// A conversion of texts that an output brings.
pub trait TextConversion: fmt::Debug + Send + Sync {
    /// Appends the converted text to `out`, or says that the value becomes NULL, or why it does not fit.
    fn convert(&self, text: &[u8], out: &mut Vec<u8>) -> Result<Converted, Unfit>;

    /// What becomes of texts, in words.
    fn words(&self) -> String;
}

/// What a conversion made of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Converted {
    /// The text was appended.
    Text,
    /// The value becomes NULL; nothing was appended.
    Null,
}

/// Why a value does not fit, in words that follow "a value": never the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit(pub &'static str);

impl Rendering {
    /// A text that JSON writes as it is.
    pub fn bare(form: Form) -> Self {
        Self { form, json: JsonPlace::Bare }
    }

    /// A text that JSON writes as a string.
    pub fn quoted(form: Form) -> Self {
        Self { form, json: JsonPlace::Quoted }
    }

    /// Clock text in quotes.
    pub fn clock(format: &str, clock: Clock) -> Self {
        Self::quoted(Form::Clock(ClockForm { format: TimeFormat::parse(format, Dialect::Ruby), clock }))
    }

    /// What the text is in JSON: `string`, `number`, `boolean`, `json`.
    pub fn json_word(&self) -> &'static str {
        match (self.json, &self.form) {
            (JsonPlace::Quoted, _) => "string",
            (_, Form::Boolean | Form::Flag) => "boolean",
            (_, Form::Json | Form::TextWith(_)) => "json",
            _ => "number",
        }
    }

    /// The rendering that says most about a column without a type of the target: numbers and booleans bare,
    /// decimals as digits, temporal values as text of their own clock, bytes as Base64, JSON inline.
    pub fn natural(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Boolean | ColumnType::Flag => Self::bare(Form::Boolean),
            ColumnType::Long | ColumnType::Year => Self::bare(Form::Integer),
            ColumnType::UnsignedLong | ColumnType::Bit { .. } => Self::bare(Form::Digits),
            ColumnType::Float | ColumnType::Double => Self::bare(Form::Float),
            ColumnType::Decimal { .. } => Self::bare(Form::Digits),
            ColumnType::String => Self::quoted(Form::Text),
            ColumnType::Bytes => Self::quoted(Form::Base64),
            ColumnType::Json => Self::bare(Form::Json),
            ColumnType::Date => Self::clock("%Y-%m-%d", Clock::Wall),
            ColumnType::DateTime => Self::clock("%Y-%m-%d %H:%M:%S.%6N", Clock::Wall),
            ColumnType::Timestamp => Self::clock("%Y-%m-%d %H:%M:%S.%6N %:z", Clock::Wall),
            ColumnType::Time => Self::quoted(Form::TimeSpan),
        }
    }
}

impl Form {
    /// Whether its texts are never empty and of such bytes only, whatever the value.
    fn is_plain(&self, plain: impl Fn(u8) -> bool) -> bool {
        match self {
            Self::Boolean
            | Self::Flag
            | Self::BooleanDigit
            | Self::Integer
            | Self::Float
            | Self::JavaFloat
            | Self::Epoch(_)
            | Self::TimeSpan
            | Self::TimeOfDay => true,
            Self::Clock(form) => form.format.has_only(plain),
            // Of a text column these are parts of what the source wrote.
            Self::Truncated | Self::Digits | Self::Text | Self::Json | Self::Base64 | Self::TextWith(_) => {
                false
            }
        }
    }
}

/// A format that writes rows.
pub trait Encoder: Send {
    /// What stands before the first row. Called once, also for a table without rows.
    fn header(&mut self, out: &mut Vec<u8>);

    /// Appends the rows of a page.
    fn rows(&mut self, page: &super::page::Page, out: &mut Vec<u8>) -> Result<(), TransferError>;

    /// How many values of each column were written as NULL because they did not fit; empty where none can.
    fn null_counts(&self) -> Vec<u64> {
        Vec::new()
    }
}

/// The error for a value that does not fit; rows count from 1 in messages.
pub(super) fn unfit(column: &Column, row: u64, reason: &Unfit) -> TransferError {
    let (name, number) = (&column.name, row + 1);
    TransferError::new(ErrorKind::Data, format!("column `{name}`, row {number}: a value {}", reason.0))
}
