//! How values are written, in words for people: one sentence for each form, beside the forms themselves.

use jiff::tz::TimeZone;

use super::arrow::ParquetType;
use super::sent::SentForm;
use super::{Clock, ClockForm, EpochUnit, Form};
use crate::transfer::schema::{ColumnType, Zones};

impl Form {
    /// What becomes of the values of a column, e.g. `digits as stored`.
    pub fn words(&self, kind: ColumnType, zones: &Zones) -> String {
        let words = match self {
            Self::Boolean if matches!(kind, ColumnType::Bit { .. }) => {
                "true or false, by the first byte as Embulk's driver has it"
            }
            Self::Boolean if kind == ColumnType::Boolean => "true for -1 and above 0, else false",
            Self::Boolean | Self::Flag => "true or false",
            Self::BooleanDigit => "1 or 0",
            Self::Integer => "whole number",
            Self::Float if matches!(kind, ColumnType::Decimal { .. }) => "nearest double",
            Self::Float => "shortest digits of the double",
            Self::JavaFloat => "shortest digits of the double, as Java writes them",
            Self::Truncated => "whole part",
            Self::Digits => "digits as stored",
            Self::Text => "text as it is",
            Self::Json => "JSON without white space",
            Self::Base64 => "Base64",
            Self::Clock(form) => return form.words(kind, zones),
            Self::Epoch(unit) => return instant(kind, zones, unit.words()),
            Self::TimeSpan => "hours, minutes and seconds with sign",
            Self::TimeOfDay => "time of day",
            Self::TextWith(conversion) => return conversion.words(),
        };
        words.to_owned()
    }
}

impl Form {
    /// The zone whose clock is shown.
    pub fn shown_zone(&self) -> Option<&TimeZone> {
        match self {
            Self::Clock(ClockForm { clock: Clock::In(zone), .. }) => Some(zone),
            _ => None,
        }
    }

    /// Whether wall clocks become instants on their way.
    pub fn is_instant(&self) -> bool {
        matches!(self, Self::Epoch(_)) || self.shown_zone().is_some()
    }
}

impl ClockForm {
    fn words(&self, kind: ColumnType, zones: &Zones) -> String {
        let format = self.format.text();
        match &self.clock {
            Clock::Wall if kind == ColumnType::Timestamp => format!("`{format}` in UTC"),
            Clock::Wall => format!("`{format}` of its own clock"),
            Clock::In(zone) => instant(kind, zones, &format!("`{format}` in {}", zone_name(zone))),
        }
    }
}

impl EpochUnit {
    fn words(self) -> &'static str {
        match self {
            Self::Seconds => "seconds since 1970",
            Self::SecondsWithFraction => "seconds since 1970 with their fraction",
            Self::Milliseconds => "milliseconds since 1970",
            Self::Microseconds => "microseconds since 1970",
        }
    }
}

/// Something that an instant is written as; what is none becomes one first.
fn instant(kind: ColumnType, zones: &Zones, written: &str) -> String {
    let what = match kind {
        ColumnType::Timestamp => return written.to_owned(),
        ColumnType::Date => "midnight",
        ColumnType::Year => "midnight of January 1",
        ColumnType::Time => "1970-01-01 at that time",
        _ => "wall clock",
    };
    match kind.source_zone(zones) {
        Some(zone) => format!("{what} in {} → {written}", zone_name(zone)),
        None => written.to_owned(),
    }
}

/// The name of a zone, else its offset.
pub fn zone_name(zone: &TimeZone) -> String {
    match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => zone.to_offset(jiff::Timestamp::UNIX_EPOCH).to_string(),
    }
}

impl SentForm {
    /// What becomes of the values of a column.
    pub fn words(&self, kind: ColumnType, zones: &Zones) -> String {
        match self {
            Self::Null => "NULL in every row".to_owned(),
            Self::Hex => "bytes as they are".to_owned(),
            Self::Whole => "whole number".to_owned(),
            Self::Plain => "digits of the double, without an exponent".to_owned(),
            Self::Text(form) | Self::Date(form) => form.words(kind, zones),
        }
    }
}

impl SentForm {
    fn form(&self) -> Option<&Form> {
        match self {
            Self::Null | Self::Hex | Self::Whole | Self::Plain => None,
            Self::Text(form) | Self::Date(form) => Some(form),
        }
    }

    /// The zone whose clock is shown.
    pub fn shown_zone(&self) -> Option<&TimeZone> {
        self.form().and_then(Form::shown_zone)
    }

    /// Whether wall clocks become instants on their way.
    pub fn is_instant(&self) -> bool {
        self.form().is_some_and(Form::is_instant)
    }
}

impl ParquetType {
    /// Whether wall clocks become instants on their way.
    pub fn is_instant(&self) -> bool {
        matches!(self, Self::Timestamp)
    }

    /// The type as Parquet names it.
    pub fn name(&self) -> String {
        let name = match self {
            Self::Boolean | Self::Flag => "BOOLEAN",
            Self::Short | Self::Integer => "INT32",
            Self::Long => "INT64",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Decimal { precision, scale } => return format!("DECIMAL({precision}, {scale})"),
            Self::String | Self::Rendered(_) => "STRING",
            Self::Bytes => "BYTE_ARRAY",
            Self::Date => "DATE",
            Self::DateTime => "TIMESTAMP without zone",
            Self::Timestamp => "TIMESTAMP in UTC",
            Self::Time => "TIME",
        };
        name.to_owned()
    }

    /// What becomes of the values of a column.
    pub fn words(&self, kind: ColumnType, zones: &Zones) -> String {
        let words = match self {
            Self::Boolean => return Form::Boolean.words(kind, zones),
            Self::Flag => "true or false of 1 and 0",
            Self::Short | Self::Integer | Self::Long => "whole number",
            Self::Float | Self::Double if matches!(kind, ColumnType::Decimal { .. }) => "nearest double",
            Self::Double if kind == ColumnType::Float => "widened to a double",
            Self::Float | Self::Double => "number as stored",
            Self::Decimal { .. } => "digits as stored",
            Self::String => "text as it is",
            Self::Bytes => "bytes as they are",
            Self::Date => "days",
            Self::DateTime => "its own clock",
            Self::Timestamp => return instant(kind, zones, "instant"),
            Self::Time => "time of day",
            Self::Rendered(rendering) => return rendering.form.words(kind, zones),
        };
        words.to_owned()
    }
}
