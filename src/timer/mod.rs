//! What starts a workflow at its times: systemd units, lines of a crontab, a CronJob of Kubernetes. Pure: text from a
//! schedule and a few paths; nothing is installed.

mod crontab;
mod field;
mod gaps;
mod kubernetes;
mod systemd;

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::dig::schedule::{Calendar, Clock, Schedule};
pub use crontab::{crontab, for_crontab};
pub use kubernetes::{Image, kubernetes};
pub use systemd::{Account, Credential, Unit, UnitFile, systemd};

/// A workflow that is to be started, and how.
#[derive(Debug, Clone)]
pub struct Job {
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's file, relative to the project.
    pub file: PathBuf,
    /// The project's directory, absolute.
    pub project: PathBuf,
    /// The program, absolute.
    pub program: PathBuf,
    /// Properties to name with `-c`, absolute.
    pub config: Option<PathBuf>,
    /// A state file to name with `--state`, absolute.
    pub state: Option<PathBuf>,
    pub schedule: Schedule,
    /// The workflow's zone, and its name as written.
    pub zone: (TimeZone, String),
    /// Days behind this one are looked through for times that the clocks skip.
    pub today: Timestamp,
}

/// Why a form of timer cannot have the schedule's times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub message: String,
    pub hint: String,
}

impl Refused {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

/// Changes of a zone's clocks that are looked at: those of ten years.
const CHANGES: usize = 20;

fn is_of_every_hour(calendar: &Calendar) -> bool {
    let is_every = calendar.hours.len() == 24 && calendar.months.len() == 12;
    is_every && !calendar.has_days() && !calendar.has_weekdays()
}

impl Job {
    /// The calendars, and the name of the zone that they are in, which every program that reads a calendar knows.
    fn calendars(&self) -> Result<(Vec<Calendar>, String), Refused> {
        let text = &self.schedule.text;
        let calendars = self.schedule.calendars().map_err(|reason| {
            let hint = "start it from something that counts time by itself, with `sync run --scheduled`";
            Refused::new(format!("no timer can have the times of `{text}`: {reason}"), hint)
        })?;
        // Times of every hour are the same in UTC where a zone differs by whole hours, and UTC repeats no hour.
        let is_utc = calendars.iter().all(|calendar| calendar.clock == Clock::Utc)
            || (calendars.iter().all(is_of_every_hour) && self.is_whole_hours_from_utc());
        let zone = if is_utc { "UTC".to_owned() } else { self.zone_name()? };
        Ok((calendars, zone))
    }

    fn is_whole_hours_from_utc(&self) -> bool {
        let zone = &self.zone.0;
        let is_whole = |offset: Offset| offset.seconds() % 3600 == 0;
        let changes = zone.following(self.today).take(CHANGES);
        is_whole(zone.to_offset(self.today)) && changes.into_iter().all(|change| is_whole(change.offset()))
    }

    fn zone_name(&self) -> Result<String, Refused> {
        let (zone, written) = &self.zone;
        if let Some(name) = zone.iana_name() {
            return Ok(name.to_owned());
        }
        let seconds = zone.to_offset(Timestamp::UNIX_EPOCH).seconds();
        match (seconds / 3600, seconds % 3600) {
            (0, 0) => Ok("UTC".to_owned()),
            // Signs are the other way round there, as POSIX has them.
            (hours @ -12..=14, 0) => {
                Ok(format!("Etc/GMT{}{}", if hours > 0 { '-' } else { '+' }, hours.abs()))
            }
            _ => Err(Refused::new(
                format!("no timer knows the zone `{written}`"),
                "write `timezone:` as the name of a place, such as `Asia/Kolkata`",
            )),
        }
    }

    /// What a unit, a line or a manifest says about itself, in lines without the sign of a comment.
    fn about(&self) -> Vec<String> {
        let zone = &self.zone.1;
        let mut lines =
            vec![format!("Workflow {} runs at `{}`, zone {zone}.", self.workflow, self.schedule.text)];
        lines.extend(gaps::notes(&self.schedule, &self.zone.0, self.today));
        lines
    }

    /// The arguments behind the program's name.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["run".to_owned(), "--scheduled".to_owned()];
        arguments.extend(self.flags());
        arguments.push(self.project.join(&self.file).to_string_lossy().into_owned());
        arguments
    }

    /// What every command for the project takes.
    fn flags(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let mut flags = vec!["--project".to_owned(), path(&self.project)];
        for (name, value) in [("--state", &self.state), ("-c", &self.config)] {
            flags.extend(value.as_ref().map(|value| [name.to_owned(), path(value)]).into_iter().flatten());
        }
        flags
    }

    /// A name for what belongs to the workflow, with `-` for what `is_fine` does not take.
    fn name(&self, is_fine: impl Fn(char) -> bool) -> String {
        spelled(&format!("sync-{}-{}", self.folder(), self.workflow), is_fine)
    }

    /// The name of the project's folder.
    fn folder(&self) -> String {
        self.project.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Words with one `-` for each stretch of signs that `is_fine` does not take.
fn spelled(words: &str, is_fine: impl Fn(char) -> bool) -> String {
    let mut name = String::new();
    for sign in words.chars().map(|sign| if is_fine(sign) { sign } else { '-' }) {
        if sign != '-' || !name.ends_with('-') {
            name.push(sign);
        }
    }
    name.trim_matches('-').to_owned()
}

#[cfg(test)]
pub(crate) mod testing {
    use std::path::Path;

    use super::*;
    use crate::reader::MemoryReader;

    /// The job of a workflow `nightly` with this zone and schedule.
    pub(crate) fn job(zone: &str, schedule: &str) -> Job {
        let text = format!("timezone: {zone}\nschedule: {schedule}\n+a:\n  echo>: a\n");
        let reader = MemoryReader::default().with("nightly.dig", &text);
        let workflow = crate::dig::load(Path::new("nightly.dig"), &reader).workflow.expect("a workflow");
        Job {
            workflow: "nightly".to_owned(),
            file: "nightly.dig".into(),
            project: "/srv/sales".into(),
            program: "/usr/lib/sync/bin/sync".into(),
            config: None,
            state: None,
            schedule: workflow.schedule.expect("a schedule"),
            zone: (workflow.timezone, workflow.timezone_name),
            today: "2026-11-30T00:00:00Z".parse().expect("a time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::job;

    #[test]
    fn zones_have_names_that_others_know() {
        for (written, name) in [
            ("Asia/Tokyo", "Asia/Tokyo"),
            ("UTC", "UTC"),
            ("+09:00", "Etc/GMT-9"),
            ("'-05:00'", "Etc/GMT+5"),
            ("UTC+14", "Etc/GMT-14"),
        ] {
            let (_, zone) = job(written, "{daily>: '07:00:00'}").calendars().expect("a zone");
            assert_eq!(zone, name, "{written}");
        }
        let refused = job("+05:30", "{daily>: '07:00:00'}").calendars().expect_err("no such zone");
        assert_eq!(refused.message, "no timer knows the zone `+05:30`");
        assert_eq!(
            job("+05:30", "{seconds_interval>: 60}").calendars().expect("seconds know no zone").1,
            "UTC"
        );
    }

    #[test]
    fn names_hold_what_is_allowed_only() {
        let mut job = job("UTC", "{daily>: '07:00:00'}");
        job.workflow = "a b__c./".to_owned();
        assert_eq!(job.name(|sign| sign.is_ascii_alphanumeric()), "sync-sales-a-b-c");
    }
}
