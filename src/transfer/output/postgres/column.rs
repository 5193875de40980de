//! What each column becomes: the type it gets in a new table, and the text that its values are sent as.

use crate::embulk::config::{EmbulkType, TypeMapping};
use crate::embulk::output::{SentAs, SqlColumnOption, TableLoad};
use crate::transfer::encode::copy_text::CopyForm;
use crate::transfer::encode::{Clock, ClockForm, Form};
use crate::transfer::schema::ColumnType;
use crate::transfer::strftime::TimeFormat;
use crate::transfer::target::{ColumnTarget, Excess, Room, Written};

/// How timestamps are written where nothing else is asked for.
const USUAL: &str = "%Y-%m-%d %H:%M:%S.%6N";

/// Types of the server that take the same texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
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
    /// Text, and every type that is known by its text only.
    Text,
}

impl Family {
    /// The family of a type by its name in the catalog.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "bool" => Self::Boolean,
            "int2" | "int4" | "int8" | "oid" => Self::Integer,
            "float4" | "float8" => Self::Float,
            "numeric" | "money" => Self::Decimal,
            "bytea" => Self::Bytes,
            "json" | "jsonb" => Self::Json,
            "date" => Self::Date,
            "time" | "timetz" => Self::Time,
            "timestamp" => Self::Timestamp,
            "timestamptz" => Self::TimestampZone,
            "bit" | "varbit" => Self::Bit,
            "interval" => Self::Interval,
            _ => Self::Text,
        }
    }

    /// The family of a type as SQL spells it, for columns that no catalog has yet.
    pub(super) fn of_sql(sql_type: &str) -> Self {
        let lower = sql_type.to_ascii_lowercase();
        let name = lower.split('(').next().unwrap_or_default().trim();
        let with_zone = lower.contains("with time zone");
        match name {
            "boolean" => Self::Boolean,
            "smallint" | "integer" | "int" | "bigint" | "serial" | "bigserial" => Self::Integer,
            "real" | "double precision" | "float" => Self::Float,
            "decimal" => Self::Decimal,
            "bit varying" => Self::Bit,
            _ if with_zone && name.starts_with("timestamp") => Self::TimestampZone,
            _ => ["timestamp", "time", "interval"]
                .into_iter()
                .find(|known| name == *known || name.starts_with(&format!("{known} ")))
                .map_or_else(|| Self::of(name), Self::of),
        }
    }

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

/// What a column becomes in a column of this type, by the catalog's name or else as SQL spells it.
pub(super) fn target(
    kind: ColumnType,
    sql_type: &str,
    base: &str,
    option: Option<&SqlColumnOption>,
    load: &TableLoad,
) -> ColumnTarget {
    let family = if base.is_empty() { Family::of_sql(sql_type) } else { Family::of(base) };
    ColumnTarget {
        type_name: sql_type.to_owned(),
        written: Written::Copy(form(kind, family, option, load)),
        room: room(family, sql_type),
    }
}

/// What a type holds of the text that it is sent.
fn room(family: Family, sql_type: &str) -> Room {
    let lower = sql_type.to_ascii_lowercase();
    let inner =
        lower.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inner, _)| inner);
    let mut digits = inner.split(',').map_while(|part| part.trim().parse::<usize>().ok());
    match (family, digits.next()) {
        (Family::Float, _) if lower == "real" || lower == "float4" => Room::Single,
        (Family::Float, _) => Room::Double,
        (Family::Decimal, Some(precision)) => {
            let scale = digits.next().unwrap_or(0);
            Room::Digits { whole: precision.saturating_sub(scale), scale, excess: Excess::Rounded }
        }
        _ => Room::All,
    }
}

/// The type of a column in a new table.
pub(super) fn usual_type(kind: ColumnType, types: TypeMapping) -> String {
    let word = match (types, kind) {
        (TypeMapping::Embulk, _) => match kind.embulk() {
            EmbulkType::Boolean => "BOOLEAN",
            EmbulkType::Long => "BIGINT",
            EmbulkType::Double => "DOUBLE PRECISION",
            EmbulkType::String => "TEXT",
            EmbulkType::Timestamp => "TIMESTAMP",
            EmbulkType::Json => "JSON",
        },
        (TypeMapping::Exact, ColumnType::Decimal { precision, scale }) if precision <= 76 => {
            return format!("NUMERIC({precision},{scale})");
        }
        (TypeMapping::Exact, ColumnType::Flag) => "BOOLEAN",
        (TypeMapping::Exact, ColumnType::Boolean | ColumnType::Long) => "BIGINT",
        (TypeMapping::Exact, ColumnType::UnsignedLong | ColumnType::Bit { .. }) => "NUMERIC(20,0)",
        (TypeMapping::Exact, ColumnType::Decimal { .. }) => "NUMERIC",
        (TypeMapping::Exact, ColumnType::Year) => "INTEGER",
        (TypeMapping::Exact, ColumnType::Float) => "REAL",
        (TypeMapping::Exact, ColumnType::Double) => "DOUBLE PRECISION",
        (TypeMapping::Exact, ColumnType::String) => "TEXT",
        (TypeMapping::Exact, ColumnType::Bytes) => "BYTEA",
        (TypeMapping::Exact, ColumnType::Json) => "JSON",
        (TypeMapping::Exact, ColumnType::Date) => "DATE",
        (TypeMapping::Exact, ColumnType::Time) => "TIME",
        (TypeMapping::Exact, ColumnType::DateTime) => "TIMESTAMP",
        (TypeMapping::Exact, ColumnType::Timestamp) => "TIMESTAMPTZ",
    };
    word.to_owned()
}

