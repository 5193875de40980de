//! Times in texts, as Ruby's `strptime` and `Time.parse` read them in the forms that data has.

use crate::transfer::civil::{DAY, Date, SECOND};

/// A wall clock with the offset that the text named, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transfer) struct ParsedClock {
    /// Microseconds since 1970-01-01T00:00:00 of that clock.
    pub(in crate::transfer) micros: i64,
    /// Seconds ahead of UTC.
    pub(in crate::transfer) offset: Option<i32>,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH_NAMES: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WEEKDAY_NAMES: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

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
    names: Names,
}

/// Which names of zones a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::transfer) enum Names {
    /// Those of Ruby.
    #[default]
    Ruby,
    /// Those of Embulk's parsers, where summer time has the offset of winter.
    Embulk,
}

impl Parts {
    /// The clock, with the parts of a date where the text has none.
    fn clock(&self, usual: Date) -> Option<ParsedClock> {
        if let Some(micros) = self.epoch_micros {
            return Some(ParsedClock { micros: micros + self.micros, offset: Some(0) });
        }
        let mut date = Date {
            year: self.year.unwrap_or(usual.year),
            month: self.month.unwrap_or(usual.month),
            day: self.day.unwrap_or(usual.day),
        };
        if !date.exists() {
            return None;
        }
        if let Some(day) = self.day_of_year {
            date = Date::from_days(Date { month: 1, day: 1, ..date }.days() + i64::from(day) - 1);
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

/// A text still to be read.
struct Cursor<'t>(&'t str);

impl Cursor<'_> {
    fn skip_space(&mut self) {
        self.0 = self.0.trim_start();
    }

    fn literal(&mut self, char: char) -> Option<()> {
        self.0 = self.0.strip_prefix(char)?;
        Some(())
    }

    /// Up to `most` digits.
    fn number(&mut self, most: usize) -> Option<u32> {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number = self.0[..length].parse().ok()?;
        self.0 = &self.0[length..];
        Some(number)
    }

    /// Digits of a second after the point, to microseconds; further ones are dropped.
    fn fraction(&mut self, most: usize) -> Option<i64> {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        let micros = self.0.bytes().take(length).chain(std::iter::repeat(b'0')).take(6);
        let micros = micros.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        self.0 = &self.0[length..];
        Some(micros)
    }

    fn signed(&mut self, most: usize) -> Option<i64> {
        let (sign, rest) = match self.0.as_bytes().first()? {
            b'-' => (-1, &self.0[1..]),
            b'+' => (1, &self.0[1..]),
            _ => (1, self.0),
        };
        let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..length].parse().ok()?;
        self.0 = &rest[length..];
        Some(sign * number)
    }

    /// One of some words, the longer list first; any case.
    fn word(&mut self, long: &[&str], short: &[&str]) -> Option<u32> {
        for list in [long, short] {
            for (at, word) in list.iter().enumerate() {
                if self.0.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) {
                    self.0 = &self.0[word.len()..];
                    return u32::try_from(at).ok();
                }
            }
        }
        None
    }

    fn half(&mut self) -> Option<bool> {
        let found = self.word(&["a.m.", "p.m."], &["am", "pm"])?;
        Some(found == 1)
    }

    /// `Z`, `UTC`, `+09`, `+0900`, `+09:00`, and the abbreviations that Ruby knows.
    fn offset(&mut self, names: Names) -> Option<i32> {
        if let Some(sign) = self.0.chars().next().filter(|first| matches!(first, '+' | '-')) {
            self.0 = &self.0[1..];
            let hours = self.number(2)?;
            let _ = self.literal(':');
            let minutes = self.number(2).unwrap_or(0);
            if hours > 24 || minutes > 59 {
                return None;
            }
            let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
            return Some(if sign == '-' { -seconds } else { seconds });
        }
        let zones = [
            ("utc", 0),
            ("gmt", 0),
            ("jst", 9),
            ("est", -5),
            ("edt", -4),
            ("cst", -6),
            ("cdt", -5),
            ("mst", -7),
            ("mdt", -6),
            ("pst", -8),
            ("pdt", -7),
            ("z", 0),
        ];
        let known: Vec<&str> = zones.iter().map(|(name, _)| *name).collect();
        let found = self.word(&known, &[])?;
        let (name, hours) = zones[found as usize];
        let hours = if names == Names::Embulk && name.ends_with("dt") { hours - 1 } else { hours };
        Some(hours * 3600)
    }
}

/// The first of January 1970.
const EPOCH: Date = Date { year: 1970, month: 1, day: 1 };

/// The same as Embulk's parsers do it, with a date of one's own for texts without.
pub(in crate::transfer) fn parse_by(
    text: &str,
    format: &str,
    usual: Date,
    names: Names,
) -> Option<ParsedClock> {
    let mut parts = Parts { names, ..Parts::default() };
    let mut cursor = Cursor(text);
    read(&mut cursor, format, &mut parts)?;
    cursor.0.is_empty().then(|| parts.clock(usual))?
}

/// Ruby's `strptime`: white space in the format is any white space, text left over is refused.
pub(in crate::transfer) fn parse_with(text: &str, format: &str) -> Option<ParsedClock> {
    parse_by(text, format, EPOCH, Names::Ruby)
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
        directive(cursor, chars.next()?, digits.parse().ok(), parts)?;
    }
    Some(())
}

fn directive(cursor: &mut Cursor<'_>, letter: char, width: Option<usize>, parts: &mut Parts) -> Option<()> {
    match letter {
        'Y' => parts.year = Some(cursor.signed(width.unwrap_or(4))?),
        'y' => {
            let year = i64::from(cursor.number(2)?);
            parts.year = Some(year + if year < 69 { 2000 } else { 1900 });
        }
        'm' => parts.month = Some(cursor.number(2)?),
        'd' | 'e' => {
            cursor.skip_space();
            parts.day = Some(cursor.number(2)?);
        }
        'j' => parts.day_of_year = Some(cursor.number(3).filter(|day| (1..=366).contains(day))?),
        'H' | 'k' | 'I' | 'l' => {
            cursor.skip_space();
            parts.hour = cursor.number(2)?;
        }
        'M' => parts.minute = cursor.number(2)?,
        'S' => parts.second = cursor.number(2)?,
        'L' => parts.micros = cursor.fraction(width.unwrap_or(3))?,
        'N' => parts.micros = cursor.fraction(width.unwrap_or(9))?,
        'p' | 'P' => parts.afternoon = Some(cursor.half()?),
        'B' | 'b' | 'h' => parts.month = Some(cursor.word(&MONTH_NAMES, &MONTHS)? + 1),
        'A' | 'a' => drop(cursor.word(&WEEKDAY_NAMES, &WEEKDAYS)?),
        'z' | 'Z' => parts.offset = Some(cursor.offset(parts.names)?),
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
        return parts.clock(EPOCH);
    }
    if dated && cursor.literal('T').is_none() {
        cursor.0.starts_with(char::is_whitespace).then_some(())?;
    }
    cursor.skip_space();
    time_of_day(&mut cursor, &mut parts)?;
    cursor.skip_space();
    if !cursor.0.is_empty() {
        parts.offset = Some(cursor.offset(parts.names)?);
    }
    cursor.0.is_empty().then(|| parts.clock(EPOCH))?
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
