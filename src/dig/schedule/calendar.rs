//! A schedule as times on a clock: what a timer unit or a line of a crontab can say. Pure.
//!
//! Digdag adds the delay of a session to its begin in absolute seconds; a calendar names hours of the wall. The two are
//! the same but for the days when clocks change.

use std::collections::BTreeMap;

use croner::Cron;

use super::Schedule;
use super::kind::{DayRule, Kind};

/// Times at which all of the parts fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// Whose clock shows them.
    pub clock: Clock,
    /// 0 is Sunday; all seven where the day of the week plays no part.
    pub weekdays: Vec<u8>,
    /// 1 to 12.
    pub months: Vec<u8>,
    /// Of the month.
    pub days: Days,
    /// 0 to 23.
    pub hours: Vec<u8>,
    /// 0 to 59.
    pub minutes: Vec<u8>,
    /// 0 to 59.
    pub seconds: Vec<u8>,
}

/// Whose clock a calendar means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// That of the workflow's zone.
    Workflow,
    /// UTC: seconds since 1970 know no zone.
    Utc,
}

/// Days of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Days {
    /// Those with these numbers, 1 to 31.
    Numbers(Vec<u8>),
    /// The last one, whatever its number.
    Last,
}

/// Seconds of an hour, a day and a week.
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const WEEK: i64 = 604_800;

/// Days that every month has.
const SHORTEST_MONTH: i64 = 28;

impl Calendar {
    fn every_second_of(clock: Clock) -> Self {
        Self {
            clock,
            weekdays: span(0, 6),
            months: span(1, 12),
            days: Days::Numbers(span(1, 31)),
            hours: span(0, 23),
            minutes: span(0, 59),
            seconds: span(0, 59),
        }
    }

    /// One time of each day, in seconds from midnight.
    fn at(self, second: i64) -> Self {
        let second = second.rem_euclid(DAY);
        Self {
            hours: vec![small(second / HOUR)],
            minutes: vec![small(second % HOUR / 60)],
            seconds: vec![small(second % 60)],
            ..self
        }
    }

    /// Whether the day of the week says something.
    pub fn has_weekdays(&self) -> bool {
        self.weekdays.len() < 7
    }

    /// Whether the day of the month says something.
    pub fn has_days(&self) -> bool {
        !matches!(&self.days, Days::Numbers(numbers) if numbers.len() == 31)
    }
}

fn span(first: u8, last: u8) -> Vec<u8> {
    (first..=last).collect()
}

/// A part of a time, which never needs more.
fn small(number: i64) -> u8 {
    u8::try_from(number).unwrap_or_default()
}

impl Schedule {
    /// The calendars whose times together are the times the schedule runs at. The error says what no calendar can say.
    pub fn calendars(&self) -> Result<Vec<Calendar>, String> {
        let delay = self.delay.as_secs();
        let every = Calendar::every_second_of(Clock::Workflow);
        match &self.kind {
            Kind::Days(rule) => Ok(vec![days(*rule, delay, every)?]),
            Kind::Minutes(step) => {
                let marks = (0..60).step_by(usize::try_from(*step).unwrap_or(60));
                let mut minutes: Vec<u8> =
                    marks.map(|mark| small((mark * 60 + delay).rem_euclid(HOUR) / 60)).collect();
                minutes.sort_unstable();
                Ok(vec![Calendar { minutes, seconds: vec![small(delay % 60)], ..every }])
            }
            Kind::Seconds(step) => seconds(*step, delay),
            Kind::Cron(patterns) => {
                let calendars = patterns.iter().map(|cron| pattern(cron, delay, &every));
                Ok(calendars.collect::<Result<Vec<_>, _>>()?.concat())
            }
        }
    }
}

fn days(rule: DayRule, delay: i64, every: Calendar) -> Result<Calendar, String> {
    let later = delay / DAY;
    let every = every.at(delay);
    Ok(match rule {
        DayRule::Every => every,
        DayRule::OfWeek(day) => {
            let day = small((i64::from(day.to_sunday_zero_offset()) + later) % 7);
            Calendar { weekdays: vec![day], ..every }
        }
        DayRule::OfMonth(day) => {
            let day = i64::from(day) + later;
            if later > 0 && day > SHORTEST_MONTH {
                return Err(
                    "its time is past midnight, on a day with another number in each month".to_owned()
                );
            }
            Calendar { days: Days::Numbers(vec![small(day)]), ..every }
        }
    })
}

