//! Texts that become something else: what Embulk's plugin does with Ruby's `Integer()`, `Float()`, `strptime` and
//! `Time.parse`.

use jiff::tz::TimeZone;
use serde::de::IgnoredAny;

use crate::embulk::output::Conversion;
use crate::embulk::ruby;
use crate::transfer::clock_text::{ParsedClock, parse_freely, parse_with};
use crate::transfer::encode::number::push_ruby_float;
use crate::transfer::encode::words::zone_name;
use crate::transfer::encode::{Converted, TextConversion, Unfit};
use crate::transfer::strftime::{Dialect, TimeFormat, WallClock};
use crate::transfer::zone::ZoneClock;

/// What a text becomes.
#[derive(Debug, Clone)]
pub(super) enum TextTo {
    /// Exactly `true` or `false`.
    Boolean,
    /// Ruby's `Integer()`: prefixes, a leading zero is octal, underscores between digits.
    Integer,
    /// Ruby's `Float()`.
    Float,
    /// Decimal digits as they are.
    Decimal,
    /// Through a format; the offset in the text, if any, is replaced by the zone's.
    Timestamp {
        /// Ruby's strptime.
        format: String,
        /// Whose offset is written.
        zone: TimeZone,
    },
    /// Through a format; no zone is asked.
    Datetime {
        /// Ruby's strptime.
        format: String,
    },
    /// The day of any usual text of a time.
    Date {
        /// Where an instant's day is.
        zone: TimeZone,
    },
    /// The time of day of any usual text of a time.
    Time {
        /// Where an instant's time is.
        zone: TimeZone,
    },
    /// JSON, checked.
    Json,
}

/// A rule for a column of texts.
#[derive(Debug, Clone)]
pub(super) struct TextRule {
    /// What a text becomes.
    pub(super) to: TextTo,
    /// What a text that does not fit means.
    pub(super) on_failure: Conversion,
}

impl TextConversion for TextRule {
    fn convert(&self, text: &[u8], out: &mut Vec<u8>) -> Result<Converted, Unfit> {
        let start = out.len();
        match self.write(text, out) {
            Ok(()) => Ok(Converted::Text),
            Err(_) if self.on_failure == Conversion::NullOnFailure => {
                out.truncate(start);
                Ok(Converted::Null)
            }
            Err(reason) => Err(reason),
        }
    }

    fn words(&self) -> String {
        let in_zone = |what: &str, zone: &TimeZone| format!("{what} in {}", zone_name(zone));
        match &self.to {
            TextTo::Boolean => "`true` or `false`".to_owned(),
            TextTo::Integer => "read as an integer".to_owned(),
            TextTo::Float => "read as a number".to_owned(),
            TextTo::Decimal => "read as a number, digits as they are".to_owned(),
            TextTo::Timestamp { format, zone } => in_zone(&format!("read by `{format}`"), zone),
            TextTo::Datetime { format } => format!("read by `{format}`"),
            TextTo::Date { zone } => in_zone("the day of a time", zone),
            TextTo::Time { zone } => in_zone("the time of day of a time", zone),
            TextTo::Json => "the text as JSON".to_owned(),
        }
    }
}

