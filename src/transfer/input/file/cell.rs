//! A row on its way from texts to a page: it is made whole before any of it goes in, so a bad row leaves nothing.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::notes::BadRow;
use super::{documents, json};
use crate::embulk::config::EmbulkType;
use crate::embulk::input::{ClockReading, FileColumn};
use crate::transfer::civil::Date;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::{Page, empty};
use crate::transfer::schema::{Column, ColumnType};
use crate::transfer::strptime::TimeReader;

/// A row, cell by cell.
#[derive(Debug, Default)]
pub(super) struct Row {
    cells: Vec<Cell>,
    text: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Cell {
    Null,
    Long(i64),
    Double(f64),
    Text(Range<usize>),
}

impl Row {
    pub(super) fn clear(&mut self) {
        self.cells.clear();
        empty(&mut self.text);
    }

    pub(super) fn push_null(&mut self) {
        self.cells.push(Cell::Null);
    }

    fn push_text(&mut self, text: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        self.cells.push(Cell::Text(start..self.text.len()));
    }

    /// Adds the row to a page of the same columns.
    pub(super) fn write(&self, page: &mut Page) -> Result<(), TransferError> {
        let mut fits = self.cells.len() == page.columns.len();
        for (cell, column) in self.cells.iter().zip(&mut page.columns) {
            fits &= match cell {
                Cell::Null => {
                    column.push_null();
                    true
                }
                Cell::Long(value) => column.push_long(*value),
                Cell::Double(value) => column.push_double(*value),
                Cell::Text(range) => column.push_text(&self.text[range.clone()]),
            };
        }
        page.rows += 1;
        if fits { Ok(()) } else { Err(TransferError::new(ErrorKind::Internal, "a row of another schema")) }
    }
}

/// Reads the texts of one column.
pub(super) struct CellReader {
    name: String,
    kind: EmbulkType,
    clock: TimeReader,
    element_at: Option<String>,
}

impl CellReader {
    pub(super) fn new(column: &FileColumn) -> Self {
        Self {
            name: column.name.clone(),
            kind: column.kind,
            clock: time_reader(&column.clock),
            element_at: column.element_at.clone(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn kind(&self) -> EmbulkType {
        self.kind
    }

    /// JSON pointer to the column's value, when it is not the member of its name.
    pub(super) fn element_at(&self) -> Option<&str> {
        self.element_at.as_deref()
    }

    /// What the column is in pages.
    pub(super) fn column(&self) -> Column {
        let kind = match self.kind {
            EmbulkType::Boolean => ColumnType::Boolean,
            EmbulkType::Long => ColumnType::Long,
            EmbulkType::Double => ColumnType::Double,
            EmbulkType::String => ColumnType::String,
            EmbulkType::Timestamp => ColumnType::Timestamp,
            EmbulkType::Json => ColumnType::Json,
        };
        Column::new(&self.name, kind)
    }

    /// Adds a text, which is UTF-8, as the column's type.
    pub(super) fn read(&mut self, text: &[u8], row: &mut Row) -> Result<(), BadRow> {
        let reason = match self.kind {
            EmbulkType::String => {
                row.push_text(text);
                return Ok(());
            }
            EmbulkType::Boolean => {
                row.cells.push(Cell::Long(i64::from(is_true(text))));
                return Ok(());
            }
            EmbulkType::Long => match long(text) {
                Some(value) => {
                    row.cells.push(Cell::Long(value));
                    return Ok(());
                }
                None => "is not a whole number of 64 bits",
            },
            EmbulkType::Double => match double(text) {
                Some(value) => {
                    row.cells.push(Cell::Double(value));
                    return Ok(());
                }
                None => "is not a number",
            },
            EmbulkType::Timestamp => match self.instant(text) {
                Some(value) => {
                    row.cells.push(Cell::Long(value));
                    return Ok(());
                }
                None => "is not a time in the column's format",
            },
            EmbulkType::Json => match json(text) {
                Some([]) => {
                    row.push_null();
                    return Ok(());
                }
                Some(value) => {
                    row.push_text(value);
                    return Ok(());
                }
                None => match json::escape_controls(text) {
                    escaped if escaped != text => return self.read(&escaped, row),
                    _ => "is not JSON",
                },
            },
        };
        Err(BadRow::of_column(&self.name, reason))
    }

    /// Microseconds since 1970.
    fn instant(&mut self, text: &[u8]) -> Option<i64> {
        self.clock.read(std::str::from_utf8(text).ok()?)
    }
}

fn time_reader(clock: &ClockReading) -> TimeReader {
    let day = clock.date;
    TimeReader::new(&clock.format, clock.zone.zone.clone()).on(Date {
        year: i64::from(day.year()),
        month: day.month().unsigned_abs().into(),
        day: day.day().unsigned_abs().into(),
    })
}

/// The words that are true; all others are false.
fn is_true(text: &[u8]) -> bool {
    const WORDS: [&str; 14] =
        ["true", "True", "TRUE", "yes", "Yes", "YES", "t", "T", "y", "Y", "on", "On", "ON", "1"];
    WORDS.iter().any(|word| word.as_bytes() == text)
}

/// The zeros of the digits that Java reads, besides that of ASCII; nine more digits follow each.
const ZEROS: [u32; 36] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/// A whole number as Java reads one: digits of any script with a sign.
fn long(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    if text.is_ascii() {
        return text.parse().ok();
    }
    let digit = |char: char| {
        let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&u32::from(char)));
        zero.and_then(|zero| char::from_digit(u32::from(char) - zero, 10)).unwrap_or(char)
    };
    text.chars().map(digit).collect::<String>().parse().ok()
}

/// A number as Java reads one: `NaN`, `Infinity`, and a letter for the type at the end are some too.
fn double(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim_matches(|char| char <= ' ');
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match digits {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(sign * f64::INFINITY),
        _ => {}
    }
    if let Some(digits) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return hexadecimal(digits).map(|value| sign * value);
    }
    let digits = digits.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(digits);
    // Rust reads further words and a second sign.
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    digits.parse::<f64>().ok().map(|value| sign * value)
}

/// `1.8p-2`: hexadecimal digits, and a power of two that must be there.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, power) = text.split_once(['p', 'P'])?;
    let power = power.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(power);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // More digits than a double has are not told apart.
    let digits: String = whole.chars().chain(fraction.chars()).collect();
    let value = u64::from_str_radix(&digits, 16).ok().filter(|_| digits.len() <= 15)? as f64;
    let shift = i32::try_from(fraction.len()).ok()? * 4;
    Some(value * f64::from(power.parse::<i32>().ok()?.checked_sub(shift)?).exp2())
}

