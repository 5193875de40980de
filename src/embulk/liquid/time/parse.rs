//! Ruby's `Time.parse`: finds a date and a clock in almost any text, as `Date._parse` does.
//!
//! One pattern after the other is tried and what it found is taken out of the text. What is not there comes from
//! today, as long as nothing greater was given. All texts are in lower case here.

use std::sync::LazyLock;

use jiff::Zoned;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use regex::{Captures, Regex};

use super::Moment;

/// What a text says.
#[derive(Debug, Default)]
struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    minute: Option<i64>,
    second: Option<i64>,
    nanos: Option<i32>,
    zone: Option<String>,
    before_christ: bool,
    /// A year of two digits is meant as it stands.
    whole_year: bool,
}

const MONTHS: &str = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec";
const ERAS: &str = r"c(?:e|\.e\.)|b(?:ce|\.c\.e\.)|a(?:d|\.d\.)|b(?:c|\.c\.)";

/// A pattern, `MON` and `ERA` standing for the names of months and eras.
fn pattern(pattern: &str) -> Regex {
    // Constant patterns: they compile always, or the tests fail.
    Regex::new(&pattern.replace("MON", MONTHS).replace("ERA", ERAS)).expect("constant pattern")
}

macro_rules! patterns {
    ($($name:ident = $text:expr;)*) => {
        $(static $name: LazyLock<Regex> = LazyLock::new(|| pattern($text));)*
    };
}

patterns! {
    OTHER_SIGNS = r"[^-+',./:@\p{Alphabetic}\p{Nd}\[\]]+";
    WEEKDAY = r"\b(?:sun|mon|tue|wed|thu|fri|sat)[^-/\d\s]*";
    CLOCK = concat!(
        r"(\d+\s*:\s*\d+(?:\s*:\s*\d+(?:[,.]\d*)?)?(?:\s*[ap](?:m\b|\.m\.))?",
        r"|\d+\s*h(?:\s*\d+m?(?:\s*\d+s?)?)?(?:\s*[ap](?:m\b|\.m\.))?",
        r"|\d+\s*[ap](?:m\b|\.m\.))",
        r"(?:\s*((?:gmt|utc?)?[-+]\d+(?:[,.:]\d+(?::\d+)?)?",
        r"|[\p{Alphabetic}.\s]+(?:standard|daylight)\stime\b|\p{Alphabetic}+(?:\sdst)?\b))?",
    );
    CLOCK_PARTS = concat!(
        r"^(\d+)\s*h?(?:\s*:?\s*(\d+)m?(?:\s*:?\s*(\d+)(?:[,.](\d*))?s?)?)?",
        r"(?:\s*([ap])(?:m\b|\.m\.))?",
    );
    DAY_FIRST = r"('?\d+)[^-\d\s]*\s*(MON)[^-\d\s']*(?:\s*(ERA)?\s*('?-?\d+(?:(?:st|nd|rd|th)\b)?))?";
    MONTH_FIRST = r"\b(MON)[^-\d\s']*\s*('?\d+)[^-\d\s']*(?:\s*,?\s*(ERA)?\s*('?-?\d+))?";
    DASHES = r"('?[-+]?\d+)-(\d+)-('?-?\d+)";
    JAPANESE = r"\b([mtshr])(\d+)\.(\d+)\.(\d+)";
    DAY_MONTH_DASHES = r"('?-?\d+)-(MON)[^-/.]*-('?-?\d+)";
    MONTH_DAY_DASHES = r"\b(MON)[^-/.]*-('?-?\d+)(?:-('?-?\d+))?";
    SLASHES = r"('?-?\d+)/\s*('?\d+)(?:\D\s*('?-?\d+))?";
    DOTS = r"('?-?\d+)\.\s*('?\d+)\.\s*('?-?\d+)";
    WEEK = r"\b(?:\d{2}|\d{4})?-?w\d{2}(?:-?\d)?\b";
    WEEK_DAY = r"-w-\d\b";
    MONTH_DAY = r"--(\d{2})?-(\d{2})\b";
    MONTH_DAY_CLOSE = r"--(\d{2})(\d{2})?\b";
    FRACTION_LIKE = r"[,.](?:\d{2}|\d{4})-\d{3}\b";
    YEAR_AND_DAY = r"\b(\d{2}|\d{4})-(\d{3})\b";
    NUMBER_LIKE = r"\d-\d{3}\b";
    DAY_OF_YEAR = r"\b-(\d{3})\b";
    YEAR = r"'(\d+)\b";
    MONTH = r"\b(MON)\S*";
    DAY = r"(\d+)(?:st|nd|rd|th)\b";
    DIGITS = concat!(
        r"([-+]?)(\d{2,14})(?:\s*t?\s*(\d{2,6})?(?:[,.](\d*))?)?",
        r"(z\b|[-+]\d{1,4}\b|\[[-+]?\d[^\]]*\])?",
    );
    BEFORE_CHRIST = r"\b(?:bc\b|bce\b|b\.c\.|b\.c\.e\.)";
    LONE_NUMBER = r"^\s*(\d{1,2})\s*$";
}

