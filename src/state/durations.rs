//! How long the last runs of a workflow took.

use std::time::Duration;

use rusqlite::params;

use super::history::time;
use super::{StateError, Store};
use crate::session::AttemptId;

impl Store {
    /// What the last runs of an attempt's workflow took that began before it and ended well, newest first, at most
    /// `limit`. Not retries, which run only what was left, nor runs of a part.
    pub fn last_durations(&self, attempt: AttemptId, limit: usize) -> Result<Vec<Duration>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "select a.started_at, a.finished_at from attempts own join sessions os on os.id = own.session
             join sessions s on s.project = os.project and s.workflow = os.workflow
             join attempts a on a.session = s.id
             where own.id = ?1 and a.id < ?1 and a.kind = 'run' and a.outcome = '\"success\"'
                 and a.finished_at is not null
             order by a.id desc limit ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![attempt.0, limit], |row| {
            let took = time(row, 1)?.duration_since(time(row, 0)?);
            // A clock that was set back in between: it took no time that anybody knows.
            Ok(Duration::try_from(took).unwrap_or_default())
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
    use crate::state::testing::attempt;
    use crate::state::{AttemptKind, NewAttempt, Process};

    #[test]
    fn good_runs_before_it_count_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("state.db")).unwrap();
        let mut ran = |workflow: &str, kind, seconds, outcome| {
            let new = NewAttempt { workflow: workflow.into(), kind, ..attempt(Process::current()) };
            let (begun, _) = store.begin(&new).unwrap();
            let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
            let kind = EventKind::AttemptFinished { outcome };
            store.record([(begun.id, &RunEvent { at, kind })]).unwrap();
            begun.id
        };
        let (run, retry) = (AttemptKind::Run, AttemptKind::Retry);
        ran("wf", run, 10, AttemptOutcome::Success);
        ran("wf", run, -5, AttemptOutcome::Success);
        ran("wf", run, 30, AttemptOutcome::Success);
        ran("wf", run, 1, AttemptOutcome::Failed);
        ran("wf", run, 2, AttemptOutcome::Partial);
        ran("wf", retry, 3, AttemptOutcome::Success);
        ran("other", run, 4, AttemptOutcome::Success);
        let own = ran("wf", run, 90, AttemptOutcome::Success);
        ran("wf", run, 5, AttemptOutcome::Success);
        let seconds = |limit| -> Vec<u64> {
            store.last_durations(own, limit).unwrap().iter().map(Duration::as_secs).collect()
        };
        assert_eq!(seconds(10), [30, 0, 10]);
        assert_eq!(seconds(1), [30]);
    }
}
