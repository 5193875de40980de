//! The reading thread of a transfer and the queue between it and the writer.
//!
//! Opening a source waits for servers, locks and networks too, so it happens on that thread: a run that wants to stop
//! never waits for longer than a moment. A reader that a server or network holds is left behind; it holds a
//! connection and a page until its own time-out, or until the program ends.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::context::{Cancel, MemoryBudget, TransferContext};
use super::error::{ErrorKind, TransferError};
use super::input::{self, Flow, InputFigures, LastRow, PageSink, Stop};
use super::page::{PAGE_BYTES, Page};
use super::schema::Schema;
use crate::embulk::config::EmbulkConfig;

/// Pages on their way: one being filled, one being written, two between.
pub(super) const PAGES: usize = 4;
/// A page of so many bytes has a row that is larger than a page.
const LARGE: usize = 16 * PAGE_BYTES;
/// How often the bytes of a large row are held at once: where it was read, in the page, as text and as what that
/// grew from, compressed, and on its way.
const COPIES: usize = 6;
/// How often somebody who waits looks whether the run wants it to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long a reader that was stopped has to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The writer's side of a reading thread.
pub(super) struct Reader {
    opened: Receiver<Opened>,
    go: Sender<()>,
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
}

impl Reader {
    /// Starts a thread that opens the source, waits for `go`, and reads.
    pub(super) fn start(config: &EmbulkConfig, context: &TransferContext) -> Result<Self, TransferError> {
        let (open, opened) = bounded(1);
        let (go, wait) = bounded(1);
        let (full, pages) = bounded(PAGES - 2);
        let (empty, used) = bounded(PAGES);
        let (end, done) = bounded(1);
        let (config, context) = (config.clone(), context.clone());
        let read = move || {
            let bytes = input::bytes_rule(&config.output);
            let mut source = input::open(&config.input, &context, bytes)?;
            let schema = Arc::clone(source.reader.schema());
            let seen = Opened { schema: Arc::clone(&schema), stopper: source.reader.stopper() };
            if open.send(seen).is_err() || wait.recv().is_err() {
                // The writer has ended; its own error counts.
                return Ok(InputFigures::default());
            }
            let last = source.reader.increment().map(|increment| LastRow::new(increment.clone(), &schema));
            let (memory, cancel) = (context.memory.clone(), context.cancel.clone());
            let mut queue = Queue { schema, made: 0, full, used, last, memory, cancel, failed: None };
            let mut figures = source.reader.read(&mut queue)?;
            if let Some(error) = queue.failed {
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
        Ok(Self { opened, go, pages, empty, done })
    }

    /// Waits for the source to be open.
    pub(super) fn opened(&self, cancel: &Cancel) -> Result<Opened, TransferError> {
        loop {
            match self.opened.recv_timeout(LOOK) {
                Ok(opened) => return Ok(opened),
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

    /// Lets the thread read.
    pub(super) fn go(&self) {
        // A thread that has ended says why in `finish`.
        let _ = self.go.send(());
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

/// The reader's end of the queue.
struct Queue {
    schema: Arc<Schema>,
    made: usize,
    full: Sender<Page>,
    used: Receiver<Page>,
    /// Of an incremental read.
    last: Option<LastRow>,
    memory: MemoryBudget,
    cancel: Cancel,
    /// Why nothing more is read.
    failed: Option<TransferError>,
}

impl Queue {
    /// Takes memory for a page with a row that is larger than a page.
    fn make_room(&self, page: &mut Page) -> Result<(), TransferError> {
        let bytes = page.byte_size();
        if bytes < LARGE {
            return Ok(());
        }
        let (wanted, there) = (bytes.saturating_mul(COPIES), self.memory.largest_row());
        if wanted > there {
            let row = page.first_row + page.rows as u64;
            let message = format!(
                "row {row} has {} MiB, which takes {} MiB on its way, and the run has {} MiB for such rows",
                bytes >> 20,
                wanted >> 20,
                there >> 20
            );
            let hint = format!(
                "raise `--memory` to {}MiB, or leave the large column out",
                (wanted >> 20).saturating_mul(2).saturating_add(2)
            );
            return Err(TransferError::new(ErrorKind::Config, message).hint(hint));
        }
        let share = self.memory.take_large(wanted, &self.cancel).ok_or_else(TransferError::canceled)?;
        page.large = Some(Arc::new(share));
        Ok(())
    }
}

impl PageSink for Queue {
    fn page(&mut self) -> Page {
        let mut page = if self.made < PAGES {
            self.used.try_recv().unwrap_or_else(|_| {
                self.made += 1;
                Page::new(&self.schema)
            })
        } else {
            // A writer that has ended gives no page back; the next `send` says so.
            self.used.recv().unwrap_or_else(|_| Page::new(&self.schema))
        };
        page.clear();
        page
    }

    fn send(&mut self, mut page: Page) -> Flow {
        if let Err(error) = self.make_room(&mut page) {
            self.failed = Some(error);
            return Flow::Stop;
        }
        if let Some(last) = &mut self.last {
            last.see(&page);
        }
        if self.full.send(page).is_ok() { Flow::Continue } else { Flow::Stop }
    }
}
