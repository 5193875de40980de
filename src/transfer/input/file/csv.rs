//! Rows of CSV.

use std::io::Read;

use super::cell::{CellReader, Row};
use super::charset::Utf8Reader;
use super::decode;
use super::lines::Lines;
use super::notes::{BadRow, Notes};
use super::tokenizer::{Fault, Quoting, Tokenizer};
use super::{FileRows, OpenFile};
use crate::embulk::input::{CsvParser, ExtraFields, MissingFields};
use crate::transfer::error::TransferError;
use crate::transfer::page::empty;

/// The rows of one file.
pub(super) struct CsvRows<'f> {
    file: OpenFile<'f>,
    config: &'f CsvParser,
    tokenizer: Tokenizer,
    cells: &'f mut [CellReader],
    field: Vec<u8>,
    /// Whether the lines before the first row are behind.
    begun: bool,
}

impl<'f> CsvRows<'f> {
    pub(super) fn new(
        file: OpenFile<'f>,
        bytes: Box<dyn Read + Send>,
        config: &'f CsvParser,
        cells: &'f mut [CellReader],
    ) -> Self {
        let lines = Lines::new(Utf8Reader::new(bytes, config.charset), config.line_end);
        let tokenizer = Tokenizer::new(lines, config);
        Self { file, config, tokenizer, cells, field: Vec::new(), begun: false }
    }

    fn row(&mut self, row: &mut Row) -> Result<(), Fault> {
        row.clear();
        empty(&mut self.field);
        for cell in self.cells.iter_mut() {
            if self.config.missing_fields == MissingFields::Null && !self.tokenizer.has_field() {
                row.push_null();
                continue;
            }
            let quoting = self.tokenizer.field(&mut self.field)?;
            if self.config.is_null(&self.field, quoting) {
                row.push_null();
            } else {
                cell.read(&self.field, row).map_err(Fault::Row)?;
            }
            empty(&mut self.field);
        }
        match (self.tokenizer.has_field(), self.config.extra_fields) {
            (false, _) => Ok(()),
            (true, ExtraFields::Refuse) => Err(Fault::Row(BadRow::new("has more fields than columns"))),
            (true, ExtraFields::Drop) => self.drop_fields(),
        }
    }

    /// Reads what no column takes: a quoted field may go on in the next lines.
    fn drop_fields(&mut self) -> Result<(), Fault> {
        while self.tokenizer.has_field() {
            empty(&mut self.field);
            match self.tokenizer.field(&mut self.field) {
                Ok(_) => {}
                Err(Fault::Row(_)) => self.tokenizer.leave_row(),
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}

impl FileRows for CsvRows<'_> {
    fn next(&mut self, row: &mut Row, notes: &mut Notes) -> Result<bool, TransferError> {
        loop {
            match self.advance(row) {
                Ok(more) => return Ok(more),
                Err(Fault::Row(bad)) => {
                    self.tokenizer.leave_row();
                    notes.bad_row(self.file.name, self.tokenizer.line_number(), &bad)?;
                }
                Err(Fault::File(error)) => {
                    let line = self.tokenizer.line_number();
                    return Err(decode::failed(error, self.file.name, line, self.file.decoders));
                }
            }
        }
    }

    fn has_replaced(&self) -> bool {
        self.tokenizer.has_replaced()
    }
}

impl CsvRows<'_> {
    fn advance(&mut self, row: &mut Row) -> Result<bool, Fault> {
        if !self.begun {
            self.begun = true;
            for _ in 0..self.config.skip_header_lines {
                if !self.tokenizer.skip_header()? {
                    break;
                }
            }
        }
        if !self.tokenizer.next_row()? {
            return Ok(false);
        }
        self.row(row)?;
        Ok(true)
    }
}

impl CsvParser {
    /// Whether a field stands for null.
    fn is_null(&self, field: &[u8], quoting: Quoting) -> bool {
        match &self.null_string {
            Some(null) => field == null.as_bytes(),
            None => field.is_empty() && quoting == Quoting::Bare,
        }
    }
}
