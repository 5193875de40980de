//! Values as columns of a database hold them, for a file that has types of its own: each becomes the text that the
//! database would be sent, with the same checks, and then what that text says. So a format with types and one without
//! give the same table, and a text that could be read in two ways is refused.

use super::arrow::ParquetType;
use super::sent::{SentCell, SentColumn};
use super::{Converted, Unfit};
use crate::transfer::civil::{DAY, Date, SECOND};
use crate::transfer::page::{ColumnBuffer, Page};
use crate::transfer::report::Change;
use crate::transfer::schema::{Column, ColumnType, Schema};

const NUL: Unfit = Unfit("holds a NUL character, which the target cannot store");
const NO_BOOLEAN: Unfit = Unfit("is no boolean");
const NO_INTEGER: Unfit = Unfit("is no whole number that the column can hold");
const NO_NUMBER: Unfit = Unfit("is no number that the column can hold");
const TOO_LONG: Unfit = Unfit("has more digits than the column");
const NO_BYTES: Unfit = Unfit("is not made of hexadecimal digits");
const NO_DATE: Unfit = Unfit("is no date from 0001-01-01 on, as YYYY-MM-DD");
const NO_MOMENT: Unfit = Unfit("is no timestamp from the year 1 on, as YYYY-MM-DD HH:MI:SS without a zone");
const NO_INSTANT: Unfit = Unfit("is no timestamp from the year 1 on, as YYYY-MM-DD HH:MI:SS with a zone");

/// What a column of the table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// BOOLEAN
    Boolean,
    /// SMALLINT
    Short,
    /// INTEGER
    Integer,
    /// BIGINT
    Long,
    /// REAL
    Real,
    /// DOUBLE PRECISION
    Double,
    /// DECIMAL; digits beyond its scale are cut off.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// DATE
    Date,
    /// A timestamp of a wall clock.
    Moment,
    /// An instant.
    Instant,
}

impl Stored {
    /// The column of such values in a page.
    pub fn column(self, name: &str) -> Column {
        let kind = match self {
            Self::Boolean => ColumnType::Flag,
            Self::Short | Self::Integer | Self::Long => ColumnType::Long,
            Self::Real => ColumnType::Float,
            Self::Double => ColumnType::Double,
            Self::Decimal { precision, scale } => ColumnType::Decimal { precision, scale },
            Self::Text => ColumnType::String,
            Self::Bytes => ColumnType::Bytes,
            Self::Date => ColumnType::Date,
            Self::Moment => ColumnType::DateTime,
            Self::Instant => ColumnType::Timestamp,
        };
        Column::new(name, kind)
    }

    /// Its type in Parquet.
    pub fn parquet(self) -> ParquetType {
        match self {
            Self::Boolean => ParquetType::Flag,
            Self::Short => ParquetType::Short,
            Self::Integer => ParquetType::Integer,
            Self::Long => ParquetType::Long,
            Self::Real => ParquetType::Float,
            Self::Double => ParquetType::Double,
            Self::Decimal { precision, scale } => ParquetType::Decimal { precision, scale },
            Self::Text => ParquetType::String,
            Self::Bytes => ParquetType::Bytes,
            Self::Date => ParquetType::Date,
            Self::Moment => ParquetType::DateTime,
            Self::Instant => ParquetType::Timestamp,
        }
    }

    /// Adds the value that a text stands for. Around what is no text, spaces say nothing, and nothing at all is NULL,
    /// as in a file of text.
    fn push(self, text: &[u8], out: &mut ColumnBuffer) -> Result<(), Unfit> {
        if self == Self::Text {
            if text.contains(&0) {
                return Err(NUL);
            }
            return fits(out.push_text(text));
        }
        let text = text.trim_ascii();
        if text.is_empty() {
            out.push_null();
            return Ok(());
        }
        fits(match self {
            Self::Boolean => out.push_long(i64::from(boolean(text).ok_or(NO_BOOLEAN)?)),
            Self::Short => out.push_long(i64::from(parsed::<i16>(text).ok_or(NO_INTEGER)?)),
            Self::Integer => out.push_long(i64::from(parsed::<i32>(text).ok_or(NO_INTEGER)?)),
            Self::Long => out.push_long(parsed(text).ok_or(NO_INTEGER)?),
            Self::Real => out.push_double(f64::from(real(text).ok_or(NO_NUMBER)?)),
            Self::Double => out.push_double(double(text).ok_or(NO_NUMBER)?),
            Self::Decimal { precision, scale } => out.push_text(decimal(text, precision, scale)?),
            Self::Bytes => out.push_text(&bytes(text).ok_or(NO_BYTES)?),
            Self::Date => out.push_long(days(text).ok_or(NO_DATE)?),
            Self::Moment => out.push_long(moment(text).ok_or(NO_MOMENT)?),
            Self::Instant => out.push_long(instant(text).ok_or(NO_INSTANT)?),
            Self::Text => false,
        })
    }
}

