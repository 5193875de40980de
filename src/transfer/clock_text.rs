//! Times in texts, as Ruby's `strptime` and `Time.parse` read them in the forms that data has.

mod cursor;

use self::cursor::{Cursor, MONTH_NAMES, MONTHS, WEEKDAY_NAMES, WEEKDAYS};
use crate::transfer::civil::{DAY, Date, SECOND};

/// A wall clock with the offset that the text named, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transfer) struct ParsedClock {
    /// Microseconds since 1970-01-01T00:00:00 of that clock.
    pub(in crate::transfer) micros: i64,
    /// Seconds ahead of UTC.
    pub(in crate::transfer) offset: Option<i32>,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Parts {
    year: Option<i64>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    micros: i64,
    afternoon: Option<bool>,
    offset: Option<i32>,
    epoch_micros: Option<i64>,
}

impl Parts {
    /// The clock; what the text leaves out is that of 1970-01-01.
    fn clock(&self) -> Option<ParsedClock> {
        if let Some(micros) = self.epoch_micros {
            return Some(ParsedClock { micros: micros + self.micros, offset: Some(0) });
        }
        let mut date = Date {
            year: self.year.unwrap_or(1970),
            month: self.month.unwrap_or(1),
            day: self.day.unwrap_or(1),
        };
        if !date.exists() {
            return None;
        }
        if let Some(day) = self.day_of_year {
            let counted = Date::from_days(Date { month: 1, day: 1, ..date }.days() + i64::from(day) - 1);
            if counted.year != date.year {
                return None;
            }
            date = counted;
        }
        let hour = match self.afternoon {
            None => self.hour,
            Some(_) if !(1..=12).contains(&self.hour) => return None,
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
        };
        // 24:00:00 is the next midnight, and a leap second the next second, as in Ruby.
        let end_of_day = hour == 24 && self.minute == 0 && self.second == 0;
        if (hour > 23 && !end_of_day) || self.minute > 59 || self.second > 60 {
            return None;
        }
        let seconds = i64::from(hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        let micros = date.days().checked_mul(DAY)?.checked_add(seconds * SECOND + self.micros)?;
        Some(ParsedClock { micros, offset: self.offset })
    }
}

/// Ruby's `strptime`: white space in the format is any white space, text left over is refused. Embulk's own is
/// another: [`super::strptime`].
pub(in crate::transfer) fn parse_with(text: &str, format: &str) -> Option<ParsedClock> {
    let mut parts = Parts::default();
    let mut cursor = Cursor(text);
    read(&mut cursor, format, &mut parts)?;
    cursor.0.is_empty().then(|| parts.clock())?
}

fn read(cursor: &mut Cursor<'_>, format: &str, parts: &mut Parts) -> Option<()> {
    let mut chars = format.chars().peekable();
    while let Some(char) = chars.next() {
        if char.is_whitespace() {
            cursor.skip_space();
            continue;
        }
        if char != '%' {
            cursor.literal(char)?;
            continue;
        }
        let mut digits = String::new();
        while let Some(flag) =
            chars.next_if(|next| matches!(next, ':' | '-' | '^' | '#' | 'E' | 'O') || next.is_ascii_digit())
        {
            if flag.is_ascii_digit() {
                digits.push(flag);
            }
        }
        let letter = chars.next()?;
        // A number goes on as long as there are digits, unless another one follows at once.
        let usual = if is_number(chars.clone()) { None } else { Some(usize::MAX) };
        directive(cursor, letter, digits.parse().ok().or(usual), parts)?;
    }
    Some(())
}

/// Whether a number is next in a format.
fn is_number(mut rest: std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    match rest.next() {
        Some('%') => {
            let letter = rest.find(|next| !matches!(next, ':' | '-' | '^' | '#' | 'E' | 'O'));
            letter.is_some_and(|letter| "CDdeFGgHIjkLlMmNQRrSsTUuVvWwXxYy0123456789".contains(letter))
        }
        next => next.is_some_and(|next| next.is_ascii_digit()),
    }
}

fn directive(cursor: &mut Cursor<'_>, letter: char, width: Option<usize>, parts: &mut Parts) -> Option<()> {
    match letter {
        'Y' => parts.year = Some(cursor.signed(width.unwrap_or(4))?),
        'y' => {
            let year = i64::from(cursor.number(2)?);
            parts.year = Some(year + if year < 69 { 2000 } else { 1900 });
        }
        'm' => parts.month = Some(cursor.number(2)?),
        'd' | 'e' => parts.day = Some(cursor.padded()?),
        'j' => parts.day_of_year = Some(cursor.number(3).filter(|day| (1..=366).contains(day))?),
        'H' | 'k' | 'I' | 'l' => parts.hour = cursor.padded()?,
        'M' => parts.minute = cursor.number(2)?,
        'S' => parts.second = cursor.number(2)?,
        'L' => parts.micros = cursor.fraction(width.unwrap_or(3))?,
        'N' => parts.micros = cursor.fraction(width.unwrap_or(9))?,
        'p' | 'P' => parts.afternoon = Some(cursor.half()?),
        'B' | 'b' | 'h' => parts.month = Some(cursor.word(&MONTH_NAMES, &MONTHS)? + 1),
        'A' | 'a' => drop(cursor.word(&WEEKDAY_NAMES, &WEEKDAYS)?),
        'z' | 'Z' => parts.offset = Some(cursor.offset()?),
        's' => parts.epoch_micros = Some(cursor.signed(18)?.checked_mul(SECOND)?),
        'Q' => parts.epoch_micros = Some(cursor.signed(18)?.checked_mul(1000)?),
        'F' => read(cursor, "%Y-%m-%d", parts)?,
        'T' | 'X' => read(cursor, "%H:%M:%S", parts)?,
        'D' | 'x' => read(cursor, "%m/%d/%y", parts)?,
        'R' => read(cursor, "%H:%M", parts)?,
        'r' => read(cursor, "%I:%M:%S %p", parts)?,
        'c' => read(cursor, "%a %b %e %H:%M:%S %Y", parts)?,
        'n' | 't' => cursor.skip_space(),
        '%' => cursor.literal('%')?,
        _ => return None,
    }
    Some(())
}

/// The forms of `Time.parse` that name a day or a time of day without guessing: year first with `-`, `/` or nothing
/// between, a time with or without seconds, AM and PM, an offset.
pub(in crate::transfer) fn parse_freely(text: &str) -> Option<ParsedClock> {
    let mut parts = Parts::default();
    let mut cursor = Cursor(text.trim());
    let dated = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"].iter().any(|format| {
        let mut attempt = Cursor(cursor.0);
        let mut date = Parts::default();
        let fits = read(&mut attempt, format, &mut date).is_some()
            && !attempt.0.starts_with(|next: char| next.is_ascii_digit());
        if fits {
            cursor = Cursor(attempt.0);
            parts = date;
        }
        fits
    });
    if dated && cursor.0.is_empty() {
        return parts.clock();
    }
    if dated && cursor.literal('T').is_none() {
        cursor.0.starts_with(char::is_whitespace).then_some(())?;
    }
    cursor.skip_space();
    time_of_day(&mut cursor, &mut parts)?;
    cursor.skip_space();
    if !cursor.0.is_empty() {
        parts.offset = Some(cursor.offset()?);
    }
    cursor.0.is_empty().then(|| parts.clock())?
}

