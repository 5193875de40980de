//! The formatters of file outputs: which rendering each column has, and the encoder that writes them.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::encoded::{self, BlockSink, Encoded};
use crate::embulk::config::{EmbulkType, TypeMapping};
use crate::embulk::output::{CsvColumnOption, CsvFormatter, FileOutput, Formatter, JsonlFormatter};
use crate::transfer::context::TransferContext;
use crate::transfer::encode::arrow::ParquetType;
use crate::transfer::encode::charset::Transcoder;
use crate::transfer::encode::csv::{CsvEncoder, CsvFormat};
use crate::transfer::encode::jsonl::JsonlEncoder;
use crate::transfer::encode::parquet::ParquetEncoder;
use crate::transfer::encode::{Clock, ClockForm, Converted, Encoder, Form, Rendering, TextConversion, Unfit};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::{Page, empty};
use crate::transfer::schema::{Column, ColumnType, Schema};
use crate::transfer::strftime::{Dialect, TimeFormat};
use crate::transfer::target::{ColumnTarget, Room};

/// Rows as bytes of a format, into a sink.
pub(super) enum Formatted<W: BlockSink + Send> {
    /// Formats of lines.
    Lines { encoder: Box<dyn Encoder>, sink: W, buffer: Vec<u8>, transcoding: Option<Transcoding> },
    /// Parquet, which writes its own blocks.
    Parquet(Box<ParquetEncoder<W>>),
}

/// Lines in UTF-8 on their way into another charset.
pub(super) struct Transcoding {
    transcoder: Arc<Transcoder>,
    bytes: Vec<u8>,
    /// What comes before the first character.
    mark: &'static [u8],
}

/// What writes the charset of an output; none for UTF-8. All its files share it.
pub(super) fn transcoder(options: &FileOutput) -> Option<Arc<Transcoder>> {
    let charset = match &options.formatter {
        Formatter::Csv(format) => format.charset,
        Formatter::Jsonl(format) => format.encoding,
        Formatter::Parquet => return None,
    };
    Transcoder::new(charset).map(Arc::new)
}

/// What readers of a file will not find as it was: characters that its charset lacks.
pub(super) fn notes(transcoder: Option<&Arc<Transcoder>>) -> Vec<String> {
    transcoder.map(|transcoder| transcoder.notes()).unwrap_or_default()
}

/// Bytes that a formatter and what comes after it hold at most.
pub(super) fn memory_bytes(options: &FileOutput) -> usize {
    let formatter = match options.formatter {
        Formatter::Parquet => crate::transfer::encode::parquet::MEMORY_BYTES,
        Formatter::Csv(_) | Formatter::Jsonl(_) => 4 * crate::transfer::page::PAGE_BYTES,
    };
    formatter + encoded::memory_bytes(&options.encoders)
}

/// Several output tasks hold as many files under way: all of them must fit in the memory of the run.
pub(super) fn check_memory(
    bytes: usize,
    tasks: usize,
    context: &TransferContext,
) -> Result<(), TransferError> {
    if tasks == 1 || bytes <= context.memory.total() {
        return Ok(());
    }
    let (needed, there) = (bytes.div_ceil(1 << 20), context.memory.total() >> 20);
    let message = format!("{tasks} output tasks need {needed} MiB of memory, and the run has {there} MiB");
    Err(TransferError::new(ErrorKind::Config, message).hint(
        "lower `min_output_tasks`, or raise `--memory`; `max_file_bytes` makes several files one by one",
    ))
}

/// A sink behind the encoders of an output.
pub(super) fn encoded<W: Write>(options: &FileOutput, sink: W) -> Result<Encoded<W>, TransferError> {
    Encoded::new(sink, &options.encoders).map_err(|error| unwritable(&error))
}

