//! The threads of a run: they take tasks from a queue, try them, and tell the dispatcher. Each has a JavaScript engine
//! of its own, which is kept between tasks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::event::EventKind;
use super::executor::{self, Ended, Job, Shared};
use super::operator::{EventLine, NotRecorded, OperatorError, Reporter};
use super::slots::Slots;
use crate::dig::expression::Evaluator;
use crate::plan::TaskId;

/// What workers tell the dispatcher.
pub(super) enum Message {
    /// Something happened in a task.
    Event(EventKind),
    /// The same, and somebody waits until it is recorded.
    Record(EventKind, Sender<Result<(), NotRecorded>>),
    /// A try is over.
    Ended(TaskId, Box<Ended>),
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
    slots: Option<Slots>,
    /// Jobs given and not yet ended.
    pub(super) busy: usize,
    kind: &'static str,
}

impl Workers {
    /// Threads for operators, which share the places of the process.
    pub(super) fn of_slots(slots: &Slots, shared: &Arc<Shared>, messages: &Sender<Message>) -> Self {
        Self { slots: Some(slots.clone()), ..Self::new("task", slots.limit(), shared, messages) }
    }

    /// So many threads at most.
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
            slots: None,
            busy: 0,
            kind,
        }
    }

    /// How many jobs would begin at once.
    pub(super) fn free(&self) -> usize {
        self.limit.saturating_sub(self.busy)
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
        let slots = self.slots.clone();
        let name = format!("{}-{}", self.kind, self.threads.len() + 1);
        match std::thread::Builder::new()
            .name(name)
            .spawn(move || serve(&shared, &jobs, slots.as_ref(), &messages))
        {
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

fn serve(shared: &Shared, jobs: &Receiver<Job>, slots: Option<&Slots>, messages: &Sender<Message>) {
    let new_evaluator = || Evaluator::new(shared.zone.clone(), shared.clock.clone(), shared.limits);
    let mut evaluator = new_evaluator();
    for job in jobs {
        let slot = slots.map(Slots::take);
        let id = job.work.id;
        let line: Arc<dyn EventLine> = Arc::new(Line(messages.clone()));
        let reporter = Reporter::new(job.work.name.clone(), line, Arc::clone(&shared.services.guard));
        let tried = catch_unwind(AssertUnwindSafe(|| executor::try_task(shared, &evaluator, job, &reporter)));
        let ended = tried.unwrap_or_else(|panic| {
            // What the panic left half done in the engine must not reach the next task.
            evaluator = new_evaluator();
            let error = OperatorError::failed(format!("the task panicked: {}", panic_text(panic.as_ref())));
            Ended::Failure(executor::failure(shared, reporter.task(), &error, None))
        });
        reporter.flush_output();
        drop(slot);
        if messages.send(Message::Ended(id, Box::new(ended))).is_err() {
            return;
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Level;

    #[test]
    fn nothing_is_recorded_when_the_run_is_over() {
        let log = || EventKind::Log { task: None, level: Level::Info, text: String::new() };
        let over = "the state could not be written: the run is over";
        let (messages, run) = unbounded();
        let line = Line(messages);
        // It ends without an answer.
        let asked = std::thread::spawn(move || drop(run.recv()));
        assert_eq!(line.record(log()).expect_err("nobody records").to_string(), over);
        asked.join().expect("no panic");
        assert_eq!(line.record(log()).expect_err("nobody records").to_string(), over);
    }

    #[test]
    fn a_panic_gives_its_reason_where_it_is_text() {
        assert_eq!(panic_text(&"text"), "text");
        assert_eq!(panic_text(&"owned".to_owned()), "owned");
        assert_eq!(panic_text(&5), "no reason given");
    }
}
