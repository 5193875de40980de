//! The zone of the server's wall clocks, from what `@@time_zone` and `@@system_time_zone` say.

use jiff::tz::{Offset, TimeZone};

use crate::transfer::error::{ErrorKind, TransferError};

/// Names of systems that stand for one region; others mean several and are refused.
const SYSTEM_NAMES: [(&str, &str); 16] = [
    ("JST", "Asia/Tokyo"),
    ("KST", "Asia/Seoul"),
    ("HKT", "Asia/Hong_Kong"),
    ("SGT", "Asia/Singapore"),
    ("PHT", "Asia/Manila"),
    ("WIB", "Asia/Jakarta"),
    ("ICT", "Asia/Bangkok"),
    ("CET", "Europe/Paris"),
    ("CEST", "Europe/Paris"),
    ("EET", "Europe/Athens"),
    ("EEST", "Europe/Athens"),
    ("WET", "Europe/Lisbon"),
    ("WEST", "Europe/Lisbon"),
    ("BST", "Europe/London"),
    ("MSK", "Europe/Moscow"),
    ("NZST", "Pacific/Auckland"),
];

/// The zone behind `@@time_zone`; `SYSTEM` asks the system's own name.
pub(super) fn server_zone(session: &str, system: &str) -> Result<TimeZone, TransferError> {
    let name = if session.eq_ignore_ascii_case("SYSTEM") { system } else { session };
    named(name).ok_or_else(|| {
        TransferError::new(
            ErrorKind::Config,
            format!("the time zone `{name}` of the server stands for no or for several regions"),
        )
        .hint("name it in the config: `options: {serverTimezone: Region/City}`")
    })
}

/// A zone by offset, region or system name.
pub(super) fn named(name: &str) -> Option<TimeZone> {
    if matches!(name, "UTC" | "GMT" | "Etc/UTC" | "Z" | "Universal" | "UCT") {
        return Some(TimeZone::UTC);
    }
    if let Some(offset) = offset(name.strip_prefix("GMT").or(name.strip_prefix("UTC")).unwrap_or(name)) {
        return Some(offset);
    }
    let region = SYSTEM_NAMES.iter().find(|(short, _)| *short == name).map(|(_, region)| *region);
    region
        .or(name.contains('/').then_some(name))
        .or((name == "Japan").then_some(name))
        .and_then(|name| TimeZone::get(name).ok())
}

/// `+09:00`, `-3:30`.
fn offset(text: &str) -> Option<TimeZone> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text[1..].split_once(':').unwrap_or((&text[1..], "0"));
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if !(0..=14).contains(&hours) || !(0..60).contains(&minutes) {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().map(TimeZone::fixed)
}

/// Whether a zone changes its offset after 1970, so that some wall clocks come twice.
pub(super) fn changes(zone: &TimeZone) -> bool {
    zone.following(jiff::Timestamp::UNIX_EPOCH).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_servers() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        assert_eq!(server_zone("SYSTEM", "JST").unwrap(), tokyo);
        assert_eq!(server_zone("Asia/Tokyo", "UTC").unwrap(), tokyo);
        assert_eq!(server_zone("SYSTEM", "UTC").unwrap(), TimeZone::UTC);
        assert_eq!(server_zone("+09:00", "UTC").unwrap(), TimeZone::fixed(Offset::constant(9)));
        assert_eq!(
            server_zone("-03:30", "UTC").unwrap(),
            TimeZone::fixed(Offset::from_seconds(-12_600).unwrap())
        );
        assert!(!changes(&tokyo));
        assert!(changes(&TimeZone::get("Europe/Paris").unwrap()));
    }

    #[test]
    fn a_name_of_several_regions_is_refused() {
        let error = server_zone("SYSTEM", "CST").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the time zone `CST` of the server stands for no or for several regions"
        );
        assert_eq!(error.remedy(), Some("name it in the config: `options: {serverTimezone: Region/City}`"));
    }
}
