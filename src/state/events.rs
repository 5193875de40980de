//! What an event of a run is in the tables.

use rusqlite::{Connection, params};

use super::store::StateError;
use crate::run::event::{EventKind, RunEvent};
use crate::session::AttemptId;

/// Writes one event of an attempt. Events that carry no outcome are passed over.
pub(super) fn write(connection: &Connection, attempt: AttemptId, event: &RunEvent) -> Result<(), StateError> {
    let at = event.at.to_string();
    let kind = &event.kind;
    write_task(connection, attempt, &at, kind)?;
    write_effect(connection, attempt, &at, kind)?;
    write_transfer(connection, attempt, &at, kind)?;
    write_attempt(connection, attempt, &at, kind)
}

fn write_attempt(
    connection: &Connection,
    attempt: AttemptId,
    at: &str,
    kind: &EventKind,
) -> Result<(), StateError> {
    match kind {
        EventKind::AttemptFinished { outcome } => connection
            .prepare_cached("update attempts set outcome = ?2, finished_at = ?3 where id = ?1")?
            .execute(params![attempt.0, serde_json::to_string(outcome)?, at])?,
        EventKind::Notified { channel, failure } => connection
            .prepare_cached(
                "insert into notifications (attempt, at, channel, failure) values (?1, ?2, ?3, ?4)",
            )?
            .execute(params![attempt.0, at, channel, failure])?,
        _ => 0,
    };
    Ok(())
}

fn write_effect(
    connection: &Connection,
    attempt: AttemptId,
    at: &str,
    kind: &EventKind,
) -> Result<(), StateError> {
    match kind {
        // The same effect again (a job asked for twice under one id) opens it again.
        EventKind::EffectIntended { task, key, effect } => connection.prepare_cached(
            "insert into effects (attempt, task, key, effect, intended_at) values (?1, ?2, ?3, ?4, ?5)
             on conflict (key, effect) do update set attempt = ?1, intended_at = ?5, outcome = null, settled_at = null",
        )?.execute(params![attempt.0, task.as_str(), key, serde_json::to_string(effect)?, at])?,
        EventKind::EffectSettled { key, effect, outcome, .. } => connection
            .prepare_cached("update effects set outcome = ?3, settled_at = ?4 where key = ?1 and effect = ?2")?
            .execute(params![key, serde_json::to_string(effect)?, serde_json::to_string(outcome)?, at])?,
        _ => 0,
    };
    Ok(())
}

fn write_task(
    connection: &Connection,
    attempt: AttemptId,
    at: &str,
    kind: &EventKind,
) -> Result<(), StateError> {
    match kind {
        EventKind::TaskStarted { task, operator, round } => connection.prepare_cached(
            "insert into tasks (attempt, name, operator, state, round, started_at)
             values (?1, ?2, ?3, 'running', ?4, ?5)
             on conflict (attempt, name) do update set operator = ?3, state = 'running', round = ?4,
                 started_at = coalesce(started_at, ?5), finished_at = null, result = null, failure = null",
        )?.execute(params![attempt.0, task.as_str(), operator, round, at])?,
        EventKind::TaskRetrying { task, failure, .. } => connection.prepare_cached(
            "update tasks set state = 'retry_waiting', failure = ?3 where attempt = ?1 and name = ?2",
        )?.execute(params![attempt.0, task.as_str(), serde_json::to_string(failure)?])?,
        EventKind::TaskPlanned { task, result } => connection.prepare_cached(
            "update tasks set state = 'planned', result = ?3, failure = null where attempt = ?1 and name = ?2",
        )?.execute(params![attempt.0, task.as_str(), serde_json::to_string(result)?])?,
        EventKind::TaskFinished { task, state, result, failure } => connection.prepare_cached(
            "insert into tasks (attempt, name, state, finished_at, result, failure)
             values (?1, ?2, ?3, ?4, ?5, ?6)
             on conflict (attempt, name) do update set state = ?3, finished_at = ?4,
                 result = coalesce(?5, result), failure = ?6",
        )?.execute(params![
            attempt.0,
            task.as_str(),
            state.word(),
            at,
            result.as_ref().map(serde_json::to_string).transpose()?,
            failure.as_ref().map(serde_json::to_string).transpose()?,
        ])?,
        _ => 0,
    };
    Ok(())
}

fn write_transfer(
    connection: &Connection,
    attempt: AttemptId,
    at: &str,
    kind: &EventKind,
) -> Result<(), StateError> {
    match kind {
        EventKind::TransferStarted { task, key, source, target } => connection.prepare_cached(
            "insert into transfers (attempt, task, key, source, target, state, started_at)
             values (?1, ?2, ?3, ?4, ?5, 'running', ?6)
             on conflict (attempt, key) do update set state = 'running', started_at = ?6, finished_at = null,
                 report = null, failure = null",
        )?.execute(params![attempt.0, task.as_str(), key, source, target, at])?,
        EventKind::TransferFinished { key, report, .. } => connection.prepare_cached(
            "update transfers set state = 'success', finished_at = ?3, report = ?4
             where attempt = ?1 and key = ?2",
        )?.execute(params![attempt.0, key, at, serde_json::to_string(report)?])?,
        EventKind::TransferFailed { key, failure, .. } => connection.prepare_cached(
            "update transfers set state = 'error', finished_at = ?3, failure = ?4 where attempt = ?1 and key = ?2",
        )?.execute(params![attempt.0, key, at, serde_json::to_string(failure)?])?,
        _ => 0,
    };
    Ok(())
}
