//! Defaults of the `column` filter as values of their column.

use jiff::tz::TimeZone;

use crate::embulk::filter::{ColumnFilter, ColumnRule, DefaultValue};
use crate::transfer::civil::{DAY, SECOND};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::{ColumnType, Schema};
use crate::transfer::strptime::TimeReader;
use crate::transfer::value::Value;
use crate::transfer::zone::ZoneClock;

/// A default in the storage of its column.
pub(super) fn value(
    default: &DefaultValue,
    kind: ColumnType,
    rule: &ColumnRule,
    filter: &ColumnFilter,
    schema: &Schema,
) -> Result<Value, TransferError> {
    let text = match default {
        DefaultValue::Boolean(value) if matches!(kind, ColumnType::Boolean | ColumnType::Flag) => {
            return Ok(Value::Long(i64::from(*value)));
        }
        DefaultValue::Boolean(value) => value.to_string(),
        DefaultValue::Text(text) => text.clone(),
    };
    parse(&text, kind, rule, filter, schema).ok_or_else(|| {
        TransferError::new(
            ErrorKind::Config,
            format!("the default of column `{}` cannot be read as {}", rule.name, kind.word()),
        )
        .hint("write it as the column's type; timestamps in `format` or `default_timestamp_format`")
    })
}

fn parse(
    text: &str,
    kind: ColumnType,
    rule: &ColumnRule,
    filter: &ColumnFilter,
    schema: &Schema,
) -> Option<Value> {
    Some(match kind {
        ColumnType::Boolean | ColumnType::Flag => return None,
        ColumnType::Long | ColumnType::Year => Value::Long(text.parse().ok()?),
        ColumnType::UnsignedLong | ColumnType::Bit { .. } => Value::UnsignedLong(text.parse().ok()?),
        ColumnType::Float | ColumnType::Double => Value::Double(text.parse().ok()?),
        ColumnType::Decimal { .. } => {
            text.parse::<f64>().ok().filter(|value| value.is_finite())?;
            Value::Text(text.as_bytes().to_vec())
        }
        ColumnType::String | ColumnType::Bytes => Value::Text(text.as_bytes().to_vec()),
        ColumnType::Json => {
            serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
            Value::Text(text.as_bytes().to_vec())
        }
        ColumnType::Date | ColumnType::DateTime | ColumnType::Timestamp | ColumnType::Time => {
            let zone = rule.timezone.as_ref().unwrap_or(&filter.default_timezone).zone.clone();
            let format = rule.format.as_deref().unwrap_or(&filter.default_timestamp_format);
            let instant = instant(text, format, zone)?;
            let own = match kind {
                ColumnType::Timestamp => TimeZone::UTC,
                ColumnType::DateTime => schema.zones.server.clone(),
                ColumnType::Time => schema.zones.clock.clone(),
                _ => schema.zones.process.clone(),
            };
            let offset = ZoneClock::new(own).at(instant)?.0;
            let wall = instant + i64::from(offset) * SECOND;
            Value::Long(match kind {
                ColumnType::Date => wall.div_euclid(DAY),
                ColumnType::Time => wall.rem_euclid(DAY),
                _ => wall,
            })
        }
    })
}

/// A text in a format of Ruby's as an instant in microseconds. Without an offset in the text the zone counts.
fn instant(text: &str, format: &str, zone: TimeZone) -> Option<i64> {
    // Digits of a second are asked for in formats that are written too; reading takes as many as there are.
    TimeReader::new(&format.replace("%6N", "%N").replace("%3N", "%N"), zone).read(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_with_and_without_an_offset() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let format = "%Y-%m-%d %H:%M:%S.%N %z";
        assert_eq!(instant("1970-01-01 00:00:01.5 +0000", format, tokyo.clone()), Some(1_500_000));
        assert_eq!(instant("1970-01-01 09:00:00", "%Y-%m-%d %H:%M:%S", tokyo.clone()), Some(0));
        assert_eq!(instant("1970-01-02", "%Y-%m-%d", TimeZone::UTC), Some(DAY));
        assert_eq!(instant("x", format, tokyo), None);
    }
}
