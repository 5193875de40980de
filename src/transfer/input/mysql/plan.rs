//! What each column becomes under the config, and the zones of its clocks; decided once before the first row.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::columns::{self, YearAs};
use super::connect::run;
use super::decode::Decoder;
use super::named;
use super::properties::{Properties, ZoneName};
use super::server_error;
use super::zone;
use crate::cloud::mysql::{Connection, Statement};
use crate::embulk::input::{DatetimeCode, MysqlInput, Selection};
use crate::transfer::context::TransferContext;
use crate::transfer::error::TransferError;
use crate::transfer::input::convert::{self, Driver, Rules};
use crate::transfer::input::{BytesRule, option_of};
use crate::transfer::schema::{Column, ColumnType, Schema, Zones};

/// The zone of DATETIME: the process's under the legacy code, the config's, else the server's.
pub(super) fn server_zone(
    connection: &mut Connection,
    properties: &Properties,
    context: &TransferContext,
) -> Result<TimeZone, TransferError> {
    if properties.datetime_code == DatetimeCode::ProcessZone {
        return Ok(context.process_zone.clone());
    }
    match &properties.server_zone {
        Some(ZoneName::Named(zone)) => return Ok(zone.clone()),
        Some(ZoneName::Process) => return Ok(context.process_zone.clone()),
        None => {}
    }
    let rows = connection
        .select("SELECT @@session.time_zone, @@system_time_zone", &[])
        .map_err(|error| server_error(&error, "the time zone of the server could not be read"))?;
    let mut names = rows.into_iter().flatten().map(Option::unwrap_or_default);
    let (session, system) = (names.next(), names.next());
    zone::server_zone(session.as_deref().unwrap_or("SYSTEM"), system.as_deref().unwrap_or("UTC"))
}

/// The zone in which TIMESTAMP arrives. A zone where clocks go back has wall clocks that come twice; there a plain
/// table is read in UTC. A condition or a query of the user's keeps the zone it was written for.
pub(super) fn session_zone(
    connection: &mut Connection,
    config: &MysqlInput,
    server: &TimeZone,
) -> Result<TimeZone, TransferError> {
    let plain = matches!(&config.selection, Selection::Table { select, where_clause: None, .. } if select.expose() == "*");
    let untouched = config.statements.before_select.is_none();
    if !plain || !untouched || !zone::changes(server) {
        return Ok(server.clone());
    }
    run(connection, "SET SESSION time_zone = '+00:00'", "the time zone of the session")?;
    Ok(TimeZone::UTC)
}

/// What a read needs to know of its columns.
pub(super) struct Planned {
    pub(super) schema: Arc<Schema>,
    pub(super) decoders: Vec<Decoder>,
    /// The types of the columns as SQL spells them, and what their values can be.
    pub(super) types: Vec<(String, ColumnType)>,
    pub(super) notes: Vec<String>,
}

/// Types and decoders of all columns.
pub(super) fn plan(
    config: &MysqlInput,
    properties: &Properties,
    statement: &Statement,
    zones: Zones,
    session: &TimeZone,
    bytes: BytesRule,
) -> Result<Planned, TransferError> {
    let mut found = Vec::new();
    let mut decoders = Vec::new();
    let mut types = Vec::new();
    let mut notes = Vec::new();
    for metadata in &statement.columns {
        let name = metadata.name_str().into_owned();
        let kind =
            columns::column_type(metadata, properties.tiny_int).map_err(|word| unsupported(&name, word))?;
        let (taken, jdbc) = match (kind, properties.year) {
            (ColumnType::Year, YearAs::Number) => (ColumnType::Long, "SMALLINT"),
            _ => (kind, columns::jdbc_type(metadata, kind)),
        };
        let option = option_of(&config.column_options, &config.default_column_options, &name, jdbc)?;
        let untyped = kind == ColumnType::Bytes || columns::is_null(metadata);
        if untyped && option.is_none() && bytes == BytesRule::Refuse {
            return Err(unsupported(&name, columns::type_name(metadata)));
        }
        let rules = Rules { driver: Driver::Mysql, zone: &config.default_timezone, zones: &zones };
        let outcome = convert::plan(&name, taken, option, rules)?;
        notes.extend(outcome.note);
        // The server's own text of a TIMESTAMP is that of its own zone.
        types.push((named::sql_type(metadata), named::holds(metadata, outcome.kind)));
        decoders.push(Decoder::new(kind, metadata, outcome.conversion, session, properties.zero_dates));
        let octets = if option.is_none() { columns::octets(metadata, kind) } else { None };
        found.push(Column::new(name, outcome.kind).within(octets));
    }
    Ok(Planned { schema: Schema::new(found, zones), decoders, types, notes })
}

/// A spatial value or a vector is no text, but the server has a text for it.
fn unsupported(name: &str, word: &str) -> TransferError {
    let found = crate::transfer::input::unsupported(name, word);
    let function = match word {
        "GEOMETRY" => "ST_AsText",
        "VECTOR" => "VECTOR_TO_STRING",
        _ => return found,
    };
    found.hint(format!(
        "take it as text with `{function}({name}) AS {name}` in `select`, leave the column out, or use `types: exact`"
    ))
}
