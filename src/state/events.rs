//! What an event of a run is in the tables.

use rusqlite::{Connection, params};

use super::undelivered::{self, Reason};
use super::{StateError, ended};
use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
use crate::session::AttemptId;

/// Writes one event of an attempt. Events that carry no outcome are passed over.
pub(super) fn write(connection: &Connection, attempt: AttemptId, event: &RunEvent) -> Result<(), StateError> {
    let entry = Entry { connection, attempt: attempt.0, at: event.at.to_string() };
    entry.of_task(&event.kind)?;
    entry.of_effect(&event.kind)?;
    entry.of_transfer(&event.kind)?;
    entry.of_attempt(&event.kind)
}

/// What every row is written with.
struct Entry<'c> {
    connection: &'c Connection,
    attempt: i64,
    at: String,
}

impl Entry<'_> {
    fn of_attempt(&self, kind: &EventKind) -> Result<(), StateError> {
        match kind {
            EventKind::AttemptFinished { outcome } => {
                self.connection
                    .prepare_cached("update attempts set outcome = ?2, finished_at = ?3 where id = ?1")?
                    .execute(params![self.attempt, serde_json::to_string(outcome)?, self.at])?;
                self.to_tell(outcome)?;
            }
            EventKind::Notified { channel, failure, alert } => {
                self.connection
                    .prepare_cached(
                        "insert into notifications (attempt, at, channel, failure) values (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![self.attempt, self.at, channel, failure])?;
                if let (Some(failure), Some(alert)) = (failure, alert) {
                    let attempt = AttemptId(self.attempt);
                    undelivered::of_alert(self.connection, attempt, (channel, failure, alert), &self.at)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// People hear of an end even when the process is killed right after it.
    fn to_tell(&self, outcome: &AttemptOutcome) -> Result<(), StateError> {
        let attempt = AttemptId(self.attempt);
        ended::of_ended(self.connection, attempt, &self.at)?;
        match outcome {
            AttemptOutcome::Signal(_) => {
                undelivered::of_attempt(self.connection, attempt, Reason::Stopped, &self.at)
            }
            AttemptOutcome::Failed => undelivered::of_failed(self.connection, attempt, &self.at),
            AttemptOutcome::Success | AttemptOutcome::Partial | AttemptOutcome::Lost => Ok(()),
        }
    }

    fn of_effect(&self, kind: &EventKind) -> Result<(), StateError> {
        match kind {
            // The same effect again (a job asked for twice under one id) opens it again.
            EventKind::EffectIntended { task, key, effect } => self.connection.prepare_cached(
                "insert into effects (attempt, task, key, effect, intended_at) values (?1, ?2, ?3, ?4, ?5)
                 on conflict (key, effect) do update set attempt = ?1, intended_at = ?5, outcome = null,
                     settled_at = null",
            )?.execute(params![self.attempt, task.as_str(), key, serde_json::to_string(effect)?, self.at])?,
            EventKind::EffectSettled { key, effect, outcome, .. } => self
                .connection
                .prepare_cached("update effects set outcome = ?3, settled_at = ?4 where key = ?1 and effect = ?2")?
                .execute(params![key, serde_json::to_string(effect)?, serde_json::to_string(outcome)?, self.at])?,
            _ => 0,
        };
        Ok(())
    }

    fn of_task(&self, kind: &EventKind) -> Result<(), StateError> {
        match kind {
            EventKind::TaskStarted { task, operator, round } => self.connection.prepare_cached(
                "insert into tasks (attempt, name, operator, state, round, started_at)
                 values (?1, ?2, ?3, 'running', ?4, ?5)
                 on conflict (attempt, name) do update set operator = ?3, state = 'running', round = ?4,
                     started_at = coalesce(started_at, ?5), finished_at = null, result = null, failure = null",
            )?.execute(params![self.attempt, task.as_str(), operator, round, self.at])?,
            EventKind::TaskRetrying { task, failure, .. } => self.connection.prepare_cached(
                "update tasks set state = 'retry_waiting', failure = ?3 where attempt = ?1 and name = ?2",
            )?.execute(params![self.attempt, task.as_str(), serde_json::to_string(failure)?])?,
            EventKind::TaskPlanned { task, result } => self.connection.prepare_cached(
                "update tasks set state = 'planned', result = ?3, failure = null where attempt = ?1 and name = ?2",
            )?.execute(params![self.attempt, task.as_str(), serde_json::to_string(result)?])?,
            EventKind::TaskFinished { task, state, result, failure } => self.connection.prepare_cached(
                "insert into tasks (attempt, name, state, finished_at, result, failure)
                 values (?1, ?2, ?3, ?4, ?5, ?6)
                 on conflict (attempt, name) do update set state = ?3, finished_at = ?4,
                     result = coalesce(?5, result), failure = ?6",
            )?.execute(params![
                self.attempt,
                task.as_str(),
                state.word(),
                self.at,
                result.as_ref().map(serde_json::to_string).transpose()?,
                failure.as_ref().map(serde_json::to_string).transpose()?,
            ])?,
            _ => 0,
        };
        Ok(())
    }

    fn of_transfer(&self, kind: &EventKind) -> Result<(), StateError> {
        match kind {
            EventKind::TransferStarted { task, key, source, target, .. } => self.connection.prepare_cached(
                "insert into transfers (attempt, task, key, source, target, state, started_at)
                 values (?1, ?2, ?3, ?4, ?5, 'running', ?6)
                 on conflict (attempt, key) do update set state = 'running', started_at = ?6, finished_at = null,
                     report = null, failure = null",
            )?.execute(params![self.attempt, task.as_str(), key, source, target, self.at])?,
            EventKind::TransferFinished { key, report, .. } => self.connection.prepare_cached(
                "update transfers set state = 'success', finished_at = ?3, report = ?4
                 where attempt = ?1 and key = ?2",
            )?.execute(params![self.attempt, key, self.at, serde_json::to_string(report)?])?,
            EventKind::TransferFailed { key, failure, .. } => self.connection.prepare_cached(
                "update transfers set state = 'error', finished_at = ?3, failure = ?4 where attempt = ?1 and key = ?2",
            )?.execute(params![self.attempt, key, self.at, serde_json::to_string(failure)?])?,
            _ => 0,
        };
        Ok(())
    }
}
