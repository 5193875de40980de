//! Ruby's strftime, which Embulk's formats are written in: parsed once, written without allocation.

mod directive;
mod parts;
mod template;

use self::directive::Directive;
use self::parts::Parts;
use self::template::Template;
use super::encode::number::{push_padded, push_two};

/// Whose strftime a format is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Ruby's own, which plugins in Ruby have.
    Ruby,
    /// That of Embulk's plugins in Java: `%v` has colons, and a zone without a name shows its offset for `%Z`.
    Embulk,
}

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
    /// A directive that stands for several, and has its width and case for them together.
    Compound(Directive, TimeFormat),
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
    pub fn parse(text: &str, dialect: Dialect) -> Self {
        let mut items = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            literal.push_str(&rest[..at]);
            let (directive, length) = Directive::parse(&rest[at..], dialect);
            match directive {
                Some(directive) => {
                    if !literal.is_empty() {
                        items.push(Item::Literal(std::mem::take(&mut literal)));
                    }
                    items.push(match directive.compound() {
                        Some(long) => Item::Compound(directive, Self::parse(long, dialect)),
                        None => Item::Directive(directive),
                    });
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
        if !self.template.as_ref().is_some_and(|template| template.write(clock, out)) {
            self.write_parts(&Parts::new(clock), out);
        }
    }

    fn write_parts(&self, parts: &Parts<'_>, out: &mut Vec<u8>) {
        for item in &self.items {
            match item {
                Item::Literal(text) => out.extend_from_slice(text.as_bytes()),
                Item::Directive(directive) => directive.write(parts, out),
                Item::Compound(directive, format) => {
                    let start = out.len();
                    format.write_parts(parts, out);
                    directive.finish_compound(start, out);
                }
            }
        }
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
    use crate::transfer::civil::{DAY, Date, SECOND};

    fn show(format: &str, clock: &WallClock<'_>) -> String {
        show_as(Dialect::Ruby, format, clock)
    }

    fn show_as(dialect: Dialect, format: &str, clock: &WallClock<'_>) -> String {
        let mut out = Vec::new();
        TimeFormat::parse(format, dialect).write(clock, &mut out);
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

    /// Texts made with Ruby 3.1's Time#strftime.
    #[test]
    fn flags_and_widths_as_ruby_takes_them() {
        for (format, text) in [
            (
                "%20v|%-20F|%020F|%^#c",
                "          4-JUN-2015|          2015-06-04|00000000002015-06-04|THU JUN  4 12:34:56 2015",
            ),
            ("%10_d %10-d %5^a", "%10_d %10-d %5^a"),
            ("%0-H %-0d %_-d %-5d %-5a %-5N", "12 4 4 4 Thu 12345"),
            (
                "%-z %-10z %_z %_10z %_:z %_10::z %_:::z",
                "+0900 +000000900  +900       +900  +9:00   +9:00:00  +9",
            ),
            ("%010:z %10:::z", "+000009:00 +000000009"),
            ("%^#p %#^p %^#P %#Z", "pm pm PM jst"),
            ("%E %Ey %EC %Ed %E5d %Od %5Od %OC %Ok", "%E 15 20 %Ed %E5d 04 00004 %OC 12"),
            ("%: %:: %::::z %:%V %::%6N %E%0e", "%: %:: %::::z %:23 %::123456 %E04"),
            ("%5%|%05%|%日|%5日", "    %|0000%|%日|%5日"),
        ] {
            assert_eq!(show(format, &clock()), text, "{format}");
        }
    }

    #[test]
    fn embulk_has_colons_in_days_and_offsets_for_names() {
        let fixed = WallClock { zone: "", ..clock() };
        for (format, clock, text) in [
            ("%v|%^20v|%Ok%Ol", clock(), " 4:Jun:2015|          4:JUN:2015|%Ok%Ol"),
            ("%Z|%10Z|%010Z|%-Z", fixed, "+09:00|    +09:00|0000+09:00|+09:00"),
            ("%Z", WallClock { offset: -(4 * 3600 + 56 * 60 + 2), ..fixed }, "-04:56:02"),
            ("%Z", clock(), "JST"),
        ] {
            assert_eq!(show_as(Dialect::Embulk, format, &clock), text, "{format}");
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
