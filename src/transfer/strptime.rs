//! Ruby's strptime, by which Embulk reads times: a format is parsed once, texts without allocation.
//!
//! Times are whole microseconds; further digits are cut.

use jiff::tz::TimeZone;

use super::civil::{DAY, Date, SECOND};
use super::strptime_zone::{self, ZoneText};
use super::zone::ZoneClock;
use crate::embulk::zone::Zone;

const MONTHS: [&str; 12] = [
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
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Directives that read digits: a number before one of them ends where it is as long as it can be.
const NUMERIC: &str = "CDdeFGgHIjkLlMmNQRrSsTUuVvWwXxYy0123456789";

/// Reads times in a format. Texts that name no zone are in the reader's.
#[derive(Debug, Clone)]
pub struct TimeReader {
    items: Vec<Item>,
    zone: ZoneClock,
    /// What a text leaves out of its day.
    day: Date,
    /// The zone that a text named last, since most rows name the same.
    named: Option<(String, ZoneClock)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Space,
    Letter(char),
    /// And whether digits follow in the format.
    Directive(char, bool),
}

/// What a text says of its time.
#[derive(Debug, Default)]
struct Parts<'t> {
    year: Option<i64>,
    century: Option<i64>,
    year_of_century: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    micros: i64,
    epoch: Option<i64>,
    /// The epoch has a minus sign, which goes for its fraction too.
    before_epoch: bool,
    zone: Option<ZoneText<'t>>,
}

impl TimeReader {
    /// A reader for a format. Any text is one; what is no directive stands for itself.
    pub fn new(format: &str, zone: TimeZone) -> Self {
        let day = Date { year: 1970, month: 1, day: 1 };
        Self { items: items(format), zone: ZoneClock::new(zone), day, named: None }
    }

    /// The same, where texts without a day mean this one.
    #[must_use]
    pub fn on(self, day: Date) -> Self {
        Self { day, ..self }
    }

    /// Microseconds since 1970-01-01T00:00:00Z; none when the text is not in the format or names no time.
    pub fn read(&mut self, text: &str) -> Option<i64> {
        let mut rest = text;
        let mut parts = Parts::default();
        for item in &self.items {
            rest = match *item {
                Item::Space => rest.trim_start(),
                Item::Letter(letter) => rest.strip_prefix(letter)?,
                Item::Directive(directive, number_follows) => parts.read(directive, number_follows, rest)?,
            };
        }
        // What stands behind is ignored, as Embulk does.
        self.resolve(&parts)
    }

    fn resolve(&mut self, parts: &Parts<'_>) -> Option<i64> {
        if let Some(epoch) = parts.epoch {
            let micros = if parts.before_epoch { -parts.micros } else { parts.micros };
            return epoch.checked_add(micros);
        }
        let days = parts.days(self.day)?;
        let hour = match (parts.hour.unwrap_or(0), parts.afternoon) {
            (hour, None) => hour,
            (hour, Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
        };
        // The last second of a leap minute is the one before it.
        let second = parts.second.unwrap_or(0).min(59);
        let seconds = hour * 3600 + parts.minute.unwrap_or(0) * 60 + second;
        let wall = days.checked_mul(DAY)?.checked_add(seconds * SECOND)?.checked_add(parts.micros)?;
        match parts.zone {
            None => self.zone.instant(wall),
            Some(ZoneText::Offset(offset)) => Some(wall - offset * SECOND),
            Some(ZoneText::Name(name)) => {
                if self.named.as_ref().is_none_or(|(known, _)| known != name) {
                    let zone = ZoneClock::new(Zone::embulk(name).ok()?.zone);
                    self.named = Some((name.to_owned(), zone));
                }
                self.named.as_mut()?.1.instant(wall)
            }
        }
    }
}

fn items(format: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = format;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        if letter.is_ascii_whitespace() || letter == '\u{b}' {
            items.push(Item::Space);
        } else if letter == '%' {
            rest = directive(rest, &mut items);
        } else {
            items.push(Item::Letter(letter));
        }
    }
    items
}

