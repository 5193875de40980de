//! The one contract between a run and those who watch it: everything that happens is a [`RunEvent`].
//!
//! An event is recorded in the state before it is shown. Those marked *not recorded* carry no outcome and are only
//! shown or written to the task's log.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::session::{AttemptId, Level, Params, TaskName, TaskState};
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::gauge::Gauge;
use crate::transfer::report::TransferReport;

/// Something that happened, with its time.
#[derive(Debug, Clone)]
pub struct RunEvent {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum EventKind {
    /// An operator begins to work on a task. `round` counts its tries from 1.
    TaskStarted { task: TaskName, operator: String, round: u32 },
    /// A task was done in an earlier attempt and is taken as done. `changed`: its definition is not what it was.
    TaskSkipped { task: TaskName, changed: bool },
    /// A try failed and another follows after `delay`.
    TaskRetrying { task: TaskName, round: u32, delay: Duration, failure: TaskFailure },
    /// The operator is done and its generated children run now.
    TaskPlanned { task: TaskName, result: TaskResult },
    /// A task ended; `result` only for `Success` of an operator, `failure` for `Error`.
    TaskFinished {
        task: TaskName,
        state: TaskState,
        result: Option<TaskResult>,
        failure: Option<TaskFailure>,
    },
    /// A transfer begins inside a task. `key` names it for resume: see [`crate::transfer::effect::TransferKey`].
    /// `gauge` counts how far it is.
    TransferStarted { task: TaskName, key: String, source: String, target: String, gauge: Gauge },
    /// An outside effect is about to be tried. Recorded durably (FULL) before the effect.
    EffectIntended { task: TaskName, key: String, effect: Effect },
    /// How the effect ended.
    EffectSettled { task: TaskName, key: String, effect: Effect, outcome: EffectOutcome },
    /// A transfer ended well.
    TransferFinished { task: TaskName, key: String, report: TransferReport },
    /// A transfer failed.
    TransferFailed { task: TaskName, key: String, failure: TaskFailure },
    /// Bytes that a task printed, scrubbed (*not recorded*; task log and terminal).
    Output { task: TaskName, bytes: Vec<u8> },
    /// A line of ours about a task, scrubbed (*not recorded*; task log and terminal).
    Log { task: Option<TaskName>, level: Level, text: String },
    /// Something happened in the run of a required workflow, another attempt. Recorded as its own kind is.
    Required { attempt: AttemptId, event: Box<RunEvent> },
    /// A notification was delivered, or not. `alert`: its fields, when it told of a failure, so that it can be sent later.
    Notified { channel: String, failure: Option<String>, alert: Option<Params> },
    /// A signal or a limit asks the run to stop. `grace`: how long what runs may go on.
    Stopping { reason: String, grace: Option<Duration> },
    /// All is over.
    AttemptFinished { outcome: AttemptOutcome },
}

impl EventKind {
    /// Whether it stands in the state, so that something may be built upon it.
    pub fn is_recorded(&self) -> bool {
        match self {
            Self::Output { .. } | Self::Log { .. } => false,
            Self::Required { event, .. } => event.kind.is_recorded(),
            _ => true,
        }
    }
}

/// What an operator left behind when it succeeded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// Parameters for the tasks after it. Values that count as secrets are not in here but in `secret_stores`.
    pub store: Params,
    /// Key paths removed before `store` is merged, e.g. `pg.last_results`.
    pub reset_store: Vec<Vec<String>>,
    /// Parameters for its own generated children only.
    pub export: Params,
    /// A generated subtask as a `.dig` mapping (`add_subtask` of scripts); none for `call>` and loops, which are
    /// generated anew.
    pub subtask: Option<Value>,
    /// Names of stored parameters that count as secrets: they live in memory only, so a retry runs the task again.
    pub secret_stores: Vec<String>,
    /// SHA-256 of the task's definition, hex.
    pub definition: String,
}

/// Why a task failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskFailure {
    /// What went wrong, one line, scrubbed.
    pub message: String,
    /// The chain of causes below it, outermost first, scrubbed.
    pub causes: Vec<String>,
    /// One thing to do next.
    pub hint: Option<String>,
    /// What kind of failure, for retries and exit codes.
    pub kind: FailureKind,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The task's own work failed.
    Failed,
    /// A parameter or config is wrong: trying again is no use until it is mended.
    Config,
    /// A server could not be reached.
    Unreachable,
    /// The run was stopped.
    Canceled,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The root succeeded.
    Success,
    /// What was selected succeeded; other tasks were passed over, so the session is not done.
    Partial,
    /// A task failed.
    Failed,
    /// A signal (its number) stopped it.
    Signal(i32),
    /// It died without a word; written by a later start that found it.
    Lost,
}
