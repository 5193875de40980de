//! Carries out one attempt: opens the rooms, joins them, and tells how it ended. `run` and `retry` differ only in what
//! they hand over.

mod lock;
mod past;
pub mod reports;
mod required;
mod rooms;
mod sources;

use anyhow::Context;
use jiff::Timestamp;
use serde_json::json;

use self::lock::Begun;
use self::rooms::{RoomSetup, Rooms, Way};
use super::opening::{Opened, pasteable_flags, shell_word};
use super::run_args::SharedArgs;
use super::telling::Telling;
use super::{CommonArgs, docker, prune, retry, signals};
use crate::dig;
use crate::dig::workflow::{Task, Workflow};
use crate::exit::Exit;
use crate::plan::{Plan, Recorded, Selection, Sizes};
use crate::program;
use crate::reader::DirectoryReader;
use crate::report::console::Results;
use crate::report::json as json_event;
use crate::report::problems;
use crate::report::progress::Progress;
use crate::report::summary::{End, Summary};
use crate::report::tasklog::{TaskLogSummary, TaskLogs};
use crate::run::event::{AttemptOutcome, EventKind, FailureKind, RunEvent};
use crate::run::operator::DockerMode;
use crate::run::{self, RunMode, RunSummary, SinkError, orphans, stop_requests};
use crate::session::{AttemptId, Level, Params, SessionId, SessionTime};
use crate::state::{AttemptKind, Store};

pub use self::past::sizes;
pub use self::rooms::{environment, session_uuid};

/// What runs that ended before this one mean to a `require>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// A workflow that is done for its session is not run again.
    Counts,
    /// Everything is run again.
    Again,
}

/// Whether a run is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// In the state, with its logs.
    State,
    /// It is forgotten when it ends.
    Nothing,
}

/// What is to be carried out.
pub struct Order {
    /// The checked workflow.
    pub workflow: Workflow,
    /// The session it is for.
    pub time: SessionTime,
    /// Run or retry.
    pub kind: AttemptKind,
    /// For a retry: the attempt that `sync run` started.
    pub starting_attempt: Option<AttemptId>,
    /// For a retry: what is done.
    pub recorded: Recorded,
    /// How large its tasks were when it last ended well.
    pub sizes: Sizes,
    /// What of it is asked for.
    pub selection: Selection,
    /// `params.*`, `-P`, `-p`.
    pub params: Params,
    /// Whether operators work.
    pub mode: RunMode,
    /// What `require>` makes of runs that ended before.
    pub earlier: Earlier,
}

/// The rooms that a command has opened, and what was typed.
pub struct Desk<'a> {
    /// Project, properties, console.
    pub opened: &'a Opened,
    /// The flags of `run` and `retry`.
    pub shared: &'a SharedArgs,
    /// The flags of every command.
    pub common: &'a CommonArgs,
    /// Whether the run is remembered.
    pub keeping: Keeping,
}

impl Desk<'_> {
    /// The store that the attempt is written to: the one that was asked so far, but for a run that is not remembered.
    pub fn own_store(&self, asked: Store) -> anyhow::Result<Store> {
        let own = &self.opened.place.state;
        if asked.path() == own { Ok(asked) } else { Ok(Store::open(own)?) }
    }
}

