//! Rows of files: a list of files, each unpacked and parsed, one after another.
//!
//! What lists and opens files ([`Files`]) knows nothing of rows, and what parses them nothing of where they are.

#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod cell;
mod charset;
mod csv;
mod decode;
mod documents;
mod escapes;
mod json;
mod lines;
mod local;
mod named;
mod notes;
mod s3;
mod sample;
mod tokenizer;

use std::io::Read;
use std::sync::Arc;

use self::cell::{CellReader, Row};
use self::csv::CsvRows;
use self::decode::SourceFault;
use self::json::JsonRows;
use self::notes::Notes;
use super::{Flow, Input, InputFigures, PageSink, SourceColumn, Stop, is_full};
use crate::embulk::config::EmbulkType;
use crate::embulk::input::{
    BadRows, Charset, ClockReading, Decoder, FileColumn, FileContent, FileInput, Parser, S3Input,
};
use crate::embulk::zone::Zone;
use crate::session::Level;
use crate::transfer::context::{Cancel, Observer, TransferContext};
use crate::transfer::error::TransferError;
use crate::transfer::gauge::Extent;
use crate::transfer::policy::Known;
use crate::transfer::schema::{Schema, Zones};

pub use self::named::FilePlace;
pub use self::sample::{Sample, sample};

/// File names that the log shows.
const SHOWN: usize = 20;

/// Files in order.
trait Files: Send {
    /// Their names, as messages show them.
    fn names(&self) -> &[String];

    /// What the next read begins behind, as `last_path`; none where that is not remembered.
    fn last_path(&self) -> Option<&str>;

    /// Bytes of all of them; none where that is not known of each.
    fn bytes(&self) -> Option<u64>;

    /// Opens one; its errors while reading are [`SourceFault`]s.
    fn open(&self, at: usize) -> Result<Box<dyn Read + Send>, TransferError>;
}

/// A file that is being read, for messages.
struct OpenFile<'f> {
    name: &'f str,
    decoders: &'f [Decoder],
}

/// The rows of one file.
trait FileRows {
    /// Reads the next row; false at the end. Bad rows go to the notes.
    fn next(&mut self, row: &mut Row, notes: &mut Notes) -> Result<bool, TransferError>;

    /// Whether bytes were found that are no characters.
    fn has_replaced(&self) -> bool;
}

/// The files of an input.
pub struct FileReader {
    files: Box<dyn Files>,
    content: FileContent,
    cells: Vec<CellReader>,
    schema: Arc<Schema>,
    place: FilePlace,
    cancel: Cancel,
}

/// Lists files of this machine.
pub fn open(config: &FileInput, context: &TransferContext) -> Result<FileReader, TransferError> {
    let files = local::list(config, context)?;
    Ok(FileReader::new(Box::new(files), &config.content, FilePlace::of(config), context))
}

/// Lists objects of a bucket.
pub fn open_s3(config: &S3Input, context: &TransferContext) -> Result<FileReader, TransferError> {
    let files = s3::list(config, context)?;
    Ok(FileReader::new(Box::new(files), &config.content, FilePlace::of_s3(config), context))
}

impl FileReader {
    fn new(
        files: Box<dyn Files>,
        content: &FileContent,
        place: FilePlace,
        context: &TransferContext,
    ) -> Self {
        let cells: Vec<_> = content.parser.columns().iter().map(CellReader::new).collect();
        let process = &context.process_zone;
        let zones = Zones { process: process.clone(), clock: process.clone(), ..Zones::utc() };
        log_names(files.names(), context);
        Self {
            files,
            content: content.clone(),
            cells,
            schema: content.schema(zones),
            place,
            cancel: context.cancel.clone(),
        }
    }

    /// Reads one file to its end; a sink that wants no more ends it early.
    fn read_file(
        &mut self,
        at: usize,
        pages: &mut Pages<'_>,
        notes: &mut Notes,
    ) -> Result<Flow, TransferError> {
        let name = &self.files.names()[at];
        let decoders = &self.content.decoders;
        let bytes = decode::decoded(self.files.open(at)?, decoders);
        let file = OpenFile { name, decoders };
        let mut rows: Box<dyn FileRows + '_> = match &self.content.parser {
            Parser::Csv(config) => Box::new(CsvRows::new(file, bytes, config, &mut self.cells)),
            Parser::Json(config) => Box::new(JsonRows::documents(file, bytes, config, &mut self.cells)),
            Parser::Jsonl(config) => Box::new(JsonRows::lines(file, bytes, config, &mut self.cells)),
        };
        let mut row = Row::default();
        while rows.next(&mut row, notes)? {
            let flow = pages.push(&row)?;
            // A large row is in the page now, and need not be here too while it is written.
            row.clear();
            if flow == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        if rows.has_replaced() {
            notes.replaced(name);
        }
        Ok(Flow::Continue)
    }
}

