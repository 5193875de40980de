//! Makes the notice of an attempt that has ended, out of the state and the properties.

use std::collections::HashMap;

use super::attempt::reports;
use super::opening::Opened;
use crate::report::notice::{Ended, Notice, Previous};
use crate::report::slow::{LAST_RUNS, Slow, slow};
use crate::session::AttemptId;
use crate::state::{AttemptKind, AttemptRecord, StateError, Store, TransferRecord};

/// What the project is called in notices.
pub fn project_name(opened: &Opened) -> Option<String> {
    opened.place.project.file_name().map(|name| name.to_string_lossy().into_owned())
}

/// What people are told of an attempt; none of one that is not in the state or has not ended.
pub fn of_attempt(
    attempt: AttemptId,
    retry_command: String,
    store: &Store,
    opened: &Opened,
) -> Result<Option<Notice>, StateError> {
    let Some(session) = store.session_of(attempt)? else { return Ok(None) };
    let starting = session.attempt.starting_attempt;
    let transfers = store.transfers(starting)?;
    let previous = Previous {
        outcome: store.outcome_before(attempt)?,
        rows: rows_before(&transfers, attempt, store)?,
        slow: slow_run(&session.attempt, store)?,
    };
    // The notice is worth more than its link.
    let report = reports::link(&session, store, opened).ok().flatten();
    let ended = Ended {
        tasks: store.tasks(starting)?,
        transfers,
        previous,
        project: project_name(opened).unwrap_or_default(),
        retry_command,
        report,
        session,
    };
    Ok(ended.notice())
}

/// It takes a look at all that is remembered: only where some table had no rows.
fn rows_before(
    transfers: &[TransferRecord],
    attempt: AttemptId,
    store: &Store,
) -> Result<HashMap<String, u64>, StateError> {
    let is_empty = |transfer: &TransferRecord| {
        transfer.attempt == attempt && transfer.report.as_ref().is_some_and(|report| report.rows_sent == 0)
    };
    if transfers.iter().any(is_empty) { store.rows_before(attempt) } else { Ok(HashMap::new()) }
}

/// A retry runs only what was left: how long that took says nothing.
fn slow_run(attempt: &AttemptRecord, store: &Store) -> Result<Option<Slow>, StateError> {
    let took = attempt.finished_at.map(|at| at.duration_since(attempt.started_at));
    let Some(Ok(took)) = took.map(std::time::Duration::try_from) else { return Ok(None) };
    if attempt.kind != AttemptKind::Run.word() {
        return Ok(None);
    }
    Ok(slow(took, &store.last_durations(attempt.id, LAST_RUNS)?))
}
