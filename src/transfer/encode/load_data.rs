//! Rows as MySQL's `LOAD DATA` reads them: tabs between fields, `\N` for NULL, backslashes before what would end a
//! field. The same escapes hold between quotes, so that a row is also what an `INSERT` is made of.
//!
//! The server changes some values without a word: a year of one digit, the number of a member of an ENUM, a fraction
//! that a column has no place for. They are looked at here.

use super::sent::{SentCell, SentForm};
use super::{Converted, Unfit, unfit};
use crate::transfer::error::TransferError;
use crate::transfer::page::Page;
use crate::transfer::schema::Schema;

/// A column that is sent.
#[derive(Debug)]
pub struct LoadColumn {
    /// Which column of the page.
    pub column: usize,
    /// How its values are sent.
    pub form: SentForm,
    /// What they are looked at for.
    pub check: Check,
}

/// What the text of a value is looked at for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Nothing: the server says whatever is wrong.
    None,
    /// A text for a column of whole numbers has no fraction.
    Whole,
    /// A number for BIT is not negative.
    Unsigned,
    /// A column of numbers that takes no text.
    NoText,
    /// A year has four digits; `0` is the server's `0000`.
    Year,
    /// A date has a year of four digits.
    Date,
    /// So has a timestamp; and what becomes of digits of a second beyond this many.
    Moment { digits: usize, lost: Lost },
    /// What becomes of digits of a second beyond this many.
    Span { digits: usize, lost: Lost },
    /// What becomes of NaN and the infinities.
    Finite { lost: Lost },
    /// A number is no member of an ENUM or SET unless it is one of these.
    Members(Vec<String>),
}

/// What becomes of something that the column cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It is an error.
    Refused,
    /// It is lost, as under Embulk, and counted.
    Counted,
}

/// Writes the text of a LOAD DATA.
#[derive(Debug)]
pub struct LoadEncoder {
    fields: Vec<Field>,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Field {
    cell: SentCell,
    name: String,
    check: Check,
    lost: u64,
}

/// What a check says of a value.
enum Checked {
    Fits,
    Null,
}

impl LoadEncoder {
    /// An encoder of some columns of a schema.
    pub fn new(schema: &Schema, columns: Vec<LoadColumn>) -> Self {
        let fields = columns.into_iter().map(|LoadColumn { column, form, check }| Field {
            cell: SentCell::new(schema, column, form),
            name: schema.columns[column].name.clone(),
            check,
            lost: 0,
        });
        Self { fields: fields.collect(), scratch: Vec::new() }
    }

    /// Appends a row of a page.
    pub fn row(&mut self, page: &Page, row: usize, out: &mut Vec<u8>) -> Result<(), TransferError> {
        for (at, field) in self.fields.iter_mut().enumerate() {
            if at > 0 {
                out.push(b'\t');
            }
            self.scratch.clear();
            let written = field.write(page, row, &mut self.scratch).map_err(|reason| {
                unfit(&page.schema.columns[field.cell.column], page.first_row + row as u64, &reason)
            })?;
            match written {
                Converted::Null => out.extend_from_slice(b"\\N"),
                Converted::Text => push_escaped(&self.scratch, out),
            }
        }
        out.push(b'\n');
        Ok(())
    }

