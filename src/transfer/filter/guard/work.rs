//! What becomes of one value under each action.
//!
//! Hashes are of the text that the value has whatever its source: digits of numbers as they are stored, `true` and
//! `false`, `2024-02-29`, `2024-02-29 12:34:56.000000` of clocks without zone, the same with ` +00:00` of instants, JSON
//! without white space, texts and bytes as they are.

use aws_lc_rs::{digest, hmac};

use crate::policy::{Action, Mask, Shown, Truncate, Unit};
use crate::transfer::civil::{DAY, Date, SECOND};
use crate::transfer::encode::cell::CellWriter;
use crate::transfer::encode::{Form, Rendering, Unfit};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::{Buffer, ColumnBuffer};
use crate::transfer::policy::Enforced;
use crate::transfer::schema::{Column, ColumnType, Zones};

const HOUR: i64 = 3600 * SECOND;

/// A value that is of no type that goes with what is done, which planning rules out.
const WRONG: Unfit = Unfit("is of another type than its column");

/// What is done with the values of one column.
pub(super) enum Work {
    Null,
    Hash(Canonical),
    Hmac(Canonical, Box<hmac::Key>),
    Mask(Canonical, Mask),
    /// Characters of a text, or bytes.
    Cut(usize),
    Floor(ColumnType, Unit),
}

/// Writes the text of a value.
pub(super) struct Canonical {
    cell: CellWriter,
    /// Texts and bytes are taken as they are, even where they are no UTF-8.
    kind: ColumnType,
    text: Vec<u8>,
}

impl Work {
    /// The work of an action and the type of its column; none where the column goes. `by` says whose action it is.
    pub(super) fn of(
        action: &Action,
        column: &Column,
        by: &str,
        enforced: &Enforced,
        zones: &Zones,
    ) -> Result<Option<(Self, ColumnType)>, TransferError> {
        let canonical = || Canonical::new(column.kind, zones);
        Ok(Some(match action {
            Action::Keep | Action::Drop => return Ok(None),
            Action::Null => (Self::Null, column.kind),
            Action::Hash => (Self::Hash(canonical()), ColumnType::String),
            Action::Hmac { secret } => {
                (Self::Hmac(canonical(), Box::new(enforced.key(secret))), ColumnType::String)
            }
            Action::Mask(mask) => (Self::Mask(canonical(), *mask), ColumnType::String),
            Action::Truncate(truncate) => (truncated(*truncate, column, by)?, column.kind),
        }))
    }

    /// Adds what becomes of a value that is not NULL.
    pub(super) fn make(
        &mut self,
        input: &ColumnBuffer,
        row: usize,
        output: &mut ColumnBuffer,
    ) -> Result<(), Unfit> {
        let is_added = match self {
            Self::Null => {
                output.push_null();
                true
            }
            Self::Hash(canonical) => {
                let hash = digest::digest(&digest::SHA256, canonical.text(input, row)?);
                output.push_text(&hex(hash.as_ref()))
            }
            Self::Hmac(canonical, key) => {
                let tag = hmac::sign(key, canonical.text(input, row)?);
                output.push_text(&hex(tag.as_ref()))
            }
            Self::Mask(canonical, mask) => {
                let text = String::from_utf8_lossy(canonical.text(input, row)?);
                output.push_text(masked(*mask, &text).as_bytes())
            }
            Self::Cut(length) => match &input.data {
                Buffer::Text(texts) => output.push_text(cut(texts.get(row), *length)),
                _ => false,
            },
            Self::Floor(kind, unit) => match &input.data {
                Buffer::Long(values) => output.push_long(floor(*kind, values[row], *unit)),
                _ => false,
            },
        };
        if is_added { Ok(()) } else { Err(WRONG) }
    }
}

/// The work of `truncate`, or why the column has no part that could stay.
fn truncated(truncate: Truncate, column: &Column, by: &str) -> Result<Work, TransferError> {
    let Truncate { length, unit } = truncate;
    let (name, word) = (&column.name, column.kind.word());
    let refused = |reason: &str, hint: &str| {
        let message = format!("column `{name}` is of type {word}, {reason} ({by})");
        Err(TransferError::new(ErrorKind::Config, message).hint(hint))
    };
    match (column.kind, length, unit) {
        (ColumnType::String | ColumnType::Bytes, Some(length), _) => Ok(Work::Cut(length)),
        (ColumnType::String | ColumnType::Bytes, None, _) => {
            refused("which is truncated by `length` and not by `unit`", "add a `length` to the rule")
        }
        (ColumnType::Time, _, Some(Unit::Year | Unit::Month | Unit::Day)) => {
            refused("of which only the `hour` can stay", "write a rule of its own for it")
        }
        (
            kind @ (ColumnType::Date
            | ColumnType::DateTime
            | ColumnType::Timestamp
            | ColumnType::Time
            | ColumnType::Year),
            _,
            unit,
        ) => match unit {
            Some(unit) => Ok(Work::Floor(kind, unit)),
            None => refused("which is truncated by `unit` and not by `length`", "add a `unit` to the rule"),
        },
        _ => refused("which cannot be truncated", "take `drop`, `null`, `hash`, `hmac` or `mask` for it"),
    }
}

impl Canonical {
    fn new(kind: ColumnType, zones: &Zones) -> Self {
        let form = match kind {
            // Numbers other than 0 and 1 are others here, too.
            ColumnType::Boolean => Form::Integer,
            other => Rendering::natural(other).form,
        };
        Self { cell: CellWriter::new(kind, form, zones), kind, text: Vec::new() }
    }

