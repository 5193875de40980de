//! What the archive remembers, as tables and as JSON: sessions, and of one session its tasks and tables.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::console::Style;
use super::figures;
use super::table::{Align, Cell, Table};
use crate::run::event::{AttemptOutcome, TaskFailure};
use crate::session::TaskState;
use crate::state::{AttemptRecord, SessionRecord, TaskRecord, TransferRecord, TransferState, Undelivered};
use crate::transfer::report::TransferReport;

/// How a session's last attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its process works.
    Running,
    /// All done.
    Success,
    /// What was selected is done.
    Partial,
    /// A task failed.
    Failed,
    /// A signal stopped it.
    Stopped,
    /// Its process died without a word.
    Lost,
}

impl Standing {
    /// Reads it off the record. Without an outcome it depends on whether the process still lives.
    pub fn of(attempt: &AttemptRecord) -> Self {
        match attempt.outcome {
            Some(AttemptOutcome::Success) => Self::Success,
            Some(AttemptOutcome::Partial) => Self::Partial,
            Some(AttemptOutcome::Failed) => Self::Failed,
            Some(AttemptOutcome::Signal(_)) => Self::Stopped,
            Some(AttemptOutcome::Lost) => Self::Lost,
            None if attempt.process.is_alive() => Self::Running,
            None => Self::Lost,
        }
    }

    /// The word in tables and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        }
    }

    fn cell(self) -> Cell {
        match self {
            Self::Running => Cell::from(self.word()),
            Self::Success => Cell::styled(self.word(), Style::Green),
            Self::Failed | Self::Lost => Cell::styled(self.word(), Style::Red),
            Self::Partial | Self::Stopped => Cell::styled(self.word(), Style::Yellow),
        }
    }
}

/// Sessions, in the order given.
pub fn sessions(records: &[SessionRecord], zone: &TimeZone) -> Table {
    let mut table = Table::new(&[
        ("SESSION", Align::Right),
        ("WORKFLOW", Align::Left),
        ("SESSION TIME", Align::Left),
        ("STATE", Align::Left),
        ("ATTEMPTS", Align::Right),
        ("STARTED", Align::Left),
        ("TOOK", Align::Right),
    ]);
    for record in records {
        let attempt = &record.attempt;
        table.row([
            Cell::from(record.id.to_string()),
            Cell::from(record.workflow.as_str()),
            Cell::from(record.session_time.as_str()),
            Standing::of(attempt).cell(),
            Cell::from(record.attempt_count.to_string()),
            Cell::from(clock(attempt.started_at, zone)),
            Cell::from(took(Some(attempt.started_at), attempt.finished_at)),
        ]);
    }
    table
}

/// Of records in the order they were written, the last one of each task, at the place of its first: how it stands.
pub fn latest_tasks(records: Vec<TaskRecord>) -> Vec<TaskRecord> {
    latest(records, |record| record.name.clone())
}

/// The same for transfers: the last one of each task, source and target.
pub fn latest_transfers(records: Vec<TransferRecord>) -> Vec<TransferRecord> {
    latest(records, |record| (record.task.clone(), record.source.clone(), record.target.clone()))
}

fn latest<T, K: Eq + Hash>(records: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut latest: Vec<T> = Vec::with_capacity(records.len());
    for record in records {
        match places.entry(key(&record)) {
            Entry::Occupied(place) => latest[*place.get()] = record,
            Entry::Vacant(place) => {
                place.insert(latest.len());
                latest.push(record);
            }
        }
    }
    latest
}

/// The tasks of a session.
pub fn tasks(records: &[TaskRecord], zone: &TimeZone) -> Table {
    let mut table = Table::new(&[
        ("TASK", Align::Left),
        ("OPERATOR", Align::Left),
        ("STATE", Align::Left),
        ("TRIES", Align::Right),
        ("STARTED", Align::Left),
        ("TOOK", Align::Right),
        ("FAILURE", Align::Left),
    ]);
    for record in records {
        table.row([
            Cell::from(record.name.as_str()),
            Cell::from(record.operator.as_ref().map(|name| format!("{name}>")).unwrap_or_default()),
            state_cell(record.state),
            Cell::from(record.round.to_string()),
            Cell::from(record.started_at.map(|at| clock(at, zone)).unwrap_or_default()),
            Cell::from(took(record.started_at, record.finished_at)),
            Cell::from(record.failure.as_ref().map(in_words).unwrap_or_default()),
        ]);
    }
    table
}

/// The tables that a session copied or copies.
pub fn transfers(records: &[TransferRecord]) -> Table {
    let mut table = Table::new(&[
        ("FROM", Align::Left),
        ("TO", Align::Left),
        ("STATE", Align::Left),
        ("ROWS", Align::Right),
        ("BYTES", Align::Right),
        ("SECONDS", Align::Right),
        ("FAILURE", Align::Left),
    ]);
    for record in records {
        let report = record.report.as_ref();
        table.row([
            Cell::from(record.source.as_str()),
            Cell::from(record.target.as_str()),
            transfer_cell(record.state),
            Cell::from(report.map(|report| figures::count(report.rows_sent)).unwrap_or_default()),
            Cell::from(report.map(|report| figures::bytes(report.bytes)).unwrap_or_default()),
            Cell::from(report.map(|report| figures::seconds(report.seconds)).unwrap_or_default()),
            Cell::from(record.failure.as_ref().map(in_words).unwrap_or_default()),
        ]);
    }
    table
}

