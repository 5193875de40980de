//! Units of systemd: a service that runs the workflow once, the timer that starts it, and a service that tells people of
//! runs that ended without a word. Directives as in systemd.exec(5), systemd.timer(5) and systemd.time(7).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::field::{SYSTEMD, list};
use super::{Job, Refused, spelled};
use crate::dig::schedule::{Calendar, Days};

/// What only units have.
#[derive(Debug, Clone)]
pub struct Unit {
    pub account: Account,
    pub credentials: Vec<Credential>,
    /// The timer waits up to so long, each time anew, so that not all start at once.
    pub random_delay: Duration,
}

/// Who runs the workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// A user that there is.
    User(String),
    /// One that systemd makes up for the time of the run.
    Dynamic,
}

/// A file that only the service may read, as `$CREDENTIALS_DIRECTORY/<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub name: String,
    pub file: PathBuf,
}

/// A unit under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFile {
    pub name: String,
    pub text: String,
}

/// Weekdays as systemd writes them, from Sunday on.
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// The units of a job: service, timer, and the service for failures.
pub fn systemd(job: &Job, unit: &Unit) -> Result<[UnitFile; 3], Refused> {
    let name = job.name(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.'));
    let (calendars, zone) = job.calendars()?;
    let times: Vec<String> =
        calendars.iter().map(|calendar| format!("OnCalendar={} {zone}", on_calendar(calendar))).collect();
    let lost = format!("{name}-lost.service");
    let about: Vec<String> = job.about().into_iter().map(|line| format!("# {line}")).collect();
    let about = about.join("\n");
    let what = escaped(&format!("workflow {} of {}", job.workflow, job.project.display()));
    let words = command(job, job.arguments())?;
    let box_of_service = service(job, unit)?;
    let service = format!(
        "{about}\n\
         # By hand: {by_hand}\n\
         [Unit]\n\
         Description=sync: {what}\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         OnFailure={lost}\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={words}\n\
         {box_of_service}",
        by_hand = by_hand(job, unit),
    );
    let delay = unit.random_delay.as_secs();
    let timer = format!(
        "{about}\n\
         [Unit]\n\
         Description=sync: times of {what}\n\
         \n\
         [Timer]\n\
         {times}\n\
         AccuracySec=1s\n\
         # After a time without power one run makes up for those that were missed: that of the latest session.\n\
         Persistent=true\n\
         RandomizedDelaySec={delay}s\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        times = times.join("\n"),
    );
    let mut tell = vec!["notify".to_owned(), "--lost".to_owned()];
    tell.extend(job.flags());
    let tell = command(job, tell)?;
    let telling = format!(
        "# Tells people, as the properties say, of a run that ended without a word: killed, out of memory.\n\
         [Unit]\n\
         Description=sync: what {what} could not tell\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={tell}\n\
         {box_of_service}",
    );
    Ok([
        UnitFile { name: format!("{name}.service"), text: service },
        UnitFile { name: format!("{name}.timer"), text: timer },
        UnitFile { name: lost, text: telling },
    ])
}

/// What both services share: who they are, what they may see and change, and how they are stopped.
fn service(job: &Job, unit: &Unit) -> Result<String, Refused> {
    let mut lines = vec![format!("WorkingDirectory={}", escaped(&path(&job.project)?))];
    match &unit.account {
        Account::User(user) => lines.push(format!("User={}", escaped(user))),
        // Under one name, so that all units of the project are the same user while any of them runs.
        Account::Dynamic => {
            lines.push("DynamicUser=yes".to_owned());
            lines.push(format!("User={}", made_up(job)));
        }
    }
    if job.state.is_none() {
        lines.push(format!("StateDirectory={}", state_directory(job)));
        lines.push("StateDirectoryMode=0700".to_owned());
    }
    for Credential { name, file } in &unit.credentials {
        lines.push(format!("LoadCredential={name}:{}", escaped(&path(file)?)));
    }
    // The run has ten seconds to end by itself, then what it started, too; see `--grace`.
    lines.push("KillMode=mixed".to_owned());
    lines.push("TimeoutStopSec=60s".to_owned());
    let own = [&job.project].into_iter().map(PathBuf::as_path);
    let writable = own.chain(job.state.as_deref().and_then(Path::parent));
    let writable = writable.map(|folder| Ok(quoted(&path(folder)?))).collect::<Result<Vec<_>, Refused>>()?;
    lines.push(format!("ReadWritePaths={}", writable.join(" ")));
    lines.extend(HARDENING.map(str::to_owned));
    Ok(lines.join("\n") + "\n")
}

/// What a copy of tables never needs. Tasks may start any program, so memory that is written and executed is left alone
/// (node and the JVM have it), and so are namespaces.
const HARDENING: [&str; 17] = [
    "CapabilityBoundingSet=",
    "LockPersonality=yes",
    "NoNewPrivileges=yes",
    "PrivateDevices=yes",
    "PrivateTmp=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHome=read-only",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectSystem=strict",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
];

/// That of the project: its workflows may require each other.
fn state_directory(job: &Job) -> String {
    format!(
        "sync/{}",
        spelled(&job.folder(), |sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '.'))
    )
}

/// A user's name of 31 signs at most, in small letters.
fn made_up(job: &Job) -> String {
    let folder =
        spelled(&job.folder().to_ascii_lowercase(), |sign| sign.is_ascii_alphanumeric() || sign == '_');
    let mut name = format!("sync-{folder}");
    name.truncate(31);
    name.trim_end_matches('-').to_owned()
}