/// What stands behind a `%`.
fn directive<'f>(rest: &'f str, items: &mut Vec<Item>) -> &'f str {
    let plain =
        rest.strip_prefix(['E', 'O']).filter(|after| after.starts_with(|next| NUMERIC.contains(next)));
    let plain = plain.unwrap_or(rest);
    let colons = plain.trim_start_matches(':');
    let plain = if colons.starts_with('z') { colons } else { plain };
    let Some(letter) = plain.chars().next() else {
        items.push(Item::Letter('%'));
        return plain;
    };
    let after = &plain[letter.len_utf8()..];
    let long = match letter {
        'c' => "%a %b %e %H:%M:%S %Y",
        'D' | 'x' => "%m/%d/%y",
        'F' => "%Y-%m-%d",
        'n' | 't' => " ",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        'T' | 'X' => "%H:%M:%S",
        'v' => "%e-%b-%Y",
        '+' => "%a %b %e %H:%M:%S %Z %Y",
        _ => "",
    };
    if !long.is_empty() {
        let mut inside = self::items(long);
        if let Some(Item::Directive(_, number_follows)) = inside.last_mut() {
            *number_follows = starts_with_number(after);
        }
        items.extend(inside);
    } else if "AaBbhCdeGgHkIljLNMmPpQSsUWVuwYyZz".contains(letter) {
        items.push(Item::Directive(letter, starts_with_number(after)));
    } else if letter == '%' {
        items.push(Item::Letter('%'));
    } else {
        items.extend([Item::Letter('%'), Item::Letter(letter)]);
    }
    after
}

fn starts_with_number(format: &str) -> bool {
    match format.strip_prefix('%') {
        Some(directive) => {
            directive.trim_start_matches(['E', 'O']).starts_with(|next| NUMERIC.contains(next))
        }
        None => format.starts_with(|next: char| next.is_ascii_digit()),
    }
}

