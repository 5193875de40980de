//! What each task of a workflow took and copied when it last ended well: by that the next run decides who starts first.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::params;

use super::history::time;
use super::{StateError, Store};
use crate::session::TaskName;

/// So many sessions of a workflow are looked at, by session time, newest first: however often it runs and however long
/// its runs are kept, the look takes as long.
const SESSIONS: u32 = 100;

const SQL: &str = "with good as materialized (
         select a.session, a.starting_attempt
         from (select id from sessions where project = ?1 and workflow = ?2
               order by session_time desc limit ?3) s
         join attempts a on a.session = s.id
         where a.outcome = '\"success\"' order by a.id desc limit 1
     ), parts as materialized (
         select a.id from good g join attempts a
         on a.session = g.session and a.starting_attempt = g.starting_attempt
     ), copied as materialized (
         select attempt, task, sum(report ->> '$.bytes') as bytes, sum(report ->> '$.seconds') as seconds
         from transfers where attempt in (select id from parts) and state = 'success' group by attempt, task
     )
     select t.name, t.operator, t.started_at, t.finished_at, c.bytes, c.seconds
     from parts p join tasks t on t.attempt = p.id
     left join copied c on c.attempt = t.attempt and c.task = t.name
     where t.state = 'success' and t.operator is not null and t.started_at is not null
         and t.finished_at is not null
     order by t.attempt";

/// A task that ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFigures {
    /// Its full name.
    pub name: TaskName,
    /// Its operator, without `>`.
    pub operator: String,
    /// From its first start to its end.
    pub took: Duration,
    /// What its transfers sent, and the sum of their times; none when it had none.
    pub copied: Option<(u64, Duration)>,
}

