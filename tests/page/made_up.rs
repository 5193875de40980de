//! Attempts whose facts were made up, and their pages.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use sync::report::attempt::AttemptReport;
use sync::report::page::{LogTail, Page};
use sync::run::event::{AttemptOutcome, FailureKind, TaskFailure, TaskResult};
use sync::secret::scrub::Scrubber;
use sync::session::{AttemptId, Params, SessionId, TaskName, TaskState};
use sync::state::{AttemptRecord, Process, SessionRecord, TaskRecord, TransferRecord, TransferState};
use sync::transfer::report::{TransferReport, Treated};

/// The attempt that pages are of.
pub const ATTEMPT: AttemptId = AttemptId(42);

/// A night: how many tables, and what goes wrong.
pub struct Night {
    pub workflow: String,
    pub tables: Vec<String>,
    /// Those that fail, and of what.
    pub failing: Vec<(usize, TaskFailure)>,
    pub outcome: AttemptOutcome,
    /// Of which attempt.
    pub attempt: AttemptId,
    /// Rows of the first table.
    pub rows: u64,
}

impl Night {
    pub fn of(tables: Vec<String>) -> Self {
        Self {
            workflow: "nightly".into(),
            tables,
            failing: Vec::new(),
            outcome: AttemptOutcome::Success,
            attempt: ATTEMPT,
            rows: 3_018_227,
        }
    }

    pub fn report(&self) -> AttemptReport {
        let failed = !self.failing.is_empty();
        let mut tasks = vec![task(
            self,
            "",
            None,
            if failed { TaskState::GroupError } else { TaskState::Success },
            (0, 1275),
        )];
        tasks.push(task(self, "+secrets", Some("sh"), TaskState::Success, (1, 3)));
        tasks.push(task(
            self,
            "+copy",
            Some("for_each"),
            if failed { TaskState::GroupError } else { TaskState::Success },
            (3, 1260),
        ));
        let mut transfers = Vec::new();
        for (number, name) in self.tables.iter().enumerate() {
            let failure = self.failing.iter().find(|(at, _)| *at == number).map(|(_, failure)| failure);
            let state = if failure.is_some() { TaskState::Error } else { TaskState::Success };
            let begin = 3 + i64::try_from(number).unwrap() * 1240 / i64::try_from(self.tables.len()).unwrap();
            let took = 1 + i64::try_from(number * 7919 % 190).unwrap();
            let part = format!("+copy^sub+for-0=table={number}={name}");
            let mut one = task(self, &part, Some("sh"), state, (begin, (begin + took).min(1259)));
            one.round = if number % 40 == 1 { 3 } else { 1 };
            one.failure = failure.cloned();
            transfers.push(transfer(self, &one, number, name, failure));
            tasks.push(one);
        }
        if !failed {
            tasks.push(task(self, "+done", Some("http"), TaskState::Success, (1262, 1263)));
        }
        let command = format!(
            "sync retry --session 17 --project '/srv/estates/{}'",
            self.workflow.replace('\'', "'\\''")
        );
        AttemptReport::new(session(self), tasks, transfers).in_zone(Some("Asia/Tokyo")).retried_by(command)
    }
}

/// The page of a night, with the end of a log for each failure.
pub fn page(night: &Night, before: Option<&Night>) -> String {
    let report = night.report();
    let before = before.map(Night::report);
    let logs: Vec<LogTail> = sync::report::page::wanted_logs(&report)
        .into_iter()
        .map(|(task, attempt)| {
            let lines = (1..=20).map(|second| {
                format!(
                    "2026-11-30 20:02:{second:02}.114 +0000 [1] INFO read {} rows of {task}",
                    second * 5000
                )
            });
            LogTail { lines: lines.collect(), task, attempt }
        })
        .collect();
    let zone = TimeZone::get("Asia/Tokyo").unwrap();
    Page { report: &report, before: before.as_ref(), logs: &logs, zone: &zone }.html(&Scrubber::new())
}