impl<'t> Parts<'t> {
    /// Reads one directive, and gives what stands behind it.
    fn read(&mut self, directive: char, number_follows: bool, text: &'t str) -> Option<&'t str> {
        let long = |usual: usize| if number_follows { usual } else { usize::MAX };
        let (slot, (value, rest)) = match directive {
            'A' | 'a' => return name(&DAYS, text).map(|(_, rest)| rest),
            'B' | 'b' | 'h' => {
                let (month, rest) = name(&MONTHS, text)?;
                (&mut self.month, (month + 1, rest))
            }
            'p' | 'P' => {
                let (afternoon, rest) = meridian(text)?;
                self.afternoon = Some(afternoon);
                return Some(rest);
            }
            'Z' | 'z' => {
                let (zone, rest) = strptime_zone::read(text)?;
                self.zone = Some(zone);
                return Some(rest);
            }
            'L' => return self.fraction(text, long(3)),
            'N' => return self.fraction(text, long(9)),
            's' | 'Q' => {
                let (number, rest) = signed(text, usize::MAX)?;
                // Of a minus zero Embulk keeps no minus.
                self.before_epoch = number < 0;
                self.epoch = Some(number.checked_mul(if directive == 's' { SECOND } else { 1000 })?);
                return Some(rest);
            }
            'Y' => (&mut self.year, signed(text, long(4))?),
            'C' => (&mut self.century, digits(text, long(2), 0..=i64::MAX)?),
            'y' => (&mut self.year_of_century, digits(text, 2, 0..=99)?),
            'm' => (&mut self.month, digits(text, 2, 1..=12)?),
            'd' | 'e' => (&mut self.day, padded(text, 1..=31)?),
            'j' => (&mut self.day_of_year, digits(text, 3, 1..=366)?),
            'H' | 'k' => (&mut self.hour, padded(text, 0..=24)?),
            'I' | 'l' => (&mut self.hour, padded(text, 1..=12)?),
            'M' => (&mut self.minute, digits(text, 2, 0..=59)?),
            'S' => (&mut self.second, digits(text, 2, 0..=60)?),
            // Weeks and days of weeks are read, and say nothing that counts.
            'G' => return signed(text, long(4)).map(|(_, rest)| rest),
            'g' => return digits(text, 2, 0..=99).map(|(_, rest)| rest),
            'U' | 'W' => return digits(text, 2, 0..=53).map(|(_, rest)| rest),
            'V' => return digits(text, 2, 1..=53).map(|(_, rest)| rest),
            'u' => return digits(text, 1, 1..=7).map(|(_, rest)| rest),
            _ => return digits(text, 1, 0..=6).map(|(_, rest)| rest),
        };
        *slot = Some(value);
        Some(rest)
    }

    fn fraction(&mut self, text: &'t str, most: usize) -> Option<&'t str> {
        let (sign, unsigned) = sign(text);
        let length = digit_count(unsigned, most);
        if length == 0 {
            return None;
        }
        let kept = &unsigned[..length.min(6)];
        let scale = 10_i64.pow(6 - u32::try_from(kept.len()).ok()?);
        self.micros = sign * kept.parse::<i64>().ok()? * scale;
        Some(&unsigned[length..])
    }

    /// Days since 1970-01-01. Days that the month does not have are those of the next one.
    fn days(&self, usual: Date) -> Option<i64> {
        let year = match (self.year, self.century, self.year_of_century) {
            (Some(year), ..) => year,
            (None, Some(century), short) => century.checked_mul(100)?.checked_add(short.unwrap_or(0))?,
            (None, None, Some(short)) => short + if short >= 69 { 1900 } else { 2000 },
            (None, None, None) => usual.year,
        };
        if !(-9999..=9999).contains(&year) {
            return None;
        }
        if let (Some(day), None, None) = (self.day_of_year, self.month, self.day) {
            let last = Date { year, month: 12, day: 31 }.days();
            let days = Date { year, month: 1, day: 1 }.days() + day - 1;
            return (days <= last).then_some(days);
        }
        let part =
            |value: Option<i64>, usual: u32| value.map_or(Some(usual), |value| u32::try_from(value).ok());
        Some(Date { year, month: part(self.month, usual.month)?, day: part(self.day, usual.day)? }.days())
    }
}

fn digit_count(text: &str, most: usize) -> usize {
    text.bytes().take(most).take_while(u8::is_ascii_digit).count()
}

fn digits(text: &str, most: usize, bounds: std::ops::RangeInclusive<i64>) -> Option<(i64, &str)> {
    let length = digit_count(text, most);
    let number = text[..length].parse().ok().filter(|number| bounds.contains(number))?;
    Some((number, &text[length..]))
}

/// Two digits, or a space and one.
fn padded(text: &str, bounds: std::ops::RangeInclusive<i64>) -> Option<(i64, &str)> {
    match text.strip_prefix(' ') {
        Some(rest) => digits(rest, 1, bounds),
        None => digits(text, 2, bounds),
    }
}

fn sign(text: &str) -> (i64, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn signed(text: &str, most: usize) -> Option<(i64, &str)> {
    let (sign, rest) = sign(text);
    let (number, rest) = digits(rest, most, 0..=i64::MAX)?;
    Some((sign * number, rest))
}

/// A name or its first three letters, in any case; its place in the list.
fn name<'t>(names: &[&str], text: &'t str) -> Option<(i64, &'t str)> {
    let starts = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    names.iter().enumerate().find_map(|(at, name)| {
        let length = if starts(name) { name.len() } else { 3 };
        starts(&name[..length]).then(|| (i64::try_from(at).unwrap_or(0), &text[length..]))
    })
}

/// `am`, `PM`, `a.m.`
fn meridian(text: &str) -> Option<(bool, &str)> {
    let start = |length: usize| text.get(..length).map(str::to_ascii_lowercase);
    for (word, afternoon) in [("a.m.", false), ("p.m.", true), ("am", false), ("pm", true)] {
        if start(word.len()).as_deref() == Some(word) {
            return Some((afternoon, &text[word.len()..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::encode::number::push_i64;

    fn read(format: &str, text: &str) -> Option<i64> {
        TimeReader::new(format, TimeZone::get("Asia/Tokyo").unwrap()).read(text)
    }

    const NOON: i64 = 1_433_386_800 * SECOND;

    #[test]
    fn times_of_production_files() {
        for (format, text, expected) in [
            ("%Y-%m-%d %H:%M:%S.%N %z", "2015-06-04 12:00:00.5 +0900", NOON + 500_000),
            ("%Y-%m-%d %H:%M:%S", "2015-06-04 12:00:00", NOON),
            ("%Y-%m-%d %H:%M:%S %Z", "2015-06-04 03:00:00 UTC", NOON),
            ("%Y-%m-%d %H:%M:%S %z", "2015-06-04 12:00:00 JST and so on", NOON),
            ("%Y-%m-%d %H", "2015-02-30 12", NOON - 94 * DAY),
            ("%s.%N", "-1.5", -1_500_000),
            ("%Y-%m-%dT%H:%M:%S%:z", "2015-06-04T12:00:00+09:00", NOON),
            ("%Y%m%d%H%M%S", "20150604120000", NOON),
            ("%s", "1433386800", NOON),
            ("%Q", "1433386800123", NOON + 123_000),
            ("%s.%N", "1433386800.25", NOON + 250_000),
            ("%s.%N", "-0.5", 500_000),
            ("%Y-%m-%d %I:%M %p", "2015-06-04 12:00 pmx", NOON),
            ("%Y-%m-%d %H:%M:%S", "2015-06-04 11:59:60", NOON - SECOND),
            ("%Y-%m-%d %H:%M:%S %Z", "2015-06-04 03:00:00 UTC and more", NOON),
            ("%C%y-%U-%w-%m-%d %H", "2015-12-3-06-04 12", NOON),
            ("%d/%b/%Y:%T %z", "04/Jun/2015:12:00:00 +0900", NOON),
            ("%a %B %e %I:%M %p %y", "thu JUNE  4 12:00 PM 15", NOON),
            ("%F %R", "2015-06-04   12:00", NOON),
            ("%Y-%j", "2015-155", NOON - 12 * 3600 * SECOND),
            ("%Y-%m-%d %H:%M:%S.%N", "2015-06-04 12:00:00.123456789", NOON + 123_456),
            ("%Y-%m-%d %H", "1969-12-31 24", -9 * 3600 * SECOND),
            ("%H:%M", "09:00", 0),
            ("100%% %Y", "100% 1970", -9 * 3600 * SECOND),
        ] {
            assert_eq!(read(format, text), Some(expected), "{format} {text}");
        }
    }

    #[test]
    fn what_a_text_leaves_out_is_that_of_a_day() {
        let reader = |format: &str, text: &str| {
            let day = Date { year: 2016, month: 3, day: 5 };
            TimeReader::new(format, TimeZone::UTC)
                .on(day)
                .read(text)
                .map(|micros| Date::from_days(micros.div_euclid(DAY)))
        };
        let date = |month, day| Some(Date { year: 2016, month, day });
        assert_eq!(reader("%H:%M", "01:00"), date(3, 5));
        assert_eq!(reader("%m", "07"), date(7, 5));
        assert_eq!(
            reader("%m-%d", "02-30"),
            date(3, 1),
            "the day that the month does not have is of the next"
        );
    }

    #[test]
    fn texts_that_are_no_times_of_the_format() {
        for (format, text) in [
            ("%Y-%m-%d", "2015-06-32"),
            ("%Y-%m-%d %z", "2015-06-04 Asia/Tokyo"),
            ("%Y-%m-%d", "2015-13-01"),
            ("%Y-%m-%d", "yesterday"),
            ("%Y-%m-%d %H:%M:%S %z", "2015-06-04 12:00:00"),
            ("%Y-%m-%d %z", "2015-06-04 Nowhere"),
            ("%Y-%m-%d", ""),
            ("%Y", "99999999999999999999"),
        ] {
            assert_eq!(read(format, text), None, "{format} {text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(format in "[%YmdHMSLNzZs: .+-]{0,12}", text in "\\PC{0,20}") {
            let _ = read(&format, &text);
        }

        #[test]
        fn what_is_written_is_read(micros in -2_000_000_000_000_000_i64..4_000_000_000_000_000) {
            use crate::transfer::strftime::{Dialect, TimeFormat, WallClock};
            let format = "%Y-%m-%d %H:%M:%S.%N %z";
            let mut text = Vec::new();
            let clock = WallClock { micros: micros + 3600 * SECOND, offset: 3600, zone: "" };
            TimeFormat::parse(format, Dialect::Ruby).write(&clock, &mut text);
            proptest::prop_assert_eq!(read(format, std::str::from_utf8(&text).unwrap()), Some(micros));
            let mut seconds = Vec::new();
            push_i64(micros.div_euclid(SECOND), &mut seconds);
            let whole = micros - micros.rem_euclid(SECOND);
            proptest::prop_assert_eq!(read("%s", std::str::from_utf8(&seconds).unwrap()), Some(whole));
        }
    }
}
