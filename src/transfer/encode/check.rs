//! What a server of a database would change without a word: a year of one digit, the number of a member of an ENUM,
//! digits and spaces that a column has no place for. Values are looked at as they are sent.

use super::{Converted, Unfit};
use crate::embulk::config::TypeMapping;
use crate::transfer::report::Change;
use crate::transfer::target::Excess;

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
    /// What becomes of digits of a number beyond this many behind the point, or below 0 before it.
    Scale { digits: i64, lost: Lost },
    /// What becomes of NaN and the infinities.
    Finite { lost: Lost },
    /// What becomes of spaces at the end of a text, beyond so many characters.
    Spaces { length: usize, lost: Lost },
    /// What becomes of bytes of a text beyond this many.
    Octets { length: usize, lost: Lost },
    /// A text has letters of ASCII only; what becomes of those beyond so many.
    Ascii { length: usize, lost: Lost },
    /// Hexadecimal digits of so many bytes at most; none of them are NULL for the server.
    Hex { length: usize },
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

/// A check of one column, and what it has counted.
#[derive(Debug)]
pub(super) struct Checker {
    check: Check,
    lost: u64,
}

impl Checker {
    pub(super) fn new(check: Check) -> Self {
        Self { check, lost: 0 }
    }

    /// Cuts the text that begins at a place off where the column ends, between two characters.
    pub(super) fn cut(&mut self, out: &mut Vec<u8>, start: usize) -> Result<(), Unfit> {
        let (length, lost) = match &self.check {
            Check::Octets { length, lost } => (*length, *lost),
            Check::Hex { length } => (2 * *length, Lost::Refused),
            Check::Ascii { length, lost } => {
                if !out[start..].is_ascii() {
                    return Err(Unfit("has a character that CHAR cannot hold, which takes ASCII only"));
                }
                (*length, *lost)
            }
            _ => return Ok(()),
        };
        if out.len() - start <= length {
            return Ok(());
        }
        lost.if_so(true, &mut self.lost, "has more bytes than the column")?;
        let mut end = start + length;
        // What follows the first byte of a character of UTF-8.
        while end > start && out[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        out.truncate(end);
        Ok(())
    }

    /// What becomes of a text, which may be NULL.
    pub(super) fn look(&mut self, text: &[u8]) -> Result<Converted, Unfit> {
        match &self.check {
            Check::None => {}
            Check::NoText => return Err(Unfit("is a text, and the column takes numbers")),
            Check::Whole if has_fraction(text) => {
                return Err(Unfit("is no whole number"));
            }
            Check::Unsigned if text.first() == Some(&b'-') => {
                return Err(Unfit("is negative, which BIT cannot hold"));
            }
            Check::Year if text.len() != 4 && text != b"0" => {
                return Err(Unfit("is no year of four digits"));
            }
            Check::Date => four_digits(text)?,
            Check::Moment { digits, lost } => {
                four_digits(text)?;
                lost.if_so(has_more_of_a_second(text, *digits), &mut self.lost, SECOND)?;
            }
            Check::Span { digits, lost } => {
                lost.if_so(has_more_of_a_second(text, *digits), &mut self.lost, SECOND)?;
            }
            Check::Scale { digits, lost } => {
                let more = last_digit(text).is_some_and(|place| place > *digits);
                lost.if_so(more, &mut self.lost, "has more digits after the point than the column")?;
            }
            Check::Finite { lost } if text.ends_with(b"N") || text.ends_with(b"y") => {
                lost.if_so(true, &mut self.lost, "is not a finite number")?;
                return Ok(Converted::Null);
            }
            Check::Spaces { length, lost } => {
                let more = ends_in_spaces(text, *length);
                lost.if_so(more, &mut self.lost, "has more spaces at its end than the column")?;
            }
            Check::Hex { .. } if text.is_empty() => {
                self.lost += 1;
                return Ok(Converted::Null);
            }
            Check::Members(members)
                if is_number(text) && !members.iter().any(|known| known.as_bytes() == text) =>
            {
                return Err(Unfit("is a number and no member of the column's ENUM or SET"));
            }
            Check::Whole
            | Check::Unsigned
            | Check::Year
            | Check::Finite { .. }
            | Check::Members(_)
            | Check::Hex { .. }
            | Check::Octets { .. }
            | Check::Ascii { .. } => {}
        }
        Ok(Converted::Text)
    }

    /// What was lost of the values of a column.
    pub(super) fn change(&self, column: &str) -> Option<Change> {
        let what = match self.check {
            Check::Finite { .. } => "values that are no finite numbers became NULL",
            Check::Scale { .. } => "values lost digits after the point",
            Check::Spaces { .. } => "values lost spaces at their end",
            Check::Hex { .. } => "values without a byte became NULL",
            Check::Octets { .. } | Check::Ascii { .. } => "values were cut to the length of the column",
            _ => "values lost digits of a second",
        };
        (self.lost > 0).then(|| Change::of(column, what, self.lost))
    }
}

const SECOND: &str = "has more digits of a second than the column";

impl Lost {
    /// What the types of an output have it be.
    pub fn by(types: TypeMapping) -> Self {
        match types {
            TypeMapping::Embulk => Self::Counted,
            TypeMapping::Exact => Self::Refused,
        }
    }

