//! What people should know of the files that were read: rows that were skipped, and where; never a value.

use std::collections::BTreeMap;

use crate::embulk::input::BadRows;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::report::Change;

/// Places that a note names.
const SHOWN: usize = 10;

/// Why a row cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadRow {
    pub(super) reason: &'static str,
    /// The column, when one is at fault.
    pub(super) column: Option<String>,
}

impl BadRow {
    pub(super) fn new(reason: &'static str) -> Self {
        Self { reason, column: None }
    }

    pub(super) fn of_column(column: &str, reason: &'static str) -> Self {
        Self { reason, column: Some(column.to_owned()) }
    }

    pub(super) fn text(&self) -> String {
        match &self.column {
            Some(column) => format!("column `{column}` {}", self.reason),
            None => self.reason.to_owned(),
        }
    }
}

/// Keeps count.
#[derive(Debug)]
pub(super) struct Notes {
    rule: BadRows,
    skipped: u64,
    /// By the column at fault, where it is one.
    by_column: BTreeMap<Option<String>, u64>,
    places: Vec<String>,
    /// Files with bytes that are no characters.
    replaced: Vec<String>,
}

impl Notes {
    pub(super) fn new(rule: BadRows) -> Self {
        Self { rule, skipped: 0, by_column: BTreeMap::new(), places: Vec::new(), replaced: Vec::new() }
    }

    /// Hears of a bad row: an error where the config wants one.
    pub(super) fn bad_row(&mut self, file: &str, line: u64, bad: &BadRow) -> Result<(), TransferError> {
        if self.rule == BadRows::Stop {
            let message = format!("file `{file}`, line {line}: {}", bad.text());
            return Err(TransferError::new(ErrorKind::Data, message)
                .hint("correct the file, or skip such rows with `stop_on_invalid_record: false`"));
        }
        self.skipped += 1;
        *self.by_column.entry(bad.column.clone()).or_default() += 1;
        if self.places.len() < SHOWN {
            self.places.push(format!("`{file}` line {line} ({})", bad.text()));
        }
        Ok(())
    }

    /// Hears of a file with bytes that are no characters of its charset.
    pub(super) fn replaced(&mut self, file: &str) {
        self.replaced.push(format!("`{file}`"));
    }

    /// The rows that were skipped, by the column at fault.
    pub(super) fn changes(&self) -> Vec<Change> {
        let skipped = self.by_column.iter();
        skipped
            .map(|(column, count)| Change {
                column: column.clone(),
                what: "rows were skipped".to_owned(),
                count: *count,
            })
            .collect()
    }

    /// The notes for the report.
    pub(super) fn texts(&self, charset: &str) -> Vec<String> {
        let mut notes = Vec::new();
        if self.skipped > 0 {
            let more = self.skipped - self.places.len() as u64;
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let rows = if self.skipped == 1 {
                "1 row was".to_owned()
            } else {
                format!("{} rows were", self.skipped)
            };
            notes.push(format!("{rows} skipped: {}{more}", self.places.join(", ")));
        }
        if !self.replaced.is_empty() {
            let shown = self.replaced.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = self.replaced.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more files") } else { String::new() };
            notes.push(format!("bytes that are not {charset} became U+FFFD in {shown}{more}"));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_count_all_and_name_the_first() {
        let mut notes = Notes::new(BadRows::Skip);
        assert!(notes.texts("UTF-8").is_empty());
        notes.bad_row("a.csv", 3, &BadRow::of_column("id", "is not a whole number")).unwrap();
        assert_eq!(
            notes.texts("UTF-8"),
            ["1 row was skipped: `a.csv` line 3 (column `id` is not a whole number)"]
        );
        for line in 4..16 {
            notes.bad_row("b.csv", line, &BadRow::new("has fewer fields than columns")).unwrap();
        }
        notes.replaced("b.csv");
        let texts = notes.texts("UTF-8");
        assert!(texts[0].starts_with("13 rows were skipped: `a.csv` line 3 "), "{}", texts[0]);
        assert!(
            texts[0].ends_with("`b.csv` line 12 (has fewer fields than columns) and 3 more"),
            "{}",
            texts[0]
        );
        assert_eq!(texts[1], "bytes that are not UTF-8 became U+FFFD in `b.csv`");
    }

    #[test]
    fn a_bad_row_ends_what_must_have_none() {
        let mut notes = Notes::new(BadRows::Stop);
        let error = notes.bad_row("a.csv", 3, &BadRow::of_column("id", "is not a whole number")).unwrap_err();
        assert_eq!(error.to_string(), "file `a.csv`, line 3: column `id` is not a whole number");
    }
}
