//! `sync timer`, and whether those who read what it prints mean the times of the schedule.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};
use sync::dig::schedule::Schedule;
use sync::reader::MemoryReader;

use crate::support::sandbox::Sandbox;
use crate::support::servers;

const BODY: &str = "\n+a:\n  echo>: hello\n";

fn project(zone: &str, schedule: &str) -> Sandbox {
    Sandbox::new().file("nightly.dig", &format!("timezone: {zone}\nschedule: {schedule}{BODY}"))
}

fn schedule(zone: &str, schedule: &str) -> Schedule {
    let text = format!("timezone: {zone}\nschedule: {schedule}{BODY}");
    let reader = MemoryReader::default().with("nightly.dig", &text);
    sync::dig::load(Path::new("nightly.dig"), &reader).workflow.unwrap().schedule.unwrap()
}

fn said(command: &mut Command) -> String {
    let output = command.env("LC_ALL", "C").output().expect("it is installed");
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// Days on which the clocks of a zone change, and those behind them.
fn clocks_change(time: &Zoned) -> bool {
    let offset = |days: i32| {
        let day = time.date().checked_add(days.days()).unwrap();
        day.at(12, 0, 0, 0).to_zoned(time.time_zone().clone()).unwrap().offset()
    };
    offset(0) != offset(-1) || offset(-1) != offset(-2)
}

/// What systemd makes of a calendar within ten years.
fn elapses(calendar: &str, from: &Zoned, to: &Zoned, most: usize) -> Vec<Timestamp> {
    let base = from.with_time_zone(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let mut command = Command::new("systemd-analyze");
    command.arg("calendar").arg(format!("--base-time={base}")).arg(format!("--iterations={most}"));
    let text = said(command.arg(calendar).env("TZ", "UTC"));
    let lines = text.lines().filter(|line| line.contains("Next elapse: ") || line.contains("Iter. #"));
    let times = lines.map(|line| {
        let time = line.split_once(": ").unwrap().1.trim();
        let time = time.split_once(' ').unwrap().1.strip_suffix(" UTC").unwrap();
        let time: jiff::civil::DateTime = time.parse().unwrap();
        time.to_zoned(TimeZone::UTC).unwrap().timestamp()
    });
    times.filter(|time| *time < to.timestamp()).collect()
}

/// systemd itself says when a timer elapses: at the times of the schedule, for ten years, save the days when clocks
/// change.
#[test]
fn a_timer_elapses_when_the_schedule_runs() {
    for (zone, text) in [
        ("Europe/Berlin", "{daily>: '07:00:00'}"),
        ("America/New_York", "{daily>: '25:30:15'}"),
        ("Asia/Tokyo", "{weekly>: 'Sat,33:00:00'}"),
        ("Europe/London", "{monthly>: '31,09:00:00'}"),
        ("+09:00", "{monthly>: '1,00:00:00'}"),
        ("Asia/Tokyo", "{cron>: '30 9 13 * 5'}"),
        ("Asia/Tokyo", "{cron>: '0,30 */6 15,L 2-3 *|5 22 * * mon-wed,sat'}"),
        ("Asia/Tokyo", "{seconds_interval>: 28800}"),
        ("Europe/Berlin", "{hourly>: '30:00'}"),
    ] {
        let sandbox = project(&format!("'{zone}'"), text);
        let printed = sandbox.run(["timer", "systemd", "nightly.dig"]).expect_code(0).stdout;
        let calendars: Vec<&str> =
            printed.lines().filter_map(|line| line.strip_prefix("OnCalendar=")).collect();
        let schedule = schedule(&format!("'{zone}'"), text);
        let zone = sync::dig::zone::parse(zone).unwrap();
        let begin = jiff::civil::date(2026, 12, 1).to_zoned(zone.clone()).unwrap();
        let end = begin.checked_add(10.years()).unwrap();
        let mut from = begin.clone();
        let mut own = BTreeSet::new();
        while let Some(due) = schedule.next_due(&from).filter(|due| due.run < end) {
            from = due.run.checked_add(SignedDuration::from_nanos(1)).unwrap();
            own.insert(due.run.timestamp());
        }
        let eve = begin.checked_sub(1.second()).unwrap();
        let units: BTreeSet<Timestamp> =
            calendars.iter().flat_map(|calendar| elapses(calendar, &eve, &end, own.len() + 400)).collect();
        let is_usual = |time: &&Timestamp| !clocks_change(&time.to_zoned(zone.clone()));
        let differing: Vec<_> = own.symmetric_difference(&units).filter(is_usual).collect();
        assert!(differing.is_empty(), "{text}: {calendars:?}: {differing:?}");
        assert!(own.len() >= 15, "{text}: {}", own.len());
        if text.starts_with("{hourly") {
            assert_eq!(own, units, "each hour, on every day");
        }
    }
}

#[test]
fn units_are_what_systemd_takes() {
    let sandbox = project("Asia/Tokyo", "{daily>: '07:00:00'}").file("token", "x").file("units/.keep", "");
    let credential = format!("api.token:{}", sandbox.path().join("token").display());
    let arguments =
        ["timer", "systemd", "nightly.dig", "--to", "units", "--user", "sales", "--credential", &credential];
    let said = sandbox.run(arguments).expect_code(0);
    assert!(
        said.stderr.contains("hint: `systemctl daemon-reload && systemctl enable --now sync-"),
        "{}",
        said.stderr
    );
    let files: Vec<String> =
        said.stdout.lines().map(|line| sandbox.path().join(line).display().to_string()).collect();
    assert_eq!(files.len(), 3, "{}", said.stdout);
    let mut verify = Command::new("systemd-analyze");
    let verified = self::said(verify.arg("verify").arg("--man=no").args(&files));
    // Only what is said of ours: the machine may have units of its own that are wrong.
    let own: Vec<&str> = verified.lines().filter(|line| line.contains("sync-")).collect();
    assert_eq!(own, [""; 0]);
    // The same again changes nothing; other units of the name stay.
    sandbox.run(arguments).expect_code(0);
    let refused = sandbox.run(&arguments[..7]).expect_code(1);
    assert!(refused.stderr.contains("`units` holds other units of these names: sync-"), "{}", refused.stderr);
}

/// A service's settings, as its manual recommends them: looked at by systemd's own judge.
#[test]
fn the_service_is_hardened() {
    let sandbox = project("UTC", "{hourly>: '00:00'}").file("units/.keep", "");
    let listed = sandbox.run(["timer", "systemd", "nightly.dig", "--to", "units"]).expect_code(0).stdout;
    let service = listed.lines().find(|line| line.ends_with("nightly.service")).unwrap();
    let mut judge = Command::new("systemd-analyze");
    let judged =
        said(judge.args(["security", "--offline=yes", "--no-pager"]).arg(sandbox.path().join(service)));
    let last = judged.lines().rfind(|line| line.contains("Overall exposure level")).unwrap();
    let level: f64 = last.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    // 10 is a service without any; 4 and less is called OK.
    assert!(level <= 4.5, "{last}");
}

#[test]
fn a_crontab_and_a_cronjob_are_printed() {
    let sandbox = project("Asia/Tokyo", "{daily>: '07:05:00'}");
    let folder = sandbox.path().canonicalize().unwrap().display().to_string();
    let cron = sandbox.run(["timer", "cron", "nightly.dig"]).expect_code(0).stdout;
    let lines: Vec<&str> = cron.lines().collect();
    assert_eq!(lines[0], "# Workflow nightly runs at `daily> 07:05:00`, zone Asia/Tokyo.");
    assert_eq!(lines[lines.len() - 2], "CRON_TZ=Asia/Tokyo");
    let expected = format!("/sync run --scheduled --project {folder} {folder}/nightly.dig");
    let last = lines[lines.len() - 1];
    assert!(last.starts_with("5 7 * * * /") && last.ends_with(&expected), "{last}");
    let manifest = sandbox.run(["timer", "kubernetes", "nightly.dig", "--image", "example.com/sales:1"]);
    let manifest = manifest.expect_code(0).stdout;
    assert!(manifest.contains("\n  schedule: \"5 7 * * *\"\n  timeZone: \"Asia/Tokyo\"\n"), "{manifest}");
    assert!(manifest.contains("--state, /var/lib/sync/state.db, \"/project/nightly.dig\"]"), "{manifest}");
}

/// The models of the official client take the manifests, and no key of theirs is unknown.
#[test]
fn manifests_are_what_kubernetes_takes() {
    let Some(python) = servers::variable("SYNC_TEST_KUBERNETES", "Kubernetes' client") else { return };
    let sandbox = project("Asia/Tokyo", "{cron>: '*/20 9-17 * * mon-fri'}");
    let printed = sandbox.run(["timer", "kubernetes", "nightly.dig", "--image", "example.com/sales:1"]);
    sandbox.write("manifests.yml", &printed.expect_code(0).stdout);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/check_manifests.py");
    let input = std::fs::File::open(sandbox.path().join("manifests.yml")).unwrap();
    let checked = said(Command::new(python).arg(script).stdin(input));
    let kinds: Vec<&str> = checked.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(kinds, ["PersistentVolumeClaim", "CronJob"], "{checked}");
}

#[test]
fn what_has_no_times_is_refused() {
    let sandbox = Sandbox::new()
        .file("plain.dig", "+a:\n  echo>: a\n")
        .file("bad.dig", "schedule: {dayly>: '07:00:00'}\n");
    let said = sandbox.run(["timer", "cron", "plain.dig"]).expect_code(65);
    assert_eq!(
        said.stderr,
        "error: workflow `plain` has no `schedule:`\nhint: write one, such as `schedule: {daily>: \"07:00:00\"}`\n"
    );
    sandbox.run(["timer", "systemd", "bad.dig"]).expect_code(65);
    let sandbox = project("UTC", "{cron>: '0 7 13 * 5'}");
    let said = sandbox.run(["timer", "cron", "nightly.dig"]).expect_code(65);
    assert_eq!(
        said.stderr,
        "error: a crontab cannot have the times of `cron> 0 7 13 * 5`: both days of it must fit, where one is enough for \
         cron\nhint: `sync timer systemd` can\n"
    );
    let said = sandbox.run(["timer", "systemd", "nightly.dig", "--credential", "token"]).expect_code(2);
    assert!(
        said.stderr.contains("a name and a file, such as `mysql.password:/etc/sync/mysql`"),
        "{}",
        said.stderr
    );
}

/// A unit's credential is a secret of the workflow.
#[test]
fn credentials_of_a_unit_are_secrets() {
    let mut sandbox = Sandbox::new()
        .file("credentials/api.token", "hunter2-hunter2\n")
        .file("main.dig", "+a:\n  _env: {TOKEN: \"${secret:api.token}\"}\n  sh>: test \"$TOKEN\" = hunter2-hunter2 && echo \"is $TOKEN.\"\n");
    let folder = sandbox.path().join("credentials");
    sandbox.set("CREDENTIALS_DIRECTORY", folder.display().to_string());
    let said = sandbox.run(["run", "main.dig"]).expect_code(0);
    assert!(said.stdout.contains("is ***."), "{}", said.stdout);
    let listed = sandbox.run(["secrets", "list"]).expect_code(0).stdout;
    assert!(listed.contains("api.token  the credentials of the unit  plain"), "{listed}");
}
