//! `timezone:`: the names and offsets that Java's `ZoneId` takes, since that is what Digdag reads them with.

use jiff::tz::{Offset, TimeZone};

/// The zone of a name (`Asia/Tokyo`) or an offset (`+09:00`, `UTC+9`). The error is a message fragment.
pub fn parse(text: &str) -> Result<TimeZone, String> {
    if let Some(offset) = offset(text) {
        return Ok(offset);
    }
    match TimeZone::get(text) {
        Ok(zone) if zone.iana_name() == Some(text) => Ok(zone),
        Ok(zone) => Err(match zone.iana_name() {
            Some(name) => format!("unknown time zone `{text}`; did you mean `{name}`?"),
            None => format!("unknown time zone `{text}`"),
        }),
        Err(_) => Err(format!("unknown time zone `{text}`")),
    }
}

fn offset(text: &str) -> Option<TimeZone> {
    let body = ["UTC", "GMT", "UT"].into_iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    if matches!(text, "Z" | "UTC" | "GMT" | "UT") {
        return Some(TimeZone::UTC);
    }
    let negative = match body.as_bytes().first()? {
        b'+' => false,
        b'-' => true,
        _ => return None,
    };
    let seconds = offset_seconds(&body[1..])?;
    let offset = Offset::from_seconds(if negative { -seconds } else { seconds }).ok()?;
    Some(TimeZone::fixed(offset))
}

/// `h`, `hh`, `hh:mm`, `hhmm`, `hh:mm:ss`, `hhmmss`, up to 18 hours.
fn offset_seconds(digits: &str) -> Option<i32> {
    let parts: Vec<&str> = if digits.contains(':') {
        digits.split(':').collect()
    } else {
        match digits.len() {
            1 | 2 => vec![digits],
            4 => vec![digits.get(..2)?, digits.get(2..)?],
            6 => vec![digits.get(..2)?, digits.get(2..4)?, digits.get(4..)?],
            _ => return None,
        }
    };
    let wide = parts.len() > 1;
    if parts.len() > 3 || parts.iter().any(|part| part.is_empty() || (wide && part.len() != 2)) {
        return None;
    }
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(&parts) {
        *number = part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i32>().ok()).flatten()?;
    }
    let [hours, minutes, seconds] = numbers;
    let total = hours * 3600 + minutes * 60 + seconds;
    (minutes < 60 && seconds < 60 && total <= 18 * 3600).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_offsets_are_read() {
        for (text, minutes) in [
            ("UTC", 0),
            ("Z", 0),
            ("Asia/Tokyo", 540),
            ("+09:00", 540),
            ("-0330", -210),
            ("UTC+9", 540),
            ("GMT-05:00", -300),
            ("+9", 540),
            ("+05:30", 330),
        ] {
            let zone = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let offset = zone.to_offset(jiff::Timestamp::UNIX_EPOCH);
            assert_eq!(offset.seconds(), minutes * 60, "{text}");
        }
        for (text, message) in [
            ("Mars/Olympus", "unknown time zone `Mars/Olympus`"),
            ("asia/tokyo", "unknown time zone `asia/tokyo`; did you mean `Asia/Tokyo`?"),
            ("+25:00", "unknown time zone `+25:00`"),
            ("+1:00", "unknown time zone `+1:00`"),
            ("", "unknown time zone ``"),
        ] {
            assert_eq!(parse(text).unwrap_err(), message, "{text}");
        }
    }
}
