//! Fields of the target: which type of BigQuery each column gets, and how its values are written for it.
//!
//! Two mappings: Embulk's, so that existing tables keep their schema, and the exact one. `column_options` overrides
//! both. What Embulk's plugin converts is converted as there; pairs that it refuses are taken where no value changes.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::conversion::{TextRule, TextTo};
use super::java;
use crate::embulk::config::{EmbulkType, TypeMapping};
use crate::embulk::output::{
    BigqueryColumnOption, BigqueryOutput, Conversion, Conversions, FieldMode, FieldType, SourceFormat,
    UnknownValues,
};
use crate::transfer::encode::{Clock, EpochUnit, Form, Rendering};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::{Column, ColumnType, Schema};

/// The plugin's format of a TIMESTAMP.
pub(super) const TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S.%6N %:z";
/// The form that BigQuery's documentation gives: no space before the offset.
const EXACT_TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S.%6N%:z";
pub(super) const DATETIME: &str = "%Y-%m-%d %H:%M:%S.%6N";
pub(super) const DATE: &str = "%Y-%m-%d";
const TIME: &str = "%H:%M:%S.%6N";

/// One field of the target.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// Its type.
    pub(super) kind: FieldType,
    /// As the API takes it.
    pub(super) schema: Value,
    /// How values are written in lines of JSON or CSV.
    pub(super) rendering: Rendering,
}

/// The fields of a schema, or why a column cannot be taken. Nothing was called yet.
pub(super) fn fields(schema: &Schema, config: &BigqueryOutput) -> Result<Vec<Field>, TransferError> {
    let columns = schema.columns.iter();
    columns.map(|column| field(column, schema, config, usual_type(column.kind, config.types))).collect()
}

/// The same for a target whose fields are given (`schema_file`, `template_table`): a column that `column_options` do
/// not type is written for the field that takes it.
pub(super) fn fields_for(
    given: &[Value],
    schema: &Schema,
    config: &BigqueryOutput,
) -> Result<Vec<Field>, TransferError> {
    let of_column = |(at, column): (usize, &Column)| {
        let usual = usual_type(column.kind, config.types);
        let taker = match config.source_format {
            // Nothing in a CSV file names a field.
            SourceFormat::Csv => given.get(at),
            _ => given.iter().find(|field| has_name(field, &column.name)),
        };
        let Some(taker) = taker else {
            if config.unknown_values == UnknownValues::Ignore {
                return field(column, schema, config, usual);
            }
            let message = format!("column `{}` has no field in the given schema", column.name);
            return Err(TransferError::new(ErrorKind::Config, message)
                .hint("drop it with a `column` filter, or set `ignore_unknown_values: true`"));
        };
        let word = taker["type"].as_str().unwrap_or_default();
        let taken = FieldType::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        let kind = match taken.map(|(_, kind)| *kind) {
            // The plugin converts by its own guess: its text of an instant is that of a TIMESTAMP.
            Some(FieldType::String) if column.kind.embulk() == EmbulkType::Timestamp => usual,
            Some(kind) => kind,
            None => usual,
        };
        field(column, schema, config, kind)
    };
    schema.columns.iter().enumerate().map(of_column).collect()
}