/// Names as in a shop.
pub fn tables(count: usize) -> Vec<String> {
    let kinds =
        ["orders", "order_items", "customers", "注文明細", "inventory_movements", "payments", "web_sessions"];
    (0..count).map(|number| format!("{}_{number:03}", kinds[number % kinds.len()])).collect()
}

/// As a server says it.
pub fn failure(message: &str, causes: &[&str], hint: Option<&str>) -> TaskFailure {
    TaskFailure {
        message: message.into(),
        causes: causes.iter().map(|cause| (*cause).to_owned()).collect(),
        hint: hint.map(str::to_owned),
        kind: FailureKind::Failed,
    }
}

fn at(second: i64) -> Timestamp {
    let start: Timestamp = "2026-11-30T20:00:00Z".parse().unwrap();
    Timestamp::from_second(start.as_second() + second).unwrap()
}

fn session(night: &Night) -> SessionRecord {
    let mut params = Params::new();
    params.insert("day".into(), json!(format!("2026-11-{}", if night.attempt == ATTEMPT { 30 } else { 29 })));
    SessionRecord {
        id: SessionId(17),
        project: format!("/srv/estates/{}", night.workflow),
        workflow: night.workflow.clone(),
        session_time: "2026-12-01T05:00:00+09:00".into(),
        attempt: AttemptRecord {
            id: night.attempt,
            session: SessionId(17),
            starting_attempt: night.attempt,
            name: None,
            kind: "run".into(),
            started_at: at(0),
            finished_at: Some(at(1275)),
            outcome: Some(night.outcome.clone()),
            file: format!("{}.dig", night.workflow),
            params,
            secret_params: vec!["db_password".into()],
            process: Process { host: "batch-01".into(), pid: 4711, ..Process::current() },
        },
        attempt_count: 1,
    }
}

fn task(
    night: &Night,
    part: &str,
    operator: Option<&str>,
    state: TaskState,
    times: (i64, i64),
) -> TaskRecord {
    TaskRecord {
        attempt: night.attempt,
        name: TaskName::from_full(format!("+{}{part}", night.workflow)),
        operator: operator.map(str::to_owned),
        state,
        round: 1,
        started_at: Some(at(times.0)),
        finished_at: Some(at(times.1)),
        result: operator.map(|name| TaskResult { definition: name.to_owned(), ..TaskResult::default() }),
        failure: None,
    }
}

fn transfer(
    night: &Night,
    task: &TaskRecord,
    number: usize,
    name: &str,
    failure: Option<&TaskFailure>,
) -> TransferRecord {
    let rows = if number == 0 { night.rows } else { (number as u64 * 104_729) % 1_500_000 };
    let (source, target) = (format!("mysql shop.{name}"), format!("bigquery retail-lake.shop.{name}"));
    let report = TransferReport {
        source: source.clone(),
        target: target.clone(),
        mode: Some(if number % 9 == 4 { "append" } else { "replace" }.to_owned()),
        config: Some(if night.attempt == ATTEMPT && number == 2 { "new" } else { "old" }.to_owned()),
        rows_read: rows,
        rows_sent: rows,
        rows_loaded: Some(rows),
        bytes: rows * 37,
        seconds: task.finished_at.unwrap().duration_since(task.started_at.unwrap()).as_secs_f64(),
        snapshot: "per table".into(),
        notes: if number % 50 == 3 {
            vec!["column `born`: 12 zero dates became NULL".into()]
        } else {
            Vec::new()
        },
        policy: if number % 60 == 2 && night.attempt == ATTEMPT {
            vec![Treated {
                place: 1,
                at: None,
                column: "email".into(),
                source: format!("shop.{name}.email"),
                type_name: "varchar(80)".into(),
                action: "drop".into(),
                rule: None,
                reason: None,
            }]
        } else {
            Vec::new()
        },
        ..TransferReport::default()
    };
    TransferRecord {
        attempt: night.attempt,
        task: task.name.clone(),
        source,
        target,
        state: if failure.is_some() { TransferState::Error } else { TransferState::Success },
        started_at: task.started_at.unwrap(),
        finished_at: task.finished_at,
        report: failure.is_none().then_some(report),
        failure: failure.cloned(),
    }
}