    /// The same, for who looks at it before a run.
    pub fn excess(self) -> Excess {
        match self {
            Self::Counted => Excess::Rounded,
            Self::Refused => Excess::Refused,
        }
    }

    fn if_so(self, so: bool, count: &mut u64, reason: &'static str) -> Result<(), Unfit> {
        match self {
            _ if !so => Ok(()),
            Self::Refused => Err(Unfit(reason)),
            Self::Counted => {
                *count += 1;
                Ok(())
            }
        }
    }
}

/// Whether a clock has more digits of a second, but for zeros. Points between the parts of a date are none of a clock.
fn has_more_of_a_second(text: &[u8], digits: usize) -> bool {
    let Some(point) = text.iter().rposition(|byte| *byte == b'.') else { return false };
    let seconds = text[..point].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let is_clock = !text[..point - seconds].ends_with(b".");
    let beyond = text.get(point + 1 + digits..).unwrap_or_default();
    is_clock && beyond.iter().take_while(|byte| byte.is_ascii_digit()).any(|byte| *byte != b'0')
}

/// The place of the last digit of a number that is not 0: 2 of `1.05`, -2 of `500`. None of 0, and of what is no number.
fn last_digit(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    let split = text.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (mantissa, exponent) = text.split_at(split.unwrap_or(text.len()));
    let exponent: i64 = match exponent.get(1..) {
        None => 0,
        Some(exponent) => std::str::from_utf8(exponent).ok()?.parse().ok()?,
    };
    let is_digit = |byte: &u8| matches!(byte, b'1'..=b'9');
    let last = mantissa.iter().rposition(is_digit)? as i64;
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len()) as i64;
    let place = if last > point { last - point } else { last + 1 - point };
    Some(place.saturating_sub(exponent))
}

