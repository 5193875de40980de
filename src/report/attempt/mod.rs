//! The report of an attempt: all that the state knows of it when it has ended, as JSON for programs and as text.
//!
//! The JSON has a version and is described by `docs/report.schema.json`: within a version keys are added, none is
//! removed or changes its meaning.

mod text;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::status::{self, Standing};
use crate::run::event::AttemptOutcome;
use crate::session::TaskState;
use crate::state::{AttemptRecord, SessionRecord, TaskRecord, TransferRecord, TransferState};

/// The version of the JSON.
pub const VERSION: u32 = 1;

/// What is told of an attempt.
#[derive(Debug, Clone)]
pub struct AttemptReport {
    /// The session with the attempt that is told of.
    session: SessionRecord,
    standing: Standing,
    tasks: Vec<TaskRecord>,
    transfers: Vec<TransferRecord>,
    /// The zone of the process, where that is known.
    process_zone: Option<String>,
    retry_command: Option<String>,
}

impl AttemptReport {
    /// The report of the attempt that stands in the record of its session, from what the attempts that continue one
    /// starting attempt recorded, oldest first. Tasks and transfers stand in it as this attempt left them; what later
    /// ones did is not told.
    pub fn new(
        session: SessionRecord,
        mut tasks: Vec<TaskRecord>,
        mut transfers: Vec<TransferRecord>,
    ) -> Self {
        let last = session.attempt.id;
        tasks.retain(|task| task.attempt <= last);
        transfers.retain(|transfer| transfer.attempt <= last);
        Self {
            standing: Standing::of(&session.attempt),
            tasks: status::latest_tasks(tasks),
            transfers: status::latest_transfers(transfers),
            session,
            process_zone: None,
            retry_command: None,
        }
    }

    /// Names the zone in which the process read times without one.
    #[must_use]
    pub fn in_zone(mut self, name: Option<&str>) -> Self {
        self.process_zone = name.map(str::to_owned);
        self
    }

    /// The command that runs what is left, ready to be pasted; kept only where something is.
    #[must_use]
    pub fn retried_by(mut self, command: String) -> Self {
        let is_unfinished = matches!(self.standing, Standing::Failed | Standing::Stopped | Standing::Lost);
        self.retry_command = Some(command).filter(|_| is_unfinished);
        self
    }

    /// How the attempt stands.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// The session, with the attempt in the place of its last.
    pub fn session(&self) -> &SessionRecord {
        &self.session
    }

    /// The attempt.
    pub fn attempt(&self) -> &AttemptRecord {
        &self.session.attempt
    }

    /// When it ended; none while it runs, and of a process that died: nobody knows.
    fn finished_at(&self) -> Option<Timestamp> {
        self.attempt().finished_at.filter(|_| self.standing != Standing::Lost)
    }

    fn seconds(&self) -> Option<f64> {
        self.finished_at().map(|at| at.duration_since(self.attempt().started_at).as_secs_f64())
    }

    fn signal(&self) -> Option<i32> {
        match self.attempt().outcome {
            Some(AttemptOutcome::Signal(number)) => Some(number),
            _ => None,
        }
    }

    /// As JSON: see `docs/report.schema.json`.
    pub fn json(&self) -> Value {
        let (session, attempt) = (&self.session, self.attempt());
        json!({
            "version": VERSION,
            "sync_version": env!("CARGO_PKG_VERSION"),
            "project": session.project,
            "workflow": session.workflow,
            "file": attempt.file,
            "session": session.id,
            "session_time": session.session_time,
            "attempt": attempt.id,
            "starting_attempt": attempt.starting_attempt,
            "attempt_name": attempt.name,
            "kind": attempt.kind,
            "outcome": self.standing.word(),
            "signal": self.signal(),
            "started_at": attempt.started_at.to_string(),
            "finished_at": self.finished_at().map(|at| at.to_string()),
            "seconds": self.seconds(),
            "host": attempt.process.host,
            "pid": attempt.process.pid,
            "process_zone": self.process_zone,
            "params": attempt.params,
            "secret_params": attempt.secret_params,
            "tasks": self.tasks.iter().map(status::task_json).collect::<Vec<_>>(),
            "transfers": self.transfers.iter().map(status::transfer_json).collect::<Vec<_>>(),
            "totals": self.totals().json(),
            "retry_command": self.retry_command,
        })
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals { rows_loaded: Some(0), ..Totals::default() };
        for task in &self.tasks {
            *totals.tasks.entry(task.state.word()).or_default() += 1;
            totals.failed_tasks += u64::from(task.state == TaskState::Error);
        }
        for transfer in &self.transfers {
            *totals.transfers.entry(transfer.state.word()).or_default() += 1;
            totals.failed_transfers += u64::from(transfer.state == TransferState::Error);
            let Some(report) = &transfer.report else { continue };
            totals.rows_read += report.rows_read;
            totals.rows_sent += report.rows_sent;
            totals.rows_loaded = totals.rows_loaded.zip(report.rows_loaded).map(|(all, these)| all + these);
            totals.bytes += report.bytes;
        }
        totals
    }
}

/// What the tasks and transfers of a report come to.
#[derive(Debug, Default)]
struct Totals {
    /// How many there are in each state.
    tasks: BTreeMap<&'static str, u64>,
    failed_tasks: u64,
    transfers: BTreeMap<&'static str, u64>,
    failed_transfers: u64,
    rows_read: u64,
    rows_sent: u64,
    /// None as soon as one target could not tell: a part of them would be taken for all.
    rows_loaded: Option<u64>,
    bytes: u64,
}

impl Totals {
    fn json(&self) -> Value {
        json!({
            "tasks": self.tasks.values().sum::<u64>(),
            "tasks_by_state": self.tasks,
            "failed_tasks": self.failed_tasks,
            "transfers": self.transfers.values().sum::<u64>(),
            "transfers_by_state": self.transfers,
            "failed_transfers": self.failed_transfers,
            "rows_read": self.rows_read,
            "rows_sent": self.rows_sent,
            "rows_loaded": self.rows_loaded,
            "bytes": self.bytes,
        })
    }
}

#[cfg(test)]
mod tests;
