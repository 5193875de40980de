//! Rows on their way out: encoded, compressed, and handed to uploads in parts that end between two rows.

use std::sync::Arc;

use super::field::Field;
use super::parquet_type::parquet_types;
use super::payload::PayloadEncoder;
use super::rehearsal;
use crate::cloud::google::upload::{CHUNK, CHUNKS_HELD};
use crate::embulk::output::{BigqueryOutput, Compression, FieldMode, FormatChoice, SourceFormat};
use crate::transfer::encode::csv::{CsvEncoder, CsvFormat};
use crate::transfer::encode::jsonl::JsonlEncoder;
use crate::transfer::encode::parquet::{self, ParquetEncoder};
use crate::transfer::encode::{Encoder, Unfit, unfit};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::gzip::{self, FASTEST, Gzip};
use crate::transfer::output::shelf::Shelf;
use crate::transfer::page::{PAGE_BYTES, Page};
use crate::transfer::report::Change;
use crate::transfer::schema::Schema;

/// What is said of values that `strict: false` lets become NULL.
const UNFIT: &str = "values that did not fit became NULL (`strict: false`)";

/// Bytes that a transfer to BigQuery holds at most: encoded rows, chunks of the upload, and the rows of a rehearsal.
pub(super) fn memory_bytes(config: &BigqueryOutput) -> usize {
    let encoder = match (config.source_format, config.format_choice) {
        (SourceFormat::Parquet, _) | (_, FormatChoice::Fastest) => parquet::MEMORY_BYTES,
        (SourceFormat::Csv | SourceFormat::Jsonl, FormatChoice::Written) => {
            4 * PAGE_BYTES + gzip::memory_bytes()
        }
    };
    let rehearsal = config.rehearsal.map_or(0, |_| encoder + rehearsal::MOST_BYTES);
    encoder + CHUNK * CHUNKS_HELD + rehearsal
}

/// Bytes that each further object under way holds at most.
pub(super) fn lane_bytes(config: &BigqueryOutput) -> usize {
    memory_bytes(&BigqueryOutput { rehearsal: None, ..config.clone() })
}

/// Turns pages into the bytes of parts.
pub(super) struct Packer {
    schema: Arc<Schema>,
    fields: Vec<Field>,
    compression: Compression,
    format: Format,
    /// Columns whose fields are REQUIRED, by their places.
    required: Vec<usize>,
    gzip: Option<Gzip>,
    /// Makes the next one.
    begin: fn() -> Gzip,
    raw: Vec<u8>,
    /// Values of each column that became NULL in earlier parts of Parquet.
    nulls: Vec<u64>,
}

enum Format {
    Lines(Box<dyn Encoder>),
    /// The writer of the part under way, and where it writes to.
    Parquet(Option<Box<ParquetEncoder<Shelf>>>, Shelf),
}

impl Packer {
    /// A packer for rows of a schema.
    pub(super) fn new(
        schema: &Arc<Schema>,
        fields: &[Field],
        config: &BigqueryOutput,
    ) -> Result<Self, TransferError> {
        let renderings = || fields.iter().map(|field| field.rendering.clone()).collect();
        let format = match (config.source_format, &config.payload) {
            (SourceFormat::Parquet, Some(_)) => {
                let message = "`payload_column` goes with `CSV` and `NEWLINE_DELIMITED_JSON` only";
                return Err(TransferError::new(ErrorKind::Config, message));
            }
            (_, Some(payload)) => Format::Lines(Box::new(PayloadEncoder::new(payload, schema)?)),
            (SourceFormat::Jsonl, None) => Format::Lines(Box::new(JsonlEncoder::new(schema, renderings()))),
            (SourceFormat::Csv, None) => {
                let marks =
                    CsvFormat { delimiter: config.field_delimiter.to_string(), ..CsvFormat::bigquery() };
                Format::Lines(Box::new(CsvEncoder::new(schema, renderings(), marks)))
            }
            (SourceFormat::Parquet, None) => {
                parquet_types(schema, fields)?;
                Format::Parquet(None, Shelf::default())
            }
        };
        // Parquet compresses its own blocks.
        let compression = match config.source_format {
            SourceFormat::Parquet => Compression::None,
            _ => config.compression,
        };
        Ok(Self {
            schema: Arc::clone(schema),
            fields: fields.to_vec(),
            compression,
            format,
            required: if checks_required(config) { required(fields) } else { Vec::new() },
            gzip: None,
            begin: || Gzip::new(FASTEST),
            raw: Vec::new(),
            nulls: Vec::new(),
        })
    }

    /// The same for the rows of one more reader.
    pub(super) fn beside(self) -> Self {
        Self { begin: || Gzip::new(FASTEST).beside(), ..self }
    }

