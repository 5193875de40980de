//! `require>`: finds, waits for or runs an attempt of another workflow, inside the budget and the state of the run that
//! asks for it. Its events go through that run, which alone writes and shows.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::super::retry;
use super::super::session_time::Wanted;
use super::super::{check, docker, foreign, reading};
use super::rooms::{Rooms, Way};
use super::{Earlier, docker_is_there, failure_alert, sizes};
use crate::dig::params::merge;
use crate::dig::workflow::Workflow;
use crate::plan::{Plan, Recorded, Selection};
use crate::reader::DirectoryReader;
use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
use crate::run::operator::require::{RequiredEnd, Requirement, RerunOn, WorkflowService};
use crate::run::operator::{Cancel, DockerMode, OperatorError, Reporter};
use crate::run::{self, SinkError};
use crate::session::{AttemptId, Level, Params, SessionTime};
use crate::state::{AttemptKind, AttemptRecord, SessionRecord, StateError, Store};

/// How often a run that another process does is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A session of a workflow: name and time.
type Key = (String, String);

/// Which session waits for which, in this process.
#[derive(Default)]
pub(super) struct Waits(Mutex<HashSet<(Key, Key)>>);

/// One of them, until it is dropped.
struct Wait<'a>(&'a Waits, (Key, Key));

impl Waits {
    /// Notes that one waits for another; none when that one waits for it already, so that both would wait for ever.
    fn add(&self, waiting: &Key, wanted: &Key) -> Option<Wait<'_>> {
        let mut edges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = vec![wanted];
        let mut seen = HashSet::new();
        while let Some(key) = open.pop() {
            if key == waiting {
                return None;
            }
            if seen.insert(key) {
                open.extend(edges.iter().filter(|(from, _)| from == key).map(|(_, to)| to));
            }
        }
        let edge = (waiting.clone(), wanted.clone());
        edges.insert(edge.clone());
        Some(Wait(self, edge))
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// The workflows that the tasks of one attempt require.
pub(super) struct Required {
    /// The rooms hold the attempts that hold this.
    rooms: Weak<Rooms>,
    attempt: AttemptId,
    /// What people asked for: older attempts belong to other runs.
    since: AttemptId,
    key: Key,
    time: SessionTime,
    /// Where the workflow lies: its siblings can be required, too.
    folder: PathBuf,
}

/// What is done about a requirement.
enum Decision {
    /// An attempt that has ended is the answer.
    Ended(RequiredEnd),
    /// A run of the workflow goes on elsewhere.
    Wait,
    /// A new attempt.
    Begin(Box<Beginning>),
}

struct Beginning {
    kind: AttemptKind,
    starting_attempt: Option<AttemptId>,
    recorded: Recorded,
    params: Params,
}

impl Required {
    pub(super) fn new(
        rooms: &Arc<Rooms>,
        workflow: &Workflow,
        time: &SessionTime,
        attempt: &AttemptRecord,
        since: AttemptId,
    ) -> Self {
        Self {
            rooms: Arc::downgrade(rooms),
            attempt: attempt.id,
            since,
            key: (workflow.name.clone(), time.iso()),
            time: time.clone(),
            folder: workflow.path.parent().map(Path::to_owned).unwrap_or_default(),
        }
    }

    fn workflow(&self, name: &str, rooms: &Rooms) -> Result<Workflow, OperatorError> {
        let reader = DirectoryReader::new(&rooms.place.project);
        let Some(path) = reading::required_file(name, &self.folder, &reader) else {
            return Err(OperatorError::config(format!(
                "Dependent workflow does not exist. workflowName: {name}"
            ))
            .hint("a required workflow is a `.dig` file at the top of the project"));
        };
        let mut problems =
            check::reachable(&path, &reader, foreign::plugins(&rooms.place.project, rooms.properties()));
        problems.retain(crate::diagnostic::Problem::is_error);
        if let Some(problem) = problems.first() {
            let place = problem.span.as_ref().map(|span| format!(" ({span})")).unwrap_or_default();
            let message = format!("`{}` is invalid: {}{place}", path.display(), problem.message);
            return Err(OperatorError::config(message));
        }
        let missing = || OperatorError::config(format!("`{}` cannot be read", path.display()));
        let workflow = reading::workflow(&path, &reader).ok_or_else(missing)?;
        let wants_docker = || docker::first_wanting(&workflow.root, &workflow.path, &reader);
        if rooms.docker == DockerMode::Auto
            && !docker_is_there()
            && let Some(problem) = wants_docker()
        {
            return Err(
                OperatorError::config(problem.message).hint("`--docker never` runs it on this machine")
            );
        }
        Ok(workflow)
    }

