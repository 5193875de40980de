//! The one writer of the state file, and the questions others ask it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, TransactionBehavior, params};
use serde::de::DeserializeOwned;

use super::record::{AttemptRecord, NewAttempt, SessionRecord, TaskRecord, TransferRecord, TransferState};
use super::{Process, events, schema};
use crate::run::event::{AttemptOutcome, EventKind, RunEvent, TaskFailure, TaskResult};
use crate::session::{AttemptId, SessionId, TaskName, TaskState};
use crate::transfer::effect::{Abandoned, Effect, EffectOutcome, RecordedEffect};

/// How long to wait for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the state could not be used. Never a reason to go on without it.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// SQLite said no.
    #[error("the state file could not be used: {0}")]
    Sqlite(rusqlite::Error),
    /// The file cannot be opened or brought to this version.
    #[error("the state file `{path}` could not be opened: {error}")]
    Open { path: PathBuf, error: rusqlite::Error },
    /// The folder of the file cannot be made.
    #[error("the folder of the state file `{path}` could not be made: {error}")]
    Folder { path: PathBuf, error: std::io::Error },
    /// The file was written by a newer version of this program.
    #[error("the state file has version {version}, this program knows up to {known}")]
    Newer { version: i64, known: i64 },
    /// An event could not be turned into a row.
    #[error("an event could not be written to the state: {0}")]
    Encode(serde_json::Error),
    /// The workflow runs already.
    #[error(
        "workflow `{}` is already running: attempt {} of session {} ({}), started {} by process {} on `{}`",
        .0.workflow, .0.attempt, .0.session, .0.session_time, .0.started_at, .0.process.pid, .0.process.host
    )]
    Locked(Box<RunningAttempt>),
}

// What is told of an error is in its own text, so neither is a `source`: it would be told twice.
impl From<rusqlite::Error> for StateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<serde_json::Error> for StateError {
    fn from(error: serde_json::Error) -> Self {
        Self::Encode(error)
    }
}

/// Makes a file that is not there yet for its owner alone, whatever the umask: what SQLite lays beside it gets the
/// same mode. One that is there keeps the mode that somebody gave it.
fn private(path: &Path) {
    // An error is SQLite's to tell, which opens the file next.
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

impl StateError {
    /// What people can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        let (Self::Sqlite(error) | Self::Open { error, .. }) = self else {
            return matches!(self, Self::Newer { .. })
                .then_some("a newer version of this program wrote it: use that one, or another state file");
        };
        match error.sqlite_error_code()? {
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => Some(
                "it was left as it is: move it away with its `-wal` and `-shm`, and the next run begins a new one that \
                 knows of nothing before; `sqlite3 FILE .recover` may save what is in it",
            ),
            ErrorCode::DiskFull => Some("make room on its disk"),
            ErrorCode::ReadOnly | ErrorCode::CannotOpen => {
                Some("the user that runs this has to be allowed to write the file and its folder")
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                Some("another process has held it for 30 seconds: try again")
            }
            _ => None,
        }
    }
}

/// The attempt that holds the lock of its workflow.
#[derive(Debug, Clone)]
pub struct RunningAttempt {
    pub workflow: String,
    pub session: SessionId,
    pub session_time: String,
    pub attempt: AttemptId,
    /// The attempt that `sync run` started.
    pub starting_attempt: AttemptId,
    pub started_at: String,
    pub process: Process,
}

/// An open state file.
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    path: PathBuf,
    installation: String,
}

