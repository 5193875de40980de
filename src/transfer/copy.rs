//! One transfer: a thread reads pages, the calling thread filters and writes them, a bounded queue between.
//!
//! The first error wins; whatever happens, both threads end, and an output that did not commit is aborted.

use std::sync::Arc;
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::context::TransferContext;
use super::error::{ErrorKind, TransferError};
use super::filter::{self, Projection};
use super::input::{self, Flow, Input, InputFigures, PageSink, Stop};
use super::output::{self, Output, OutputFigures};
use super::page::{PAGE_BYTES, Page};
use super::report::TransferReport;
use super::schema::Schema;
use crate::embulk::config::EmbulkConfig;
use crate::session::Level;

/// Pages on their way: one being filled, one being written, two between.
const PAGES: usize = 4;
/// How often a writer without pages looks whether the run wants it to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Copies the rows of one source to one target.
pub fn run(config: &EmbulkConfig, context: &TransferContext) -> Result<TransferReport, TransferError> {
    let start = Instant::now();
    if context.cancel.is_canceled() {
        return Err(TransferError::canceled());
    }
    let mut output = output::open(config, context)?;
    // One request for everything: two transfers that each hold a part and wait for the rest would wait forever.
    let _share = context.memory.take(PAGES * PAGE_BYTES * 2 + output.memory_bytes());
    let (read, sent) = match recover_or_copy(config, output.as_mut(), context) {
        Ok(figures) => figures,
        Err(error) => {
            output.abort();
            return Err(error);
        }
    };
    let notes: Vec<String> = read.notes.into_iter().chain(sent.notes).collect();
    for note in &notes {
        context.observer.log(Level::Warn, note);
    }
    Ok(TransferReport {
        source: config.input.to_string(),
        target: output.target(),
        rows_read: read.rows,
        rows_sent: sent.rows_sent,
        rows_loaded: sent.rows_loaded,
        bytes: sent.bytes,
        seconds: start.elapsed().as_secs_f64(),
        snapshot: "per table".to_owned(),
        notes,
    })
}

/// What an earlier attempt has published, else a copy. An output that did not commit is the caller's to abort.
fn recover_or_copy(
    config: &EmbulkConfig,
    output: &mut dyn Output,
    context: &TransferContext,
) -> Result<(InputFigures, OutputFigures), TransferError> {
    if let Some(sent) = output.recover()? {
        return Ok((InputFigures { rows: sent.rows_sent, notes: Vec::new() }, sent));
    }
    let source = input::open(&config.input, context, input::bytes_rule(&config.output))?;
    let projection = filter::plan(&config.filters, source.reader.schema())?;
    let read = move_rows(source.reader, projection, output, context)?;
    if context.cancel.is_canceled() {
        return Err(TransferError::canceled());
    }
    Ok((read, output.commit()?))
}

fn move_rows(
    mut reader: Box<dyn Input>,
    projection: Projection,
    output: &mut dyn Output,
    context: &TransferContext,
) -> Result<InputFigures, TransferError> {
    output.begin(projection.schema())?;
    let stopper = reader.stopper();
    let (full, pages) = bounded(PAGES - 2);
    let (empty, used) = bounded(PAGES);
    let schema = Arc::clone(reader.schema());
    std::thread::scope(|scope| {
        let reading = spawn(scope, move || reader.read(&mut Queue { schema, made: 0, full, used }))?;
        let written = write_pages(&pages, &empty, projection, output, context);
        // Nobody takes pages from here on, so a reader that goes on ends with its next page.
        drop((pages, empty));
        finish(reading, written, stopper.as_ref())
    })
}

fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    read: impl FnOnce() -> Result<InputFigures, TransferError> + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, Result<InputFigures, TransferError>>, TransferError> {
    std::thread::Builder::new().name("reader".to_owned()).spawn_scoped(scope, read).map_err(|error| {
        TransferError::new(ErrorKind::Busy, "a thread could not be started").caused_by(&error)
    })
}

/// Waits for the reader; an error of the writer came first and stands.
fn finish(
    reading: ScopedJoinHandle<'_, Result<InputFigures, TransferError>>,
    written: Result<u64, TransferError>,
    stopper: &dyn Stop,
) -> Result<InputFigures, TransferError> {
    if written.is_err() && !reading.is_finished() {
        stopper.stop();
    }
    let read = reading.join().unwrap_or_else(|_| {
        Err(TransferError::new(ErrorKind::Internal, "the reader stopped at a fault of the program"))
    });
    let (written, read) = (written?, read?);
    if written != read.rows {
        let message = format!("{} rows were read but {written} were written", read.rows);
        return Err(TransferError::new(ErrorKind::Internal, message));
    }
    Ok(read)
}

/// Takes pages until there are no more, and says how many rows they had.
fn write_pages(
    pages: &Receiver<Page>,
    empty: &Sender<Page>,
    mut projection: Projection,
    output: &mut dyn Output,
    context: &TransferContext,
) -> Result<u64, TransferError> {
    let mut rows = 0;
    loop {
        if context.cancel.is_canceled() {
            return Err(TransferError::canceled());
        }
        let mut page = match pages.recv_timeout(LOOK) {
            Ok(page) => page,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(rows),
        };
        rows += page.rows as u64;
        projection.apply(&mut page, |page| output.write(page))?;
        context.observer.progress(rows, output.bytes());
        // A reader that has ended takes no page back.
        let _ = empty.try_send(page);
    }
}

/// The reader's end of the queue.
struct Queue {
    schema: Arc<Schema>,
    made: usize,
    full: Sender<Page>,
    used: Receiver<Page>,
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

    fn send(&mut self, page: Page) -> Flow {
        if self.full.send(page).is_ok() { Flow::Continue } else { Flow::Stop }
    }
}
