//! The `date` filter: Ruby's `Time.parse` for the ways people write dates in templates, and Ruby's `strftime`.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use regex::Regex;

use super::value::Value;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// `date`: what is no time, and an empty format, give the input.
pub(super) fn date(input: &Value, format: &Value, now: &Zoned) -> Value {
    let format = format.to_text();
    if format.is_empty() {
        return input.clone();
    }
    match moment(input, now) {
        Some(moment) => Value::text(moment.format(&format)),
        None => input.clone(),
    }
}

/// A point in time with what its zone is called: nothing for an offset that was parsed.
struct Moment {
    time: Zoned,
    zone: String,
}

fn moment(input: &Value, now: &Zoned) -> Option<Moment> {
    let zone = now.time_zone();
    let at = |seconds: i64| Timestamp::from_second(seconds).ok().map(|at| named(at.to_zoned(zone.clone())));
    match input.open() {
        Value::Integer(seconds) => at(i64::try_from(*seconds).ok()?),
        Value::Text(text) => {
            let text = text.to_lowercase();
            match text.as_str() {
                "now" | "today" => Some(named(now.clone())),
                digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                    at(digits.parse().ok()?)
                }
                text => parse(text, now),
            }
        }
        _ => None,
    }
}

fn named(time: Zoned) -> Moment {
    let zone = time.strftime("%Z").to_string();
    Moment { time, zone }
}

// Constant patterns: they compile always, or the tests fail.
static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:^|[\st])(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?\s*(am|pm)?\s*(z|utc|gmt|[+-]\d{2}:?\d{2}|[ecmp][sd]t|jst)?",
    )
    .expect("constant pattern")
});
static YEAR_FIRST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\d{4})[-/](\d{1,2})(?:[-/](\d{1,2}))?").expect("constant pattern"));
static DIGITS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(\d{4})(\d{2})(\d{2})(?:t?(\d{2})(\d{2})(\d{2})?)?").expect("constant pattern")
});
static MONTH_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?\b,?\s*(-?\d{4})?")
        .expect("constant pattern")
});
static DAY_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(\d{1,2})(?:st|nd|rd|th)?[\s-]+(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?[,\s-]*(\d{4})?")
        .expect("constant pattern")
});

/// A date, a clock or both; what is missing is today, or midnight when there is a date.
fn parse(text: &str, now: &Zoned) -> Option<Moment> {
    let clock = CLOCK.captures(text);
    let date = parse_date(text, now.date());
    if clock.is_none() && date.is_none() {
        return None;
    }
    let mut time = Time::midnight();
    let mut offset = None;
    if let Some(clock) = &clock {
        let number =
            |group: usize| clock.get(group).map_or(Some(0), |found| found.as_str().parse::<i8>().ok());
        let hour = match (number(1)?, clock.get(5).map(|half| half.as_str())) {
            (12, Some("am")) => 0,
            (hour @ 1..=11, Some("pm")) => hour + 12,
            (hour, _) => hour,
        };
        let fraction = clock.get(4).map_or("0", |found| found.as_str());
        let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        time = Time::new(hour, number(2)?, number(3)?, nanos).ok()?;
        offset = clock.get(6).and_then(|zone| offset_of(zone.as_str()));
    } else if let Some(digits) = DIGITS.captures(text)
        && digits.get(4).is_some()
    {
        let number =
            |group: usize| digits.get(group).map_or(Some(0), |found| found.as_str().parse::<i8>().ok());
        time = Time::new(number(4)?, number(5)?, number(6)?, 0).ok()?;
    }
    let civil: DateTime = date.unwrap_or_else(|| now.date()).to_datetime(time);
    match offset {
        Some((offset, zone)) => {
            let time = civil.to_zoned(TimeZone::fixed(offset)).ok()?;
            Some(Moment { time, zone })
        }
        None => civil.to_zoned(now.time_zone().clone()).ok().map(named),
    }
}

fn parse_date(text: &str, today: Date) -> Option<Date> {
    let number = |text: &str| text.parse::<i16>().ok();
    if let Some(found) = YEAR_FIRST.captures(text).or_else(|| DIGITS.captures(text)) {
        let day = found.get(3).map_or(Some(1), |day| number(day.as_str()))?;
        return Date::new(number(&found[1])?, number(&found[2])? as i8, day as i8).ok();
    }
    let (month, day, year) = if let Some(found) = MONTH_FIRST.captures(text) {
        (found[1].to_owned(), found[2].to_owned(), found.get(3).map(|year| year.as_str().to_owned()))
    } else {
        let found = DAY_FIRST.captures(text)?;
        (found[2].to_owned(), found[1].to_owned(), found.get(3).map(|year| year.as_str().to_owned()))
    };
    let month = MONTHS.iter().position(|name| name.to_lowercase().starts_with(&month))? + 1;
    let year = year.map_or(Some(today.year()), |year| number(&year))?;
    Date::new(year, month as i8, number(&day)? as i8).ok()
}

