//! The workflow's time zone, for scripts: between instants and local time, both in milliseconds.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What local time is ahead of UTC at an instant, in seconds. NaN for an instant outside the calendar.
pub(super) fn offset_seconds(zone: &TimeZone, instant: f64) -> f64 {
    timestamp(instant).map_or(f64::NAN, |at| f64::from(zone.to_offset(at).seconds()))
}

/// The instant of a local time, given as milliseconds as if it were UTC. A time that the clock jumps over is moved
/// on by the jump; of a time that comes twice it is the first. NaN outside the calendar.
pub(super) fn instant(zone: &TimeZone, local: f64) -> f64 {
    let civil = timestamp(local).map(|at| TimeZone::UTC.to_datetime(at));
    let found = civil.and_then(|civil| zone.to_ambiguous_timestamp(civil).compatible().ok());
    found.map_or(f64::NAN, milliseconds)
}

/// Milliseconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "every millisecond of the calendar fits an f64 exactly")]
pub(super) fn milliseconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float beyond i64 saturates and is refused as out of range"
)]
fn timestamp(milliseconds: f64) -> Option<Timestamp> {
    if milliseconds.is_nan() {
        return None;
    }
    Timestamp::from_millisecond(milliseconds.floor() as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_jumps_and_repeats() {
        let zone = TimeZone::get("America/Los_Angeles").expect("a known zone");
        let utc = |text: &str| milliseconds(text.parse().expect("a timestamp"));
        // 02:30 does not exist on 2024-03-10; 01:30 comes twice on 2024-11-03.
        assert_eq!(instant(&zone, utc("2024-03-10T02:30:00Z")), utc("2024-03-10T10:30:00Z"));
        assert_eq!(instant(&zone, utc("2024-11-03T01:30:00Z")), utc("2024-11-03T08:30:00Z"));
        assert_eq!(offset_seconds(&zone, utc("2024-07-01T00:00:00Z")), -25_200.0);
        assert!(offset_seconds(&zone, f64::NAN).is_nan());
        assert!(instant(&zone, 9e15).is_nan());
    }
}