impl TextRule {
    fn write(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
        let text = std::str::from_utf8(text).map_err(|_| Unfit("is not text in UTF-8"))?;
        match &self.to {
            TextTo::Boolean if text == "true" || text == "false" => out.extend_from_slice(text.as_bytes()),
            TextTo::Boolean => return Err(Unfit("is neither `true` nor `false`")),
            TextTo::Integer => {
                let number = ruby::integer(text).ok_or(Unfit("is not an integer of 64 bits"))?;
                out.extend_from_slice(number.to_string().as_bytes());
            }
            TextTo::Float => {
                let number = ruby::float(text).ok_or(Unfit("is not a number"))?;
                if !push_ruby_float(number, out) {
                    return Err(Unfit("is not a finite number"));
                }
            }
            TextTo::Decimal => {
                ruby::float(text).ok_or(Unfit("is not a number"))?;
                out.extend(text.trim().bytes().filter(|byte| *byte != b'_'));
            }
            TextTo::Timestamp { format, zone } => {
                let clock = parse_with(text, format).ok_or(NO_TIME)?;
                let offset = zone_offset(zone, clock.micros)?;
                show("%Y-%m-%d %H:%M:%S.%6N %:z", clock.micros, offset, out);
            }
            TextTo::Datetime { format } => {
                let clock = parse_with(text, format).ok_or(NO_TIME)?;
                show("%Y-%m-%d %H:%M:%S.%6N", clock.micros, 0, out);
            }
            TextTo::Date { zone } => show("%Y-%m-%d", freely(text, zone)?, 0, out),
            TextTo::Time { zone } => show("%H:%M:%S.%6N", freely(text, zone)?, 0, out),
            TextTo::Json => {
                serde_json::from_str::<IgnoredAny>(text).map_err(|_| Unfit("is not JSON"))?;
                // Newlines between the parts of a JSON text are only white space; a line must stay a line.
                out.extend(text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
            }
        }
        Ok(())
    }
}

const NO_TIME: Unfit = Unfit("is not a time in the form of `timestamp_format`");

/// The wall clock of a zone that a text names: with an offset in the text it is moved there, else it is there.
fn freely(text: &str, zone: &TimeZone) -> Result<i64, Unfit> {
    let ParsedClock { micros, offset } = parse_freely(text).ok_or(Unfit("is not a time"))?;
    match offset {
        None => Ok(micros),
        Some(offset) => {
            let instant = micros - i64::from(offset) * 1_000_000;
            let (ahead, _) = ZoneClock::new(zone.clone())
                .at(instant)
                .map(|(ahead, _)| (ahead, ()))
                .ok_or(Unfit("is not a time"))?;
            Ok(instant + i64::from(ahead) * 1_000_000)
        }
    }
}

fn zone_offset(zone: &TimeZone, wall: i64) -> Result<i32, Unfit> {
    let mut clock = ZoneClock::new(zone.clone());
    let instant = clock.instant(wall).ok_or(NO_TIME)?;
    clock.at(instant).map(|(offset, _)| offset).ok_or(NO_TIME)
}

fn show(format: &str, micros: i64, offset: i32, out: &mut Vec<u8>) {
    TimeFormat::parse(format, Dialect::Ruby).write(&WallClock { micros, offset, zone: "" }, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(to: TextTo, text: &str) -> Result<String, Unfit> {
        let mut out = Vec::new();
        TextRule { to, on_failure: Conversion::Strict }.convert(text.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn tokyo() -> TimeZone {
        TimeZone::get("Asia/Tokyo").unwrap()
    }

    #[test]
    fn integers_as_ruby_reads_them() {
        for (text, number) in
            [("012", "10"), ("0x1A", "26"), ("1_000", "1000"), (" 12 ", "12"), ("-0b11", "-3"), ("0", "0")]
        {
            assert_eq!(convert(TextTo::Integer, text).as_deref(), Ok(number), "{text}");
        }
        for text in ["12.0", "", "1__0", "_1", "9223372036854775808", "08", "--1", "0x"] {
            assert!(convert(TextTo::Integer, text).is_err(), "{text}");
        }
    }

    #[test]
    fn floats_as_ruby_reads_them() {
        for (text, number) in [("1e3", "1000.0"), (".5", "0.5"), ("1_0.5", "10.5"), ("-2", "-2.0")] {
            assert_eq!(convert(TextTo::Float, text).as_deref(), Ok(number), "{text}");
        }
        for text in ["5.", "", "NaN", "inf", "1.e3"] {
            assert!(convert(TextTo::Float, text).is_err(), "{text}");
        }
        assert_eq!(convert(TextTo::Decimal, "123456789012345678.90").as_deref(), Ok("123456789012345678.90"));
    }

    /// Texts of the plugin's own run.
    #[test]
    fn times_as_the_plugin_writes_them() {
        let timestamp = TextTo::Timestamp { format: "%Y-%m-%d %H:%M:%S %z".to_owned(), zone: tokyo() };
        for (text, written) in [
            ("2016-02-26 10:00:00 +0000", "2016-02-26 10:00:00.000000 +09:00"),
            ("1999-12-31 23:59:59 -0800", "1999-12-31 23:59:59.000000 +09:00"),
        ] {
            assert_eq!(convert(timestamp.clone(), text).as_deref(), Ok(written));
        }
        assert!(convert(timestamp, "yesterday").is_err());
        for (text, date) in [("20160226", "2016-02-26"), ("2016-02-26 23:00:00 +09:00", "2016-02-26")] {
            assert_eq!(convert(TextTo::Date { zone: tokyo() }, text).as_deref(), Ok(date));
        }
        for (text, time) in [("3:22 PM", "15:22:00.000000"), ("15:22:01", "15:22:01.000000")] {
            assert_eq!(convert(TextTo::Time { zone: tokyo() }, text).as_deref(), Ok(time));
        }
    }

    #[test]
    fn what_does_not_fit_can_become_null() {
        let rule = TextRule { to: TextTo::Boolean, on_failure: Conversion::NullOnFailure };
        let mut out = Vec::new();
        assert_eq!(rule.convert(b"maybe", &mut out), Ok(Converted::Null));
        assert_eq!(rule.convert(b"true", &mut out), Ok(Converted::Text));
        assert_eq!(out, b"true");
    }

    #[test]
    fn why_a_text_does_not_fit() {
        for (to, text, expected) in [
            (TextTo::Boolean, "yes", "is neither `true` nor `false`"),
            (TextTo::Integer, "1.x", "is not an integer of 64 bits"),
            (TextTo::Float, "x", "is not a number"),
            (TextTo::Float, "1e999", "is not a finite number"),
            (TextTo::Decimal, "x", "is not a number"),
            (
                TextTo::Datetime { format: "%Y".to_owned() },
                "noon",
                "is not a time in the form of `timestamp_format`",
            ),
            (TextTo::Date { zone: TimeZone::UTC }, "noon?", "is not a time"),
            (TextTo::Json, "{", "is not JSON"),
        ] {
            assert_eq!(convert(to, text), Err(Unfit(expected)), "{text}");
        }
        let rule = TextRule { to: TextTo::Json, on_failure: Conversion::Strict };
        assert_eq!(rule.write(b"\xff", &mut Vec::new()), Err(Unfit("is not text in UTF-8")));
    }

    #[test]
    fn json_is_checked_and_stays_on_its_line() {
        assert_eq!(convert(TextTo::Json, "{\"a\":\n [1]}").as_deref(), Ok("{\"a\": [1]}"));
        assert_eq!(convert(TextTo::Json, "{oops"), Err(Unfit("is not JSON")));
    }
}
