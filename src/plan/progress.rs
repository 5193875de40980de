//! What follows from what happened: ends, failures, retries, handlers and checks.
//!
//! Every step is put in a queue and worked off in turn, so that ten thousand tasks that are done already do not
//! nest ten thousand calls.

use std::sync::Arc;
use std::time::Duration;

use super::MOST_TASKS;
use super::definition::{Body, Definition};
use super::graph::Plan;
use super::node::{Left, Phase, Role, TaskId, Upstream};
use super::resume::{self, Decision};
use super::selection::{Mode, Modes};
use crate::dig;
use crate::dig::retry::RetryPolicy;
use crate::dig::workflow::{Parallel, Task};
use crate::run::event::{FailureKind, TaskFailure, TaskResult};
use crate::session::{Params, TaskName, TaskState};

/// A task changed its state.
#[derive(Debug, Clone, PartialEq)]
pub enum Transition {
    /// It was done in an earlier attempt.
    Skipped { name: TaskName, changed: bool },
    /// Its operator succeeded and tasks below it run now.
    Planned { name: TaskName, result: TaskResult },
    /// It will be tried again after a pause; tell [`Plan::retry_due`] then.
    Retrying {
        id: TaskId,
        name: TaskName,
        round: u32,
        delay: Duration,
        /// None when a task below it failed.
        failure: Option<TaskFailure>,
    },
    /// A try of it began that may take so long; tell [`Plan::timed_out`] when that is over.
    Timed { id: TaskId, clock: u32, limit: Duration },
    /// It ended.
    Finished { name: TaskName, state: TaskState, result: Option<TaskResult>, failure: Option<TaskFailure> },
}

/// What an operator left when it succeeded.
#[derive(Debug, Default)]
pub struct Success {
    /// Parameters for the tasks after it, secret ones included.
    pub store: Params,
    /// Key paths removed before `store` is merged.
    pub reset_store: Vec<Vec<String>>,
    /// Parameters for the tasks below it.
    pub export: Params,
    /// What it generated.
    pub subtask: Option<Task>,
    /// The same as it may be recorded.
    pub record: TaskResult,
}

/// How a try of an operator failed.
#[derive(Debug)]
pub struct Failure {
    /// For people.
    pub failure: TaskFailure,
    /// The variable `error` for handlers.
    pub error: Params,
    /// The task's `_retry`, where its operator honours one; how many tries are spent is counted here.
    pub retry: Option<RetryPolicy>,
    /// The task was stopped and did not fail by itself.
    pub canceled: bool,
}

impl Failure {
    /// A task that was stopped.
    pub fn canceled(message: &str) -> Self {
        let failure = TaskFailure {
            message: message.to_owned(),
            causes: Vec::new(),
            hint: None,
            kind: FailureKind::Canceled,
        };
        Self { failure, error: Params::new(), retry: None, canceled: true }
    }
}

/// A step that waits to be worked off.
#[derive(Debug)]
pub(super) enum Action {
    Start(TaskId),
    Ended(TaskId),
    Settle(TaskId),
}

impl Plan {
    /// A running operator succeeded.
    pub fn succeeded(&mut self, id: TaskId, success: Success) {
        if self.node(id).state != TaskState::Running {
            return;
        }
        if let Some(failure) = self.too_many(success.subtask.as_ref()) {
            return self.failed(id, failure);
        }
        let Success { mut store, reset_store, export, subtask, mut record } = success;
        if subtask.is_none() && self.node(id).definition.check.is_none() {
            // It ended just in time.
            self.node_mut(id).timed_out = false;
        }
        if let Some(before) = self.node_mut(id).before.take() {
            dig::params::merge(&mut store, &before.store);
            dig::params::merge(&mut record.store, &before.store);
        }
        self.leave(id, Left { store, reset_store, export });
        self.after_work(id, subtask, Some(record));
        self.settle_all();
    }

    /// Why tasks that were generated cannot be added, in Digdag's words.
    fn too_many(&self, generated: Option<&Task>) -> Option<Failure> {
        let (now, adding) = (self.nodes.len(), generated.map_or(0, Task::count));
        if adding == 0 || now.saturating_add(adding) <= MOST_TASKS {
            return None;
        }
        let message = format!("Too many tasks. Limit: {MOST_TASKS}, Current: {now}, Adding: {adding}");
        let error = Params::from_iter([("message".to_owned(), message.clone().into())]);
        let hint = Some("part the work between sessions, or let one task do several steps".to_owned());
        let failure = TaskFailure { message, causes: Vec::new(), hint, kind: FailureKind::Config };
        Some(Failure { failure, error, retry: None, canceled: false })
    }