    fn session_time(&self, wanted: &Requirement, workflow: &Workflow) -> Result<SessionTime, OperatorError> {
        let zone = &workflow.timezone;
        if wanted.session_time.is_empty() {
            return Ok(SessionTime(self.time.0.with_time_zone(zone.clone())));
        }
        let time = Wanted::At(wanted.session_time.clone());
        let time = time.choose(&workflow.name, zone, None, &self.time.0);
        time.map_err(|_| {
            OperatorError::config(format!("`session_time` is no time: `{}`", wanted.session_time))
                .hint("write it as `yyyy-MM-dd`, `yyyy-MM-dd HH:mm:ss` or ISO 8601 with an offset")
        })
    }

    fn decide(
        &self,
        found: Option<SessionRecord>,
        wanted: &Requirement,
        rooms: &Rooms,
        store: &Store,
    ) -> Result<Decision, OperatorError> {
        let mut params = rooms.given.clone();
        merge(&mut params, &wanted.params);
        let anew = |params| {
            let recorded = Recorded::default();
            Decision::Begin(Box::new(Beginning {
                kind: AttemptKind::Run,
                starting_attempt: None,
                recorded,
                params,
            }))
        };
        let Some(session) = found else { return Ok(anew(params)) };
        let attempt = &session.attempt;
        let Some(outcome) = &attempt.outcome else {
            return Ok(if attempt.process.is_alive() { Decision::Wait } else { anew(params) });
        };
        let is_success = *outcome == AttemptOutcome::Success;
        let end = RequiredEnd { session: session.id, attempt: attempt.id, is_success };
        let is_ours = attempt.id.0 > self.since.0;
        let is_named_otherwise =
            wanted.retry_attempt_name.is_some() && wanted.retry_attempt_name != attempt.name;
        if !is_ours && rooms.earlier == Earlier::Again {
            return Ok(anew(params));
        }
        Ok(match wanted.rerun_on {
            _ if is_named_otherwise => anew(params),
            RerunOn::All => anew(params),
            RerunOn::Failed if !is_success => anew(params),
            // What failed in an earlier run is gone on with: nobody else would.
            RerunOn::None if !is_success && !is_ours => {
                let mut kept = attempt.params.clone();
                merge(&mut kept, &params);
                Decision::Begin(Box::new(Beginning {
                    kind: AttemptKind::Retry,
                    starting_attempt: Some(attempt.starting_attempt),
                    recorded: retry::recorded(store, attempt.starting_attempt)
                        .map_err(|error| failed(&error))?,
                    params: kept,
                }))
            }
            RerunOn::None | RerunOn::Failed => Decision::Ended(end),
        })
    }

    fn plan(
        workflow: &Workflow,
        beginning: Beginning,
        rooms: &Rooms,
        store: &Store,
    ) -> Result<Plan, OperatorError> {
        let Beginning { recorded, params, .. } = beginning;
        let sizes = sizes(store, &rooms.project(), &workflow.name).map_err(|error| state(&error))?;
        let plan = Plan::new(&workflow.name, workflow.root.clone(), params, recorded, sizes, &Selection::All);
        let mut plan = plan.map_err(|error| OperatorError::failed(error.to_string()))?;
        if rooms.alerts()
            && let Some(alert) = failure_alert()
        {
            plan.alert_on_failure(alert);
        }
        Ok(plan)
    }

