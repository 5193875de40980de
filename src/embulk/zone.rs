//! Time zones as transfer files name them.
//!
//! Two rules, as the plugins have two: the inputs, filters and formatters take what Java and Ruby's zone table know,
//! the BigQuery output takes offsets, `Region/City` and a dozen abbreviations and refuses the rest.

use jiff::tz::{Offset, TimeZone};

/// A zone with the name it was written by.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// As written.
    pub name: String,
    /// What it means.
    pub zone: TimeZone,
}

/// The text is not a zone where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not recognized as a time zone")]
pub struct UnknownZone {
    /// As written.
    pub name: String,
}

/// Abbreviations that the BigQuery plugin takes, in hours. EST and EDT differ here, as in Ruby.
const BIGQUERY_NAMES: [(&str, i8); 10] = [
    ("UTC", 0),
    ("GMT", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];

/// Abbreviations that Embulk's own timestamp code knows, in hours. EST and EDT are the same there.
const EMBULK_NAMES: [(&str, i8); 13] = [
    ("Z", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("UT", 0),
    ("EST", -5),
    ("EDT", -5),
    ("CST", -6),
    ("CDT", -6),
    ("MST", -7),
    ("MDT", -7),
    ("PST", -8),
    ("PDT", -8),
    ("HST", -10),
];

/// Short Java ids that are still seen in files, with the region they stand for.
const JAVA_IDS: [(&str, &str); 6] = [
    ("JST", "Asia/Tokyo"),
    ("ROC", "Asia/Taipei"),
    ("IST", "Asia/Kolkata"),
    ("CTT", "Asia/Shanghai"),
    ("ECT", "Europe/Paris"),
    ("PRT", "America/Puerto_Rico"),
];

impl Zone {
    /// UTC, the default of every plugin.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// A zone as the inputs, filters and formatters take it.
    pub fn embulk(name: &str) -> Result<Self, UnknownZone> {
        let zone = offset(name)
            .or_else(|| abbreviation(name, &EMBULK_NAMES))
            .or_else(|| JAVA_IDS.iter().find(|(id, _)| *id == name).and_then(|(_, region)| lookup(region)))
            .or_else(|| lookup(name));
        Self::named(name, zone)
    }

    /// A zone as the BigQuery output takes it.
    pub fn bigquery(name: &str) -> Result<Self, UnknownZone> {
        let zone = offset(name)
            .or_else(|| abbreviation(name, &BIGQUERY_NAMES))
            .or_else(|| military(name))
            .or_else(|| if name.contains('/') { lookup(name) } else { None });
        Self::named(name, zone)
    }

    fn named(name: &str, zone: Option<TimeZone>) -> Result<Self, UnknownZone> {
        zone.map(|zone| Self { name: name.to_owned(), zone })
            .ok_or_else(|| UnknownZone { name: name.to_owned() })
    }
}

fn lookup(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

fn abbreviation(name: &str, known: &[(&str, i8)]) -> Option<TimeZone> {
    known.iter().find(|(known, _)| *known == name).and_then(|(_, hours)| fixed(i32::from(*hours) * 3600))
}

fn fixed(seconds: i32) -> Option<TimeZone> {
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

/// `+HHMM`, `-HH:MM`.
fn offset(name: &str) -> Option<TimeZone> {
    let (sign, rest) = match name.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits = match rest.len() {
        4 => rest.to_owned(),
        5 if rest.as_bytes()[2] == b':' => rest.replacen(':', "", 1),
        _ => return None,
    };
    if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: i32 = digits.parse().ok()?;
    fixed(sign * ((number / 100) * 3600 + (number % 100) * 60))
}

/// One letter: A to M without J east of UTC, N to Y west, Z is UTC.
fn military(name: &str) -> Option<TimeZone> {
    let [letter] = name.as_bytes() else { return None };
    let hours = match letter {
        b'A'..=b'I' => i32::from(letter - b'A') + 1,
        b'K'..=b'M' => i32::from(letter - b'K') + 10,
        b'N'..=b'Y' => -(i32::from(letter - b'N') + 1),
        b'Z' => 0,
        _ => return None,
    };
    fixed(hours * 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_regions_and_abbreviations() {
        for name in ["Asia/Tokyo", "+09:00", "+0900"] {
            let zone = Zone::bigquery(name).unwrap().zone;
            assert_eq!(zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(), 32_400, "{name}");
        }
        assert_eq!(
            Zone::bigquery("I").unwrap().zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(),
            32_400
        );
        assert_eq!(
            Zone::bigquery("EDT").unwrap().zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(),
            -14_400
        );
        assert_eq!(
            Zone::embulk("EDT").unwrap().zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(),
            -18_000
        );
    }

    #[test]
    fn the_bigquery_output_refuses_what_its_plugin_refuses() {
        for name in ["JST", "Japan", "", "+9", "+09:0", "J", "+0a:00", "日"] {
            assert_eq!(Zone::bigquery(name), Err(UnknownZone { name: name.to_owned() }));
        }
        assert!(Zone::embulk("Japan").is_ok());
        assert!(Zone::embulk("JST").is_ok());
        assert_eq!(
            Zone::embulk("Asia/Tokio").unwrap_err().to_string(),
            "`Asia/Tokio` is not recognized as a time zone"
        );
    }
}
