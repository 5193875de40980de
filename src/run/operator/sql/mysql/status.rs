//! The status table in MySQL: the row of a script is completed in the script's own transaction.
//!
//! That holds for what a transaction of MySQL holds for: tables of InnoDB, and no statement that makes or changes a
//! table. A lock is waited for one second, because not every version knows `NOWAIT`.

use super::error::during;
use crate::cloud::mysql::{self, Connection, Error};
use crate::run::operator::sql::strict::{Ran, Strict};
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::session::Level;

/// Old rows that are removed at once.
const MOST_REMOVED: u32 = 1000;

/// Runs `script` in the transaction of its row, unless it is done or another session is at it.
pub(super) fn once(
    connection: &mut Connection,
    strict: &Strict,
    request: &OperatorRequest<'_>,
    script: impl FnOnce(&mut Connection) -> Result<(), OperatorError>,
) -> Result<Ran, OperatorError> {
    let table = strict.table.quoted('`');
    make(connection, strict, &table)?;
    match lock(connection, strict, &table) {
        Ok(None) => {}
        Ok(Some(ran)) => return Ok(ran),
        Err(error) if is_held(&error) => return Ok(Ran::Locked),
        Err(error) => {
            return Err(during(
                &error,
                format!("the row of the script in `{}` could not be locked", strict.table),
            ));
        }
    }
    if let Err(error) = script(connection) {
        // Where this fails the end of the connection does it.
        let _ = connection.run("ROLLBACK");
        return Err(error);
    }
    complete(connection, strict, &table)
        .map_err(|error| during(&error, "the transaction of the script could not be committed"))?;
    if let Err(error) = clean(connection, strict, &table) {
        let error = during(&error, "").causes.join(": ");
        request
            .reporter
            .log(Level::Warn, &format!("old rows of `{}` could not be removed: {error}", strict.table));
    }
    Ok(Ran::Now)
}

fn make(connection: &mut Connection, strict: &Strict, table: &str) -> Result<(), OperatorError> {
    let create = format!(
        "CREATE TABLE IF NOT EXISTS {table} (query_id varchar(64) NOT NULL PRIMARY KEY, created_at timestamp NOT NULL \
         DEFAULT CURRENT_TIMESTAMP, completed_at timestamp NULL) ENGINE = InnoDB"
    );
    // A user who may not make tables may use one that is there.
    let made = match connection.run(&format!("SELECT 1 FROM {table} LIMIT 0")) {
        Err(error) if error.code() == Some(1146) => connection.run(&create),
        looked => looked,
    };
    made.map(drop).map_err(|error| {
        let failed = during(&error, format!("the status table `{}` could not be made", strict.table));
        if error.code().is_some() { strict.not_made(&create, failed) } else { failed }
    })
}

/// Locks the row in a transaction that stays open; gives how the script stands when that is not to be done.
fn lock(connection: &mut Connection, strict: &Strict, table: &str) -> mysql::Result<Option<Ran>> {
    let own = strict.own_id();
    connection.run("SET SESSION innodb_lock_wait_timeout = 1")?;
    connection.run(&format!("INSERT IGNORE INTO {table} (query_id) VALUES ('{own}')"))?;
    connection.run("START TRANSACTION")?;
    let sql = format!(
        "SELECT CAST(completed_at AS char) FROM {table} WHERE query_id IN ({}) ORDER BY query_id FOR UPDATE",
        strict.id_list()
    );
    if connection.select(&sql, &[])?.into_iter().flatten().any(|completed| completed.is_some()) {
        // An earlier round was done: so is this one.
        complete(connection, strict, table)?;
        return Ok(Some(Ran::Earlier));
    }
    connection.run("SET SESSION innodb_lock_wait_timeout = DEFAULT")?;
    Ok(None)
}

fn complete(connection: &mut Connection, strict: &Strict, table: &str) -> mysql::Result<()> {
    connection.run(&format!(
        "UPDATE {table} SET completed_at = coalesce(completed_at, CURRENT_TIMESTAMP) WHERE query_id IN ({})",
        strict.id_list()
    ))?;
    connection.run("COMMIT").map(drop)
}

/// Old rows are found without a lock and removed by their key: a search that locks would meet the rows of others.
fn clean(connection: &mut Connection, strict: &Strict, table: &str) -> mysql::Result<()> {
    let sql = format!(
        "SELECT query_id FROM {table} WHERE completed_at < CURRENT_TIMESTAMP - INTERVAL {} SECOND LIMIT {MOST_REMOVED}",
        strict.kept.as_secs()
    );
    let old = connection.select(&sql, &[])?;
    let delete = format!("DELETE FROM {table} WHERE query_id = ?");
    old.iter().flatten().flatten().try_for_each(|id| connection.select(&delete, &[id]).map(drop))
}

/// Whether somebody else holds the row.
fn is_held(error: &Error) -> bool {
    matches!(error.code(), Some(1205 | 1213 | 3572))
}
