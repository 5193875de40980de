//! One try of one task: parameters are evaluated, the operator works, and what it left is made fit for the record.
//! And the threads that do this, each with a JavaScript engine of its own that is kept between tasks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use serde_json::Value;

use super::event::{EventKind, FailureKind, TaskResult};
use super::operator::{
    Cancel, EventLine, NotRecorded, OperatorError, OperatorOutput, OperatorRequest, Operators, Reporter,
    SecretGuard, Services, Subtask, control, wait,
};
use super::scope::{self, Evaluated};
use super::setup::RunMode;
use crate::dig;
use crate::dig::expression::{Clock, Evaluator, Limits};
use crate::dig::params;
use crate::dig::retry::RetryPolicy;
use crate::plan::{Failure, Success, TaskId, Work, is_control};
use crate::reader::Reader;
use crate::session::{Level, Params};

/// Operators whose own failure is final. Digdag: `_retry` on them counts only for what they generate.
const NEVER_RETRIED: [&str; 8] = ["echo", "fail", "wait", "if", "loop", "for_each", "for_range", "notify"];

/// What every worker has.
pub(super) struct Shared {
    pub(super) operators: Operators,
    pub(super) services: Arc<Services>,
    pub(super) reader: Arc<dyn Reader>,
    pub(super) variables: Params,
    pub(super) zone: jiff::tz::TimeZone,
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) cancel: Cancel,
    pub(super) mode: RunMode,
}

/// A task for a worker.
pub(super) struct Job {
    pub(super) work: Work,
    /// Exports and stores in scope, raw.
    pub(super) scope: Params,
}

/// What workers tell the dispatcher.
pub(super) enum Message {
    /// Something happened in a task.
    Event(EventKind),
    /// The same, and somebody waits until it is recorded.
    Record(EventKind, Sender<Result<(), NotRecorded>>),
    /// A try is over.
    Ended(TaskId, Box<Ended>),
}

/// How a try ended.
pub(super) enum Ended {
    Success(Success),
    Failure(Failure),
    /// A `wait>`: it succeeds after a pause and needs no thread for it.
    Wait(Duration, Success),
}

/// The way of events from a task to the dispatcher.
struct Line(Sender<Message>);

impl EventLine for Line {
    fn send(&self, kind: EventKind) {
        // When nobody listens any more, the run is over.
        let _ = self.0.send(Message::Event(kind));
    }

    fn record(&self, kind: EventKind) -> Result<(), NotRecorded> {
        let (answer, answered) = crossbeam_channel::bounded(1);
        let over = || NotRecorded("the run is over".to_owned());
        self.0.send(Message::Record(kind, answer)).map_err(|_| over())?;
        answered.recv().unwrap_or_else(|_| Err(over()))
    }
}

/// Threads that take jobs from one queue. They start when there is work for them, up to a limit.
pub(super) struct Workers {
    shared: Arc<Shared>,
    messages: Sender<Message>,
    jobs: (Sender<Job>, Receiver<Job>),
    threads: Vec<JoinHandle<()>>,
    limit: usize,
    /// Jobs given and not yet ended.
    pub(super) busy: usize,
    kind: &'static str,
}

impl Workers {
    pub(super) fn new(
        kind: &'static str,
        limit: usize,
        shared: &Arc<Shared>,
        messages: &Sender<Message>,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            messages: messages.clone(),
            jobs: unbounded(),
            threads: Vec::new(),
            limit: limit.max(1),
            busy: 0,
            kind,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.busy >= self.limit
    }

    pub(super) fn give(&mut self, job: Job) -> std::io::Result<()> {
        if self.busy >= self.threads.len() && self.threads.len() < self.limit {
            self.start_thread()?;
        }
        self.busy += 1;
        // We hold a receiver ourselves, so the queue is never closed.
        let _ = self.jobs.0.send(job);
        Ok(())
    }

    /// A thread that cannot be started is an error only while there is no other.
    fn start_thread(&mut self) -> std::io::Result<()> {
        let (shared, jobs, messages) = (Arc::clone(&self.shared), self.jobs.1.clone(), self.messages.clone());
        let name = format!("{}-{}", self.kind, self.threads.len() + 1);
        match std::thread::Builder::new().name(name).spawn(move || serve(&shared, &jobs, &messages)) {
            Ok(thread) => self.threads.push(thread),
            Err(error) if self.threads.is_empty() => return Err(error),
            Err(_) => self.limit = self.threads.len(),
        }
        Ok(())
    }

    /// Waits for the threads, which end when their queue is closed. Not to be called while one is busy.
    pub(super) fn end(self) {
        let Self { jobs, threads, .. } = self;
        drop(jobs);
        for thread in threads {
            // Panics of tasks are caught where they happen.
            let _ = thread.join();
        }
    }
}

