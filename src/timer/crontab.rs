//! Lines of a crontab (crontab(5)). cron ORs the two day fields where a schedule ANDs them, knows no last day of a month
//! and no seconds; what it can't say is refused.

use super::field::{CRON, list};
use super::{Job, Refused};
use crate::dig::schedule::{Calendar, Days};
use crate::shell;

/// The five fields of a calendar; the error says what they cannot say. `timer` is what would read them.
pub fn for_crontab(calendar: &Calendar, text: &str, timer: &str) -> Result<String, Refused> {
    let no = |reason: &str| {
        Refused::new(
            format!("{timer} cannot have the times of `{text}`: {reason}"),
            "`sync timer systemd` can".to_owned(),
        )
    };
    let Days::Numbers(days) = &calendar.days else {
        return Err(no("it knows no last day of a month"));
    };
    if calendar.seconds != [0] {
        return Err(no("it knows no seconds"));
    }
    if calendar.has_days() && calendar.has_weekdays() {
        return Err(no("both days of it must fit, where one is enough for cron"));
    }
    let fields = [
        list(&calendar.minutes, (0, 59), CRON),
        list(&calendar.hours, (0, 23), CRON),
        list(days, (1, 31), CRON),
        list(&calendar.months, (1, 12), CRON),
        list(&calendar.weekdays, (0, 6), CRON),
    ];
    Ok(fields.join(" "))
}

/// Calendars that cron can have side by side: none of their times is in two of them.
pub(super) fn fields(job: &Job, timer: &str) -> Result<(Vec<String>, String), Refused> {
    let (calendars, zone) = job.calendars()?;
    let text = &job.schedule.text;
    if text.contains('|') {
        return Err(Refused::new(
            format!(
                "{timer} cannot have the times of `{text}`: a time that two of its patterns name would come twice"
            ),
            "`sync timer systemd` can",
        ));
    }
    let fields = calendars.iter().map(|calendar| for_crontab(calendar, text, timer));
    Ok((fields.collect::<Result<_, _>>()?, zone))
}

/// The lines for a job. Its environment is that of cron; what the job prints is mailed by cron as always.
pub fn crontab(job: &Job) -> Result<String, Refused> {
    let (fields, zone) = fields(job, "a crontab")?;
    let mut lines: Vec<String> = job.about().into_iter().map(|line| format!("# {line}")).collect();
    lines.push(
        "# CRON_TZ is read by cronie (Fedora, RHEL, Arch). The cron of Debian and Ubuntu ignores it:"
            .to_owned(),
    );
    lines.push(format!("# there the times are those of the machine, whose zone must be {zone} then."));
    lines.push(
        "# A run that was killed is told of by the next one; this line does within ten minutes, where the properties say whom:"
            .to_owned(),
    );
    let line = |arguments: Vec<String>| {
        let program = job.program.to_string_lossy().into_owned();
        let words: Vec<String> =
            std::iter::once(program).chain(arguments).map(|word| quoted(&word)).collect();
        words.join(" ")
    };
    let tell = ["notify", "--lost"].map(str::to_owned).into_iter().chain(job.flags()).collect();
    lines.push(format!("# */10 * * * * {}", line(tell)));
    lines.push(format!("CRON_TZ={zone}"));
    let command = line(job.arguments());
    if command.contains('\n') {
        return Err(Refused::new("a crontab has no paths with line breaks", "rename the folder"));
    }
    lines.extend(fields.iter().map(|fields| format!("{fields} {command}")));
    Ok(lines.join("\n") + "\n")
}

/// A word for the shell, with `%` as cron wants it: it takes the backslash away, within quotes as well.
fn quoted(word: &str) -> String {
    shell::word(word).replace('%', "\\%")
}

#[cfg(test)]
mod tests {
    use super::super::testing::job;
    use super::*;

    fn line(schedule: &str) -> Result<String, String> {
        let text = crontab(&job("Asia/Tokyo", schedule)).map_err(|refused| refused.message)?;
        Ok(text.lines().last().unwrap_or_default().replace(
            " /usr/lib/sync/bin/sync run --scheduled --project /srv/sales /srv/sales/nightly.dig",
            "",
        ))
    }

    #[test]
    fn each_kind_is_five_fields() {
        for (schedule, expected) in [
            ("{daily>: '07:05:00'}", "5 7 * * *"),
            ("{daily>: '24:05:00'}", "5 0 * * *"),
            ("{hourly>: '30:00'}", "30 * * * *"),
            ("{weekly>: 'Sun,09:00:00'}", "0 9 * * 0"),
            ("{weekly>: 'Sat,33:00:00'}", "0 9 * * 0"),
            ("{monthly>: '31,09:00:00'}", "0 9 31 * *"),
            ("{minutes_interval>: 15}", "*/15 * * * *"),
            ("{seconds_interval>: 120}", "*/2 * * * *"),
            ("{cron>: '*/20 1-3 * 6-8 *'}", "*/20 1-3 * 6-8 *"),
            ("{cron>: '5 22-1 * * mon-fri'}", "5 0,1,22,23 * * 1-5"),
        ] {
            assert_eq!(line(schedule).as_deref(), Ok(expected), "{schedule}");
        }
    }

    #[test]
    fn what_cron_would_read_otherwise_is_refused() {
        for (schedule, reason) in [
            ("{daily>: '07:00:30'}", "it knows no seconds"),
            ("{seconds_interval>: 30}", "it knows no seconds"),
            ("{cron>: '0 7 13 * 5'}", "both days of it must fit, where one is enough for cron"),
            ("{cron>: '0 7 L * *'}", "it knows no last day of a month"),
            ("{cron>: '0 7 * * *|0 8 * * *'}", "a time that two of its patterns name would come twice"),
        ] {
            let message = line(schedule).expect_err(schedule);
            assert!(message.starts_with("a crontab cannot have the times of `"), "{message}");
            assert!(message.ends_with(reason), "{message}");
        }
    }

    #[test]
    fn words_are_quoted_for_the_shell_and_for_cron() {
        assert_eq!(quoted("/srv/a b/it's 5%"), "'/srv/a b/it'\\''s 5\\%'");
        assert_eq!(quoted(""), "''");
    }
}
