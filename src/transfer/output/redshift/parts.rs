//! The content of staged objects: lines that gzip packs, or files of Parquet.

use super::copy::null_text;
use crate::embulk::output::CopyFormat;
use crate::transfer::encode::parquet::{self, Packing, ParquetEncoder, ROW_GROUP_BYTES};
use crate::transfer::encode::staged_rows::{Line, StagedColumn, StagedEncoder};
use crate::transfer::encode::typed::{Stored, TypedCell};
use crate::transfer::encode::unfit;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::gzip::{self, FASTEST, Gzip};
use crate::transfer::output::shelf::Shelf;
use crate::transfer::page::{PAGE_BYTES, Page};
use crate::transfer::report::Change;
use crate::transfer::schema::{Column, ColumnType, Schema};

/// Compressed bytes that fill an object of lines. Redshift's slices load objects side by side, and it wants them between
/// 1 MB and 1 GB.
const OBJECT_BYTES: usize = 8 << 20;
/// Bytes that fill a file of Parquet, which ends with the row group that brings it there.
const FILE_BYTES: usize = 4 << 20;

/// Bytes that staging holds at most, with so many objects on their way.
pub(super) fn memory_bytes(format: CopyFormat, uploads: usize) -> usize {
    match format {
        // Row groups may not shrink: each file ends with one, and one waits where the writer puts it. And a page in the
        // types of the table.
        CopyFormat::Parquet => {
            let file = FILE_BYTES + ROW_GROUP_BYTES;
            parquet::MEMORY_BYTES + 2 * PAGE_BYTES + ROW_GROUP_BYTES + file * (uploads + 1)
        }
        CopyFormat::Text | CopyFormat::Csv | CopyFormat::Jsonl => {
            4 * PAGE_BYTES + gzip::memory_bytes() + OBJECT_BYTES * (uploads + 1)
        }
    }
}

/// How pages become the bytes of objects.
pub(super) enum Parts {
    Lines(Box<Lines>),
    Parquet(Box<Files>),
}

/// Lines on their way through gzip.
pub(super) struct Lines {
    encoder: StagedEncoder,
    gzip: Option<Gzip>,
    /// Makes the next one.
    begin: fn() -> Gzip,
    raw: Vec<u8>,
}

/// Files of Parquet, one after another.
pub(super) struct Files {
    cells: Vec<TypedCell>,
    stored: Vec<Stored>,
    numbered: bool,
    /// Rows that were taken.
    rows: i64,
    /// The rows of a page in the types of the table.
    page: Page,
    /// The writer of the file that fills, and where it writes to.
    writer: Option<Box<ParquetEncoder<Shelf>>>,
    shelf: Shelf,
}

impl Parts {
    /// The parts of rows of a schema. `stored` is what the columns hold, for Parquet; `number` names a column that takes
    /// the numbers of the rows, and `id` is the transfer.
    pub(super) fn new(
        schema: &Schema,
        columns: Vec<StagedColumn>,
        number: Option<&str>,
        format: CopyFormat,
        (stored, id): (Vec<Stored>, String),
    ) -> Self {
        let null = || null_text(&id).into_bytes();
        let line = match format {
            CopyFormat::Text => Line::Text { null: null() },
            CopyFormat::Csv => Line::Csv { null: null() },
            CopyFormat::Jsonl => Line::Json,
            CopyFormat::Parquet => {
                return Self::Parquet(Box::new(Files::new(schema, columns, stored, number)));
            }
        };
        let encoder = StagedEncoder::new(schema, columns, line, number);
        let begin = || Gzip::new(FASTEST);
        Self::Lines(Box::new(Lines { encoder, gzip: None, begin, raw: Vec::new() }))
    }

    /// The same for the rows of one more reader.
    pub(super) fn beside(mut self) -> Self {
        if let Self::Lines(lines) = &mut self {
            lines.begin = || Gzip::new(FASTEST).beside();
        }
        self
    }

    /// Adds the rows of a page to the object that fills, and gives their bytes before they were packed.
    pub(super) fn write(&mut self, page: &Page, packed: &mut Vec<u8>) -> Result<u64, TransferError> {
        match self {
            Self::Lines(lines) => lines.write(page, packed),
            Self::Parquet(files) => files.write(page, packed),
        }
    }