    /// Runs a new attempt to its end.
    fn run(
        &self,
        workflow: &Workflow,
        time: &SessionTime,
        attempt: &AttemptRecord,
        plan: Plan,
        wanted: &Requirement,
        rooms: &Arc<Rooms>,
    ) -> Result<RequiredEnd, OperatorError> {
        let logs = rooms.logs_of(workflow, time, attempt).map_err(|error| {
            // It began, so it has to end. An event that is not recorded ends this run as well.
            let _ = forward(attempt.id, &super::failed(), &wanted.reporter);
            failed(&error)
        })?;
        rooms.keep_logs(attempt.id, logs);
        let way = Way { stop: rooms.stop.requests(), cancel: Some(wanted.cancel.clone()), since: self.since };
        let setup = rooms.run_setup(workflow, time, attempt, way);
        let mut sink = |events: &[RunEvent]| {
            events.iter().try_for_each(|event| forward(attempt.id, event, &wanted.reporter))
        };
        let ended = run::execute(plan, setup, &mut sink);
        if let Some(error) = ended.sink_error {
            return Err(OperatorError::failed("the required workflow could not go on").cause(&error));
        }
        if wanted.cancel.is_canceled() {
            return Err(OperatorError::canceled());
        }
        let is_success = ended.outcome == AttemptOutcome::Success;
        Ok(RequiredEnd { session: attempt.session, attempt: attempt.id, is_success })
    }
}

/// Hands an event to the run that waits, which records it; those that are only shown are not waited for.
fn forward(attempt: AttemptId, event: &RunEvent, reporter: &Reporter) -> Result<(), SinkError> {
    let kind = match &event.kind {
        // Of a workflow that this one requires in its turn.
        kind @ EventKind::Required { .. } => kind.clone(),
        _ => EventKind::Required { attempt, event: Box::new(event.clone()) },
    };
    if kind.is_recorded() {
        return reporter.record(kind).map_err(|error| SinkError(error.to_string()));
    }
    reporter.event(kind);
    Ok(())
}

impl WorkflowService for Required {
    fn require(&self, wanted: &Requirement) -> Result<RequiredEnd, OperatorError> {
        let rooms = self.rooms.upgrade().ok_or_else(OperatorError::canceled)?;
        let workflow = self.workflow(&wanted.workflow, &rooms)?;
        let time = self.session_time(wanted, &workflow)?;
        let key = (workflow.name.clone(), time.iso());
        let Some(_wait) = rooms.waits.add(&self.key, &key) else {
            return Err(OperatorError::config(format!("`{}` would wait for itself", self.key.0))
                .hint("workflows must not require each other in a circle"));
        };
        let mut store = Store::open(&rooms.place.state).map_err(|error| state(&error))?;
        let mut waited = false;
        loop {
            let found = store.session_at(&rooms.project(), &workflow.name, &time.iso());
            let found = found.map_err(|error| state(&error))?;
            match self.decide(found, wanted, &rooms, &store)? {
                Decision::Ended(end) => {
                    let state = if end.is_success { "is done" } else { "has failed" };
                    let text = format!("session {} of `{}` {state} already", end.session, workflow.name);
                    wanted.reporter.log(Level::Info, &text);
                    return Ok(end);
                }
                Decision::Begin(beginning) => {
                    let mut new = rooms.new_attempt(&workflow, &time, &beginning.params);
                    new.kind = beginning.kind;
                    new.starting_attempt = beginning.starting_attempt;
                    new.required_by = Some(self.attempt);
                    new.name.clone_from(&wanted.retry_attempt_name);
                    let plan = Self::plan(&workflow, *beginning, &rooms, &store)?;
                    match store.begin(&new) {
                        Ok((attempt, _)) => {
                            return self.run(&workflow, &time, &attempt, plan, wanted, &rooms);
                        }
                        Err(StateError::Locked(_)) => {}
                        Err(error) => return Err(state(&error)),
                    }
                }
                Decision::Wait => {}
            }
            if !std::mem::replace(&mut waited, true) {
                let text = format!("waits for a run of `{}` that goes on", workflow.name);
                wanted.reporter.log(Level::Info, &text);
            }
            pause(&wanted.cancel)?;
        }
    }
}

fn pause(cancel: &Cancel) -> Result<(), OperatorError> {
    std::thread::sleep(LOOK);
    if cancel.is_canceled() { Err(OperatorError::canceled()) } else { Ok(()) }
}

/// The error has all that lies below it in its own words.
fn state(error: &StateError) -> OperatorError {
    let mut failed = OperatorError::failed("the state could not be used");
    failed.causes.push(error.to_string());
    failed
}

fn failed(error: &anyhow::Error) -> OperatorError {
    let mut failed = OperatorError::failed(error.to_string());
    failed.causes = error.chain().skip(1).map(ToString::to_string).collect();
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_one_that_waits_for_him() {
        let waits = Waits::default();
        let key = |name: &str| (name.to_owned(), "2026-01-01".to_owned());
        let first = waits.add(&key("a"), &key("b")).expect("no circle");
        let _second = waits.add(&key("b"), &key("c")).expect("no circle");
        assert!(waits.add(&key("c"), &key("a")).is_none());
        assert!(waits.add(&key("a"), &key("a")).is_none());
        assert!(waits.add(&key("a"), &key("c")).is_some());
        drop(first);
        assert!(waits.add(&key("c"), &key("a")).is_some());
    }
}