/// Starts the format; what stands before the first row is written.
pub(super) fn open<W: BlockSink + Send>(
    options: &FileOutput,
    schema: &Arc<Schema>,
    transcoder: Option<&Arc<Transcoder>>,
    sink: W,
) -> Result<Formatted<W>, TransferError> {
    if let (false, Some(name)) = (matches!(options.formatter, Formatter::Csv(_)), schema.shared_name()) {
        return Err(TransferError::new(ErrorKind::Config, format!("two columns have the name `{name}`"))
            .hint("give one of them another name in the query (`AS`) or with the `rename` filter"));
    }
    let mut encoder: Box<dyn Encoder> = match &options.formatter {
        Formatter::Parquet => {
            let encoder = ParquetEncoder::new(schema, options.types, sink)?;
            return Ok(Formatted::Parquet(Box::new(encoder)));
        }
        Formatter::Csv(format) => {
            if let Some(transcoder) = transcoder {
                check_marks(format, transcoder)?;
            }
            let renderings = csv(format, options.types, schema)?;
            let encoder = CsvEncoder::new(schema, renderings, CsvFormat::of(format));
            Box::new(encoder.counting(transcoder.cloned()))
        }
        Formatter::Jsonl(format) => {
            let encoder = JsonlEncoder::new(schema, jsonl(format, options.types, schema));
            Box::new(encoder.newline(format.newline.as_str().as_bytes()))
        }
    };
    let mut buffer = Vec::new();
    encoder.header(&mut buffer);
    let transcoding = transcoder.map(|transcoder| Transcoding {
        transcoder: Arc::clone(transcoder),
        bytes: Vec::new(),
        mark: transcoder.mark(),
    });
    Ok(Formatted::Lines { encoder, sink, buffer, transcoding })
}

impl<W: BlockSink + Send> Formatted<W> {
    /// Writes the rows of a page.
    pub(super) fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        match self {
            Self::Lines { encoder, sink, buffer, transcoding } => {
                encoder.rows(page, buffer)?;
                write_lines(sink, buffer, transcoding.as_mut())?;
                empty(buffer);
                Ok(())
            }
            Self::Parquet(encoder) => encoder.write(page),
        }
    }

    /// Ends the format and gives the sink back.
    pub(super) fn finish(self) -> Result<W, TransferError> {
        match self {
            Self::Lines { mut sink, mut buffer, mut transcoding, .. } => {
                write_lines(&mut sink, &mut buffer, transcoding.as_mut())?;
                Ok(sink)
            }
            Self::Parquet(encoder) => encoder.finish(),
        }
    }
}

fn write_lines(
    sink: &mut impl BlockSink,
    lines: &mut Vec<u8>,
    transcoding: Option<&mut Transcoding>,
) -> Result<(), TransferError> {
    if let Some(transcoding) = transcoding {
        let written = sink.write_all(transcoding.of(lines)?);
        lines.clear();
        return written.map_err(|error| unwritable(&error));
    }
    sink.write_block(lines).map_err(|error| unwritable(&error))
}

impl Transcoding {
    /// The bytes of some lines.
    fn of(&mut self, lines: &[u8]) -> Result<&[u8], TransferError> {
        let lines = std::str::from_utf8(lines).map_err(|error| {
            TransferError::new(ErrorKind::Internal, "a line is not in UTF-8").caused_by(&error)
        })?;
        self.bytes.clear();
        if !lines.is_empty() {
            self.bytes.extend_from_slice(std::mem::take(&mut self.mark));
        }
        self.transcoder.push(lines, &mut self.bytes);
        Ok(&self.bytes)
    }
}

fn unwritable(error: &std::io::Error) -> TransferError {
    TransferError::new(ErrorKind::Storage, "the file could not be written").caused_by(error)
}

/// What each column becomes in the files of an output.
pub(super) fn targets(options: &FileOutput, schema: &Schema) -> Result<Vec<ColumnTarget>, TransferError> {
    let texts = |renderings: Vec<Rendering>, word: fn(&Rendering) -> &'static str| {
        let columns = renderings.into_iter();
        columns.map(|one| ColumnTarget::text(word(&one), one.form, Room::All)).collect()
    };
    Ok(match &options.formatter {
        Formatter::Parquet => {
            let kinds = schema.columns.iter().map(|column| ParquetType::of(column.kind, options.types));
            kinds.map(ColumnTarget::parquet).collect()
        }
        Formatter::Csv(format) => texts(csv(format, options.types, schema)?, |_| "text"),
        Formatter::Jsonl(format) => texts(jsonl(format, options.types, schema), Rendering::json_word),
    })
}