/// Runs an order from its record in the state to the last line that people see.
pub fn carry_out(order: Order, mut store: Store, desk: &Desk<'_>) -> anyhow::Result<Exit> {
    let Desk { opened, shared, keeping, .. } = *desk;
    let docker = docker_mode(shared, opened)?;
    prune::keep(&opened.properties)?;
    if docker == DockerMode::Auto
        && !docker_is_there()
        && let Some(problem) = docker::first_wanting(
            &order.workflow.root,
            &order.workflow.path,
            &DirectoryReader::new(&opened.place.project),
        )
    {
        opened.console.say(&problems::render(&[problem], opened.console.err_colors()));
        return Ok(Exit::Invalid);
    }
    let remembers = keeping == Keeping::State;
    let commands = RetryCommand::new(&order.selection, desk);
    let Order { workflow, time, recorded, sizes, selection, params, mode, earlier, .. } = order;
    let (handle, stop) = stop_requests();
    let rooms = Rooms::open(RoomSetup {
        opened,
        shared,
        mode,
        docker,
        installation: store.installation().to_owned(),
        given: params.clone(),
        earlier,
        stop: handle.clone(),
    })?;
    let mut new = rooms.new_attempt(&workflow, &time, &params);
    new.kind = order.kind;
    new.starting_attempt = order.starting_attempt;
    let plan = |recorded| {
        let (root, params) = (workflow.root.clone(), params.clone());
        let plan = Plan::new(&workflow.name, root, params, recorded, sizes.clone(), &selection);
        plan.map_err(|error| opened.console.failure(&error.to_string(), &[], None))
    };
    let Ok(mut planned) = plan(recorded) else { return Ok(Exit::Usage) };
    let _signals = signals::forward(handle).context("signals cannot be received")?;
    let attempt = match lock::begin(&mut new, &mut store, desk, &stop)? {
        Begun::Attempt(attempt) => *attempt,
        Begun::Not(exit) => return Ok(exit),
    };
    if let (Some(starting), true) = (order.starting_attempt, remembers) {
        // What another retry did before this one held the workflow is done.
        let recorded = retry::recorded_for(&store, starting, earlier)
            .map_err(|error| not_run(attempt.id, &mut store, error))?;
        let Ok(again) = plan(recorded) else {
            store.record([(attempt.id, &failed())])?;
            return Ok(Exit::Usage);
        };
        planned = again;
    }
    if rooms.alerts()
        && let Some(alert) = failure_alert()
    {
        planned.alert_on_failure(alert);
    }
    let logs =
        rooms.logs_of(&workflow, &time, &attempt).map_err(|error| not_run(attempt.id, &mut store, error))?;
    let setup = rooms.run_setup(&workflow, &time, &attempt, Way { stop, cancel: None, since: attempt.id });
    let mut watch = Watch {
        store,
        attempt: attempt.id,
        logs: &logs,
        rooms: &rooms,
        progress: Progress::new(&opened.console, shared.progress.into(), rooms.waiting.clone()),
        summary: Summary::new(),
        opened,
    };
    let mut sink = |events: &[RunEvent]| watch.take(events);
    orphans::die_with_us();
    let ended = run::execute(planned, setup, &mut sink);
    watch.progress.finish();
    let Watch { mut store, summary, .. } = watch;
    let mut log_summary = TaskLogSummary::default();
    let required = rooms.take_logs();
    for (id, logs) in std::iter::once((attempt.id, logs)).chain(required) {
        // Of a run whose end could not be recorded the next one makes the report.
        if remembers && ended.sink_error.is_none() {
            let retry = |session| {
                if id == attempt.id { commands.of(session) } else { commands.of_required(session) }
            };
            reports::write(id, &store, &logs, retry, opened);
        }
        log_summary.add(logs.finish());
    }
    tell(&ended, opened);
    let retry_command = remembers.then(|| commands.of(attempt.session));
    let end = End {
        retry_command: retry_command.as_deref(),
        failures: &ended.failures,
        tolerated: &ended.tolerated,
        logs: &log_summary,
    };
    summary.print(&opened.console, end);
    let telling = Telling::by(rooms.outgoing(), opened, desk.common);
    match &ended.sink_error {
        _ if !remembers => {}
        None => telling.after(&mut store, attempt.id, commands.of(attempt.session)),
        // What is not in the state cannot be told later.
        Some(error) => {
            let message = format!("attempt {} of `{}` has ended: {error}", attempt.id, workflow.name);
            if let Err(error) = telling.directly(&message) {
                opened.console.log(Level::Warn, &format!("nobody could be told: {error}"));
            }
        }
    }
    // Who stopped it wants it to end.
    if remembers && ended.sink_error.is_none() && !matches!(ended.outcome, AttemptOutcome::Signal(_)) {
        prune::after_run(&mut store, opened);
    }
    Ok(exit(&ended))
}

/// An attempt that began and could run nothing has failed, which the error that comes of it tells: people need not hear it
/// twice.
fn not_run(attempt: AttemptId, store: &mut Store, error: anyhow::Error) -> anyhow::Error {
    match store.record([(attempt, &failed())]).and_then(|()| store.tell_nobody(attempt)) {
        Ok(()) => error,
        Err(not_recorded) => error.context(not_recorded),
    }
}

fn failed() -> RunEvent {
    let kind = EventKind::AttemptFinished { outcome: AttemptOutcome::Failed };
    RunEvent { at: Timestamp::now(), kind }
}

/// Everyone who hears of a run: first the state, then people.
struct Watch<'a> {
    store: Store,
    attempt: AttemptId,
    logs: &'a TaskLogs,
    rooms: &'a Rooms,
    progress: Progress,
    summary: Summary,
    opened: &'a Opened,
}

