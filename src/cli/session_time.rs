//! Which session a run is for: Digdag's words, ISO 8601, or the one that is due.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Unit, Zoned};

use crate::dig::schedule::Schedule;
use crate::session::SessionTime;

/// Why `--session` cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionTimeError {
    /// Not a word and not a time.
    #[error(
        "`--session` takes `hourly`, `daily`, `schedule`, `last`, `yyyy-MM-dd`, `yyyy-MM-dd HH:mm:ss` or ISO 8601 \
         with an offset, but got `{0}`"
    )]
    Unknown(String),
    /// `schedule` asked of a workflow that has none.
    #[error("`--session schedule` is given but workflow `{0}` has no `schedule:`")]
    NoSchedule(String),
    /// A local time that the zone skips, or out of jiff's range.
    #[error("`{0}` is no time in the zone of the workflow")]
    OutOfRange(String),
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: the session that is due.
    Due,
    /// `last`: go on with the last session of the workflow; the one that is due when there is none.
    Last,
    /// `hourly`: this hour.
    Hourly,
    /// `daily`: today.
    Daily,
    /// `schedule`: the latest session of the schedule before now, whether or not its run time has come.
    Schedule,
    /// A time as written.
    At(String),
}

impl Wanted {
    /// Reads the argument of `--session`.
    pub fn parse(text: &str) -> Self {
        match text {
            "last" => Self::Last,
            "hourly" => Self::Hourly,
            "daily" => Self::Daily,
            "schedule" => Self::Schedule,
            time => Self::At(time.to_owned()),
        }
    }

    /// The session, seen from `now`.
    pub fn choose(
        &self,
        workflow: &str,
        zone: &TimeZone,
        schedule: Option<&Schedule>,
        now: &Zoned,
    ) -> Result<SessionTime, SessionTimeError> {
        let now = now.with_time_zone(zone.clone());
        let out_of_range = |_| SessionTimeError::OutOfRange(now.to_string());
        let time = match self {
            Self::Due | Self::Last => match schedule.and_then(|schedule| schedule.latest_due(&now)) {
                Some(due) => due,
                None => now.start_of_day().map_err(out_of_range)?,
            },
            Self::Hourly => now.round(hour()).map_err(out_of_range)?,
            Self::Daily => now.start_of_day().map_err(out_of_range)?,
            Self::Schedule => schedule
                .ok_or_else(|| SessionTimeError::NoSchedule(workflow.to_owned()))?
                .last_before(&now)
                .ok_or_else(|| SessionTimeError::OutOfRange(now.to_string()))?,
            Self::At(text) => at(text, zone)?,
        };
        Ok(SessionTime(time))
    }
}

fn hour() -> jiff::ZonedRound {
    jiff::ZonedRound::new().smallest(Unit::Hour).mode(jiff::RoundMode::Trunc)
}

/// `yyyy-MM-dd`, `yyyy-MM-dd HH:mm:ss` in the zone of the workflow, or an instant with an offset.
fn at(text: &str, zone: &TimeZone) -> Result<Zoned, SessionTimeError> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(instant.to_zoned(zone.clone()));
    }
    let local = match (Date::strptime("%Y-%m-%d", text), DateTime::strptime("%Y-%m-%d %H:%M:%S", text)) {
        (Ok(date), _) => date.to_datetime(jiff::civil::Time::midnight()),
        (_, Ok(time)) => time,
        _ => return Err(SessionTimeError::Unknown(text.to_owned())),
    };
    local.to_zoned(zone.clone()).map_err(|_| SessionTimeError::OutOfRange(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(wanted: &str) -> Result<String, String> {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let now: Zoned = "2026-03-10T01:40:50+00:00[UTC]".parse().unwrap();
        Wanted::parse(wanted)
            .choose("wf", &zone, None, &now)
            .map(|time| time.iso())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn words_and_times_are_read_in_the_zone_of_the_workflow() {
        for (wanted, expected) in [
            ("hourly", "2026-03-10T10:00:00+09:00"),
            ("daily", "2026-03-10T00:00:00+09:00"),
            ("last", "2026-03-10T00:00:00+09:00"),
            ("2026-01-02", "2026-01-02T00:00:00+09:00"),
            ("2026-01-02 03:04:05", "2026-01-02T03:04:05+09:00"),
            ("2026-01-02T03:04:05+00:00", "2026-01-02T12:04:05+09:00"),
            ("2026-01-02T03:04:05Z", "2026-01-02T12:04:05+09:00"),
        ] {
            assert_eq!(choose(wanted).as_deref(), Ok(expected), "{wanted}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        assert_eq!(
            choose("schedule").unwrap_err(),
            "`--session schedule` is given but workflow `wf` has no `schedule:`"
        );
        assert_eq!(
            choose("tomorrow").unwrap_err(),
            "`--session` takes `hourly`, `daily`, `schedule`, `last`, `yyyy-MM-dd`, `yyyy-MM-dd HH:mm:ss` or ISO 8601 \
             with an offset, but got `tomorrow`"
        );
        let too_far = choose("9999-12-31 23:00:00").unwrap_err();
        assert_eq!(too_far, "`9999-12-31 23:00:00` is no time in the zone of the workflow");
    }
}
