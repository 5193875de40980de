//! `create_table` in MySQL: a table is filled under another name and takes its place by one `RENAME TABLE`, so that
//! readers see the old table or the new one.

use super::error::during;
use super::run_script;
use crate::cloud::mysql::{self, Connection, Error};
use crate::run::operator::sql::job::Job;
use crate::run::operator::sql::sink::Sink;
use crate::run::operator::sql::strict::{Doubt, query_id};
use crate::run::operator::sql::table::TableName;
use crate::run::operator::{OperatorError, OperatorRequest};

/// Replaces `table` by the result of the script. Doing it twice does no harm, so no row remembers it.
pub(super) fn create_table(
    connection: &mut Connection,
    table: &TableName,
    job: &Job,
    sink: &mut Sink,
    request: &OperatorRequest<'_>,
) -> Result<(), OperatorError> {
    let id = query_id(request, request.round);
    let new = table.beside(&format!("__sync_{id}_new")).quoted('`');
    let old = table.beside(&format!("__sync_{id}_old")).quoted('`');
    let failed = |error: &Error| during(error, format!("table `{table}` could not be replaced"));
    let drop_new = format!("DROP TABLE IF EXISTS {new}");
    // A try that was killed may have left them.
    connection.run(&format!("DROP TABLE IF EXISTS {new}, {old}")).map_err(|error| failed(&error))?;
    let sql = format!("CREATE TABLE {new} AS\n{}", job.script.text);
    let filled = run_script(connection, &sql, 1, job, sink, Doubt::None);
    let replaced = filled
        .and_then(|()| swap(connection, &table.quoted('`'), &new, &old).map_err(|error| failed(&error)));
    if replaced.is_err() {
        // The error that is shown is the first.
        let _ = connection.run(&drop_new);
    }
    replaced
}

fn swap(connection: &mut Connection, table: &str, new: &str, old: &str) -> mysql::Result<()> {
    match connection.run(&format!("RENAME TABLE {table} TO {old}, {new} TO {table}")) {
        Ok(_) => {}
        // There is none yet.
        Err(Error::Server(error)) if matches!(error.code, 1146 | 1017) => {
            return connection.run(&format!("RENAME TABLE {new} TO {table}")).map(drop);
        }
        Err(error) => return Err(error),
    }
    let dropped = connection.run(&format!("DROP TABLE {old}")).map(drop);
    if dropped.is_err() {
        // A view, or a table that others refer to: it stays what it was.
        connection.run(&format!("RENAME TABLE {table} TO {new}, {old} TO {table}"))?;
    }
    dropped
}