/// Names of fields are alike in any case.
fn has_name(field: &Value, name: &str) -> bool {
    field["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name))
}

fn field(
    column: &Column,
    schema: &Schema,
    config: &BigqueryOutput,
    otherwise: FieldType,
) -> Result<Field, TransferError> {
    let option = config.column_options.iter().find(|option| option.name == column.name);
    let usual = usual_type(column.kind, config.types);
    let kind = option.and_then(|option| option.field_type).unwrap_or(otherwise);
    let rules = Rules { column, schema, config, option };
    let exact =
        config.types == TypeMapping::Exact && kind == usual && option.is_none_or(|o| o.timezone.is_none());
    let rendering = if exact { exact_rendering(column.kind, kind) } else { rules.rendering(kind)? };
    Ok(Field { kind, schema: describe(column, kind, option), rendering })
}

fn describe(column: &Column, kind: FieldType, option: Option<&BigqueryColumnOption>) -> Value {
    let mut field = Map::new();
    field.insert("name".to_owned(), json!(column.name));
    field.insert("type".to_owned(), json!(kind.api_name()));
    if let Some(option) = option {
        if option.mode != FieldMode::Nullable {
            field.insert("mode".to_owned(), json!(option.mode.api_name()));
        }
        if !option.fields.is_empty() {
            field.insert("fields".to_owned(), json!(option.fields));
        }
        if let Some(description) = &option.description {
            field.insert("description".to_owned(), json!(description));
        }
    }
    Value::Object(field)
}

/// The type of a column that the config does not type.
fn usual_type(kind: ColumnType, types: TypeMapping) -> FieldType {
    match types {
        TypeMapping::Embulk => match kind.embulk() {
            EmbulkType::Boolean => FieldType::Boolean,
            EmbulkType::Long => FieldType::Integer,
            EmbulkType::Double => FieldType::Float,
            EmbulkType::String | EmbulkType::Json => FieldType::String,
            EmbulkType::Timestamp => FieldType::Timestamp,
        },
        TypeMapping::Exact => exact_type(kind),
    }
}

/// The nearest type that keeps every value. TINYINT(1) holds -128 to 127, so it is a number.
fn exact_type(kind: ColumnType) -> FieldType {
    match kind {
        ColumnType::Boolean | ColumnType::Long | ColumnType::Year => FieldType::Integer,
        ColumnType::Flag => FieldType::Boolean,
        // 20 digits; NUMERIC takes 29 before the point.
        ColumnType::UnsignedLong | ColumnType::Bit { width: 64.. } => FieldType::Numeric,
        ColumnType::Bit { .. } => FieldType::Integer,
        ColumnType::Float | ColumnType::Double => FieldType::Float,
        ColumnType::Decimal { precision, scale } => match (precision.saturating_sub(scale), scale) {
            (..=29, ..=9) => FieldType::Numeric,
            (..=38, ..=38) => FieldType::Bignumeric,
            _ => FieldType::String,
        },
        ColumnType::String => FieldType::String,
        ColumnType::Bytes => FieldType::Bytes,
        ColumnType::Json => FieldType::Json,
        ColumnType::Date => FieldType::Date,
        ColumnType::DateTime => FieldType::Datetime,
        ColumnType::Timestamp => FieldType::Timestamp,
        ColumnType::Time => FieldType::Time,
    }
}

/// How a column is written for its own exact type: no zone has a say in it.
fn exact_rendering(column: ColumnType, field: FieldType) -> Rendering {
    match column {
        ColumnType::Boolean | ColumnType::Long | ColumnType::Year => Rendering::bare(Form::Integer),
        ColumnType::Flag => Rendering::bare(Form::Boolean),
        ColumnType::Bit { .. } if field == FieldType::Integer => Rendering::bare(Form::Integer),
        // Numbers between quotes keep every digit on the way.
        ColumnType::UnsignedLong | ColumnType::Bit { .. } | ColumnType::Decimal { .. } => {
            Rendering::quoted(Form::Digits)
        }
        ColumnType::Float | ColumnType::Double => Rendering::bare(Form::Float),
        ColumnType::String => Rendering::quoted(Form::Text),
        ColumnType::Bytes => Rendering::quoted(Form::Base64),
        ColumnType::Json => Rendering::bare(Form::Json),
        ColumnType::Date => Rendering::clock(DATE, Clock::Wall),
        ColumnType::DateTime => Rendering::clock(DATETIME, Clock::Wall),
        ColumnType::Timestamp => Rendering::clock(EXACT_TIMESTAMP, Clock::Wall),
        ColumnType::Time => Rendering::quoted(Form::TimeOfDay),
    }
}

/// The plugin's conversions for one column.
struct Rules<'a> {
    column: &'a Column,
    schema: &'a Schema,
    config: &'a BigqueryOutput,
    option: Option<&'a BigqueryColumnOption>,
}

