//! Pages without some of their rows.

use std::sync::Arc;

use super::Next;
use crate::transfer::error::TransferError;
use crate::transfer::page::{ColumnBuffer, Page};
use crate::transfer::schema::Schema;
use crate::transfer::value::copy;

/// Copies the rows that stay; a page whose rows all stay goes on as it is.
pub(super) struct Sieve {
    page: Page,
    /// Rows that went on.
    passed: u64,
}

impl Sieve {
    pub(super) fn new(schema: &Arc<Schema>) -> Self {
        Self { page: Page::new(schema), passed: 0 }
    }

    /// Hands on the rows that `keep` marks. Rows count anew from here on.
    pub(super) fn apply(
        &mut self,
        input: &mut Page,
        keep: &[bool],
        next: Next<'_>,
    ) -> Result<(), TransferError> {
        let kept = keep.iter().filter(|keep| **keep).count();
        let first_row = self.passed;
        self.passed += kept as u64;
        if kept == input.rows {
            let before = std::mem::replace(&mut input.first_row, first_row);
            let result = next(input);
            input.first_row = before;
            return result;
        }
        self.page.clear();
        for (from, to) in input.columns.iter().zip(&mut self.page.columns) {
            copy_rows(from, to, keep);
        }
        (self.page.rows, self.page.first_row) = (kept, first_row);
        next(&mut self.page)
    }
}

fn copy_rows(from: &ColumnBuffer, to: &mut ColumnBuffer, keep: &[bool]) {
    for row in keep.iter().enumerate().filter_map(|(row, keep)| keep.then_some(row)) {
        if !from.validity.is_valid(row) || !copy(from, row, to) {
            to.push_null();
        }
    }
}
