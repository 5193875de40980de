//! The one thread that a run turns on: it asks the plan what may start, gives it to workers, hands every event to
//! the sink, and waits for the next message, timer or request to stop.
//!
//! An event counts only once the sink has taken it: a task starts after its start is recorded, and a task that
//! announces an outside effect waits for the answer. What happens at once goes to the sink at once, so that one commit
//! serves the end of a task and the start of the next. When the sink fails, the run stops.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use jiff::Timestamp;

use super::cancel::StopReason;
use super::event::{AttemptOutcome, EventKind, FailureKind, RunEvent, TaskFailure};
use super::executor::{Ended, Job, Shared};
use super::operator::{Cancel, NotRecorded, OperatorError, Waiting};
use super::setup::{FailedTask, RunSetup, RunSummary, SinkError};
use super::timers::Timers;
use super::waiting::WaitingPart;
use super::workers::{Message, Workers};
use crate::dig::workflow::Task;
use crate::plan::{Failure, Plan, PlannedTask, TaskId, Transition, Weight, Work, is_control};
use crate::session::{Level, Params, TaskName, TaskState};
use crate::transfer::report::TransferReport;

/// Messages that may wait for the dispatcher before tasks that print are held back.
const LINE_LENGTH: usize = 1024;

/// So many events go to the sink at once: output that waits for it is held in memory.
const MOST_AT_ONCE: usize = 64;

/// Why a task that was stopped has not ended well.
const STOPPED: &str = "stopped before it ended";

/// How long tasks that were asked to stop may take: processes are killed after half of it, the rest is for cleaning up.
const CLEAN_UP: Duration = Duration::from_secs(10);

/// The same after a second signal.
const AT_ONCE: Duration = Duration::from_millis(500);

/// How often a run within another one looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// Takes every event, in order, those that happened at once together; an error stops the run.
pub type Sink<'a> = dyn FnMut(&[RunEvent]) -> Result<(), SinkError> + 'a;

/// Carries out a plan until its root ends, or until it is stopped and running tasks have ended or their grace is
/// over. The last event is [`EventKind::AttemptFinished`].
pub fn execute<'a>(plan: Plan, setup: RunSetup, sink: &'a mut Sink<'a>) -> RunSummary {
    let mut dispatcher = Dispatcher::new(plan, setup, sink);
    dispatcher.run();
    dispatcher.end()
}

/// What falls due.
enum Due {
    Retry(TaskId),
    /// The `_timeout` of a task, in this one of its tries.
    Timeout(TaskId, u32),
    /// The workflow is late: these tasks start.
    Sla(Vec<Task>),
    /// The next turn of a task that waits for something.
    Turn(Box<(Work, Waiting)>),
    /// Running tasks have had their time: they are asked to stop.
    GraceOver,
    /// They were asked and did not: the run ends without them.
    GiveUp,
}

/// Where the work of a task is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// By operators.
    Worker,
    /// By operators that only generate tasks, which must not wait for a free worker.
    Control,
    /// By `require>`, which waits for a run of its own and works nothing itself.
    Requiring,
}

struct Dispatcher<'a> {
    plan: Plan,
    waiting: WaitingPart,
    sink: &'a mut Sink<'a>,
    /// What happened and is not yet with the sink.
    untold: Vec<RunEvent>,
    messages: Receiver<Message>,
    stop: Receiver<StopReason>,
    workers: Workers,
    control: Workers,
    requiring: Workers,
    timers: Timers<Due>,
    /// Turns that are due and wait for a free worker.
    turns: VecDeque<(Work, Waiting)>,
    cancel: Cancel,
    /// Of a run within another one: the flag of the task that waits for it.
    within: Option<Cancel>,
    grace: Duration,
    stopped: Option<StopReason>,
    given_up: bool,
    sink_error: Option<SinkError>,
    /// Tasks with a `_error` whose failure is told before the handler runs.
    failures: HashMap<TaskName, TaskFailure>,
    /// How each task that works now is stopped.
    running: HashMap<TaskId, Cancel>,
    transfers: Vec<(TaskName, TransferReport)>,
    changed: Vec<TaskName>,
    ran_for_secrets: Vec<TaskName>,
}

