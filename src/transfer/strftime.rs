//! Ruby's strftime, which Embulk's formats are written in: parsed once, written without allocation.

mod template;

use self::template::Template;
use super::civil::{DAY, Date, SECOND};
use super::encode::number::{push_i64, push_padded, push_two};

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
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A parsed format. Any text is one: an unknown directive is written as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeFormat {
    items: Vec<Item>,
    text: String,
    /// The same where every clock is of one length.
    template: Option<Box<Template>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(String),
    Directive(Directive),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Directive {
    letter: char,
    padding: Padding,
    case: Case,
    /// Digits or letters asked for; none asks for the usual.
    width: Option<usize>,
    /// Colons before `z`.
    colons: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    Usual,
    Zeros,
    Spaces,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Usual,
    Upper,
    Swapped,
}

/// The clock that a format shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallClock<'z> {
    /// Microseconds since 1970-01-01T00:00:00 of this clock.
    pub micros: i64,
    /// Seconds this clock is ahead of UTC.
    pub offset: i32,
    /// Short name of the zone; empty where it has none.
    pub zone: &'z str,
}

impl TimeFormat {
    /// Parses a format; widths above 1024 are taken as 1024.
    pub fn parse(text: &str) -> Self {
        let mut items = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            literal.push_str(&rest[..at]);
            let (directive, length) = Directive::parse(&rest[at..]);
            match directive {
                Some(directive) => {
                    if !literal.is_empty() {
                        items.push(Item::Literal(std::mem::take(&mut literal)));
                    }
                    items.extend(expand(directive));
                }
                None => literal.push_str(&rest[at..at + length]),
            }
            rest = &rest[at + length..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            items.push(Item::Literal(literal));
        }
        Self { template: Template::of(&items).map(Box::new), items, text: text.to_owned() }
    }

    /// The format as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether its texts are never empty and of such bytes only, besides digits, signs, and colons.
    pub fn has_only(&self, plain: impl Fn(u8) -> bool) -> bool {
        self.template.as_ref().is_some_and(|template| template.has_only(plain))
    }

    /// Appends a clock in this format.
    pub fn write(&self, clock: &WallClock<'_>, out: &mut Vec<u8>) {
        if self.template.as_ref().is_some_and(|template| template.write(clock, out)) {
            return;
        }
        let parts = Parts::new(clock);
        for item in &self.items {
            match item {
                Item::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Item::Directive(directive) => directive.write(&parts, out),
            }
        }
    }
}

/// Directives that stand for several.
fn expand(directive: Directive) -> Vec<Item> {
    let long = match directive.letter {
        'F' => "%Y-%m-%d",
        'T' | 'X' => "%H:%M:%S",
        'D' | 'x' => "%m/%d/%y",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        'c' => "%a %b %e %H:%M:%S %Y",
        'v' => "%e-%^b-%Y",
        _ => return vec![Item::Directive(directive)],
    };
    // Width and flags of a compound apply to its whole text; a format that uses them there keeps the plain form.
    TimeFormat::parse(long).items
}

impl Directive {
    /// The directive at the start of `text` and its length in bytes; without one, the length of what is literal.
    fn parse(text: &str) -> (Option<Self>, usize) {
        let mut directive =
            Self { letter: '%', padding: Padding::Usual, case: Case::Usual, width: None, colons: 0 };
        for (at, letter) in text.char_indices().skip(1) {
            let end = at + letter.len_utf8();
            match letter {
                '-' => directive.padding = Padding::None,
                '_' => directive.padding = Padding::Spaces,
                '0' if directive.width.is_none() => directive.padding = Padding::Zeros,
                '^' => directive.case = Case::Upper,
                '#' => directive.case = Case::Swapped,
                '0'..='9' => {
                    let digit = letter as usize - '0' as usize;
                    directive.width = Some((directive.width.unwrap_or(0) * 10 + digit).min(1024));
                }
                ':' => directive.colons += 1,
                'E' | 'O' => {}
                _ => {
                    let known = "YCyGgmBbhdejHkIlPpMSLNszZAauwVUW%ntcDxFRrTXv".contains(letter);
                    let colons = directive.colons == 0 || (letter == 'z' && directive.colons <= 3);
                    directive.letter = letter;
                    return ((known && colons).then_some(directive), end);
                }
            }
        }
        (None, text.len())
    }