pub(super) fn transfer_cell(state: TransferState) -> Cell {
    match state {
        TransferState::Running => Cell::from(state.word()),
        TransferState::Success => Cell::styled(state.word(), Style::Green),
        TransferState::Error => Cell::styled(state.word(), Style::Red),
    }
}

pub(super) fn state_cell(state: TaskState) -> Cell {
    match state {
        TaskState::Success => Cell::styled(state.word(), Style::Green),
        TaskState::Error | TaskState::GroupError => Cell::styled(state.word(), Style::Red),
        TaskState::RetryWaiting | TaskState::Canceled => Cell::styled(state.word(), Style::Yellow),
        _ => Cell::from(state.word()),
    }
}

/// The message and its innermost cause: the first says what, the last says why.
fn in_words(failure: &TaskFailure) -> String {
    match failure.causes.last() {
        None => failure.message.clone(),
        Some(cause) => format!("{}: {cause}", failure.message),
    }
}

pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn took(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    let (Some(from), Some(to)) = (from, to) else { return String::new() };
    Duration::try_from(to.duration_since(from)).map(figures::duration).unwrap_or_default()
}

fn iso(at: Timestamp) -> String {
    at.to_string()
}

/// A session as JSON.
pub fn session_json(record: &SessionRecord) -> Value {
    let attempt = &record.attempt;
    json!({
        "session": record.id,
        "project": record.project,
        "workflow": record.workflow,
        "file": attempt.file,
        "session_time": record.session_time,
        "state": Standing::of(attempt).word(),
        "attempt": attempt.id,
        "attempt_count": record.attempt_count,
        "started_at": iso(attempt.started_at),
        "finished_at": attempt.finished_at.map(iso),
    })
}

/// What people were not told, in a line.
pub fn undelivered(one: &Undelivered, workflow: Option<&str>, zone: &TimeZone) -> String {
    let about = match (one.attempt, workflow) {
        (Some(attempt), Some(workflow)) => format!("attempt {attempt} of {workflow}"),
        _ => "a run that could not begin".to_owned(),
    };
    let how = match (&one.channel, &one.failure) {
        (Some(channel), Some(failure)) => {
            let tries = if one.tries == 1 { "try" } else { "tries" };
            format!("{} {tries} by {channel}: {failure}", one.tries)
        }
        _ => "not tried".to_owned(),
    };
    let next = match one.given_up_at {
        Some(at) => format!("given up {}", clock(at, zone)),
        None => "the next `run` or `retry` sends it".to_owned(),
    };
    format!("the notification of {about}, {}, was not delivered: {how}; {next}", clock(one.since, zone))
}

/// The same as JSON.
pub fn undelivered_json(one: &Undelivered, workflow: Option<&str>) -> Value {
    json!({
        "reason": one.reason.word(),
        "workflow": workflow,
        "attempt": one.attempt,
        "since": iso(one.since),
        "tries": one.tries,
        "tried_at": one.tried_at.map(iso),
        "channel": one.channel,
        "failure": one.failure,
        "given_up_at": one.given_up_at.map(iso),
    })
}

/// A task as JSON.
pub fn task_json(record: &TaskRecord) -> Value {
    json!({
        "task": record.name,
        "operator": record.operator,
        "state": record.state,
        "tries": record.round,
        "attempt": record.attempt,
        "started_at": record.started_at.map(iso),
        "finished_at": record.finished_at.map(iso),
        "seconds": task_seconds(record),
        "failure": record.failure,
    })
}

/// How long a task took that ended by itself: with all its tries and the pauses between them. When one that was stopped
/// ended is not known for certain.
pub fn task_seconds(record: &TaskRecord) -> Option<f64> {
    let (from, to) = (record.started_at?, record.finished_at?);
    (record.state != TaskState::Canceled).then(|| to.duration_since(from).as_secs_f64())
}

/// A transfer as JSON.
pub fn transfer_json(record: &TransferRecord) -> Value {
    json!({
        "task": record.task,
        "source": record.source,
        "target": record.target,
        "state": record.state.word(),
        "attempt": record.attempt,
        "started_at": iso(record.started_at),
        "finished_at": record.finished_at.map(iso),
        "report": record.report.as_ref().map(figures_json),
        "failure": record.failure,
    })
}

