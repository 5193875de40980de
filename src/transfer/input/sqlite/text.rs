//! Dates and times that SQLite keeps as text, in the forms that its own functions read.

use crate::transfer::civil::{DAY, Date, SECOND};

/// Days of `YYYY-MM-DD`; a time behind it is let go only when it is midnight.
pub(super) fn days(text: &str) -> Option<i64> {
    let micros = moment(text)?;
    (micros.rem_euclid(DAY) == 0).then_some(micros.div_euclid(DAY))
}

/// Microseconds of `YYYY-MM-DD[ HH:MM[:SS[.fraction]][Z|+HH:MM]]`; an offset is taken off, so that what remains is
/// UTC, as SQLite does it.
pub(super) fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let mut parts = date.splitn(3, '-');
    let mut number = |length| {
        let part = parts.next()?;
        (part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())?
    };
    let date = Date { year: i64::from(number(4)?), month: number(2)?, day: number(2)? };
    if !date.exists() {
        return None;
    }
    let start = date.days() * DAY;
    if rest.is_empty() {
        return Some(start);
    }
    let rest = rest.strip_prefix([' ', 'T'])?;
    let (clock, offset) = split_offset(rest.trim_end())?;
    Some(start + time(clock)? - offset)
}

/// Microseconds of `HH:MM[:SS[.fraction]]`.
pub(super) fn time(text: &str) -> Option<i64> {
    let mut parts = text.trim().splitn(3, ':');
    let mut number = |below: i64| {
        let part = parts.next()?;
        let value = (part.len() == 2).then(|| part.parse::<u8>().ok())?.map(i64::from)?;
        (value < below).then_some(value)
    };
    let (hour, minute) = (number(24)?, number(60)?);
    let seconds = match parts.next() {
        Some(seconds) => seconds_of(seconds)?,
        None => 0,
    };
    Some((hour * 3600 + minute * 60) * SECOND + seconds)
}

/// `SS[.fraction]`; digits beyond the microsecond are cut.
fn seconds_of(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if whole.len() != 2 || fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole = whole.parse::<u8>().ok().filter(|second| *second < 60)?;
    let micros = format!("{:0<6}", fraction.get(..6).unwrap_or(fraction)).parse::<i64>().ok()?;
    Some(i64::from(whole) * SECOND + micros)
}

/// A clock and its offset in microseconds.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock.trim_end(), 0));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let sign = if text.as_bytes()[at] == b'+' { 1 } else { -1 };
    let (hours, minutes) = text[at + 1..].split_once(':')?;
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
    (hours <= 14 && minutes < 60).then_some((text[..at].trim_end(), sign * seconds * SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_sqlite() {
        let noon = (Date { year: 2015, month: 6, day: 4 }.days() * 24 + 12) * 3600 * SECOND;
        for (text, expected) in [
            ("2015-06-04 12:00:00", Some(noon)),
            ("2015-06-04T12:00", Some(noon)),
            ("2015-06-04 12:00:00.123456789", Some(noon + 123_456)),
            ("2015-06-04 12:00:00.5Z", Some(noon + 500_000)),
            ("2015-06-04 21:00:00+09:00", Some(noon)),
            ("2015-02-30", None),
            ("2015-06-04 24:00:00", None),
            ("2015-6-4", None),
            ("日本日本日本", None),
            ("", None),
        ] {
            assert_eq!(moment(text), expected, "{text}");
        }
        assert_eq!(days("1970-01-02"), Some(1));
        assert_eq!(days("1970-01-02 00:00:00"), Some(1));
        assert_eq!(days("1970-01-02 00:00:01"), None);
        assert_eq!(time("23:59:59.999999"), Some(DAY - 1));
    }
}