/// A moment; what is missing is taken from `now`. None where no date and no clock is found, or one that is none.
pub(super) fn parse(text: &str, now: &Zoned) -> Option<Moment> {
    let found = Found::of(text);
    let zone = found.zone.as_deref();
    let year = found.year.unwrap_or_else(|| now.year().into());
    let offset = zone.and_then(|zone| offset_of(zone, year, now.time_zone()));
    let here = match offset {
        Some(offset) => now.with_time_zone(TimeZone::fixed(offset)),
        None => now.clone(),
    };
    let civil = found.filled(here.datetime())?;
    let Some(offset) = offset else { return Some(Moment::local(civil, now.time_zone())) };
    // Where the clock of this place shows the same, its zone has a name.
    let local = Moment::local(civil, now.time_zone());
    Some(if local.offset == offset { local } else { Moment { civil, offset, zone: String::new() } })
}

impl Found {
    fn of(text: &str) -> Self {
        let mut found = Self::default();
        let mut text = OTHER_SIGNS.replace_all(text, " ").into_owned();
        take::<0>(&mut text, &WEEKDAY);
        if let Some([clock, zone]) = take(&mut text, &CLOCK) {
            found.clock(&clock.unwrap_or_default(), zone);
        }
        found.date(&mut text);
        if take::<0>(&mut text, &BEFORE_CHRIST).is_some() {
            found.before_christ = true;
        }
        if let Some([Some(number)]) = take(&mut text, &LONE_NUMBER) {
            let number = whole(&number);
            match (found.hour, found.day) {
                (Some(_), None) if (1..=31).contains(&number) => found.day = Some(number),
                (None, Some(_)) if (0..=24).contains(&number) => found.hour = Some(number),
                _ => {}
            }
        }
        if let Some(year) = &mut found.year {
            if found.before_christ {
                *year = 1 - *year;
            }
            if !found.whole_year && (0..=99).contains(year) {
                *year += if *year >= 69 { 1900 } else { 2000 };
            }
        }
        found
    }

    fn clock(&mut self, clock: &str, zone: Option<String>) {
        let Some(parts) = CLOCK_PARTS.captures(clock) else { return };
        let number = |group| parts.get(group).map(|found| whole(found.as_str()));
        self.hour = number(1).map(|hour| match parts.get(5).map(|half| half.as_str()) {
            Some("a") => hour % 12,
            Some(_) => hour % 12 + 12,
            None => hour,
        });
        (self.minute, self.second) = (number(2), number(3));
        self.nanos = parts.get(4).map(|digits| nanos(digits.as_str()));
        self.zone = zone;
    }