/// Multiples of `step` seconds since 1970, which was a Thursday.
fn seconds(step: i64, delay: i64) -> Result<Vec<Calendar>, String> {
    const THURSDAY: i64 = 4;
    let every = Calendar::every_second_of(Clock::Utc);
    if step == WEEK {
        let day = small((THURSDAY + delay / DAY) % 7);
        return Ok(vec![Calendar { weekdays: vec![day], ..every.at(delay) }]);
    }
    if DAY % step != 0 {
        return Err(format!("{step} seconds are no even part of a day: its times wander from day to day"));
    }
    // Hours with the same minutes and seconds are one calendar, and so are minutes with the same seconds.
    let mut hours: BTreeMap<i64, BTreeMap<i64, Vec<u8>>> = BTreeMap::new();
    for number in 0..DAY / step {
        let time = (number * step + delay).rem_euclid(DAY);
        hours.entry(time / HOUR).or_default().entry(time % HOUR / 60).or_default().push(small(time % 60));
    }
    let mut calendars: Vec<Calendar> = Vec::new();
    for (minutes, hours) in alike(hours) {
        for (mut seconds, minutes) in alike(minutes) {
            seconds.sort_unstable();
            calendars.push(Calendar { hours: hours.clone(), minutes, seconds, ..every.clone() });
        }
    }
    Ok(calendars)
}

/// The keys of equal values, together.
fn alike<V: PartialEq>(map: BTreeMap<i64, V>) -> Vec<(V, Vec<u8>)> {
    let mut groups: Vec<(V, Vec<u8>)> = Vec::new();
    for (key, value) in map {
        match groups.iter_mut().find(|(known, _)| *known == value) {
            Some((_, keys)) => keys.push(small(key)),
            None => groups.push((value, vec![small(key)])),
        }
    }
    groups
}

