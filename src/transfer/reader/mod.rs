//! The reading thread of a transfer and the queue between it and the writer.
//!
//! Opening a source waits for servers, locks and networks too, so it happens on that thread: a run that wants to stop
//! never waits for longer than a moment. A reader that a server or network holds is left behind; it holds a
//! connection and a page until its own time-out, or until the program ends.

mod queue;
mod team;

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use self::queue::{Belt, Queue};
use self::team::{Failure, Stoppers};
use super::context::{Cancel, TransferContext};
use super::error::{ErrorKind, TransferError};
use super::input::{self, InputFigures, Lanes, LastRow, SEATS, Stop, Told};
use super::page::Page;
use super::policy::Known;
use super::schema::Schema;
use crate::embulk::config::EmbulkConfig;

/// Pages on their way: one being filled, one being written, two between.
pub(super) const PAGES: usize = 4;
/// How often somebody who waits looks whether the run wants it to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long a reader that was stopped has to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The writer's side of a reading thread.
pub(super) struct Reader {
    opened: Receiver<Opened>,
    go: Sender<Option<Lanes>>,
    told: Receiver<Told>,
    /// Full pages.
    pub(super) pages: Receiver<Page>,
    /// Pages to fill again.
    pub(super) empty: Sender<Page>,
    done: Receiver<Result<InputFigures, TransferError>>,
}

/// A source whose columns are known.
pub(super) struct Opened {
    pub(super) schema: Arc<Schema>,
    pub(super) stopper: Box<dyn Stop>,
    /// What a policy goes by for the columns.
    pub(super) known: Known,
    /// The places of the columns of an incremental read.
    pub(super) increment: Vec<usize>,
}

impl Reader {
    /// Starts a thread that opens the source, waits for `go`, and reads.
    pub(super) fn start(config: &EmbulkConfig, context: &TransferContext) -> Result<Self, TransferError> {
        let (open, opened) = bounded(1);
        let (go, wait) = bounded::<Option<Lanes>>(1);
        let (tell, told) = bounded(1);
        let (full, pages) = bounded(PAGES - 2);
        // Room for every page there may be, so that none is lost on its way back.
        let (empty, used) = bounded(PAGES + SEATS * team::PAGES);
        let (end, done) = bounded(1);
        let (config, context) = (config.clone(), context.clone());
        let read = move || {
            let bytes = input::bytes_rule(&config.output);
            let mut source = input::open(&config.input, &context, bytes)?;
            let schema = Arc::clone(source.reader.schema());
            let stoppers = Stoppers::default();
            stoppers.add(source.reader.stopper());
            let seen = Opened {
                schema: Arc::clone(&schema),
                stopper: Box::new(stoppers.clone()),
                known: source.reader.known(),
                increment: source.reader.increment().map_or_else(Vec::new, |one| one.places().to_vec()),
            };
            // Without an answer the writer has ended; its own error counts.
            let Some(lanes) = open.send(seen).ok().and_then(|()| wait.recv().ok()) else {
                return Ok(InputFigures::default());
            };
            let last = source.reader.increment().map(|increment| LastRow::new(increment.clone(), &schema));
            context.observer.begins(source.reader.extent()?);
            let (helpers, told) = source.divide(lanes.as_ref())?;
            let belt = Belt {
                is_marked: told.cut.is_some(),
                schema,
                full,
                used,
                rows: Arc::default(),
                memory: context.memory.clone(),
                cancel: context.cancel.clone(),
                failure: Failure::default(),
            };
            let mut queue = Queue::new(&belt, PAGES, last, 0);
            if tell.send(told).is_err() {
                return Ok(InputFigures::default());
            }
            let mut figures = if helpers.is_empty() {
                source.reader.read(&mut queue)?
            } else {
                team::read(source.reader.as_mut(), &mut queue, helpers, &belt, &stoppers)?
            };
            if let Some(error) = belt.failure.take() {
                return Err(error);
            }
            if let (Some(last), Some(given)) = (queue.last, config.input.incremental()) {
                let (next, note) = last.next(given);
                figures.next = next;
                figures.notes.extend(note);
            }
            Ok(figures)
        };
        let thread = std::thread::Builder::new().name("reader".to_owned());
        thread
            // A writer that has ended asks no more.
            .spawn(move || drop(end.send(read())))
            .map_err(|error| {
                TransferError::new(ErrorKind::Busy, "a thread could not be started").caused_by(&error)
            })?;
        Ok(Self { opened, go, told, pages, empty, done })
    }

    /// Waits for the source to be open.
    pub(super) fn opened(&self, cancel: &Cancel) -> Result<Opened, TransferError> {
        self.heard(&self.opened, cancel)
    }

    /// Waits for what is told of ranges, which comes before the first page.
    pub(super) fn told(&self, cancel: &Cancel) -> Result<Told, TransferError> {
        self.heard(&self.told, cancel)
    }

    fn heard<T>(&self, from: &Receiver<T>, cancel: &Cancel) -> Result<T, TransferError> {
        loop {
            match from.recv_timeout(LOOK) {
                Ok(heard) => return Ok(heard),
                Err(RecvTimeoutError::Timeout) if cancel.is_canceled() => {
                    return Err(TransferError::canceled());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let ended = self.done.recv().unwrap_or_else(|_| Err(panicked()));
                    return Err(ended.err().unwrap_or_else(panicked));
                }
            }
        }
    }

    /// Lets the thread read, for an output that tells ranges apart or not.
    pub(super) fn go(&self, lanes: Option<Lanes>) {
        // A thread that has ended says why in `told`.
        let _ = self.go.send(lanes);
    }

    /// Waits for the thread to end; an error of the writer came first and stands.
    pub(super) fn finish(
        self,
        written: Result<u64, TransferError>,
        stopper: &dyn Stop,
        cancel: &Cancel,
    ) -> Result<InputFigures, TransferError> {
        let Self { pages, empty, done, .. } = self;
        // Nobody takes pages from here on, so a reader that goes on ends with its next page.
        drop((pages, empty));
        let written = match written {
            Ok(written) => written,
            Err(error) => {
                stopper.stop();
                let _ = done.recv_timeout(PATIENCE);
                return Err(error);
            }
        };
        let read = loop {
            match done.recv_timeout(LOOK) {
                Ok(read) => break read?,
                Err(RecvTimeoutError::Timeout) if cancel.is_canceled() => {
                    return Err(TransferError::canceled());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(panicked()),
            }
        };
        if written != read.rows {
            let message = format!("{} rows were read but {written} were written", read.rows);
            return Err(TransferError::new(ErrorKind::Internal, message));
        }
        Ok(read)
    }
}

fn panicked() -> TransferError {
    TransferError::new(ErrorKind::Internal, "the reader stopped at a fault of the program")
}