    /// The first kind of date that is there.
    fn date(&mut self, text: &mut String) {
        let era = |era: Option<String>| era.is_some_and(|era| era.starts_with('b'));
        if let Some([day, month, bc, year]) = take(text, &DAY_FIRST) {
            self.set_date(year, number_of(month), day, era(bc));
        } else if let Some([month, day, bc, year]) = take(text, &MONTH_FIRST) {
            self.set_date(year, number_of(month), day, era(bc));
        } else if let Some([year, month, day]) = take(text, &DASHES) {
            self.set_date(year, month, day, false);
        } else if let Some([Some(era), Some(year), Some(month), Some(day)]) = take(text, &JAPANESE) {
            let before = match era.as_str() {
                "m" => 1867,
                "t" => 1911,
                "s" => 1925,
                "h" => 1988,
                _ => 2018,
            };
            self.year = Some(whole(&year) + before);
            (self.month, self.day) = (Some(whole(&month)), Some(whole(&day)));
        } else if let Some([day, month, year]) = take(text, &DAY_MONTH_DASHES) {
            self.set_date(year, number_of(month), day, false);
        } else if let Some([month, day, year]) = take(text, &MONTH_DAY_DASHES) {
            self.set_date(year, number_of(month), day, false);
        } else if let Some([year, month, day]) = take(text, &SLASHES).or_else(|| take(text, &DOTS)) {
            self.set_date(year, month, day, false);
        } else if !self.short_date(text)
            && let Some(found) = DIGITS.captures(text)
        {
            self.digits(&found);
        }
    }

    /// Dates that lack a part. Whether one is there.
    fn short_date(&mut self, text: &mut String) -> bool {
        let number = |text: Option<String>| text.map(|text| whole(&text));
        // A week is no date for Ruby's times, but it is taken out.
        if take::<0>(text, &WEEK).or_else(|| take::<0>(text, &WEEK_DAY)).is_some() {
            return true;
        }
        if let Some([month, day]) = take(text, &MONTH_DAY).or_else(|| take(text, &MONTH_DAY_CLOSE)) {
            (self.month, self.day) = (number(month), number(day));
        } else if let Some([year, day]) = unless(text, &FRACTION_LIKE, &YEAR_AND_DAY) {
            self.whole_year |= year.as_ref().is_some_and(|year| year.len() > 2);
            (self.year, self.day_of_year) = (number(year), number(day));
        } else if let Some([day]) = unless(text, &NUMBER_LIKE, &DAY_OF_YEAR) {
            self.day_of_year = number(day);
        } else if let Some([year]) = take(text, &YEAR) {
            self.year = number(year);
        } else if let Some([month]) = take(text, &MONTH) {
            self.month = number(number_of(month));
        } else if let Some([day]) = take(text, &DAY) {
            self.day = number(day);
        } else {
            return false;
        }
        true
    }

    /// Which of three numbers is the year and which the day is seen by a quote and by their lengths.
    fn set_date(
        &mut self,
        mut year: Option<String>,
        mut month: Option<String>,
        mut day: Option<String>,
        before_christ: bool,
    ) {
        let is_year = |number: &Option<String>| {
            number.as_ref().is_some_and(|number| number.starts_with('\'') || number.len() > 2)
        };
        if year.is_some() && month.is_some() && day.is_none() {
            (year, month, day) = (day, year, month);
        }
        if year.is_none() && is_year(&day) {
            (year, day) = (day, None);
        }
        if let Some(text) = &year {
            let digits = text.trim_start_matches(|char: char| !char.is_ascii_digit());
            let end = digits.find(|char: char| !char.is_ascii_digit());
            // `5th` is a day.
            if let Some(end) = end {
                let ordinal = digits[..end].to_owned();
                (year, day) = (day, Some(ordinal));
            }
        }
        if is_year(&month) {
            (year, month, day) = (month, day, year);
        }
        if is_year(&day) {
            (year, day) = (day, year);
        }
        if let Some(year) = &year {
            let signed = year.trim_start_matches(|char: char| !matches!(char, '-' | '+' | '0'..='9'));
            let digits = signed.trim_start_matches(['-', '+']);
            self.whole_year |= digits.len() < signed.len() || digits.len() > 2;
            self.year = Some(if signed.starts_with('-') { -whole(digits) } else { whole(digits) });
            self.before_christ |= before_christ;
        }
        let number = |text: &Option<String>| {
            text.as_ref().map(|text| whole(text.trim_start_matches(|char: char| !char.is_ascii_digit())))
        };
        (self.month, self.day) = (number(&month).or(self.month), number(&day).or(self.day));
    }

