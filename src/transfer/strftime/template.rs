//! The formats that nearly everybody uses give texts of one length: then a text is copied and its digits are put in.

use super::{Case, Directive, Item, Padding, WallClock};
use crate::transfer::civil::{DAY, Date, SECOND};
use crate::transfer::encode::number::put_two;

/// A text with places for digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    text: Vec<u8>,
    places: Vec<(usize, Part)>,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Four digits.
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// Three digits.
    Millis,
    /// Six digits.
    Micros,
    /// `+09:00`.
    OffsetWithColon,
    /// `+0900`.
    Offset,
}

impl Part {
    fn of(directive: Directive) -> Option<Self> {
        let Directive { letter, padding, case, width, colons } = directive;
        if padding != Padding::Usual || case != Case::Usual {
            return None;
        }
        Some(match (letter, width, colons) {
            ('Y', None, 0) => Self::Year,
            ('m', None, 0) => Self::Month,
            ('d', None, 0) => Self::Day,
            ('H', None, 0) => Self::Hour,
            ('M', None, 0) => Self::Minute,
            ('S', None, 0) => Self::Second,
            ('L', None, 0) | ('N', Some(3), 0) => Self::Millis,
            ('N', Some(6), 0) => Self::Micros,
            ('z', None, 0) => Self::Offset,
            ('z', None, 1) => Self::OffsetWithColon,
            _ => return None,
        })
    }

    fn blank(self) -> &'static [u8] {
        match self {
            Self::Year => b"0000",
            Self::Millis => b"000",
            Self::Micros => b"000000",
            Self::OffsetWithColon => b"+00:00",
            Self::Offset => b"+0000",
            _ => b"00",
        }
    }
}

impl Template {
    /// The template of a format; none where a part is not always of the same length.
    pub(super) fn of(items: &[Item]) -> Option<Self> {
        let mut template = Self { text: Vec::new(), places: Vec::new() };
        for item in items {
            match item {
                Item::Literal(text) => template.text.extend_from_slice(text.as_bytes()),
                Item::Directive(directive) => {
                    let part = Part::of(*directive)?;
                    template.places.push((template.text.len(), part));
                    template.text.extend_from_slice(part.blank());
                }
            }
        }
        Some(template)
    }

    pub(super) fn has_only(&self, plain: impl Fn(u8) -> bool) -> bool {
        !self.text.is_empty() && self.text.iter().all(|byte| plain(*byte))
    }

    /// Appends a clock; false, and nothing, when its year has not four digits or its offset has seconds.
    pub(super) fn write(&self, clock: &WallClock<'_>, out: &mut Vec<u8>) -> bool {
        let date = Date::from_days(clock.micros.div_euclid(DAY));
        if !(0..=9999).contains(&date.year) || clock.offset % 60 != 0 {
            return false;
        }
        let of_day = clock.micros.rem_euclid(DAY);
        // Both are below the number of microseconds of a day.
        let (seconds, micros) = ((of_day / SECOND) as u32, (of_day % SECOND) as u32);
        let minutes = clock.offset.unsigned_abs() / 60;
        let start = out.len();
        out.extend_from_slice(&self.text);
        for (at, part) in &self.places {
            let place = &mut out[start + at..];
            match part {
                Part::Year => {
                    put_two(date.year as u32 / 100, place);
                    put_two(date.year as u32 % 100, &mut place[2..]);
                }
                Part::Month => put_two(date.month, place),
                Part::Day => put_two(date.day, place),
                Part::Hour => put_two(seconds / 3600, place),
                Part::Minute => put_two(seconds / 60 % 60, place),
                Part::Second => put_two(seconds % 60, place),
                Part::Millis => {
                    put_two(micros / 10_000, place);
                    place[2] = b'0' + (micros / 1_000 % 10) as u8;
                }
                Part::Micros => {
                    put_two(micros / 10_000, place);
                    put_two(micros / 100 % 100, &mut place[2..]);
                    put_two(micros % 100, &mut place[4..]);
                }
                Part::OffsetWithColon | Part::Offset => {
                    if clock.offset < 0 {
                        place[0] = b'-';
                    }
                    put_two(minutes / 60, &mut place[1..]);
                    let behind = if *part == Part::Offset { 3 } else { 4 };
                    put_two(minutes % 60, &mut place[behind..]);
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Parts, TimeFormat};
    use super::*;

    #[test]
    fn a_template_writes_what_the_directives_write() {
        let formats = [
            "%Y-%m-%d %H:%M:%S.%6N %:z",
            "%Y-%m-%dT%H:%M:%S.%L%z",
            "%d/%m/%Y 日",
            "%FT%T.%3N",
            "",
            "no time",
        ];
        for format in formats.map(TimeFormat::parse) {
            let template = format.template.as_ref().unwrap();
            for (micros, offset) in [
                (0, 0),
                (-1, 0),
                (1_767_225_599_999_999, 32_400),
                (-62_167_219_200_000_000, -12_600),
                (253_402_300_799_999_999, -43_200),
            ] {
                let clock = WallClock { micros, offset, zone: "" };
                let (mut fast, mut slow) = (Vec::new(), Vec::new());
                assert!(template.write(&clock, &mut fast));
                let parts = Parts::new(&clock);
                for item in &format.items {
                    match item {
                        Item::Literal(text) => slow.extend_from_slice(text.as_bytes()),
                        Item::Directive(directive) => directive.write(&parts, &mut slow),
                    }
                }
                assert_eq!(String::from_utf8(fast), String::from_utf8(slow), "{}", format.text());
            }
        }
    }

    #[test]
    fn what_has_no_fixed_length_has_no_template() {
        for format in ["%Z", "%s", "%-d", "%Y%B", "%10Y", "%::z", "%^a", "%N", "%9N", "%%"] {
            assert_eq!(TimeFormat::parse(format).template, None, "{format}");
        }
        let format = TimeFormat::parse("%Y");
        let mut out = Vec::new();
        format.write(&WallClock { micros: 253_402_300_800_000_000, offset: 0, zone: "" }, &mut out);
        assert_eq!(out, b"10000");
        let mut out = Vec::new();
        TimeFormat::parse("%z").write(&WallClock { micros: 0, offset: 20_639, zone: "" }, &mut out);
        assert_eq!(out, b"+0543");
    }
}
