//! What each column becomes under the config, decided once before the first row.

use std::sync::Arc;

use tokio_postgres::types::Type;

use super::clock;
use super::columns::{self, Locale, Native, Typed};
use super::decode::{Decoder, Read};
use super::named;
use super::session::Session;
use crate::embulk::config::EmbulkType;
use crate::embulk::input::{ColumnOption, PostgresqlInput, ValueType};
use crate::transfer::error::TransferError;
use crate::transfer::input::convert::{self, Driver, Rules};
use crate::transfer::input::{BytesRule, option_of, unsupported};
use crate::transfer::schema::{Column, ColumnType, Schema, Zones};

/// What a read needs to know of its columns.
pub(super) struct Planned {
    pub(super) schema: Arc<Schema>,
    pub(super) decoders: Vec<Decoder>,
    pub(super) types: Vec<SourceType>,
    pub(super) notes: Vec<String>,
}

/// What a column is on the server.
pub(super) struct SourceType {
    /// As SQL spells it.
    pub(super) name: String,
    /// What Embulk takes it as where the config says nothing of it; none: it refuses it.
    pub(super) embulk: Option<EmbulkType>,
    /// Whether the config says something of it.
    pub(super) has_option: bool,
}

/// Types and decoders of all columns.
pub(super) fn plan(
    config: &PostgresqlInput,
    session: &Session,
    found: &[tokio_postgres::Column],
    zones: Zones,
    rule: BytesRule,
) -> Result<Planned, TransferError> {
    let money = found.iter().any(|column| *column.type_() == Type::MONEY);
    let locale = Locale { cents: if money { cents(session)? } else { 0 }, end: clock::end(&zones.process) };
    let mut columns = Vec::new();
    let mut decoders = Vec::new();
    let mut types = Vec::new();
    let mut notes = Vec::new();
    for column in found {
        let name = column.name();
        let typed = columns::typed(column.type_(), column.type_modifier(), rule, locale);
        let option = option_of(&config.column_options, &config.default_column_options, name, typed.jdbc)?;
        let is_text = option.is_some_and(|option| option.value_type == ValueType::String);
        if typed.native == Native::No && !is_text && rule == BytesRule::Refuse {
            return Err(unsupported(name, column.type_().name()));
        }
        let usual = columns::typed(column.type_(), column.type_modifier(), BytesRule::Refuse, locale);
        types.push(SourceType {
            name: named::sql_type(column.type_(), column.type_modifier()),
            embulk: (usual.native != Native::No).then(|| usual.kind.embulk()),
            has_option: option.is_some(),
        });
        let one = Plan { config, zones: &zones, name, option };
        let (kind, decoder) = one.column(&typed, &mut notes)?;
        let octets =
            if option.is_none() { columns::octets(column.type_(), column.type_modifier()) } else { None };
        columns.push(Column::new(name, kind).within(octets));
        decoders.push(decoder);
    }
    Ok(Planned { schema: Schema::new(columns, zones), decoders, types, notes })
}

/// How many digits amounts of money have after the point: the server's language says so.
pub(in crate::transfer) fn cents(session: &Session) -> Result<usize, TransferError> {
    let one = session
        .texts("SELECT 1::pg_catalog.money::pg_catalog.text")
        .map_err(|trouble| trouble.during("the currency of the server could not be asked for"))?;
    let digits = one.iter().flat_map(|text| text.chars()).filter(char::is_ascii_digit).count();
    Ok(digits.saturating_sub(1))
}

/// One column and what the config says about it.
struct Plan<'p> {
    config: &'p PostgresqlInput,
    zones: &'p Zones,
    name: &'p str,
    option: Option<&'p ColumnOption>,
}

impl Plan<'_> {
    fn column(&self, typed: &Typed, notes: &mut Vec<String>) -> Result<(ColumnType, Decoder), TransferError> {
        let to = self.option.and_then(|option| option.column_type);
        let is_text = self.option.is_some_and(|option| option.value_type == ValueType::String);
        match (typed.native, to) {
            (Native::Array { delimiter, element }, Some(EmbulkType::Json)) => {
                Ok((ColumnType::Json, Decoder::new(Read::ArrayJson { delimiter, element }, None)))
            }
            (Native::Array { .. }, _) => {
                // Embulk takes the elements themselves, whatever is asked for.
                let option = self
                    .option
                    .map(|option| ColumnOption { value_type: ValueType::Coalesce, ..option.clone() });
                self.converted(typed.kind, typed.read, option.as_ref(), notes)
            }
            (Native::Hstore, Some(EmbulkType::Json)) => {
                Ok((ColumnType::Json, Decoder::new(Read::HstoreJson, None)))
            }
            // The server's own text of anything.
            _ if is_text => self.converted(ColumnType::String, typed.read.as_text(), self.option, notes),
            (Native::Json, Some(EmbulkType::String)) => {
                self.converted(ColumnType::String, typed.read, None, notes)
            }
            (Native::Json, Some(to)) if to != EmbulkType::Json => {
                let (kind, conversion, note) = convert::nulls(self.name, typed.kind, to);
                notes.push(note);
                Ok((kind, Decoder::new(typed.read, Some(conversion))))
            }
            _ => {
                if typed.read == Read::Bits && typed.kind == ColumnType::Boolean {
                    notes.push(format!(
                        "column `{}`: bits are true where they are the number 1, else false, as under Embulk; \
                         `value_type: string` keeps them",
                        self.name
                    ));
                }
                self.converted(typed.kind, typed.read, self.option, notes)
            }
        }
    }

    fn converted(
        &self,
        kind: ColumnType,
        read: Read,
        option: Option<&ColumnOption>,
        notes: &mut Vec<String>,
    ) -> Result<(ColumnType, Decoder), TransferError> {
        let rules =
            Rules { driver: Driver::Postgresql, zone: &self.config.default_timezone, zones: self.zones };
        let outcome = convert::plan(self.name, kind, option, rules)?;
        notes.extend(outcome.note);
        Ok((outcome.kind, Decoder::new(read, outcome.conversion)))
    }
}
