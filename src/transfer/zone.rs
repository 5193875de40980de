//! Zones at the speed of rows: the offset of the last value is kept as long as values stay in its stretch.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::civil::{DAY, SECOND};

/// A zone that remembers the last offset and where it holds.
#[derive(Debug, Clone)]
pub struct ZoneClock {
    zone: TimeZone,
    stretch: Option<Stretch>,
}

/// An offset between two changes of a zone; instants in microseconds.
#[derive(Debug, Clone)]
struct Stretch {
    from: i64,
    until: i64,
    offset: i32,
    name: String,
}

impl ZoneClock {
    /// A clock of a zone.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, stretch: None }
    }

    /// The zone itself.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Offset in seconds and short name of the zone at an instant; none beyond the years -9999 to 9999.
    pub fn at(&mut self, instant: i64) -> Option<(i32, &str)> {
        let stretch = self.stretch_of(instant)?;
        Some((stretch.offset, stretch.name.as_str()))
    }

    /// The instant of a wall clock. A clock that a change skipped moves on by the gap; one that comes twice is the
    /// first of the two.
    pub fn instant(&mut self, wall: i64) -> Option<i64> {
        if let Some(stretch) = &self.stretch {
            let instant = wall - i64::from(stretch.offset) * SECOND;
            // A day away from both ends no other offset can claim this wall clock.
            if stretch.from.saturating_add(DAY) < instant && instant < stretch.until.saturating_sub(DAY) {
                return Some(instant);
            }
        }
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let span = Span::new().try_microseconds(wall).ok()?;
        let civil = epoch.checked_add(span).ok()?;
        let instant = match self.zone.to_ambiguous_timestamp(civil).compatible() {
            Ok(instant) => instant.as_microsecond(),
            // The last hours of the year 9999, which tables use for "never", are no timestamps of the library.
            Err(_) => wall - i64::from(self.zone.to_offset(edge(wall)).seconds()) * SECOND,
        };
        self.stretch_of(instant)?;
        Some(instant)
    }

    fn stretch_of(&mut self, instant: i64) -> Option<&Stretch> {
        let holds =
            self.stretch.as_ref().is_some_and(|stretch| stretch.from <= instant && instant < stretch.until);
        if !holds {
            self.stretch = Some(find(&self.zone, instant)?);
        }
        self.stretch.as_ref()
    }
}

/// The last timestamp of the library on the side of an instant.
fn edge(instant: i64) -> Timestamp {
    if instant < 0 { Timestamp::MIN } else { Timestamp::MAX }
}

fn find(zone: &TimeZone, instant: i64) -> Option<Stretch> {
    let at = Timestamp::from_microsecond(instant).ok().or_else(|| {
        let near = edge(instant);
        (near.as_microsecond().abs_diff(instant) < 3 * DAY.unsigned_abs()).then_some(near)
    })?;
    let info = zone.to_offset_info(at);
    let fixed = zone.to_fixed_offset().is_ok();
    let next_microsecond = Timestamp::from_microsecond(instant.saturating_add(1)).unwrap_or(at);
    let before = zone.preceding(next_microsecond).next().map(|change| change.timestamp().as_microsecond());
    let after = zone.following(at).next().map(|change| change.timestamp().as_microsecond());
    // A numeric offset has no name, as in Ruby.
    let name = if fixed && zone != &TimeZone::UTC { String::new() } else { info.abbreviation().to_owned() };
    Some(Stretch {
        from: before.unwrap_or(i64::MIN),
        until: after.unwrap_or(i64::MAX),
        offset: info.offset().seconds(),
        name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::civil::Date;

    fn wall(year: i64, month: u32, day: u32, hour: i64) -> i64 {
        Date { year, month, day }.days() * DAY + hour * 3600 * SECOND
    }

    #[test]
    fn offsets_follow_the_changes_of_a_zone_row_by_row() {
        let mut clock = ZoneClock::new(TimeZone::get("America/New_York").unwrap());
        for (instant, offset, name) in [
            (wall(2024, 1, 15, 0), -5, "EST"),
            (wall(2024, 3, 10, 7) - 1, -5, "EST"),
            (wall(2024, 3, 10, 7), -4, "EDT"),
            (wall(2024, 7, 1, 0), -4, "EDT"),
            (wall(2024, 11, 3, 6), -5, "EST"),
            (wall(2024, 7, 1, 0), -4, "EDT"),
        ] {
            assert_eq!(clock.at(instant), Some((offset * 3600, name)));
        }
    }

    #[test]
    fn wall_clocks_become_instants_also_near_a_change() {
        let mut clock = ZoneClock::new(TimeZone::get("America/New_York").unwrap());
        for (local, instant) in [
            (wall(2024, 1, 15, 0), wall(2024, 1, 15, 5)),
            (wall(2024, 1, 16, 0), wall(2024, 1, 16, 5)),
            (wall(2024, 3, 10, 1), wall(2024, 3, 10, 6)),
            // Skipped: 02:00 to 03:00.
            (wall(2024, 3, 10, 2), wall(2024, 3, 10, 7)),
            (wall(2024, 3, 10, 3), wall(2024, 3, 10, 7)),
            (wall(2024, 3, 12, 3), wall(2024, 3, 12, 7)),
            // Twice: 01:00 to 02:00.
            (wall(2024, 11, 3, 1), wall(2024, 11, 3, 5)),
            (wall(2024, 11, 3, 2), wall(2024, 11, 3, 7)),
        ] {
            assert_eq!(clock.instant(local), Some(instant));
        }
    }

    #[test]
    fn the_last_day_of_the_calendar_is_an_instant_in_every_zone() {
        let last = wall(10_000, 1, 1, 0) - 1;
        for (name, offset) in [("UTC", 0), ("Asia/Tokyo", 9), ("America/New_York", -5)] {
            let mut clock = ZoneClock::new(TimeZone::get(name).unwrap());
            let instant = clock.instant(last);
            assert_eq!(instant, Some(last - offset * 3600 * SECOND), "{name}");
            assert_eq!(clock.at(last).map(|(offset, _)| i64::from(offset)), Some(offset * 3600), "{name}");
        }
    }

    #[test]
    fn numeric_offsets_have_no_name_and_far_years_no_instant() {
        let mut clock = ZoneClock::new(TimeZone::fixed(jiff::tz::Offset::constant(9)));
        assert_eq!(clock.at(0), Some((9 * 3600, "")));
        assert_eq!(clock.instant(wall(2015, 6, 4, 9)), Some(wall(2015, 6, 4, 0)));
        assert_eq!(ZoneClock::new(TimeZone::UTC).at(i64::MAX), None);
        let mut tokyo = ZoneClock::new(TimeZone::get("Asia/Tokyo").unwrap());
        assert_eq!(tokyo.instant(i64::MAX), None);
    }
}