    fn write(&self, parts: &Parts<'_>, out: &mut Vec<u8>) {
        match self.letter {
            'Y' => self.year(parts.date.year, out),
            'C' => self.number(parts.date.year.div_euclid(100), 2, Padding::Zeros, out),
            'y' => self.number(parts.date.year.rem_euclid(100), 2, Padding::Zeros, out),
            'G' => self.year(parts.iso_week().0, out),
            'g' => self.number(parts.iso_week().0.rem_euclid(100), 2, Padding::Zeros, out),
            'm' => self.number(i64::from(parts.date.month), 2, Padding::Zeros, out),
            'd' => self.number(i64::from(parts.date.day), 2, Padding::Zeros, out),
            'e' => self.number(i64::from(parts.date.day), 2, Padding::Spaces, out),
            'j' => self.number(parts.day_of_year() + 1, 3, Padding::Zeros, out),
            'H' => self.number(parts.hour, 2, Padding::Zeros, out),
            'k' => self.number(parts.hour, 2, Padding::Spaces, out),
            'I' => self.number(parts.hour12(), 2, Padding::Zeros, out),
            'l' => self.number(parts.hour12(), 2, Padding::Spaces, out),
            'M' => self.number(parts.minute, 2, Padding::Zeros, out),
            'S' => self.number(parts.second, 2, Padding::Zeros, out),
            'L' => self.fraction(parts.micros, 3, out),
            'N' => self.fraction(parts.micros, 9, out),
            's' => self.number(parts.epoch, 1, Padding::Zeros, out),
            'u' => self.number(if parts.weekday == 0 { 7 } else { parts.weekday }, 1, Padding::Zeros, out),
            'w' => self.number(parts.weekday, 1, Padding::Zeros, out),
            'V' => self.number(parts.iso_week().1, 2, Padding::Zeros, out),
            'U' => self.number(parts.week_from(0), 2, Padding::Zeros, out),
            'W' => self.number(parts.week_from(1), 2, Padding::Zeros, out),
            'B' => self.name(MONTHS[parts.month_index()], out),
            'b' | 'h' => self.name(&MONTHS[parts.month_index()][..3], out),
            'A' => self.name(DAYS[parts.weekday_index()], out),
            'a' => self.name(&DAYS[parts.weekday_index()][..3], out),
            'P' => self.name(if parts.hour < 12 { "am" } else { "pm" }, out),
            'p' => self.meridian(parts, out),
            'Z' => self.name(parts.clock.zone, out),
            'z' => self.offset(parts.clock.offset, out),
            'n' => self.name("\n", out),
            't' => self.name("\t", out),
            _ => self.name("%", out),
        }
    }

    /// Ruby pads years to four digits, five with a minus sign.
    fn year(&self, year: i64, out: &mut Vec<u8>) {
        self.number(year, if year < 0 { 5 } else { 4 }, Padding::Zeros, out);
    }

    fn number(&self, value: i64, usual: usize, padding: Padding, out: &mut Vec<u8>) {
        let padding = if self.padding == Padding::Usual { padding } else { self.padding };
        if self.width.is_none() && usual == 2 && padding == Padding::Zeros && (0..100).contains(&value) {
            return push_two(value as u32, out);
        }
        let width = self.width.unwrap_or(usual);
        match padding {
            Padding::None => push_i64(value, out),
            Padding::Spaces => {
                let start = out.len();
                push_i64(value, out);
                pad_front(out, start, width, b' ');
            }
            _ if value < 0 => {
                out.push(b'-');
                push_padded(value.unsigned_abs(), width.saturating_sub(1), out);
            }
            _ => push_padded(value.unsigned_abs(), width, out),
        }
    }

