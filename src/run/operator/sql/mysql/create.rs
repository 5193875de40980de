//! `create_table` in MySQL: a table is filled under another name and takes its place by one `RENAME TABLE`, so that
//! readers see the old table or the new one.

use mysql::Conn;
use mysql::prelude::Queryable;

use super::error::during;
use super::run_script;
use crate::run::operator::sql::job::Job;
use crate::run::operator::sql::sink::Sink;
use crate::run::operator::sql::strict::{Doubt, query_id};
use crate::run::operator::sql::table::TableName;
use crate::run::operator::{OperatorError, OperatorRequest};

/// Replaces `table` by the result of the script. Doing it twice does no harm, so no row remembers it.
pub(super) fn create_table(
    conn: &mut Conn,
    table: &TableName,
    job: &Job,
    sink: &mut Sink,
    request: &OperatorRequest<'_>,
) -> Result<(), OperatorError> {
    let id = query_id(request, request.round);
    let new = table.beside(&format!("__sync_{id}_new")).quoted('`');
    let old = table.beside(&format!("__sync_{id}_old")).quoted('`');
    let failed = |error: &mysql::Error| during(error, format!("table `{table}` could not be replaced"));
    let drop_new = format!("DROP TABLE IF EXISTS {new}");
    // A try that was killed may have left them.
    conn.query_drop(format!("DROP TABLE IF EXISTS {new}, {old}")).map_err(|error| failed(&error))?;
    let sql = format!("CREATE TABLE {new} AS\n{}", job.script.text);
    let filled = run_script(conn, &sql, 1, job, sink, Doubt::None);
    let replaced =
        filled.and_then(|()| swap(conn, &table.quoted('`'), &new, &old).map_err(|error| failed(&error)));
    if replaced.is_err() {
        // The error that is shown is the first.
        let _ = conn.query_drop(drop_new);
    }
    replaced
}

fn swap(conn: &mut Conn, table: &str, new: &str, old: &str) -> mysql::Result<()> {
    match conn.query_drop(format!("RENAME TABLE {table} TO {old}, {new} TO {table}")) {
        Ok(()) => {}
        // There is none yet.
        Err(mysql::Error::MySqlError(error)) if matches!(error.code, 1146 | 1017) => {
            return conn.query_drop(format!("RENAME TABLE {new} TO {table}"));
        }
        Err(error) => return Err(error),
    }
    let dropped = conn.query_drop(format!("DROP TABLE {old}"));
    if dropped.is_err() {
        // A view, or a table that others refer to: it stays what it was.
        conn.query_drop(format!("RENAME TABLE {table} TO {new}, {old} TO {table}"))?;
    }
    dropped
}