/// Whether a text has more characters than `length`, all of them spaces.
fn ends_in_spaces(text: &[u8], length: usize) -> bool {
    let spaces = text.iter().rev().take_while(|byte| **byte == b' ').count();
    // What begins a character of UTF-8.
    let characters = text.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    characters > length && characters - spaces <= length
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a check makes of a text, and what it says of it.
    fn looked(check: &Check, text: &str) -> Result<(Converted, Option<String>), &'static str> {
        let mut checker = Checker::new(check.clone());
        let converted = checker.look(text.as_bytes()).map_err(|reason| reason.0)?;
        Ok((converted, checker.change("c").map(|change| change.note())))
    }

    #[test]
    fn what_the_server_would_change_without_a_word_is_refused() {
        let moment = |lost| Check::Moment { digits: 3, lost };
        let members = Check::Members(vec!["1".to_owned(), "a".to_owned()]);
        let (lost, scale) = (Lost::Refused, |digits| Check::Scale { digits, lost: Lost::Refused });
        for (check, fits, unfit) in [
            (Check::Whole, "12", "1.5"),
            (Check::Whole, "some e", " 1e3"),
            (Check::Unsigned, "7", "-7"),
            (Check::Year, "2015", "15"),
            (Check::Year, "0", "00"),
            (Check::Date, "2015-06-04", "12015-06-04"),
            (Check::Date, "x", "-0044-03-15"),
            (moment(lost), "2015-06-04 01:02:03.120000", "2015-06-04 01:02:03.120001"),
            (moment(lost), "2015-06-04 01:02:03", "15-06-04 01:02:03"),
            (moment(lost), "2015.06.0401", "20150604010203.0004+02"),
            (Check::Span { digits: 0, lost }, "45", "45.5"),
            (Check::Span { digits: 0, lost }, "-838:59:59.000000", "00:00:00.5"),
            (Check::Span { digits: 0, lost }, "4.6.2015", "1:2.5 mins"),
            (scale(2), "1.050", "1.005"),
            (scale(2), "-12.3E-1", "-12.3E-2"),
            (scale(2), "NaN", "1.234567890123456E5"),
            (scale(0), "1e3", "0.1"),
            (scale(-2), "1200.00", "1210"),
            (Check::Finite { lost }, "1.0E-5", "-Infinity"),
            (Check::Spaces { length: 3, lost }, "日本 ", "日本  "),
            (Check::Spaces { length: 3, lost }, "too long", "    "),
            (members.clone(), "1", "2"),
            (members, "b", " 2"),
        ] {
            assert_eq!(looked(&check, fits), Ok((Converted::Text, None)), "{check:?} {fits}");
            assert!(looked(&check, unfit).is_err(), "{check:?} {unfit}");
        }
    }

    #[test]
    fn texts_are_cut_between_two_characters_or_refused() {
        let cut = |check: Check, text: &str| {
            let (mut checker, mut out) = (Checker::new(check), format!("|{text}").into_bytes());
            let cut = checker.cut(&mut out, 1).map_err(|reason| reason.0);
            cut.map(|()| (String::from_utf8(out).unwrap(), checker.lost))
        };
        let octets = |length, lost| Check::Octets { length, lost };
        let cases = [(3, "日", "|日", 0), (4, "日本", "|日", 1), (2, "日本", "|", 1), (1, "ab", "|a", 1)];
        for (length, text, left, lost) in cases {
            assert_eq!(cut(octets(length, Lost::Counted), text), Ok((left.to_owned(), lost)), "{text}");
        }
        assert_eq!(cut(octets(5, Lost::Refused), "日本"), Err("has more bytes than the column"));
        assert!(cut(octets(6, Lost::Refused), "日本").is_ok());
        assert!(cut(Check::Ascii { length: 9, lost: Lost::Counted }, "é").is_err());
        assert_eq!(cut(Check::Hex { length: 1 }, "00ff"), Err("has more bytes than the column"));
        assert_eq!(cut(Check::Ascii { length: 1, lost: Lost::Counted }, "ab"), Ok(("|a".to_owned(), 1)));
    }

    #[test]
    fn what_embulk_loses_is_counted() {
        let lost = Lost::Counted;
        for (check, text, converted, note) in [
            (
                Check::Moment { digits: 0, lost },
                "2015-06-04 01:02:03.5",
                Converted::Text,
                "1 values lost digits of a second",
            ),
            (
                Check::Finite { lost },
                "NaN",
                Converted::Null,
                "1 values that are no finite numbers became NULL",
            ),
            (
                Check::Scale { digits: 1, lost },
                "0.25",
                Converted::Text,
                "1 values lost digits after the point",
            ),
            (Check::Spaces { length: 1, lost }, "a ", Converted::Text, "1 values lost spaces at their end"),
            (Check::Hex { length: 1 }, "", Converted::Null, "1 values without a byte became NULL"),
        ] {
            assert_eq!(looked(&check, text), Ok((converted, Some(format!("column `c`: {note}")))));
        }
    }
}