/// The figures of a transfer as JSON, the same wherever they are shown: all that the transfer told, but for what its
/// next read begins behind, which is a value of a cell.
fn figures_json(report: &TransferReport) -> Value {
    // Keys are texts and numbers are JSON's: it cannot fail.
    let mut figures = serde_json::to_value(report).unwrap_or_default();
    if let Some(figures) = figures.as_object_mut() {
        figures.remove("next");
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::FailureKind;
    use crate::session::{AttemptId, Params, SessionId, TaskName};
    use crate::state::Process;

    fn at(text: &str) -> Timestamp {
        format!("2026-01-02T{text}Z").parse().expect("a time")
    }

    fn dead() -> Process {
        Process { boot: "an earlier boot".into(), ..Process::current() }
    }

    fn session(id: i64, outcome: Option<AttemptOutcome>, process: Process) -> SessionRecord {
        SessionRecord {
            id: SessionId(id),
            project: "/p".into(),
            workflow: "nightly".into(),
            session_time: "2026-01-02T00:00:00+09:00".into(),
            attempt: AttemptRecord {
                id: AttemptId(id + 100),
                session: SessionId(id),
                starting_attempt: AttemptId(id + 100),
                name: None,
                kind: "run".into(),
                started_at: at("03:04:05"),
                finished_at: outcome.as_ref().map(|_| at("03:06:10")),
                outcome,
                file: "nightly.dig".into(),
                params: Params::new(),
                secret_params: Vec::new(),
                process,
            },
            attempt_count: 2,
        }
    }

    fn failure() -> TaskFailure {
        TaskFailure {
            message: "the load failed".into(),
            causes: vec!["http 500".into(), "quota".into()],
            hint: None,
            kind: FailureKind::Failed,
        }
    }

    #[test]
    fn sessions_are_a_table() {
        let records = [
            session(12, Some(AttemptOutcome::Success), dead()),
            session(11, Some(AttemptOutcome::Signal(15)), dead()),
            session(10, None, Process::current()),
            session(9, None, dead()),
        ];
        assert_eq!(
            sessions(&records, &TimeZone::UTC).render(false),
            "SESSION  WORKFLOW  SESSION TIME               STATE    ATTEMPTS  STARTED               TOOK\n     \
             12  nightly   2026-01-02T00:00:00+09:00  success         2  2026-01-02 03:04:05  2m05s\n     \
             11  nightly   2026-01-02T00:00:00+09:00  stopped         2  2026-01-02 03:04:05  2m05s\n     \
             10  nightly   2026-01-02T00:00:00+09:00  running         2  2026-01-02 03:04:05\n      \
             9  nightly   2026-01-02T00:00:00+09:00  lost            2  2026-01-02 03:04:05\n"
        );
        let json = session_json(&records[0]);
        assert_eq!(
            (&json["session"], &json["state"], &json["finished_at"]),
            (&json!(12), &json!("success"), &json!("2026-01-02T03:06:10Z"))
        );
    }

    #[test]
    fn the_last_record_of_a_task_is_how_it_stands() {
        let task = |name: &str, state| TaskRecord {
            attempt: AttemptId(1),
            name: TaskName::from_full(name),
            operator: None,
            state,
            round: 1,
            started_at: None,
            finished_at: None,
            result: None,
            failure: None,
        };
        let records = vec![
            task("+a", TaskState::Error),
            task("+b", TaskState::Success),
            task("+a", TaskState::Success),
        ];
        let latest: Vec<(String, TaskState)> =
            latest_tasks(records).into_iter().map(|record| (record.name.to_string(), record.state)).collect();
        assert_eq!(latest, [("+a".into(), TaskState::Success), ("+b".into(), TaskState::Success)]);
    }

    #[test]
    fn tasks_and_tables_say_what_failed() {
        let task = TaskRecord {
            attempt: AttemptId(1),
            name: TaskName::from_full("+nightly+orders"),
            operator: Some("embulk".into()),
            state: TaskState::Error,
            round: 4,
            started_at: Some(at("03:00:00")),
            finished_at: Some(at("03:00:01.5")),
            result: None,
            failure: Some(failure()),
        };
        assert_eq!(
            tasks(std::slice::from_ref(&task), &TimeZone::UTC).render(false),
            "TASK             OPERATOR  STATE  TRIES  STARTED              TOOK  FAILURE\n\
             +nightly+orders  embulk>   error      4  2026-01-02 03:00:00  1.5s  the load failed: quota\n"
        );
        assert_eq!(task_json(&task)["failure"]["causes"], json!(["http 500", "quota"]));
        let transfer = |state, report, failure| TransferRecord {
            attempt: AttemptId(1),
            task: TaskName::from_full("+nightly+orders"),
            source: "mysql shop.orders".into(),
            target: "bigquery p.lake.orders".into(),
            state,
            started_at: at("03:00:00"),
            finished_at: None,
            report,
            failure,
        };
        let report =
            TransferReport { rows_sent: 1500, bytes: 2048, seconds: 1.5, ..TransferReport::default() };
        let records = [
            transfer(TransferState::Success, Some(report), None),
            transfer(TransferState::Error, None, Some(failure())),
        ];
        assert_eq!(
            transfers(&records).render(false),
            "FROM               TO                      STATE     ROWS    BYTES  SECONDS  FAILURE\n\
             mysql shop.orders  bigquery p.lake.orders  success  1,500  2.0 KiB      1.5\n\
             mysql shop.orders  bigquery p.lake.orders  error                             the load failed: quota\n"
        );
        assert_eq!(transfer_json(&records[0])["report"]["rows_sent"], json!(1500));
    }
}
