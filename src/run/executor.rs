//! One try of one task: parameters are evaluated, the operator works, and what it left is made fit for the record.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::event::{FailureKind, TaskResult};
use super::operator::{
    Cancel, OperatorError, OperatorOutput, OperatorRequest, Operators, Reporter, SecretGuard, Services,
    Subtask, Turn, Waiting, control,
};
use super::scope::{self, Evaluated};
use super::setup::{LogParams, RunMode};
use crate::dig;
use crate::dig::expression::{Clock, Evaluator, Limits};
use crate::dig::params;
use crate::dig::retry::RetryPolicy;
use crate::plan::{Failure, Scope, Success, Work, is_control};
use crate::reader::Reader;
use crate::secret::SecretStore;
use crate::secret::mount::Mounted;
use crate::session::{Level, Params, TaskName};

/// Operators whose own failure is final. Digdag: `_retry` on them counts only for what they generate.
const NEVER_RETRIED: [&str; 8] = ["echo", "fail", "wait", "if", "loop", "for_each", "for_range", "notify"];

/// What every task is tried with.
pub(super) struct Shared {
    pub(super) operators: Operators,
    pub(super) services: Arc<Services>,
    pub(super) reader: Arc<dyn Reader>,
    pub(super) variables: Params,
    pub(super) zone: jiff::tz::TimeZone,
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) mode: RunMode,
    pub(super) log_params: LogParams,
}

/// A task for a worker.
pub(super) struct Job {
    pub(super) work: Work,
    /// Exports and stores in scope, raw.
    pub(super) scope: Scope,
    /// What earlier turns of the same try left.
    pub(super) waiting: Waiting,
    /// Set when the task is to stop.
    pub(super) cancel: Cancel,
}

/// How a try ended.
pub(super) enum Ended {
    Success(Box<Success>),
    Failure(Failure),
    /// What it waits for is not there: another turn after a pause, for which no thread is held.
    Again(Duration, Box<(Work, Waiting)>),
}

/// Tries a task once.
pub(super) fn try_task(shared: &Shared, evaluator: &Evaluator, job: Job, reporter: &Reporter) -> Ended {
    let Job { work, scope, mut waiting, cancel } = job;
    let guard = shared.services.guard.as_ref();
    let evaluated = match scope::evaluate(&work, scope.merged(), &shared.variables, evaluator, guard) {
        Ok(evaluated) => evaluated,
        // Digdag: a text that cannot be evaluated is not retried.
        Err(error) => {
            return Ended::Failure(failure(shared, &work.name, &error.into(), None));
        }
    };
    let retry = retry_of(&evaluated, reporter);
    let stage = Stage { shared, evaluator, reporter, cancel: &cancel, waiting: &waiting };
    let tried = match stage.carry_out(&work, evaluated) {
        Ok(Turn::Again { after, state }) => {
            waiting.state = state;
            return Ended::Again(after, Box::new((work, waiting)));
        }
        Ok(Turn::Done(output)) => success(guard, &work, output),
        Err(error) => Err(error),
    };
    match tried {
        Ok(success) => Ended::Success(Box::new(success)),
        Err(error) => Ended::Failure(failure(shared, &work.name, &with_output(error, reporter), retry)),
    }
}

/// Handlers see the end of what the task printed.
fn with_output(error: OperatorError, reporter: &Reporter) -> OperatorError {
    reporter.flush_output();
    match reporter.last_lines() {
        lines if lines.is_empty() => error,
        lines => error.detail("log", lines),
    }
}

fn retry_of(evaluated: &Evaluated, reporter: &Reporter) -> Option<RetryPolicy> {
    if NEVER_RETRIED.contains(&evaluated.operator.as_str()) {
        return None;
    }
    let written = evaluated.config.get("_retry").filter(|value| !value.is_null())?;
    match RetryPolicy::from_value(written) {
        Ok(policy) => Some(policy),
        Err(reason) => {
            reporter.log(Level::Warn, &format!("{reason}; the task is not tried again"));
            None
        }
    }
}

/// Where a try takes place.
struct Stage<'a> {
    shared: &'a Shared,
    evaluator: &'a Evaluator,
    reporter: &'a Reporter,
    cancel: &'a Cancel,
    waiting: &'a Waiting,
}

impl Stage<'_> {
    fn carry_out(&self, work: &Work, evaluated: Evaluated) -> Result<Turn, OperatorError> {
        let shared = self.shared;
        let services = shared.services.as_ref();
        let directory = directory_of(&services.project, &evaluated.config)?;
        if shared.log_params == LogParams::Yes && self.waiting.is_first() {
            log_params(&evaluated.config, self.reporter, services.guard.as_ref());
        }
        let Evaluated { operator, command, config, local } = evaluated;
        let request = OperatorRequest {
            task: work.name.clone(),
            operator,
            round: work.round,
            command,
            secrets: secrets_of(services, &config)?,
            config,
            local,
            directory,
            templates: self.evaluator,
            reporter: self.reporter.clone(),
            cancel: self.cancel.clone(),
            waiting: self.waiting.clone(),
            services,
        };
        if shared.mode == RunMode::Dry {
            self.reporter.output(would_do(&request).as_bytes());
            return Ok(OperatorOutput::default().into());
        }
        if is_control(&request.operator) {
            return control::generate(&request, &work.call, shared.reader.as_ref()).map(Turn::Done);
        }
        if request.operator == "require" && work.call.operator != "require" {
            // It would hold the worker that its own run may need.
            return Err(OperatorError::config("`_type` with `${...}` can't mean `require`: write it out"));
        }
        match shared.operators.get(request.operator.as_str()) {
            Some(operator) => operator.run(&request),
            None => Err(OperatorError::config(format!("Unknown task type: {}", request.operator))),
        }
    }
}

