//! Rows as PostgreSQL's `COPY … FROM STDIN` reads them: tabs between fields, `\N` for NULL, backslashes before what
//! would end a field.

use super::cell::CellWriter;
use super::number::push_i64;
use super::{Converted, Form, Unfit, unfit};
use crate::transfer::error::TransferError;
use crate::transfer::page::{Buffer, ColumnBuffer, Page};
use crate::transfer::schema::Schema;

const NUL: Unfit = Unfit("holds a NUL character, which the target cannot store");
const FRACTION: Unfit = Unfit("has a fraction, which a whole number cannot hold");
const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// How the values of a column are sent.
#[derive(Debug, Clone)]
pub enum CopyForm {
    /// As NULL, whatever they are.
    Null,
    /// Bytes or texts as `\x` and hexadecimal digits.
    Hex,
    /// Numbers without a fraction as whole ones; others do not fit.
    Whole,
    /// As text.
    Text(Form),
    /// Dates and timestamps as text; years before the first end in ` BC`.
    Date(Form),
}

/// Writes the text of a COPY.
#[derive(Debug)]
pub struct CopyTextEncoder {
    fields: Vec<Field>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Field {
    /// Which column of the page.
    column: usize,
    writer: Writer,
}

#[derive(Debug)]
enum Writer {
    Null,
    Hex,
    Whole,
    Text(CellWriter),
    Date(CellWriter),
}

impl CopyTextEncoder {
    /// An encoder of some columns of a schema, each by its position.
    pub fn new(schema: &Schema, forms: Vec<(usize, CopyForm)>) -> Self {
        let fields = forms.into_iter().map(|(column, form)| {
            let cell = |form| CellWriter::new(schema.columns[column].kind, form, &schema.zones);
            let writer = match form {
                CopyForm::Null => Writer::Null,
                CopyForm::Hex => Writer::Hex,
                CopyForm::Whole => Writer::Whole,
                CopyForm::Text(form) => Writer::Text(cell(form)),
                CopyForm::Date(form) => Writer::Date(cell(form)),
            };
            Field { column, writer }
        });
        Self { fields: fields.collect(), scratch: Vec::new() }
    }

