//! Pages of attempts whose facts were made up. What a browser makes of them is tried in `tests/page`.

use super::compare::changes;
use super::*;
use crate::report::attempt::tests::{failure, session, task, transfer};
use crate::run::event::{AttemptOutcome, TaskResult};
use crate::secret::Secret;
use crate::session::TaskState;
use crate::state::{SessionRecord, TaskRecord, TransferRecord};

fn of_batch(attempt: i64, outcome: AttemptOutcome) -> SessionRecord {
    let mut session = session(attempt, Some(outcome));
    session.attempt.process.host = "batch-01".into();
    session.attempt.process.pid = 4711;
    session
}

fn defined(mut task: TaskRecord, definition: &str) -> TaskRecord {
    task.result = Some(TaskResult { definition: definition.into(), ..TaskResult::default() });
    task
}

fn with(
    mut transfer: TransferRecord,
    change: impl FnOnce(&mut crate::transfer::report::TransferReport),
) -> TransferRecord {
    change(transfer.report.as_mut().expect("it ended well"));
    transfer
}

/// A night that failed, and the one before it.
fn nights() -> (AttemptReport, AttemptReport) {
    let group = |attempt, state| {
        let mut group = task(attempt, "+nightly", state);
        (group.operator, group.round, group.failure) = (None, 1, None);
        group
    };
    let mut for_each = task(7, "+nightly+for-0=table=1=注文", TaskState::Success);
    for_each.round = 1;
    let tasks = vec![
        defined(for_each, "b"),
        task(7, "+nightly+items", TaskState::Error),
        task(7, "+nightly+extra", TaskState::Success),
        group(7, TaskState::GroupError),
    ];
    let transfers = vec![
        with(transfer(7, "注文", Some(20_000)), |report| report.config = Some("new".into())),
        transfer(7, "items", None),
        transfer(7, "new", Some(3)),
        with(transfer(7, "empty", Some(0)), |report| report.mode = Some("append".into())),
    ];
    let now = AttemptReport::new(of_batch(7, AttemptOutcome::Failed), tasks, transfers)
        .retried_by("sync retry --session 3 --project 'a & b'".to_owned());

    let tasks = vec![
        defined(task(6, "+nightly+for-0=table=0=注文", TaskState::Success), "a"),
        task(6, "+nightly+items", TaskState::Success),
        task(6, "+nightly+gone", TaskState::Success),
        group(6, TaskState::Success),
    ];
    let transfers = vec![
        with(transfer(6, "注文", Some(10_000)), |report| {
            (report.config, report.seconds) = (Some("old".into()), 0.5);
            report.policy.clear();
            // Its name has the day in it.
            report.target = "bigquery p.lake.注文_20260101".into();
        }),
        transfer(6, "items", Some(9)),
        transfer(6, "gone", Some(9)),
        transfer(6, "empty", Some(500)),
    ];
    let mut session = of_batch(6, AttemptOutcome::Success);
    session.attempt.params.insert("date".into(), "2025-12-31".into());
    session.attempt.process.host = "batch-02".into();
    (now, AttemptReport::new(session, tasks, transfers))
}

fn log() -> LogTail {
    let lines =
        ["2026-01-02 03:00:02.000 +0000 [2] the password is opensesame-17", "\u{1b}[31mhttp 500 <html>"];
    LogTail {
        task: TaskName::from_full("+nightly+items"),
        attempt: AttemptId(7),
        lines: lines.map(str::to_owned).to_vec(),
    }
}

/// Without what is the same in every page.
fn varying(html: &str) -> String {
    let version = format!("sync {}", env!("CARGO_PKG_VERSION"));
    let mut text = html
        .replace(head::STYLE, "[STYLE]")
        .replace(head::SCRIPT, "[SCRIPT]")
        .replace(&version, "sync [VERSION]");
    for kind in ["style-src &#39;sha256-", "script-src &#39;sha256-"] {
        let begin = text.find(kind).expect("a policy") + kind.len();
        // SHA-256 in Base64.
        text.replace_range(begin..begin + 44, "[HASH]");
    }
    text
}

#[test]
fn a_small_page_is_as_it_was() {
    let (now, before) = nights();
    let scrubber = Scrubber::new();
    scrubber.add(&Secret::new("opensesame-17"));
    let page = Page { report: &now, before: Some(&before), logs: &[log()], zone: &TimeZone::UTC };
    let text = varying(&page.html(&scrubber));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/page/small.html");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, &text).expect("it can be written");
    }
    let pinned = std::fs::read_to_string(file).expect("it is there");
    assert_eq!(text, pinned, "UPDATE=1 writes it anew");
    assert!(!text.contains("opensesame"));
}

