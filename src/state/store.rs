//! The one writer of the state file: attempts begin, events are recorded, and what a process that is gone has left is closed.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::history::{PROCESS_COLUMNS, attempt_from, attempts_where, process_from};
use super::record::{AttemptRecord, NewAttempt};
use super::undelivered::{self, Reason};
use super::{Process, StateError, busy, ended, events, journal, live, lock, schema};
use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
use crate::session::{AttemptId, SessionId};

/// How long to wait for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// After so long it is looked whether locks work at all: where they do not, SQLite waits in vain.
const FIRST_TIMEOUT: Duration = Duration::from_secs(1);

/// Makes a file that is not there yet for its owner alone, whatever the umask: what SQLite lays beside it gets the
/// same mode. One that is there keeps the mode that somebody gave it.
fn private(path: &Path) {
    // An error is SQLite's to tell, which opens the file next.
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
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
    /// The same without symbolic links: lock files lie beside it.
    file: PathBuf,
    installation: String,
    /// The lock files of attempts that began here, held until this is dropped.
    locks: HashMap<AttemptId, File>,
    /// Why an attempt that began here holds none.
    lock_trouble: Option<String>,
    /// How far the transfers are whose events are written here.
    board: live::Board,
}

impl Store {
    /// Opens or makes the file and brings it to this program's version.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|error| StateError::Folder { path: path.to_owned(), error })?;
        }
        Self::open_file(path).map_err(|error| match error {
            StateError::Sqlite(error) if busy::is_busy(&error) => held(path),
            StateError::Sqlite(error) if busy::is_without_locks(&error) => {
                StateError::NoLocks { path: path.to_owned() }
            }
            StateError::Sqlite(error) => StateError::Open { path: path.to_owned(), error },
            other => other,
        })
    }

    fn open_file(path: &Path) -> Result<Self, StateError> {
        private(path);
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(FIRST_TIMEOUT)?;
        let prepared = match prepare(&mut connection, path) {
            Err(StateError::Sqlite(error)) if busy::is_busy(&error) => {
                if !busy::locks_work(path) {
                    return Err(StateError::NoLocks { path: path.to_owned() });
                }
                connection.busy_timeout(BUSY_TIMEOUT)?;
                prepare(&mut connection, path)
            }
            prepared => prepared,
        };
        let installation = prepared?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let path = path.to_owned();
        let file = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        Ok(Self {
            connection,
            path,
            file,
            installation,
            locks: HashMap::new(),
            lock_trouble: None,
            board: live::Board::default(),
        })
    }

    /// One that looks and begins nothing.
    pub(super) fn reading(connection: Connection, path: &Path, installation: String) -> Self {
        let path = path.to_owned();
        Self {
            connection,
            file: path.clone(),
            path,
            installation,
            locks: HashMap::new(),
            lock_trouble: None,
            board: live::Board::default(),
        }
    }

    /// Why the attempt that began here holds no lock file. Its process is then known by its number alone, which other
    /// containers cannot look for.
    pub fn lock_trouble(&self) -> Option<&str> {
        self.lock_trouble.as_deref()
    }

    /// Begins a transaction that writes; who holds the file is told when it is held for long.
    fn writing(&mut self) -> Result<Transaction<'_>, StateError> {
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        begun.map_err(|error| if busy::is_busy(&error) { held(&self.path) } else { error.into() })
    }

    /// Gives the lock files back, as the kernel does when a process is killed.
    #[cfg(test)]
    pub(super) fn as_if_killed(&mut self) {
        self.locks.clear();
    }

    /// Removes the lock files of attempts that have ended.
    pub(super) fn unlock(&mut self, attempts: &[AttemptId]) {
        for attempt in attempts {
            self.locks.remove(attempt);
            // One that another process has removed, or that was never made, is gone as well.
            let _ = std::fs::remove_file(lock::path_of(&self.file, *attempt));
        }
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same without symbolic links.
    pub(super) fn file(&self) -> &Path {
        &self.file
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
        let file = self.file.clone();
        let transaction = self.writing()?;
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
                 boot, namespace, pid, process_started, required_by, name)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
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
                new.process.namespace,
                new.process.pid,
                new.process.started,
                new.required_by.map(|id| id.0),
                new.name,
            ],
        )?;
        let id = transaction.last_insert_rowid();
        // It is held before anybody can see the attempt.
        let taken = lock::take(&lock::path_of(&file, AttemptId(id)));
        transaction.execute(
            "update attempts set locked = ?2,
                 starting_attempt = case starting_attempt when 0 then id else starting_attempt end where id = ?1",
            params![id, taken.is_ok()],
        )?;
        let attempt = transaction.query_row(&attempts_where("a.id = ?1"), [id], attempt_from)?;
        transaction.commit()?;
        match taken {
            Ok(file) => {
                self.locks.insert(attempt.id, file);
            }
            Err(error) => self.lock_trouble = Some(error.to_string()),
        }
        self.unlock(&lost);
        Ok((attempt, lost))
    }

    /// Writes events in one transaction; they are committed when this returns, all or none. Those that carry no outcome
    /// are passed over. How far transfers are is told beside it.
    pub fn record<'a>(
        &mut self,
        events: impl IntoIterator<Item = (AttemptId, &'a RunEvent)>,
    ) -> Result<(), StateError> {
        let events: Vec<_> = events.into_iter().filter(|(_, event)| event.kind.is_recorded()).collect();
        for (attempt, event) in &events {
            self.board.take(*attempt, &event.kind, || lock::path_of(&self.file, *attempt));
        }
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
        let transaction = self.writing()?;
        for (attempt, event) in events {
            events::write(&transaction, *attempt, event)?;
        }
        transaction.commit()?;
        let is_end = |kind: &EventKind| matches!(kind, EventKind::AttemptFinished { .. });
        let ended: Vec<_> =
            events.iter().filter(|(_, event)| is_end(&event.kind)).map(|(id, _)| *id).collect();
        self.unlock(&ended);
        Ok(())
    }

    /// Closes attempts of a project whose process is gone. People are to be told of them: see [`Store::undelivered`].
    pub fn recover(&mut self, project: &str, at: Timestamp) -> Result<Vec<AttemptId>, StateError> {
        let file = self.file.clone();
        let transaction = self.writing()?;
        let mut lost = Vec::new();
        for running in unfinished(&transaction, project, "")? {
            if !running.process.is_alive() {
                close_as_lost(&transaction, running.attempt, at)?;
                lost.push(running.attempt);
            }
        }
        // Before the commit: who begins an attempt makes and locks its file within a transaction that writes, and there
        // is one at a time. Afterwards a file that was made a moment ago, and not locked yet, would look like one that
        // was left, of an attempt that nobody knows of; its owner would then hold a file that others do not see.
        remove_left_locks(&transaction, &file)?;
        transaction.commit()?;
        // After it: an attempt that is not closed yet is looked for by its lock.
        self.unlock(&lost);
        Ok(lost)
    }
}

