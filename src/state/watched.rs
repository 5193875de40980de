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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
    use crate::session::TaskState;
    use crate::state::testing::{attempt, store};
    use crate::state::{AttemptKind, NewAttempt, Process};
    use crate::transfer::gauge::Gauge;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn tell(store: &mut Store, id: AttemptId, second: i64, kind: EventKind) {
        store.record([(id, &RunEvent { at: at(second), kind })]).unwrap();
    }

    fn task(name: &str) -> TaskName {
        TaskName::from_full(name)
    }

    fn started(name: &str) -> EventKind {
        EventKind::TaskStarted { task: task(name), operator: "sh".into(), round: 1 }
    }

    fn ended(name: &str, state: TaskState) -> EventKind {
        EventKind::TaskFinished { task: task(name), state, result: None, failure: None }
    }

    #[test]
    fn sessions_are_chosen_by_workflow_and_start() {
        let (_folder, mut store) = store();
        let runs =
            [("a", "2026-01-01T00:00:00Z"), ("b", "2026-01-01T00:00:00.5Z"), ("a", "2026-01-02T00:00:00Z")];
        for (day, (workflow, at)) in runs.iter().enumerate() {
            let new = NewAttempt {
                workflow: (*workflow).into(),
                session_time: format!("2026-01-0{}T00:00:00+00:00", day + 1),
                at: at.parse().unwrap(),
                ..attempt(Process::current())
            };
            let (begun, _) = store.begin(&new).unwrap();
            tell(&mut store, begun.id, 0, EventKind::AttemptFinished { outcome: AttemptOutcome::Success });
        }
        let found = |workflow, since: Option<&str>| -> Vec<i64> {
            let sought = Sought { workflow, since: since.map(|since| since.parse().unwrap()) };
            store.sessions("/p", sought, 10).unwrap().iter().map(|session| session.id.0).collect()
        };
        assert_eq!(found(None, None), [3, 2, 1]);
        assert_eq!(found(Some("a"), None), [3, 1]);
        assert_eq!(found(None, Some("2026-01-01T00:00:00.2Z")), [3, 2], "within a second, too");
        assert_eq!(found(Some("c"), None), [0; 0]);
        assert_eq!(store.sessions("/p", Sought::default(), 2).unwrap().len(), 2);
        assert_eq!(store.workflows("/p").unwrap(), ["a", "b"]);
        assert_eq!(store.workflows("/other").unwrap(), [""; 0]);
    }

    #[test]
    fn tasks_stand_as_the_last_attempt_that_goes_on_left_them() {
        let (_folder, mut store) = store();
        let (first, _) = store.begin(&attempt(Process::current())).unwrap();
        for name in ["+wf+a", "+wf+b+a"] {
            tell(&mut store, first.id, 1, started(name));
            tell(&mut store, first.id, 2, ended(name, TaskState::Error));
        }
        tell(&mut store, first.id, 3, EventKind::AttemptFinished { outcome: AttemptOutcome::Failed });
        let retry = NewAttempt {
            kind: AttemptKind::Retry,
            starting_attempt: Some(first.id),
            ..attempt(Process::current())
        };
        let (second, _) = store.begin(&retry).unwrap();
        tell(&mut store, second.id, 4, started("+wf+a"));
        let states = |of: &AttemptRecord, end: &str| -> Vec<(String, TaskState, i64)> {
            let tasks = store.tasks_ending_in(of, end).unwrap();
            tasks.iter().map(|task| (task.name.to_string(), task.state, task.attempt.0)).collect()
        };
        let left = |name: &str| (name.to_owned(), TaskState::Error, 1);
        assert_eq!(states(&first, "+a"), [left("+wf+a"), left("+wf+b+a")]);
        assert_eq!(states(&second, "+wf+a"), [("+wf+a".to_owned(), TaskState::Running, 2)]);
        assert_eq!(states(&second, "+b+a"), [left("+wf+b+a")]);
        assert_eq!(states(&second, "%"), [], "it is no pattern");
    }

    #[test]
    fn another_process_sees_that_something_has_changed_and_how_far_transfers_are() {
        let (_folder, mut writer) = store();
        let (begun, _) = writer.begin(&attempt(Process::current())).unwrap();
        let reader = Store::open(writer.path()).unwrap();
        let version = reader.version().unwrap();
        assert_eq!(reader.version().unwrap(), version);
        let (source, target) = ("mysql a.b".to_owned(), "file b.csv".to_owned());
        let gauge = Gauge::default();
        gauge.set(700, 9);
        let start = EventKind::TransferStarted {
            task: task("+wf+a"),
            key: "key".into(),
            source: source.clone(),
            target: target.clone(),
            gauge,
        };
        assert_eq!(reader.progress(begun.id).unwrap(), BTreeMap::new());
        tell(&mut writer, begun.id, 1, start);
        assert_ne!(reader.version().unwrap(), version);
        let known = BTreeMap::from([((task("+wf+a"), source, target), Progress { rows: 700, bytes: 9 })]);
        assert_eq!(reader.progress(begun.id).unwrap(), known);
        let (task, key) = (task("+wf+a"), "key".to_owned());
        tell(&mut writer, begun.id, 3, EventKind::TransferFinished { task, key, report: Default::default() });
        assert_eq!(reader.progress(begun.id).unwrap(), BTreeMap::new());
    }

    #[test]
    fn what_good_runs_of_a_workflow_took_is_what_each_of_them_is_held_against() {
        let (_folder, mut store) = store();
        for seconds in [10, 20, 30] {
            let (begun, _) = store.begin(&attempt(Process::current())).unwrap();
            tell(
                &mut store,
                begun.id,
                seconds,
                EventKind::AttemptFinished { outcome: AttemptOutcome::Success },
            );
        }
        let all = store.good_durations("/p", "wf").unwrap();
        let before: Vec<Duration> =
            all.iter().filter(|(id, _)| *id < AttemptId(3)).map(|(_, took)| *took).collect();
        assert_eq!(before, store.last_durations(AttemptId(3), 10).unwrap());
        assert_eq!(all.len(), 3);
    }
}
