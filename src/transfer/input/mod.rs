//! Where rows come from: the contract that every input keeps.

mod convert;
mod division;
mod fetched;
pub mod file;
mod iam;
mod increment;
pub mod mysql;
pub mod postgres;
mod property;
pub(in crate::transfer) mod select;
mod source;
pub mod sqlite;
mod told;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::embulk::config::TypeMapping;
use crate::embulk::input::{ColumnOption, InputConfig};
use crate::embulk::output::OutputConfig;

pub use self::division::{
    Cut, KeptRanges, Lanes, Place, Places, RANGE_BYTES, Reading, SEATS, SharedSnapshots, Told,
};
use self::division::{Seats, Share};
pub use self::increment::{Increment, LastRow};
pub use self::source::SourceColumn;
use super::context::{MemoryShare, TransferContext};
use super::error::{ErrorKind, TransferError};
use super::gauge::Extent;
use super::page::{PAGE_BYTES, PAGE_ROWS, Page};
use super::policy::Known;
use super::pool::ConnectionPermit;
use super::report::Change;
use super::schema::Schema;

/// An input that is open.
pub struct Source {
    /// Reads it.
    pub reader: Box<dyn Input>,
    /// Returns the connection to the pool.
    _permit: Option<ConnectionPermit>,
    /// For further connections; none where the source has no use for them.
    seats: Option<Seats>,
}

impl Source {
    fn alone(reader: impl Input + 'static) -> Self {
        Self { reader: Box::new(reader), _permit: None, seats: None }
    }

    /// Readers that read a part of the rows each, beside the first; none where it reads all of them. And what is to be
    /// told of ranges.
    pub fn divide(&mut self, lanes: Option<&Lanes>) -> Result<(Vec<Box<dyn Input>>, Told), TransferError> {
        match &self.seats {
            Some(seats) => self.reader.divide(seats, lanes),
            None => Ok((Vec::new(), Told::of_one_stream(lanes))),
        }
    }
}

/// How columns that Embulk has no type for (bytes, intervals, ranges) are taken when they have no option of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BytesRule {
    /// Embulk's: an error that says which option to add.
    Refuse,
    /// As bytes, or as the text that the server has for them; for targets that keep what the source holds.
    Accept,
}

/// The rule that goes with an output's types.
pub fn bytes_rule(output: &OutputConfig) -> BytesRule {
    match output.types() {
        TypeMapping::Exact => BytesRule::Accept,
        TypeMapping::Embulk => BytesRule::Refuse,
    }
}

/// Opens an input: waits for a free connection, connects, and looks at the columns.
pub fn open(
    config: &InputConfig,
    context: &TransferContext,
    bytes: BytesRule,
) -> Result<Source, TransferError> {
    match config {
        InputConfig::Mysql(config) => {
            let address = format!("{}:{}", config.host.expose(), config.port);
            let permit = context.sources.acquire(&address, &context.cancel)?;
            let reader = mysql::open(config, context, bytes)?;
            let seats = Some(Seats::of(context, address));
            Ok(Source { reader: Box::new(reader), _permit: Some(permit), seats })
        }
        InputConfig::Postgresql(config) => {
            let address = format!("{}:{}", config.host.expose(), config.port);
            let permit = context.sources.acquire(&address, &context.cancel)?;
            let reader = postgres::open(config, context, bytes)?;
            let seats = Some(Seats::of(context, address));
            Ok(Source { reader: Box::new(reader), _permit: Some(permit), seats })
        }
        InputConfig::Sqlite(config) => {
            let reader = sqlite::open(config, context, bytes)?;
            Ok(Source::alone(reader))
        }
        InputConfig::File(config) => Ok(Source::alone(file::open(config, context)?)),
        InputConfig::S3(config) => Ok(Source::alone(file::open_s3(config, context)?)),
    }
}

/// A source of one transfer, open and with its columns known. A thread of its own reads it.
pub trait Input: Send {
    /// The columns.
    fn schema(&self) -> &Arc<Schema>;

    /// The columns as the source has them, and what becomes of them on their way in.
    fn source_columns(&mut self) -> Vec<SourceColumn>;

    /// What a policy goes by for the columns.
    fn known(&self) -> Known;

