//! What an operator is: one piece of work behind one trait, and all it is handed to do it.
//!
//! An operator reads evaluated parameters, works, and says what it stores. It never prints, never touches the state
//! and never sees the plan: lines, bytes and effects go through its [`Reporter`], everything shared through
//! [`Services`].

pub mod bigquery;
mod cancelable;
mod container;
pub(in crate::run) mod control;
pub mod embulk;
mod environment;
mod google;
mod group;
mod http;
mod http_call;
mod lines;
pub mod mail;
mod memory_file;
pub mod message;
mod notify;
mod object_address;
mod object_put;
pub mod object_wait;
mod options;
pub mod param;
mod process;
pub mod require;
mod s3_options;
pub mod script;
mod script_file;
mod secret_text;
pub mod shell;
pub mod slack;
pub mod sql;
mod stored;
mod tail;
#[cfg(test)]
pub(crate) mod testing;
mod wait;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use self::tail::Tail;
use super::embulk_socket::EmbulkDoor;
use super::event::{EventKind, FailureKind, TaskFailure};
use super::notification::Notifier;
use crate::cloud::fault::Fault;
use crate::cloud::fault::retry::{Absence, Retrying};
use crate::dig::params::ParamError;
use crate::dig::workflow::Task;
use crate::embulk::config::ExecConfig;
use crate::secret::params::Parted;
use crate::secret::{SecretError, SecretStore};
use crate::session::{AttemptId, Level, Params, TaskName};
pub use crate::transfer::context::{Cancel, Patience};
use crate::transfer::report::TransferReport;

/// One kind of work, e.g. `sh>`. One value serves all tasks of a run, on several threads at once.
pub trait Operator: Send + Sync {
    /// Does the work of one try of one task, or looks once whether what it waits for is there. Runs on a worker
    /// thread; a panic counts as a failure of the task.
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError>;
}

/// How a turn of an operator ended.
#[derive(Debug)]
pub enum Turn {
    /// The task's work is done.
    Done(OperatorOutput),
    /// What it waits for is not there yet: the run gives it another turn of the same try. No thread is held until
    /// then, and the parameters are evaluated anew, as in Digdag.
    Again {
        /// The pause before it.
        after: Duration,
        /// What the next turn finds as [`Waiting::state`].
        state: Value,
    },
}

impl From<OperatorOutput> for Turn {
    fn from(output: OperatorOutput) -> Self {
        Self::Done(output)
    }
}

/// What earlier turns of the same try left.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// When the first turn began.
    pub since: Instant,
    /// What the last turn handed over; null in the first.
    pub state: Value,
}

impl Waiting {
    /// The first turn.
    pub fn first() -> Self {
        Self { since: Instant::now(), state: Value::Null }
    }

    /// Whether it is the first turn.
    pub fn is_first(&self) -> bool {
        self.state.is_null()
    }
}

/// The operators of a run by the name before `>`.
pub type Operators = BTreeMap<&'static str, Arc<dyn Operator>>;

/// The operators that need nothing from outside: `echo>`, `fail>` and `wait>`. Those that generate tasks are the run's
/// own and stand in no map.
pub fn plain() -> Operators {
    let mut operators = Operators::new();
    operators.insert("echo", Arc::new(message::Echo));
    operators.insert("fail", Arc::new(message::Fail));
    operators.insert("wait", Arc::new(wait::Wait));
    operators
}