/// How the values of a column are sent to a column of a family.
pub(super) fn form(
    kind: ColumnType,
    family: Family,
    option: Option<&SqlColumnOption>,
    load: &TableLoad,
) -> CopyForm {
    let sent = option.map_or(SentAs::Column, |option| option.value_type);
    if sent == SentAs::Null {
        return CopyForm::Null;
    }
    let family = family.sent(sent);
    match kind {
        ColumnType::Boolean | ColumnType::Flag | ColumnType::Bit { .. } => {
            CopyForm::Text(boolean(kind, family, load.types))
        }
        ColumnType::Long => CopyForm::Text(Form::Integer),
        ColumnType::UnsignedLong if family == Family::Integer => CopyForm::Text(Form::Integer),
        ColumnType::UnsignedLong => CopyForm::Text(Form::Digits),
        ColumnType::Float | ColumnType::Double | ColumnType::Decimal { .. } if family == Family::Integer => {
            CopyForm::Whole
        }
        ColumnType::Float | ColumnType::Double => CopyForm::Text(Form::JavaFloat),
        ColumnType::Decimal { .. } => CopyForm::Text(Form::Digits),
        ColumnType::String => CopyForm::Text(Form::Text),
        ColumnType::Bytes if family == Family::Bytes => CopyForm::Hex,
        ColumnType::Bytes => CopyForm::Text(Form::Base64),
        // As Embulk writes it anew; else as it is stored.
        ColumnType::Json if load.types == TypeMapping::Embulk => CopyForm::Text(Form::Json),
        ColumnType::Json => CopyForm::Text(Form::Text),
        ColumnType::Year if load.types == TypeMapping::Exact && !is_clock(family) => {
            CopyForm::Text(Form::Integer)
        }
        ColumnType::Time if family == Family::Interval => CopyForm::Text(Form::TimeSpan),
        ColumnType::Time if load.types == TypeMapping::Exact && family == Family::Time => {
            CopyForm::Text(Form::TimeOfDay)
        }
        ColumnType::Time
            if load.types == TypeMapping::Exact && family == Family::Text && plain_text(option) =>
        {
            CopyForm::Text(Form::TimeSpan)
        }
        ColumnType::Date
        | ColumnType::DateTime
        | ColumnType::Timestamp
        | ColumnType::Time
        | ColumnType::Year => clock(kind, family, option, load),
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
fn clock(kind: ColumnType, family: Family, option: Option<&SqlColumnOption>, load: &TableLoad) -> CopyForm {
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
        Family::TimestampZone => "%Y-%m-%d %H:%M:%S.%6N%:z",
        _ => given.unwrap_or(usual),
    };
    let form = Form::Clock(ClockForm { format: TimeFormat::parse(format), clock: shown });
    match family {
        Family::Date | Family::Timestamp | Family::TimestampZone => CopyForm::Date(form),
        _ => CopyForm::Text(form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_types_that_no_catalog_has_yet() {
        for (sql_type, family) in [
            ("BOOLEAN", Family::Boolean),
            ("BIGINT", Family::Integer),
            ("DOUBLE PRECISION", Family::Float),
            ("NUMERIC(20,0)", Family::Decimal),
            ("TIMESTAMP", Family::Timestamp),
            ("timestamp(3) with time zone", Family::TimestampZone),
            ("TIMESTAMPTZ", Family::TimestampZone),
            ("timestamp without time zone", Family::Timestamp),
            ("TIME", Family::Time),
            ("interval day to second", Family::Interval),
            ("varchar(20)", Family::Text),
            ("JSON", Family::Json),
        ] {
            assert_eq!(Family::of_sql(sql_type), family, "{sql_type}");
        }
        let rounded = Room::Digits { whole: 8, scale: 2, excess: Excess::Rounded };
        assert_eq!(room(Family::Decimal, "numeric(10, 2)"), rounded);
        assert_eq!(room(Family::Float, "real"), Room::Single);
    }

    #[test]
    fn usual_types_are_embulks_or_exact() {
        for (kind, embulk, exact) in [
            (ColumnType::Boolean, "BOOLEAN", "BIGINT"),
            (ColumnType::Flag, "BOOLEAN", "BOOLEAN"),
            (ColumnType::Bit { width: 64 }, "BOOLEAN", "NUMERIC(20,0)"),
            (ColumnType::Long, "BIGINT", "BIGINT"),
            (ColumnType::UnsignedLong, "BIGINT", "NUMERIC(20,0)"),
            (ColumnType::Float, "DOUBLE PRECISION", "REAL"),
            (ColumnType::Double, "DOUBLE PRECISION", "DOUBLE PRECISION"),
            (ColumnType::Decimal { precision: 65, scale: 30 }, "DOUBLE PRECISION", "NUMERIC(65,30)"),
            (ColumnType::Decimal { precision: 255, scale: 0 }, "DOUBLE PRECISION", "NUMERIC"),
            (ColumnType::String, "TEXT", "TEXT"),
            (ColumnType::Bytes, "TEXT", "BYTEA"),
            (ColumnType::Json, "JSON", "JSON"),
            (ColumnType::Date, "TIMESTAMP", "DATE"),
            (ColumnType::DateTime, "TIMESTAMP", "TIMESTAMP"),
            (ColumnType::Timestamp, "TIMESTAMP", "TIMESTAMPTZ"),
            (ColumnType::Time, "TIMESTAMP", "TIME"),
            (ColumnType::Year, "TIMESTAMP", "INTEGER"),
        ] {
            assert_eq!(usual_type(kind, TypeMapping::Embulk), embulk, "{kind:?}");
            assert_eq!(usual_type(kind, TypeMapping::Exact), exact, "{kind:?}");
        }
    }
}