fn csv(format: &CsvFormatter, types: TypeMapping, schema: &Schema) -> Result<Vec<Rendering>, TransferError> {
    let known = schema.positions();
    if let Some((missing, _)) =
        format.column_options.iter().find(|(name, _)| !known.contains_key(name.as_str()))
    {
        return Err(TransferError::new(
            ErrorKind::Config,
            format!("`column_options` of the formatter names column `{missing}`, which the rows do not have"),
        ));
    }
    // Of equal names the first counts.
    let options: HashMap<&String, &CsvColumnOption> =
        format.column_options.iter().rev().map(|(name, option)| (name, option)).collect();
    let renderings = schema.columns.iter().map(|column| {
        let option = options.get(&column.name);
        let asked = option.and_then(|option| option.format.as_deref());
        let zone = option.and_then(|option| option.timezone.as_ref()).unwrap_or(&format.default_timezone);
        match column.kind.embulk() {
            EmbulkType::Timestamp if types == TypeMapping::Embulk || asked.is_some() => {
                let text = asked.unwrap_or(&format.default_timestamp_format);
                clock(text, Dialect::Embulk, zone.zone.clone())
            }
            EmbulkType::Double if !matches!(column.kind, ColumnType::Decimal { .. }) => {
                Rendering::bare(Form::JavaFloat)
            }
            _ => natural(column, types),
        }
    });
    Ok(renderings.collect())
}

/// A file whose marks cannot be told from other characters could not be read.
fn check_marks(format: &CsvFormatter, transcoder: &Transcoder) -> Result<(), TransferError> {
    let marks = [
        ("delimiter", format.delimiter.to_string()),
        ("quote", format.quote.to_string()),
        ("escape", format.escape.to_string()),
        ("null_string", format.null_string.clone()),
    ];
    match marks.iter().find(|(_, mark)| !transcoder.has(mark)) {
        None => Ok(()),
        Some((option, _)) => {
            let message =
                format!("`{option}` of the formatter has characters that {} lacks", transcoder.name());
            Err(TransferError::new(ErrorKind::Config, message)
                .hint("choose another one, or another `charset`"))
        }
    }
}

fn jsonl(format: &JsonlFormatter, types: TypeMapping, schema: &Schema) -> Vec<Rendering> {
    let zone = match (&format.timezone, &format.date_format) {
        (Some(zone), _) => &zone.zone,
        (None, Some(_)) => &schema.zones.process,
        (None, None) => &TimeZone::UTC,
    };
    let renderings = schema.columns.iter().map(|column| match column.kind.embulk() {
        EmbulkType::Timestamp if types == TypeMapping::Embulk || format.date_format.is_some() => {
            let text = format.date_format.as_deref().unwrap_or("%Y-%m-%d %H:%M:%S.%6N %z");
            clock(text, Dialect::Ruby, zone.clone())
        }
        EmbulkType::String if format.json_columns.contains(&column.name) => {
            Rendering::bare(Form::TextWith(Arc::new(JsonText)))
        }
        _ => natural(column, types),
    });
    renderings.collect()
}

fn clock(format: &str, dialect: Dialect, zone: TimeZone) -> Rendering {
    let format = TimeFormat::parse(format, dialect);
    Rendering::quoted(Form::Clock(ClockForm { format, clock: Clock::In(zone) }))
}

/// Embulk has only true and false for BIT(n), and no integer above 2^63-1.
fn natural(column: &Column, types: TypeMapping) -> Rendering {
    match (column.kind, types) {
        (ColumnType::Bit { .. }, TypeMapping::Embulk) => Rendering::bare(Form::Boolean),
        (ColumnType::UnsignedLong, TypeMapping::Embulk) => Rendering::bare(Form::Integer),
        (kind, _) => Rendering::natural(kind),
    }
}

/// A text column whose text is JSON and is written as such.
#[derive(Debug)]
struct JsonText;

impl TextConversion for JsonText {
    fn convert(&self, text: &[u8], out: &mut Vec<u8>) -> Result<Converted, Unfit> {
        serde_json::from_slice::<serde::de::IgnoredAny>(text).map_err(|_| Unfit("is not JSON"))?;
        crate::transfer::encode::json_text::push_compact_json(text, out);
        Ok(Converted::Text)
    }

    fn words(&self) -> String {
        "the text as JSON".to_owned()
    }
}
