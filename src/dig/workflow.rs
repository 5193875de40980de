//! What a compiled `.dig` file means. Everything here is checked; values that hold `${...}` are still templates.

use serde_json::Value;

use super::params;
use crate::diagnostic::Span;
use crate::session::Params;
use crate::yaml::Node;

/// A `.dig` file that can be planned.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// The file name without `.dig`; the root task is `+<name>`.
    pub name: String,
    /// The workflow's file, relative to the project.
    pub path: std::path::PathBuf,
    /// IANA name or offset; `UTC` when not written.
    pub timezone: jiff::tz::TimeZone,
    /// The name of the zone as written.
    pub timezone_name: String,
    /// `schedule:`, when written.
    pub schedule: Option<super::schedule::Schedule>,
    /// `sla:`, when written.
    pub sla: Option<super::sla::Sla>,
    /// The root: a group, with the file's `_export`, `_error`, `_retry`, `_parallel`.
    pub root: Task,
}

/// One node of the tree.
#[derive(Debug, Clone)]
pub struct Task {
    /// The last part of the name, `+orders` (or `^sub`, `^error` for generated ones).
    pub name: String,
    /// Where its key stands.
    pub span: Span,
    /// What it does.
    pub body: TaskBody,
    /// `_export`, raw, in file order (includes merged in).
    pub export: Params,
    /// `_retry` of a group (literal), decided at compile time. For operators it is read from the evaluated config.
    pub retry: Option<super::retry::RetryPolicy>,
    /// `_error`: the task run as `^error` when this one finally failed.
    pub error: Option<Box<Task>>,
    /// `_check`: run as `^check` after the operator and its children succeeded. Operators only.
    pub check: Option<Box<Task>>,
    /// `_background: true`.
    pub background: bool,
    /// `_after: [+a, +b]`: names of earlier siblings.
    pub after: Vec<String>,
    /// `_timeout`: how long one try of it may take, with all that runs below it.
    pub timeout: Option<std::time::Duration>,
    /// `_continue_on_failure`.
    pub on_failure: OnFailure,
    /// SHA-256 of the definition as compiled (keys, values, order), hex.
    pub definition: String,
}

impl Task {
    /// How many tasks it is, with those below it.
    pub fn count(&self) -> usize {
        let below = match &self.body {
            TaskBody::Group { children, .. } => children.iter().map(Self::count).sum(),
            TaskBody::Operator(_) => 0,
        };
        1 + below
    }
}

/// What the failure of a task means to the tasks around it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Those that wait for it never start, and the group fails.
    #[default]
    Stop,
    /// They go on as if it had succeeded (`_continue_on_failure: true`).
    Continue,
}

/// What a task does.
#[derive(Debug, Clone)]
pub enum TaskBody {
    /// Runs its children.
    Group { parallel: Parallel, children: Vec<Task> },
    /// Does something itself.
    Operator(Box<OperatorCall>),
}

/// How the children of a group run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parallel {
    /// One after the other.
    No,
    /// All at once.
    All,
    /// In chunks of so many, in file order: every task of a chunk waits for the whole chunk before it.
    Chunks(usize),
}

impl Parallel {
    /// Reads a value of `_parallel`: a boolean, also as text, or `{limit: N}`, where no limit is 0. The error is a
    /// message.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        let read = match value {
            Value::Bool(_) | Value::String(_) => {
                params::to_bool("_parallel", value).map(|all| if all { Self::All } else { Self::No })
            }
            Value::Object(map) => params::required(map, "limit")
                .and_then(|limit| params::to_integer("limit", limit))
                .map(|limit| usize::try_from(limit).ok().filter(|limit| *limit > 0))
                .map(|limit| limit.map_or(Self::All, Self::Chunks)),
            other => return Err(format!("Invalid _parallel format: {other}")),
        };
        read.map_err(|error| error.to_string())
    }
}

/// An operator and what is written beside it.
#[derive(Debug, Clone)]
pub struct OperatorCall {
    /// The operator without `>`: `sh`, `for_each`; from the `x>` key or `_type` (which may hold a template).
    pub operator: String,
    /// Where the operator's key stands.
    pub span: Span,
    /// The value after the operator's key, raw (null when absent).
    pub command: Value,
    /// The same with places, for messages.
    pub command_node: Node,
    /// All local keys in file order, raw, the operator's own key (`sh>`) and directives read at run time
    /// (`_retry`, `_env`, `_parallel` of loops) included; `_do _else_do _error _check _export` taken out.
    pub local: Params,
    /// `_do` of loops and `if>`, compiled; its name is empty until it is generated.
    pub do_task: Option<Box<Task>>,
    /// `_else_do` of `if>`.
    pub else_task: Option<Box<Task>>,
}