#[test]
fn what_changed_is_told_and_no_more() {
    let (now, before) = nights();
    let told: Vec<String> = changes(&now, &before)
        .into_iter()
        .flat_map(|changes| {
            changes.items.into_iter().map(move |(name, how)| format!("{}: {name}: {how}", changes.title))
        })
        .collect();
    assert_eq!(
        told,
        [
            "No rows, where there were some: mysql shop.empty: before 500",
            "Rows changed much: mysql shop.注文: 20,000, before 10,000 (+100.0 %)",
            "New tables: mysql shop.new: to bigquery p.lake.new",
            "Tables it did not come to: mysql shop.gone: to bigquery p.lake.gone",
            "Another mode: mysql shop.empty: append, before replace",
            "Transfer files with another text: mysql shop.注文: ",
            "Columns that the policy treats in another way: mysql shop.注文: `email`: drop, before none",
            "Tasks with another definition: +nightly+for-0=table=1=注文: embulk>",
            "New tasks: +nightly+extra: embulk>",
            "Parameters: date: 2026-01-01, before 2025-12-31",
            "Where it ran: host: batch-01, before batch-02",
        ]
    );
    let good = AttemptReport::new(of_batch(7, AttemptOutcome::Success), Vec::new(), Vec::new());
    let titles: Vec<&str> = changes(&good, &before).into_iter().map(|changes| changes.title).collect();
    assert_eq!(titles, ["Tables that are gone", "Tasks that are gone", "Parameters", "Where it ran"]);
    assert_eq!(changes(&now, &now), []);
}

#[test]
fn one_failure_of_many_tables_is_told_once() {
    let names: Vec<String> = (0..500).map(|number| format!("+nightly+t{number}")).collect();
    let tasks = names.iter().map(|name| task(7, name, TaskState::Error)).collect();
    let report = AttemptReport::new(of_batch(7, AttemptOutcome::Failed), tasks, Vec::new());
    assert_eq!(wanted_logs(&report), [(TaskName::from_full("+nightly+t0"), AttemptId(7))]);
    let page = Page { report: &report, before: None, logs: &[], zone: &TimeZone::UTC };
    let html = page.html(&Scrubber::new());
    assert_eq!(html.matches(&failure().message).count(), 1);
    assert!(html.contains("490 more with the same failure"));
    assert!(html.contains("<bdi>+nightly+t499</bdi>"));
}

#[test]
fn failures_without_end_leave_room_for_the_rest() {
    let tasks = (0..1000).map(|number| {
        let mut task = task(7, &format!("+nightly+t{number}"), TaskState::Error);
        let causes = vec![format!("cause {number} {}", "<x>".repeat(900))];
        task.failure = Some(crate::run::event::TaskFailure { causes, ..failure() });
        task
    });
    let report = AttemptReport::new(of_batch(7, AttemptOutcome::Failed), tasks.collect(), Vec::new());
    assert_eq!(wanted_logs(&report).len(), 50);
    let page = Page { report: &report, before: None, logs: &[], zone: &TimeZone::UTC };
    let html = page.html(&Scrubber::new());
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
    assert!(
        html.contains("failures not shown here: <code>sync report --session 3 --attempt 7</code>"),
        "it says so"
    );
    for element in ["article", "details", "ol", "ul", "li", "section"] {
        let count = |begin: &str| html.matches(&format!("{begin}{element}")).count();
        assert_eq!(count("<"), count("</"), "{element}");
    }
}

#[test]
fn the_page_of_an_attempt_that_nobody_ended_says_what_is_not_known() {
    let report = AttemptReport::new(of_batch(7, AttemptOutcome::Lost), Vec::new(), Vec::new());
    let page = Page { report: &report, before: None, logs: &[], zone: &TimeZone::UTC };
    let html = page.html(&Scrubber::new());
    assert!(html.contains("<dt>Ended</dt><dd>not known</dd>"), "{html}");
    assert!(html.contains("<title>lost: nightly, 2026-01-02T00:00:00+09:00</title>"));
    assert!(!html.contains("id=\"tables\"") && !html.contains("id=\"timeline-is\""));
}

#[test]
fn ten_thousand_tasks_are_not_all_in_the_page() {
    let tasks = (0..10_000).map(|number| task(7, &format!("+nightly+t{number}"), TaskState::Success));
    let report = AttemptReport::new(of_batch(7, AttemptOutcome::Success), tasks.collect(), Vec::new());
    let page = Page { report: &report, before: None, logs: &[], zone: &TimeZone::UTC };
    let html = page.html(&Scrubber::new());
    assert!(html.contains("Without 8,000 shorter tasks."));
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
}
