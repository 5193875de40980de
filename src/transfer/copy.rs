//! One transfer: a thread reads pages, the calling thread filters and writes them, a bounded queue between.
//!
//! The first error wins, and an output that did not commit is aborted.

use std::time::{Duration, Instant};

use crossbeam_channel::RecvTimeoutError;

use super::config_diff;
use super::context::TransferContext;
use super::effect::ReadRecord;
use super::error::TransferError;
use super::filter::{self, Pipeline};
use super::input::InputFigures;
use super::output::{self, KeptRows, Output, OutputFigures};
use super::own_memory::OwnMemory;
use super::page::{Lane, PAGE_BYTES};
use super::policy;
use super::reader::{PAGES, Reader};
use super::report::{Change, Reused, TransferReport, policy_lines};
use super::stray;
use crate::cloud::fault::retry::Absence;
use crate::embulk::config::EmbulkConfig;
use crate::session::Level;

/// How often a writer without pages looks whether the run wants it to stop.
const LOOK: Duration = Duration::from_millis(100);

/// What is said where a part of the rows was not read by this attempt.
const PARTLY_COUNTED: &str = "values that changed on their way are counted for the rows that this attempt has read, not for those staged before";

/// Copies the rows of one source to one target.
///
/// Where a database went away (a restart, a failover, a network that broke) everything of this table is begun anew, as
/// `sync retry` would: under the same names, and after a look whether the rows were published all the same. Calls to
/// services are tried again by those who make them, so what they say is final here.
pub fn run(config: &EmbulkConfig, context: &TransferContext) -> Result<TransferReport, TransferError> {
    let (start, retrying) = (Instant::now(), context.retrying());
    // What one try did is known to the next, whether or not the ledger remembers.
    let context = &TransferContext { ledger: OwnMemory::beside(&context.ledger), ..context.clone() };
    let mut absence = Absence::new(context.patience.tables);
    loop {
        let error = match once(config, context, start) {
            Ok(report) => {
                absence.over(&retrying);
                return Ok(report);
            }
            Err(error) => error,
        };
        match absence.next(error.fault, &error, &retrying) {
            Ok(pause) => context.cancel.pause(pause)?,
            Err(None) => return Err(error),
            Err(Some(told)) => return Err(error.tried(told)),
        }
    }
}

fn once(
    config: &EmbulkConfig,
    context: &TransferContext,
    start: Instant,
) -> Result<TransferReport, TransferError> {
    if context.cancel.is_canceled() {
        return Err(TransferError::canceled());
    }
    let mut output = output::open(config, context)?;
    // One request for everything: two transfers that each hold a part and wait for the rest would wait forever.
    let bytes = PAGES * PAGE_BYTES * 2 + output.memory_bytes();
    let Some(_share) = context.memory.take(bytes, &context.cancel) else {
        return Err(TransferError::canceled());
    };
    let Copied { read, sent, reused } = match copied(config, output.as_mut(), context) {
        Ok(copied) => copied,
        Err(error) => {
            if error.passes() {
                output.suspend();
            } else {
                output.abort();
            }
            config_diff::discard(context);
            return Err(error);
        }
    };
    config_diff::publish(context)?;
    let own = output.changes();
    let own_notes: Vec<String> = own.iter().map(Change::note).collect();
    let notes: Vec<String> = read.notes.into_iter().chain(sent.notes).chain(own_notes).collect();
    let changes = read.changes.into_iter().chain(own).collect();
    for note in &notes {
        context.observer.log(Level::Warn, note);
    }
    for (level, line) in policy_lines(&read.policy) {
        context.observer.log(level, &line);
    }
    Ok(TransferReport {
        source: config.input.to_string(),
        target: output.target(),
        mode: config.output.mode().map(str::to_owned),
        config: None,
        rows_read: read.rows,
        rows_sent: sent.rows_sent,
        rows_loaded: sent.rows_loaded,
        bytes: sent.bytes,
        seconds: start.elapsed().as_secs_f64(),
        snapshot: read.snapshot.unwrap_or_else(|| "per table".to_owned()),
        notes,
        changes,
        policy: read.policy,
        next: read.next,
        reused,
    })
}

