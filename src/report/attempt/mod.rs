//! The report of an attempt: all that the state knows of it when it has ended, as JSON for programs and as text.
//!
//! The JSON has a version and is described by `docs/report.schema.json`: within a version keys are added, none is
//! removed or changes its meaning.

mod text;

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::status::{self, Standing};
use crate::run::event::{AttemptOutcome, TaskFailure};
use crate::session::{AttemptId, TaskName, TaskState};
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

    /// Its tasks, each as it stands.
    pub fn tasks(&self) -> &[TaskRecord] {
        &self.tasks
    }

    /// Its transfers, each as it stands.
    pub fn transfers(&self) -> &[TransferRecord] {
        &self.transfers
    }

    /// The command that runs what is left.
    pub fn retry_command(&self) -> Option<&str> {
        self.retry_command.as_deref()
    }

    /// The zone of the process, where that is known.
    pub fn process_zone(&self) -> Option<&str> {
        self.process_zone.as_deref()
    }

    /// What failed: tasks, and transfers whose failure is not that of their task, which was tried again.
    pub fn failed(&self) -> Vec<Failed<'_>> {
        let tasks = self.tasks.iter().filter_map(|task| {
            let (name, failure) = (task.name.as_str(), task.failure.as_ref()?);
            Some(Failed { name, failure, task: &task.name, attempt: task.attempt })
        });
        let tasks: Vec<Failed<'_>> = tasks.collect();
        let told: HashSet<&TaskFailure> = tasks.iter().map(|failed| failed.failure).collect();
        let transfers = self.transfers.iter().filter_map(|transfer| {
            let (name, failure) = (transfer.source.as_str(), transfer.failure.as_ref()?);
            let failed = Failed { name, failure, task: &transfer.task, attempt: transfer.attempt };
            (!told.contains(&failure)).then_some(failed)
        });
        tasks.iter().copied().chain(transfers).collect()
    }

    /// When it ended; none while it runs, and of a process that died: nobody knows.
    pub fn finished_at(&self) -> Option<Timestamp> {
        self.attempt().finished_at.filter(|_| self.standing != Standing::Lost)
    }

    /// From its start to its end, where that is known.
    pub fn seconds(&self) -> Option<f64> {
        self.finished_at().map(|at| at.duration_since(self.attempt().started_at).as_secs_f64())
    }

    /// The number of the signal that stopped it.
    pub fn signal(&self) -> Option<i32> {
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

    /// What its tasks and transfers come to.
    pub fn totals(&self) -> Totals {
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

/// A task or a transfer that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// The task, or the source of the transfer.
    pub name: &'a str,
    /// Why.
    pub failure: &'a TaskFailure,
    /// The task whose log tells more.
    pub task: &'a TaskName,
    /// The attempt that wrote it.
    pub attempt: AttemptId,
}

/// What the tasks and transfers of a report come to.
#[derive(Debug, Default)]
pub struct Totals {
    /// How many there are in each state.
    pub tasks: BTreeMap<&'static str, u64>,
    /// How many failed by themselves.
    pub failed_tasks: u64,
    /// How many there are in each state.
    pub transfers: BTreeMap<&'static str, u64>,
    /// How many failed.
    pub failed_transfers: u64,
    /// From all sources.
    pub rows_read: u64,
    /// To all targets, after the filters.
    pub rows_sent: u64,
    /// None as soon as one target could not tell: a part of them would be taken for all.
    pub rows_loaded: Option<u64>,
    /// To all targets, compressed where the configs compress.
    pub bytes: u64,
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
pub(in crate::report) mod tests;