impl Store {
    /// Opens or makes the file and brings it to this program's version.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| StateError::Folder { path: path.to_owned(), error })?;
        }
        Self::open_file(path).map_err(|error| match error {
            StateError::Sqlite(error) => StateError::Open { path: path.to_owned(), error },
            other => other,
        })
    }

    fn open_file(path: &Path) -> Result<Self, StateError> {
        private(path);
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        schema::migrate(&mut connection)?;
        let installation = connection.query_row("select id from installation", [], |row| row.get(0))?;
        Ok(Self { connection, path: path.to_owned(), installation })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The random name of this file; outside names derive from it.
    pub fn installation(&self) -> &str {
        &self.installation
    }

    /// Begins an attempt, unless the workflow runs already in this project ([`StateError::Locked`]). Attempts whose
    /// process is gone are closed as [`AttemptOutcome::Lost`] and returned for people to be told.
    ///
    /// An attempt of this very process holds its session only: a run that requires another session of its own workflow
    /// would else wait for itself.
    pub fn begin(&mut self, new: &NewAttempt) -> Result<(AttemptRecord, Vec<AttemptId>), StateError> {
        self.begin_unless(new, |running| {
            running.process != new.process || running.session_time == new.session_time
        })
    }

    /// Begins an attempt beside others that run. Not beside one that goes on with the same attempt: what both make
    /// outside has the same names.
    pub fn begin_beside(&mut self, new: &NewAttempt) -> Result<(AttemptRecord, Vec<AttemptId>), StateError> {
        self.begin_unless(new, |running| new.starting_attempt == Some(running.starting_attempt))
    }

    fn begin_unless(
        &mut self,
        new: &NewAttempt,
        holds: impl Fn(&RunningAttempt) -> bool,
    ) -> Result<(AttemptRecord, Vec<AttemptId>), StateError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let lost = close_lost(&transaction, new, holds)?;
        transaction.execute(
            "insert into sessions (project, workflow, session_time) values (?1, ?2, ?3) on conflict do nothing",
            params![new.project, new.workflow, new.session_time],
        )?;
        let session: i64 = transaction.query_row(
            "select id from sessions where project = ?1 and workflow = ?2 and session_time = ?3",
            params![new.project, new.workflow, new.session_time],
            |row| row.get(0),
        )?;
        transaction.execute(
            "insert into attempts (session, starting_attempt, kind, started_at, file, params, secret_params, host,
                 boot, pid, process_started, required_by, name)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                session,
                new.starting_attempt.map_or(0, |id| id.0),
                new.kind.word(),
                new.at.to_string(),
                new.file,
                serde_json::to_string(&new.params)?,
                serde_json::to_string(&new.secret_params)?,
                new.process.host,
                new.process.boot,
                new.process.pid,
                new.process.started,
                new.required_by.map(|id| id.0),
                new.name,
            ],
        )?;
        let id = transaction.last_insert_rowid();
        transaction.execute(
            "update attempts set starting_attempt = id where id = ?1 and starting_attempt = 0",
            [id],
        )?;
        let attempt = transaction.query_row(&attempts_where("a.id = ?1"), [id], attempt_from)?;
        transaction.commit()?;
        Ok((attempt, lost))
    }

    /// Writes events in one transaction; they are committed when this returns, all or none. Those that carry no outcome
    /// are passed over.
    pub fn record<'a>(
        &mut self,
        events: impl IntoIterator<Item = (AttemptId, &'a RunEvent)>,
    ) -> Result<(), StateError> {
        let events: Vec<_> = events.into_iter().filter(|(_, event)| event.kind.is_recorded()).collect();
        if events.is_empty() {
            return Ok(());
        }
        // An effect is known of before it happens, and the end of an attempt after it, also when the power fails.
        let is_durable = events.iter().any(|(_, event)| {
            matches!(event.kind, EventKind::EffectIntended { .. } | EventKind::AttemptFinished { .. })
        });
        if is_durable {
            self.connection.pragma_update(None, "synchronous", "full")?;
        }
        let result = self.record_all(&events);
        if is_durable {
            self.connection.pragma_update(None, "synchronous", "normal")?;
        }
        result
    }

    fn record_all(&mut self, events: &[(AttemptId, &RunEvent)]) -> Result<(), StateError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (attempt, event) in events {
            events::write(&transaction, *attempt, event)?;
        }
        Ok(transaction.commit()?)
    }

    /// Closes attempts of a project whose process is gone; `workflow` empty: of all its workflows.
    pub fn recover(&mut self, project: &str, at: Timestamp) -> Result<Vec<AttemptId>, StateError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut lost = Vec::new();
        for running in unfinished(&transaction, project, "")? {
            if !running.process.is_alive() {
                close_as_lost(&transaction, running.attempt, at)?;
                lost.push(running.attempt);
            }
        }
        transaction.commit()?;
        Ok(lost)
    }

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

    /// Staging tables that attempts which are over have left of a target, but for those of the transfer `key`.
    pub fn abandoned_tables(&self, key: &str, target: &str) -> Result<Vec<Abandoned>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "select e.key, e.effect, a.outcome is not null, a.host, a.boot, a.pid, a.process_started
             from effects e join attempts a on a.id = e.attempt
             where e.outcome is null and e.key <> ?1 and e.effect ->> '$.effect' in ('stage_table', 'stage_object')
             and exists (select 1 from transfers t where t.key = e.key and t.target = ?2) order by e.id",
        )?;
        let rows = statement.query_map([key, target], |row| {
            let process =
                Process { host: row.get(3)?, boot: row.get(4)?, pid: row.get(5)?, started: row.get(6)? };
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

    /// Sessions with their last attempt, newest first, at most `limit`.
    pub fn sessions(&self, project: &str, limit: u32) -> Result<Vec<SessionRecord>, StateError> {
        let sql = sessions_where(
            "s.project = ?1 and a.id = (select max(id) from attempts where session = s.id) order by a.id desc limit ?2",
        );
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map(params![project, limit], session_from)?;
        Ok(rows.collect::<Result<_, _>>()?)
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

fn sessions_where(condition: &str) -> String {
    format!(
        "select {ATTEMPT_COLUMNS}, s.project, s.workflow, s.session_time,
             (select count(*) from attempts where session = s.id)
         from sessions s join attempts a on a.session = s.id where {condition}"
    )
}

fn attempts_where(condition: &str) -> String {
    format!("select {ATTEMPT_COLUMNS} from attempts a where {condition}")
}

/// In the order that [`attempt_from`] reads.
const ATTEMPT_COLUMNS: &str =
    "a.id, a.session, a.starting_attempt, a.kind, a.started_at, a.finished_at, a.outcome,
    a.file, a.params, a.secret_params, a.host, a.boot, a.pid, a.process_started, a.name";

fn attempt_from(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
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
        name: row.get(14)?,
        process: Process { host: row.get(10)?, boot: row.get(11)?, pid: row.get(12)?, started: row.get(13)? },
    })
}

fn session_from(row: &Row<'_>) -> rusqlite::Result<SessionRecord> {
    Ok(SessionRecord {
        id: SessionId(row.get(1)?),
        attempt: attempt_from(row)?,
        project: row.get(15)?,
        workflow: row.get(16)?,
        session_time: row.get(17)?,
        attempt_count: row.get(18)?,
    })
}

fn task_from(row: &Row<'_>) -> rusqlite::Result<TaskRecord> {
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

fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
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

/// Attempts without an outcome; of one workflow, or of all when it is empty.
pub(super) fn unfinished(
    connection: &Connection,
    project: &str,
    workflow: &str,
) -> Result<Vec<RunningAttempt>, StateError> {
    let mut statement = connection.prepare(
        "select s.workflow, s.id, s.session_time, a.id, a.started_at, a.host, a.boot, a.pid, a.process_started,
             a.starting_attempt
         from attempts a join sessions s on s.id = a.session
         where a.outcome is null and s.project = ?1 and (?2 = '' or s.workflow = ?2)",
    )?;
    let rows = statement.query_map(params![project, workflow], |row| {
        Ok(RunningAttempt {
            workflow: row.get(0)?,
            session: SessionId(row.get(1)?),
            session_time: row.get(2)?,
            attempt: AttemptId(row.get(3)?),
            started_at: row.get(4)?,
            starting_attempt: AttemptId(row.get(9)?),
            process: Process { host: row.get(5)?, boot: row.get(6)?, pid: row.get(7)?, started: row.get(8)? },
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn close_lost(
    connection: &Connection,
    new: &NewAttempt,
    holds: impl Fn(&RunningAttempt) -> bool,
) -> Result<Vec<AttemptId>, StateError> {
    let mut lost = Vec::new();
    for running in unfinished(connection, &new.project, &new.workflow)? {
        if !running.process.is_alive() {
            close_as_lost(connection, running.attempt, new.at)?;
            lost.push(running.attempt);
        } else if holds(&running) {
            return Err(StateError::Locked(Box::new(running)));
        }
    }
    Ok(lost)
}

/// Its tasks that were under way are taken as canceled; what they did outside is in `effects`.
pub(super) fn close_as_lost(
    connection: &Connection,
    attempt: AttemptId,
    at: Timestamp,
) -> Result<(), StateError> {
    let at = at.to_string();
    connection.execute(
        "update attempts set outcome = ?2, finished_at = ?3 where id = ?1",
        params![attempt.0, serde_json::to_string(&AttemptOutcome::Lost)?, at],
    )?;
    connection.execute(
        "update tasks set state = 'canceled', finished_at = ?2
         where attempt = ?1 and state in ('running', 'retry_waiting', 'planned')",
        params![attempt.0, at],
    )?;
    connection.execute(
        "update transfers set state = 'error', finished_at = ?2 where attempt = ?1 and state = 'running'",
        params![attempt.0, at],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Params;
    use crate::state::AttemptKind;

    fn attempt(process: Process) -> NewAttempt {
        NewAttempt {
            project: "/p".into(),
            workflow: "wf".into(),
            file: "wf.dig".into(),
            session_time: "2026-01-02T00:00:00+00:00".into(),
            kind: AttemptKind::Run,
            starting_attempt: None,
            required_by: None,
            name: None,
            params: Params::new(),
            secret_params: vec!["password".into()],
            process,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("state.db")).unwrap();
        (folder, store)
    }

    fn event(kind: EventKind) -> RunEvent {
        RunEvent { at: Timestamp::UNIX_EPOCH, kind }
    }

    #[test]
    fn a_live_run_locks_its_workflow_and_a_dead_one_does_not() {
        let (_folder, mut store) = store();
        let (first, lost) = store.begin(&attempt(Process::current())).unwrap();
        assert!(lost.is_empty());
        let refused = store.begin(&attempt(Process::current())).unwrap_err();
        assert!(
            refused.to_string().starts_with("workflow `wf` is already running: attempt 1 of session 1"),
            "{refused}"
        );

        let outcome = AttemptOutcome::Success;
        store.record([(first.id, &event(EventKind::AttemptFinished { outcome }))]).unwrap();
        let dead = Process { pid: i64::from(i32::MAX), ..Process::current() };
        let (second, _) = store.begin(&attempt(dead)).unwrap();
        let task = TaskName::from_full("+wf+a");
        let started = EventKind::TaskStarted { task, operator: "sh".into(), round: 1 };
        store.record([(second.id, &event(started))]).unwrap();
        let (third, lost) = store.begin(&attempt(Process::current())).unwrap();
        assert_eq!((lost, third.starting_attempt, third.session), (vec![second.id], third.id, first.session));
        assert_eq!(store.tasks(second.id).unwrap()[0].state, TaskState::Canceled);
    }

    #[test]
    fn a_process_elsewhere_is_never_taken_for_a_dead_one() {
        let (_folder, mut store) = store();
        let elsewhere = Process { host: "another".into(), boot: "another".into(), ..Process::current() };
        store.begin(&attempt(elsewhere)).unwrap();
        assert!(matches!(store.begin(&attempt(Process::current())), Err(StateError::Locked(_))));
        assert_eq!(store.recover("/p", Timestamp::UNIX_EPOCH).unwrap(), []);
    }

    #[test]
    fn a_run_does_not_lock_itself_out_of_another_session() {
        let (_folder, mut store) = store();
        let own = attempt(Process::current());
        let later = NewAttempt { session_time: "2026-01-03T00:00:00+00:00".into(), ..own.clone() };
        store.begin(&own).unwrap();
        store.begin(&later).unwrap();
        assert!(matches!(store.begin(&own), Err(StateError::Locked(_))), "the same session");
        let init = Process { pid: 1, started: 0, ..Process::current() };
        let other = NewAttempt { workflow: "other".into(), process: init, ..own.clone() };
        store.begin(&other).unwrap();
        let second = NewAttempt { workflow: "other".into(), ..later };
        assert!(matches!(store.begin(&second), Err(StateError::Locked(_))), "another process");
    }

    #[test]
    fn an_overlap_is_no_second_retry_of_one_attempt() {
        let (_folder, mut store) = store();
        let own = attempt(Process::current());
        let (first, _) = store.begin(&own).unwrap();
        let (second, _) = store.begin_beside(&own).unwrap();
        assert_eq!((second.session, second.starting_attempt), (first.session, second.id));
        let retry = NewAttempt { starting_attempt: Some(first.id), kind: AttemptKind::Retry, ..own };
        let Err(StateError::Locked(running)) = store.begin_beside(&retry) else { panic!("it begins") };
        assert_eq!(running.attempt, first.id);
    }

    #[test]
    fn a_task_ends_as_its_last_event_says() {
        let (_folder, mut store) = store();
        let (attempt, _) = store.begin(&attempt(Process::current())).unwrap();
        let task = TaskName::from_full("+wf+a");
        let mut result = TaskResult::default();
        result.store.insert("x".into(), 1.into());
        for kind in [
            EventKind::TaskStarted { task: task.clone(), operator: "rb".into(), round: 2 },
            EventKind::TaskFinished {
                task,
                state: TaskState::Success,
                result: Some(result.clone()),
                failure: None,
            },
        ] {
            store.record([(attempt.id, &event(kind))]).unwrap();
        }
        let tasks = store.tasks(attempt.id).unwrap();
        assert_eq!(
            (tasks[0].round, tasks[0].state, tasks[0].result.clone()),
            (2, TaskState::Success, Some(result))
        );
    }

    #[test]
    fn effects_are_found_by_the_key_of_their_transfer() {
        let (_folder, mut store) = store();
        let (attempt, _) = store.begin(&attempt(Process::current())).unwrap();
        let task = TaskName::from_full("+wf+a");
        let effect = Effect::StageObject { bucket: "b".into(), object: "o".into() };
        let intended =
            EventKind::EffectIntended { task: task.clone(), key: "k".into(), effect: effect.clone() };
        store.record([(attempt.id, &event(intended))]).unwrap();
        assert_eq!(store.effects("k").unwrap(), [RecordedEffect { effect: effect.clone(), outcome: None }]);
        let outcome = EffectOutcome::Removed;
        let settled = EventKind::EffectSettled {
            task,
            key: "k".into(),
            effect: effect.clone(),
            outcome: outcome.clone(),
        };
        store.record([(attempt.id, &event(settled))]).unwrap();
        assert_eq!(store.effects("k").unwrap(), [RecordedEffect { effect, outcome: Some(outcome) }]);
        assert!(store.effects("other").unwrap().is_empty());
    }

    #[test]
    fn tables_of_runs_that_are_over_are_abandoned() {
        let (_folder, mut store) = store();
        let dead = Process { boot: "another".into(), ..Process::current() };
        let task = TaskName::from_full("+wf+a");
        let table = |name: &str| Effect::StageTable {
            project: "h:1".into(),
            dataset: "d".into(),
            table: name.into(),
        };
        let mut begin = |workflow: &str, process: Process, key: &str, target: &str| {
            let attempt = NewAttempt { workflow: workflow.into(), ..attempt(process) };
            let (attempt, _) = store.begin(&attempt).unwrap();
            let (task, key) = (task.clone(), key.to_owned());
            let started = EventKind::TransferStarted {
                task: task.clone(),
                key: key.clone(),
                source: "s".into(),
                target: target.into(),
            };
            let intended = EventKind::EffectIntended { task, effect: table(&key), key };
            store.record([(attempt.id, &event(started)), (attempt.id, &event(intended))]).unwrap();
            attempt.id
        };
        begin("dead", dead.clone(), "dead", "t");
        begin("elsewhere", dead.clone(), "elsewhere", "other");
        begin("own", dead, "own", "t");
        let living = begin("living", Process::current(), "living", "t");
        let abandoned = |store: &Store| {
            let left = store.abandoned_tables("own", "t").unwrap();
            left.into_iter().map(|left| left.key).collect::<Vec<_>>()
        };
        assert_eq!(abandoned(&store), ["dead"]);
        let settled = EventKind::EffectSettled {
            task: TaskName::from_full("+wf+b"),
            key: "dead".into(),
            effect: table("dead"),
            outcome: EffectOutcome::Removed,
        };
        store.record([(living, &event(settled))]).unwrap();
        assert_eq!(abandoned(&store), [""; 0]);
    }

    #[test]
    fn what_is_no_state_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        std::fs::write(
            &path,
            "not a database, but somebody's notes that are long enough to be read as a header",
        )
        .unwrap();
        let error = Store::open(&path).unwrap_err();
        let expected =
            format!("the state file `{}` could not be opened: file is not a database", path.display());
        assert_eq!(error.to_string(), expected);
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("not a database"));
    }
}
