//! What a run is handed besides its plan, and what it says when it is over.

use std::sync::Arc;
use std::time::Duration;

use super::cancel::StopRequests;
use super::event::{AttemptOutcome, TaskFailure};
use super::operator::{Cancel, Operators, Services};
use super::scope::SessionInfo;
use super::slots::Slots;
use super::waiting::Waiting;
use crate::dig::workflow::Task;
use crate::plan::Counts;
use crate::reader::Reader;
use crate::session::TaskName;
use crate::transfer::report::TransferReport;

/// Everything from outside.
pub struct RunSetup {
    /// For the built-in variables.
    pub session: SessionInfo,
    /// Whether operators work.
    pub mode: RunMode,
    /// Whether the parameters of each task are logged.
    pub log_params: LogParams,
    /// Who does the work of `x>`, but for the operators that only generate tasks.
    pub operators: Operators,
    /// What the operators share.
    pub services: Arc<Services>,
    /// Where `call>` finds its files; paths relative to the project.
    pub reader: Arc<dyn Reader>,
    /// When the run is late, and what runs then.
    pub sla: Option<(Duration, Vec<Task>)>,
    /// How many operators work at once.
    pub slots: Slots,
    /// How long running tasks may go on after the first signal.
    pub grace: Duration,
    /// Asks the run to stop.
    pub stop: StopRequests,
    /// Of a run within another one: the flag of the task that waits for it.
    pub cancel: Option<Cancel>,
    /// Where the tables are counted that wait.
    pub waiting: Waiting,
    /// What `${...}` takes for now.
    pub clock: crate::dig::expression::Clock,
    /// What one `${...}` may use up.
    pub limits: crate::dig::expression::Limits,
}

/// Whether operators work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// They do.
    Real,
    /// Parameters are evaluated, and every operator succeeds at once; nothing is generated.
    Dry,
}

/// Whether the parameters of each task are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogParams {
    /// They are not.
    No,
    /// Before each try, evaluated, the secret ones by name only.
    Yes,
}

/// The sink could not take an event. The run stops.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct SinkError(pub String);

/// A task that failed for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedTask {
    /// Its full name.
    pub name: TaskName,
    /// Why.
    pub failure: TaskFailure,
}

/// How a run ended.
#[derive(Debug)]
pub struct RunSummary {
    /// As recorded.
    pub outcome: AttemptOutcome,
    /// The tasks that failed themselves, in the order of the plan. Rounds that a later one made good are not in it.
    pub failures: Vec<FailedTask>,
    /// Those whose failure changes nothing (`_continue_on_failure`), in the same order.
    pub tolerated: Vec<FailedTask>,
    /// How many tasks ended how.
    pub counts: Counts,
    /// The transfers that ended well, in the order in which they ended.
    pub transfers: Vec<(TaskName, TransferReport)>,
    /// Tasks that are done although their definition has changed since.
    pub changed: Vec<TaskName>,
    /// Tasks that ran again because the secrets they had stored were kept in memory only.
    pub ran_for_secrets: Vec<TaskName>,
    /// The sink's failure that ended the run.
    pub sink_error: Option<SinkError>,
}
