//! Times that the clocks of a zone skip, or show twice: the day a schedule's time is one of them a timer does not start,
//! or starts twice.

use jiff::civil::Time;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

use crate::dig::schedule::Schedule;

/// Days that are looked through: two years have every kind of change of the clocks.
const DAYS: i32 = 731;

/// What to say of a schedule of days: the difference of a clock's time from Digdag's, and the first day on which the
/// clocks skip the time. Nothing where the zone's clocks do not change.
pub(super) fn notes(schedule: &Schedule, zone: &TimeZone, from: Timestamp) -> Vec<String> {
    let start = from.to_zoned(zone.clone());
    let Ok(end) = start.checked_add(DAYS.days()) else { return Vec::new() };
    let mut notes = Vec::new();
    let mut session = start;
    let (mut differs, mut skipped) = (false, false);
    while let Some(next) = schedule.next_after(&session).filter(|next| *next < end) {
        session = next;
        // Kinds without a time of the day have none on the wall.
        let (Some(run), Some(wall)) = (schedule.run_time(&session), schedule.wall_time(&session)) else {
            break;
        };
        let time = run.duration_since(&session);
        if run != wall && !differs {
            differs = true;
            notes.push(format!(
                "When the clocks change, as on {}, it keeps the time on the wall; Digdag counts from midnight.",
                wall.date()
            ));
        }
        let Ok(shown) = session.date().to_datetime(Time::midnight()).checked_add(time) else { break };
        if !skipped && matches!(zone.to_ambiguous_zoned(shown).offset(), AmbiguousOffset::Gap { .. }) {
            skipped = true;
            notes.push(format!(
                "There is no {} on {}: that day's run is left out. Choose another time, or run the session by hand.",
                shown.time(),
                shown.date()
            ));
        }
        if differs && skipped {
            break;
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::testing::job;
    use super::*;

    fn of(zone: &str, schedule: &str) -> Vec<String> {
        let job = job(zone, schedule);
        notes(&job.schedule, &job.zone.0, job.today)
    }

    #[test]
    fn changes_of_the_clocks_are_told() {
        assert_eq!(of("Asia/Tokyo", "{daily>: '02:30:00'}"), [""; 0]);
        assert_eq!(of("Europe/Berlin", "{hourly>: '30:00'}"), [""; 0]);
        let wall = "When the clocks change, as on 2027-03-28, it keeps the time on the wall; Digdag counts from midnight.";
        assert_eq!(of("Europe/Berlin", "{daily>: '07:00:00'}"), [wall]);
        let night = of("Europe/Berlin", "{daily>: '02:30:00'}");
        let gap = "There is no 02:30:00 on 2027-03-28: that day's run is left out. Choose another time, or run the \
                   session by hand.";
        assert_eq!(night.last().map(String::as_str), Some(gap), "{night:?}");
    }
}
