//! What the state remembers, asked for: sessions, attempts, tasks, transfers and what they did outside.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row};
use serde::de::DeserializeOwned;

use super::record::{AttemptRecord, SessionRecord, TaskRecord, TransferRecord, TransferState};
use super::{Process, StateError, Store, lock};
use crate::run::event::{AttemptOutcome, TaskFailure, TaskResult};
use crate::session::{AttemptId, SessionId, TaskName, TaskState};
use crate::transfer::effect::{Abandoned, Effect, EffectOutcome, RecordedEffect};

impl Store {
    /// What all attempts of a transfer recorded, oldest first.
    pub fn effects(&self, key: &str) -> Result<Vec<RecordedEffect>, StateError> {
        let mut statement = self
            .connection
            .prepare_cached("select effect, outcome from effects where key = ?1 order by id")?;
        let rows = statement.query_map([key], |row| {
            Ok(RecordedEffect {
                effect: json::<Effect>(row, 0)?,
                outcome: optional_json::<EffectOutcome>(row, 1)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Staging tables and objects that attempts which are over have left of a target, but for those of the transfer
    /// `key`. What an attempt that is over has left is not over while another one goes on with it.
    pub fn abandoned_tables(&self, key: &str, target: &str) -> Result<Vec<Abandoned>, StateError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "select e.key, e.effect, a.outcome is not null, {PROCESS_COLUMNS}
             from effects e join attempts o on o.id = e.attempt
             join attempts a on a.id = (select max(id) from attempts where starting_attempt = o.starting_attempt)
             where (e.outcome is null or e.outcome ->> '$.outcome' = 'staged') and e.key <> ?1
             and e.effect ->> '$.effect' in ('stage_table', 'stage_object')
             and exists (select 1 from transfers t where t.key = e.key and t.target = ?2) order by e.id"
        ))?;
        let rows = statement.query_map([key, target], |row| {
            let process = process_from(row, 3)?;
            let is_over: bool = row.get(2)?;
            let left = Abandoned { key: row.get(0)?, effect: json(row, 1)? };
            Ok((is_over || !process.is_alive()).then_some(left))
        })?;
        Ok(rows.filter_map(Result::transpose).collect::<Result<_, _>>()?)
    }

    /// A session by its number.
    pub fn session(&self, id: SessionId) -> Result<Option<SessionRecord>, StateError> {
        self.one_session("s.id = ?1", &[&id.0])
    }

    /// The session of a project whose attempt started last, whatever the workflow; not one that another required.
    pub fn last_session(&self, project: &str) -> Result<Option<SessionRecord>, StateError> {
        self.one_session("s.project = ?1 and a.required_by is null", &[&project])
    }

    /// The session of one workflow and time.
    pub fn session_at(
        &self,
        project: &str,
        workflow: &str,
        time: &str,
    ) -> Result<Option<SessionRecord>, StateError> {
        self.one_session(
            "s.project = ?1 and s.workflow = ?2 and s.session_time = ?3",
            &[&project, &workflow, &time],
        )
    }

    /// The session of one workflow whose attempt started last.
    pub fn last_session_of(
        &self,
        project: &str,
        workflow: &str,
    ) -> Result<Option<SessionRecord>, StateError> {
        self.one_session("s.project = ?1 and s.workflow = ?2", &[&project, &workflow])
    }

    /// The session of an attempt, with this attempt in the place of its last.
    pub fn session_of(&self, attempt: AttemptId) -> Result<Option<SessionRecord>, StateError> {
        self.one_session("a.id = ?1", &[&attempt.0])
    }

    fn one_session(
        &self,
        condition: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Option<SessionRecord>, StateError> {
        let sql = sessions_where(&format!("{condition} order by a.id desc limit 1"));
        Ok(self.connection.query_row(&sql, values, session_from).optional()?)
    }

    /// All attempts of a session, oldest first.
    pub fn attempts(&self, session: SessionId) -> Result<Vec<AttemptRecord>, StateError> {
        let mut statement = self.connection.prepare(&attempts_where("a.session = ?1 order by a.id"))?;
        let rows = statement.query_map([session.0], attempt_from)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The tasks of the attempts that continue one starting attempt, oldest first: the last row of a name is
    /// how it stands.
    pub fn tasks(&self, starting: AttemptId) -> Result<Vec<TaskRecord>, StateError> {
        let mut statement = self.connection.prepare(
            "select t.attempt, t.name, t.operator, t.state, t.round, t.started_at, t.finished_at, t.result, t.failure
             from tasks t join attempts a on a.id = t.attempt where a.starting_attempt = ?1 order by t.attempt, t.id",
        )?;
        let rows = statement.query_map([starting.0], task_from)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The transfers of the attempts that continue one starting attempt, oldest first.
    pub fn transfers(&self, starting: AttemptId) -> Result<Vec<TransferRecord>, StateError> {
        let mut statement = self.connection.prepare(
            "select t.attempt, t.task, t.source, t.target, t.state, t.started_at, t.finished_at, t.report, t.failure
             from transfers t join attempts a on a.id = t.attempt where a.starting_attempt = ?1
             order by t.attempt, t.id",
        )?;
        let rows = statement.query_map([starting.0], transfer_from)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

pub(super) fn sessions_where(condition: &str) -> String {
    format!(
        "select {ATTEMPT_COLUMNS}, {PROCESS_COLUMNS}, s.project, s.workflow, s.session_time,
             (select count(*) from attempts where session = s.id)
         from sessions s join attempts a on a.session = s.id where {condition}"
    )
}

pub(super) fn attempts_where(condition: &str) -> String {
    format!("select {ATTEMPT_COLUMNS}, {PROCESS_COLUMNS} from attempts a where {condition}")
}

/// In the order that [`attempt_from`] reads.
const ATTEMPT_COLUMNS: &str =
    "a.id, a.session, a.starting_attempt, a.kind, a.started_at, a.finished_at, a.outcome,
    a.file, a.params, a.secret_params, a.name";

/// In the order that [`process_from`] reads. The lock file of one that has not ended lies beside the state, wherever that
/// is mounted here.
pub(super) const PROCESS_COLUMNS: &str = "a.host, a.boot, a.namespace, a.pid, a.process_started,
    case when a.locked and a.outcome is null
        then (select file from pragma_database_list where name = 'main') end, a.id";

pub(super) fn process_from(row: &Row<'_>, first: usize) -> rusqlite::Result<Process> {
    let attempt = AttemptId(row.get(first + 6)?);
    // A path need not be text.
    let state = row.get_ref(first + 5)?.as_bytes_or_null()?.map(OsStr::from_bytes);
    Ok(Process {
        host: row.get(first)?,
        boot: row.get(first + 1)?,
        namespace: row.get(first + 2)?,
        pid: row.get(first + 3)?,
        started: row.get(first + 4)?,
        lock: state.map(|state| lock::path_of(Path::new(state), attempt)),
    })
}

pub(super) fn attempt_from(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    Ok(AttemptRecord {
        id: AttemptId(row.get(0)?),
        session: SessionId(row.get(1)?),
        starting_attempt: AttemptId(row.get(2)?),
        kind: row.get(3)?,
        started_at: time(row, 4)?,
        finished_at: optional_time(row, 5)?,
        outcome: optional_json::<AttemptOutcome>(row, 6)?,
        file: row.get(7)?,
        params: json(row, 8)?,
        secret_params: json(row, 9)?,
        name: row.get(10)?,
        process: process_from(row, 11)?,
    })
}

pub(super) fn session_from(row: &Row<'_>) -> rusqlite::Result<SessionRecord> {
    Ok(SessionRecord {
        id: SessionId(row.get(1)?),
        attempt: attempt_from(row)?,
        project: row.get(18)?,
        workflow: row.get(19)?,
        session_time: row.get(20)?,
        attempt_count: row.get(21)?,
    })
}

pub(super) fn task_from(row: &Row<'_>) -> rusqlite::Result<TaskRecord> {
    let word: String = row.get(3)?;
    Ok(TaskRecord {
        attempt: AttemptId(row.get(0)?),
        name: TaskName::from_full(row.get::<_, String>(1)?),
        operator: row.get(2)?,
        state: TaskState::from_word(&word).ok_or_else(|| unreadable(3, format!("task state `{word}`")))?,
        round: row.get(4)?,
        started_at: optional_time(row, 5)?,
        finished_at: optional_time(row, 6)?,
        result: optional_json::<TaskResult>(row, 7)?,
        failure: optional_json::<TaskFailure>(row, 8)?,
    })
}

fn transfer_from(row: &Row<'_>) -> rusqlite::Result<TransferRecord> {
    let word: String = row.get(4)?;
    Ok(TransferRecord {
        attempt: AttemptId(row.get(0)?),
        task: TaskName::from_full(row.get::<_, String>(1)?),
        source: row.get(2)?,
        target: row.get(3)?,
        state: TransferState::from_word(&word)
            .ok_or_else(|| unreadable(4, format!("transfer state `{word}`")))?,
        started_at: time(row, 5)?,
        finished_at: optional_time(row, 6)?,
        report: optional_json(row, 7)?,
        failure: optional_json(row, 8)?,
    })
}

fn unreadable(column: usize, what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| unreadable(column, format!("time: {error}")))
}

pub(super) fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    if row.get::<_, Option<String>>(column)?.is_none() {
        return Ok(None);
    }
    time(row, column).map(Some)
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, error.to_string()))
}

fn optional_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    if row.get::<_, Option<String>>(column)?.is_none() {
        return Ok(None);
    }
    json(row, column).map(Some)
}
