//! Rows of several pages, until they are enough to be encoded together.

use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::{ColumnBuffer, Page};
use crate::transfer::schema::{Column, Schema};

/// The rows of the row group that fills.
pub(super) struct Gathered {
    pub(super) schema: Vec<Column>,
    pub(super) columns: Vec<ColumnBuffer>,
    pub(super) rows: usize,
    pub(super) bytes: usize,
    /// Where the rows of each page begin, and the number of the first in the transfer.
    pages: Vec<(usize, u64)>,
}

impl Gathered {
    pub(super) fn new(schema: &Schema) -> Self {
        let columns = schema.columns.iter().map(|column| ColumnBuffer::new(column.kind.storage()));
        let columns = columns.collect();
        Self { schema: schema.columns.clone(), columns, rows: 0, bytes: 0, pages: Vec::new() }
    }

    pub(super) fn add(&mut self, page: &Page) -> Result<(), TransferError> {
        let all = self.columns.iter_mut().zip(&page.columns);
        if !all.fold(true, |fits, (column, more)| column.append(more) && fits) {
            return Err(TransferError::new(ErrorKind::Internal, "a page does not go with its schema"));
        }
        self.pages.push((self.rows, page.first_row));
        self.rows += page.rows;
        self.bytes += page.byte_size();
        Ok(())
    }

    /// The number of a row in the transfer.
    pub(super) fn number(&self, row: usize) -> u64 {
        let at = self.pages.partition_point(|(begin, _)| *begin <= row);
        let (begin, first) = at.checked_sub(1).and_then(|at| self.pages.get(at)).copied().unwrap_or_default();
        first + (row - begin) as u64
    }

    pub(super) fn clear(&mut self) {
        self.columns.iter_mut().for_each(ColumnBuffer::clear);
        self.pages.clear();
        (self.rows, self.bytes) = (0, 0);
    }
}