fn pattern(cron: &Cron, delay: i64, every: &Calendar) -> Result<Vec<Calendar>, String> {
    let fields = &cron.pattern;
    let values = |values: Vec<u16>| values.into_iter().map(|value| small(value.into())).collect::<Vec<u8>>();
    let (mut hours, mut minutes) = (values(fields.hours.values()), values(fields.minutes.values()));
    let day_field = fields.as_str().split_whitespace().nth(2).unwrap_or_default();
    if fields.days_of_week.has_modifiers() || day_field.contains(['W', 'w']) {
        return Err("`W`, `#` and a last day of the week are no days of a calendar".to_owned());
    }
    let fits = |values: &[u8], more: i64, limit: i64| {
        values.last().is_none_or(|last| i64::from(*last) + more < limit)
    };
    let (more_hours, more_minutes) = (delay / HOUR, delay % HOUR / 60);
    if !fits(&hours, more_hours, 24) || !fits(&minutes, more_minutes, 60) {
        return Err("its delay reaches into another hour or day for some of its times".to_owned());
    }
    hours.iter_mut().for_each(|hour| *hour += small(more_hours));
    minutes.iter_mut().for_each(|minute| *minute += small(more_minutes));
    let days = values(fields.days.values());
    let has_last = fields.days.has_modifiers();
    let numbers = (!days.is_empty()).then_some(Days::Numbers(days));
    let of_days = |days| Calendar {
        weekdays: values(fields.days_of_week.values()),
        months: values(fields.months.values()),
        days,
        hours: hours.clone(),
        minutes: minutes.clone(),
        seconds: vec![small(delay % 60)],
        ..every.clone()
    };
    Ok(numbers.into_iter().chain(has_last.then_some(Days::Last)).map(of_days).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::civil::{Date, date};
    use jiff::tz::TimeZone;
    use jiff::{SignedDuration, ToSpan as _, Zoned};

    use super::*;
    use crate::reader::MemoryReader;

    fn schedule(zone: &str, schedule: &str) -> Schedule {
        let text = format!("timezone: {zone}\nschedule: {schedule}\n+a:\n  echo>: a\n");
        let loaded =
            crate::dig::load(Path::new("main.dig"), &MemoryReader::default().with("main.dig", &text));
        loaded.workflow.and_then(|workflow| workflow.schedule).unwrap_or_else(|| panic!("{schedule}"))
    }

    /// Days on which, or on whose eve, the clocks of a zone change.
    fn clocks_change(zone: &TimeZone, day: Date) -> bool {
        let offset = |day: Date| day.at(12, 0, 0, 0).to_zoned(zone.clone()).expect("a noon").offset();
        let eve = day.yesterday().expect("a day before");
        offset(day) != offset(eve) || offset(eve) != offset(eve.yesterday().expect("a day before"))
    }

    /// Every time of a calendar is a time of the schedule and the other way round, over ten years.
    #[test]
    fn calendars_name_the_times_of_the_schedule() {
        for (zone, text) in [
            ("Europe/Berlin", "{daily>: '07:00:00'}"),
            ("Asia/Tokyo", "{daily>: '00:00:00'}"),
            ("America/New_York", "{daily>: '25:30:15'}"),
            ("Europe/Berlin", "{hourly>: '65:10'}"),
            ("Europe/Berlin", "{weekly>: 'Sat,26:00:00'}"),
            ("Asia/Tokyo", "{weekly>: 'Sun,09:00:00'}"),
            ("Asia/Tokyo", "{monthly>: '31,09:00:00'}"),
            ("Asia/Tokyo", "{monthly>: '27,30:00:00'}"),
            ("Asia/Kolkata", "{minutes_interval>: 45}"),
            ("Asia/Kolkata", "{minutes_interval>: 70}"),
            ("UTC", "{seconds_interval>: 5400}"),
            ("UTC", "{seconds_interval>: 604800}"),
            ("UTC", "{seconds_interval>: 86400}"),
            ("Asia/Tokyo", "{cron>: '30 9 13 * 5'}"),
            ("Asia/Tokyo", "{cron>: '0,30 */6 15,L 1-3 *|5 22-1 * * 1-5'}"),
        ] {
            let schedule = schedule(zone, text);
            let calendars = schedule.calendars().unwrap_or_else(|error| panic!("{text}: {error}"));
            let zone = TimeZone::get(zone).expect("a zone");
            let begin = date(2026, 12, 1).to_zoned(zone.clone()).expect("a time");
            let end = begin.checked_add(10.years()).expect("a time");
            let (mut from, mut count) = (begin.clone(), 0);
            while let Some(due) = schedule.next_due(&from).filter(|due| due.run < end) {
                let run = due.run;
                if !clocks_change(&zone, run.date()) {
                    assert!(calendars.iter().any(|calendar| fits(calendar, &run)), "{text}: {run}");
                    count += 1;
                }
                from = run.checked_add(SignedDuration::from_nanos(1)).expect("a time");
            }
            // As many on the other side: no time of the calendars is too much.
            let days = begin.date().series(1.day()).take_while(|day| *day < end.date());
            let named: usize =
                days.filter(|day| !clocks_change(&zone, *day)).map(|day| times(&calendars, day)).sum();
            assert_eq!(named, count, "{text}");
        }
    }

    fn has(list: &[u8], number: i8) -> bool {
        list.contains(&small(number.into()))
    }

    fn fits_day(calendar: &Calendar, day: Date) -> bool {
        has(&calendar.weekdays, day.weekday().to_sunday_zero_offset())
            && has(&calendar.months, day.month())
            && match &calendar.days {
                Days::Numbers(days) => has(days, day.day()),
                Days::Last => day == day.last_of_month(),
            }
    }

    fn fits(calendar: &Calendar, time: &Zoned) -> bool {
        fits_day(calendar, time.date())
            && has(&calendar.hours, time.hour())
            && has(&calendar.minutes, time.minute())
            && has(&calendar.seconds, time.second())
    }

    /// How many different times of a day calendars name.
    fn times(calendars: &[Calendar], day: Date) -> usize {
        let mut times = std::collections::BTreeSet::new();
        for calendar in calendars.iter().filter(|calendar| fits_day(calendar, day)) {
            let minutes = calendar
                .minutes
                .iter()
                .flat_map(|minute| calendar.seconds.iter().map(move |second| (minute, second)));
            times.extend(
                minutes.flat_map(|(minute, second)| {
                    calendar.hours.iter().map(move |hour| (hour, minute, second))
                }),
            );
        }
        times.len()
    }

    #[test]
    fn seconds_that_divide_an_hour_are_grouped() {
        let every_90 = schedule("Asia/Tokyo", "{seconds_interval>: 90}").calendars().expect("calendars");
        assert_eq!(every_90.len(), 2);
        assert_eq!((&every_90[0].seconds, &every_90[1].seconds), (&vec![0], &vec![30]));
        assert_eq!((every_90[0].minutes.len(), every_90[1].minutes.len()), (20, 20));
        assert_eq!(every_90[0].hours.len(), 24);
        let every_20 = schedule("UTC", "{seconds_interval>: 20}").calendars().expect("calendars");
        assert_eq!((every_20.len(), &every_20[0].seconds), (1, &vec![0, 20, 40]));
    }

    #[test]
    fn what_no_calendar_can_say_is_refused() {
        for (text, reason) in [
            (
                "{seconds_interval>: 7}",
                "7 seconds are no even part of a day: its times wander from day to day",
            ),
            (
                "{seconds_interval>: 172800}",
                "172800 seconds are no even part of a day: its times wander from day to day",
            ),
            (
                "{monthly>: '28,25:00:00'}",
                "its time is past midnight, on a day with another number in each month",
            ),
            (
                "{cron>: '50 3 * * *', delay: 660}",
                "its delay reaches into another hour or day for some of its times",
            ),
            ("{cron>: '0 3 15W * *'}", "`W`, `#` and a last day of the week are no days of a calendar"),
            ("{cron>: '0 3 * * 5#2'}", "`W`, `#` and a last day of the week are no days of a calendar"),
        ] {
            assert_eq!(schedule("UTC", text).calendars().expect_err(text), reason, "{text}");
        }
    }
}
