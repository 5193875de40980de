//! The statement of an incremental read: its columns, and the last record as values.

use super::session::Session;
use crate::cloud::postgres::literal;
use crate::embulk::input::{Incremental, LastValue, PostgresqlInput, Selection};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::error::TransferError;
use crate::transfer::input::increment::{given, no_primary_key};
use crate::transfer::input::select::{self, Statement};

/// `incremental_columns`, else the primary key.
pub(super) fn columns(
    session: &Session,
    selection: &Selection,
    incremental: &Incremental,
    config: &PostgresqlInput,
    context: &TransferContext,
) -> Result<Vec<String>, TransferError> {
    let Selection::Table { table, .. } = selection else { return Ok(incremental.columns.clone()) };
    if !incremental.columns.is_empty() {
        return Ok(incremental.columns.clone());
    }
    let name = select::name(selection);
    let sql = format!(
        "SELECT a.attname FROM pg_catalog.pg_index i \
         JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) \
         WHERE i.indisprimary AND n.nspname = {} AND c.relname = {} \
         ORDER BY pg_catalog.array_position(i.indkey::pg_catalog.int2[], a.attnum)",
        literal(config.schema.expose()),
        literal(table.expose())
    );
    let keys = session
        .texts(&sql)
        .map_err(|trouble| trouble.during(format!("the primary key of {name} could not be read")))?;
    if keys.is_empty() {
        return Err(no_primary_key(&name));
    }
    let text = format!("Using primary keys as incremental_columns: [{}]", keys.join(", "));
    context.observer.log(Level::Info, &text);
    Ok(keys)
}

/// The statement that begins behind the last record. A quoted text takes the type of the column that it meets.
pub(super) fn statement(
    selection: &Selection,
    columns: &[String],
    incremental: &Incremental,
) -> Result<Statement, TransferError> {
    let literals: Vec<String> = given(incremental, columns)?
        .iter()
        .map(|value| match value {
            LastValue::Integer(number) => number.to_string(),
            LastValue::Text(text) => literal(text),
        })
        .collect();
    let literals = (!literals.is_empty()).then_some(literals.as_slice());
    Ok(select::incremental(selection, columns, literals, '"'))
}
