//! Rows that arrive, decoded straight into pages.

use std::sync::Arc;

use super::copy::{Fields, Odd, Rows};
use super::decode::Decoder;
use super::session::Session;
use super::statement::CopyForm;
use crate::transfer::encode::unfit;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::fetched::FetchedLog;
use crate::transfer::input::{Flow, PageSink, is_full};
use crate::transfer::page::Page;
use crate::transfer::schema::Schema;

/// The state of one read, of one statement or of several with the same columns.
pub(super) struct Reading<'r> {
    pub(super) decoders: &'r mut [Decoder],
    pub(super) schema: &'r Arc<Schema>,
    pub(super) form: &'r CopyForm,
    pub(super) log: &'r mut FetchedLog,
    pub(super) sink: &'r mut dyn PageSink,
    /// What messages call the source.
    pub(super) name: &'r str,
    /// The page that is being filled.
    pub(super) page: Option<Page>,
    pub(super) rows: u64,
}

impl From<Odd> for TransferError {
    fn from(_: Odd) -> Self {
        Self::new(ErrorKind::Internal, "the rows came in another form than `COPY` writes")
    }
}

impl Reading<'_> {
    /// Adds the rows of a statement.
    pub(super) fn rows_of(&mut self, session: &Session, sql: &str) -> Result<Flow, TransferError> {
        let mut rows = Rows::new(self.decoders.len());
        let copied = session.copy(&self.form.copy(sql), |piece| rows.take(piece, |row| self.row(row)));
        let failed = || format!("{} could not be read", self.name);
        let flow = copied.map_err(|trouble| {
            let is_syntax = trouble.has_code("42601");
            // What writes cannot be a subselect.
            let is_nested = self.form.is_nested() && (is_syntax || trouble.has_code("0A000"));
            let error = trouble.during(failed());
            if is_nested {
                error.hint(
                    "let the query be one SELECT, WITH or VALUES, and nothing behind it; where it writes, cast columns of \
                     other types than numbers, texts, dates and times to text",
                )
            } else if is_syntax {
                error.hint("let the query be one SELECT, WITH or VALUES, and nothing behind it")
            } else {
                error
            }
        })??;
        if flow == Flow::Continue && !rows.is_whole() {
            return Err(TransferError::from(Odd).context(failed()));
        }
        Ok(flow)
    }

    /// Hands over what is left when all statements were read.
    pub(super) fn end(&mut self) -> Flow {
        self.log.end(self.rows);
        match self.page.take() {
            Some(page) if page.rows > 0 => self.sink.send(page),
            _ => Flow::Continue,
        }
    }

    /// Adds a row to the page.
    fn row(&mut self, fields: Fields<'_>) -> Result<Flow, TransferError> {
        let page = match &mut self.page {
            Some(page) => page,
            none => none.insert(self.sink.page()),
        };
        let columns = self.decoders.iter_mut().zip(&mut page.columns);
        for (at, ((decoder, column), value)) in columns.zip(fields).enumerate() {
            decoder.push(value, column).map_err(|reason| {
                let column = &self.schema.columns[at];
                unfit(column, self.rows, &reason).hint(format!(
                    "add `{}: {{value_type: string}}` to `column_options` of `in:`",
                    column.name
                ))
            })?;
        }
        page.rows += 1;
        self.rows += 1;
        self.log.count(self.rows);
        if !is_full(page) {
            return Ok(Flow::Continue);
        }
        match self.page.take() {
            Some(page) => Ok(self.sink.send(page)),
            None => Ok(Flow::Continue),
        }
    }
}