impl<'a> Dispatcher<'a> {
    fn new(plan: Plan, setup: RunSetup, sink: &'a mut Sink<'a>) -> Self {
        let (sender, messages): (Sender<Message>, _) = bounded(LINE_LENGTH);
        let cancel = setup.cancel.as_ref().map_or_else(Cancel::default, Cancel::child);
        let shared = Arc::new(Shared {
            operators: setup.operators,
            services: setup.services,
            reader: setup.reader,
            variables: setup.session.variables(),
            zone: setup.session.time.0.time_zone().clone(),
            clock: setup.clock,
            limits: setup.limits,
            mode: setup.mode,
            log_params: setup.log_params,
        });
        let mut timers = Timers::new();
        if let Some((after, tasks)) = setup.sla {
            timers.set(Instant::now(), after, Due::Sla(tasks));
        }
        Self {
            waiting: setup.waiting.part(),
            plan,
            sink,
            untold: Vec::new(),
            messages,
            stop: setup.stop.0,
            workers: Workers::of_slots(&setup.slots, &shared, &sender),
            control: Workers::new("control", 1, &shared, &sender),
            requiring: Workers::new("require", usize::MAX, &shared, &sender),
            timers,
            turns: VecDeque::new(),
            cancel,
            within: setup.cancel,
            grace: setup.grace,
            stopped: None,
            given_up: false,
            sink_error: None,
            failures: HashMap::new(),
            running: HashMap::new(),
            transfers: Vec::new(),
            changed: Vec::new(),
            ran_for_secrets: Vec::new(),
        }
    }

    fn run(&mut self) {
        loop {
            // Before anything starts: what was asked while a task worked counts, should both be there at once.
            while let Ok(reason) = self.stop.try_recv() {
                self.stop(reason);
            }
            if self.within.as_ref().is_some_and(Cancel::is_canceled) && self.stopped.is_none() {
                self.stop(StopReason::NotWanted);
            }
            self.tell_transitions();
            self.give_work();
            self.waiting.set(self.plan.waiting_tables());
            let _ = self.hand_over();
            if self.is_over() {
                return;
            }
            self.wait();
        }
    }

    fn busy(&self) -> usize {
        self.workers.busy + self.control.busy + self.requiring.busy
    }

    fn is_over(&self) -> bool {
        self.given_up || (self.busy() == 0 && (self.plan.is_finished() || self.stopped.is_some()))
    }

    /// Takes what happens next.
    fn wait(&mut self) {
        let now = Instant::now();
        let due = self.timers.next().map(|at| at.saturating_duration_since(now));
        let look = self.within.as_ref().filter(|_| self.stopped.is_none()).map(|_| LOOK);
        let due = match [due, look].into_iter().flatten().min() {
            Some(pause) => crossbeam_channel::after(pause),
            None => never(),
        };
        let (messages, stop) = (self.messages.clone(), self.stop.clone());
        select! {
            recv(messages) -> message => if let Ok(message) = message { self.take_all(message) },
            recv(stop) -> reason => match reason {
                Ok(reason) => self.stop(reason),
                // Nobody can ask any more: a closed channel would wake us for ever.
                Err(_) => self.stop = never(),
            },
            recv(due) -> _ => self.take_due(Instant::now()),
        }
    }

