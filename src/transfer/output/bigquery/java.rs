//! What `bigquery_java` converts otherwise than `bigquery`, where the table it makes is worth having.
//!
//! Where that plugin loses something on the way (integers above 32 bits, digits of a float, rows that do not convert,
//! and those after them), the value is kept or the transfer fails.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::embulk::config::EmbulkType;
use crate::embulk::output::{BigqueryColumnOption, FieldType};
use crate::transfer::clock_text::parse_with;
use crate::transfer::encode::number::push_ruby_float;
use crate::transfer::encode::words::zone_name;
use crate::transfer::encode::{Clock, Converted, EpochUnit, Form, Rendering, TextConversion, Unfit};
use crate::transfer::schema::ColumnType;
use crate::transfer::strftime::{Dialect, TimeFormat, WallClock};
use crate::transfer::zone::ZoneClock;

use super::field::{DATE, DATETIME, TIMESTAMP};

/// How a column is written for a type; none: as `bigquery` does it.
pub(super) fn rendering(
    column: ColumnType,
    target: FieldType,
    option: Option<&BigqueryColumnOption>,
) -> Option<Rendering> {
    match column.embulk() {
        EmbulkType::Timestamp => match target {
            FieldType::Timestamp => Some(Rendering::clock(TIMESTAMP, Clock::In(TimeZone::UTC))),
            FieldType::Integer | FieldType::Float => {
                Some(Rendering::bare(Form::Epoch(EpochUnit::Milliseconds)))
            }
            _ => None,
        },
        EmbulkType::Double => match target {
            FieldType::String if !matches!(column, ColumnType::Decimal { .. }) => {
                Some(Rendering::quoted(Form::JavaFloat))
            }
            FieldType::Numeric => scaled(option),
            _ => None,
        },
        EmbulkType::String if column != ColumnType::Bytes => text(target, option),
        _ => None,
    }
}

fn text(target: FieldType, option: Option<&BigqueryColumnOption>) -> Option<Rendering> {
    let format = option.and_then(|option| option.timestamp_format.clone());
    let zone = option.and_then(|option| option.timezone.as_ref());
    let zone = zone.map_or(TimeZone::UTC, |zone| zone.zone.clone());
    let through = |shown: &str| match format {
        Some(format) => {
            let shown = TimeFormat::parse(shown, Dialect::Embulk);
            Rendering::quoted(with(TextTo::Clock { format, shown, zone }))
        }
        None => Rendering::quoted(Form::Text),
    };
    Some(match target {
        FieldType::Boolean => Rendering::bare(with(TextTo::Boolean)),
        FieldType::Integer => Rendering::bare(with(TextTo::Integer)),
        FieldType::Float => Rendering::bare(with(TextTo::Float)),
        FieldType::Numeric => return scaled(option),
        FieldType::Timestamp => through(TIMESTAMP),
        FieldType::Datetime => through(DATETIME),
        FieldType::Date => through(DATE),
        _ => return None,
    })
}

fn scaled(option: Option<&BigqueryColumnOption>) -> Option<Rendering> {
    let scale = option.and_then(|option| option.scale)?;
    Some(Rendering::quoted(with(TextTo::Decimal { scale: usize::from(scale) })))
}

fn with(to: TextTo) -> Form {
    Form::TextWith(Arc::new(to))
}

/// What a text becomes.
#[derive(Debug, Clone)]
enum TextTo {
    /// `true` or `false` in any case.
    Boolean,
    /// Java's `Long.parseLong`: decimal digits and a sign, nothing around.
    Integer,
    /// Java's `Double.parseDouble`, without its hexadecimal numbers.
    Float,
    /// A decimal number with so many digits after the point, rounded half away from zero as BigQuery rounds.
    Decimal { scale: usize },
    /// Through a format to an instant (in the zone, unless the text says another) and back to a text in the zone.
    Clock { format: String, shown: TimeFormat, zone: TimeZone },
}

