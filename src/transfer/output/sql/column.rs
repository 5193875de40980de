//! The text that the values of a column are sent as, by what the column of the table takes.

use crate::embulk::config::TypeMapping;
use crate::embulk::output::{SentAs, SqlColumnOption, TableLoad};
use crate::transfer::encode::sent::SentForm;
use crate::transfer::encode::{Clock, ClockForm, Form};
use crate::transfer::schema::ColumnType;
use crate::transfer::strftime::{Dialect, TimeFormat};

/// How timestamps are written where nothing else is asked for.
pub(crate) const USUAL: &str = "%Y-%m-%d %H:%M:%S.%6N";

/// Types of the server that take the same texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Boolean,
    Integer,
    Float,
    Decimal,
    Bytes,
    Json,
    Date,
    Time,
    Timestamp,
    TimestampZone,
    Interval,
    Bit,
    Year,
    /// Text, and every type that is known by its text only.
    Text,
}

impl Family {
    /// What `value_type` asks for, else the family of the column.
    fn sent(self, sent: SentAs) -> Self {
        match sent {
            SentAs::Column | SentAs::Null => self,
            SentAs::Boolean => Self::Boolean,
            SentAs::Integer => Self::Integer,
            SentAs::Float => Self::Float,
            SentAs::Decimal => Self::Decimal,
            SentAs::Text => Self::Text,
            SentAs::Date => Self::Date,
            SentAs::Time => Self::Time,
            SentAs::Timestamp if self == Self::TimestampZone => self,
            SentAs::Timestamp => Self::Timestamp,
            SentAs::Json => Self::Json,
        }
    }
}

/// How the values of a column are sent to a column of a family. `zoned` is the format of a timestamp in UTC for a column
/// that holds instants.
pub(crate) fn form(
    kind: ColumnType,
    family: Family,
    option: Option<&SqlColumnOption>,
    load: &TableLoad,
    zoned: &str,
) -> SentForm {
    let sent = option.map_or(SentAs::Column, |option| option.value_type);
    if sent == SentAs::Null {
        return SentForm::Null;
    }
    let family = family.sent(sent);
    match kind {
        ColumnType::Boolean | ColumnType::Flag | ColumnType::Bit { .. } => {
            SentForm::Text(boolean(kind, family, load.types))
        }
        ColumnType::Long => SentForm::Text(Form::Integer),
        ColumnType::UnsignedLong if family == Family::Integer => SentForm::Text(Form::Integer),
        ColumnType::UnsignedLong => SentForm::Text(Form::Digits),
        ColumnType::Float | ColumnType::Double | ColumnType::Decimal { .. } if family == Family::Integer => {
            SentForm::Whole
        }
        ColumnType::Float | ColumnType::Double => SentForm::Text(Form::JavaFloat),
        ColumnType::Decimal { .. } => SentForm::Text(Form::Digits),
        ColumnType::String => SentForm::Text(Form::Text),
        ColumnType::Bytes if family == Family::Bytes => SentForm::Hex,
        ColumnType::Bytes => SentForm::Text(Form::Base64),
        // As Embulk writes it anew; else as it is stored.
        ColumnType::Json if load.types == TypeMapping::Embulk => SentForm::Text(Form::Json),
        ColumnType::Json => SentForm::Text(Form::Text),
        ColumnType::Year if load.types == TypeMapping::Exact && !is_clock(family) => {
            SentForm::Text(Form::Integer)
        }
        ColumnType::Time if family == Family::Interval => SentForm::Text(Form::TimeSpan),
        ColumnType::Time if load.types == TypeMapping::Exact && family == Family::Time => {
            SentForm::Text(Form::TimeOfDay)
        }
        ColumnType::Time
            if load.types == TypeMapping::Exact && family == Family::Text && plain_text(option) =>
        {
            SentForm::Text(Form::TimeSpan)
        }
        ColumnType::Date
        | ColumnType::DateTime
        | ColumnType::Timestamp
        | ColumnType::Time
        | ColumnType::Year => clock(kind, family, option, load, zoned),
    }
}

fn is_clock(family: Family) -> bool {
    matches!(family, Family::Date | Family::Time | Family::Timestamp | Family::TimestampZone)
}

/// Whether nothing is said about how a timestamp is written.
fn plain_text(option: Option<&SqlColumnOption>) -> bool {
    option.is_none_or(|option| option.timestamp_format.is_none() && option.timezone.is_none())
}

fn boolean(kind: ColumnType, family: Family, types: TypeMapping) -> Form {
    let number = matches!(family, Family::Integer | Family::Float | Family::Decimal | Family::Bit);
    match (types, kind) {
        (TypeMapping::Embulk, _) | (_, ColumnType::Flag) if number => Form::BooleanDigit,
        (TypeMapping::Embulk, _) | (_, ColumnType::Flag) => Form::Boolean,
        (TypeMapping::Exact, ColumnType::Boolean) if family == Family::Boolean => Form::Flag,
        (TypeMapping::Exact, _) => Form::Digits,
    }
}

/// A date, time or timestamp. Embulk's are instants, shown by the clock of a zone; exact ones show the source's own
/// clock, unless the column has a zone.
fn clock(
    kind: ColumnType,
    family: Family,
    option: Option<&SqlColumnOption>,
    load: &TableLoad,
    zoned: &str,
) -> SentForm {
    let zone = option.and_then(|option| option.timezone.as_ref());
    let exact = load.types == TypeMapping::Exact && zone.is_none();
    let shown = match (exact, family) {
        (true, Family::TimestampZone) | (false, Family::TimestampZone) => Clock::In(jiff::tz::TimeZone::UTC),
        (true, _) => Clock::Wall,
        (false, _) => Clock::In(zone.unwrap_or(&load.default_timezone).zone.clone()),
    };
    let given = option.and_then(|option| option.timestamp_format.as_deref());
    let usual = match (exact, kind) {
        (true, ColumnType::Date) => "%Y-%m-%d",
        _ => USUAL,
    };
    let format = match family {
        Family::Date => "%Y-%m-%d",
        Family::Time => "%H:%M:%S.%6N",
        Family::Timestamp => USUAL,
        Family::TimestampZone => zoned,
        Family::Year => "%Y",
        _ => given.unwrap_or(usual),
    };
    let form = Form::Clock(ClockForm { format: TimeFormat::parse(format, Dialect::Embulk), clock: shown });
    match family {
        Family::Date | Family::Timestamp | Family::TimestampZone => SentForm::Date(form),
        _ => SentForm::Text(form),
    }
}