    /// What was lost, column by column.
    pub fn notes(&self) -> Vec<String> {
        let lost = self.fields.iter().filter(|field| field.lost > 0);
        let note = |field: &Field| {
            let (name, lost) = (&field.name, field.lost);
            match field.check {
                Check::Finite { .. } => {
                    format!("column `{name}`: {lost} values that are no finite numbers became NULL")
                }
                _ => format!("column `{name}`: {lost} values lost digits of a second"),
            }
        };
        lost.map(note).collect()
    }
}

impl Field {
    fn write(&mut self, page: &Page, row: usize, out: &mut Vec<u8>) -> Result<Converted, Unfit> {
        if self.cell.write(page, row, out)? == Converted::Null {
            return Ok(Converted::Null);
        }
        match self.check.of(out, &mut self.lost)? {
            Checked::Fits => Ok(Converted::Text),
            Checked::Null => Ok(Converted::Null),
        }
    }
}

impl Check {
    fn of(&self, text: &[u8], count: &mut u64) -> Result<Checked, Unfit> {
        match self {
            Self::None => {}
            Self::NoText => return Err(Unfit("is a text, and the column takes numbers")),
            Self::Whole if has_fraction(text) => {
                return Err(Unfit("is no whole number"));
            }
            Self::Unsigned if text.first() == Some(&b'-') => {
                return Err(Unfit("is negative, which BIT cannot hold"));
            }
            Self::Year if text.len() != 4 && text != b"0" => {
                return Err(Unfit("is no year of four digits"));
            }
            Self::Date => four_digits(text)?,
            Self::Moment { digits, lost } => {
                four_digits(text)?;
                lost.fraction(text, *digits, count)?;
            }
            Self::Span { digits, lost } => lost.fraction(text, *digits, count)?,
            Self::Finite { lost } if text.ends_with(b"N") || text.ends_with(b"y") => {
                lost.counted(count, "is not a finite number")?;
                return Ok(Checked::Null);
            }
            Self::Members(members)
                if is_number(text) && !members.iter().any(|known| known.as_bytes() == text) =>
            {
                return Err(Unfit("is a number and no member of the column's ENUM or SET"));
            }
            Self::Whole | Self::Unsigned | Self::Year | Self::Finite { .. } | Self::Members(_) => {}
        }
        Ok(Checked::Fits)
    }
}

impl Lost {
    fn counted(self, count: &mut u64, reason: &'static str) -> Result<(), Unfit> {
        match self {
            Self::Refused => Err(Unfit(reason)),
            Self::Counted => {
                *count += 1;
                Ok(())
            }
        }
    }

    fn fraction(self, text: &[u8], digits: usize, count: &mut u64) -> Result<(), Unfit> {
        let Some(point) = text.iter().rposition(|byte| *byte == b'.') else { return Ok(()) };
        let beyond = text.get(point + 1 + digits..).unwrap_or_default();
        let mut beyond = beyond.iter().take_while(|byte| byte.is_ascii_digit());
        if beyond.all(|byte| *byte == b'0') {
            return Ok(());
        }
        self.counted(count, "has more digits of a second than the column")
    }
}

/// The server reads dates of other years as it likes. Texts that do not begin as a date are its business.
fn four_digits(text: &[u8]) -> Result<(), Unfit> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if text.get(sign + digits) == Some(&b'-') && (sign, digits) != (0, 4) {
        return Err(Unfit("is a date outside the years 0000 to 9999"));
    }
    Ok(())
}

