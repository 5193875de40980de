//! Removes what is old: the rows of sessions that ended long ago, a few in each transaction.
//!
//! The file is not made smaller: the pages are used again, so it stays as large as it was when most was kept, and no run
//! waits for a vacuum.

use std::io;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::store::{close_as_lost, unfinished};
use super::{Life, StateError, Store, undelivered};
use crate::session::{AttemptId, SessionId};

/// What stays of a project, however old: a session that has not ended; the last one of each workflow, the last that
/// people asked for and the last good one (`last`, and what the next run is planned by); one that may have left something
/// staged outside, which the next copy to that target removes by what is recorded here. The newest session of the file
/// stays as well, as its number would be given again.
const OLD: &str = "with old as (
         select s.id, s.workflow, s.session_time,
             (select max(id) from attempts where session = s.id) as last,
             (select max(id) from attempts where session = s.id and required_by is null) as last_asked,
             (select max(id) from attempts where session = s.id and outcome = '\"success\"') as last_good,
             (select count(*) from attempts where session = s.id) as attempts
         from sessions s
         where s.project = ?1 and s.id in (select session from attempts where finished_at < ?2)
     )
     select o.id, o.workflow, o.session_time, o.attempts from old o
     where o.id < (select max(id) from sessions)
     and not exists (select 1 from attempts a where a.session = o.id
         and (a.outcome is null or a.finished_at is null or a.finished_at >= ?2))
     and exists (select 1 from sessions n join attempts b on b.session = n.id
         where n.project = ?1 and n.workflow = o.workflow and b.id > o.last)
     and (o.last_asked is null or exists (select 1 from sessions n join attempts b on b.session = n.id
         where n.project = ?1 and n.workflow = o.workflow and b.id > o.last_asked and b.required_by is null))
     and (o.last_good is null or exists (select 1 from sessions n join attempts b on b.session = n.id
         where n.project = ?1 and n.workflow = o.workflow and b.id > o.last_good and b.outcome = '\"success\"'))
     and not exists (select 1 from attempts a join effects e on e.attempt = a.id where a.session = o.id
         and (e.outcome is null or e.outcome ->> '$.outcome' = 'staged') and e.effect ->> '$.effect' in ('stage_table', 'stage_object', 'upload_parts'))
     order by o.last limit ?3";

/// A session that nobody needs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldSession {
    pub session: SessionId,
    pub workflow: String,
    pub session_time: String,
    pub attempts: u32,
}

/// What became of a few old sessions.
#[derive(Debug, Default)]
pub struct Pruned {
    /// Those that are gone.
    pub removed: Vec<OldSession>,
    /// Those that stay, as their files could not be moved.
    pub kept: Vec<(OldSession, io::Error)>,
}

impl Store {
    /// The sessions of a project whose last attempt ended before a time and that nothing needs, oldest first, at most
    /// `limit`.
    pub fn old_sessions(
        &self,
        project: &str,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<OldSession>, StateError> {
        old_sessions(&self.connection, project, before, limit)
    }

    /// Removes them. `set_aside` moves the files of a session away first, while no attempt of it can begin: a crash in
    /// between leaves rows, which the next time finds again, and never files that nobody knows of.
    pub fn prune(
        &mut self,
        project: &str,
        before: Timestamp,
        limit: u32,
        mut set_aside: impl FnMut(SessionId) -> io::Result<()>,
    ) -> Result<Pruned, StateError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        undelivered::prune(&transaction, project, before)?;
        let mut pruned = Pruned::default();
        for old in old_sessions(&transaction, project, before, limit)? {
            match set_aside(old.session) {
                Ok(()) => {
                    remove(&transaction, old.session)?;
                    pruned.removed.push(old);
                }
                Err(error) => pruned.kept.push((old, error)),
            }
        }
        transaction.commit()?;
        Ok(pruned)
    }

    /// Closes an attempt of another host as lost, with all of the same process, on the word of people that it is gone.
    /// None when it does not run in this project; [`StateError::Locked`] when it lives here.
    pub fn close_elsewhere(
        &mut self,
        project: &str,
        attempt: AttemptId,
        at: Timestamp,
    ) -> Result<Vec<AttemptId>, StateError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let running = unfinished(&transaction, project, "")?;
        let Some(found) = running.iter().find(|running| running.attempt == attempt) else {
            return Ok(Vec::new());
        };
        if found.process.life() == Life::Lives {
            return Err(StateError::Locked(Box::new(found.clone())));
        }
        let of_process = running.iter().filter(|running| running.process == found.process);
        let closed: Vec<AttemptId> = of_process.map(|running| running.attempt).collect();
        closed.iter().try_for_each(|attempt| close_as_lost(&transaction, *attempt, at))?;
        transaction.commit()?;
        self.unlock(&closed);
        Ok(closed)
    }
}