    /// Ends the object that fills; false where none does.
    pub(super) fn end(&mut self, packed: &mut Vec<u8>) -> Result<bool, TransferError> {
        match self {
            Self::Lines(lines) => match lines.gzip.take() {
                None => Ok(false),
                Some(gzip) => gzip.finish(packed).map(|_| true).map_err(|error| unpacked(&error)),
            },
            Self::Parquet(files) => match files.writer.take() {
                None => Ok(false),
                Some(writer) => {
                    writer.finish()?;
                    files.shelf.empty_into(packed);
                    Ok(true)
                }
            },
        }
    }

    /// Bytes that fill an object.
    pub(super) fn most(&self) -> usize {
        match self {
            Self::Lines(_) => OBJECT_BYTES,
            Self::Parquet(_) => FILE_BYTES,
        }
    }

    /// What was lost of the values.
    pub(super) fn changes(&self) -> Vec<Change> {
        match self {
            Self::Lines(lines) => lines.encoder.changes(),
            Self::Parquet(files) => files.cells.iter().filter_map(TypedCell::change).collect(),
        }
    }
}

impl Lines {
    fn write(&mut self, page: &Page, packed: &mut Vec<u8>) -> Result<u64, TransferError> {
        self.encoder.rows(page, &mut self.raw)?;
        let bytes = self.raw.len() as u64;
        let gzip = self.gzip.get_or_insert_with(self.begin);
        gzip.write_block(&mut self.raw, packed).map_err(|error| unpacked(&error))?;
        Ok(bytes)
    }
}

impl Files {
    fn new(schema: &Schema, columns: Vec<StagedColumn>, stored: Vec<Stored>, number: Option<&str>) -> Self {
        let mut held: Vec<Column> =
            columns.iter().zip(&stored).map(|(column, stored)| stored.column(&column.name)).collect();
        held.extend(number.map(|name| Column::new(name, ColumnType::Long)));
        let cells = columns.into_iter().zip(&stored);
        Self {
            cells: cells.map(|(column, stored)| TypedCell::new(schema, column.sent, *stored)).collect(),
            stored,
            numbered: number.is_some(),
            rows: 0,
            page: Page::new(&Schema::new(held, schema.zones.clone())),
            writer: None,
            shelf: Shelf::default(),
        }
    }

    fn write(&mut self, page: &Page, packed: &mut Vec<u8>) -> Result<u64, TransferError> {
        self.take(page)?;
        if self.writer.is_none() {
            let mut types: Vec<_> = self.stored.iter().map(|stored| stored.parquet()).collect();
            types.extend(self.numbered.then(|| Stored::Long.parquet()));
            let made = ParquetEncoder::with_types(&self.page.schema, types, self.shelf.clone())?;
            self.writer = Some(Box::new(made.packed(Packing::Gzip)));
        }
        if let Some(writer) = &mut self.writer {
            writer.write(&self.page)?;
        }
        self.shelf.empty_into(packed);
        Ok(self.page.byte_size() as u64)
    }

    /// The rows of a page in the types of the table.
    fn take(&mut self, page: &Page) -> Result<(), TransferError> {
        self.page.clear();
        for (cell, column) in self.cells.iter_mut().zip(&mut self.page.columns) {
            for row in 0..page.rows {
                cell.write(page, row, column).map_err(|reason| {
                    unfit(&page.schema.columns[cell.column()], page.first_row + row as u64, &reason)
                })?;
            }
        }
        if self.numbered
            && let Some(numbers) = self.page.columns.last_mut()
        {
            let count = (self.rows..).take(page.rows);
            if !count.into_iter().all(|number| numbers.push_long(number)) {
                return Err(TransferError::new(ErrorKind::Internal, "the rows could not be numbered"));
            }
        }
        self.rows += page.rows as i64;
        (self.page.rows, self.page.first_row) = (page.rows, page.first_row);
        Ok(())
    }
}

/// Memory takes every byte, so this is a fault of the program.
fn unpacked(error: &std::io::Error) -> TransferError {
    TransferError::new(ErrorKind::Internal, "rows could not be compressed").caused_by(error)
}
