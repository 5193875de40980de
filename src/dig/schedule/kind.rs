//! The arithmetic of each kind of schedule: the session before a time and the one after it.

use croner::Cron;
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Span, Zoned};

/// How sessions lie on the time line, in the zone of the times that are asked about.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Midnight of each day that fits.
    Days(DayRule),
    /// Every so many minutes within each hour; 60 is each hour.
    Minutes(i64),
    /// Multiples of so many seconds since 1970.
    Seconds(i64),
    /// Any of these patterns.
    Cron(Vec<Cron>),
}

/// Which days have a session.
#[derive(Debug, Clone, Copy)]
pub(super) enum DayRule {
    Every,
    OfWeek(Weekday),
    /// Months without that day have none.
    OfMonth(i8),
}

/// Days without a session between two with one: `monthly> 31` skips at most two months, `monthly> 29` one.
const MAX_GAP_DAYS: i32 = 70;

impl DayRule {
    fn fits(self, date: Date) -> bool {
        match self {
            Self::Every => true,
            Self::OfWeek(day) => date.weekday() == day,
            Self::OfMonth(day) => date.day() == day,
        }
    }

    /// Midnights from the day of `time` on, in steps of one day, that satisfy `wanted`.
    fn search(self, time: &Zoned, step: i32, wanted: impl Fn(&Zoned) -> bool) -> Option<Zoned> {
        (0..=MAX_GAP_DAYS)
            .map_while(|days| time.date().checked_add(Span::new().days(days * step)).ok())
            .filter(|date| self.fits(*date))
            .filter_map(|date| date.to_zoned(time.time_zone().clone()).ok())
            .find(wanted)
    }
}

impl Kind {
    /// The last session strictly before a time.
    pub(super) fn before(&self, time: &Zoned) -> Option<Zoned> {
        match self {
            Self::Days(rule) => rule.search(time, -1, |midnight| midnight < time),
            Self::Minutes(step) => {
                mark_of_hour(&time.checked_sub(SignedDuration::from_nanos(1)).ok()?, *step)
            }
            Self::Seconds(step) => at_second(time, floor(time.timestamp().as_nanosecond() - 1, *step)),
            Self::Cron(patterns) => {
                let second = whole_second(time)?;
                let inclusive = second < *time;
                let found =
                    patterns.iter().filter_map(|cron| cron.find_previous_occurrence(&second, inclusive).ok());
                found.max()
            }
        }
    }

    /// The first session strictly after a time.
    pub(super) fn after(&self, time: &Zoned) -> Option<Zoned> {
        match self {
            Self::Days(rule) => rule.search(time, 1, |midnight| midnight > time),
            Self::Minutes(step) => {
                let mark = mark_of_hour(time, *step)?;
                let minute = i64::from(mark.minute());
                let ahead = step.min(&(60 - minute)).to_owned();
                mark_of_hour(&mark.checked_add(SignedDuration::from_mins(ahead)).ok()?, *step)
            }
            Self::Seconds(step) => {
                let last = floor(time.timestamp().as_nanosecond(), *step);
                at_second(time, last.checked_add(*step)?)
            }
            Self::Cron(patterns) => {
                let second = whole_second(time)?;
                let found = patterns.iter().filter_map(|cron| cron.find_next_occurrence(&second, false).ok());
                found.min()
            }
        }
    }
}

/// The last minute mark at or before a time. Goes back by what the clock shows, so an hour that comes twice has its
/// marks twice.
fn mark_of_hour(time: &Zoned, step: i64) -> Option<Zoned> {
    let minute = i64::from(time.minute());
    let back = SignedDuration::from_mins(minute % step)
        + SignedDuration::from_secs(i64::from(time.second()))
        + SignedDuration::from_nanos(i64::from(time.subsec_nanosecond()));
    time.checked_sub(back).ok()
}

fn whole_second(time: &Zoned) -> Option<Zoned> {
    time.checked_sub(SignedDuration::from_nanos(i64::from(time.subsec_nanosecond()))).ok()
}

/// The multiple of `step` seconds at or before a time in nanoseconds; the calendar keeps it within 64 bits.
fn floor(nanoseconds: i128, step: i64) -> i64 {
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or_default();
    seconds.div_euclid(step) * step
}

fn at_second(time: &Zoned, second: i64) -> Option<Zoned> {
    let timestamp = jiff::Timestamp::from_second(second).ok()?;
    Some(timestamp.to_zoned(time.time_zone().clone()))
}