fn log_names(names: &[String], context: &TransferContext) {
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    context.observer.log(Level::Info, &format!("Loading files [{shown}{more}]"));
}

impl Input for FileReader {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn source_columns(&mut self) -> Vec<SourceColumn> {
        self.content.source_columns()
    }

    fn known(&self) -> Known {
        self.content.known(&self.place)
    }

    fn extent(&mut self) -> Result<Option<Extent>, TransferError> {
        Ok(self.files.bytes().map(Extent::Bytes))
    }

    fn stopper(&self) -> Box<dyn Stop> {
        // The reader looks at the run's own wish between pieces of a file.
        Box::new(Nothing)
    }

    fn read(&mut self, sink: &mut dyn PageSink) -> Result<InputFigures, TransferError> {
        let mut notes = Notes::new(self.content.parser.bad_rows());
        let mut pages = Pages::new(sink, self.cancel.clone());
        for at in 0..self.files.names().len() {
            if self.read_file(at, &mut pages, &mut notes)? == Flow::Stop {
                break;
            }
        }
        let rows = pages.finish();
        let last_path = self.files.last_path().map(|path| ("last_path".to_owned(), path.into()));
        Ok(InputFigures {
            rows,
            notes: notes.texts(self.content.parser.charset().name()),
            changes: notes.changes(),
            next: last_path.into_iter().collect(),
            snapshot: None,
        })
    }
}

struct Nothing;

impl Stop for Nothing {
    fn stop(&self) {}
}

/// Fills pages and hands them on.
struct Pages<'s> {
    sink: &'s mut dyn PageSink,
    page: Option<crate::transfer::page::Page>,
    rows: u64,
    cancel: Cancel,
}

impl<'s> Pages<'s> {
    fn new(sink: &'s mut dyn PageSink, cancel: Cancel) -> Self {
        Self { sink, page: None, rows: 0, cancel }
    }

    fn push(&mut self, row: &Row) -> Result<Flow, TransferError> {
        let page = match &mut self.page {
            Some(page) => page,
            empty => empty.insert(self.sink.page()),
        };
        row.write(page)?;
        self.rows += 1;
        if !is_full(page) {
            return Ok(Flow::Continue);
        }
        if self.cancel.is_canceled() {
            return Err(TransferError::canceled());
        }
        Ok(self.page.take().map_or(Flow::Continue, |page| self.sink.send(page)))
    }

    /// Hands on the last page and says how many rows there were.
    fn finish(&mut self) -> u64 {
        if let Some(page) = self.page.take() {
            self.sink.send(page);
        }
        self.rows
    }
}

impl Parser {
    /// The columns; documents without any are one themselves.
    fn columns(&self) -> Vec<FileColumn> {
        match self {
            Self::Csv(config) => config.columns.clone(),
            Self::Json(config) | Self::Jsonl(config) if config.columns.is_empty() => vec![FileColumn {
                name: "record".to_owned(),
                kind: EmbulkType::Json,
                clock: ClockReading {
                    format: String::new(),
                    zone: Zone::utc(),
                    date: jiff::civil::date(1970, 1, 1),
                },
                element_at: Some(String::new()),
            }],
            Self::Json(config) | Self::Jsonl(config) => config.columns.clone(),
        }
    }

    fn bad_rows(&self) -> BadRows {
        match self {
            Self::Csv(config) => config.bad_rows,
            Self::Json(config) | Self::Jsonl(config) => config.bad_rows,
        }
    }

    fn charset(&self) -> Charset {
        match self {
            Self::Csv(config) => config.charset,
            Self::Json(config) | Self::Jsonl(config) => config.charset,
        }
    }
}

/// A reader that ends when the run wants it to, and tells how much it has read.
struct Watched<R> {
    source: R,
    cancel: Cancel,
    observer: Arc<dyn Observer>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.cancel.is_canceled() {
            return Err(SourceFault(TransferError::canceled()).into());
        }
        let length = self.source.read(buffer)?;
        self.observer.has_read(length as u64);
        Ok(length)
    }
}
