//! `schedule:` of a workflow: when its sessions are and when they run. Pure: the time comes in as a value.
//!
//! A session's time is the begin of its period (the day, the hour) in the workflow's zone; it runs some seconds later.
//! Digdag adds these seconds to the begin of the period as they are, so on the day when clocks change a
//! `daily> 07:00:00` runs at 06:00 or 08:00 on the wall.

mod calendar;
mod compile;
mod kind;

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};

pub use calendar::{Calendar, Clock, Days};
use kind::Kind;

/// A checked `schedule:`.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The kind with its argument as written, `daily> 07:00:00`.
    pub text: String,
    kind: Kind,
    /// From a session's time to its run.
    delay: SignedDuration,
    zone: TimeZone,
    start: Option<Date>,
    end: Option<Date>,
    /// Whether a run is left out while an earlier attempt of the workflow is active.
    pub overtime: Overtime,
    /// Runs that would start later than this are left out.
    pub skip_delayed_by: Option<Duration>,
}

/// What happens to a run whose time comes while the workflow still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overtime {
    /// It starts beside it.
    Start,
    /// `skip_on_overtime: true`: it is left out.
    Skip,
}

/// A session and when it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The session's time.
    pub session: Zoned,
    /// The time it starts.
    pub run: Zoned,
}

impl Schedule {
    /// The latest session time strictly before a time, whether or not its run time has come. `start` and `end` play
    /// no part. None only beyond the calendar.
    pub fn last_before(&self, time: &Zoned) -> Option<Zoned> {
        self.kind.before(&self.local(time))
    }

    /// The first session time strictly after a time; `start` and `end` play no part.
    pub fn next_after(&self, time: &Zoned) -> Option<Zoned> {
        self.kind.after(&self.local(time))
    }

    /// The latest session whose run time is at or before `now`; `start` and `end` play no part. On a day when clocks
    /// change the time on the wall counts as well, where it comes first: that is when a timer starts the run.
    pub fn latest_due(&self, now: &Zoned) -> Option<Zoned> {
        let now = self.local(now);
        let limit = now.checked_sub(self.delay).ok()?;
        let due = self.kind.before(&limit.checked_add(SignedDuration::from_nanos(1)).ok()?)?;
        let next = self.kind.after(&due).filter(|next| self.wall_time(next).is_some_and(|time| time <= now));
        Some(next.unwrap_or(due))
    }

    /// When the clock on the wall shows the time of a session's run; none where sessions are no days.
    pub fn wall_time(&self, session: &Zoned) -> Option<Zoned> {
        if !matches!(self.kind, Kind::Days(_)) {
            return None;
        }
        let wall = session.date().to_datetime(jiff::civil::Time::midnight()).checked_add(self.delay).ok()?;
        wall.to_zoned(self.zone.clone()).ok()
    }

    /// The first session whose run time is at or after `now`, within `start` and `end`.
    pub fn next_due(&self, now: &Zoned) -> Option<Due> {
        let mut from = self.local(now);
        if let Some(start) = self.start {
            from = from.max(start.to_zoned(self.zone.clone()).ok()?);
        }
        let limit = from.checked_sub(self.delay).ok()?;
        let session = self.kind.after(&limit.checked_sub(SignedDuration::from_nanos(1)).ok()?)?;
        let run = self.run_time(&session)?;
        self.allows(&session).then_some(Due { session, run })
    }

    /// When a session runs.
    pub fn run_time(&self, session: &Zoned) -> Option<Zoned> {
        self.local(session).checked_add(self.delay).ok()
    }

    /// Whether a session's run time lies within `start` and `end`, both days included.
    pub fn allows(&self, session: &Zoned) -> bool {
        let Some(run) = self.run_time(session) else { return false };
        let day = run.date();
        self.start.is_none_or(|start| start <= day) && self.end.is_none_or(|end| day <= end)
    }