/// All operators that do work of their own.
pub fn native() -> Operators {
    let door = Arc::new(EmbulkDoor::new());
    let mut operators = plain();
    operators.insert("sh", Arc::new(shell::Shell::new(Arc::clone(&door))));
    operators.insert("rb", Arc::new(script::Script::new(script::Language::Ruby, Arc::clone(&door))));
    operators.insert("py", Arc::new(script::Script::new(script::Language::Python, door)));
    operators.insert("embulk", Arc::new(embulk::Embulk));
    operators.insert("http", Arc::new(http::Http::default()));
    operators.insert("http_call", Arc::new(http_call::HttpCall::default()));
    operators.insert("mail", Arc::new(mail::Mail));
    operators.insert("notify", Arc::new(notify::Notify));
    operators.insert("slack", Arc::new(slack::Slack::default()));
    operators.insert("require", Arc::new(require::Require));
    operators.insert("s3_wait", Arc::new(object_wait::s3::S3Wait::default()));
    operators.insert("gcs_wait", Arc::new(object_wait::gcs::GcsWait::default()));
    operators.insert("s3_put", Arc::new(object_put::s3::S3Put::default()));
    operators.insert("gcs_put", Arc::new(object_put::gcs::GcsPut::default()));
    for (name, kind) in [
        ("bq", bigquery::Kind::Query),
        ("bq_load", bigquery::Kind::Load),
        ("bq_extract", bigquery::Kind::Extract),
        ("bq_ddl", bigquery::Kind::Ddl),
    ] {
        operators.insert(name, Arc::new(bigquery::Bigquery::new(kind)));
    }
    operators.insert("param_set", Arc::new(param::ParamSet));
    operators.insert("param_get", Arc::new(param::ParamGet));
    operators.insert("pg", Arc::new(sql::Sql::new(sql::Dialect::Postgres)));
    operators.insert("redshift", Arc::new(sql::Sql::new(sql::Dialect::Redshift)));
    operators.insert("redshift_load", Arc::new(sql::redshift::Files::new(sql::redshift::Kind::Load)));
    operators.insert("redshift_unload", Arc::new(sql::redshift::Files::new(sql::redshift::Kind::Unload)));
    operators.insert("mysql", Arc::new(sql::Sql::new(sql::Dialect::Mysql)));
    operators.insert("sqlite", Arc::new(sql::Sql::new(sql::Dialect::Sqlite)));
    operators
}

/// One try of one task.
pub struct OperatorRequest<'a> {
    /// Full name of the task.
    pub task: TaskName,
    /// The operator's name without `>`.
    pub operator: String,
    /// Which run of this task's name it is, from 1: rises with every retry of the task or of a group around it, and
    /// goes on from the round an earlier attempt had reached. Part of every [`crate::transfer::effect::TransferKey`].
    pub round: u32,
    /// The evaluated value after `x>`; null when nothing was written.
    pub command: Value,
    /// All parameters: exports, stores, built-in variables and the task's own, evaluated, in key order.
    pub config: Params,
    /// The task's own keys alone, evaluated.
    pub local: Params,
    /// Directory of files and commands: the project or `_workdir` in it; absolute.
    pub directory: PathBuf,
    /// Evaluates the `${...}` of template files with `config` (or another scope).
    pub templates: &'a dyn Templates,
    /// Lines, bytes and events of this task.
    pub reporter: Reporter,
    /// Set when the run wants the task to stop.
    pub cancel: Cancel,
    /// Where its `${secret:...}` and the secrets of its options come from: the run's, as `_secrets` mounts them.
    pub secrets: Arc<dyn SecretStore>,
    /// What earlier turns of this try left.
    pub waiting: Waiting,
    /// What all tasks share.
    pub services: &'a Services,
}

impl OperatorRequest<'_> {
    /// What callers of services are handed who may try again: the task's log hears of it.
    pub fn retrying(&self) -> Retrying {
        let reporter = self.reporter.clone();
        Retrying::new(self.services.patience.retries.clone(), move |line| reporter.log(Level::Warn, line))
    }

    /// A parameter that is neither absent nor null.
    pub fn param(&self, name: &str) -> Option<&Value> {
        self.config.get(name).filter(|value| !value.is_null())
    }

    /// The value after `x>`, which must be there and not null.
    pub fn required_command(&self) -> Result<&Value, OperatorError> {
        if !self.command.is_null() {
            return Ok(&self.command);
        }
        let key = format!("{}>", self.operator);
        let is_written = self.config.contains_key(&key) || self.config.contains_key("_command");
        Err(if is_written { ParamError::Null(key) } else { ParamError::Missing(key) }.into())
    }
}