/// How people see from a shell what the service did.
fn by_hand(job: &Job, unit: &Unit) -> String {
    let state = match (&job.state, &unit.account) {
        (Some(state), _) => state.display().to_string(),
        (None, Account::User(_)) => format!("/var/lib/{}/state.db", state_directory(job)),
        (None, Account::Dynamic) => format!("/var/lib/private/{}/state.db", state_directory(job)),
    };
    let program = job.program.display();
    format!("{program} status --project {} --state {state}", job.project.display())
}

/// The times of a calendar as systemd.time(7) has them.
fn on_calendar(calendar: &Calendar) -> String {
    let weekdays = if calendar.has_weekdays() {
        let names = calendar.weekdays.iter().map(|day| WEEKDAYS[usize::from(*day) % 7]);
        names.collect::<Vec<_>>().join(",") + " "
    } else {
        String::new()
    };
    let months = list(&calendar.months, (1, 12), SYSTEMD);
    let date = match &calendar.days {
        Days::Numbers(days) => format!("*-{months}-{}", list(days, (1, 31), SYSTEMD)),
        // Counted from the end of the month.
        Days::Last => format!("*-{months}~01"),
    };
    let hours = list(&calendar.hours, (0, 23), SYSTEMD);
    let minutes = list(&calendar.minutes, (0, 59), SYSTEMD);
    let seconds = list(&calendar.seconds, (0, 59), SYSTEMD);
    format!("{weekdays}{date} {hours}:{minutes}:{seconds}")
}

fn command(job: &Job, arguments: Vec<String>) -> Result<String, Refused> {
    let program = path(&job.program)?;
    let words = std::iter::once(program).chain(arguments).map(|word| {
        checked(&word)?;
        // `$` begins a variable in a command.
        Ok(quoted(&word.replace('$', "$$")))
    });
    Ok(words.collect::<Result<Vec<_>, Refused>>()?.join(" "))
}

fn path(path: &Path) -> Result<String, Refused> {
    let text = path.to_string_lossy().into_owned();
    checked(&text)?;
    Ok(text)
}

fn checked(text: &str) -> Result<(), Refused> {
    if text.contains(char::is_control) {
        return Err(Refused::new(
            format!("a unit has no path such as {text:?}"),
            "rename the folder or the file",
        ));
    }
    Ok(())
}

/// `%` begins a specifier.
fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}

/// A word in a list of words.
fn quoted(word: &str) -> String {
    let word = escaped(word);
    if !word.is_empty() && !word.contains([' ', '"', '\'', '\\', ';']) {
        return word;
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::super::testing::job;
    use super::*;

    fn unit() -> Unit {
        Unit { account: Account::Dynamic, credentials: Vec::new(), random_delay: Duration::ZERO }
    }

    fn times(schedule: &str) -> Vec<String> {
        let [_, timer, _] = systemd(&job("Asia/Tokyo", schedule), &unit()).expect("units");
        let lines = timer.text.lines().filter_map(|line| line.strip_prefix("OnCalendar="));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn each_kind_is_a_calendar() {
        for (schedule, expected) in [
            ("{daily>: '07:05:30'}", &["*-*-* 07:05:30 Asia/Tokyo"][..]),
            ("{hourly>: '30:00'}", &["*-*-* *:30:00 UTC"]),
            ("{weekly>: 'Sat,33:00:00'}", &["Sun *-*-* 09:00:00 Asia/Tokyo"]),
            ("{monthly>: '31,09:00:00'}", &["*-*-31 09:00:00 Asia/Tokyo"]),
            ("{minutes_interval>: 15}", &["*-*-* *:00/15:00 UTC"]),
            (
                "{seconds_interval>: 90}",
                &[
                    "*-*-* *:00/3:00 UTC",
                    "*-*-* *:01,04,07,10,13,16,19,22,25,28,31,34,37,40,43,46,49,52,55,58:30 UTC",
                ],
            ),
            ("{cron>: '0 7 13 * mon,fri'}", &["Mon,Fri *-*-13 07:00:00 Asia/Tokyo"]),
            (
                "{cron>: '0 7 15,L 2-4 *|5 8 * * *'}",
                &[
                    "*-02..04-15 07:00:00 Asia/Tokyo",
                    "*-02..04~01 07:00:00 Asia/Tokyo",
                    "*-*-* 08:05:00 Asia/Tokyo",
                ],
            ),
        ] {
            assert_eq!(times(schedule), expected, "{schedule}");
        }
    }

    #[test]
    fn words_are_quoted_and_specifiers_are_none() {
        let mut job = job("UTC", "{daily>: '07:00:00'}");
        job.project = "/srv/50% \"off\" $x".into();
        job.state = Some("/var/a b/state.db".into());
        let [service, ..] = systemd(&job, &unit()).expect("units");
        assert_eq!(service.name, "sync-50-off-x-nightly.service");
        for line in [
            "WorkingDirectory=/srv/50%% \"off\" $x",
            "ExecStart=/usr/lib/sync/bin/sync run --scheduled --project \"/srv/50%% \\\"off\\\" $$x\" --state \"/var/a \
             b/state.db\" \"/srv/50%% \\\"off\\\" $$x/nightly.dig\"",
            "ReadWritePaths=\"/srv/50%% \\\"off\\\" $x\" \"/var/a b\"",
        ] {
            assert!(service.text.lines().any(|found| found == line), "{line}\n{}", service.text);
        }
        assert!(!service.text.contains("StateDirectory"));
        job.project = "/srv/a\nb".into();
        assert_eq!(
            systemd(&job, &unit()).expect_err("a line break").message,
            "a unit has no path such as \"/srv/a\\nb\""
        );
    }
}