/// The JSON value at the start of a text, which may be none at all; what follows it does not matter.
fn json(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii();
    let value = &text[..documents::length(text)];
    (value.is_empty() || serde_json::from_slice::<IgnoredAny>(value).is_ok()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_those_of_java() {
        for (text, value) in [
            ("12", Some(12)),
            ("+12", Some(12)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("１２", Some(12)),
            ("-٣۴", Some(-34)),
            ("๓", Some(3)),
            ("②", None),
            ("007", Some(7)),
            ("", None),
            (" 1", None),
            ("1.0", None),
            ("1e3", None),
            ("0x1", None),
            ("1_000", None),
        ] {
            assert_eq!(long(text.as_bytes()), value, "{text}");
        }
    }

    #[test]
    fn the_first_json_value_counts() {
        for (text, value) in [
            ("{\"a\": 1} x", Some("{\"a\": 1}")),
            (" [1] ,", Some("[1]")),
            ("1 2", Some("1")),
            ("\"a\"b", Some("\"a\"")),
            ("", Some("")),
            ("1,", None),
            ("{", None),
            ("01", None),
            ("NaN", None),
            ("{a: 1}", None),
        ] {
            assert_eq!(json(text.as_bytes()), value.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn numbers_are_those_of_java() {
        for (text, value) in [
            ("1.5", Some(1.5)),
            (" 1.5\t", Some(1.5)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("+1e3", Some(1000.0)),
            ("1d", Some(1.0)),
            ("1.5F", Some(1.5)),
            ("Infinity", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("inf", None),
            ("nan", None),
            ("infinity", None),
            ("", None),
            ("-", None),
            ("--1", None),
            ("1,5", None),
            (".", None),
            ("0x1p3", Some(8.0)),
            ("-0x1.8p-2", Some(-0.375)),
            ("0x10", None),
        ] {
            assert_eq!(double(text.as_bytes()), value, "{text}");
        }
        assert!(double(b"NaN").is_some_and(f64::is_nan));
    }
}