fn old_sessions(
    connection: &Connection,
    project: &str,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<OldSession>, StateError> {
    let mut statement = connection.prepare_cached(OLD)?;
    let rows = statement.query_map(params![project, before.to_string(), limit], |row| {
        Ok(OldSession {
            session: SessionId(row.get(0)?),
            workflow: row.get(1)?,
            session_time: row.get(2)?,
            attempts: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn remove(connection: &Connection, session: SessionId) -> Result<(), StateError> {
    // An attempt that an attempt of this session required stays one that nobody asked for.
    connection
        .prepare_cached(
            "update attempts set required_by = id where session <> ?1
         and required_by in (select id from attempts where session = ?1)",
        )?
        .execute([session.0])?;
    for table in ["effects", "transfers", "tasks", "notifications", "undelivered"] {
        let sql =
            format!("delete from {table} where attempt in (select id from attempts where session = ?1)");
        connection.prepare_cached(&sql)?.execute([session.0])?;
    }
    connection.prepare_cached("delete from attempts where session = ?1")?.execute([session.0])?;
    connection.prepare_cached("delete from sessions where id = ?1")?.execute([session.0])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
    use crate::session::{Params, TaskName};
    use crate::state::{AttemptKind, AttemptRecord, NewAttempt, Process};
    use crate::transfer::effect::{Effect, EffectOutcome, Staged};

    fn day(number: i32) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * i64::from(number))
    }

    struct Bench {
        _folder: tempfile::TempDir,
        store: Store,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(&folder.path().join("state.db")).unwrap();
            Self { _folder: folder, store }
        }

        /// An attempt of the session of a day, which begins on that day.
        fn begin(&mut self, project: &str, workflow: &str, at: i32, by: Option<AttemptId>) -> AttemptRecord {
            let new = NewAttempt {
                project: project.into(),
                workflow: workflow.into(),
                file: "wf.dig".into(),
                session_time: day(at).to_string(),
                kind: AttemptKind::Run,
                starting_attempt: None,
                required_by: by,
                name: None,
                params: Params::new(),
                secret_params: Vec::new(),
                process: Process::current(),
                at: day(at),
            };
            self.store.begin(&new).unwrap().0
        }

        fn tell(&mut self, attempt: AttemptId, at: i32, kind: EventKind) {
            self.store.record([(attempt, &RunEvent { at: day(at), kind })]).unwrap();
        }

        fn end(&mut self, attempt: AttemptId, at: i32, outcome: AttemptOutcome) {
            self.tell(attempt, at, EventKind::AttemptFinished { outcome });
        }

        fn ran(&mut self, workflow: &str, at: i32, outcome: AttemptOutcome) -> SessionId {
            let attempt = self.begin("/p", workflow, at, None);
            let task = TaskName::from_full("+wf+a");
            self.tell(attempt.id, at, EventKind::TaskStarted { task, operator: "sh".into(), round: 1 });
            self.end(attempt.id, at, outcome);
            attempt.session
        }

        fn prune(&mut self, before: i32) -> Vec<i64> {
            let pruned = self.store.prune("/p", day(before), 100, |_| Ok(())).unwrap();
            pruned.removed.iter().map(|old| old.session.0).collect()
        }

        fn count(&self, table: &str) -> i64 {
            let sql = format!("select count(*) from {table}");
            self.store.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        }
    }

    #[test]
    fn the_last_and_the_last_good_session_of_a_workflow_stay() {
        let mut bench = Bench::new();
        for outcome in [AttemptOutcome::Success, AttemptOutcome::Success, AttemptOutcome::Failed] {
            let at = i32::try_from(bench.count("sessions")).unwrap();
            bench.ran("a", at, outcome);
        }
        bench.ran("a", 3, AttemptOutcome::Failed);
        bench.ran("other", 3, AttemptOutcome::Failed);
        assert_eq!(bench.prune(1), [1], "the others have not ended before");
        assert_eq!(bench.prune(100), [3], "2 is the last good one, 4 the last, 5 the last of the other");
        assert_eq!((bench.count("sessions"), bench.count("attempts"), bench.count("tasks")), (3, 3, 3));
    }

    #[test]
    fn what_runs_or_has_left_something_stays() {
        let mut bench = Bench::new();
        let running = bench.begin("/p", "a", 0, None);
        // Beside it, which the lock lets through for another session of one process.
        let staged = bench.begin("/p", "a", 1, None);
        let (task, key) = (TaskName::from_full("+wf+a"), "k".to_owned());
        let effect = Effect::StageObject { bucket: "b".into(), object: "o".into() };
        let intended =
            EventKind::EffectIntended { task: task.clone(), key: key.clone(), effect: effect.clone() };
        bench.tell(staged.id, 1, intended);
        bench.end(staged.id, 1, AttemptOutcome::Failed);
        let old = bench.begin("/other", "a", 1, None);
        bench.end(old.id, 1, AttemptOutcome::Failed);
        bench.ran("a", 2, AttemptOutcome::Success);
        assert_eq!(bench.prune(100), [0; 0]);
        // Whole, and still there.
        let whole = Staged { rows: 1, bytes: 2, mark: None, generation: None, part: None };
        bench.tell(
            staged.id,
            1,
            EventKind::EffectSettled {
                task: task.clone(),
                key: key.clone(),
                effect: effect.clone(),
                outcome: EffectOutcome::Staged(whole),
            },
        );
        assert_eq!(bench.prune(100), [0; 0]);
        let outcome = EffectOutcome::Removed;
        bench.tell(staged.id, 3, EventKind::EffectSettled { task, key, effect, outcome });
        assert_eq!(bench.prune(100), [staged.session.0]);
        bench.end(running.id, 3, AttemptOutcome::Failed);
        assert_eq!(bench.prune(100), [running.session.0]);
        assert_eq!((bench.count("effects"), bench.count("sessions")), (0, 2), "the other project's stays");
    }

    #[test]
    fn what_was_required_stays_so_and_files_go_before_rows() {
        let mut bench = Bench::new();
        let parent = bench.begin("/p", "parent", 0, None);
        let child = bench.begin("/p", "child", 0, Some(parent.id));
        bench.end(child.id, 0, AttemptOutcome::Success);
        bench.end(parent.id, 0, AttemptOutcome::Success);
        bench.ran("parent", 1, AttemptOutcome::Success);
        let refused = bench.store.prune("/p", day(100), 100, |_| Err(io::Error::other("no"))).unwrap();
        assert_eq!((refused.removed.len(), refused.kept.len(), bench.count("sessions")), (0, 1, 3));
        assert_eq!(bench.prune(100), [parent.session.0]);
        assert_eq!(bench.store.last_session("/p").unwrap().unwrap().workflow, "parent");
        let required: i64 = bench
            .store
            .connection
            .query_row("select count(*) from attempts where required_by = id", [], |row| row.get(0))
            .unwrap();
        assert_eq!(required, 1);
    }

    #[test]
    fn no_look_reads_everything() {
        let bench = Bench::new();
        let mut statement = bench.store.connection.prepare(&format!("explain query plan {OLD}")).unwrap();
        let plan = statement.query_map(params!["/p", "x", 1], |row| row.get::<_, String>(3)).unwrap();
        let scans: Vec<String> = plan.map(Result::unwrap).filter(|step| step.starts_with("SCAN")).collect();
        assert_eq!(scans, [""; 0]);
    }

    #[test]
    fn people_say_that_a_process_elsewhere_is_gone() {
        let mut bench = Bench::new();
        let attempt = bench.begin("/p", "a", 0, None);
        let none = bench.store.close_elsewhere("/q", attempt.id, day(1)).unwrap();
        assert_eq!(none, [], "another project");
        let alive = bench.store.close_elsewhere("/p", attempt.id, day(1));
        assert!(matches!(alive, Err(StateError::Locked(_))), "{alive:?}");
        let child = bench.begin("/p", "b", 0, Some(attempt.id));
        bench.store.as_if_killed();
        let sql = "update attempts set host = 'another', boot = 'another'";
        bench.store.connection.execute_batch(sql).unwrap();
        let closed = bench.store.close_elsewhere("/p", attempt.id, day(1)).unwrap();
        assert_eq!(closed, [attempt.id, child.id]);
        assert_eq!(bench.store.close_elsewhere("/p", attempt.id, day(1)).unwrap(), []);
    }
}