    fn fraction(&self, micros: i64, usual: usize, out: &mut Vec<u8>) {
        let digits = self.width.filter(|width| *width > 0).unwrap_or(usual);
        let micros = micros.unsigned_abs();
        if digits >= 6 {
            push_padded(micros, 6, out);
            out.extend(std::iter::repeat_n(b'0', digits - 6));
        } else {
            let drop = 10_u64.pow(6 - u32::try_from(digits).unwrap_or(6));
            push_padded(micros / drop, digits, out);
        }
    }

    fn name(&self, name: &str, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(name.as_bytes());
        let upper = match self.case {
            Case::Usual => false,
            Case::Upper => true,
            // `#` makes names upper case, but the zone lower case.
            Case::Swapped if self.letter == 'Z' => {
                out[start..].make_ascii_lowercase();
                false
            }
            Case::Swapped => true,
        };
        if upper {
            out[start..].make_ascii_uppercase();
        }
        let filler = if self.padding == Padding::Zeros { b'0' } else { b' ' };
        if self.padding != Padding::None {
            pad_front(out, start, self.width.unwrap_or(0), filler);
        }
    }

    fn meridian(&self, parts: &Parts<'_>, out: &mut Vec<u8>) {
        let upper = if parts.hour < 12 { "AM" } else { "PM" };
        let lower = if parts.hour < 12 { "am" } else { "pm" };
        let plain = Self { case: Case::Usual, ..*self };
        plain.name(if self.case == Case::Swapped { lower } else { upper }, out);
    }

    fn offset(&self, offset: i32, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(if offset < 0 { b'-' } else { b'+' });
        let seconds = offset.unsigned_abs();
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        push_two(hours, out);
        let colons = self.colons;
        if colons < 3 || minutes > 0 || rest > 0 {
            if colons > 0 {
                out.push(b':');
            }
            push_two(minutes, out);
        }
        if colons == 2 || (colons == 3 && rest > 0) {
            out.push(b':');
            push_two(rest, out);
        }
        let width = self.width.unwrap_or(0);
        if self.padding == Padding::Spaces {
            pad_front(out, start, width, b' ');
        } else {
            pad_front(out, start + 1, width.saturating_sub(1), b'0');
        }
    }
}

/// Puts fillers in front of what stands from `start` on, so that it is `width` bytes long.
fn pad_front(out: &mut Vec<u8>, start: usize, width: usize, filler: u8) {
    let missing = width.saturating_sub(out.len() - start);
    if missing > 0 {
        out.splice(start..start, std::iter::repeat_n(filler, missing));
    }
}

/// A clock taken apart.
struct Parts<'c> {
    clock: &'c WallClock<'c>,
    days: i64,
    date: Date,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    /// Seconds since 1970-01-01T00:00:00Z.
    epoch: i64,
    /// 0 is Sunday.
    weekday: i64,
}

impl<'c> Parts<'c> {
    fn new(clock: &'c WallClock<'c>) -> Self {
        let days = clock.micros.div_euclid(DAY);
        let of_day = clock.micros.rem_euclid(DAY);
        let seconds = of_day / SECOND;
        Self {
            clock,
            days,
            date: Date::from_days(days),
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: of_day % SECOND,
            epoch: clock.micros.div_euclid(SECOND) - i64::from(clock.offset),
            weekday: (days + 4).rem_euclid(7),
        }
    }

    fn month_index(&self) -> usize {
        (self.date.month as usize).saturating_sub(1).min(11)
    }

    fn weekday_index(&self) -> usize {
        usize::try_from(self.weekday).unwrap_or(0)
    }

    fn hour12(&self) -> i64 {
        if self.hour % 12 == 0 { 12 } else { self.hour % 12 }
    }

    /// From 0.
    fn day_of_year(&self) -> i64 {
        self.days - Date { year: self.date.year, month: 1, day: 1 }.days()
    }

    /// Week of the year where weeks begin on `first` (0 Sunday, 1 Monday); days before the first such day are week 0.
    fn week_from(&self, first: i64) -> i64 {
        (self.day_of_year() + 7 - (self.weekday - first).rem_euclid(7)) / 7
    }