    /// A NULL has no place in a REQUIRED field.
    fn check_required(&self, page: &Page) -> Result<(), TransferError> {
        for at in &self.required {
            let null = (0..page.rows).find(|row| !page.columns[*at].validity.is_valid(*row));
            if let Some(row) = null {
                let row = page.first_row + row as u64;
                return Err(unfit(
                    &page.schema.columns[*at],
                    row,
                    &Unfit("is NULL, and its field is REQUIRED"),
                ));
            }
        }
        Ok(())
    }

    /// Appends what the rows of a page give to the part under way.
    pub(super) fn pack(&mut self, page: &Page, out: &mut Vec<u8>) -> Result<(), TransferError> {
        self.check_required(page)?;
        match &mut self.format {
            Format::Lines(encoder) => {
                encoder.rows(page, &mut self.raw)?;
                match self.compression {
                    Compression::None => out.append(&mut self.raw),
                    Compression::Gzip => {
                        let gzip = self.gzip.get_or_insert_with(self.begin);
                        gzip.write_block(&mut self.raw, out).map_err(|error| unpacked(&error))?;
                    }
                }
                Ok(())
            }
            Format::Parquet(writer, shelf) => {
                if writer.is_none() {
                    let types = parquet_types(&self.schema, &self.fields)?;
                    let made = ParquetEncoder::with_types(&self.schema, types, shelf.clone())?;
                    *writer = Some(Box::new(made.requiring(&self.required)));
                }
                if let Some(writer) = writer {
                    writer.write(page)?;
                }
                shelf.empty_into(out);
                Ok(())
            }
        }
    }

    /// Values that did not fit and became NULL (`strict: false`), in all parts that have ended.
    pub(super) fn changes(&self) -> Vec<Change> {
        let lines = match &self.format {
            Format::Lines(encoder) => encoder.null_counts(),
            Format::Parquet(..) => self.nulls.clone(),
        };
        let columns = self.schema.columns.iter().zip(lines).filter(|(_, count)| *count > 0);
        columns.map(|(column, count)| Change::of(&column.name, UNFIT, count)).collect()
    }

    /// Appends what ends the part under way. The next rows begin another.
    pub(super) fn end_part(&mut self, out: &mut Vec<u8>) -> Result<(), TransferError> {
        if let Some(gzip) = self.gzip.take() {
            gzip.finish(out).map_err(|error| unpacked(&error))?;
        }
        if let Format::Parquet(writer, shelf) = &mut self.format
            && let Some(mut writer) = writer.take()
        {
            writer.flush()?;
            self.nulls.resize(self.schema.columns.len(), 0);
            self.nulls.iter_mut().zip(writer.null_counts()).for_each(|(all, part)| *all += part);
            writer.finish()?;
            shelf.empty_into(out);
        }
        Ok(())
    }
}

/// What comes after the name of a staged object.
pub(super) fn extension(config: &BigqueryOutput) -> &'static str {
    config.source_format.extension(config.compression)
}

/// Whether a row must have a value for every REQUIRED field: always, unless the service may leave rows out. A file of
/// Parquet says itself that it has.
fn checks_required(config: &BigqueryOutput) -> bool {
    config.max_bad_records == 0 || config.source_format == SourceFormat::Parquet
}

fn required(fields: &[Field]) -> Vec<usize> {
    let is_required = |field: &Field| field.schema["mode"] == FieldMode::Required.api_name();
    (0..fields.len()).filter(|at| is_required(&fields[*at])).collect()
}

/// Memory takes every byte, so this is a fault of the program.
fn unpacked(error: &std::io::Error) -> TransferError {
    TransferError::new(ErrorKind::Internal, "rows could not be compressed").caused_by(error)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use serde_json::Value;

    use super::*;
    use crate::embulk::output::FieldType;
    use crate::transfer::encode::{Form, Rendering};
    use crate::transfer::schema::{Column, ColumnType, Zones};

    #[test]
    fn every_part_is_whole_by_itself() {
        let schema = Schema::new(vec![Column::new("id", ColumnType::Long)], Zones::utc());
        let field = Field {
            kind: FieldType::Integer,
            schema: Value::Null,
            rendering: Rendering::bare(Form::Integer),
        };
        let mut packer = Packer {
            schema: Arc::clone(&schema),
            fields: vec![field.clone()],
            compression: Compression::Gzip,
            format: Format::Lines(Box::new(JsonlEncoder::new(&schema, vec![field.rendering]))),
            required: Vec::new(),
            gzip: None,
            begin: || Gzip::new(FASTEST),
            raw: Vec::new(),
            nulls: Vec::new(),
        };
        let mut page = Page::new(&schema);
        assert!(page.columns[0].push_long(7));
        page.rows = 1;
        for _ in 0..2 {
            let mut part = Vec::new();
            packer.pack(&page, &mut part).unwrap();
            packer.end_part(&mut part).unwrap();
            let mut text = String::new();
            GzDecoder::new(&part[..]).read_to_string(&mut text).unwrap();
            assert_eq!(text, "{\"id\":7}\n");
        }
    }
}