/// Removes lock files that processes left which died as their attempts had ended.
fn remove_left_locks(connection: &Connection, state: &Path) -> Result<(), StateError> {
    for attempt in lock::left(state) {
        let sql = "select count(*) from attempts where id = ?1 and outcome is null";
        let running: i64 = connection.query_row(sql, [attempt.0], |row| row.get(0))?;
        if running == 0 {
            // One that another process has removed is gone as well.
            let _ = std::fs::remove_file(lock::path_of(state, attempt));
        }
    }
    Ok(())
}

/// Makes the file one of ours, of this version. Gives its random name.
fn prepare(connection: &mut Connection, path: &Path) -> Result<String, StateError> {
    connection.pragma_update(None, "journal_mode", journal::mode(path))?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(connection)?;
    Ok(connection.query_row("select id from installation", [], |row| row.get(0))?)
}

fn held(path: &Path) -> StateError {
    StateError::Busy { path: path.to_owned(), holder: busy::holder(path) }
}

/// Attempts without an outcome; of one workflow, or of all when it is empty.
pub(super) fn unfinished(
    connection: &Connection,
    project: &str,
    workflow: &str,
) -> Result<Vec<RunningAttempt>, StateError> {
    let mut statement = connection.prepare(&format!(
        "select s.workflow, s.id, s.session_time, a.id, a.started_at, a.starting_attempt, {PROCESS_COLUMNS}
         from attempts a join sessions s on s.id = a.session
         where a.outcome is null and s.project = ?1 and (?2 = '' or s.workflow = ?2)"
    ))?;
    let rows = statement.query_map(params![project, workflow], |row| {
        Ok(RunningAttempt {
            workflow: row.get(0)?,
            session: SessionId(row.get(1)?),
            session_time: row.get(2)?,
            attempt: AttemptId(row.get(3)?),
            started_at: row.get(4)?,
            starting_attempt: AttemptId(row.get(5)?),
            process: process_from(row, 6)?,
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

/// Its tasks that were under way are taken as canceled; what they did outside is in `effects`. People are to be told.
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
    ended::of_ended(connection, attempt, &at)?;
    undelivered::of_attempt(connection, attempt, Reason::Lost, &at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::TaskResult;
    use crate::session::{TaskName, TaskState};
    use crate::state::AttemptKind;
    use crate::state::testing::{attempt, store};
    use crate::transfer::effect::{Effect, EffectOutcome, RecordedEffect, Staged};
    use crate::transfer::gauge::Gauge;

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
        let held = store.begin(&attempt(Process::current())).unwrap_err();
        assert!(matches!(held, StateError::Locked(_)), "its lock says that it lives: {held}");
        store.as_if_killed();
        let task = TaskName::from_full("+wf+a");
        let started = EventKind::TaskStarted { task, operator: "sh".into(), round: 1 };
        store.record([(second.id, &event(started))]).unwrap();
        let (third, lost) = store.begin(&attempt(Process::current())).unwrap();
        assert_eq!((lost, third.starting_attempt, third.session), (vec![second.id], third.id, first.session));
        assert_eq!(store.tasks(second.id).unwrap()[0].state, TaskState::Canceled);
        store
            .record([(third.id, &event(EventKind::AttemptFinished { outcome: AttemptOutcome::Success }))])
            .unwrap();
        assert_eq!(lock::left(&store.file), [], "lock files go with their attempts");
        assert_eq!(
            std::fs::read_dir(store.path().parent().unwrap()).unwrap().count(),
            3,
            "state, -wal, -shm"
        );
    }

    #[test]
    fn a_process_elsewhere_is_never_taken_for_a_dead_one() {
        let (_folder, mut store) = store();
        let elsewhere = Process { host: "another".into(), boot: "another".into(), ..Process::current() };
        store.begin(&attempt(elsewhere)).unwrap();
        store.as_if_killed();
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
        let begin = |store: &mut Store, workflow: &str, process: Process, key: &str, target: &str| {
            let attempt = NewAttempt { workflow: workflow.into(), ..attempt(process) };
            let (attempt, _) = store.begin(&attempt).unwrap();
            let (task, key) = (task.clone(), key.to_owned());
            let started = EventKind::TransferStarted {
                task: task.clone(),
                key: key.clone(),
                source: "s".into(),
                target: target.into(),
                gauge: Gauge::default(),
            };
            let intended = EventKind::EffectIntended { task, effect: table(&key), key };
            store.record([(attempt.id, &event(started)), (attempt.id, &event(intended))]).unwrap();
            attempt.id
        };
        begin(&mut store, "dead", dead.clone(), "dead", "t");
        begin(&mut store, "elsewhere", dead.clone(), "elsewhere", "other");
        begin(&mut store, "own", dead, "own", "t");
        store.as_if_killed();
        let living = begin(&mut store, "living", Process::current(), "living", "t");
        let abandoned = |store: &Store| {
            let left = store.abandoned_tables("own", "t").unwrap();
            left.into_iter().map(|left| left.key).collect::<Vec<_>>()
        };
        assert_eq!(abandoned(&store), ["dead"]);
        // Whole, and still there.
        let whole = Staged { rows: 1, bytes: 2, mark: None, generation: None, part: None };
        let settled = EventKind::EffectSettled {
            task: TaskName::from_full("+wf+a"),
            key: "dead".into(),
            effect: table("dead"),
            outcome: EffectOutcome::Staged(whole),
        };
        store.record([(living, &event(settled))]).unwrap();
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
    fn what_a_dead_attempt_staged_is_not_abandoned_while_a_retry_goes_on_with_it() {
        let (_folder, mut store) = store();
        let dead = Process { boot: "another".into(), ..Process::current() };
        let (first, _) = store.begin(&attempt(dead.clone())).unwrap();
        let (task, key) = (TaskName::from_full("+wf+a"), "k".to_owned());
        let started = EventKind::TransferStarted {
            task: task.clone(),
            key: key.clone(),
            source: "s".into(),
            target: "t".into(),
            gauge: Gauge::default(),
        };
        let effect = Effect::StageObject { bucket: "b".into(), object: "o".into() };
        let intended = EventKind::EffectIntended { task, key, effect };
        store.record([(first.id, &event(started)), (first.id, &event(intended))]).unwrap();
        let abandoned = |store: &Store| store.abandoned_tables("own", "t").unwrap().len();
        store.as_if_killed();
        assert_eq!(abandoned(&store), 1);
        let again = |process| NewAttempt {
            kind: AttemptKind::Retry,
            starting_attempt: Some(first.id),
            ..attempt(process)
        };
        let (_, recovered) = store.begin(&again(Process::current())).unwrap();
        assert_eq!(recovered.len(), 1, "the first one is over");
        assert_eq!(abandoned(&store), 0);
        store.as_if_killed();
        store.connection.execute("update attempts set boot = 'another'", []).unwrap();
        assert_eq!(abandoned(&store), 1);
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