    /// Appends the rows of a page.
    pub fn rows(&mut self, page: &Page, out: &mut Vec<u8>) -> Result<(), TransferError> {
        for row in 0..page.rows {
            for (at, field) in self.fields.iter_mut().enumerate() {
                if at > 0 {
                    out.push(b'\t');
                }
                field.write(page, row, &mut self.scratch, out).map_err(|reason| {
                    unfit(&page.schema.columns[field.column], page.first_row + row as u64, &reason)
                })?;
            }
            out.push(b'\n');
        }
        Ok(())
    }
}

impl Field {
    fn write(
        &mut self,
        page: &Page,
        row: usize,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        let column = &page.columns[self.column];
        scratch.clear();
        if matches!(self.writer, Writer::Null) || !column.validity.is_valid(row) {
            out.extend_from_slice(b"\\N");
            return Ok(());
        }
        let written = match &mut self.writer {
            Writer::Null => Converted::Null,
            Writer::Hex => {
                push_hex(column, row, scratch)?;
                Converted::Text
            }
            Writer::Whole => {
                push_whole(column, row, scratch)?;
                Converted::Text
            }
            Writer::Text(cell) => cell.write(column, row, scratch)?,
            Writer::Date(cell) => {
                cell.write(column, row, scratch)?;
                before_christ(scratch);
                Converted::Text
            }
        };
        match written {
            Converted::Null => out.extend_from_slice(b"\\N"),
            Converted::Text => push_escaped(scratch, out)?,
        }
        Ok(())
    }
}

fn push_escaped(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n' | b'\r' | b'\t' | 0)) {
        out.extend_from_slice(&rest[..at]);
        let escape = match rest[at] {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0 => return Err(NUL),
            other => other,
        };
        out.extend_from_slice(&[b'\\', escape]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    Ok(())
}

fn push_hex(column: &ColumnBuffer, row: usize, out: &mut Vec<u8>) -> Result<(), Unfit> {
    let Buffer::Text(texts) = &column.data else { return Err(Unfit("cannot be sent as bytes")) };
    out.extend_from_slice(b"\\x");
    for byte in texts.get(row) {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
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

/// `0000-…` is the year 1 before Christ for the server, `-0001-…` the year 2.
fn before_christ(text: &mut Vec<u8>) {
    let digits = usize::from(text.first() == Some(&b'-'));
    let end = text[digits..].iter().position(|byte| *byte == b'-').map_or(text.len(), |at| digits + at);
    let Some(year) = std::str::from_utf8(&text[digits..end]).ok().and_then(|year| year.parse::<u32>().ok())
    else {
        return;
    };
    if digits == 0 && year != 0 {
        return;
    }
    text.splice(..end, format!("{:04}", year + 1).into_bytes());
    text.extend_from_slice(b" BC");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::encode::{Clock, ClockForm};
    use crate::transfer::schema::{Column, ColumnType, Zones};
    use crate::transfer::strftime::TimeFormat;

    fn encode(
        kind: ColumnType,
        form: CopyForm,
        push: impl Fn(&mut ColumnBuffer) -> bool,
    ) -> Result<String, TransferError> {
        let schema = Schema::new(vec![Column::new("c", kind)], Zones::utc());
        let mut page = Page::new(&schema);
        assert!(push(&mut page.columns[0]));
        page.rows = 1;
        let mut out = Vec::new();
        CopyTextEncoder::new(&schema, vec![(0, form)]).rows(&page, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn text(form: CopyForm, value: &str) -> Result<String, String> {
        let kind = ColumnType::String;
        encode(kind, form, |column| column.push_text(value.as_bytes())).map_err(|error| error.to_string())
    }

    #[test]
    fn what_would_end_a_field_is_escaped() {
        let plain = || CopyForm::Text(Form::Text);
        assert_eq!(text(plain(), "a\tb\nc\rd\\e\u{b}日").unwrap(), "a\\tb\\nc\\rd\\\\e\u{b}日\n");
        assert_eq!(text(plain(), "\\N").unwrap(), "\\\\N\n");
        assert_eq!(text(plain(), "").unwrap(), "\n");
        assert_eq!(text(CopyForm::Null, "x").unwrap(), "\\N\n");
        assert_eq!(
            text(plain(), "a\0b").unwrap_err(),
            "column `c`, row 1: a value holds a NUL character, which the target cannot store"
        );
    }

    #[test]
    fn nulls_tabs_and_columns_that_are_left_out() {
        let columns = ["a", "b", "c"].map(|name| Column::new(name, ColumnType::Long));
        let schema = Schema::new(columns.to_vec(), Zones::utc());
        let mut page = Page::new(&schema);
        for (at, column) in page.columns.iter_mut().enumerate() {
            assert!(column.push_long(at as i64));
            column.push_null();
        }
        page.rows = 2;
        let forms = vec![(2, CopyForm::Text(Form::Integer)), (0, CopyForm::Text(Form::Integer))];
        let mut out = Vec::new();
        CopyTextEncoder::new(&schema, forms).rows(&page, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "2\t0\n\\N\t\\N\n");
    }

    #[test]
    fn bytes_are_hexadecimal() {
        let bytes = |column: &mut ColumnBuffer| column.push_text(&[0, 0x5c, 0xff]);
        assert_eq!(encode(ColumnType::Bytes, CopyForm::Hex, bytes).unwrap(), "\\\\x005cff\n");
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        let double = |value: f64| {
            encode(ColumnType::Double, CopyForm::Whole, |column| column.push_double(value))
                .map_err(|error| error.to_string())
        };
        assert_eq!(double(-5.0).unwrap(), "-5\n");
        assert_eq!(
            double(0.5).unwrap_err(),
            "column `c`, row 1: a value has a fraction, which a whole number cannot hold"
        );
        for value in [1e300, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(
                double(value).unwrap_err(),
                "column `c`, row 1: a value is not a number that a whole number of 64 bits can hold"
            );
        }
        assert_eq!(text(CopyForm::Whole, "12.00").unwrap(), "12\n");
        assert!(text(CopyForm::Whole, "12.01").is_err());
    }

    #[test]
    fn years_before_the_first_are_before_christ() {
        let date = |micros: i64| {
            let clock = Clock::Wall;
            let form = Form::Clock(ClockForm { format: TimeFormat::parse("%Y-%m-%d"), clock });
            encode(ColumnType::Date, CopyForm::Date(form), |column| column.push_long(micros)).unwrap()
        };
        for (days, shown) in [
            (0, "1970-01-01\n"),
            (-719_162, "0001-01-01\n"),
            (-719_163, "0001-12-31 BC\n"),
            (-719_528, "0001-01-01 BC\n"),
            (-719_529, "0002-12-31 BC\n"),
        ] {
            assert_eq!(date(days), shown);
        }
    }
}
