//! The formats that nearly everybody uses give texts of one length: then a text is copied and its digits are put in.

use super::directive::Directive;
use super::{Item, WallClock};
use crate::transfer::civil::{DAY, Date, SECOND};
use crate::transfer::encode::number::put_two;
use crate::transfer::encode::short::Short;

/// A text with places for digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    text: Vec<u8>,
    /// The same, to be copied.
    copy: Short,
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
        Some(match directive.plain()? {
            ('Y', 0, 0) => Self::Year,
            ('m', 0, 0) => Self::Month,
            ('d', 0, 0) => Self::Day,
            ('H', 0, 0) => Self::Hour,
            ('M', 0, 0) => Self::Minute,
            ('S', 0, 0) => Self::Second,
            ('L', 0, 0) | ('N', 3, 0) => Self::Millis,
            ('N', 6, 0) => Self::Micros,
            ('z', 0, 0) => Self::Offset,
            ('z', 0, 1) => Self::OffsetWithColon,
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
        let mut template = Self { text: Vec::new(), copy: Short::new(b""), places: Vec::new() };
        template.add(items)?;
        template.copy = Short::new(&template.text);
        Some(template)
    }

    fn add(&mut self, items: &[Item]) -> Option<()> {
        for item in items {
            match item {
                Item::Literal(text) => self.text.extend_from_slice(text.as_bytes()),
                Item::Directive(directive) => {
                    let part = Part::of(*directive)?;
                    self.places.push((self.text.len(), part));
                    self.text.extend_from_slice(part.blank());
                }
                Item::Compound(directive, format) => {
                    let (_, width, _) = directive.plain()?;
                    if width > 0 {
                        return None;
                    }
                    self.add(&format.items)?;
                }
            }
        }
        Some(())
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
        self.copy.push(out);
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
    use super::super::{Dialect, Parts, TimeFormat};
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
        for format in formats.map(|format| TimeFormat::parse(format, Dialect::Ruby)) {
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
                format.write_parts(&Parts::new(&clock), &mut slow);
                assert_eq!(String::from_utf8(fast), String::from_utf8(slow), "{}", format.text());
            }
        }
    }

    #[test]
    fn what_has_no_fixed_length_has_no_template() {
        for format in ["%Z", "%s", "%-d", "%Y%B", "%10Y", "%::z", "%^a", "%N", "%9N", "%%", "%12F", "%v"] {
            assert_eq!(TimeFormat::parse(format, Dialect::Ruby).template, None, "{format}");
        }
        let format = TimeFormat::parse("%Y", Dialect::Ruby);
        let mut out = Vec::new();
        format.write(&WallClock { micros: 253_402_300_800_000_000, offset: 0, zone: "" }, &mut out);
        assert_eq!(out, b"10000");
        let mut out = Vec::new();
        TimeFormat::parse("%z", Dialect::Ruby)
            .write(&WallClock { micros: 0, offset: 20_639, zone: "" }, &mut out);
        assert_eq!(out, b"+0543");
    }
}