impl Watch<'_> {
    fn take(&mut self, events: &[RunEvent]) -> Result<(), SinkError> {
        let own = self.attempt;
        let of_attempts = events.iter().map(|event| of_attempt(own, event));
        self.store.record(of_attempts).map_err(|error| SinkError(error.to_string()))?;
        events.iter().for_each(|event| self.show(event));
        Ok(())
    }

    fn show(&mut self, event: &RunEvent) {
        let (attempt, inner) = of_attempt(self.attempt, event);
        if attempt == self.attempt {
            self.logs.show(inner);
        } else {
            self.rooms.log(attempt, inner);
        }
        let is_end_of_required =
            attempt != self.attempt && matches!(inner.kind, EventKind::AttemptFinished { .. });
        if !is_end_of_required {
            self.progress.show(event);
            self.summary.show(inner);
        }
        if self.opened.console.results() == Results::Json {
            self.opened.console.json(&json_event::event(event));
        }
    }
}

/// An event of a required workflow belongs to its own attempt.
fn of_attempt(own: AttemptId, event: &RunEvent) -> (AttemptId, &RunEvent) {
    match &event.kind {
        EventKind::Required { attempt, event } => (*attempt, event.as_ref()),
        _ => (own, event),
    }
}

/// Digdag's task beside the root's `_error`: a constant, so there always is one.
fn failure_alert() -> Option<Task> {
    let alert = json!({"notify>": "Workflow session attempt failed"});
    dig::compile_subtask(&alert, "^failure-alert").ok()
}

/// The command that runs what is left, as it can be pasted into the same shell.
struct RetryCommand {
    /// The part of the workflow that was asked for.
    selected: String,
    flags: String,
}

impl RetryCommand {
    fn new(selection: &Selection, desk: &Desk<'_>) -> Self {
        // A retry of one subtree is a retry of that subtree.
        let selected = match selection {
            Selection::Subtree(pattern, _) | Selection::Within(pattern) => {
                format!(" {}", shell_word(pattern))
            }
            _ => String::new(),
        };
        Self { selected, flags: pasteable_flags(desk.common) + &docker_flag(desk.shared) }
    }

    fn of(&self, session: SessionId) -> String {
        program::command(&format!("sync retry --session {session}{}{}", self.selected, self.flags))
    }

    /// A required workflow, which has a session of its own, is gone on with as a whole.
    fn of_required(&self, session: SessionId) -> String {
        program::command(&format!("sync retry --session {session}{}", self.flags))
    }
}

/// What neither the table nor the failures say.
fn tell(ended: &RunSummary, opened: &Opened) {
    let console = &opened.console;
    for task in &ended.changed {
        console.log(Level::Warn, &format!("task `{task}` is done although its definition has changed since"));
    }
    if let Some(error) = &ended.sink_error {
        console.failure(&error.to_string(), &[], Some("nothing that is not recorded was begun"));
    }
}

fn exit(summary: &RunSummary) -> Exit {
    match summary.outcome {
        AttemptOutcome::Success | AttemptOutcome::Partial => Exit::Success,
        AttemptOutcome::Signal(number) => Exit::Signal(number),
        AttemptOutcome::Failed | AttemptOutcome::Lost => {
            let unreachable =
                summary.failures.iter().all(|failed| failed.failure.kind == FailureKind::Unreachable);
            let nothing_done = summary.sink_error.is_none() && summary.transfers.is_empty();
            if unreachable && nothing_done && !summary.failures.is_empty() {
                Exit::TryLater
            } else {
                Exit::TaskFailed
            }
        }
    }
}

fn docker_mode(shared: &SharedArgs, opened: &Opened) -> anyhow::Result<DockerMode> {
    if let Some(docker) = shared.docker {
        return Ok(docker.into());
    }
    match opened.properties.get("sync.docker") {
        None | Some("auto") => Ok(DockerMode::Auto),
        Some("always") => Ok(DockerMode::Always),
        Some("never") => Ok(DockerMode::Never),
        Some(_) => anyhow::bail!("property `sync.docker` takes `auto`, `always` or `never`"),
    }
}

/// Whether there is a `docker` on the PATH.
fn docker_is_there() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("docker").is_file())
}

fn docker_flag(shared: &SharedArgs) -> String {
    use clap::ValueEnum;
    let value = shared.docker.and_then(|docker| docker.to_possible_value());
    value.map(|value| format!(" --docker {}", value.get_name())).unwrap_or_default()
}
