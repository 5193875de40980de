//! The run that another one is compared with.

use rusqlite::{OptionalExtension as _, params};

use super::{SessionRecord, StateError, Store};
use crate::session::AttemptId;

/// So many sessions are looked at, by session time, newest first, from that of the attempt on.
const SESSIONS: u32 = 100;

const SQL: &str = "select a.id
     from (select id from sessions where project = ?1 and workflow = ?2 and session_time <= ?3
           order by session_time desc limit ?4) s
     join attempts a on a.session = s.id
     where a.outcome = '\"success\"' and a.id < ?5 order by a.id desc limit 1";

impl Store {
    /// The newest attempt at the workflow that ended well before an attempt began for the first time, for the same session
    /// or an earlier one, with its session. None when there is none among 100 sessions.
    pub fn last_good_before(&self, session: &SessionRecord) -> Result<Option<SessionRecord>, StateError> {
        let values = params![
            session.project,
            session.workflow,
            session.session_time,
            SESSIONS,
            session.attempt.starting_attempt.0
        ];
        let found: Option<i64> =
            self.connection.prepare_cached(SQL)?.query_row(values, |row| row.get(0)).optional()?;
        found.map_or(Ok(None), |id| self.session_of(AttemptId(id)))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
    use crate::state::testing::attempt;
    use crate::state::{AttemptKind, NewAttempt, Process};

    fn run(store: &mut Store, day: u8, after: Option<AttemptId>, outcome: AttemptOutcome) -> AttemptId {
        let new = NewAttempt {
            session_time: format!("2026-01-{day:02}T00:00:00+00:00"),
            kind: if after.is_some() { AttemptKind::Retry } else { AttemptKind::Run },
            starting_attempt: after,
            ..attempt(Process::current())
        };
        let (begun, _) = store.begin(&new).unwrap();
        let event = RunEvent { at: Timestamp::UNIX_EPOCH, kind: EventKind::AttemptFinished { outcome } };
        store.record([(begun.id, &event)]).unwrap();
        begun.id
    }

    #[test]
    fn the_last_good_run_is_one_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("state.db")).unwrap();
        let before = |store: &Store, attempt: AttemptId| {
            let session = store.session_of(attempt).unwrap().unwrap();
            store.last_good_before(&session).unwrap().map(|good| good.attempt.id)
        };
        let first = run(&mut store, 2, None, AttemptOutcome::Success);
        assert_eq!(before(&store, first), None);
        let partial = run(&mut store, 3, None, AttemptOutcome::Partial);
        let failed = run(&mut store, 4, None, AttemptOutcome::Failed);
        let retried = run(&mut store, 4, Some(failed), AttemptOutcome::Success);
        for later in [partial, failed, retried] {
            assert_eq!(before(&store, later), Some(first), "{later}");
        }
        let again = run(&mut store, 4, None, AttemptOutcome::Failed);
        assert_eq!(before(&store, again), Some(retried), "the same session");
        let made_up_for = run(&mut store, 3, None, AttemptOutcome::Success);
        assert_eq!(before(&store, made_up_for), Some(first), "no later session");
    }

    #[test]
    fn the_look_goes_by_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("state.db")).unwrap();
        let mut statement = store.connection.prepare(&format!("explain query plan {SQL}")).unwrap();
        let plan = statement.query_map(params!["/p", "wf", "2026", 1, 1], |row| row.get::<_, String>(3));
        let scans: Vec<String> =
            plan.unwrap().map(Result::unwrap).filter(|step| step.starts_with("SCAN")).collect();
        assert_eq!(scans, ["SCAN s"], "parts of the answer alone");
    }
}