    /// The columns of an incremental read.
    fn increment(&self) -> Option<&Increment> {
        None
    }

    /// How much there is to read, for those who watch; none where the source cannot tell without reading.
    fn extent(&mut self) -> Result<Option<Extent>, TransferError> {
        Ok(None)
    }

    /// A handle that stops `read` from another thread.
    fn stopper(&self) -> Box<dyn Stop>;

    /// Prepares a read in ranges: gives readers for as many of the seats as have a use, which then read what this one
    /// leaves, at the same time. None where all rows are read in one stream; the figures say why, if that is worth it.
    /// Where the output tells ranges apart, it is told of them, and those that it has already are not read.
    fn divide(
        &mut self,
        _seats: &Seats,
        lanes: Option<&Lanes>,
    ) -> Result<(Vec<Box<dyn Input>>, Told), TransferError> {
        Ok((Vec::new(), Told::of_one_stream(lanes)))
    }

    /// What the output holds for a helper, until it has ended what the helper read.
    fn take_lane(&mut self) -> Option<MemoryShare> {
        None
    }

    /// Reads all rows into pages. Ends early and well when the sink wants no more.
    fn read(&mut self, sink: &mut dyn PageSink) -> Result<InputFigures, TransferError>;
}

/// Stops a read that may be waiting for the server. Takes seconds at most.
pub trait Stop: Send + Sync {
    /// Makes the read end soon, with an error or without. Cannot fail: a read that cannot be reached ends by its
    /// own time-out.
    fn stop(&self);
}

/// Takes pages from an input.
pub trait PageSink {
    /// An empty page of the input's schema to fill; waits until one is free.
    fn page(&mut self) -> Page;

    /// Hands a page on, which gets the number of its first row; never an empty one.
    fn send(&mut self, page: Page) -> Flow;

    /// The pages that follow have rows of this range, and of no other.
    fn begin_range(&mut self, _number: usize) {}

    /// All rows of the range were handed on.
    fn end_range(&mut self) -> Flow {
        Flow::Continue
    }
}

/// Whether the reader goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// More pages are wanted.
    Continue,
    /// Nobody takes further pages.
    Stop,
}

/// What an input says when it has read everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputFigures {
    /// Rows read.
    pub rows: u64,
    /// Things that people should know.
    pub notes: Vec<String>,
    /// Values that did not come in as they are stored.
    pub changes: Vec<Change>,
    /// What the rows have in common in time, where it is not one statement's view of one table.
    pub snapshot: Option<String>,
    /// What the next read begins behind: options of `in:`.
    pub next: Map<String, Value>,
}

/// The option of a column: by exact name, then regardless of case (where only one fits), then by its JDBC type.
fn option_of<'c>(
    named: &'c [(String, ColumnOption)],
    by_type: &'c [(String, ColumnOption)],
    name: &str,
    jdbc: &str,
) -> Result<Option<&'c ColumnOption>, TransferError> {
    if let Some((_, option)) = named.iter().find(|(known, _)| known == name) {
        return Ok(Some(option));
    }
    let folded = name.to_lowercase();
    let mut near = named.iter().filter(|(known, _)| known.to_lowercase() == folded);
    match (near.next(), near.next()) {
        (Some(_), Some(_)) => Err(TransferError::new(
            ErrorKind::Config,
            format!("`column_options` has several entries that differ from column `{name}` in case only"),
        )),
        (Some((_, option)), None) => Ok(Some(option)),
        _ => Ok(by_type.iter().find(|(known, _)| known == jdbc).map(|(_, option)| option)),
    }
}

/// Whether a page goes on. Sizes are looked at now and then, but rows of megabytes each do not wait for that.
fn is_full(page: &Page) -> bool {
    page.rows >= PAGE_ROWS
        || ((page.rows.is_multiple_of(64) || page.rows < 64) && page.byte_size() >= PAGE_BYTES)
}

/// The error for a column of a type that the target has nothing for.
fn unsupported(name: &str, word: &str) -> TransferError {
    TransferError::new(ErrorKind::Config, format!("unsupported type {word} of column `{name}`")).hint(format!(
        "add `{name}: {{value_type: string}}` to `column_options` of `in:`, leave the column out with `select`, or use `types: exact`"
    ))
}
