//! The way of `fuzz` to the decoders: what COPY sends into pages, without a server.

use std::sync::Arc;

use tokio_postgres::types::Type;

use super::columns::{self, Locale};
use super::copy::{Odd, Rows};
use super::decode::Decoder;
use crate::transfer::encode::Unfit;
use crate::transfer::input::{BytesRule, Flow};
use crate::transfer::page::Page;
use crate::transfer::schema::{Column, Schema, Zones};

/// Columns of these types, with their modifiers, as one COPY sends them.
pub struct CopyDecoder {
    schema: Arc<Schema>,
    decoders: Vec<Decoder>,
}

/// Why the rows were not taken.
enum Refused {
    Form,
    Value,
}

impl From<Odd> for Refused {
    fn from(_: Odd) -> Self {
        Self::Form
    }
}

impl From<Unfit> for Refused {
    fn from(_: Unfit) -> Self {
        Self::Value
    }
}

impl CopyDecoder {
    /// For columns as a server describes them, without options, in UTC.
    pub fn new(described: &[(Type, i32)], rule: BytesRule) -> Self {
        let locale = Locale { cents: 2, end: 253_402_300_800_000_000 };
        let (found, decoders) = described
            .iter()
            .enumerate()
            .map(|(at, (kind, modifier))| {
                let typed = columns::typed(kind, *modifier, rule, locale);
                (Column::new(format!("c{at}"), typed.kind), Decoder::new(typed.read, None))
            })
            .unzip();
        Self { schema: Schema::new(found, Zones::utc()), decoders }
    }

    /// The rows that come in pieces, up to the first that is refused; an error says whether a value was, or the form.
    pub fn decode<'p>(
        &mut self,
        pieces: impl IntoIterator<Item = &'p [u8]>,
    ) -> (Page, Result<(), &'static str>) {
        let mut rows = Rows::new(self.decoders.len());
        let mut page = Page::new(&self.schema);
        for piece in pieces {
            let taken = rows.take(piece, |fields| {
                for ((decoder, column), value) in self.decoders.iter_mut().zip(&mut page.columns).zip(fields)
                {
                    decoder.push(value, column)?;
                }
                page.rows += 1;
                Ok::<_, Refused>(Flow::Continue)
            });
            match taken {
                Ok(_) => {}
                Err(Refused::Form) => return (page, Err("form")),
                Err(Refused::Value) => return (page, Err("value")),
            }
        }
        let end = if rows.is_whole() { Ok(()) } else { Err("form") };
        (page, end)
    }
}