/// What a task would do, in one line or, for a command of several, below it.
fn would_do(request: &OperatorRequest<'_>) -> String {
    let command = match &request.command {
        Value::Null => String::new(),
        Value::String(text) => text.trim_end().replace('\n', "\n  "),
        other => other.to_string(),
    };
    let gap = if command.is_empty() { "" } else { " " };
    format!("{}: {}>:{gap}{command}\n", request.task, request.operator)
}

/// The run's secrets, under the names that `_secrets` gives them.
fn secrets_of(services: &Services, config: &Params) -> Result<Arc<dyn SecretStore>, OperatorError> {
    let store = Arc::clone(&services.secrets);
    match config.get("_secrets") {
        None | Some(Value::Null) => Ok(store),
        Some(written) => match Mounted::new(store, written) {
            Ok(mounted) => Ok(Arc::new(mounted)),
            Err(error) => Err(OperatorError::config(error.to_string())),
        },
    }
}

/// One line of JSON; of what counts as secret only the names.
fn log_params(config: &Params, reporter: &Reporter, guard: &dyn SecretGuard) {
    let parted = guard.part(config);
    let hidden = match parted.names.as_slice() {
        [] => String::new(),
        names => format!("; secret: {}", names.join(", ")),
    };
    reporter.log(Level::Info, &format!("parameters: {}{hidden}", Value::Object(parted.public)));
}

fn directory_of(project: &std::path::Path, config: &Params) -> Result<PathBuf, OperatorError> {
    match config.get("_workdir").and_then(Value::as_str) {
        None | Some("") => Ok(project.to_owned()),
        Some(folder) => super::operator::resolve_inside(project, project, folder),
    }
}

/// What an operator left, once as later tasks see it and once as it may be recorded.
fn success(guard: &dyn SecretGuard, work: &Work, output: OperatorOutput) -> Result<Success, OperatorError> {
    let OperatorOutput { store, reset_store, export, subtask } = output;
    let stored = guard.part(&store);
    let exported = guard.part(&export);
    let mut secret_stores = stored.names;
    secret_stores.extend(exported.names);
    let mut recorded_subtask = None;
    let subtask = match subtask {
        Subtask::None => None,
        Subtask::Task(task) => Some(*task),
        Subtask::Mapping(value) => {
            let task = dig::compile_subtask(&value, "^sub").map_err(|problems| refused(&problems))?;
            let wrapped = Params::from_iter([("generated tasks".to_owned(), value.clone())]);
            let parted = guard.part(&wrapped);
            if parted.names.is_empty() {
                recorded_subtask = Some(value);
            }
            secret_stores.extend(parted.names);
            Some(task)
        }
    };
    secret_stores.dedup();
    let record = TaskResult {
        store: stored.public,
        reset_store: reset_store.clone(),
        export: exported.public,
        subtask: recorded_subtask,
        secret_stores,
        definition: work.definition.clone(),
    };
    Ok(Success { store, reset_store, export, subtask, record })
}

fn refused(problems: &[crate::diagnostic::Problem]) -> OperatorError {
    // What is only doubtful stands among them.
    let mut errors = problems.iter().filter(|problem| problem.is_error());
    let first = errors.next().map_or("", |problem| problem.message.as_str());
    OperatorError::config(format!("the tasks that the script added are invalid: {first}"))
}

/// A failure for the plan, without secrets.
pub(super) fn failure(
    shared: &Shared,
    task: &TaskName,
    error: &OperatorError,
    retry: Option<RetryPolicy>,
) -> Failure {
    let guard = shared.services.guard.as_ref();
    let mut variable = Params::new();
    // Digdag puts the kind of failure behind the message of an exception that is no operator's own words.
    let kind = if error.kind == FailureKind::Config { " (config)" } else { "" };
    variable.insert("message".to_owned(), format!("{}{kind}", error.message).into());
    params::merge(&mut variable, &error.details);
    if error.kind == FailureKind::Config || error.details.contains_key("message") {
        // And the frames of that exception beside it. Handlers that show them get the place we know.
        variable.entry("stacktrace").or_insert_with(|| format!("at {task}").into());
    }
    let canceled = error.kind == FailureKind::Canceled;
    Failure { failure: error.to_failure(guard), error: scrubbed(guard, variable), retry, canceled }
}

fn scrubbed(guard: &dyn SecretGuard, variable: Params) -> Params {
    fn scrub(guard: &dyn SecretGuard, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(guard.scrub(&text)),
            Value::Array(items) => items.into_iter().map(|item| scrub(guard, item)).collect(),
            Value::Object(map) => {
                map.into_iter().map(|(key, value)| (guard.scrub(&key), scrub(guard, value))).collect()
            }
            other => other,
        }
    }
    let scrub = |value| scrub(guard, value);
    variable.into_iter().map(|(name, value)| (name, scrub(value))).collect()
}