impl TextConversion for TextTo {
    fn convert(&self, text: &[u8], out: &mut Vec<u8>) -> Result<Converted, Unfit> {
        let text = std::str::from_utf8(text).map_err(|_| Unfit("is not text in UTF-8"))?;
        match self {
            Self::Boolean if text.eq_ignore_ascii_case("true") => out.extend_from_slice(b"true"),
            Self::Boolean if text.eq_ignore_ascii_case("false") => out.extend_from_slice(b"false"),
            Self::Boolean => return Err(Unfit("is neither `true` nor `false`")),
            Self::Integer => {
                let number: i64 = text.parse().map_err(|_| Unfit("is not an integer of 64 bits"))?;
                out.extend_from_slice(number.to_string().as_bytes());
            }
            Self::Float => {
                let number = double(text).ok_or(Unfit("is not a number"))?;
                if !push_ruby_float(number, out) {
                    return Err(Unfit("is not a finite number"));
                }
            }
            Self::Decimal { scale } => {
                let rounded = round(text, *scale).ok_or(Unfit("is not a decimal number"))?;
                out.extend_from_slice(rounded.as_bytes());
            }
            Self::Clock { format, shown, zone } => {
                let wrong = Unfit("is not a time in the form of `timestamp_format`");
                shown.write(&clock(text, format, zone).ok_or(wrong)?, out);
            }
        }
        Ok(Converted::Text)
    }

    fn words(&self) -> String {
        match self {
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Integer => "read as an integer".to_owned(),
            Self::Float => "read as a number".to_owned(),
            Self::Decimal { scale } => format!("rounded to {scale} digits after the point"),
            Self::Clock { format, shown, zone } => {
                let (shown, zone) = (shown.text(), zone_name(zone));
                format!("read by `{format}`, written by `{shown}` in {zone}")
            }
        }
    }
}

/// White space around and a letter for the type are Java's; words are not taken.
fn double(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches(['f', 'F', 'd', 'D']);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.').then(|| text.parse().ok())?
}

fn clock<'a>(text: &str, format: &str, zone: &TimeZone) -> Option<WallClock<'a>> {
    let parsed = parse_with(text, format)?;
    let mut zone = ZoneClock::new(zone.clone());
    let instant = match parsed.offset {
        Some(offset) => parsed.micros - i64::from(offset) * 1_000_000,
        None => zone.instant(parsed.micros)?,
    };
    let (offset, _) = zone.at(instant)?;
    Some(WallClock { micros: instant + i64::from(offset) * 1_000_000, offset, zone: "" })
}

