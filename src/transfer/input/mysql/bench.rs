//! The way of `bench/micro` to the decoders: rows of the binary protocol into pages, without a server.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::columns::{self, TinyInt1};
use super::decode::{Decoder, ZeroDates};
use crate::cloud::mysql::{BinaryRow, Column as Metadata};
use crate::transfer::page::Page;
use crate::transfer::schema::{Column, Schema, Zones};

/// The decoders of a result.
pub struct RowDecoder {
    schema: Arc<Schema>,
    decoders: Vec<Decoder>,
}

impl RowDecoder {
    /// For columns as a server describes them, without options, in UTC. An error: the type of one.
    pub fn new(described: &[Metadata]) -> Result<Self, &'static str> {
        let kinds = described.iter().map(|column| columns::column_type(column, TinyInt1::Boolean));
        let kinds = kinds.collect::<Result<Vec<_>, _>>()?;
        let decoder = |(column, kind)| Decoder::new(kind, column, None, &TimeZone::UTC, ZeroDates::Null);
        let decoders = described.iter().zip(kinds.iter().copied()).map(decoder).collect();
        let found = described.iter().zip(kinds);
        let found = found.map(|(column, kind)| Column::new(column.name_str(), kind)).collect();
        Ok(Self { schema: Schema::new(found, Zones::utc()), decoders })
    }

    /// What the rows are.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Adds the row of a payload to a page. An error says what is wrong with it.
    pub fn decode(&mut self, payload: &[u8], page: &mut Page) -> Result<(), &'static str> {
        let mut row = BinaryRow::new(payload, self.decoders.len()).map_err(|_| "no row")?;
        for (at, (decoder, column)) in self.decoders.iter_mut().zip(&mut page.columns).enumerate() {
            if row.is_null(at) {
                column.push_null();
            } else {
                decoder.push(&mut row.fields, column).map_err(|reason| reason.0)?;
            }
        }
        page.rows += 1;
        Ok(())
    }
}
