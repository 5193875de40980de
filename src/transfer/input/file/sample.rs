//! The start of a file, to guess from: what it is packed with, written in, and parsed by.

use std::io::{self, Cursor, Read};

use super::charset::Utf8Reader;
use super::lines::Lines;
use super::tokenizer::{Fault, Quoting, Tokenizer};
use super::{Files, decode, local, log_names, s3};
use crate::embulk::guess::{EmptyLines, Field, Reading};
use crate::embulk::input::{Charset, CsvParser, Decoder, InputConfig, LineEnd};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::error::{ErrorKind, TransferError};

/// A file is passed over for one with at least so many bytes: a gzip file of nothing has 33.
const ENOUGH: usize = 40;

/// The bytes that a file begins with.
#[derive(Debug, Clone)]
pub struct Sample {
    bytes: Vec<u8>,
    size: usize,
}

impl Sample {
    /// A sample of these bytes; what is unpacked of it is at most `size` bytes too.
    pub fn new(bytes: Vec<u8>, size: usize) -> Self {
        Self { bytes, size }
    }
}

/// Takes a sample of at most `size` bytes from the files of an input: from the first that is large enough, else from
/// the largest. None for an input that has no files.
pub fn sample(
    input: &InputConfig,
    size: usize,
    context: &TransferContext,
) -> Result<Option<Sample>, TransferError> {
    let files: Box<dyn Files> = match input {
        InputConfig::File(config) => Box::new(local::list(config, context)?),
        InputConfig::S3(config) => Box::new(s3::list(config, context)?),
        _ => return Ok(None),
    };
    log_names(files.names(), context);
    context.observer.log(Level::Info, &format!("Try to read {size} bytes from input source"));
    let mut largest = Vec::new();
    for (at, name) in files.names().iter().enumerate() {
        let mut bytes = Vec::new();
        let read = files.open(at)?.take(size as u64).read_to_end(&mut bytes);
        read.map_err(|error| decode::failed(error, name, 0, &[]))?;
        if bytes.len() > largest.len() {
            largest = bytes;
        }
        if largest.len() >= ENOUGH {
            break;
        }
    }
    if largest.is_empty() {
        return Err(TransferError::new(ErrorKind::Data, "all input files are empty")
            .hint("there must be a file with a few rows to guess from"));
    }
    Ok(Some(Sample { bytes: largest, size }))
}

impl Reading for Sample {
    fn sample(&self, decoders: &[Decoder]) -> Vec<u8> {
        let mut source = decode::decoded(Box::new(Cursor::new(self.bytes.clone())), decoders);
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        while bytes.len() < self.size {
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => bytes.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The sample ends in the middle of what is packed, or is not packed after all.
                Err(_) => break,
            }
        }
        bytes.truncate(self.size);
        bytes
    }

    fn text(&self, sample: &[u8], charset: Charset) -> String {
        let mut reader = reader(sample, charset);
        let mut text = Vec::new();
        while matches!(reader.read(&mut text), Ok(true)) {}
        String::from_utf8_lossy(&text).into_owned()
    }

    fn lines(&self, text: &str, end: Option<LineEnd>) -> Vec<String> {
        let mut lines = Lines::new(reader(text.as_bytes(), UTF8), end);
        let mut all = Vec::new();
        let mut line = Vec::new();
        while matches!(lines.next(&mut line), Ok(true)) {
            all.push(String::from_utf8_lossy(&line).into_owned());
        }
        all
    }

    fn records(&self, lines: &[String], parser: &CsvParser, empty: EmptyLines) -> Vec<Vec<Field>> {
        let text = lines.join(parser.newline);
        let lines = Lines::new(reader(text.as_bytes(), UTF8), parser.line_end);
        let mut tokenizer = Tokenizer::new(lines, parser);
        let mut records = Vec::new();
        while matches!(tokenizer.next_row_of(empty), Ok(true)) {
            match record(&mut tokenizer) {
                Ok(record) => records.push(record),
                Err(Fault::Row(_)) => tokenizer.leave_row(),
                Err(Fault::File(_)) => break,
            }
        }
        records
    }
}

const UTF8: Charset = Charset::Encoding(encoding_rs::UTF_8);

fn reader(bytes: &[u8], charset: Charset) -> Utf8Reader {
    Utf8Reader::new(Box::new(Cursor::new(bytes.to_vec())), charset)
}

fn record(tokenizer: &mut Tokenizer) -> Result<Vec<Field>, Fault> {
    let mut record = Vec::new();
    while tokenizer.has_field() {
        let mut text = Vec::new();
        let quoting = tokenizer.field(&mut text)?;
        record.push(Field {
            text: String::from_utf8_lossy(&text).into_owned(),
            is_quoted: quoting == Quoting::Quoted,
        });
    }
    Ok(record)
}