impl Rules<'_> {
    fn rendering(&self, target: FieldType) -> Result<Rendering, TransferError> {
        if self.config.conversions == Conversions::Java
            && let Some(rendering) = java::rendering(self.column.kind, target, self.option)
        {
            return Ok(rendering);
        }
        let rendering = match self.column.kind.embulk() {
            EmbulkType::Boolean => boolean(target),
            EmbulkType::Long => long(target),
            EmbulkType::Double => double(self.column.kind, target),
            EmbulkType::String => self.string(target),
            EmbulkType::Timestamp => self.timestamp(target),
            EmbulkType::Json => json_text(target),
        };
        let rendering = rendering.ok_or_else(|| self.refusal(target))?;
        let tolerant = self.option.is_some_and(|option| option.conversion == Conversion::NullOnFailure);
        if tolerant && matches!(rendering.form, Form::Flag | Form::Truncated) {
            let name = &self.column.name;
            let message = format!("column `{name}`: `strict: false` is there for text columns only");
            return Err(
                TransferError::new(ErrorKind::Config, message).hint("leave it out: such a value fails")
            );
        }
        Ok(rendering)
    }

    fn refusal(&self, target: FieldType) -> TransferError {
        let (target, kind, name) = (target.api_name(), self.column.kind.word(), &self.column.name);
        TransferError::new(ErrorKind::Config, format!("column `{name}`: {kind} cannot become {target}"))
            .hint("choose another `type` in `column_options`")
    }

    fn zone(&self) -> jiff::tz::TimeZone {
        let own = self.option.and_then(|option| option.timezone.as_ref());
        own.unwrap_or(&self.config.default_timezone).zone.clone()
    }

    fn string(&self, target: FieldType) -> Option<Rendering> {
        if self.column.kind == ColumnType::Bytes {
            return match target {
                FieldType::Bytes => Some(Rendering::quoted(Form::Base64)),
                FieldType::String => Some(Rendering::quoted(Form::Text)),
                _ => None,
            };
        }
        let format = self.option.and_then(|option| option.timestamp_format.as_deref());
        let to = match target {
            FieldType::String | FieldType::Geography => return Some(Rendering::quoted(Form::Text)),
            FieldType::Boolean => TextTo::Boolean,
            FieldType::Integer => TextTo::Integer,
            FieldType::Float => TextTo::Float,
            FieldType::Numeric | FieldType::Bignumeric => TextTo::Decimal,
            FieldType::Timestamp => match format {
                Some(format) => TextTo::Timestamp { format: format.to_owned(), zone: self.zone() },
                None => return Some(Rendering::quoted(Form::Text)),
            },
            FieldType::Datetime => match format {
                Some(format) => TextTo::Datetime { format: format.to_owned() },
                None => return Some(Rendering::quoted(Form::Text)),
            },
            FieldType::Date => TextTo::Date { zone: self.zone() },
            FieldType::Time => TextTo::Time { zone: self.zone() },
            FieldType::Record | FieldType::Json => TextTo::Json,
            FieldType::Bytes => return Some(Rendering::quoted(Form::Base64)),
        };
        let bare = matches!(to, TextTo::Boolean | TextTo::Integer | TextTo::Float | TextTo::Json);
        let on_failure = self.option.map_or(Conversion::Strict, |option| option.conversion);
        let form = Form::TextWith(Arc::new(TextRule { to, on_failure }));
        Some(if bare { Rendering::bare(form) } else { Rendering::quoted(form) })
    }

    fn timestamp(&self, target: FieldType) -> Option<Rendering> {
        let in_zone = |format: &str| Rendering::clock(format, Clock::In(self.zone()));
        Some(match target {
            // Embulk: TIMESTAMP is written in the zone of the process, whatever zone the config names.
            FieldType::Timestamp => Rendering::clock(TIMESTAMP, Clock::In(self.schema.zones.process.clone())),
            FieldType::String => {
                let own = self.option.and_then(|option| option.timestamp_format.as_deref());
                in_zone(own.unwrap_or(&self.config.default_timestamp_format))
            }
            FieldType::Date => in_zone(DATE),
            FieldType::Datetime => in_zone(DATETIME),
            FieldType::Time => in_zone(TIME),
            FieldType::Integer => Rendering::bare(Form::Epoch(EpochUnit::Seconds)),
            FieldType::Float => Rendering::bare(Form::Epoch(EpochUnit::SecondsWithFraction)),
            _ => return None,
        })
    }
}

