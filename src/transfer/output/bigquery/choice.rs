//! What rows are staged as where the config does not say: the fastest format that gives the table that CSV would give.
//!
//! Parquet costs less than half the work of gzipped lines and half their bytes, and one job publishes it. It is
//! taken where its types are BigQuery's own beyond doubt. Lines of JSON are next, where each text is one that this
//! program makes: what the source's own text becomes in a TIMESTAMP (an empty one, say) is CSV's to decide. All else
//! stays CSV, which is Embulk's.

use super::field::Field;
use super::parquet_type::parquet_type;
use crate::embulk::output::{
    BigqueryOutput, FieldMode, FieldType, FormatChoice, SourceFormat, UnknownValues,
};
use crate::transfer::encode::Form;
use crate::transfer::schema::{Column, Schema};

/// The format that rows are staged as.
pub(super) fn format(schema: &Schema, fields: &[Field], config: &BigqueryOutput) -> SourceFormat {
    let is_tolerant = config.max_bad_records > 0 || config.unknown_values == UnknownValues::Ignore;
    // Given fields take the columns of CSV by their place.
    let is_given = config.given_schema.is_some() || config.payload.is_some();
    if config.format_choice == FormatChoice::Written || is_tolerant || is_given {
        return config.source_format;
    }
    let pairs = || schema.columns.iter().zip(fields);
    if pairs().all(|(column, field)| fits_parquet(column, field, schema)) {
        SourceFormat::Parquet
    } else if pairs().all(|(_, field)| fits_lines(field)) || has_record(fields) {
        SourceFormat::Jsonl
    } else {
        SourceFormat::Csv
    }
}

/// Pairs of types that BigQuery's documentation of Parquet gives, under names that it takes.
fn fits_parquet(column: &Column, field: &Field, schema: &Schema) -> bool {
    let certain = matches!(
        field.kind,
        FieldType::Boolean
            | FieldType::Integer
            | FieldType::Float
            | FieldType::String
            | FieldType::Timestamp
            | FieldType::Date
            | FieldType::Bytes
    );
    certain
        && has_mode(field, FieldMode::Nullable)
        && is_plain(&column.name)
        && parquet_type(column.kind, field, schema).is_some()
}

/// Whether lines of JSON hold what CSV would: a text that is not the source's own.
fn fits_lines(field: &Field) -> bool {
    let own_text = matches!(field.rendering.form, Form::Text);
    let number = matches!(field.rendering.form, Form::Integer | Form::Float | Form::Digits);
    has_mode(field, FieldMode::Nullable)
        && match field.kind {
            FieldType::String => true,
            FieldType::Timestamp => !own_text && !number,
            FieldType::Datetime => !own_text,
            FieldType::Geography => false,
            FieldType::Numeric | FieldType::Bignumeric => matches!(field.rendering.form, Form::Digits),
            _ => true,
        }
}

/// CSV cannot hold one.
fn has_record(fields: &[Field]) -> bool {
    fields.iter().any(|field| field.kind == FieldType::Record || has_mode(field, FieldMode::Repeated))
}

fn has_mode(field: &Field, mode: FieldMode) -> bool {
    match field.schema["mode"].as_str() {
        Some(word) => word == mode.api_name(),
        None => mode == FieldMode::Nullable,
    }
}

/// Names that BigQuery takes from Parquet whatever the project is set to.
pub(super) fn is_plain(name: &str) -> bool {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    name.len() <= 300 && !name.starts_with(|first: char| first.is_ascii_digit()) && name.chars().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::config::TypeMapping;
    use crate::embulk::output::GivenSchema;
    use crate::transfer::output::bigquery::field;
    use crate::transfer::output::bigquery::tests::{config, option};
    use crate::transfer::schema::{ColumnType, Zones};

    /// A column, and the type of its option.
    type Case = (&'static str, ColumnType, Option<FieldType>);

    fn chosen(cases: &[Case], change: fn(&mut BigqueryOutput)) -> SourceFormat {
        let columns = cases.iter().map(|(name, kind, _)| Column::new(*name, *kind)).collect();
        let schema = Schema::new(columns, Zones::utc());
        let mut config = config(TypeMapping::Embulk);
        config.source_format = SourceFormat::Csv;
        config.format_choice = FormatChoice::Fastest;
        for (name, _, kind) in cases {
            config.column_options.push(option(name, *kind, None));
        }
        change(&mut config);
        let fields = field::fields(&schema, &config).unwrap();
        format(&schema, &fields, &config)
    }

    #[test]
    fn parquet_where_its_types_are_those_of_bigquery() {
        let every: [Case; 8] = [
            ("a", ColumnType::Boolean, None),
            ("b", ColumnType::Long, None),
            ("c", ColumnType::Decimal { precision: 10, scale: 2 }, None),
            ("d", ColumnType::String, None),
            ("e", ColumnType::Json, None),
            ("f", ColumnType::DateTime, None),
            ("g", ColumnType::Date, None),
            ("h", ColumnType::Time, None),
        ];
        assert_eq!(chosen(&every, |_| {}), SourceFormat::Parquet);
        assert_eq!(chosen(&every, |config| config.max_bad_records = 1), SourceFormat::Csv);
        assert_eq!(chosen(&every, |config| config.unknown_values = UnknownValues::Ignore), SourceFormat::Csv);
        assert_eq!(
            chosen(&every, |config| config.given_schema = Some(GivenSchema::File(Vec::new()))),
            SourceFormat::Csv
        );
        assert_eq!(chosen(&every, |config| config.format_choice = FormatChoice::Written), SourceFormat::Csv);
        assert_eq!(chosen(&every, |config| config.types = TypeMapping::Exact), SourceFormat::Jsonl);
    }

    #[test]
    fn lines_of_json_where_every_text_is_made_here() {
        let text = ColumnType::String;
        for (case, expected) in [
            (("名前", text, None), SourceFormat::Jsonl),
            (("t", ColumnType::DateTime, Some(FieldType::Datetime)), SourceFormat::Jsonl),
            (("t", ColumnType::DateTime, Some(FieldType::Time)), SourceFormat::Jsonl),
            (
                ("t", ColumnType::Decimal { precision: 9, scale: 0 }, Some(FieldType::Numeric)),
                SourceFormat::Jsonl,
            ),
            (("t", text, Some(FieldType::Integer)), SourceFormat::Jsonl),
            (("t", text, Some(FieldType::Record)), SourceFormat::Jsonl),
            (("t", ColumnType::Long, Some(FieldType::Timestamp)), SourceFormat::Csv),
            (("t", text, Some(FieldType::Timestamp)), SourceFormat::Csv),
            (("t", text, Some(FieldType::Datetime)), SourceFormat::Csv),
            (("t", text, Some(FieldType::Numeric)), SourceFormat::Csv),
            (("t", text, Some(FieldType::Geography)), SourceFormat::Csv),
        ] {
            assert_eq!(chosen(&[case], |_| {}), expected, "{case:?}");
        }
        let required = |config: &mut BigqueryOutput| config.column_options[0].mode = FieldMode::Required;
        assert_eq!(chosen(&[("t", text, None)], required), SourceFormat::Csv);
    }
}
