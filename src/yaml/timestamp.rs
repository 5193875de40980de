//! `!!timestamp`: a day, or a day and a time, as milliseconds since 1970.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use regex::{Captures, Regex};

/// The forms of YAML 1.1. One pattern for all: a day alone has no other groups.
static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let day = r"(?<year>\d{4})-(?<month>\d\d?)-(?<day>\d\d?)";
    let time = r"(?<hour>\d\d?):(?<minute>\d\d):(?<second>\d\d)(?:\.(?<fraction>\d*))?";
    let zone = r"[ \t]*(?:Z|(?<sign>[-+])(?<ahead>\d\d?)(?::(?<further>\d\d)?)?)";
    Regex::new(&format!(r"(?-u)^{day}(?:(?:[Tt]|[ \t]+){time}(?:{zone})?)?$")).ok()
});

/// The milliseconds, in UTC where no offset is written. None for what is no day or time.
pub(super) fn milliseconds(text: &str) -> Option<i64> {
    let form = FORM.as_ref()?.captures(text)?;
    let number = |name: &str| form.name(name).map_or(Some(0), |digits| digits.as_str().parse::<i8>().ok());
    let year = form["year"].parse().ok()?;
    let date = Date::new(year, number("month")?, number("day")?).ok()?;
    let time = Time::new(number("hour")?, number("minute")?, number("second")?, 0).ok()?;
    let local = DateTime::from_parts(date, time);
    let zoned = local.to_zoned(TimeZone::fixed(offset(&form)?)).ok()?;
    Some(zoned.timestamp().as_millisecond() + fraction(&form)?)
}

fn offset(form: &Captures<'_>) -> Option<Offset> {
    let minutes = |name: &str| form.name(name).map_or(Some(0), |digits| digits.as_str().parse::<i32>().ok());
    let seconds = minutes("ahead")? * 3600 + minutes("further")? * 60;
    Offset::from_seconds(if form.name("sign").is_some_and(|sign| sign.as_str() == "-") {
        -seconds
    } else {
        seconds
    })
    .ok()
}

/// Digits behind the second, rounded to milliseconds.
fn fraction(form: &Captures<'_>) -> Option<i64> {
    let digits = form.name("fraction").map_or("", |digits| digits.as_str());
    let thousandths: u64 = format!("{digits:0<4.4}").parse().ok()?;
    i64::try_from((thousandths + 5) / 10).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times() {
        for (text, expected) in [
            ("2024-01-01", Some(1_704_067_200_000)),
            ("2024-1-1", Some(1_704_067_200_000)),
            ("2001-12-14t21:59:43.10-05:00", Some(1_008_385_183_100)),
            ("2001-12-14 21:59:43.10 -5", Some(1_008_385_183_100)),
            ("2001-12-15 2:59:43.10", Some(1_008_385_183_100)),
            ("2001-12-15T02:59:43Z", Some(1_008_385_183_000)),
            ("2024-01-01 00:00:00.9996", Some(1_704_067_201_000)),
            ("2024-01-01 00:00:00 +9:", Some(1_704_034_800_000)),
            ("2024-01-01 00:00:00+0900", None),
            ("2024-13-01", None),
            ("24-01-01", None),
            ("x", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