fn boolean(target: FieldType) -> Option<Rendering> {
    match target {
        FieldType::Boolean => Some(Rendering::bare(Form::Boolean)),
        FieldType::String => Some(Rendering::quoted(Form::Boolean)),
        // The number as the source holds it.
        FieldType::Integer => Some(Rendering::bare(Form::Integer)),
        _ => None,
    }
}

fn long(target: FieldType) -> Option<Rendering> {
    match target {
        // A number in a TIMESTAMP is seconds since 1970.
        FieldType::Integer | FieldType::Timestamp => Some(Rendering::bare(Form::Integer)),
        FieldType::Float => Some(Rendering::bare(Form::Float)),
        FieldType::Boolean => Some(Rendering::bare(Form::Flag)),
        FieldType::String | FieldType::Numeric | FieldType::Bignumeric => {
            Some(Rendering::quoted(Form::Digits))
        }
        _ => None,
    }
}

fn double(kind: ColumnType, target: FieldType) -> Option<Rendering> {
    // Decimals go as they are stored: no digit is lost on the way.
    let digits = matches!(kind, ColumnType::Decimal { .. });
    let form = || if digits { Form::Digits } else { Form::Float };
    match target {
        FieldType::Float | FieldType::Timestamp => Some(Rendering::bare(form())),
        FieldType::Integer => Some(Rendering::bare(Form::Truncated)),
        FieldType::String | FieldType::Numeric | FieldType::Bignumeric => Some(Rendering::quoted(form())),
        _ => None,
    }
}

fn json_text(target: FieldType) -> Option<Rendering> {
    match target {
        FieldType::String | FieldType::Geography => Some(Rendering::quoted(Form::Json)),
        FieldType::Record | FieldType::Json => Some(Rendering::bare(Form::Json)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(kind: ColumnType, types: TypeMapping) -> &'static str {
        usual_type(kind, types).api_name()
    }

    #[test]
    fn every_column_type_has_its_field() {
        let decimal = |precision, scale| ColumnType::Decimal { precision, scale };
        for (kind, embulk, exact) in [
            (ColumnType::Boolean, "BOOLEAN", "INTEGER"),
            (ColumnType::Flag, "BOOLEAN", "BOOLEAN"),
            (ColumnType::Long, "INTEGER", "INTEGER"),
            (ColumnType::UnsignedLong, "INTEGER", "NUMERIC"),
            (ColumnType::Float, "FLOAT", "FLOAT"),
            (ColumnType::Double, "FLOAT", "FLOAT"),
            (decimal(38, 9), "FLOAT", "NUMERIC"),
            (decimal(39, 9), "FLOAT", "BIGNUMERIC"),
            (decimal(20, 10), "FLOAT", "BIGNUMERIC"),
            (decimal(65, 0), "FLOAT", "STRING"),
            (ColumnType::String, "STRING", "STRING"),
            (ColumnType::Bytes, "STRING", "BYTES"),
            (ColumnType::Json, "STRING", "JSON"),
            (ColumnType::Date, "TIMESTAMP", "DATE"),
            (ColumnType::DateTime, "TIMESTAMP", "DATETIME"),
            (ColumnType::Timestamp, "TIMESTAMP", "TIMESTAMP"),
            (ColumnType::Time, "TIMESTAMP", "TIME"),
            (ColumnType::Year, "TIMESTAMP", "INTEGER"),
            (ColumnType::Bit { width: 8 }, "BOOLEAN", "INTEGER"),
            (ColumnType::Bit { width: 64 }, "BOOLEAN", "NUMERIC"),
        ] {
            assert_eq!(typed(kind, TypeMapping::Embulk), embulk, "{kind:?}");
            assert_eq!(typed(kind, TypeMapping::Exact), exact, "{kind:?}");
        }
    }

    #[test]
    fn pairs_that_change_values_are_refused() {
        assert!(boolean(FieldType::Date).is_none());
        assert!(long(FieldType::Date).is_none() && long(FieldType::Json).is_none());
        assert!(double(ColumnType::Double, FieldType::Boolean).is_none());
        assert!(json_text(FieldType::Integer).is_none());
    }
}