    /// A row of digits: how many they are says what they mean; with a fraction it is a clock, from its end.
    fn digits(&mut self, found: &Captures<'_>) {
        let group = |index| found.get(index).map(|found| found.as_str());
        let (sign, digits) = (group(1).unwrap_or_default(), group(2).unwrap_or_default());
        let (clock, fraction) = (group(3), group(4));
        let size = digits.len();
        let at = |from: usize, length: usize| digits.get(from..from + length).map(whole);
        let from_end = |from: usize, length: usize| at(size.checked_sub(from)?, length);
        let year = |length: usize| at(0, length).map(|year| if sign == "-" { -year } else { year });
        if clock.is_none() && fraction.is_some() {
            // The first number may be short.
            let part = |from: usize| match size {
                size if size >= from => from_end(from, 2),
                size if size + 1 == from => at(0, 1),
                _ => None,
            };
            match size {
                9 | 11 | 13 => {}
                _ => {
                    (self.second, self.minute, self.hour) = (part(2), part(4), part(6));
                    self.day = part(8);
                    self.month = if size >= 10 { part(10) } else { None };
                    self.year = match size {
                        12 => year(2),
                        14 => year(4),
                        _ => None,
                    };
                    self.whole_year |= size == 14;
                }
            }
        } else {
            match size {
                2 => self.day = at(0, 2),
                4 => (self.month, self.day) = (at(0, 2), at(2, 2)),
                6 => (self.year, self.month, self.day) = (year(2), at(2, 2), at(4, 2)),
                8 | 10 | 12 | 14 => {
                    (self.year, self.month, self.day) = (year(4), at(4, 2), at(6, 2));
                    self.hour = at(8, 2).or(self.hour);
                    self.minute = at(10, 2).or(self.minute);
                    self.second = at(12, 2).or(self.second);
                    self.whole_year = true;
                }
                3 => self.day_of_year = at(0, 3),
                5 => (self.year, self.day_of_year) = (year(2), at(2, 3)),
                7 => {
                    (self.year, self.day_of_year) = (year(4), at(4, 3));
                    self.whole_year = true;
                }
                _ => {}
            }
        }
        if let Some(clock) = clock.filter(|clock| clock.len() % 2 == 0) {
            let pairs: Vec<i64> = (0..clock.len()).step_by(2).map(|at| whole(&clock[at..at + 2])).collect();
            let mut pairs: Box<dyn Iterator<Item = i64>> = if fraction.is_some() {
                Box::new(pairs.into_iter().rev())
            } else {
                Box::new(pairs.into_iter())
            };
            let parts = [&mut self.hour, &mut self.minute, &mut self.second];
            let order: [usize; 3] = if fraction.is_some() { [2, 1, 0] } else { [0, 1, 2] };
            let mut parts = parts.map(Some);
            for index in order {
                if let (Some(number), Some(part)) = (pairs.next(), parts[index].take()) {
                    *part = Some(number);
                }
            }
        }
        if let Some(fraction) = fraction.filter(|digits| !digits.is_empty()) {
            self.nanos = Some(nanos(fraction));
        }
        if let Some(zone) = group(5) {
            self.zone = Some(zone.trim_matches(['[', ']']).to_owned());
        }
    }

    /// The time on a clock that shows `now`. None where nothing was found, and for what no calendar has.
    fn filled(&self, now: DateTime) -> Option<DateTime> {
        let parts = [self.year, self.month, self.day, self.hour, self.minute, self.second];
        if parts.iter().all(Option::is_none) && self.day_of_year.is_none() && self.nanos.is_none() {
            return None;
        }
        let year = self.year.unwrap_or_else(|| now.year().into());
        let (mut month, mut day) = (self.month, self.day);
        if let Some(number) = self.day_of_year {
            // Ruby takes a month for 31 days and lets the rest roll on.
            let first = Date::new(i16::try_from(year).ok()?, 1, 1).ok()?;
            let date = first.checked_add(jiff::Span::new().try_days(number - 1).ok()?).ok()?;
            (month, day) = (Some(date.month().into()), Some(date.day().into()));
        }
        // What is greater than the first thing given is today's; what is smaller is the least.
        let given = [self.year, month, day, self.hour, self.minute, self.second];
        let first = given.iter().position(Option::is_some).unwrap_or(given.len());
        let today: [i64; 6] = [
            now.year().into(),
            now.month().into(),
            now.day().into(),
            now.hour().into(),
            now.minute().into(),
            now.second().into(),
        ];
        let least = [0, 1, 1, 0, 0, 0];
        let at =
            |index: usize| given[index].unwrap_or(if index < first { today[index] } else { least[index] });
        civil(at(0), at(1), at(2), at(3), at(4), at(5), self.nanos.unwrap_or(0))
    }
}

