//! Dates and times from the text that PostgreSQL has for them with `DateStyle` ISO.

use crate::transfer::civil::{DAY, Date, SECOND};
use crate::transfer::encode::Unfit;

const INFINITE: Unfit = Unfit("is infinite, which a date or time cannot be here");
const TOO_FAR: Unfit = Unfit("is not between the years -9999 and 9999");
const ODD: Unfit = Unfit("is not a date or time as PostgreSQL writes it");

/// Days since 1970-01-01 of a `date`.
pub(super) fn date(text: &[u8]) -> Result<i64, Unfit> {
    let mut cursor = Cursor::new(text)?;
    let days = cursor.date().ok_or(ODD)??;
    cursor.end(days)
}

/// Microseconds of the wall clock of a `timestamp`.
pub(super) fn wall(text: &[u8]) -> Result<i64, Unfit> {
    let mut cursor = Cursor::new(text)?;
    let wall = cursor.moment().ok_or(ODD)??;
    cursor.end(wall)
}

/// Microseconds since 1970-01-01T00:00:00Z of a `timestamptz`.
pub(super) fn instant(text: &[u8]) -> Result<i64, Unfit> {
    let mut cursor = Cursor::new(text)?;
    let wall = cursor.moment().ok_or(ODD)??;
    let offset = cursor.offset().ok_or(ODD)?;
    cursor.end(wall - offset)
}

/// Microseconds of a `time`; `24:00:00` is a day.
pub(super) fn time(text: &[u8]) -> Result<i64, Unfit> {
    let mut cursor = Cursor::new(text)?;
    let time = cursor.time().ok_or(ODD)?;
    cursor.end(time)
}

/// Microseconds since midnight in UTC of a `timetz`, to the millisecond, as Embulk's driver takes it.
pub(super) fn time_with_zone(text: &[u8]) -> Result<i64, Unfit> {
    let mut cursor = Cursor::new(text)?;
    let time = cursor.time().ok_or(ODD)?;
    let micros = time - cursor.offset().ok_or(ODD)?;
    cursor.end(micros - micros.rem_euclid(1000))
}

/// Where reading has come to.
struct Cursor<'t> {
    rest: &'t [u8],
    era: Era,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Era {
    Common,
    BeforeChrist,
}

impl<'t> Cursor<'t> {
    fn new(text: &'t [u8]) -> Result<Self, Unfit> {
        if text.ends_with(b"infinity") {
            return Err(INFINITE);
        }
        Ok(match text.strip_suffix(b" BC") {
            Some(rest) => Self { rest, era: Era::BeforeChrist },
            None => Self { rest: text, era: Era::Common },
        })
    }

    /// The value, when nothing is left.
    fn end(&self, value: i64) -> Result<i64, Unfit> {
        if self.rest.is_empty() { Ok(value) } else { Err(ODD) }
    }

    fn skip(&mut self, mark: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[mark])?;
        Some(())
    }

    /// The digits at the front as a number; nine at most.
    fn number(&mut self) -> Option<i64> {
        let length = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        (1..=9).contains(&length).then_some(value)
    }

    fn date(&mut self) -> Option<Result<i64, Unfit>> {
        let written = self.number()?;
        self.skip(b'-')?;
        let month = u32::try_from(self.number()?).ok()?;
        self.skip(b'-')?;
        let day = u32::try_from(self.number()?).ok()?;
        let year = if self.era == Era::BeforeChrist { 1 - written } else { written };
        if !(-9999..=9999).contains(&year) {
            return Some(Err(TOO_FAR));
        }
        let date = Date { year, month, day };
        date.exists().then(|| Ok(date.days()))
    }

    fn time(&mut self) -> Option<i64> {
        let hour = self.number()?;
        self.skip(b':')?;
        let minute = self.number()?;
        self.skip(b':')?;
        let second = self.number()?;
        let micros = if self.skip(b'.').is_some() {
            let before = self.rest.len();
            let fraction = self.number()?;
            let length = u32::try_from(before - self.rest.len()).ok()?;
            fraction * 10_i64.pow(6_u32.checked_sub(length)?)
        } else {
            0
        };
        Some((hour * 3600 + minute * 60 + second) * SECOND + micros)
    }

    fn moment(&mut self) -> Option<Result<i64, Unfit>> {
        let days = match self.date()? {
            Ok(days) => days,
            Err(error) => return Some(Err(error)),
        };
        self.skip(b' ')?;
        Some(Ok(days * DAY + self.time()?))
    }

    /// `+09`, `-03:30`, `+00:19:32` in microseconds.
    fn offset(&mut self) -> Option<i64> {
        let sign = if self.skip(b'+').is_some() {
            1
        } else {
            self.skip(b'-')?;
            -1
        };
        let mut seconds = self.number()? * 3600;
        for unit in [60, 1] {
            if self.skip(b':').is_some() {
                seconds += self.number()? * unit;
            }
        }
        Some(sign * seconds * SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_478_088_000 * SECOND; // 2016-11-02 12:00:00

    #[test]
    fn texts_of_every_form() {
        assert_eq!(date(b"2016-11-02"), Ok(17_107));
        assert_eq!(date(b"0001-01-01"), Ok(-719_162));
        assert_eq!(date(b"0001-12-31 BC"), Ok(-719_163));
        assert_eq!(wall(b"2016-11-02 12:00:00"), Ok(NOON));
        assert_eq!(wall(b"2016-11-02 12:00:00.5"), Ok(NOON + 500_000));
        assert_eq!(wall(b"2016-11-02 12:00:00.000001"), Ok(NOON + 1));
        for offset in ["2016-11-02 21:00:00+09", "2016-11-02 08:30:00-03:30", "2016-11-02 12:19:32+00:19:32"]
        {
            assert_eq!(instant(offset.as_bytes()), Ok(NOON));
        }
        assert_eq!(instant(b"0001-12-31 23:00:00-01 BC"), Ok(-719_162 * DAY));
        assert_eq!(time(b"04:00:05.333003"), Ok(4 * 3600 * SECOND + 5_333_003));
        assert_eq!(time(b"24:00:00"), Ok(DAY));
        assert_eq!(time_with_zone(b"04:00:05.333003+09"), Ok(-5 * 3600 * SECOND + 5_333_000));
    }

    #[test]
    fn what_has_no_place_is_refused() {
        for text in ["infinity", "-infinity"] {
            assert_eq!(date(text.as_bytes()), Err(INFINITE));
            assert_eq!(wall(text.as_bytes()), Err(INFINITE));
            assert_eq!(instant(text.as_bytes()), Err(INFINITE));
        }
        assert_eq!(date(b"5874897-12-31"), Err(TOO_FAR));
        assert_eq!(date(b"10001-01-01 BC"), Err(TOO_FAR));
        assert_eq!(wall(b"294276-12-31 23:59:59.999999"), Err(TOO_FAR));
        for text in
            ["", "x", "2016-11-02x", "2016-11", "02.11.2016", "9999999999-01-01", "2016-11-02 12:00:00"]
        {
            assert_eq!(date(text.as_bytes()), Err(ODD), "{text}");
        }
        assert_eq!(date(b"2016-13-01"), Err(ODD));
        assert_eq!(wall(b"2016-11-02 12:00:00.1234567"), Err(ODD));
        assert_eq!(instant(b"2016-11-02 12:00:00"), Err(ODD));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[-+0-9:. BCx]{0,40}") {
            for read in [date, wall, instant, time, time_with_zone] {
                let _ = read(text.as_bytes());
            }
        }
    }
}
