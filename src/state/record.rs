//! What the archive gives back, and what it is given when an attempt begins.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Process;
use crate::run::event::{AttemptOutcome, TaskFailure, TaskResult};
use crate::session::{AttemptId, Params, SessionId, TaskName, TaskState};
use crate::transfer::report::TransferReport;

/// Whether an attempt runs everything or what was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// `sync run`.
    Run,
    /// `sync retry`.
    Retry,
}

impl AttemptKind {
    /// The word in the file and in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Retry => "retry",
        }
    }
}

/// An attempt that is about to begin.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    /// The project's directory, absolute.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's file relative to the project.
    pub file: String,
    /// The session it is for, as ISO text with offset.
    pub session_time: String,
    /// Run or retry.
    pub kind: AttemptKind,
    /// For a retry: the attempt that `sync run` started. A run starts its own.
    pub starting_attempt: Option<AttemptId>,
    /// The attempt whose `require>` asks for it.
    pub required_by: Option<AttemptId>,
    /// `retry_attempt_name` of that `require>`.
    pub name: Option<String>,
    /// `-p` and `-P` values that are no secrets.
    pub params: Params,
    /// Names of those that are: their values are not kept.
    pub secret_params: Vec<String>,
    /// Who runs it.
    pub process: Process,
    /// When it begins.
    pub at: Timestamp,
}

/// A session with its last attempt.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    pub id: SessionId,
    pub project: String,
    pub workflow: String,
    pub session_time: String,
    pub attempt: AttemptRecord,
    /// How many attempts it has had.
    pub attempt_count: u32,
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    pub id: AttemptId,
    pub session: SessionId,
    pub starting_attempt: AttemptId,
    /// `retry_attempt_name` of the `require>` that asked for it.
    pub name: Option<String>,
    pub kind: String,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// None while it runs, or when its process died and nobody noticed yet.
    pub outcome: Option<AttemptOutcome>,
    pub file: String,
    pub params: Params,
    pub secret_params: Vec<String>,
    pub process: Process,
}

/// One task of an attempt.
#[derive(Debug, Clone)]
pub struct TaskRecord {
    pub attempt: AttemptId,
    pub name: TaskName,
    /// None for groups.
    pub operator: Option<String>,
    pub state: TaskState,
    pub round: u32,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub result: Option<TaskResult>,
    pub failure: Option<TaskFailure>,
}

/// How a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferState {
    Running,
    Success,
    Error,
}

impl TransferState {
    /// The word in the file and in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Success => "success",
            Self::Error => "error",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Running, Self::Success, Self::Error].into_iter().find(|state| state.word() == word)
    }
}

/// One transfer of an attempt.
#[derive(Debug, Clone)]
pub struct TransferRecord {
    pub attempt: AttemptId,
    pub task: TaskName,
    pub source: String,
    pub target: String,
    pub state: TransferState,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub report: Option<TransferReport>,
    pub failure: Option<TaskFailure>,
}