    /// A running operator failed.
    pub fn failed(&mut self, id: TaskId, failure: Failure) {
        if self.node(id).state != TaskState::Running {
            return;
        }
        let stopping = self.stopping;
        let node = self.node_mut(id);
        if node.timed_out && !stopping {
            self.fail_timed_out(id, failure.retry);
        } else if failure.canceled || node.halted {
            node.failure = Some(failure.failure);
            self.finish(id, TaskState::Canceled, None);
        } else if let Some(delay) = self.spend_retry(id, failure.retry) {
            self.wait_for_retry(id, delay, Some(failure.failure));
        } else {
            let node = self.node_mut(id);
            node.failure = Some(failure.failure);
            node.error = Some(failure.error);
            self.handle_failure(id);
        }
        self.settle_all();
    }

    /// The pause before a retry is over.
    pub fn retry_due(&mut self, id: TaskId) {
        if self.node(id).state != TaskState::RetryWaiting {
            return;
        }
        if self.stopping {
            self.finish(id, TaskState::Canceled, None);
        } else {
            self.try_again(id);
        }
        self.settle_all();
    }

    /// Nothing new starts from now on; what runs may end. Tasks that were ready or waited for a retry are canceled.
    pub fn stop(&mut self) {
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        self.ready.clear();
        self.ready_control.clear();
        for place in 0..self.nodes.len() {
            if matches!(self.nodes[place].state, TaskState::Ready | TaskState::RetryWaiting) {
                self.finish(TaskId(place), TaskState::Canceled, None);
            }
        }
        self.settle_all();
    }

    pub(super) fn settle_all(&mut self) {
        while let Some(action) = self.actions.pop_front() {
            match action {
                Action::Start(id) => self.start(id),
                Action::Ended(id) => self.ended(id),
                Action::Settle(id) => self.settle(id),
            }
        }
    }

    /// A task whose siblings before it succeeded: it can go on from now.
    pub(super) fn activate(&mut self, id: TaskId) {
        if let Some(parent) = self.node(id).parent {
            self.node_mut(parent).active += 1;
        }
        self.actions.push_back(Action::Start(id));
    }

    fn start(&mut self, id: TaskId) {
        if self.stopping || self.node(id).halted {
            return self.finish(id, TaskState::Canceled, None);
        }
        if self.node(id).modes.own() == Mode::Pass {
            return self.pass(id);
        }
        let definition = Arc::clone(&self.node(id).definition);
        match &definition.body {
            Body::Group { .. } => {
                self.set_state(id, TaskState::Planned);
                self.start_clock(id);
                self.start_children(id);
            }
            Body::Operator(_) => self.start_operator(id, &definition),
        }
    }

    fn pass(&mut self, id: TaskId) {
        self.node_mut(id).passed = true;
        self.set_state(id, TaskState::Success);
        self.actions.push_back(Action::Ended(id));
    }

    fn start_operator(&mut self, id: TaskId, definition: &Definition) {
        let node = self.node(id);
        let recorded =
            if node.runs_again() || node.in_handler { None } else { self.recorded.get(&node.name) };
        let succeeded_before = recorded.is_some_and(|task| task.result.is_some());
        if node.modes.own() == Mode::RecordedOrPass && !succeeded_before {
            return self.pass(id);
        }
        match resume::decide(recorded, definition) {
            Decision::Done { result, changed } => self.take_as_done(id, *result, changed),
            Decision::Run => self.make_ready(id),
            Decision::RunForSecrets { result } => {
                self.node_mut(id).before = Some(result);
                self.make_ready(id);
            }
        }
    }

    fn make_ready(&mut self, id: TaskId) {
        self.set_state(id, TaskState::Ready);
        let node = self.node(id);
        let work = self.sizes.of(&node.name).saturating_add(node.after);
        let is_control = self.operator(id).is_some_and(resume::is_control);
        let queue = if is_control { &mut self.ready_control } else { &mut self.ready };
        queue.push(id, work);
    }

    fn take_as_done(&mut self, id: TaskId, result: TaskResult, changed: bool) {
        let name = self.node(id).name.clone();
        let subtask = match result.subtask.as_ref().map(|value| dig::compile_subtask(value, "^sub")) {
            None => None,
            Some(Ok(task)) => Some(Arc::new(Definition::from(task))),
            // What was generated then cannot be read now: only the operator can say what it should be.
            Some(Err(_)) => return self.make_ready(id),
        };
        self.leave(id, Left { store: result.store, reset_store: result.reset_store, export: result.export });
        self.transitions.push(Transition::Skipped { name, changed });
        self.node_mut(id).skipped = true;
        // Its check passed then: the tasks of it are done, too, and what they stored is still there.
        let definition = Arc::clone(&self.node(id).definition);
        let (next, part, role) = match (subtask, &definition.check) {
            (Some(task), _) => (task, "^sub", Role::Child),
            (None, Some(check)) => (Arc::clone(check), "^check", Role::Check),
            (None, None) => {
                self.set_state(id, TaskState::Success);
                return self.actions.push_back(Action::Ended(id));
            }
        };
        self.set_state(id, TaskState::Planned);
        self.node_mut(id).phase = if role == Role::Check { Phase::Check } else { Phase::Work };
        self.generate(id, &next, part, role);
    }

