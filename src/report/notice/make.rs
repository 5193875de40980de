//! A notice out of what the state knows of an attempt that has ended.

use std::collections::HashMap;

use super::{Copied, Empty, Event, Failed, Notice, ReportLink, SlowRun, VERSION};
use crate::report::slow::Slow;
use crate::report::status::{self, Standing};
use crate::run::StopReason;
use crate::run::event::AttemptOutcome;
use crate::session::TaskState;
use crate::state::{SessionRecord, TaskRecord, TransferRecord, TransferState};

/// An attempt that has ended, and what was before it.
pub struct Ended {
    /// The session, with the attempt in the place of its last.
    pub session: SessionRecord,
    /// Of the attempts that continue one starting attempt, oldest first.
    pub tasks: Vec<TaskRecord>,
    pub transfers: Vec<TransferRecord>,
    pub previous: Previous,
    /// What the project is called.
    pub project: String,
    pub retry_command: String,
    pub report: Option<ReportLink>,
}

/// What was before an attempt.
#[derive(Debug, Default)]
pub struct Previous {
    /// How the attempt at the same workflow that ended before it ended.
    pub outcome: Option<AttemptOutcome>,
    /// The rows of each target's last copy.
    pub rows: HashMap<String, u64>,
    /// Whether it took long.
    pub slow: Option<Slow>,
}

impl Ended {
    /// What people are told; none while it has not ended.
    pub fn notice(mut self) -> Option<Notice> {
        let own = self.session.attempt.id;
        self.tasks.retain(|task| task.attempt <= own);
        self.transfers.retain(|transfer| transfer.attempt <= own);
        let (tasks, transfers) =
            (status::latest_tasks(self.tasks.clone()), status::latest_transfers(self.transfers.clone()));
        let standing = Standing::of(&self.session.attempt);
        let is_good = matches!(standing, Standing::Success | Standing::Partial);
        let mut failed = if is_good { Vec::new() } else { failed(&tasks, &transfers) };
        let mut empty = self.empty(&transfers);
        let (failed_count, empty_count) = (failed.len(), empty.len());
        failed.truncate(Notice::MOST_PARTS);
        empty.truncate(Notice::MOST_PARTS);
        let attempt = &self.session.attempt;
        let slow = self.previous.slow.filter(|_| standing == Standing::Success);
        let finished_at = attempt.finished_at?;
        let took = finished_at.duration_since(attempt.started_at).as_secs_f64();
        let mut notice = Notice {
            version: VERSION,
            test: false,
            events: self.events(standing, empty_count, slow),
            message: String::new(),
            at: finished_at.to_string(),
            project: self.project.clone(),
            workflow: Some(self.session.workflow.clone()),
            session: Some(self.session.id.0),
            session_time: Some(self.session.session_time.clone()),
            attempt: Some(attempt.id.0),
            outcome: standing.word().to_owned(),
            seconds: (standing != Standing::Lost).then_some(took.max(0.0)),
            failed,
            failed_count,
            empty,
            empty_count,
            slow: slow.map(|slow| SlowRun { median_seconds: slow.median.as_secs_f64(), runs: slow.runs }),
            retry_command: (!is_good).then(|| self.retry_command.clone()),
            report: self.report.clone(),
        };
        notice.message = self.message(&notice);
        Some(notice)
    }

    fn events(&self, standing: Standing, empty_count: usize, slow: Option<Slow>) -> Vec<Event> {
        let is_bad = |outcome: &AttemptOutcome| {
            matches!(outcome, AttemptOutcome::Failed | AttemptOutcome::Signal(_) | AttemptOutcome::Lost)
        };
        let is_success = standing == Standing::Success;
        let holds = |event: &Event| match event {
            Event::Failure => matches!(standing, Standing::Failed | Standing::Stopped | Standing::Lost),
            Event::Recovery => is_success && self.previous.outcome.as_ref().is_some_and(is_bad),
            Event::Empty => empty_count > 0,
            Event::Slow => slow.is_some(),
            Event::Success => is_success,
        };
        Event::ALL.into_iter().filter(holds).collect()
    }

    /// Tables that this attempt copied without a row. Where a copy goes on behind the last one, no news are no wonder.
    fn empty(&self, transfers: &[TransferRecord]) -> Vec<Empty> {
        let own = transfers.iter().filter(|transfer| transfer.attempt == self.session.attempt.id);
        own.filter_map(|transfer| {
            let report = transfer.report.as_ref().filter(|_| transfer.state == TransferState::Success)?;
            let target = if report.target.is_empty() { &transfer.target } else { &report.target };
            let rows_before = *self.previous.rows.get(target)?;
            (report.rows_sent == 0 && report.next.is_empty() && rows_before > 0).then(|| Empty {
                source: transfer.source.clone(),
                target: target.clone(),
                rows_before,
            })
        })
        .collect()
    }

    fn message(&self, notice: &Notice) -> String {
        let (session, attempt) = (&self.session, &self.session.attempt);
        let ended = match (&attempt.outcome, notice.failed_count) {
            (Some(AttemptOutcome::Signal(number)), _) => {
                format!("was stopped by {}", StopReason::Signal(*number))
            }
            (Some(AttemptOutcome::Lost), _) => {
                let process = &attempt.process;
                format!("ended without a word: its process {} on `{}` is gone", process.pid, process.host)
            }
            (_, 1) => "failed: 1 task".to_owned(),
            (_, 2..) => format!("failed: {} tasks", notice.failed_count),
            (Some(AttemptOutcome::Failed), _) => "failed".to_owned(),
            _ => "succeeded".to_owned(),
        };
        let (id, time) = (session.id, &session.session_time);
        format!("`{}` {ended} (session {id} of {time}, attempt {})", session.workflow, attempt.id)
    }
}

/// The tasks that failed themselves, with what they copied.
fn failed(tasks: &[TaskRecord], transfers: &[TransferRecord]) -> Vec<Failed> {
    let of_task = |task: &TaskRecord| {
        let failure = task.failure.as_ref().filter(|_| task.state == TaskState::Error)?;
        let own = transfers
            .iter()
            .filter(|transfer| transfer.task == task.name && transfer.state == TransferState::Error);
        Some(Failed {
            task: task.name.to_string(),
            tables: own
                .map(|transfer| Copied { source: transfer.source.clone(), target: transfer.target.clone() })
                .collect(),
            message: failure.message.clone(),
            cause: failure.causes.last().cloned(),
            hint: failure.hint.clone(),
        })
    };
    tasks.iter().filter_map(of_task).collect()
}
