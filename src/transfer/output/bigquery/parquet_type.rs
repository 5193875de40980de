//! Which Parquet type each field has. Parquet says a column's type itself, so only pairs that BigQuery reads are taken,
//! and only where the file holds what the text of the same field would say.

use super::field::Field;
use crate::embulk::config::EmbulkType;
use crate::embulk::output::{FieldType, SourceFormat};
use crate::transfer::encode::arrow::ParquetType;
use crate::transfer::encode::{Clock, ClockForm, Form};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::{ColumnType, Schema};

/// The Parquet types of fields, or why a column has none.
pub(super) fn parquet_types(schema: &Schema, fields: &[Field]) -> Result<Vec<ParquetType>, TransferError> {
    let pairs = schema.columns.iter().zip(fields);
    pairs
        .map(|(column, field)| {
            parquet_type(column.kind, field, schema).ok_or_else(|| {
                let (name, target) = (&column.name, field.kind.api_name());
                let format = SourceFormat::Parquet;
                TransferError::new(
                    ErrorKind::Config,
                    format!("column `{name}`: {} cannot become {target} in {format:?}", column.kind.word()),
                )
                .hint("use `source_format: NEWLINE_DELIMITED_JSON`, or another `type` in `column_options`")
            })
        })
        .collect()
}

/// The type of one column; none where Parquet would hold something else than the text of the same field.
pub(super) fn parquet_type(column: ColumnType, field: &Field, schema: &Schema) -> Option<ParquetType> {
    let form = &field.rendering.form;
    let temporal = column.embulk() == EmbulkType::Timestamp;
    let number = matches!(column.embulk(), EmbulkType::Long | EmbulkType::Boolean);
    Some(match (field.kind, column) {
        (FieldType::Boolean, ColumnType::Long | ColumnType::UnsignedLong) => ParquetType::Flag,
        (FieldType::Boolean, _) if number => ParquetType::Boolean,
        (FieldType::Integer, _) if number => ParquetType::Long,
        (FieldType::Integer, ColumnType::Year) if matches!(form, Form::Integer) => ParquetType::Long,
        (FieldType::Float, ColumnType::Float) => ParquetType::Float,
        (FieldType::Float, ColumnType::Double | ColumnType::Decimal { .. }) => ParquetType::Double,
        (FieldType::String, ColumnType::String | ColumnType::Bytes) => ParquetType::String,
        (FieldType::String | FieldType::Json, _) => ParquetType::Rendered(field.rendering.clone()),
        (FieldType::Bytes, ColumnType::Bytes | ColumnType::String) => ParquetType::Bytes,
        // Without a limit of the source's the field's own one holds.
        (FieldType::Numeric, ColumnType::Decimal { precision: 77.., .. }) => {
            ParquetType::Decimal { precision: 38, scale: 9 }
        }
        (FieldType::Bignumeric, ColumnType::Decimal { precision: 77.., .. }) => {
            ParquetType::Decimal { precision: 76, scale: 38 }
        }
        (FieldType::Numeric | FieldType::Bignumeric, ColumnType::Decimal { precision, scale }) => {
            ParquetType::Decimal { precision, scale }
        }
        (FieldType::Numeric | FieldType::Bignumeric, _) if column.embulk() == EmbulkType::Long => {
            ParquetType::Decimal { precision: 20, scale: 0 }
        }
        (FieldType::Numeric, ColumnType::Bit { .. }) => ParquetType::Decimal { precision: 20, scale: 0 },
        (FieldType::Date, ColumnType::Date) if shows_wall(form, &schema.zones.process) => ParquetType::Date,
        (FieldType::Datetime, ColumnType::DateTime) if shows_wall(form, &schema.zones.server) => {
            ParquetType::DateTime
        }
        (FieldType::Time, ColumnType::Time) if matches!(form, Form::TimeOfDay) => ParquetType::Time,
        (FieldType::Timestamp, _) if temporal => ParquetType::Timestamp,
        _ => return None,
    })
}

/// Whether a clock shows what the source holds: none that is asked for a zone, but its own.
fn shows_wall(form: &Form, own: &jiff::tz::TimeZone) -> bool {
    match form {
        Form::Clock(ClockForm { clock: Clock::Wall, .. }) => true,
        Form::Clock(ClockForm { clock: Clock::In(zone), .. }) => zone == own,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use serde_json::Value;

    use super::*;
    use crate::transfer::encode::Rendering;
    use crate::transfer::schema::Zones;

    #[test]
    fn a_decimal_without_a_limit_takes_that_of_its_field() {
        let unlimited = ColumnType::Decimal { precision: 255, scale: 0 };
        let schema = Schema::new(Vec::new(), Zones::utc());
        for (kind, precision, scale) in [(FieldType::Numeric, 38, 9), (FieldType::Bignumeric, 76, 38)] {
            let field = Field { kind, schema: Value::Null, rendering: Rendering::quoted(Form::Digits) };
            let found = parquet_type(unlimited, &field, &schema);
            assert!(
                matches!(found, Some(ParquetType::Decimal { precision: p, scale: s }) if (p, s) == (precision, scale)),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_clock_of_another_zone_is_not_what_the_source_holds() {
        let schema = Schema::new(Vec::new(), Zones::utc());
        let taken = |kind, column, rendering| {
            let field = Field { kind, schema: Value::Null, rendering };
            parquet_type(column, &field, &schema).is_some()
        };
        let day = |clock| Rendering::clock("%Y-%m-%d", clock);
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        for (clock, expected) in
            [(Clock::Wall, true), (Clock::In(TimeZone::UTC), true), (Clock::In(tokyo), false)]
        {
            assert_eq!(taken(FieldType::Date, ColumnType::Date, day(clock.clone())), expected, "{clock:?}");
            assert_eq!(taken(FieldType::Datetime, ColumnType::DateTime, day(clock)), expected);
        }
        // Embulk's TIME has no fraction, and its YEAR as a number is seconds since 1970.
        assert!(taken(FieldType::Time, ColumnType::Time, Rendering::quoted(Form::TimeOfDay)));
        assert!(!taken(FieldType::Time, ColumnType::Time, day(Clock::In(TimeZone::UTC))));
        assert!(taken(FieldType::Integer, ColumnType::Year, Rendering::bare(Form::Integer)));
        let epoch = Form::Epoch(crate::transfer::encode::EpochUnit::Seconds);
        assert!(!taken(FieldType::Integer, ColumnType::Year, Rendering::bare(epoch)));
    }
}