    fn text<'t>(&'t mut self, input: &'t ColumnBuffer, row: usize) -> Result<&'t [u8], Unfit> {
        self.text.clear();
        match &input.data {
            Buffer::Text(texts) if matches!(self.kind, ColumnType::String | ColumnType::Bytes) => {
                return Ok(texts.get(row));
            }
            Buffer::Double(values) if !values[row].is_finite() => {
                self.text.extend_from_slice(format!("{}", values[row]).as_bytes());
            }
            _ => {
                self.cell.write(input, row, &mut self.text)?;
            }
        }
        Ok(&self.text)
    }
}

fn hex(bytes: &[u8]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'0'; 64];
    for (at, byte) in bytes.iter().take(32).enumerate() {
        text[2 * at] = DIGITS[usize::from(byte >> 4)];
        text[2 * at + 1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

fn masked(mask: Mask, text: &str) -> String {
    let count = text.chars().count();
    let stars = |hidden: usize| "*".repeat(mask.length.unwrap_or(hidden));
    match mask.shown {
        Shown::Domain => match text.rfind('@') {
            Some(at) => stars(text[..at].chars().count()) + &text[at..],
            None => stars(count),
        },
        Shown::Ends { first, last } if first + last >= count => stars(count),
        Shown::Ends { first, last } => {
            let place = |number: usize| text.char_indices().nth(number).map_or(text.len(), |(at, _)| at);
            let hidden = count - first - last;
            format!("{}{}{}", &text[..place(first)], stars(hidden), &text[place(count - last)..])
        }
    }
}

/// The first so many characters; of what is no text as many bytes.
fn cut(text: &[u8], length: usize) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(chars) => &text[..chars.char_indices().nth(length).map_or(text.len(), |(at, _)| at)],
        Err(_) => &text[..length.min(text.len())],
    }
}

/// The beginning of the unit that a value lies in, by its own clock; of instants in UTC.
fn floor(kind: ColumnType, value: i64, unit: Unit) -> i64 {
    let day = |days: i64| {
        let date = Date::from_days(days);
        match unit {
            Unit::Year => Date { month: 1, day: 1, ..date }.days(),
            Unit::Month => Date { day: 1, ..date }.days(),
            Unit::Day | Unit::Hour => days,
        }
    };
    match kind {
        ColumnType::Date => day(value),
        // Towards zero: a span below it has a sign.
        ColumnType::Time => value - value % HOUR,
        ColumnType::DateTime | ColumnType::Timestamp if unit == Unit::Hour => value - value.rem_euclid(HOUR),
        ColumnType::DateTime | ColumnType::Timestamp => day(value.div_euclid(DAY)).saturating_mul(DAY),
        // A year is all that there is.
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_show_ends_or_the_domain_and_nothing_of_what_is_short() {
        let ends = |first, last, length| Mask { shown: Shown::Ends { first, last }, length };
        let domain = |length| Mask { shown: Shown::Domain, length };
        for (mask, text, expected) in [
            (ends(0, 0, None), "日本a", "***"),
            (ends(0, 0, Some(4)), "日本a", "****"),
            (ends(0, 0, Some(4)), "", "****"),
            (ends(0, 4, None), "0312345678", "******5678"),
            (ends(1, 1, Some(3)), "日本語だ", "日***だ"),
            // As long as what would be shown: all is hidden.
            (ends(2, 2, None), "abcd", "****"),
            (ends(2, 2, None), "abcde", "ab*de"),
            (ends(0, 4, None), "12", "**"),
            (domain(None), "ann@b@example.com", "*****@example.com"),
            (domain(Some(3)), "a@example.com", "***@example.com"),
            (domain(None), "no address", "**********"),
            (domain(None), "@", "@"),
        ] {
            assert_eq!(masked(mask, text), expected, "{text}");
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("日本語".as_bytes(), 2), "日本".as_bytes());
        assert_eq!((cut(b"ab", 5), cut(b"", 1)), (&b"ab"[..], &b""[..]));
        assert_eq!(cut(&[0xff, 0xfe, 0xfd], 2), [0xff, 0xfe]);
    }

    #[test]
    fn times_are_cut_to_the_beginning_of_their_unit() {
        let days = |year, month, day| Date { year, month, day }.days();
        let date = days(2024, 2, 29);
        for (unit, expected) in [
            (Unit::Year, days(2024, 1, 1)),
            (Unit::Month, days(2024, 2, 1)),
            (Unit::Day, date),
            (Unit::Hour, date),
        ] {
            assert_eq!(floor(ColumnType::Date, date, unit), expected);
        }
        let moment = date * DAY + 13 * HOUR + 17;
        assert_eq!(floor(ColumnType::DateTime, moment, Unit::Month), days(2024, 2, 1) * DAY);
        assert_eq!(floor(ColumnType::Timestamp, moment, Unit::Hour), date * DAY + 13 * HOUR);
        assert_eq!(floor(ColumnType::Timestamp, -1, Unit::Day), -DAY);
        assert_eq!(floor(ColumnType::Timestamp, -1, Unit::Year), days(1969, 1, 1) * DAY);
        assert_eq!(floor(ColumnType::Time, -HOUR - 5, Unit::Hour), -HOUR);
        assert_eq!(floor(ColumnType::Year, 1999, Unit::Month), 1999);
    }
}