fn time_of_day(cursor: &mut Cursor<'_>, parts: &mut Parts) -> Option<()> {
    parts.hour = cursor.number(2)?;
    cursor.literal(':')?;
    parts.minute = cursor.number(2)?;
    if cursor.literal(':').is_some() {
        parts.second = cursor.number(2)?;
        if cursor.literal('.').is_some() {
            parts.micros = cursor.fraction(usize::MAX)?;
        }
    }
    cursor.skip_space();
    parts.afternoon = cursor.half();
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(year: i64, month: u32, day: u32, seconds: i64) -> i64 {
        Date { year, month, day }.days() * DAY + seconds * SECOND
    }

    #[test]
    fn formats_of_data() {
        let noon = micros(2015, 6, 4, 12 * 3600);
        for (text, format) in [
            ("2015-06-04 12:00:00", "%Y-%m-%d %H:%M:%S"),
            ("2015-06-04T12:00:00.000000", "%Y-%m-%dT%H:%M:%S.%6N"),
            ("20150604120000", "%Y%m%d%H%M%S"),
            ("4/Jun/2015:12:00:00", "%d/%b/%Y:%H:%M:%S"),
            ("06/04/15 12:00 PM", "%D %I:%M %p"),
            ("Thursday June  4 12:00:00 2015", "%A %B %e %T %Y"),
        ] {
            assert_eq!(parse_with(text, format), Some(ParsedClock { micros: noon, offset: None }), "{text}");
        }
        let zoned = parse_with("2015-06-04 12:00:00.5 +09:00", "%F %T.%N %z").unwrap();
        assert_eq!(zoned, ParsedClock { micros: noon + 500_000, offset: Some(32_400) });
        assert_eq!(parse_with("1433419200", "%s").unwrap().micros, noon);
        for (text, format) in
            [("2015-02-30", "%F"), ("2015-06-04 x", "%F"), ("2015", "%F"), ("25:00", "%H:%M"), ("日本", "%Y")]
        {
            assert_eq!(parse_with(text, format), None, "{text}");
        }
    }

    #[test]
    fn texts_that_need_no_format() {
        let day = micros(2016, 2, 26, 0);
        for text in ["20160226", "2016-02-26", "2016/02/26", " 2016-2-26 ", "2016-02-26 00:00"] {
            assert_eq!(parse_freely(text), Some(ParsedClock { micros: day, offset: None }), "{text}");
        }
        assert_eq!(parse_freely("2016-02-26T10:00:00Z").unwrap().offset, Some(0));
        assert_eq!(parse_freely("3:22 PM").unwrap().micros, (15 * 3600 + 22 * 60) * SECOND);
        for text in ["", "tomorrow", "2016-02-30", "2016-02-26 25:00:00", "13:00 PM", "26.2.2016"] {
            assert_eq!(parse_freely(text), None, "{text}");
        }
    }
}
