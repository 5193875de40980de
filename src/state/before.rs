//! What was before an attempt: how its workflow ended the last time, and how many rows its targets got.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, params};

use super::history::json;
use super::{StateError, Store};
use crate::run::event::AttemptOutcome;
use crate::session::AttemptId;

impl Store {
    /// How the last attempt before this one ended that ran the same workflow; not one that ran a part of it.
    pub fn outcome_before(&self, attempt: AttemptId) -> Result<Option<AttemptOutcome>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "select a.outcome from attempts own join sessions os on os.id = own.session
             join sessions s on s.project = os.project and s.workflow = os.workflow
             join attempts a on a.session = s.id
             where own.id = ?1 and a.id < ?1 and a.outcome is not null and a.outcome <> '\"partial\"'
             order by a.id desc limit 1",
        )?;
        Ok(statement.query_row([attempt.0], |row| json(row, 0)).optional()?)
    }

    /// The rows that the last good copy to each target sent, in any workflow of the project, before an attempt. One look at
    /// all that is remembered.
    pub fn rows_before(&self, attempt: AttemptId) -> Result<HashMap<String, u64>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "select coalesce(nullif(t.report ->> '$.target', ''), t.target) as place, t.report ->> '$.rows_sent', max(t.id)
             from transfers t join attempts a on a.id = t.attempt join sessions s on s.id = a.session
             where s.project = (select project from sessions where id = (select session from attempts where id = ?1))
                 and t.attempt < ?1 and t.state = 'success' and t.report is not null
             group by place",
        )?;
        let rows = statement.query_map(params![attempt.0], |row| {
            let sent: Option<i64> = row.get(1)?;
            Ok((row.get(0)?, sent.and_then(|sent| u64::try_from(sent).ok()).unwrap_or(0)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::run::event::{EventKind, RunEvent};
    use crate::session::TaskName;
    use crate::state::testing::attempt;
    use crate::state::{NewAttempt, Process};
    use crate::transfer::gauge::Gauge;
    use crate::transfer::report::TransferReport;

    #[test]
    fn what_was_before_counts_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("state.db")).unwrap();
        let mut ran = |workflow: &str, rows: Option<u64>, outcome| {
            let new = NewAttempt { workflow: workflow.into(), ..attempt(Process::current()) };
            let (begun, _) = store.begin(&new).unwrap();
            let (task, key) = (TaskName::from_full("+wf+a"), "k".to_owned());
            let (source, target) = ("s".to_owned(), "t".to_owned());
            let started = EventKind::TransferStarted {
                task: task.clone(),
                key: key.clone(),
                source,
                target: target.clone(),
                gauge: Gauge::default(),
            };
            let report = TransferReport { rows_sent: rows.unwrap_or(0), target, ..TransferReport::default() };
            let finished = rows.map(|_| EventKind::TransferFinished { task, key, report });
            let ended = EventKind::AttemptFinished { outcome };
            for kind in [Some(started), finished, Some(ended)].into_iter().flatten() {
                store.record([(begun.id, &RunEvent { at: Timestamp::UNIX_EPOCH, kind })]).unwrap();
            }
            begun.id
        };
        let first = ran("wf", Some(7), AttemptOutcome::Signal(15));
        ran("wf", None, AttemptOutcome::Partial);
        let second = ran("other", Some(9), AttemptOutcome::Failed);
        let third = ran("wf", Some(3), AttemptOutcome::Success);
        let rows = |id| store.rows_before(id).unwrap().get("t").copied();
        assert_eq!([first, second, third].map(rows), [None, Some(7), Some(9)]);
        let outcome = |id| store.outcome_before(id).unwrap();
        assert_eq!([first, second, third].map(outcome), [None, None, Some(AttemptOutcome::Signal(15))]);
    }
}