/// Whether a text is a number with a point or an exponent.
fn has_fraction(text: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    let text = text.trim_ascii();
    text.iter().all(is_part) && text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

fn is_number(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn push_escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n' | b'\t' | 0)) {
        out.extend_from_slice(&rest[..at]);
        let escape = match rest[at] {
            b'\n' => b'n',
            b'\t' => b't',
            0 => b'0',
            other => other,
        };
        out.extend_from_slice(&[b'\\', escape]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// The fields of an encoded row, without its line end, as literals; `\N` is NULL.
pub fn literals(row: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    row.split(|byte| *byte == b'\t').map(|field| {
        if field == b"\\N" {
            return b"NULL".to_vec();
        }
        let mut literal = Vec::with_capacity(field.len() + 2);
        literal.push(b'\'');
        for byte in field {
            if *byte == b'\'' {
                literal.push(b'\'');
            }
            literal.push(*byte);
        }
        literal.push(b'\'');
        literal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::encode::Form;
    use crate::transfer::page::ColumnBuffer;
    use crate::transfer::schema::{Column, ColumnType, Zones};

    fn page(texts: &[Option<&str>]) -> Page {
        let columns = (0..texts.len()).map(|at| Column::new(format!("c{at}"), ColumnType::String)).collect();
        let mut page = Page::new(&Schema::new(columns, Zones::utc()));
        let push = |column: &mut ColumnBuffer, text: &Option<&str>| match text {
            Some(text) => assert!(column.push_text(text.as_bytes())),
            None => column.push_null(),
        };
        page.columns.iter_mut().zip(texts).for_each(|(column, text)| push(column, text));
        page.rows = 1;
        page
    }

    fn encode(texts: &[Option<&str>], check: &Check) -> Result<(Vec<u8>, Vec<String>), String> {
        let page = page(texts);
        let column = |column| LoadColumn { column, form: SentForm::Text(Form::Text), check: check.clone() };
        let mut encoder = LoadEncoder::new(&page.schema, (0..texts.len()).map(column).collect());
        let mut out = Vec::new();
        encoder.row(&page, 0, &mut out).map_err(|error| error.to_string())?;
        Ok((out, encoder.notes()))
    }

    #[test]
    fn what_would_end_a_field_is_escaped_in_rows_and_literals() {
        let texts = [Some("a\tb\nc\rd\\e'\0日"), None, Some("\\N"), Some("")];
        let (row, _) = encode(&texts, &Check::None).unwrap();
        assert_eq!(String::from_utf8(row.clone()).unwrap(), "a\\tb\\nc\rd\\\\e'\\0日\t\\N\t\\\\N\t\n");
        let literals: Vec<_> = literals(row.strip_suffix(b"\n").unwrap())
            .map(|literal| String::from_utf8(literal).unwrap())
            .collect();
        assert_eq!(literals, ["'a\\tb\\nc\rd\\\\e''\\0日'", "NULL", "'\\\\N'", "''"]);
    }

    #[test]
    fn what_the_server_would_change_without_a_word_is_refused() {
        let moment = |lost| Check::Moment { digits: 3, lost };
        let members = Check::Members(vec!["1".to_owned(), "a".to_owned()]);
        for (check, fits, unfit) in [
            (Check::Whole, "12", "1.5"),
            (Check::Whole, "some e", " 1e3"),
            (Check::Unsigned, "7", "-7"),
            (Check::Year, "2015", "15"),
            (Check::Year, "0", "00"),
            (Check::Date, "2015-06-04", "12015-06-04"),
            (Check::Date, "x", "-0044-03-15"),
            (moment(Lost::Refused), "2015-06-04 01:02:03.120000", "2015-06-04 01:02:03.120001"),
            (moment(Lost::Refused), "2015-06-04 01:02:03", "15-06-04 01:02:03"),
            (Check::Span { digits: 0, lost: Lost::Refused }, "-838:59:59.000000", "00:00:00.5"),
            (Check::Finite { lost: Lost::Refused }, "1.0E-5", "-Infinity"),
            (members.clone(), "1", "2"),
            (members, "b", " 2"),
        ] {
            assert!(encode(&[Some(fits)], &check).is_ok(), "{check:?} {fits}");
            let error = encode(&[Some(unfit)], &check).unwrap_err();
            assert!(error.starts_with("column `c0`, row 1: a value "), "{check:?} {error}");
        }
    }

    #[test]
    fn what_embulk_loses_is_counted() {
        let check = Check::Moment { digits: 0, lost: Lost::Counted };
        let (row, notes) = encode(&[Some("2015-06-04 01:02:03.5")], &check).unwrap();
        assert_eq!(String::from_utf8(row).unwrap(), "2015-06-04 01:02:03.5\n");
        assert_eq!(notes, ["column `c0`: 1 values lost digits of a second"]);
        let (row, notes) = encode(&[Some("NaN")], &Check::Finite { lost: Lost::Counted }).unwrap();
        assert_eq!(row, b"\\N\n");
        assert_eq!(notes, ["column `c0`: 1 values that are no finite numbers became NULL"]);
    }
}