    fn leave(&mut self, id: TaskId, left: Left) {
        let has_stores = !left.store.is_empty() || !left.reset_store.is_empty();
        self.node_mut(id).left = left;
        if has_stores {
            self.mark_stores(id);
        }
    }

    /// The operator's own work is done: what it generated comes next, then its check.
    fn after_work(&mut self, id: TaskId, subtask: Option<Task>, record: Option<TaskResult>) {
        let definition = Arc::clone(&self.node(id).definition);
        let (next, part, role) = match (subtask, &definition.check) {
            (Some(task), _) => (Arc::new(Definition::from(task)), "^sub", Role::Child),
            (None, Some(check)) => (Arc::clone(check), "^check", Role::Check),
            (None, None) => return self.finish(id, TaskState::Success, record),
        };
        let name = self.node(id).name.clone();
        self.transitions.push(Transition::Planned { name, result: record.unwrap_or_default() });
        self.set_state(id, TaskState::Planned);
        self.node_mut(id).phase = if role == Role::Check { Phase::Check } else { Phase::Work };
        self.generate(id, &next, part, role);
    }

    /// Adds a task below another and starts it.
    fn generate(&mut self, id: TaskId, definition: &Arc<Definition>, part: &str, role: Role) -> TaskId {
        let name = self.node(id).name.child(part);
        let modes = self.generated_modes(id, &name, role);
        let child = self.add(name, Some(id), definition, role, modes, 0);
        if role == Role::Check {
            // It comes after what was generated, and sees what that stored.
            let before = self.node(id).round_children().len() - 1;
            self.node_mut(child).upstream = Upstream::Prefix(before);
        }
        self.activate(child);
        child
    }

    fn start_children(&mut self, id: TaskId) {
        let children = self.node(id).round_children().to_vec();
        if children.is_empty() {
            return self.actions.push_back(Action::Settle(id));
        }
        if let Parallel::Chunks(_) = self.node(id).definition.parallel() {
            self.node_mut(id).chunk = (0, 0);
            return self.start_chunk(id);
        }
        for child in children {
            if self.node(child).waits == 0 {
                self.activate(child);
            }
        }
    }

    fn start_chunk(&mut self, id: TaskId) {
        let Parallel::Chunks(size) = self.node(id).definition.parallel() else { return };
        let (from, _) = self.node(id).chunk;
        let chunk: Vec<TaskId> =
            self.node(id).round_children().iter().skip(from).take(size.max(1)).copied().collect();
        self.node_mut(id).chunk = (from + chunk.len(), chunk.len());
        for child in chunk {
            if self.node(child).waits == 0 {
                self.activate(child);
            }
        }
    }

    /// A task is in a done state: tells its siblings and its parent.
    fn ended(&mut self, id: TaskId) {
        let node = self.node(id);
        let Some(parent) = node.parent else { return };
        let (goes_on, role) = (node.state == TaskState::Success || node.is_tolerated(), node.role);
        let partial = node.passed || node.partial;
        let above = self.node_mut(parent);
        above.partial |= partial;
        above.active = above.active.saturating_sub(1);
        if goes_on {
            above.unfinished = above.unfinished.saturating_sub(1);
            self.release(id, parent);
        } else if role != Role::Handler {
            above.failed = true;
        }
        if self.node(parent).active == 0 {
            self.actions.push_back(Action::Settle(parent));
        }
    }

    /// Starts the siblings that waited for a task alone.
    fn release(&mut self, id: TaskId, parent: TaskId) {
        if self.node(parent).state != TaskState::Planned {
            return;
        }
        for sibling in std::mem::take(&mut self.node_mut(id).downstream) {
            let waiting = self.node_mut(sibling);
            waiting.waits = waiting.waits.saturating_sub(1);
            if waiting.waits == 0 {
                self.activate(sibling);
            }
        }
        let is_chunked = matches!(self.node(parent).definition.parallel(), Parallel::Chunks(_));
        if is_chunked && self.node(id).role == Role::Child {
            let above = self.node_mut(parent);
            above.chunk.1 = above.chunk.1.saturating_sub(1);
            if above.chunk.1 == 0 {
                self.start_chunk(parent);
            }
        }
    }

