//! The status table in SQLite: the row of a script is written in the script's own transaction.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};

use super::text::Text;
use super::{PATIENCE, around, is_held};
use crate::run::operator::sql::sink::Sink;
use crate::run::operator::sql::strict::{Ran, Strict};
use crate::run::operator::sql::table::TableName;
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::session::Level;

/// How long another process may hold the database before we come again later: a thread is not held for longer.
const GLANCE: Duration = Duration::from_secs(1);

/// Runs a script in the transaction of its row, unless it is done.
pub(super) fn once(
    connection: &Connection,
    strict: &Strict,
    text: &Text<'_>,
    sink: &mut Sink,
    request: &OperatorRequest<'_>,
) -> Result<Ran, OperatorError> {
    // SQLite has no schemas to choose from.
    let table = TableName { schema: None, name: strict.table.name.clone() }.quoted('"');
    let failed = |error: rusqlite::Error| {
        let error =
            around(format!("the row of the script in `{}` could not be written", strict.table.name), &error);
        if error.hint.is_some() { error } else { error.hint("`strict_transaction: false` does without it") }
    };
    connection.busy_timeout(GLANCE).map_err(failed)?;
    match connection.execute_batch("BEGIN IMMEDIATE") {
        Err(error) if is_held(&error) => return Ok(Ran::Locked),
        begun => begun.map_err(failed)?,
    }
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    if is_done(connection, strict, &table).map_err(failed)? {
        complete(connection, strict, &table).map_err(failed)?;
        return Ok(Ran::Earlier);
    }
    text.run(connection, sink).map_err(|error| match error.causes.first() {
        Some(cause) if cause.contains("within a transaction") => {
            error.hint("`strict_transaction: false` lets the script begin and end transactions itself")
        }
        _ => error,
    })?;
    if connection.is_autocommit() {
        let text = "the script ended its transaction itself: after a kill it may be done twice";
        request.reporter.log(Level::Warn, text);
        connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    }
    complete(connection, strict, &table).map_err(failed)?;
    Ok(Ran::Now)
}

fn is_done(connection: &Connection, strict: &Strict, table: &str) -> rusqlite::Result<bool> {
    connection.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {table} (query_id text NOT NULL UNIQUE, created_at text NOT NULL, \
         completed_at text)"
    ))?;
    let query = format!(
        "SELECT 1 FROM {table} WHERE query_id IN ({}) AND completed_at IS NOT NULL",
        strict.id_list()
    );
    Ok(connection.query_row(&query, [], |_| Ok(())).optional()?.is_some())
}

/// Completes the row of this round, removes old ones and commits.
fn complete(connection: &Connection, strict: &Strict, table: &str) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "INSERT INTO {table} VALUES ('{}', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP) ON CONFLICT DO NOTHING;
         DELETE FROM {table} WHERE completed_at < datetime('now', '-{} seconds');
         COMMIT",
        strict.own_id(),
        strict.kept.as_secs()
    ))
}
