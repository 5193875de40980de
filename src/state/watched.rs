//! What those ask who watch runs from elsewhere: whether anything has changed, which sessions there are, how a task stands,
//! how far transfers are.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use super::history::{session_from, sessions_where, task_from, time};
use super::live::{self, Progress};
use super::record::{AttemptRecord, SessionRecord, TaskRecord};
use super::{StateError, Store, lock};
use crate::session::{AttemptId, TaskName};

/// Sessions that are looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sought<'a> {
    /// Of this workflow alone.
    pub workflow: Option<&'a str>,
    /// Whose last attempt started then, or later.
    pub since: Option<Timestamp>,
}

/// A transfer by its task, source and target.
pub type TransferName = (TaskName, String, String);

impl Store {
    /// A number that is another one when another process has written to the file since.
    pub fn version(&self) -> Result<i64, StateError> {
        Ok(self.connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// Sessions of a project with their last attempt, newest first, at most `limit`.
    pub fn sessions(
        &self,
        project: &str,
        sought: Sought<'_>,
        limit: u32,
    ) -> Result<Vec<SessionRecord>, StateError> {
        let sql = sessions_where(
            "s.project = ?1 and (?2 is null or s.workflow = ?2) and (?3 is null or a.started_at >= ?3)
             and a.id = (select max(id) from attempts where session = s.id) order by a.id desc limit ?4",
        );
        // Texts of one second with and without a fraction are in no order: it is looked a second further back.
        let since = sought.since.map(|since| since.saturating_sub(SignedDuration::from_secs(1)));
        let since = since.map(|since| since.unwrap_or(Timestamp::MIN).to_string());
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map(params![project, sought.workflow, since, limit], session_from)?;
        let mut sessions = rows.collect::<Result<Vec<_>, _>>()?;
        sessions.retain(|session| sought.since.is_none_or(|since| session.attempt.started_at >= since));
        Ok(sessions)
    }

    /// The workflows of a project that have ever run, in their order.
    pub fn workflows(&self, project: &str) -> Result<Vec<String>, StateError> {
        let sql = "select distinct workflow from sessions where project = ?1 order by workflow";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([project], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The tasks of an attempt and of those before it which it goes on with, whose full name ends so: each as it stands
    /// last.
    pub fn tasks_ending_in(&self, attempt: &AttemptRecord, end: &str) -> Result<Vec<TaskRecord>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "select t.attempt, t.name, t.operator, t.state, t.round, t.started_at, t.finished_at, t.result, t.failure
             from tasks t join attempts a on a.id = t.attempt
             where a.session = ?1 and a.starting_attempt = ?2 and a.id <= ?3
                 and substr(t.name, -length(?4)) = ?4 order by t.attempt, t.id",
        )?;
        let of = params![attempt.session.0, attempt.starting_attempt.0, attempt.id.0, end];
        let mut last: BTreeMap<TaskName, TaskRecord> = BTreeMap::new();
        for task in statement.query_map(of, task_from)? {
            let task = task?;
            last.insert(task.name.clone(), task);
        }
        Ok(last.into_values().collect())
    }

    /// What the runs of a workflow took that ended well, newest first: not retries, nor runs of a part.
    pub fn good_durations(
        &self,
        project: &str,
        workflow: &str,
    ) -> Result<Vec<(AttemptId, Duration)>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "select a.id, a.started_at, a.finished_at from sessions s join attempts a on a.session = s.id
             where s.project = ?1 and s.workflow = ?2 and a.kind = 'run' and a.outcome = '\"success\"'
                 and a.finished_at is not null
             order by a.id desc",
        )?;
        let rows = statement.query_map(params![project, workflow], |row| {
            let took = time(row, 2)?.duration_since(time(row, 1)?);
            // A clock that was set back in between: it took no time that anybody knows.
            Ok((AttemptId(row.get(0)?), Duration::try_from(took).unwrap_or_default()))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How far the transfers are that an attempt works on now, as far as its process has told in the last second.
    pub fn progress(&self, attempt: AttemptId) -> Result<BTreeMap<TransferName, Progress>, StateError> {
        let live = live::read(&lock::path_of(self.file(), attempt));
        let mut statement = self.connection.prepare_cached(
            "select key, task, source, target from transfers where attempt = ?1 and state = 'running'",
        )?;
        let rows = statement.query_map([attempt.0], |row| {
            let name = (TaskName::from_full(row.get::<_, String>(1)?), row.get(2)?, row.get(3)?);
            Ok((row.get::<_, String>(0)?, name))
        })?;
        let mut progress = BTreeMap::new();
        for row in rows {
            let (key, name) = row?;
            if let Some(so_far) = live.get(&key) {
                progress.insert(name, *so_far);
            }
        }
        Ok(progress)
    }
}
