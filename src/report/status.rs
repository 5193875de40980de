//! What the archive remembers, as tables and as JSON: sessions, and of one session its tasks and tables.

mod tables;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::console::Style;
use super::figures;
use super::live::Live;
use super::slow::Slow;
use super::table::Cell;
use crate::run::StopReason;
use crate::run::event::AttemptOutcome;
use crate::session::TaskState;
use crate::state::{AttemptRecord, SessionRecord, TaskRecord, TransferRecord, Undelivered};
use crate::transfer::report::TransferReport;

pub use tables::{Clock, Detail, fitted, sessions, tasks, transfers};
pub(super) use tables::{state_cell, transfer_cell};

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

/// A session, and what is known besides its record.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The session with its last attempt.
    pub record: SessionRecord,
    /// Whether that takes, or took, much longer than usual.
    pub slow: Option<Slow>,
    /// What it does now, when it runs.
    pub live: Option<Live>,
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

/// What a slow run is held against, in a line.
pub fn slow_line(slow: &Slow) -> String {
    let usual = figures::duration(slow.median);
    format!("slow: the median of the {} runs before it that ended well is {usual}", slow.runs)
}

/// How an attempt ended, in a line.
pub fn ended(session: &SessionRecord) -> String {
    let attempt = &session.attempt;
    let of = format!("attempt {} of {}", attempt.id, session.workflow);
    let took = attempt.finished_at.and_then(|at| since(Some(attempt.started_at), at));
    let after = took.map(|took| format!(" after {}", figures::duration(took))).unwrap_or_default();
    match (Standing::of(attempt), &attempt.outcome) {
        (Standing::Running, _) => format!("{of} runs"),
        (Standing::Lost, _) => format!("{of} ended without a word: its process is gone"),
        (_, Some(AttemptOutcome::Signal(number))) => {
            format!("{of} was stopped by {}{after}", StopReason::Signal(*number))
        }
        (standing, _) => format!("{of} ended{after}: {}", standing.word()),
    }
}

pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time of the zone that it names, for sentences.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// From a start to an end; none of a clock that was set back in between.
pub(super) fn since(from: Option<Timestamp>, to: Timestamp) -> Option<Duration> {
    Duration::try_from(to.duration_since(from?)).ok()
}

fn iso(at: Timestamp) -> String {
    at.to_string()
}

/// The version of the JSON: see `docs/status.schema.json`. Within one, keys are added, none is removed or changes its
/// meaning.
pub const VERSION: u32 = 1;

/// A session as JSON.
pub fn session_json(seen: &Seen, now: Timestamp) -> Value {
    let Seen { record, slow, live } = seen;
    let attempt = &record.attempt;
    let standing = Standing::of(attempt);
    let until = attempt.finished_at.or((standing == Standing::Running).then_some(now));
    let until = until.filter(|_| standing != Standing::Lost);
    let seconds = until.and_then(|until| since(Some(attempt.started_at), until));
    json!({
        "session": record.id,
        "project": record.project,
        "workflow": record.workflow,
        "file": attempt.file,
        "session_time": record.session_time,
        "state": standing.word(),
        "attempt": attempt.id,
        "attempt_count": record.attempt_count,
        "started_at": iso(attempt.started_at),
        "finished_at": attempt.finished_at.map(iso),
        "seconds": seconds.as_ref().map(Duration::as_secs_f64),
        "slow": slow.map(|slow| json!({"median_seconds": slow.median.as_secs_f64(), "runs": slow.runs})),
        "running": live.as_ref().map(|live| live.json(now)),
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
mod tests;