fn serve(shared: &Shared, jobs: &Receiver<Job>, messages: &Sender<Message>) {
    let new_evaluator = || Evaluator::new(shared.zone.clone(), shared.clock.clone(), shared.limits);
    let mut evaluator = new_evaluator();
    for job in jobs {
        let id = job.work.id;
        let line: Arc<dyn EventLine> = Arc::new(Line(messages.clone()));
        let reporter = Reporter::new(job.work.name.clone(), line, Arc::clone(&shared.services.guard));
        let tried = catch_unwind(AssertUnwindSafe(|| try_task(shared, &evaluator, job, &reporter)));
        let ended = tried.unwrap_or_else(|panic| {
            // What the panic left half done in the engine must not reach the next task.
            evaluator = new_evaluator();
            let error = OperatorError::failed(format!("the task panicked: {}", panic_text(panic.as_ref())));
            Ended::Failure(failure(shared, &error, None))
        });
        reporter.flush_output();
        if messages.send(Message::Ended(id, Box::new(ended))).is_err() {
            return;
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}

fn try_task(shared: &Shared, evaluator: &Evaluator, job: Job, reporter: &Reporter) -> Ended {
    let Job { work, scope } = job;
    let guard = shared.services.guard.as_ref();
    let evaluated = match scope::evaluate(&work, scope, &shared.variables, evaluator, guard) {
        Ok(evaluated) => evaluated,
        // Digdag: a text that cannot be evaluated is not retried.
        Err(error) => {
            let error = OperatorError::config(error.to_string());
            return Ended::Failure(failure(shared, &error, None));
        }
    };
    let retry = retry_of(&evaluated, reporter);
    match carry_out(shared, evaluator, &work, evaluated, reporter) {
        Ok((output, pause)) => match success(guard, &work, output) {
            Ok(success) => match pause {
                Some(pause) => Ended::Wait(pause, success),
                None => Ended::Success(success),
            },
            Err(error) => Ended::Failure(failure(shared, &error, retry)),
        },
        Err(error) => Ended::Failure(failure(shared, &error, retry)),
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

type Outcome = Result<(OperatorOutput, Option<Duration>), OperatorError>;

fn carry_out(
    shared: &Shared,
    evaluator: &Evaluator,
    work: &Work,
    evaluated: Evaluated,
    reporter: &Reporter,
) -> Outcome {
    let services = shared.services.as_ref();
    let directory = directory_of(&services.project, &evaluated.config)?;
    let Evaluated { operator, command, config, local } = evaluated;
    let request = OperatorRequest {
        task: work.name.clone(),
        operator,
        round: work.round,
        command,
        config,
        local,
        directory,
        templates: evaluator,
        reporter: reporter.clone(),
        cancel: shared.cancel.clone(),
        services,
    };
    if shared.mode == RunMode::Dry {
        return Ok((OperatorOutput::default(), None));
    }
    if is_control(&request.operator) {
        let output = control::generate(&request, &work.call, shared.reader.as_ref())?;
        return Ok((output, None));
    }
    if request.operator == "wait" {
        return Ok((OperatorOutput::default(), Some(wait::pause(&request)?)));
    }
    let Some(operator) = shared.operators.get(request.operator.as_str()) else {
        return Err(OperatorError::config(format!("unknown operator `{}>`", request.operator)));
    };
    Ok((operator.run(&request)?, None))
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
    let first = problems.first().map_or("no reason given", |problem| problem.message.as_str());
    OperatorError::config(format!("the tasks that the script added are invalid: {first}"))
}

fn failure(shared: &Shared, error: &OperatorError, retry: Option<RetryPolicy>) -> Failure {
    let guard = shared.services.guard.as_ref();
    let mut variable = Params::new();
    // Digdag puts the kind of failure behind the message of an exception that is no operator's own words.
    let kind = if error.kind == FailureKind::Config { " (config)" } else { "" };
    variable.insert("message".to_owned(), format!("{}{kind}", error.message).into());
    params::merge(&mut variable, &error.details);
    let canceled = error.kind == FailureKind::Canceled;
    Failure {
        failure: error.to_failure(guard),
        error: scrubbed(guard, variable),
        retry: if canceled { None } else { retry },
        canceled,
    }
}

fn scrubbed(guard: &dyn SecretGuard, variable: Params) -> Params {
    let scrub = |value| match value {
        Value::String(text) => Value::String(guard.scrub(&text)),
        other => other,
    };
    variable.into_iter().map(|(name, value)| (name, scrub(value))).collect()
}