/// A value of a page as a column holds it.
#[derive(Debug)]
pub(in crate::transfer) struct TypedCell {
    cell: SentCell,
    stored: Stored,
    scratch: Vec<u8>,
}

impl TypedCell {
    pub(in crate::transfer) fn new(schema: &Schema, sent: SentColumn, stored: Stored) -> Self {
        Self { cell: SentCell::new(schema, sent), stored, scratch: Vec::new() }
    }

    /// Which column of the page.
    pub(in crate::transfer) fn column(&self) -> usize {
        self.cell.column
    }

    /// Adds the value of a row.
    pub(in crate::transfer) fn write(
        &mut self,
        page: &Page,
        row: usize,
        out: &mut ColumnBuffer,
    ) -> Result<(), Unfit> {
        self.scratch.clear();
        match self.cell.write(page, row, &mut self.scratch)? {
            Converted::Null => {
                out.push_null();
                Ok(())
            }
            Converted::Text => self.stored.push(&self.scratch, out),
        }
    }

    /// What was lost of the values so far.
    pub(in crate::transfer) fn change(&self) -> Option<Change> {
        self.cell.change()
    }
}

fn fits(taken: bool) -> Result<(), Unfit> {
    if taken { Ok(()) } else { Err(Unfit("cannot be written as the type of its column")) }
}

fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn boolean(text: &[u8]) -> Option<bool> {
    match text.to_ascii_lowercase().as_slice() {
        b"true" | b"t" | b"yes" | b"y" | b"1" => Some(true),
        b"false" | b"f" | b"no" | b"n" | b"0" => Some(false),
        _ => None,
    }
}

/// Numbers beyond the type are no infinity, and those too small for it are no zero.
fn double(text: &[u8]) -> Option<f64> {
    let value: f64 = parsed(text)?;
    keeps(text, value.is_infinite(), value == 0.0).then_some(value)
}

fn real(text: &[u8]) -> Option<f32> {
    let value: f32 = parsed(text)?;
    keeps(text, value.is_infinite(), value == 0.0).then_some(value)
}

fn keeps(text: &[u8], is_infinite: bool, is_zero: bool) -> bool {
    let mantissa = text.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
    let is_said = text.iter().any(|byte| matches!(byte, b'i' | b'I'));
    (!is_infinite || is_said) && (!is_zero || !mantissa.into_iter().any(|byte| matches!(byte, b'1'..=b'9')))
}

/// Digits without an exponent; those after the scale are cut off.
fn decimal(text: &[u8], precision: u8, scale: u8) -> Result<&[u8], Unfit> {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
    if whole.len() + fraction.len() == 0 || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(NO_NUMBER);
    }
    let zeros = whole.iter().take_while(|byte| **byte == b'0').count();
    if whole.len() - zeros > usize::from(precision.saturating_sub(scale)) {
        return Err(TOO_LONG);
    }
    let beyond = fraction.len().saturating_sub(usize::from(scale));
    Ok(&text[..text.len() - beyond])
}

fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// `YYYY-MM-DD` and nothing else.
fn days(text: &[u8]) -> Option<i64> {
    let (date, rest) = date(text)?;
    rest.is_empty().then_some(date)
}

fn moment(text: &[u8]) -> Option<i64> {
    let (moment, rest) = date_and_clock(text)?;
    rest.is_empty().then_some(moment)
}

fn instant(text: &[u8]) -> Option<i64> {
    let (moment, rest) = date_and_clock(text)?;
    moment.checked_sub(offset(rest.strip_prefix(b" ").unwrap_or(rest))?)
}

/// Days since 1970, and what follows them.
fn date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (date, rest) = text.split_at_checked(10)?;
    let [year @ .., b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let date =
        Date { year: i64::from(digits(year)?), month: digits(&[*m1, *m2])?, day: digits(&[*d1, *d2])? };
    (date.year >= 1 && date.exists()).then(|| (date.days(), rest))
}

/// Microseconds since 1970 on that clock, and what follows them. A date alone is its midnight.
fn date_and_clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (days, rest) = date(text)?;
    let start = days.checked_mul(DAY)?;
    let Some(clock) = rest.strip_prefix(b" ") else { return Some((start, rest)) };
    let (clock, rest) = clock.split_at_checked(8)?;
    let [h1, h2, b':', m1, m2, b':', s1, s2] = clock else { return None };
    let (hour, minute, second) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?, digits(&[*s1, *s2])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let (micros, rest) = fraction(rest)?;
    Some((start.checked_add(seconds * SECOND)?.checked_add(micros)?, rest))
}