/// Digits, perhaps with a point and an exponent, as digits with `scale` of them after the point.
fn round(text: &str, scale: usize) -> Option<String> {
    /// Beyond this no NUMERIC reaches.
    const LARGEST: i32 = 100;
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || exponent.abs() > LARGEST {
        return None;
    }
    // Where the last digit stands that stays, counted from the first.
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let end = point + i32::try_from(scale).ok()?;
    let digit =
        |at: i32| usize::try_from(at).ok().and_then(|at| digits.get(at)).map_or(0, |digit| digit - b'0');
    let mut kept: Vec<u8> = (point.min(1) - 1..end).map(digit).collect();
    if digit(end) >= 5 {
        let nine = kept.iter().rposition(|digit| *digit != 9);
        for digit in &mut kept[nine.map_or(0, |at| at + 1)..] {
            *digit = 0;
        }
        match nine {
            Some(at) => kept[at] += 1,
            None => kept.insert(0, 1),
        }
    }
    let text: String = kept.iter().map(|digit| char::from(b'0' + digit)).collect();
    let (whole, fraction) = text.split_at(text.len().checked_sub(scale)?);
    let whole = whole.trim_start_matches('0');
    let sign = if negative && kept.iter().any(|digit| *digit != 0) { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(to: &TextTo, text: &str) -> Result<String, Unfit> {
        let mut out = Vec::new();
        to.convert(text.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn booleans_and_numbers_as_java_reads_them() {
        for (to, text, expected) in [
            (TextTo::Boolean, "TRUE", Ok("true")),
            (TextTo::Boolean, "False", Ok("false")),
            (TextTo::Boolean, "yes", Err("is neither `true` nor `false`")),
            (TextTo::Integer, "012", Ok("12")),
            (TextTo::Integer, "+7", Ok("7")),
            (TextTo::Integer, "4294967296", Ok("4294967296")),
            (TextTo::Integer, "0x1A", Err("is not an integer of 64 bits")),
            (TextTo::Integer, " 1", Err("is not an integer of 64 bits")),
            (TextTo::Float, " 5. ", Ok("5.0")),
            (TextTo::Float, ".5f", Ok("0.5")),
            (TextTo::Float, "16777217", Ok("16777217.0")),
            (TextTo::Float, "infinity", Err("is not a number")),
            (TextTo::Float, "1_0", Err("is not a number")),
            (TextTo::Float, "1e999", Err("is not a finite number")),
        ] {
            assert_eq!(convert(&to, text), expected.map(str::to_owned).map_err(Unfit), "{text}");
        }
        assert_eq!(TextTo::Float.convert(b"\xff", &mut Vec::new()), Err(Unfit("is not text in UTF-8")));
    }

    #[test]
    fn decimals_are_rounded_half_away_from_zero() {
        for (text, scale, expected) in [
            ("1.234", 2, "1.23"),
            ("1.235", 2, "1.24"),
            ("-1.235", 2, "-1.24"),
            ("-1.234", 2, "-1.23"),
            ("9.995", 2, "10.00"),
            ("0.004", 2, "0.00"),
            ("-0.004", 2, "0.00"),
            ("0.05", 1, "0.1"),
            ("0.5", 0, "1"),
            ("0.49", 0, "0"),
            ("99.5", 0, "100"),
            ("7", 3, "7.000"),
            ("007.5", 1, "7.5"),
            (".5", 1, "0.5"),
            ("5.", 1, "5.0"),
            ("1.5e3", 1, "1500.0"),
            ("15e-3", 2, "0.02"),
            ("15e-9", 2, "0.00"),
            ("12345678901234567890.123456789", 9, "12345678901234567890.123456789"),
        ] {
            assert_eq!(round(text, scale).as_deref(), Some(expected), "{text} {scale}");
        }
        for text in ["", "-", ".", "1,5", "1e", "1e101", "abc", " 1"] {
            assert_eq!(round(text, 2), None, "{text}");
        }
    }

    /// The plugin's own: an instant is read in the zone or as the text says, and written in the zone.
    #[test]
    fn times_go_through_an_instant() {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let to = |format: &str, shown| {
            let shown = TimeFormat::parse(shown, Dialect::Embulk);
            TextTo::Clock { format: format.to_owned(), shown, zone: zone.clone() }
        };
        for (format, shown, text, expected) in [
            (
                "%Y-%m-%d %H:%M:%S %z",
                TIMESTAMP,
                "2016-02-26 10:00:00 +0000",
                "2016-02-26 19:00:00.000000 +09:00",
            ),
            ("%Y-%m-%d %H:%M:%S", TIMESTAMP, "2016-02-26 10:00:00", "2016-02-26 10:00:00.000000 +09:00"),
            ("%Y-%m-%d %H:%M:%S %z", DATETIME, "2016-02-26 20:00:00 +0000", "2016-02-27 05:00:00.000000"),
            ("%Y-%m-%d %H:%M:%S %z", DATE, "2016-02-26 20:00:00 +0000", "2016-02-27"),
            ("%d/%m/%Y", DATE, "26/02/2016", "2016-02-26"),
        ] {
            assert_eq!(convert(&to(format, shown), text).as_deref(), Ok(expected), "{text}");
        }
        let wrong = Unfit("is not a time in the form of `timestamp_format`");
        assert_eq!(convert(&to("%Y", DATE), "noon"), Err(wrong));
    }
}