/// Evaluates template texts on the thread it lives on.
pub trait Templates {
    /// The text with every `${...}` replaced; names are looked up in `scope`.
    fn evaluate(&self, text: &str, scope: &Params) -> Result<String, OperatorError>;
}

/// What an operator leaves behind when it succeeded.
#[derive(Debug, Default)]
pub struct OperatorOutput {
    /// Parameters for the tasks after it, secret ones included: the run keeps those out of the record.
    pub store: Params,
    /// Key paths removed before `store` is merged, e.g. `["pg", "last_results"]`.
    pub reset_store: Vec<Vec<String>>,
    /// Parameters for its own generated children only.
    pub export: Params,
    /// What runs below the task as `^sub`.
    pub subtask: Subtask,
}

/// What an operator generated.
#[derive(Debug, Default)]
pub enum Subtask {
    /// Nothing: the task is done.
    #[default]
    None,
    /// A `.dig` mapping (`add_subtask` of scripts): compiled by the run, and recorded for a later retry.
    Mapping(Value),
    /// A compiled tree (`call>`, loops, `if>`): not recorded, generated anew in a retry.
    Task(Box<Task>),
}

/// Why an operator failed. Texts must not hold cell values; secrets are scrubbed once more by the run.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct OperatorError {
    /// What went wrong: a lowercase fragment, names in backticks, no final period.
    pub message: String,
    /// The chain of causes below it, outermost first.
    pub causes: Vec<String>,
    /// One thing to do next.
    pub hint: Option<String>,
    /// What kind of failure, for retries and exit codes.
    pub kind: FailureKind,
    /// Further keys of the variable `error` inside `_error`, e.g. `stacktrace`; a `message` here replaces the
    /// default, which is [`Self::message`].
    pub details: Params,
    /// The fault of a server that was not entered, after which nothing was done yet.
    pub fault: Option<Fault>,
}

impl OperatorError {
    /// A failure of the task's own work.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Failed, message)
    }

    /// A wrong parameter or config.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Config, message)
    }

    /// A server that could not be reached.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unreachable, message)
    }

    /// The run was stopped while the task worked.
    pub fn canceled() -> Self {
        Self::new(FailureKind::Canceled, "stopped before it ended")
    }

    /// A failure of any kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            kind,
            details: Params::new(),
            fault: None,
        }
    }

    /// Adds an error and the errors below it as causes.
    #[must_use]
    pub fn cause(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// One thing to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A key of the variable `error`.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The pause before the server is tried to be entered again; else the error, with what was done about it.
    fn again(mut self, absence: &mut Absence, retrying: &Retrying) -> Result<Duration, Self> {
        absence.next(self.fault, &self.chain(), retrying).map_err(|told| {
            // Above the causes: the last of them is what people look at first.
            self.causes.splice(0..0, told);
            self
        })
    }

    /// Message and causes on one line.
    fn chain(&self) -> String {
        self.causes.iter().fold(self.message.clone(), |text, cause| format!("{text}: {cause}"))
    }

    /// The failure as events carry it, with every known secret scrubbed.
    pub fn to_failure(&self, guard: &dyn SecretGuard) -> TaskFailure {
        TaskFailure {
            message: guard.scrub(&self.message),
            causes: self.causes.iter().map(|cause| guard.scrub(cause)).collect(),
            hint: self.hint.as_deref().map(|hint| guard.scrub(hint)),
            kind: self.kind,
        }
    }
}

impl From<ParamError> for OperatorError {
    fn from(error: ParamError) -> Self {
        Self::config(error.to_string())
    }
}

impl From<SecretError> for OperatorError {
    fn from(error: SecretError) -> Self {
        Self::config(error.to_string())
    }
}