/// A civil time as Ruby's `Time.local` takes it: a day too many is the first of the next month, so are 24:00 and a
/// leap second.
fn civil(
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: i32,
) -> Option<DateTime> {
    let fits = (1..=31).contains(&day)
        && (0..=59).contains(&minute)
        && (0..=60).contains(&second)
        && (0..=23).contains(&hour)
        || (hour, minute, second) == (24, 0, 0) && (1..=31).contains(&day);
    if !fits {
        return None;
    }
    let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
    let seconds = (day - 1) * 86_400 + hour * 3600 + minute * 60 + second;
    let span = jiff::Span::new().try_seconds(seconds).ok()?.try_nanoseconds(nanos).ok()?;
    first.at(0, 0, 0, 0).checked_add(span).ok()
}

/// Takes what a pattern finds out of a text and gives its groups.
fn take<const N: usize>(text: &mut String, pattern: &Regex) -> Option<[Option<String>; N]> {
    let found = pattern.captures(text)?;
    let groups = std::array::from_fn(|index| found.get(index + 1).map(|group| group.as_str().to_owned()));
    let range = found.get(0)?.range();
    text.replace_range(range, " ");
    Some(groups)
}

/// The same, unless another pattern is found.
fn unless<const N: usize>(text: &mut String, not: &Regex, pattern: &Regex) -> Option<[Option<String>; N]> {
    if not.is_match(text) { None } else { take(text, pattern) }
}

/// The number of a month by the beginning of its name.
fn number_of(month: Option<String>) -> Option<String> {
    let at = MONTHS.split('|').position(|name| month.as_deref() == Some(name))?;
    Some((at + 1).to_string())
}

/// The number that a text begins with; more than any calendar has for one that is too long.
fn whole(text: &str) -> i64 {
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 { 0 } else { text[..end].parse().unwrap_or(i64::MAX / 2) }
}

fn nanos(digits: &str) -> i32 {
    let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
    nine.parse().unwrap_or(0)
}

/// Ruby's `Time.zone_offset`: an offset, a name of the few that it knows, or one that this place has that year.
fn offset_of(zone: &str, year: i64, here: &TimeZone) -> Option<Offset> {
    let hours = match zone {
        "utc" | "z" | "ut" | "gmt" => 0,
        "est" | "cdt" => -5,
        "edt" => -4,
        "cst" | "mdt" => -6,
        "mst" | "pdt" => -7,
        "pst" => -8,
        _ => match zone.as_bytes() {
            [letter @ b'a'..=b'i'] => i8::try_from(letter - b'a').ok()? + 1,
            [letter @ b'k'..=b'm'] => i8::try_from(letter - b'k').ok()? + 10,
            [letter @ b'n'..=b'y'] => -i8::try_from(letter - b'n').ok()? - 1,
            _ => return written(zone).or_else(|| named(zone, year, here)),
        },
    };
    Offset::from_hours(hours).ok()
}

/// `+hh`, `+hhmm`, `+hh:mm`, and with seconds.
fn written(zone: &str) -> Option<Offset> {
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits: String = match (rest.len(), rest.split(':').collect::<Vec<_>>().as_slice()) {
        (2 | 4 | 6, [digits]) => (*digits).to_owned(),
        (5 | 8, parts) if parts.iter().all(|part| part.len() == 2) => parts.concat(),
        _ => return None,
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(0, |part| part.parse::<i32>().unwrap_or(0));
    Offset::from_seconds(sign * (part(0) * 3600 + part(2) * 60 + part(4))).ok()
}

/// What the zone of this place calls itself in winter or in summer.
fn named(zone: &str, year: i64, here: &TimeZone) -> Option<Offset> {
    [1, 7].into_iter().find_map(|month| {
        let time = Date::new(i16::try_from(year).ok()?, month, 1).ok()?.to_zoned(here.clone()).ok()?;
        (time.strftime("%Z").to_string().to_lowercase() == zone).then(|| time.offset())
    })
}
