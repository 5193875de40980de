//! The statements of a script, one after the other, and the errors that name their lines.

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection};

use super::{busy, cell};
use crate::run::operator::OperatorError;
use crate::run::operator::sql::job::{Job, Statements};
use crate::run::operator::sql::sink::Sink;

/// The statements that carry a script out.
pub(super) struct Text<'a> {
    job: &'a Job,
    statements: Statements,
}

impl<'a> Text<'a> {
    pub(super) fn new(job: &'a Job) -> Self {
        Self { job, statements: job.statements('"') }
    }

    /// The last result that has columns counts.
    pub(super) fn run(&self, connection: &Connection, sink: &mut Sink) -> Result<(), OperatorError> {
        let mut batch = Batch::new(connection, &self.statements.sql);
        let mut number = 0;
        loop {
            let failed = |error: rusqlite::Error| self.failed(number, &error);
            let Some(mut statement) = batch.next().map_err(failed)? else { return Ok(()) };
            let width = statement.column_count();
            if width > 0 {
                sink.begin(statement.column_names().map(str::to_owned).collect())?;
            }
            let mut cursor = statement.raw_query();
            while let Some(row) = cursor.next().map_err(failed)? {
                if sink.wants_rows() {
                    let cells: rusqlite::Result<Vec<_>> =
                        (0..width).map(|index| row.get_ref(index).map(cell)).collect();
                    sink.row(&cells.map_err(failed)?)?;
                }
            }
            number += 1;
        }
    }

    /// Texts of SQLite name tables and columns. A failed constraint names its columns, never a value.
    fn failed(&self, number: usize, error: &rusqlite::Error) -> OperatorError {
        let (script, statements) = (&self.job.script, &self.statements);
        let statement = || script.start(number.saturating_sub(statements.lead));
        let (start, cause) = match error {
            // The text of this error is what was left of the script.
            rusqlite::Error::SqlInputError { msg, sql, offset, .. } => {
                let offset = usize::try_from(*offset).unwrap_or_default();
                let place = (statements.sql.len().saturating_sub(sql.len()) + offset)
                    .checked_sub(statements.before.len());
                (place.unwrap_or_else(statement), msg.clone())
            }
            rusqlite::Error::SqliteFailure(_, Some(message)) => (statement(), message.clone()),
            other => (statement(), other.to_string()),
        };
        let place = script.place(script.line(start));
        let mut failed = OperatorError::failed(format!("{place} failed"));
        failed.causes.push(cause);
        busy(failed, error)
    }
}