    fn local(&self, time: &Zoned) -> Zoned {
        time.with_time_zone(self.zone.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::reader::MemoryReader;

    fn load(text: &str) -> (Option<Schedule>, Vec<String>) {
        let loaded = crate::dig::load(Path::new("main.dig"), &MemoryReader::default().with("main.dig", text));
        let shown = loaded.problems.iter().map(|problem| {
            let place = problem.span.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{place} {} {}", problem.code, problem.message)
        });
        (loaded.workflow.and_then(|workflow| workflow.schedule), shown.collect())
    }

    fn schedule(zone: &str, schedule: &str) -> Schedule {
        let (schedule, problems) = load(&format!("timezone: {zone}\nschedule: {schedule}\n"));
        assert_eq!(problems, Vec::<String>::new());
        schedule.expect("a schedule")
    }

    fn at(zone: &str, time: &str) -> Zoned {
        format!("{time}[{zone}]").parse().expect("a time")
    }

    fn show(time: Option<Zoned>) -> String {
        time.map_or("none".to_owned(), |time| time.strftime("%m-%d %H:%M:%S").to_string())
    }

    #[test]
    fn sessions_are_where_digdag_has_them() {
        let tokyo = "Asia/Tokyo";
        for (text, now, session, run, last, due) in [
            (
                "{daily>: '07:00:00'}",
                "2024-03-10T05:00",
                "03-10 00:00:00",
                "03-10 07:00:00",
                "03-10 00:00:00",
                "03-09 00:00:00",
            ),
            (
                "{daily>: '07:00:00'}",
                "2024-03-10T07:00",
                "03-10 00:00:00",
                "03-10 07:00:00",
                "03-10 00:00:00",
                "03-10 00:00:00",
            ),
            (
                "{daily>: '07:00:00'}",
                "2024-03-10T07:00:01",
                "03-11 00:00:00",
                "03-11 07:00:00",
                "03-10 00:00:00",
                "03-10 00:00:00",
            ),
            (
                "{daily>: '07:00:00'}",
                "2024-03-10T08:00",
                "03-11 00:00:00",
                "03-11 07:00:00",
                "03-10 00:00:00",
                "03-10 00:00:00",
            ),
            (
                "{hourly>: '30:00'}",
                "2024-03-10T10:10",
                "03-10 10:00:00",
                "03-10 10:30:00",
                "03-10 10:00:00",
                "03-10 09:00:00",
            ),
            (
                "{hourly>: '30:00'}",
                "2024-03-10T10:00",
                "03-10 10:00:00",
                "03-10 10:30:00",
                "03-10 09:00:00",
                "03-10 09:00:00",
            ),
            (
                "{weekly>: 'Sun,10:00:00'}",
                "2024-03-11T09:00",
                "03-17 00:00:00",
                "03-17 10:00:00",
                "03-10 00:00:00",
                "03-10 00:00:00",
            ),
            (
                "{weekly>: '7,10:00:00'}",
                "2024-03-11T09:00",
                "03-17 00:00:00",
                "03-17 10:00:00",
                "03-10 00:00:00",
                "03-10 00:00:00",
            ),
            (
                "{monthly>: '1,09:00:00'}",
                "2024-03-10T00:00",
                "04-01 00:00:00",
                "04-01 09:00:00",
                "03-01 00:00:00",
                "03-01 00:00:00",
            ),
            (
                "{monthly>: '31,09:00:00'}",
                "2024-03-11T09:00",
                "03-31 00:00:00",
                "03-31 09:00:00",
                "01-31 00:00:00",
                "01-31 00:00:00",
            ),
            (
                "{minutes_interval>: 30}",
                "2024-03-10T10:10",
                "03-10 10:30:00",
                "03-10 10:30:00",
                "03-10 10:00:00",
                "03-10 10:00:00",
            ),
            (
                "{minutes_interval>: 30}",
                "2024-03-10T10:30",
                "03-10 10:30:00",
                "03-10 10:30:00",
                "03-10 10:00:00",
                "03-10 10:30:00",
            ),
            (
                "{minutes_interval>: '45'}",
                "2024-03-10T10:50",
                "03-10 11:00:00",
                "03-10 11:00:00",
                "03-10 10:45:00",
                "03-10 10:45:00",
            ),
            (
                "{seconds_interval>: 90}",
                "2024-03-10T00:00:01",
                "03-10 00:01:30",
                "03-10 00:01:30",
                "03-10 00:00:00",
                "03-10 00:00:00",
            ),
            (
                "{cron>: '30 16 * * *'}",
                "2024-03-10T10:00",
                "03-10 16:30:00",
                "03-10 16:30:00",
                "03-09 16:30:00",
                "03-09 16:30:00",
            ),
            (
                "{cron>: '0 0 * * *', delay: 3600}",
                "2024-03-10T00:30",
                "03-10 00:00:00",
                "03-10 01:00:00",
                "03-10 00:00:00",
                "03-09 00:00:00",
            ),
            (
                "{cron>: '0 9 * * 1|0 18 L * *'}",
                "2024-03-26T00:00",
                "03-31 18:00:00",
                "03-31 18:00:00",
                "03-25 09:00:00",
                "03-25 09:00:00",
            ),
            (
                "{cron>: '0 22-1 * * *'}",
                "2024-03-10T23:30",
                "03-11 00:00:00",
                "03-11 00:00:00",
                "03-10 23:00:00",
                "03-10 23:00:00",
            ),
            (
                "{_type: daily, at: '07:00:00'}",
                "2024-03-10T05:00",
                "03-10 00:00:00",
                "03-10 07:00:00",
                "03-10 00:00:00",
                "03-09 00:00:00",
            ),
            (
                "{daily>: '25:00:00'}",
                "2024-03-10T05:00",
                "03-10 00:00:00",
                "03-11 01:00:00",
                "03-10 00:00:00",
                "03-09 00:00:00",
            ),
        ] {
            let schedule = schedule(tokyo, text);
            let now = at(tokyo, now);
            let next = schedule.next_due(&now).expect("a next run");
            let found = (show(Some(next.session)), show(Some(next.run)));
            assert_eq!(found, (session.to_owned(), run.to_owned()), "{text} at {now}");
            assert_eq!(show(schedule.last_before(&now)), last, "last of {text} at {now}");
            assert_eq!(show(schedule.latest_due(&now)), due, "latest due of {text} at {now}");
        }
    }

    #[test]
    fn last_and_next_are_strict() {
        let daily = schedule("Asia/Tokyo", "{daily>: '07:00:00'}");
        let session = at("Asia/Tokyo", "2024-03-10T00:00");
        assert_eq!(show(daily.last_before(&session)), "03-09 00:00:00");
        assert_eq!(show(daily.next_after(&session)), "03-11 00:00:00");
        let monthly = schedule("UTC", "{monthly>: '31,09:00:00'}");
        assert_eq!(show(monthly.next_after(&at("UTC", "2024-03-31T00:00"))), "05-31 00:00:00");
        let both = schedule("UTC", "{cron>: '0 0 13 * 5'}");
        let time = at("UTC", "2024-03-10T00:00");
        assert_eq!(
            both.last_before(&time).map(|time| time.date().to_string()).as_deref(),
            Some("2023-10-13")
        );
        assert_eq!(both.next_after(&time).map(|time| time.date().to_string()).as_deref(), Some("2024-09-13"));
    }

    #[test]
    fn a_day_of_changing_clocks_shifts_the_run_not_the_session() {
        let zone = "America/New_York";
        let daily = schedule(zone, "{daily>: '07:00:00'}");
        let spring = daily.next_due(&at(zone, "2024-03-10T00:00")).expect("a next run");
        assert_eq!(spring.run, at(zone, "2024-03-10T08:00"));
        let autumn = daily.next_due(&at(zone, "2024-11-03T00:00")).expect("a next run");
        assert_eq!(autumn.run, at(zone, "2024-11-03T06:00"));
        // Midnight that does not exist: the day begins at one.
        let beirut = schedule("Asia/Beirut", "{daily>: '07:00:00'}");
        assert_eq!(show(beirut.last_before(&at("Asia/Beirut", "2024-03-31T12:00"))), "03-31 01:00:00");
        // An hour that comes twice is two sessions.
        let hourly = schedule(zone, "{hourly>: '00:00'}");
        let second_one =
            at(zone, "2024-11-03T01:00").checked_add(SignedDuration::from_hours(1)).expect("a time");
        assert_eq!(hourly.last_before(&second_one), Some(at(zone, "2024-11-03T01:00")));
        assert_eq!(hourly.next_after(&at(zone, "2024-11-03T01:00")), Some(second_one));
    }

    #[test]
    fn start_and_end_bound_the_run_time() {
        let text = "{daily>: '07:00:00', start: 2024-03-10, end: 2024-03-11, skip_on_overtime: true, skip_delayed_by: 1h}";
        let bounded = schedule("UTC", text);
        let next =
            |now: &str| bounded.next_due(&at("UTC", now)).map(|due| due.run.strftime("%d %H").to_string());
        assert_eq!(next("2024-01-01T00:00").as_deref(), Some("10 07"));
        assert_eq!(next("2024-03-11T06:00").as_deref(), Some("11 07"));
        assert_eq!(next("2024-03-11T08:00"), None);
        assert_eq!(
            (bounded.overtime, bounded.skip_delayed_by),
            (Overtime::Skip, Some(Duration::from_secs(3600)))
        );
        assert_eq!(bounded.text, "daily> 07:00:00");
    }

    #[test]
    fn what_is_no_schedule_is_named() {
        for (text, expected) in [
            ("{every>: '10'}", "main.dig:1:12 schedule unknown kind of schedule `every>`"),
            ("{dialy>: '10'}", "main.dig:1:12 schedule unknown kind of schedule `dialy>`"),
            ("{cron>: '61 * * * *'}", "main.dig:1:19 schedule `cron>` can't be read: "),
            (
                "{cron>: '* * * *'}",
                "main.dig:1:19 schedule `cron>` takes five fields: minute, hour, day of month, month, day of week",
            ),
            ("{cron>: '0 0 30 2 *'}", "main.dig:1:19 schedule `cron>` names a time that never comes"),
            ("{daily>: '7'}", "main.dig:1:20 schedule `daily>` takes `HH:MM:SS`"),
            ("{daily>: }", "main.dig:1:12 schedule `daily>` takes `HH:MM:SS`"),
            ("{hourly>: '07:00:00'}", "main.dig:1:21 schedule `hourly>` takes `MM:SS`"),
            (
                "{weekly>: 'Son,07:00:00'}",
                "main.dig:1:21 schedule `weekly>` takes `DAY,HH:MM:SS` with a day from `Sun` to `Sat`",
            ),
            (
                "{monthly>: '32,07:00:00'}",
                "main.dig:1:22 schedule `monthly>` takes `D,HH:MM:SS` with a day from 1 to 31",
            ),
            ("{minutes_interval>: 0}", "main.dig:1:31 schedule `minutes_interval>` takes a number from 1"),
            (
                "{start: 2024-01-01}",
                "main.dig:1:1 schedule `schedule` needs a kind, such as `daily>: \"07:00:00\"`",
            ),
            ("{daily>: '07:00:00', hourly>: '00:00'}", "main.dig:1:32 schedule a schedule has one kind"),
            (
                "{daily>: '07:00:00', start_: 2024-01-01}",
                "main.dig:1:32 schedule unknown key `start_` in `schedule`",
            ),
            (
                "{daily>: '07:00:00', start: 2024-13-01}",
                "main.dig:1:39 schedule `start` must be a day `YYYY-MM-DD`",
            ),
            (
                "{daily>: '07:00:00', start: 2024-02-01, end: 2024-01-01}",
                "main.dig:1:56 schedule `end` is earlier than `start`",
            ),
            (
                "{seconds_interval>: 5, end: 2024-01-01}",
                "main.dig:1:34 schedule unknown key `end` in `schedule`",
            ),
            ("daily", "main.dig:1:11 schedule `schedule` must be a mapping, but is text"),
        ] {
            let (schedule, problems) = load(&format!("schedule: {text}\n"));
            assert!(problems.len() == 1 && problems[0].starts_with(expected), "{text}: {problems:?}");
            assert!(schedule.is_none(), "{text}");
        }
    }
}