/// What came of a copy.
struct Copied {
    read: ReadRecord,
    sent: OutputFigures,
    reused: Option<Reused>,
}

/// What an earlier attempt has published or staged, else a copy. An output that did not commit is the caller's to abort.
fn copied(
    config: &EmbulkConfig,
    output: &mut dyn Output,
    context: &TransferContext,
) -> Result<Copied, TransferError> {
    if let Some(sent) = output.recover()? {
        let read = ReadRecord { rows: sent.rows_sent, ..ReadRecord::default() };
        return Ok(Copied { read, sent, reused: None });
    }
    let (read, reused) = match output.resume()? {
        Some((read, reused)) => (read, Some(reused)),
        None => {
            let (read, reused) = move_rows(config, output, context)?;
            if context.cancel.is_canceled() {
                return Err(TransferError::canceled());
            }
            output.seal(&read)?;
            (read, reused)
        }
    };
    if context.cancel.is_canceled() {
        return Err(TransferError::canceled());
    }
    config_diff::stage(context, &read.next)?;
    let sent = output.commit()?;
    Ok(Copied { read, sent, reused })
}

fn move_rows(
    config: &EmbulkConfig,
    output: &mut dyn Output,
    context: &TransferContext,
) -> Result<(ReadRecord, Option<Reused>), TransferError> {
    let reader = Reader::start(config, context)?;
    let opened = reader.opened(&context.cancel)?;
    if let Some(enforced) = &context.policy {
        policy::check_increment(enforced, &opened.known.subjects, &opened.increment)?;
    }
    let policy = context.policy.as_deref().map(|enforced| (enforced, &opened.known));
    let mut pipeline = filter::plan(&config.filters, &opened.schema, policy)?;
    output.begin(pipeline.schema()).map_err(|error| pipeline.explained(error))?;
    reader.go(output.lanes()?);
    let kept = reader.told(&context.cancel).and_then(|told| output.divided(told));
    let written = match &kept {
        Ok(_) => write_pages(&reader, &mut pipeline, output, context),
        Err(error) => Err(error.clone()),
    };
    let mut read = reader.finish(written, opened.stopper.as_ref(), &context.cancel)?;
    read.notes.extend(stray::of_input(&config.input, &opened.schema, pipeline.treated()));
    read.notes.extend(stray::of_output(&config.output, pipeline.schema(), pipeline.treated()));
    read.notes.extend(pipeline.notes());
    read.changes.extend(pipeline.changes());
    let reused = match kept? {
        Some(KeptRows { reused, read: before }) => {
            read.rows += before;
            read.notes.push(PARTLY_COUNTED.to_owned());
            Some(reused)
        }
        None => None,
    };
    let InputFigures { rows, notes, changes, snapshot, next } = read;
    Ok((ReadRecord { rows, notes, changes, snapshot, next, policy: pipeline.treated().to_vec() }, reused))
}

/// Takes pages until there are no more, and says how many rows they had before the filters.
fn write_pages(
    reader: &Reader,
    pipeline: &mut Pipeline,
    output: &mut dyn Output,
    context: &TransferContext,
) -> Result<u64, TransferError> {
    let mut rows = 0;
    loop {
        if context.cancel.is_canceled() {
            return Err(TransferError::canceled());
        }
        let mut page = match reader.pages.recv_timeout(LOOK) {
            Ok(page) => page,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(rows),
        };
        rows += page.rows as u64;
        if let Some(Lane { reader, news }) = page.lane {
            output.lane(reader, news, page.rows as u64)?;
        }
        pipeline.apply(&mut page, &mut |page| output.write(page))?;
        // Also gives back what a large row took.
        page.clear();
        context.observer.progress(rows, output.bytes());
        // A reader that has ended takes no page back.
        let _ = reader.empty.try_send(page);
    }
}
