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

/// Names with fixed offsets that Ruby's library knows, a line for each offset.
const RUBY_NAMES: &str = include_str!("zone_names.txt");

impl Zone {
    /// UTC, the default of every plugin.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// A zone as the inputs, filters and formatters take it.
    pub fn embulk(name: &str) -> Result<Self, UnknownZone> {
        let region = if name == "ROC" { "Asia/Taipei" } else { name };
        let zone = offset_of_java(name)
            .or_else(|| abbreviation(name, &EMBULK_NAMES))
            .or_else(|| lookup(region))
            .or_else(|| offset_of_ruby(name));
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

/// `+H`, `+HH`, `+HH:MM`, `+HHMM`, both with seconds too; all of them behind `UTC`, `GMT` or `UT` as well.
fn offset_of_java(name: &str) -> Option<TimeZone> {
    let bare = ["UTC", "GMT", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let rest = bare.strip_prefix(['+', '-'])?;
    let digits = match rest.as_bytes() {
        [_] => format!("0{rest}"),
        [_, _, b':', _, _] | [_, _, b':', _, _, b':', _, _] => rest.replace(':', ""),
        _ => rest.to_owned(),
    };
    if !matches!(digits.len(), 2 | 4 | 6) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: i32 = format!("{digits:0<6}").parse().ok()?;
    let (hours, minutes, seconds) = (number / 10_000, number / 100 % 100, number % 100);
    let total = hours * 3600 + minutes * 60 + seconds;
    let fits = minutes < 60 && seconds < 60 && total <= 18 * 3600;
    fits.then(|| fixed(if bare.starts_with('-') { -total } else { total }))?
}

/// A name of Ruby's in any case, perhaps with `standard time` behind it; `daylight time` and `dst` are an hour more.
fn offset_of_ruby(name: &str) -> Option<TimeZone> {
    let name = name.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
    let summer = [" DAYLIGHT TIME", " DST"].iter().find_map(|suffix| name.strip_suffix(suffix));
    let known = summer.unwrap_or_else(|| name.strip_suffix(" STANDARD TIME").unwrap_or(&name));
    let line = RUBY_NAMES.lines().find_map(|line| {
        let (offset, names) = line.split_once(' ')?;
        names.split(", ").any(|name| name == known).then_some(offset)
    })?;
    let seconds = offset(line)?.to_fixed_offset().ok()?.seconds();
    fixed(seconds + if summer.is_some() { 3600 } else { 0 })
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
    fn inputs_and_formatters_take_the_offsets_of_java_and_the_names_of_ruby() {
        for (name, seconds) in [
            ("+9", 32_400),
            ("-09", -32_400),
            ("+09:00:01", 32_401),
            ("UTC+9", 32_400),
            ("GMT-03:30", -12_600),
            ("UT+0900", 32_400),
            ("JST", 32_400),
            ("jst", 32_400),
            ("Tokyo  Standard Time", 32_400),
            ("est daylight time", -14_400),
            ("BST DST", 7_200),
            ("M", 43_200),
            ("z", 0),
            ("MSK", 10_800),
            ("E. Africa", 10_800),
            ("NDT", -9_000),
        ] {
            let zone = Zone::embulk(name).unwrap().zone;
            assert_eq!(zone.to_fixed_offset().map(Offset::seconds).ok(), Some(seconds), "{name}");
        }
        for name in ["", "+", "+19", "+9:00", "+09:60", "+0900000", "UTC 9", "J", "PRT", "日"] {
            assert!(Zone::embulk(name).is_err(), "{name}");
        }
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
