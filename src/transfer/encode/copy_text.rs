//! Rows as PostgreSQL's `COPY … FROM STDIN` reads them: tabs between fields, `\N` for NULL, backslashes before what
//! would end a field.

use super::sent::{SentCell, SentColumn, SentForm};
use super::{Converted, Unfit, unfit};
use crate::transfer::error::TransferError;
use crate::transfer::page::Page;
use crate::transfer::report::Change;
use crate::transfer::schema::Schema;

const NUL: Unfit = Unfit("holds a NUL character, which the target cannot store");

/// Writes the text of a COPY.
#[derive(Debug)]
pub struct CopyTextEncoder {
    fields: Vec<Field>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Field {
    cell: SentCell,
    shape: Shape,
}

/// What this server wants of a text besides escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    /// `\x` before hexadecimal digits.
    Hex,
    /// Years before the first end in ` BC`.
    Date,
}

impl CopyTextEncoder {
    /// An encoder of some columns of a schema.
    pub fn new(schema: &Schema, columns: Vec<SentColumn>) -> Self {
        let fields = columns.into_iter().map(|column| {
            let shape = match column.form {
                SentForm::Hex => Shape::Hex,
                SentForm::Date(_) => Shape::Date,
                SentForm::Null | SentForm::Whole | SentForm::Plain | SentForm::Text(_) => Shape::Plain,
            };
            Field { cell: SentCell::new(schema, column), shape }
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
                    unfit(&page.schema.columns[field.cell.column], page.first_row + row as u64, &reason)
                })?;
            }
            out.push(b'\n');
        }
        Ok(())
    }

    /// What was lost, column by column.
    pub fn changes(&self) -> Vec<Change> {
        self.fields.iter().filter_map(|field| field.cell.change()).collect()
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
        scratch.clear();
        if self.shape == Shape::Hex {
            scratch.extend_from_slice(b"\\x");
        }
        match self.cell.write(page, row, scratch)? {
            Converted::Null => out.extend_from_slice(b"\\N"),
            Converted::Text => {
                if self.shape == Shape::Date {
                    before_christ(scratch);
                }
                push_escaped(scratch, out)?;
            }
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
    use crate::transfer::encode::check::Check;
    use crate::transfer::encode::{Clock, ClockForm, Form};
    use crate::transfer::page::ColumnBuffer;
    use crate::transfer::schema::{Column, ColumnType, Zones};
    use crate::transfer::strftime::{Dialect, TimeFormat};

    fn encode(
        kind: ColumnType,
        form: SentForm,
        push: impl Fn(&mut ColumnBuffer) -> bool,
    ) -> Result<String, TransferError> {
        let schema = Schema::new(vec![Column::new("c", kind)], Zones::utc());
        let mut page = Page::new(&schema);
        assert!(push(&mut page.columns[0]));
        page.rows = 1;
        let mut out = Vec::new();
        let column = SentColumn { column: 0, form, check: Check::None };
        CopyTextEncoder::new(&schema, vec![column]).rows(&page, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn text(form: SentForm, value: &str) -> Result<String, String> {
        let kind = ColumnType::String;
        encode(kind, form, |column| column.push_text(value.as_bytes())).map_err(|error| error.to_string())
    }

    #[test]
    fn what_would_end_a_field_is_escaped() {
        let plain = || SentForm::Text(Form::Text);
        assert_eq!(text(plain(), "a\tb\nc\rd\\e\u{b}日").unwrap(), "a\\tb\\nc\\rd\\\\e\u{b}日\n");
        assert_eq!(text(plain(), "\\N").unwrap(), "\\\\N\n");
        assert_eq!(text(plain(), "").unwrap(), "\n");
        assert_eq!(text(SentForm::Null, "x").unwrap(), "\\N\n");
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
        let whole = |column| SentColumn { column, form: SentForm::Text(Form::Integer), check: Check::None };
        let mut out = Vec::new();
        CopyTextEncoder::new(&schema, vec![whole(2), whole(0)]).rows(&page, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "2\t0\n\\N\t\\N\n");
    }

    #[test]
    fn bytes_are_hexadecimal() {
        let bytes = |column: &mut ColumnBuffer| column.push_text(&[0, 0x5c, 0xff]);
        assert_eq!(encode(ColumnType::Bytes, SentForm::Hex, bytes).unwrap(), "\\\\x005cff\n");
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        let double = |value: f64| {
            encode(ColumnType::Double, SentForm::Whole, |column| column.push_double(value))
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
        assert_eq!(text(SentForm::Whole, "12.00").unwrap(), "12\n");
        assert!(text(SentForm::Whole, "12.01").is_err());
    }

    #[test]
    fn years_before_the_first_are_before_christ() {
        let date = |micros: i64| {
            let clock = Clock::Wall;
            let form =
                Form::Clock(ClockForm { format: TimeFormat::parse("%Y-%m-%d", Dialect::Embulk), clock });
            encode(ColumnType::Date, SentForm::Date(form), |column| column.push_long(micros)).unwrap()
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
