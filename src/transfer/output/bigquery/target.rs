//! What each column becomes, as a value: for whoever wants to know before there is a row.

use super::choice;
use super::field::Field;
use super::parquet_type::parquet_types;
use crate::embulk::output::{BigqueryOutput, FieldType, SourceFormat};
use crate::transfer::encode::Form;
use crate::transfer::error::TransferError;
use crate::transfer::schema::{Column, Schema};
use crate::transfer::target::{ColumnTarget, Excess, Room, Written};

/// What each column becomes, with the fields that were decided on.
pub(super) fn targets(
    schema: &Schema,
    config: &BigqueryOutput,
    fields: &[Field],
) -> Result<Vec<ColumnTarget>, TransferError> {
    if let Some(payload) = &config.payload {
        let column = |(at, column): (usize, &Column)| match payload.is(at, &column.name) {
            true => ColumnTarget::text("the whole line", Form::Text, Room::All),
            false => ColumnTarget::left_out(),
        };
        return Ok(schema.columns.iter().enumerate().map(column).collect());
    }
    if choice::format(schema, fields, config) != SourceFormat::Parquet {
        let texts = fields.iter();
        return Ok(texts.map(|field| field.target(Written::Text(field.rendering.form.clone()))).collect());
    }
    let kinds = parquet_types(schema, fields)?;
    Ok(fields.iter().zip(kinds).map(|(field, kind)| field.target(Written::Parquet(kind))).collect())
}

impl Field {
    fn target(&self, written: Written) -> ColumnTarget {
        let digits = |whole, scale| Room::Digits { whole, scale, excess: Excess::Refused };
        let room = match self.kind {
            FieldType::Float => Room::Double,
            FieldType::Numeric => digits(29, 9),
            FieldType::Bignumeric => digits(38, 38),
            _ => Room::All,
        };
        ColumnTarget { type_name: self.kind.api_name().to_owned(), written, room }
    }
}
