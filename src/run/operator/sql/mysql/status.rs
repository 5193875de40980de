//! The status table in MySQL: the row of a script is completed in the script's own transaction.
//!
//! That holds for what a transaction of MySQL holds for: tables of InnoDB, and no statement that makes or changes a
//! table. A lock is waited for one second, because not every version knows `NOWAIT`.

use mysql::Conn;
use mysql::prelude::Queryable;

use super::error::during;
use crate::run::operator::sql::strict::{Ran, Strict};
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::session::Level;

/// Old rows that are removed at once.
const MOST_REMOVED: u32 = 1000;

/// Runs `script` in the transaction of its row, unless it is done or another session is at it.
pub(super) fn once(
    conn: &mut Conn,
    strict: &Strict,
    request: &OperatorRequest<'_>,
    script: impl FnOnce(&mut Conn) -> Result<(), OperatorError>,
) -> Result<Ran, OperatorError> {
    let table = strict.table.quoted('`');
    make(conn, strict, &table)?;
    match lock(conn, strict, &table) {
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
    if let Err(error) = script(conn) {
        // Where this fails the end of the connection does it.
        let _ = conn.query_drop("ROLLBACK");
        return Err(error);
    }
    complete(conn, strict, &table)
        .map_err(|error| during(&error, "the transaction of the script could not be committed"))?;
    if let Err(error) = clean(conn, strict, &table) {
        let error = during(&error, "").causes.join(": ");
        request
            .reporter
            .log(Level::Warn, &format!("old rows of `{}` could not be removed: {error}", strict.table));
    }
    Ok(Ran::Now)
}

fn make(conn: &mut Conn, strict: &Strict, table: &str) -> Result<(), OperatorError> {
    let create = format!(
        "CREATE TABLE IF NOT EXISTS {table} (query_id varchar(64) NOT NULL PRIMARY KEY, created_at timestamp NOT NULL \
         DEFAULT CURRENT_TIMESTAMP, completed_at timestamp NULL) ENGINE = InnoDB"
    );
    // A user who may not make tables may use one that is there.
    let made = match conn.query_drop(format!("SELECT 1 FROM {table} LIMIT 0")) {
        Err(error) if code(&error) == Some(1146) => conn.query_drop(&create),
        looked => looked,
    };
    made.map_err(|error| {
        let failed = during(&error, format!("the status table `{}` could not be made", strict.table));
        if code(&error).is_some() { strict.not_made(&create, failed) } else { failed }
    })
}

/// Locks the row in a transaction that stays open; gives how the script stands when that is not to be done.
fn lock(conn: &mut Conn, strict: &Strict, table: &str) -> mysql::Result<Option<Ran>> {
    let own = strict.own_id();
    conn.query_drop("SET SESSION innodb_lock_wait_timeout = 1")?;
    conn.query_drop(format!("INSERT IGNORE INTO {table} (query_id) VALUES ('{own}')"))?;
    conn.query_drop("START TRANSACTION")?;
    let rows: Vec<Option<String>> = conn.query(format!(
        "SELECT CAST(completed_at AS char) FROM {table} WHERE query_id IN ({}) ORDER BY query_id FOR UPDATE",
        strict.id_list()
    ))?;
    if rows.iter().any(Option::is_some) {
        // An earlier round was done: so is this one.
        complete(conn, strict, table)?;
        return Ok(Some(Ran::Earlier));
    }
    conn.query_drop("SET SESSION innodb_lock_wait_timeout = DEFAULT")?;
    Ok(None)
}

fn complete(conn: &mut Conn, strict: &Strict, table: &str) -> mysql::Result<()> {
    conn.query_drop(format!(
        "UPDATE {table} SET completed_at = coalesce(completed_at, CURRENT_TIMESTAMP) WHERE query_id IN ({})",
        strict.id_list()
    ))?;
    conn.query_drop("COMMIT")
}

/// Old rows are found without a lock and removed by their key: a search that locks would meet the rows of others.
fn clean(conn: &mut Conn, strict: &Strict, table: &str) -> mysql::Result<()> {
    let old: Vec<String> = conn.query(format!(
        "SELECT query_id FROM {table} WHERE completed_at < CURRENT_TIMESTAMP - INTERVAL {} SECOND LIMIT {MOST_REMOVED}",
        strict.kept.as_secs()
    ))?;
    old.iter().try_for_each(|id| conn.exec_drop(format!("DELETE FROM {table} WHERE query_id = ?"), (id,)))
}

fn code(error: &mysql::Error) -> Option<u16> {
    match error {
        mysql::Error::MySqlError(error) => Some(error.code),
        _ => None,
    }
}

/// Whether somebody else holds the row.
fn is_held(error: &mysql::Error) -> bool {
    matches!(code(error), Some(1205 | 1213 | 3572))
}
