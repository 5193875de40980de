//! Where rows go: the contract that every output keeps.

#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
pub mod bigquery;
mod encoded;
pub mod file;
mod formatter;
mod gzip;
mod kept;
pub mod look;
pub mod mysql;
pub mod object;
pub mod postgres;
pub mod reads;
pub mod redshift;
mod shelf;
mod sql;
mod stale;
mod trail;

use std::sync::Arc;

use super::context::TransferContext;
use super::effect::ReadRecord;
use super::error::TransferError;
use super::input::{Lanes, Told};
use super::page::{News, Page};
use super::report::{Change, Reused};
use super::schema::Schema;
use super::target::ColumnTarget;
use crate::embulk::config::EmbulkConfig;
use crate::embulk::output::OutputConfig;

/// The output that a config asks for. Nothing outside is touched yet.
pub fn open(config: &EmbulkConfig, context: &TransferContext) -> Result<Box<dyn Output>, TransferError> {
    let tasks = config.exec.output_tasks();
    match &config.output {
        OutputConfig::File(options) => Ok(Box::new(file::FileTarget::new(options, tasks, context))),
        OutputConfig::S3(options) => Ok(Box::new(object::ObjectTarget::s3(options, tasks, context))),
        OutputConfig::Gcs(options) => Ok(Box::new(object::ObjectTarget::gcs(options, tasks, context)?)),
        OutputConfig::Postgresql(options) => Ok(Box::new(postgres::PostgresTarget::new(options, context))),
        OutputConfig::Mysql(options) => Ok(Box::new(mysql::MysqlTarget::new(options, context))),
        OutputConfig::Redshift(options) => Ok(Box::new(redshift::RedshiftTarget::new(options, context))),
        OutputConfig::Bigquery(options) => match &options.local {
            Some(files) => Ok(Box::new(bigquery::LocalTarget::new(options, files, context)?)),
            None => Ok(Box::new(bigquery::BigqueryTarget::new(options, context)?)),
        },
    }
}

/// What each column of the rows becomes in the target that a config names, as far as the config alone decides it.
pub fn targets(config: &OutputConfig, schema: &Schema) -> Result<Vec<ColumnTarget>, TransferError> {
    match config {
        OutputConfig::File(_) | OutputConfig::S3(_) | OutputConfig::Gcs(_) => match config.files() {
            Some(files) => formatter::targets(files, schema),
            None => Ok(Vec::new()),
        },
        OutputConfig::Postgresql(options) => postgres::targets(schema, &options.load),
        OutputConfig::Mysql(options) => mysql::targets(schema, &options.load),
        OutputConfig::Redshift(options) => redshift::targets(schema, &options.load, options.format),
        OutputConfig::Bigquery(options) => bigquery::targets(schema, options),
    }
}

/// A target of one transfer. One thread uses it.
///
/// * `recover` is called first, before the source is opened. When it gives figures, nothing else is called.
/// * `begin` is called once, before any page and after the source was opened; also for a table without rows.
/// * `write` is called for every page in order, never with an empty one. The page may be reused when it returns:
///   what is needed later is copied. It may wait (back-pressure), and then asks the context's `cancel` now and then.
/// * `resume` is called where `recover` gave nothing. When it gives what was read, `commit` is the next and only call:
///   the source is not asked.
/// * `seal` is called once, after the last page.
/// * `commit` is called once, after `seal`, also when there was no page. When it returns, readers of the target see the
///   new rows and nothing staged is left.
/// * `abort` or `suspend` is called once after an error of any of these, after an error of the source, and when the run is
///   stopped; never after a `commit` that succeeded. `abort` removes everything staged; `suspend`, after a fault that
///   passes, all but what `resume` can use. Neither can fail: what could not be removed goes to the log and stays in the
///   ledger for the next attempt.
pub trait Output {
    /// The target as people know it, e.g. `bigquery proj.lake.orders`.
    fn target(&self) -> String;

    /// Bytes the output holds at most, apart from the pages it is handed: encoded rows and parts on their way. The
    /// transfer takes them from the budget of the run before `begin`; the output itself takes none.
    fn memory_bytes(&self) -> usize;

    /// Bytes sent so far, for progress.
    fn bytes(&self) -> u64;

    /// Finishes what an earlier attempt of the same transfer began: figures when that published all rows, so that
    /// nothing is read again.
    fn recover(&mut self) -> Result<Option<OutputFigures>, TransferError> {
        Ok(None)
    }

    /// Takes what an earlier attempt of the same transfer had staged whole, where that still serves: then what it had
    /// read, and what is there of it. What does not serve is removed.
    fn resume(&mut self) -> Result<Option<(ReadRecord, Reused)>, TransferError> {
        Ok(None)
    }

    /// Prepares the target for rows of this schema.
    fn begin(&mut self, schema: &Arc<Schema>) -> Result<(), TransferError>;

    /// Whether the output keeps the rows of several readers apart, so that a retry finds ranges that are staged; asked
    /// after `begin`. Then `divided` and `lane` are called too.
    fn lanes(&mut self) -> Result<Option<Lanes>, TransferError> {
        Ok(None)
    }

    /// Hears what became of ranges, before the first page. Gives what is there already of the rows.
    fn divided(&mut self, _told: Told) -> Result<Option<KeptRows>, TransferError> {
        Ok(None)
    }

    /// The rows of the next `write` come from a range that a reader reads, `read` of them before the filters; or a range
    /// or a reader has ended.
    fn lane(&mut self, _reader: usize, _news: News, _read: u64) -> Result<(), TransferError> {
        Ok(())
    }

    /// Takes the rows of a page.
    fn write(&mut self, page: &Page) -> Result<(), TransferError>;

    /// Stages what is left of the rows, and remembers that all of them are, with what is known of the read.
    fn seal(&mut self, _read: &ReadRecord) -> Result<(), TransferError> {
        Ok(())
    }

    /// Publishes what was written.
    fn commit(&mut self) -> Result<OutputFigures, TransferError>;

    /// Values that became something else on their way out; asked for once all is published.
    fn changes(&self) -> Vec<Change> {
        Vec::new()
    }

    /// Removes what was staged.
    fn abort(&mut self);

    /// Removes of it what a retry has no use for.
    fn suspend(&mut self) {
        self.abort();
    }
}

/// Rows that an earlier attempt has staged, besides which the others are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptRows {
    /// What is there.
    pub reused: Reused,
    /// Rows that were read for it.
    pub read: u64,
}

/// What an output says when it has published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputFigures {
    /// Rows that were sent.
    pub rows_sent: u64,
    /// Rows the target says it took; none where it cannot tell.
    pub rows_loaded: Option<u64>,
    /// Bytes sent (compressed where the config compresses).
    pub bytes: u64,
    /// Things that people should know.
    pub notes: Vec<String>,
}