    /// ISO 8601 year and week.
    fn iso_week(&self) -> (i64, i64) {
        // The Thursday of a week decides which year the week belongs to.
        let thursday = self.days - (self.weekday + 6) % 7 + 3;
        let year = Date::from_days(thursday).year;
        let first = Date { year, month: 1, day: 1 }.days();
        (year, (thursday - first) / 7 + 1)
    }
}

/// Appends a span of time as a server writes it: sign, hours without limit, six digits of a second.
pub fn push_time_span(micros: i64, out: &mut Vec<u8>) {
    if micros < 0 {
        out.push(b'-');
    }
    let micros = micros.unsigned_abs();
    let seconds = micros / 1_000_000;
    push_padded(seconds / 3600, 2, out);
    out.push(b':');
    push_two((seconds / 60 % 60) as u32, out);
    out.push(b':');
    push_two((seconds % 60) as u32, out);
    out.push(b'.');
    push_padded(micros % 1_000_000, 6, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(format: &str, clock: &WallClock<'_>) -> String {
        let mut out = Vec::new();
        TimeFormat::parse(format).write(clock, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// 2015-06-04 12:34:56.123456 +09:00, a Thursday.
    fn clock() -> WallClock<'static> {
        let days = Date { year: 2015, month: 6, day: 4 }.days();
        let micros = days * DAY + (12 * 3600 + 34 * 60 + 56) * SECOND + 123_456;
        WallClock { micros, offset: 9 * 3600, zone: "JST" }
    }

    #[test]
    fn formats_of_production_files() {
        for (format, text) in [
            ("%Y-%m-%d %H:%M:%S", "2015-06-04 12:34:56"),
            ("%Y-%m-%d %H:%M:%S%:z", "2015-06-04 12:34:56+09:00"),
            ("%Y-%m-%d %H:%M:%S.%6N", "2015-06-04 12:34:56.123456"),
            ("%Y-%m-%d %H:%M:%S.%N %z", "2015-06-04 12:34:56.123456000 +0900"),
            ("%Y%m%d", "20150604"),
            ("%s", "1433388896"),
            ("%L|%3N|%1N|%12N", "123|123|1|123456000000"),
        ] {
            assert_eq!(show(format, &clock()), text);
        }
    }

    /// Texts made with Ruby 3.1's Time#strftime.
    #[test]
    fn directives_as_ruby_writes_them() {
        for (format, text) in [
            ("%C %y %G %g %V %U %W %j", "20 15 2015 15 23 22 22 155"),
            ("%B %b %h %A %a %u %w", "June Jun Jun Thursday Thu 4 4"),
            ("%e|%k|%l|%I|%p|%P|%#p", " 4|12|12|12|PM|pm|pm"),
            ("%-d %-m %_m %05d %^a %^B %#a", "4 6  6 00004 THU JUNE THU"),
            (
                "%F|%T|%D|%R|%r|%c|%v",
                "2015-06-04|12:34:56|06/04/15|12:34|12:34:56 PM|Thu Jun  4 12:34:56 2015| 4-JUN-2015",
            ),
            ("%::z %:::z %Z %%", "+09:00:00 +09 JST %"),
            ("%Q %+ %! %:Y %", "%Q %+ %! %:Y %"),
            ("%10A|%010A|%8Y|%10z", "  Thursday|00Thursday|00002015|+000000900"),
        ] {
            assert_eq!(show(format, &clock()), text, "{format}");
        }
    }

    #[test]
    fn clocks_before_1970_and_year_zero() {
        let before = WallClock { micros: -1, offset: 0, zone: "" };
        assert_eq!(show("%Y-%m-%d %H:%M:%S.%6N %s %Z|", &before), "1969-12-31 23:59:59.999999 -1 |");
        let zero =
            WallClock { micros: Date { year: 0, month: 1, day: 1 }.days() * DAY, offset: -3600, zone: "" };
        assert_eq!(show("%F %:z", &zero), "0000-01-01 -01:00");
    }

    #[test]
    fn time_spans() {
        let mut out = Vec::new();
        push_time_span(-(838 * 3600 + 59 * 60 + 59) * SECOND - 5, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "-838:59:59.000005");
    }
}