    /// No child of a task can go on: decides what becomes of it.
    fn settle(&mut self, id: TaskId) {
        let node = self.node(id);
        if node.state != TaskState::Planned || node.active > 0 {
            return;
        }
        if node.phase == Phase::Handler {
            let state = if node.error.is_some() { TaskState::Error } else { TaskState::GroupError };
            return self.finish(id, state, None);
        }
        if (self.stopping || node.halted) && node.unfinished > 0 {
            return self.finish(id, TaskState::Canceled, None);
        }
        if node.timed_out {
            return self.fail_timed_out(id, node.definition.retry);
        }
        if node.failed {
            return match self.spend_retry(id, self.node(id).definition.retry) {
                Some(delay) => self.wait_for_retry(id, delay, None),
                None => self.handle_failure(id),
            };
        }
        match (&node.definition.check, &node.definition.body, node.phase) {
            (Some(check), Body::Operator(_), Phase::Work) => {
                let check = Arc::clone(check);
                self.node_mut(id).phase = Phase::Check;
                self.generate(id, &check, "^check", Role::Check);
            }
            _ => self.finish(id, TaskState::Success, None),
        }
    }

    pub(super) fn spend_retry(&mut self, id: TaskId, policy: Option<RetryPolicy>) -> Option<Duration> {
        if self.stopping {
            return None;
        }
        let delay = policy?.delay(self.node(id).retries.saturating_add(1))?;
        self.node_mut(id).retries += 1;
        Some(delay)
    }

    pub(super) fn wait_for_retry(&mut self, id: TaskId, delay: Duration, failure: Option<TaskFailure>) {
        self.stop_clock(id);
        self.set_state(id, TaskState::RetryWaiting);
        let node = self.node(id);
        // A group has no rounds of its own: its tries are counted.
        let round = if node.definition.call().is_some() { node.round } else { node.retries };
        let name = node.name.clone();
        self.transitions.push(Transition::Retrying { id, name, round, delay, failure });
    }

    fn try_again(&mut self, id: TaskId) {
        let node = self.node_mut(id);
        node.begin_round();
        // A new round does everything once more, also what an earlier attempt had done.
        node.repeated = true;
        match node.definition.body {
            Body::Group { .. } => {
                self.set_state(id, TaskState::Planned);
                self.start_clock(id);
                self.add_children(id);
                self.start_children(id);
            }
            Body::Operator(_) => self.make_ready(id),
        }
    }

    /// A task failed for good: its `_error`, or its end.
    pub(super) fn handle_failure(&mut self, id: TaskId) {
        self.stop_clock(id);
        let alert = if id == TaskId(0) { self.failure_alert.clone() } else { None };
        let handlers = [(alert, "^failure-alert"), (self.node(id).definition.error.clone(), "^error")];
        if self.stopping || handlers.iter().all(|(handler, _)| handler.is_none()) {
            let own = self.node(id).error.is_some();
            return self.finish(id, if own { TaskState::Error } else { TaskState::GroupError }, None);
        }
        let error = self.error_below(id);
        self.set_state(id, TaskState::Planned);
        self.node_mut(id).phase = Phase::Handler;
        for (handler, part) in handlers {
            if let Some(handler) = handler {
                let mut given = self.with_stores_below(id, handler.export.clone());
                given.insert("error".to_owned(), error.clone().into());
                let child = self.generate(id, &handler, part, Role::Handler);
                self.node_mut(child).given = Some(given);
            }
        }
    }

    /// What runs beside the root's `_error` when the workflow failed: Digdag's `^failure-alert`.
    pub fn alert_on_failure(&mut self, alert: Task) {
        self.failure_alert = Some(Arc::new(Definition::from(alert)));
    }

    /// The workflow is late (`sla:`): these tasks start now, beside all others. One that fails makes it fail.
    pub fn add_to_root(&mut self, tasks: Vec<Task>) {
        let root = TaskId(0);
        if self.stopping || self.node(root).state != TaskState::Planned {
            return;
        }
        let role = if self.node(root).phase == Phase::Handler { Role::Handler } else { Role::Child };
        for task in tasks {
            let name = self.node(root).name.child(&task.name);
            let child = self.add(name, Some(root), &Arc::new(Definition::from(task)), role, Modes::REDO, 0);
            self.activate(child);
        }
        self.settle_all();
    }

    pub(super) fn finish(&mut self, id: TaskId, state: TaskState, result: Option<TaskResult>) {
        self.stop_clock(id);
        self.set_state(id, state);
        let leaves_out = self.leaves_out;
        let node = self.node_mut(id);
        node.forget_scopes();
        // What is recorded of a task done earlier stays; a partly selected group has not succeeded as a whole.
        let is_part = node.partial || (leaves_out && node.parent.is_none());
        let says_nothing = state == TaskState::Success && (node.skipped || is_part);
        if !says_nothing {
            let failure = if state == TaskState::Success { None } else { node.failure.clone() };
            let name = node.name.clone();
            self.transitions.push(Transition::Finished { name, state, result, failure });
        }
        self.actions.push_back(Action::Ended(id));
    }
}