fn offset_of(zone: &str) -> Option<(Offset, String)> {
    let hours = match zone {
        "z" | "utc" | "gmt" => return Some((Offset::UTC, "UTC".to_owned())),
        "jst" => 9,
        "est" => -5,
        "edt" | "ast" => -4,
        "cst" => -6,
        "cdt" => -5,
        "mst" => -7,
        "mdt" => -6,
        "pst" => -8,
        "pdt" => -7,
        _ => {
            let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
            let number: i32 = digits.parse().ok()?;
            let seconds = (number / 100) * 3600 + (number % 100) * 60;
            let signed = if zone.starts_with('-') { -seconds } else { seconds };
            return Some((Offset::from_seconds(signed).ok()?, String::new()));
        }
    };
    Some((Offset::from_hours(hours).ok()?, zone.to_uppercase()))
}

/// How a directive is filled up, and its letters.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    padding: Option<char>,
    bare: bool,
    upper: bool,
    swapped: bool,
    colons: usize,
    width: Option<usize>,
}

impl Moment {
    fn format(&self, format: &str) -> String {
        let mut out = String::new();
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            let directive = &rest[at..];
            let (flags, length) = flags(directive);
            let letter = directive[length..].chars().next();
            let end = length + letter.map_or(0, char::len_utf8);
            match letter.and_then(|letter| self.directive(letter, flags)) {
                Some(text) => out.push_str(&text),
                None => out.push_str(&directive[..end]),
            }
            rest = &directive[end..];
        }
        out.push_str(rest);
        out
    }

    fn directive(&self, letter: char, flags: Flags) -> Option<String> {
        let time = &self.time;
        let (date, week) = (time.date(), time.date().iso_week_date());
        let hour12 = (time.hour() + 11) % 12 + 1;
        let monday_based = i64::from(date.weekday().to_monday_zero_offset());
        let sunday_based = i64::from(date.weekday().to_sunday_zero_offset());
        let day_of_year = i64::from(date.day_of_year());
        let month = MONTHS[date.month() as usize - 1];
        let day = DAYS[date.weekday().to_monday_zero_offset() as usize];
        let number = |value: i64, width, fill| Some(flags.number(value, width, fill));
        let text = |text: &str| Some(flags.text(text));
        match letter {
            'Y' => number(date.year().into(), 1, '0'),
            'C' => number(i64::from(date.year()).div_euclid(100), 2, '0'),
            'y' => number(i64::from(date.year()).rem_euclid(100), 2, '0'),
            'G' => number(week.year().into(), 1, '0'),
            'g' => number(i64::from(week.year()).rem_euclid(100), 2, '0'),
            'V' => number(week.week().into(), 2, '0'),
            'U' => number((day_of_year + 6 - sunday_based) / 7, 2, '0'),
            'W' => number((day_of_year + 6 - monday_based) / 7, 2, '0'),
            'm' => number(date.month().into(), 2, '0'),
            'd' => number(date.day().into(), 2, '0'),
            'e' => number(date.day().into(), 2, ' '),
            'j' => number(day_of_year, 3, '0'),
            'H' => number(time.hour().into(), 2, '0'),
            'k' => number(time.hour().into(), 2, ' '),
            'I' => number(hour12.into(), 2, '0'),
            'l' => number(hour12.into(), 2, ' '),
            'M' => number(time.minute().into(), 2, '0'),
            'S' => number(time.second().into(), 2, '0'),
            's' => number(time.timestamp().as_second(), 1, '0'),
            'u' => number(monday_based + 1, 1, '0'),
            'w' => number(sunday_based, 1, '0'),
            'L' => Some(self.fraction(flags.width.unwrap_or(3))),
            'N' => Some(self.fraction(flags.width.unwrap_or(9))),
            'z' => Some(self.offset(flags)),
            'Z' => text(&self.zone),
            'B' => text(month),
            'b' | 'h' => text(&month[..3]),
            'A' => text(day),
            'a' => text(&day[..3]),
            'p' if flags.swapped => Some(if time.hour() < 12 { "am" } else { "pm" }.to_owned()),
            'p' => text(if time.hour() < 12 { "AM" } else { "PM" }),
            'P' => text(if time.hour() < 12 { "am" } else { "pm" }),
            '%' => Some("%".to_owned()),
            'n' => Some("\n".to_owned()),
            't' => Some("\t".to_owned()),
            'F' => text(&self.format("%Y-%m-%d")),
            'T' | 'X' => text(&self.format("%H:%M:%S")),
            'D' | 'x' => text(&self.format("%m/%d/%y")),
            'R' => text(&self.format("%H:%M")),
            'r' => text(&self.format("%I:%M:%S %p")),
            'c' => text(&self.format("%a %b %e %H:%M:%S %Y")),
            'v' => text(&self.format("%e-%^b-%Y")),
            '+' => text(&self.format("%a %b %e %H:%M:%S %Z %Y")),
            _ => None,
        }
    }

    fn fraction(&self, digits: usize) -> String {
        let nanos = format!("{:09}", self.time.subsec_nanosecond());
        format!("{nanos:0<digits$}")[..digits].to_owned()
    }

    fn offset(&self, flags: Flags) -> String {
        let seconds = self.time.offset().seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let (hours, minutes, seconds) = (seconds.abs() / 3600, seconds.abs() / 60 % 60, seconds.abs() % 60);
        match flags.colons {
            0 => format!("{sign}{hours:02}{minutes:02}"),
            1 => format!("{sign}{hours:02}:{minutes:02}"),
            _ => format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"),
        }
    }
}