/// What all tasks of a run share. Built by the door that starts the run.
pub struct Services {
    /// Where `${secret:...}` values come from. A task asks through [`OperatorRequest::secrets`].
    pub secrets: Arc<dyn SecretStore>,
    /// Knows every secret that may turn up in a text.
    pub guard: Arc<dyn SecretGuard>,
    /// What `sync run` started: names that every retry must make again come from it.
    pub origin: Origin,
    /// Moves tables.
    pub transfers: Arc<dyn TransferService>,
    /// Runs other workflows of the project.
    pub workflows: Arc<dyn require::WorkflowService>,
    /// Keeps parameters beyond the session.
    pub params: Arc<dyn param::ParamStore>,
    /// What a `docker:` parameter means.
    pub docker: DockerMode,
    /// The environment children inherit.
    pub environment: BTreeMap<String, String>,
    /// The project's directory, absolute.
    pub project: PathBuf,
    /// `.sync/tmp`: for files of tasks; absolute, exists.
    pub temporary: PathBuf,
    /// This program, for the `embulk` that tasks find on their PATH.
    pub program: PathBuf,
    /// The properties (`sync.*`), without secrets.
    pub properties: BTreeMap<String, String>,
    /// What `mail>` falls back to.
    pub mail: mail::MailDefaults,
    /// Sends notifications; none when the properties name no way.
    pub notifier: Option<Notifier>,
    /// How faults that pass are met.
    pub patience: Patience,
}

/// The attempt that `sync run` started; its retries keep it.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Random id of the state file: two state files never make the same names.
    pub installation: String,
    /// Its number in that file.
    pub starting_attempt: AttemptId,
}

/// What a `docker:` parameter in scope of a script task means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DockerMode {
    /// Docker where it is installed, else an error with a hint.
    Auto,
    /// Docker, without a look whether it is there.
    Always,
    /// The command runs on this machine.
    Never,
}

/// Knows secrets when it sees them. The safe implements it; the run only asks.
pub trait SecretGuard: Send + Sync {
    /// From now on this text is a secret everywhere.
    fn learn(&self, secret: &str);
    /// Whether the text contains a known secret.
    fn contains_secret(&self, text: &str) -> bool;
    /// Whether a parameter of this name counts as a secret (`sync.secrets.params`).
    fn is_secret_name(&self, name: &str) -> bool;
    /// Parts parameters into what may be recorded and what may not, and learns the secrets among them.
    fn part(&self, params: &Params) -> Parted;
    /// The text without known secrets.
    fn scrub(&self, text: &str) -> String;
    /// Scrubs a stream of bytes, also where a secret crosses a border between two writes.
    fn stream(&self) -> Box<dyn ScrubStream>;
}

/// One stream of bytes on its way through the scrubber.
pub trait ScrubStream: Send {
    /// Takes bytes in and gives out what is safe by now.
    fn push(&mut self, bytes: &[u8]) -> Vec<u8>;
    /// Gives out what was held back; the stream may go on afterwards.
    fn flush(&mut self) -> Vec<u8>;
}

/// Moves the rows of one transfer file inside the run's budget, with the run's state behind it.
pub trait TransferService: Send + Sync {
    /// Renders, checks and runs the file. Reports its events through the reporter. Blocks until all is done.
    fn transfer(&self, request: &TransferRequest) -> Result<TransferReport, OperatorError>;
}

/// A transfer that a task asks for.
#[derive(Clone)]
pub struct TransferRequest {
    /// Which run of the task's name it is: see [`OperatorRequest::round`].
    pub round: u32,
    /// What it says.
    pub file: TransferFile,
    /// Directory that relative paths in the file start from; absolute.
    pub directory: PathBuf,
    /// What the file sees as `env.*`.
    pub environment: BTreeMap<String, String>,
    /// Where a config diff is read from and written to (`embulk run -c`).
    pub diff: Option<PathBuf>,
    /// What the command line says for what `exec:` does not (`embulk run -X`).
    pub exec: ExecConfig,
    /// Task and line for events.
    pub reporter: Reporter,
    /// Asks the transfer to stop.
    pub cancel: Cancel,
}

/// Where a transfer is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferFile {
    /// In a `.yml` or `.yml.liquid` file, absolute.
    Named(PathBuf),
    /// In YAML that a task has made. `${secret:...}` is still in it: the values go into the config after it was read.
    Written {
        /// What messages call it.
        name: String,
        /// The YAML.
        text: String,
    },
}