impl Store {
    /// The operator tasks of the newest attempt of a workflow that succeeded as a whole, and of those that it continued.
    /// Of a task that worked in several of them, the last comes last. None when no run among the newest 100 sessions did.
    pub fn last_good_figures(&self, project: &str, workflow: &str) -> Result<Vec<TaskFigures>, StateError> {
        let mut statement = self.connection.prepare(SQL)?;
        let rows = statement.query_map(params![project, workflow, SESSIONS], |row| {
            let (started, finished): (Timestamp, Timestamp) = (time(row, 2)?, time(row, 3)?);
            // A clock that was set back in between makes it none.
            let took = Duration::try_from(finished.duration_since(started)).unwrap_or_default();
            let copied = match (row.get::<_, Option<i64>>(4)?, row.get::<_, Option<f64>>(5)?) {
                (Some(bytes), Some(seconds)) => Some((
                    u64::try_from(bytes).unwrap_or_default(),
                    Duration::try_from_secs_f64(seconds).unwrap_or_default(),
                )),
                _ => None,
            };
            let name = TaskName::from_full(row.get::<_, String>(0)?);
            Ok(TaskFigures { name, operator: row.get(1)?, took, copied })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
    use crate::session::{AttemptId, Params, TaskState};
    use crate::state::{AttemptKind, NewAttempt, Process};
    use crate::transfer::gauge::Gauge;
    use crate::transfer::report::TransferReport;

    struct Run<'s> {
        store: &'s mut Store,
        attempt: AttemptId,
    }

    impl<'s> Run<'s> {
        fn of(store: &'s mut Store, project: &str, day: u8, after: Option<AttemptId>) -> Self {
            let new = NewAttempt {
                project: project.into(),
                workflow: "wf".into(),
                file: "wf.dig".into(),
                session_time: format!("2026-01-{day:02}T00:00:00+00:00"),
                kind: if after.is_some() { AttemptKind::Retry } else { AttemptKind::Run },
                starting_attempt: after,
                required_by: None,
                name: None,
                params: Params::new(),
                secret_params: Vec::new(),
                process: Process::current(),
                at: Timestamp::UNIX_EPOCH,
            };
            let (attempt, _) = store.begin(&new).unwrap();
            Self { store, attempt: attempt.id }
        }

        fn tell(&mut self, second: i64, kind: EventKind) {
            let event = RunEvent { at: Timestamp::from_second(second).unwrap(), kind };
            self.store.record([(self.attempt, &event)]).unwrap();
        }

        fn task(mut self, name: &str, seconds: i64, state: TaskState, copied: &[u64]) -> Self {
            let task = TaskName::from_full(name);
            self.tell(0, EventKind::TaskStarted { task: task.clone(), operator: "embulk".into(), round: 1 });
            for (number, bytes) in copied.iter().enumerate() {
                let (task, key) = (task.clone(), format!("{name} {number}"));
                let (source, target) = (String::new(), String::new());
                self.tell(
                    0,
                    EventKind::TransferStarted {
                        task: task.clone(),
                        key: key.clone(),
                        source,
                        target,
                        gauge: Gauge::default(),
                    },
                );
                let report = TransferReport { bytes: *bytes, seconds: 0.5, ..TransferReport::default() };
                self.tell(0, EventKind::TransferFinished { task, key, report });
            }
            self.tell(seconds, EventKind::TaskFinished { task, state, result: None, failure: None });
            self
        }

        fn ends(mut self, outcome: AttemptOutcome) -> AttemptId {
            self.tell(99, EventKind::AttemptFinished { outcome });
            self.attempt
        }
    }

    fn said(store: &Store) -> Vec<String> {
        let figures = store.last_good_figures("/p", "wf").unwrap();
        figures.iter().map(|task| format!("{} {:?} {:?}", task.name, task.took, task.copied)).collect()
    }

    #[test]
    fn the_last_run_that_ended_well_counts_with_all_its_attempts() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("state.db")).unwrap();
        assert_eq!(said(&store), [""; 0]);
        let (good, bad) = (TaskState::Success, TaskState::Error);
        Run::of(&mut store, "/p", 1, None).task("+wf+old", 1, good, &[]).ends(AttemptOutcome::Success);
        let first = Run::of(&mut store, "/p", 2, None)
            .task("+wf+a", 3, good, &[40, 2])
            .task("+wf+b", 4, bad, &[7])
            .ends(AttemptOutcome::Failed);
        assert_eq!(said(&store), ["+wf+old 1s None"]);
        Run::of(&mut store, "/p", 2, Some(first))
            .task("+wf+b", 5, good, &[9])
            .task("+wf+c", 6, good, &[])
            .ends(AttemptOutcome::Success);
        // None of these is a good run of the workflow here.
        Run::of(&mut store, "/p", 3, None).task("+wf+x", 1, good, &[]).ends(AttemptOutcome::Partial);
        Run::of(&mut store, "/p", 4, None).task("+wf+x", 1, good, &[]).ends(AttemptOutcome::Failed);
        Run::of(&mut store, "/other", 5, None).task("+wf+x", 1, good, &[]).ends(AttemptOutcome::Success);
        assert_eq!(said(&store), ["+wf+a 3s Some((42, 1s))", "+wf+b 5s Some((9, 500ms))", "+wf+c 6s None"]);
        // A session of long ago that was done again now.
        Run::of(&mut store, "/p", 1, None).task("+wf+again", 8, good, &[]).ends(AttemptOutcome::Success);
        assert_eq!(said(&store), ["+wf+again 8s None"]);
    }

    #[test]
    fn every_look_goes_by_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("state.db")).unwrap();
        let mut statement = store.connection.prepare(&format!("explain query plan {SQL}")).unwrap();
        let plan = statement.query_map(params!["/p", "wf", SESSIONS], |row| row.get::<_, String>(3)).unwrap();
        let scans: Vec<String> = plan.map(Result::unwrap).filter(|step| step.starts_with("SCAN")).collect();
        assert_eq!(scans, ["SCAN s", "SCAN g", "SCAN parts", "SCAN p"], "parts of the answer alone");
    }
}
