//! The workflow's time zone, for scripts: between instants and local time, both in milliseconds.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// After 400 years the calendar repeats, days of the week included.
const CYCLE: f64 = 146_097.0 * 86_400_000.0;
/// Scripts reach 270,000 years back and ahead, the zone's calendar some ten thousand. What lies beyond these bounds is
/// looked up whole cycles nearer: no zone changes its rules there.
const EARLIEST: f64 = -370_000_000_000_000.0;
const LATEST: f64 = 250_000_000_000_000.0;

/// What local time is ahead of UTC at an instant, in seconds. NaN for NaN.
pub(super) fn offset_seconds(zone: &TimeZone, instant: f64) -> f64 {
    let (near, _) = near(instant);
    timestamp(near).map_or(f64::NAN, |at| f64::from(zone.to_offset(at).seconds()))
}

/// The instant of a local time, given as milliseconds as if it were UTC. A time that the clock jumps over is moved
/// on by the jump; of a time that comes twice it is the first. NaN for NaN.
pub(super) fn instant(zone: &TimeZone, local: f64) -> f64 {
    let (near, shift) = near(local);
    let civil = timestamp(near).map(|at| TimeZone::UTC.to_datetime(at));
    let found = civil.and_then(|civil| zone.to_ambiguous_timestamp(civil).compatible().ok());
    found.map_or(f64::NAN, |at| milliseconds(at) + shift)
}

/// Milliseconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "every millisecond of the calendar fits an f64 exactly")]
pub(super) fn milliseconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64
}

/// A time within the bounds, and what was taken from it.
fn near(time: f64) -> (f64, f64) {
    let beyond = if time > LATEST {
        ((time - LATEST) / CYCLE).ceil()
    } else if time < EARLIEST {
        ((time - EARLIEST) / CYCLE).floor()
    } else {
        0.0
    };
    let shift = beyond * CYCLE;
    (time - shift, shift)
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
        assert!(instant(&zone, f64::NAN).is_nan());
    }

    #[test]
    fn zones_reach_as_far_as_dates() {
        let zone = TimeZone::get("America/Los_Angeles").expect("a known zone");
        // The last and the first second that a `Date` can be.
        assert_eq!(offset_seconds(&zone, 8.64e15), -25_200.0);
        assert_eq!(offset_seconds(&zone, -8.64e15), -28_378.0);
        assert_eq!(instant(&zone, 8.64e15), 8.64e15 + 25_200_000.0);
        assert_eq!(instant(&zone, -8.64e15), -8.64e15 + 28_378_000.0);
        assert!(instant(&zone, f64::INFINITY).is_nan());
    }
}
