//! One directive of a format: `%`, flags and width, a letter.

use super::Dialect;
use super::parts::Parts;
use crate::transfer::encode::number::{push_i64, push_padded, push_two};

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

/// The letters of directives.
const LETTERS: &str = "YCyGgmBbhdejHkIlPpMSLNszZAauwVUW%ntcDxFRrTXv";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Directive {
    letter: char,
    dialect: Dialect,
    padding: Padding,
    /// Whether `-` asks for no padding, whatever else does.
    bare: bool,
    case: Case,
    /// Digits or letters asked for; zero asks for the usual.
    width: usize,
    /// Colons before `z`.
    colons: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    Usual,
    Zeros,
    Spaces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Usual,
    Upper,
    Swapped,
    /// `^` and `#`: names and compounds are upper, where `#` would mean lower case they are lower.
    Both,
}

impl Case {
    fn with(self, flag: char) -> Self {
        match (self, flag) {
            (Self::Usual | Self::Upper, '^') => Self::Upper,
            (Self::Usual | Self::Swapped, '#') => Self::Swapped,
            _ => Self::Both,
        }
    }

    /// Whether `#` is among the flags.
    fn is_swapped(self) -> bool {
        matches!(self, Self::Swapped | Self::Both)
    }
}

impl Directive {
    /// Letter, width (zero is the usual) and colons of a directive without flags.
    pub(super) fn plain(self) -> Option<(char, usize, usize)> {
        let plain = self.padding == Padding::Usual && !self.bare && self.case == Case::Usual;
        plain.then_some((self.letter, self.width, self.colons))
    }

    /// The directive at the start of `text` and its length in bytes; without one, the length of what is literal.
    pub(super) fn parse(text: &str, dialect: Dialect) -> (Option<Self>, usize) {
        let mut directive = Self {
            letter: '%',
            dialect,
            padding: Padding::Usual,
            bare: false,
            case: Case::Usual,
            width: 0,
            colons: 0,
        };
        let mut letters = text.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            let end = at + letter.len_utf8();
            let next = text[end..].chars().next();
            match letter {
                // A flag behind a width makes it no directive.
                '-' | '_' | '^' | '#' if directive.width > 0 => return (None, end),
                '-' => (directive.bare, directive.padding) = (true, Padding::Usual),
                '_' => directive.padding = Padding::Spaces,
                '^' | '#' => directive.case = directive.case.with(letter),
                '0' if directive.width == 0 => directive.padding = Padding::Zeros,
                '0'..='9' => {
                    let digit = letter as usize - '0' as usize;
                    directive.width = (directive.width * 10 + digit).min(1024);
                }
                'E' if next.is_some_and(|next| "cCxXyY".contains(next)) => {}
                'O' if matches!(next, Some('k' | 'l')) && dialect == Dialect::Ruby => {}
                'O' if next.is_some_and(|next| "deHImMSuUVwWy".contains(next)) => {}
                ':' => {
                    let more = text[end..].bytes().take_while(|byte| *byte == b':').count();
                    if more > 2 || !text[end + more..].starts_with('z') {
                        return (None, end);
                    }
                    directive.colons = more + 1;
                    letters.by_ref().take(more).for_each(drop);
                }
                _ => {
                    directive.letter = letter;
                    return (LETTERS.contains(letter).then_some(directive), end);
                }
            }
        }
        (None, text.len())
    }

    /// What a directive that stands for several stands for.
    pub(super) fn compound(&self) -> Option<&'static str> {
        Some(match self.letter {
            'F' => "%Y-%m-%d",
            'T' | 'X' => "%H:%M:%S",
            'D' | 'x' => "%m/%d/%y",
            'R' => "%H:%M",
            'r' => "%I:%M:%S %p",
            'c' => "%a %b %e %H:%M:%S %Y",
            'v' if self.dialect == Dialect::Embulk => "%e:%b:%Y",
            'v' => "%e-%^b-%Y",
            _ => return None,
        })
    }

    /// Gives the text of a compound, which stands from `start` on, its case and width.
    pub(super) fn finish_compound(&self, start: usize, out: &mut Vec<u8>) {
        if matches!(self.case, Case::Upper | Case::Both) {
            out[start..].make_ascii_uppercase();
        }
        pad_front(out, start, self.width, self.filler());
    }

    pub(super) fn write(&self, parts: &Parts<'_>, out: &mut Vec<u8>) {
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
            'Z' => self.zone(parts, out),
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
        if self.bare {
            return push_i64(value, out);
        }
        let padding = if self.padding == Padding::Usual { padding } else { self.padding };
        if self.width == 0 && usual == 2 && padding == Padding::Zeros && (0..100).contains(&value) {
            return push_two(value as u32, out);
        }
        let width = if self.width > 0 { self.width } else { usual };
        match padding {
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
        let digits = if self.width > 0 { self.width } else { usual };
        let micros = micros.unsigned_abs();
        if digits >= 6 {
            push_padded(micros, 6, out);
            out.extend(std::iter::repeat_n(b'0', digits - 6));
        } else {
            let drop = 10_u64.pow(6 - u32::try_from(digits).unwrap_or(6));
            push_padded(micros / drop, digits, out);
        }
    }

    fn filler(&self) -> u8 {
        if self.padding == Padding::Zeros { b'0' } else { b' ' }
    }

    fn name(&self, name: &str, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(name.as_bytes());
        match self.case {
            Case::Usual => {}
            // `#` makes names upper case, but the zone lower case.
            case if case.is_swapped() && self.letter == 'Z' => out[start..].make_ascii_lowercase(),
            _ => out[start..].make_ascii_uppercase(),
        }
        if !self.bare {
            pad_front(out, start, self.width, self.filler());
        }
    }

    fn meridian(&self, parts: &Parts<'_>, out: &mut Vec<u8>) {
        let upper = if parts.hour < 12 { "AM" } else { "PM" };
        let lower = if parts.hour < 12 { "am" } else { "pm" };
        let plain = Self { case: Case::Usual, ..*self };
        plain.name(if self.case.is_swapped() { lower } else { upper }, out);
    }

    fn zone(&self, parts: &Parts<'_>, out: &mut Vec<u8>) {
        if !parts.clock.zone.is_empty() || self.dialect == Dialect::Ruby {
            return self.name(parts.clock.zone, out);
        }
        let start = out.len();
        let colons = if parts.clock.offset % 60 == 0 { 1 } else { 2 };
        Self { colons, width: 0, padding: Padding::Usual, ..*self }.offset(parts.clock.offset, out);
        if !self.bare {
            pad_front(out, start, self.width, self.filler());
        }
    }

    /// Fillers stand for hours: zeros behind the sign, spaces before it and instead of the first digit.
    fn offset(&self, offset: i32, out: &mut Vec<u8>) {
        let seconds = offset.unsigned_abs();
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let colons = match self.colons {
            3 if rest > 0 => 2,
            3 if minutes > 0 => 1,
            3 => 3,
            written => written,
        };
        let behind = [2, 3, 6, 0][colons];
        let digits = self.width.saturating_sub(behind + 1).max(2);
        let sign = if offset < 0 { b'-' } else { b'+' };
        if self.padding == Padding::Spaces {
            let start = out.len();
            out.push(sign);
            push_padded(u64::from(hours), 1, out);
            pad_front(out, start, digits + 1, b' ');
        } else {
            out.push(sign);
            push_padded(u64::from(hours), digits, out);
        }
        if colons == 3 {
            return;
        }
        if colons > 0 {
            out.push(b':');
        }
        push_two(minutes, out);
        if colons == 2 {
            out.push(b':');
            push_two(rest, out);
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