    /// Takes a message and those behind it, until one changes the plan: what became ready must not wait. Nor must a
    /// signal wait for a task that prints without end, so they are not taken for ever.
    fn take_all(&mut self, first: Message) {
        let mut next = Some(first);
        for _ in 0..LINE_LENGTH {
            let Some(message) = next else { return };
            let changes_plan = matches!(message, Message::Ended(..));
            self.take(message);
            next = if changes_plan { None } else { self.messages.try_recv().ok() };
        }
        next.into_iter().for_each(|message| self.take(message));
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Event(kind) => {
                self.note_transfer(&kind);
                self.tell(kind);
            }
            Message::Record(kind, answer) => {
                self.note_transfer(&kind);
                self.tell(kind);
                let recorded = self.hand_over().map_err(|error| NotRecorded(error.to_string()));
                // The task may be gone by now.
                let _ = answer.send(recorded);
            }
            Message::Ended(id, ended) => self.ended(id, *ended),
        }
    }

    fn note_transfer(&mut self, kind: &EventKind) {
        match kind {
            EventKind::TransferFinished { task, report, .. } => {
                self.transfers.push((task.clone(), report.clone()));
            }
            EventKind::Required { event, .. } => self.note_transfer(&event.kind),
            _ => {}
        }
    }

    fn place_of(&self, id: TaskId) -> Place {
        match self.plan.operator(id) {
            Some(operator) if is_control(operator) => Place::Control,
            Some("require") => Place::Requiring,
            _ => Place::Worker,
        }
    }

    /// The threads that do the work of a task.
    fn workers_of(&mut self, id: TaskId) -> &mut Workers {
        match self.place_of(id) {
            Place::Worker => &mut self.workers,
            Place::Control => &mut self.control,
            Place::Requiring => &mut self.requiring,
        }
    }

    fn ended(&mut self, id: TaskId, ended: Ended) {
        let workers = self.workers_of(id);
        workers.busy = workers.busy.saturating_sub(1);
        self.running.remove(&id);
        match ended {
            Ended::Success(success) => self.plan.succeeded(id, *success),
            Ended::Again(pause, turn) if self.stopped.is_none() && self.plan.may_go_on(id) => {
                self.timers.set(Instant::now(), pause, Due::Turn(turn));
            }
            Ended::Again(..) => self.plan.failed(id, Failure::canceled(STOPPED)),
            Ended::Failure(failure) => self.failed(id, failure),
        }
    }

    fn failed(&mut self, id: TaskId, failure: Failure) {
        let told = failure.failure.clone();
        let name = self.plan.name(id).clone();
        self.plan.failed(id, failure);
        // A task with a handler ends only after it; people hear of the failure now.
        if self.plan.state(id) == TaskState::Planned {
            let text = format!("failed, `_error` runs now: {}", told.message);
            self.tell(EventKind::Log { task: Some(name), level: Level::Warn, text });
        }
    }

    fn take_due(&mut self, now: Instant) {
        while let Some(due) = self.timers.take_due(now) {
            match due {
                Due::Retry(id) => self.plan.retry_due(id),
                Due::Sla(tasks) => self.plan.add_to_root(tasks),
                Due::Timeout(id, clock) => self.time_out(id, clock),
                Due::Turn(turn) => self.turns.push_back(*turn),
                Due::GraceOver => {
                    self.cancel.cancel();
                    self.timers.set(now, CLEAN_UP, Due::GiveUp);
                }
                Due::GiveUp => self.given_up = true,
            }
        }
    }

    /// Stops what must end because a task took too long.
    fn time_out(&mut self, id: TaskId, clock: u32) {
        for task in self.plan.timed_out(id, clock) {
            match self.running.get(&task) {
                Some(cancel) => cancel.cancel(),
                // It waits for its next turn.
                None => self.plan.failed(task, Failure::canceled(STOPPED)),
            }
        }
    }

    /// Nothing new starts. Running tasks have the grace once, then time to clean up. A state that cannot be written ends
    /// the grace, a second signal both.
    fn stop(&mut self, reason: StopReason) {
        let now = Instant::now();
        let is_first = self.stopped.is_none();
        if is_first {
            self.stopped = Some(reason);
            self.plan.stop();
            let waiting = self.timers.take_all().into_iter().filter_map(|due| match due {
                Due::Turn(turn) => Some(*turn),
                _ => None,
            });
            for (work, _) in self.turns.drain(..).chain(waiting) {
                if self.plan.is_at(&work) {
                    self.plan.failed(work.id, Failure::canceled(STOPPED));
                }
            }
        }
        match reason {
            StopReason::Signal(_) if is_first => self.timers.set(now, self.grace, Due::GraceOver),
            StopReason::Signal(_) => {
                self.cancel.cancel_at_once();
                self.timers.set(now, AT_ONCE, Due::GiveUp);
            }
            StopReason::NotRecorded | StopReason::NotWanted if self.cancel.is_canceled() => {}
            StopReason::NotRecorded | StopReason::NotWanted => {
                self.cancel.cancel();
                self.timers.set(now, CLEAN_UP, Due::GiveUp);
            }
        }
        if is_first && reason != StopReason::NotRecorded {
            let grace = matches!(reason, StopReason::Signal(_)).then_some(self.grace);
            self.tell(EventKind::Stopping { reason: reason.to_string(), grace });
        }
    }

    /// Something happened: it goes to the sink with the next [`Self::hand_over`].
    fn tell(&mut self, kind: EventKind) {
        if self.untold.len() >= MOST_AT_ONCE {
            // An error is kept, and told to whoever needs to know.
            let _ = self.hand_over();
        }
        self.untold.push(RunEvent { at: Timestamp::now(), kind });
    }

    /// Hands to the sink what happened since the last time. An error: it was not taken, now or before, and nothing may
    /// be built upon it.
    fn hand_over(&mut self) -> Result<(), SinkError> {
        let events = std::mem::take(&mut self.untold);
        if let Some(error) = &self.sink_error {
            return Err(error.clone());
        }
        if events.is_empty() {
            return Ok(());
        }
        let taken = (self.sink)(&events);
        if let Err(error) = &taken {
            self.sink_error = Some(error.clone());
            self.stop(StopReason::NotRecorded);
        }
        taken
    }

    fn tell_transitions(&mut self) {
        loop {
            let transitions = self.plan.take_transitions();
            if transitions.is_empty() {
                return;
            }
            for transition in transitions {
                self.tell_transition(transition);
            }
        }
    }

    fn tell_transition(&mut self, transition: Transition) {
        match transition {
            Transition::Skipped { name, changed } => {
                if changed {
                    self.changed.push(name.clone());
                }
                self.tell(EventKind::TaskSkipped { task: name, changed });
            }
            Transition::Planned { name, result } => {
                self.tell(EventKind::TaskPlanned { task: name, result });
            }
            Transition::Retrying { id, name, round, delay, failure } => {
                let failure = failure.unwrap_or_else(failed_below);
                self.tell(EventKind::TaskRetrying { task: name, round, delay, failure });
                if self.stopped.is_none() {
                    self.timers.set(Instant::now(), delay, Due::Retry(id));
                }
            }
            Transition::Timed { id, clock, limit } => {
                self.timers.set(Instant::now(), limit, Due::Timeout(id, clock));
            }
            Transition::Finished { name, state, result, failure } => {
                match (&failure, state) {
                    (Some(failure), TaskState::Error) => {
                        self.failures.insert(name.clone(), failure.clone());
                    }
                    _ => {
                        self.failures.remove(&name);
                    }
                }
                self.tell(EventKind::TaskFinished { task: name, state, result, failure });
            }
        }
    }

    /// Gives ready tasks to free workers, once their starts are recorded.
    fn give_work(&mut self) {
        let mut starting = Vec::new();
        let mut workers_taken = 0;
        while let Some(work) = self.next_work(workers_taken) {
            self.tell_start(&work);
            workers_taken += usize::from(self.place_of(work.id) == Place::Worker);
            starting.push(work);
            self.tell_transitions();
        }
        let is_recorded = self.hand_over().is_ok();
        for work in starting {
            if is_recorded {
                self.give(work, Waiting::first());
            } else {
                self.plan.failed(work.id, Failure::canceled(STOPPED));
            }
        }
        while self.workers.free() > 0
            && let Some((work, waiting)) = self.turns.pop_front()
        {
            // Its time may have run out while it waited.
            if self.plan.is_at(&work) {
                self.give(work, waiting);
            }
        }
    }

    fn tell_start(&mut self, work: &Work) {
        if !work.lost_secrets.is_empty() && work.retries == 0 {
            self.ran_for_secrets.push(work.name.clone());
            let names: Vec<_> = work.lost_secrets.iter().map(|name| format!("`{name}`")).collect();
            let text = format!("runs again: {} was kept in memory only", names.join(", "));
            self.tell(EventKind::Log { task: Some(work.name.clone()), level: Level::Info, text });
        }
        self.tell(EventKind::TaskStarted {
            task: work.name.clone(),
            operator: work.call.operator.clone(),
            round: work.round,
        });
    }

    fn give(&mut self, work: Work, waiting: Waiting) {
        let id = work.id;
        let cancel = self.cancel.child();
        self.running.insert(id, cancel.clone());
        let job = Job { scope: self.plan.scope(id), work, waiting, cancel };
        if let Err(error) = self.workers_of(id).give(job) {
            let error = OperatorError::failed("no thread could be started").cause(&error);
            let failure = TaskFailure {
                message: error.message,
                causes: error.causes,
                hint: None,
                kind: FailureKind::Failed,
            };
            self.plan.failed(id, Failure { failure, error: Params::new(), retry: None, canceled: false });
        }
    }

    /// The next task that has a worker to go to: one that generates tasks at once, another when one is free besides
    /// those that are taken already.
    fn next_work(&mut self, workers_taken: usize) -> Option<Work> {
        if self.stopped.is_some() {
            return None;
        }
        match self.plan.take_ready_control() {
            Some(work) => Some(work),
            None if self.workers.free() <= workers_taken => None,
            None => self.plan.take_ready(),
        }
    }

    fn end(mut self) -> RunSummary {
        // What threads of a task said after it ended.
        while let Ok(message) = self.messages.try_recv() {
            self.take(message);
        }
        let _ = self.hand_over();
        let outcome = match (self.plan.root_state(), self.stopped) {
            (TaskState::Success, _) if self.sink_error.is_some() => AttemptOutcome::Failed,
            (TaskState::Success, _) if self.plan.is_partial() => AttemptOutcome::Partial,
            (TaskState::Success, _) => AttemptOutcome::Success,
            (_, Some(reason)) => reason.outcome(),
            _ => AttemptOutcome::Failed,
        };
        self.tell(EventKind::AttemptFinished { outcome: outcome.clone() });
        let _ = self.hand_over();
        let failures = self.final_failures(Weight::Counts);
        let tolerated = self.final_failures(Weight::Tolerated);
        let counts = self.plan.counts();
        if self.busy() == 0 {
            self.workers.end();
            self.control.end();
            self.requiring.end();
        }
        RunSummary {
            outcome,
            failures,
            tolerated,
            counts,
            transfers: self.transfers,
            changed: self.changed,
            ran_for_secrets: self.ran_for_secrets,
            sink_error: self.sink_error,
        }
    }

    /// The tasks that failed for good: those that count, or those that were allowed to.
    fn final_failures(&self, weight: Weight) -> Vec<FailedTask> {
        let mut seen = HashSet::new();
        let tasks = self.plan.tasks().into_iter();
        tasks
            .filter(|task| task.state == TaskState::Error && task.weight == weight)
            .filter_map(|PlannedTask { name, .. }| {
                let failure = self.failures.get(name)?.clone();
                seen.insert(name.clone()).then(|| FailedTask { name: name.clone(), failure })
            })
            .collect()
    }
}

fn failed_below() -> TaskFailure {
    TaskFailure {
        message: "a task below it failed".to_owned(),
        causes: Vec::new(),
        hint: None,
        kind: FailureKind::Failed,
    }
}