/// Microseconds after a point; those beyond are cut off.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(fraction) = text.strip_prefix(b".") else { return Some((0, text)) };
    let count = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (used, rest) = fraction.split_at(count);
    if used.is_empty() {
        return None;
    }
    let places = used.iter().copied().chain(std::iter::repeat(b'0')).take(6);
    Some((places.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')), rest))
}

/// Microseconds that a zone is ahead of UTC: `Z`, `UTC`, `+09`, `+0900`, `+09:00`.
fn offset(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text {
        b"Z" | b"UTC" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [h1, h2] => (digits(&[*h1, *h2])?, 0),
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?),
        _ => return None,
    };
    (hours <= 15 && minutes <= 59).then(|| sign * i64::from(hours * 60 + minutes) * 60 * SECOND)
}

/// Up to four decimal digits.
fn digits(text: &[u8]) -> Option<u32> {
    if text.len() > 4 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::page::Buffer;

    /// What a text becomes, as text; `-` is NULL.
    fn held(stored: Stored, text: &str) -> Result<String, &'static str> {
        let mut column = ColumnBuffer::new(stored.column("c").kind.storage());
        stored.push(text.as_bytes(), &mut column).map_err(|reason| reason.0)?;
        assert_eq!(column.len(), 1);
        Ok(match &column.data {
            _ if !column.validity.is_valid(0) => "-".to_owned(),
            Buffer::Long(values) => values[0].to_string(),
            Buffer::UnsignedLong(values) => values[0].to_string(),
            Buffer::Double(values) => values[0].to_string(),
            Buffer::Text(texts) => String::from_utf8_lossy(texts.get(0)).into_owned(),
        })
    }

    const CENTS: Stored = Stored::Decimal { precision: 5, scale: 2 };

    #[test]
    fn texts_become_what_they_say() {
        for (stored, text, expected) in [
            (Stored::Boolean, "true", "1"),
            (Stored::Boolean, " N ", "0"),
            (Stored::Short, "-32768", "-32768"),
            (Stored::Integer, "2147483647", "2147483647"),
            (Stored::Long, "-9223372036854775808", "-9223372036854775808"),
            (Stored::Long, " ", "-"),
            (Stored::Real, "1.2345", "1.2345000505447388"),
            (Stored::Real, "-Infinity", "-inf"),
            (Stored::Double, "1.2345678901234568E17", "123456789012345680"),
            (Stored::Double, "NaN", "NaN"),
            (Stored::Double, "0.0E-5", "0"),
            (CENTS, "-123.456", "-123.45"),
            (CENTS, "000123", "000123"),
            (CENTS, ".5", ".5"),
            (Stored::Text, "", ""),
            (Stored::Text, " a ", " a "),
            (Stored::Bytes, "5C6a", "\\j"),
            (Stored::Date, "1970-01-02", "1"),
            (Stored::Date, "0001-01-01", "-719162"),
            (Stored::Moment, "1970-01-01 00:00:01.5", "1500000"),
            (Stored::Moment, "1969-12-31 23:59:59.9999999", "-1"),
            (Stored::Moment, "1970-01-02", "86400000000"),
            (Stored::Instant, "1970-01-01 09:00:00.000001+09", "1"),
            (Stored::Instant, "1969-12-31 23:30:00 -00:30", "0"),
            (Stored::Instant, "1970-01-01 00:00:00Z", "0"),
        ] {
            assert_eq!(held(stored, text), Ok(expected.to_owned()), "{stored:?} {text}");
        }
    }

    #[test]
    fn what_says_something_else_is_refused() {
        for (stored, texts, why) in [
            (Stored::Boolean, &["2", "tru"][..], NO_BOOLEAN),
            (Stored::Short, &["32768", "1.0", "x"], NO_INTEGER),
            (Stored::Integer, &["2147483648", "1e3"], NO_INTEGER),
            (Stored::Long, &["9223372036854775808", "1 2"], NO_INTEGER),
            (Stored::Real, &["1e39", "5e-324", "1,5"], NO_NUMBER),
            (Stored::Double, &["1e309", "1e-400", "0x1"], NO_NUMBER),
            (CENTS, &["1e3", ".", "-", "NaN", "1.2.3"], NO_NUMBER),
            (CENTS, &["1000", "-1000.5"], TOO_LONG),
            (Stored::Text, &["a\0"], NUL),
            (Stored::Bytes, &["0", "0g", "\\x00"], NO_BYTES),
            (
                Stored::Date,
                &["0000-12-31", "2023-02-29", "2024-02-29 00:00:00", "24-02-29", "日本日本"],
                NO_DATE,
            ),
            (
                Stored::Moment,
                &["2024-02-29 24:00:00", "2024-02-29 1:00:00", "2024-02-29 01:00:00Z"],
                NO_MOMENT,
            ),
            (
                Stored::Instant,
                &["2024-02-29 01:00:00", "2024-02-29 01:00:00+1", "2024-02-29 01:00:00."],
                NO_INSTANT,
            ),
        ] {
            for text in texts {
                assert_eq!(held(stored, text), Err(why.0), "{stored:?} {text}");
            }
        }
    }
}