/// The line that events of a task go through to the run.
pub trait EventLine: Send + Sync {
    /// Hands an event over; waits only while the line is full.
    fn send(&self, kind: EventKind);
    /// Hands an event over and waits until it is recorded durably. An error means that it is not, and that the
    /// effect it announces must not be tried.
    fn record(&self, kind: EventKind) -> Result<(), NotRecorded>;
}

/// An event could not be recorded.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the state could not be written: {0}")]
pub struct NotRecorded(pub String);

/// What a task says while it works. Cheap to clone; clones share one stream of output.
#[derive(Clone)]
pub struct Reporter {
    task: TaskName,
    line: Arc<dyn EventLine>,
    guard: Arc<dyn SecretGuard>,
    output: Arc<Mutex<Box<dyn ScrubStream>>>,
    tail: Arc<Mutex<Tail>>,
}

impl Reporter {
    /// A reporter for one try of a task.
    pub fn new(task: TaskName, line: Arc<dyn EventLine>, guard: Arc<dyn SecretGuard>) -> Self {
        let output = Arc::new(Mutex::new(guard.stream()));
        Self { task, line, guard, output, tail: Arc::default() }
    }

    /// The task it speaks for.
    pub fn task(&self) -> &TaskName {
        &self.task
    }

    /// A line of ours for the task's log and the terminal.
    pub fn log(&self, level: Level, text: &str) {
        let text = self.guard.scrub(text);
        self.line.send(EventKind::Log { task: Some(self.task.clone()), level, text });
    }

    /// Bytes that the task printed.
    pub fn output(&self, bytes: &[u8]) {
        let safe = self.output.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        self.send_output(safe);
    }

    /// The task printed its last byte: gives out what the scrubber held back.
    pub fn flush_output(&self) {
        let safe = self.output.lock().unwrap_or_else(PoisonError::into_inner).flush();
        self.send_output(safe);
    }

    /// The last lines that the task printed, scrubbed, without line ends.
    pub fn last_lines(&self) -> Vec<String> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).lines()
    }

    fn send_output(&self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.tail.lock().unwrap_or_else(PoisonError::into_inner).push(&bytes);
            self.line.send(EventKind::Output { task: self.task.clone(), bytes });
        }
    }

    /// The same reporter with another line, which may keep some events to itself.
    #[must_use]
    pub fn tapped(&self, tap: impl FnOnce(Arc<dyn EventLine>) -> Arc<dyn EventLine>) -> Self {
        Self { line: tap(Arc::clone(&self.line)), ..self.clone() }
    }

    /// Any event, in order with the others of this task.
    pub fn event(&self, kind: EventKind) {
        self.line.send(kind);
    }

    /// An event that must be in the state before the work goes on (an effect's intent).
    pub fn record(&self, kind: EventKind) -> Result<(), NotRecorded> {
        self.line.record(kind)
    }
}

/// `path` inside `directory`, or an error when it leads out of the project.
pub fn resolve_inside(project: &Path, directory: &Path, path: &str) -> Result<PathBuf, OperatorError> {
    let mut resolved = PathBuf::new();
    for part in directory.join(path).components() {
        match part {
            std::path::Component::ParentDir => {
                resolved.pop();
            }
            std::path::Component::CurDir => {}
            other => resolved.push(other),
        }
    }
    if resolved.starts_with(project) {
        return Ok(resolved);
    }
    Err(OperatorError::config(format!("file `{path}` lies outside the project")))
}

#[cfg(test)]
mod messages;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_climb_within_the_project_and_not_out_of_it() {
        let project = Path::new("/p");
        let inside = resolve_inside(project, Path::new("/p/sub"), "../queries/./a.sql");
        assert_eq!(inside.map_err(|error| error.message), Ok(PathBuf::from("/p/queries/a.sql")));
        let outside = resolve_inside(project, Path::new("/p/sub"), "../../etc/passwd");
        assert_eq!(
            outside.map_err(|error| error.message),
            Err("file `../../etc/passwd` lies outside the project".to_owned())
        );
    }
}
