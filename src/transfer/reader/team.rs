//! Several readers of one source: what one of them meets ends the others, and what they say is one report.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::queue::{Belt, Queue};
use crate::transfer::error::TransferError;
use crate::transfer::input::{Input, InputFigures, Stop};
use crate::transfer::report::Change;

/// Pages that each helper adds to those that go round: one that it fills, one on its way.
pub(super) const PAGES: usize = 2;

/// The error that ends a read: the first one counts.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<TransferError>>>);

impl Failure {
    pub(super) fn is_set(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Keeps the first one.
    pub(super) fn set(&self, error: TransferError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    pub(super) fn take(&self) -> Option<TransferError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Stops every reader of a source.
#[derive(Clone, Default)]
pub(super) struct Stoppers(Arc<Mutex<Vec<Box<dyn Stop>>>>);

impl Stoppers {
    pub(super) fn add(&self, stopper: Box<dyn Stop>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(stopper);
    }
}

impl Stop for Stoppers {
    fn stop(&self) {
        let stoppers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // Each may wait for a server that does not answer.
        std::thread::scope(|scope| {
            for stopper in &stoppers {
                // Without a thread it takes its turn here.
                if std::thread::Builder::new().spawn_scoped(scope, || stopper.stop()).is_err() {
                    stopper.stop();
                }
            }
        });
    }
}

/// Reads with helpers beside the first reader, to the end of all of them.
pub(super) fn read(
    first: &mut dyn Input,
    queue: &mut Queue,
    helpers: Vec<Box<dyn Input>>,
    belt: &Belt,
    stoppers: &Stoppers,
) -> Result<InputFigures, TransferError> {
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let mut running = Vec::new();
        for (at, mut helper) in helpers.into_iter().enumerate() {
            stoppers.add(helper.stopper());
            let work = move || {
                let lane = helper.take_lane();
                let mut queue = Queue::new(belt, PAGES, None, at + 1);
                let read = helper.read(&mut queue);
                queue.leave(lane);
                settle(read, belt, stoppers)
            };
            // What no thread can be had for is read by the others.
            if let Ok(thread) =
                std::thread::Builder::new().name("reader".to_owned()).spawn_scoped(scope, work)
            {
                running.push(thread);
            }
        }
        let read = first.read(queue);
        all.extend(settle(read, belt, stoppers));
        for thread in running {
            match thread.join() {
                Ok(figures) => all.extend(figures),
                Err(_) => belt.failure.set(super::panicked()),
            }
        }
    });
    match belt.failure.take() {
        Some(error) => Err(error),
        None => Ok(together(all)),
    }
}

/// The figures of a reader that ended well. The first error stops the others, whose own are what came of that.
fn settle(
    read: Result<InputFigures, TransferError>,
    belt: &Belt,
    stoppers: &Stoppers,
) -> Option<InputFigures> {
    match read {
        Ok(figures) => Some(figures),
        Err(error) => {
            let is_first = !belt.failure.is_set();
            belt.failure.set(error);
            if is_first {
                stoppers.stop();
            }
            None
        }
    }
}

/// What several readers say, as one.
fn together(all: Vec<InputFigures>) -> InputFigures {
    let mut whole = InputFigures::default();
    let mut changes: BTreeMap<(Option<String>, String), u64> = BTreeMap::new();
    for figures in all {
        whole.rows += figures.rows;
        let counts: Vec<String> = figures.changes.iter().map(Change::note).collect();
        for note in figures.notes {
            if !counts.contains(&note) && !whole.notes.contains(&note) {
                whole.notes.push(note);
            }
        }
        for change in figures.changes {
            *changes.entry((change.column, change.what)).or_default() += change.count;
        }
        whole.snapshot = whole.snapshot.or(figures.snapshot);
        whole.next.extend(figures.next);
    }
    whole.changes =
        changes.into_iter().map(|((column, what), count)| Change { column, what, count }).collect();
    whole.notes.extend(whole.changes.iter().map(Change::note));
    whole
}