/// The flags after a `%` and how many bytes they take, the `%` included.
fn flags(directive: &str) -> (Flags, usize) {
    let mut flags = Flags::default();
    for (at, char) in directive.char_indices().skip(1) {
        match char {
            '-' => flags.bare = true,
            '_' => flags.padding = Some(' '),
            '0' if flags.width.is_none() => flags.padding = Some('0'),
            '^' => flags.upper = true,
            '#' => flags.swapped = true,
            ':' => flags.colons += 1,
            digit if digit.is_ascii_digit() => {
                let digit = digit.to_digit(10).unwrap_or(0) as usize;
                // Wider than any template means.
                flags.width = Some((flags.width.unwrap_or(0) * 10 + digit).min(200));
            }
            _ => return (flags, at),
        }
    }
    (flags, directive.len())
}

impl Flags {
    fn number(self, value: i64, width: usize, fill: char) -> String {
        if self.bare {
            return value.to_string();
        }
        let width = self.width.unwrap_or(width);
        if self.padding.unwrap_or(fill) == '0' {
            format!("{value:0width$}")
        } else {
            format!("{value:width$}")
        }
    }

    fn text(self, text: &str) -> String {
        let text = if self.upper || self.swapped { text.to_uppercase() } else { text.to_owned() };
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let fill = if self.padding == Some('0') { "0" } else { " " };
        fill.repeat(missing) + &text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(input: &str, format: &str) -> String {
        let now = "2015-06-04T01:02:03+09:00[Asia/Tokyo]".parse().unwrap();
        date(&Value::text(input), &Value::text(format), &now).to_text()
    }

    #[test]
    fn dates_as_people_write_them() {
        assert_eq!(formatted("2015-01-02", "%Y%m%d"), "20150102");
        assert_eq!(formatted("now", "%Y-%m-%d %H:%M:%S %z %Z"), "2015-06-04 01:02:03 +0900 JST");
        assert_eq!(formatted("June 4, 2015", "%m/%d/%y"), "06/04/15");
        assert_eq!(formatted("4 Jun 2015 10:11", "%F %T"), "2015-06-04 10:11:00");
        assert_eq!(formatted("20150102T030405", "%F %T"), "2015-01-02 03:04:05");
        assert_eq!(formatted("2015-06-04 01:02:03.25 -03:00", "%N %L %:z|%Z"), "250000000 250 -03:00|");
        assert_eq!(formatted("1433379723", "%s"), "1433379723");
        assert_eq!(formatted("10:00", "%F %H"), "2015-06-04 10");
    }

    #[test]
    fn what_is_no_date_stays() {
        assert_eq!(formatted("orders", "%Y"), "orders");
        assert_eq!(formatted("2015-13-45", "%Y"), "2015-13-45");
        assert_eq!(formatted("2015-01-02", ""), "2015-01-02");
        assert_eq!(formatted("2015-01-02", "%Q %^a %-d %e %3d %"), "%Q FRI 2  2 002 %");
    }
}
