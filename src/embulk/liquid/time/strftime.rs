//! Ruby's `Time#strftime`: flags, widths and the directives of its C.

use super::Moment;

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

/// Wider than any template means.
const MAX_WIDTH: usize = 65_535;

/// What stands between a `%` and its letter.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    padding: Option<char>,
    /// `-`
    bare: bool,
    /// `^`
    upper: bool,
    /// `#`
    swapped: bool,
    colons: usize,
    width: usize,
}

/// The text of a moment in a format. What is no directive stays as it is.
pub(super) fn format(moment: &Moment, format: &str) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let directive = &rest[at..];
        let (flags, length) = flags(directive);
        let letter = directive[length..].chars().next();
        let end = length + letter.map_or(0, char::len_utf8);
        let written = letter.filter(|letter| flags.colons == 0 || *letter == 'z');
        match written.and_then(|letter| write(moment, letter, flags)) {
            Some(text) => out.push_str(&text),
            None => out.push_str(&directive[..end]),
        }
        rest = &directive[end..];
    }
    out.push_str(rest);
    out
}

/// The flags after a `%` and how many bytes come before the letter. No flag follows a width.
fn flags(directive: &str) -> (Flags, usize) {
    let mut flags = Flags::default();
    for (at, char) in directive.char_indices().skip(1) {
        match char {
            digit @ '1'..='9' if flags.width == 0 => flags.width = digit as usize - '0' as usize,
            digit @ '0'..='9' if flags.width > 0 && flags.colons == 0 => {
                flags.width = (flags.width * 10 + (digit as usize - '0' as usize)).min(MAX_WIDTH);
            }
            ':' if flags.colons < 3 => flags.colons += 1,
            _ if flags.width > 0 || flags.colons > 0 => return modified(directive, at, flags),
            '-' => flags = Flags { bare: true, padding: None, ..flags },
            '_' => flags.padding = Some(' '),
            '0' => flags.padding = Some('0'),
            '^' => flags.upper = true,
            '#' => flags.swapped = true,
            _ => return modified(directive, at, flags),
        }
    }
    (flags, directive.len())
}

/// Passes over `E` and `O`, which ask for another calendar or other digits, before the letters that may follow them.
fn modified(directive: &str, at: usize, flags: Flags) -> (Flags, usize) {
    let mut letters = directive[at..].chars();
    let followers = match letters.next() {
        Some('E') => "cCxXyY",
        Some('O') => "deHkIlmMSuUVwWy",
        _ => return (flags, at),
    };
    match letters.next() {
        Some(letter) if followers.contains(letter) => (flags, at + 1),
        _ => (flags, at),
    }
}

/// None for a letter that is no directive.
fn write(moment: &Moment, letter: char, flags: Flags) -> Option<String> {
    let (date, time) = (moment.civil.date(), moment.civil.time());
    let week = date.iso_week_date();
    let hour12 = (time.hour() + 11) % 12 + 1;
    let monday_based = i64::from(date.weekday().to_monday_zero_offset());
    let sunday_based = i64::from(date.weekday().to_sunday_zero_offset());
    let day_of_year = i64::from(date.day_of_year());
    let month = MONTHS[date.month() as usize - 1];
    let day = DAYS[date.weekday().to_monday_zero_offset() as usize];
    let number = |value: i64, width, fill| Some(flags.number(value, width, fill));
    let year = |year: i16| number(year.into(), if year < 0 { 5 } else { 4 }, '0');
    let named = |name: &str| Some(Flags { upper: flags.upper || flags.swapped, ..flags }.text(name));
    let whole = |text: &str| Some(Flags { bare: false, ..flags }.text(&format(moment, text)));
    match letter {
        'Y' => year(date.year()),
        'C' => number(i64::from(date.year()).div_euclid(100), 2, '0'),
        'y' => number(i64::from(date.year()).rem_euclid(100), 2, '0'),
        'G' => year(week.year()),
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
        's' => number(moment.epoch_second(), 1, '0'),
        'u' => number(monday_based + 1, 1, '0'),
        'w' => number(sunday_based, 1, '0'),
        'L' => Some(flags.fraction(time.subsec_nanosecond(), 3)),
        'N' => Some(flags.fraction(time.subsec_nanosecond(), 9)),
        'z' => Some(flags.offset(moment.offset.seconds())),
        'Z' if flags.swapped => Some(Flags { upper: false, ..flags }.text(&moment.zone.to_lowercase())),
        'Z' => Some(flags.text(&moment.zone)),
        'B' => named(month),
        'b' | 'h' => named(&month[..3]),
        'A' => named(day),
        'a' => named(&day[..3]),
        'p' | 'P' => {
            let lower = if letter == 'p' { flags.swapped } else { !(flags.swapped || flags.upper) };
            let half = if time.hour() < 12 { "AM" } else { "PM" };
            let half = if lower { half.to_lowercase() } else { half.to_owned() };
            Some(Flags { upper: false, ..flags }.text(&half))
        }
        '%' => Some(flags.text("%")),
        'n' => Some(flags.text("\n")),
        't' => Some(flags.text("\t")),
        'F' => whole("%Y-%m-%d"),
        'T' | 'X' => whole("%H:%M:%S"),
        'D' | 'x' => whole("%m/%d/%y"),
        'R' => whole("%H:%M"),
        'r' => whole("%I:%M:%S %p"),
        'c' => whole("%a %b %e %H:%M:%S %Y"),
        'v' => whole("%e-%^b-%Y"),
        _ => None,
    }
}

impl Flags {
    fn number(self, value: i64, width: usize, fill: char) -> String {
        let width = match self.width {
            _ if self.bare => 1,
            0 => width,
            asked => asked,
        };
        if self.padding.unwrap_or(fill) == '0' {
            format!("{value:0width$}")
        } else {
            format!("{value:width$}")
        }
    }

    fn text(self, text: &str) -> String {
        let text = if self.upper { text.to_uppercase() } else { text.to_owned() };
        let width = if self.bare { 0 } else { self.width };
        let missing = width.saturating_sub(text.chars().count());
        let fill = if self.padding == Some('0') { "0" } else { " " };
        fill.repeat(missing) + &text
    }

    /// The first digits of a second's fraction; a width is their number.
    fn fraction(self, nanos: i32, usual: usize) -> String {
        let digits = if self.width == 0 { usual } else { self.width };
        format!("{:0<digits$}", format!("{nanos:09}"))[..digits].to_owned()
    }

    /// `%z`: a width, less what follows the hours, is the number of their digits.
    fn offset(self, offset: i32) -> String {
        let sign = if offset < 0 { '-' } else { '+' };
        let offset = offset.abs();
        let (hours, minutes, seconds) = (offset / 3600, offset / 60 % 60, offset % 60);
        let rest = match self.colons {
            0 => format!("{minutes:02}"),
            1 => format!(":{minutes:02}"),
            3 if minutes == 0 && seconds == 0 => String::new(),
            3 if seconds == 0 => format!(":{minutes:02}"),
            _ => format!(":{minutes:02}:{seconds:02}"),
        };
        let least = if self.bare && (1..10).contains(&hours) { 1 } else { 2 };
        let digits = self.width.saturating_sub(rest.len() + 1).max(least);
        if self.padding == Some(' ') {
            format!("{:>width$}{rest}", format!("{sign}{hours}"), width = digits + 1)
        } else {
            format!("{sign}{hours:0digits$}{rest}")
        }
    }
}
