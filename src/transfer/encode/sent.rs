//! A value on its way into a table of a database, as plain text: how it is escaped is the business of the statement
//! that carries it.

use super::cell::CellWriter;
use super::check::{Check, Checker};
use super::number::push_i64;
use super::{Converted, Form, Unfit};
use crate::transfer::page::{Buffer, ColumnBuffer, Page};
use crate::transfer::report::Change;
use crate::transfer::schema::Schema;

const FRACTION: Unfit = Unfit("has a fraction, which a whole number cannot hold");
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// How the values of a column are sent.
#[derive(Debug, Clone)]
pub enum SentForm {
    /// As NULL, whatever they are.
    Null,
    /// Bytes or texts as hexadecimal digits.
    Hex,
    /// Numbers without a fraction as whole ones; others do not fit.
    Whole,
    /// Doubles in digits without an exponent; NaN and the infinities do not fit.
    Plain,
    /// As text.
    Text(Form),
    /// Dates and timestamps as text.
    Date(Form),
}

/// A column that is sent.
#[derive(Debug)]
pub struct SentColumn {
    /// Which column of the page.
    pub column: usize,
    /// How its values are sent.
    pub form: SentForm,
    /// What they are looked at for.
    pub check: Check,
}

/// Writes the values of one column of a page.
#[derive(Debug)]
pub(in crate::transfer) struct SentCell {
    /// Which column of the page.
    pub(in crate::transfer) column: usize,
    name: String,
    writer: Writer,
    checker: Checker,
}

#[derive(Debug)]
enum Writer {
    Null,
    Hex,
    Whole,
    Plain,
    Text(CellWriter),
}

impl SentCell {
    /// A writer for a column of a schema.
    pub(in crate::transfer) fn new(schema: &Schema, sent: SentColumn) -> Self {
        let SentColumn { column, form, check } = sent;
        let cell = |form| CellWriter::new(schema.columns[column].kind, form, &schema.zones);
        let writer = match form {
            SentForm::Null => Writer::Null,
            SentForm::Hex => Writer::Hex,
            SentForm::Whole => Writer::Whole,
            SentForm::Plain => Writer::Plain,
            SentForm::Text(form) | SentForm::Date(form) => Writer::Text(cell(form)),
        };
        Self { column, name: schema.columns[column].name.clone(), writer, checker: Checker::new(check) }
    }

    /// Appends the text of a row's value, or says that it is NULL.
    pub(in crate::transfer) fn write(
        &mut self,
        page: &Page,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<Converted, Unfit> {
        let column = &page.columns[self.column];
        if !column.validity.is_valid(row) {
            return Ok(Converted::Null);
        }
        let start = out.len();
        match &mut self.writer {
            Writer::Null => return Ok(Converted::Null),
            Writer::Hex => push_hex(column, row, out)?,
            Writer::Whole => push_whole(column, row, out)?,
            Writer::Plain => push_plain(column, row, out)?,
            Writer::Text(cell) => {
                if cell.write(column, row, out)? == Converted::Null {
                    return Ok(Converted::Null);
                }
            }
        }
        self.checker.cut(out, start)?;
        self.checker.look(&out[start..])
    }

    /// What was lost of the values so far.
    pub(in crate::transfer) fn change(&self) -> Option<Change> {
        self.checker.change(&self.name)
    }
}

fn push_hex(column: &ColumnBuffer, row: usize, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let Buffer::Text(texts) = &column.data else { return Err(Unfit("cannot be sent as bytes")) };
    for byte in texts.get(row) {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    Ok(())
}

/// A double.
fn push_plain(column: &ColumnBuffer, row: usize, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let Buffer::Double(values) = &column.data else { return Err(Unfit("cannot be sent as digits")) };
    if !values[row].is_finite() {
        return Err(Unfit("is not a finite number, which a column of digits cannot hold"));
    }
    // The fewest digits that give the number back.
    out.extend_from_slice(values[row].to_string().as_bytes());
    Ok(())
}

/// A double or a decimal.
fn push_whole(column: &ColumnBuffer, row: usize, out: &mut Vec<u8>) -> Result<(), Unfit> {
    match &column.data {
        Buffer::Double(values) => {
            let value = values[row];
            // Both bounds are exact; the upper one is the first that does not fit.
            let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
            if !fits {
                return Err(Unfit("is not a number that a whole number of 64 bits can hold"));
            } else if value.fract() != 0.0 {
                return Err(FRACTION);
            }
            push_i64(value as i64, out);
        }
        Buffer::Text(texts) => {
            let text = texts.get(row);
            let end = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
            if text[end..].iter().any(|byte| !matches!(byte, b'.' | b'0')) {
                return Err(FRACTION);
            }
            out.extend_from_slice(&text[..end]);
        }
        _ => return Err(Unfit("cannot be sent as a whole number")),
    }
    Ok(())
}
