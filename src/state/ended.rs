//! Attempts that have ended and that nobody has looked at yet: whether people are to be told of them, and how, is for the
//! properties to say, which the state does not know. The note is made with the end itself, so a process that is killed right
//! after it leaves it to the next.

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::history::time;
use super::undelivered::{self, Reason};
use super::{StateError, Store};
use crate::session::{AttemptId, Params};

/// The word of such an attempt in the table of what is to be told.
pub(super) const ENDED: &str = "ended";

/// What becomes of what is to be told of an attempt besides its notices: the words of [`Reason`] but `notice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Kept,
    Dropped,
}

impl Store {
    /// The attempts of a project that have ended and that nobody has looked at yet, with when they ended, oldest first.
    pub fn to_look_at(&self, project: &str) -> Result<Vec<(AttemptId, Timestamp)>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "select attempt, since from undelivered
             where project = ?1 and reason = ?2 and attempt is not null order by id",
        )?;
        let rows =
            statement.query_map([project, ENDED], |row| Ok((AttemptId(row.get(0)?), time(row, 1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// An attempt was looked at: these notices are to be told of it. Of two processes that look at it one is heard.
    pub fn looked_at(
        &mut self,
        attempt: AttemptId,
        notices: &[Params],
        rest: Rest,
    ) -> Result<(), StateError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for notice in notices {
            transaction.execute(
                "insert into undelivered (project, attempt, reason, notification, since)
                 select project, attempt, ?3, ?4, since from undelivered where attempt = ?1 and reason = ?2",
                params![attempt.0, ENDED, Reason::Notice.word(), serde_json::to_string(notice)?],
            )?;
        }
        if rest == Rest::Dropped {
            transaction.execute(
                "delete from undelivered where attempt = ?1 and reason not in (?2, ?3)",
                params![attempt.0, ENDED, Reason::Notice.word()],
            )?;
        }
        transaction.execute(
            "delete from undelivered where attempt = ?1 and reason = ?2",
            params![attempt.0, ENDED],
        )?;
        Ok(transaction.commit()?)
    }
}

/// Notes that an attempt has ended that people asked for, however it did.
pub(super) fn of_ended(connection: &Connection, attempt: AttemptId, at: &str) -> Result<(), StateError> {
    undelivered::note(connection, attempt, ENDED, at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
    use crate::run::notification::Notification;
    use crate::state::Process;
    use crate::state::testing::attempt;

    fn event(kind: EventKind) -> RunEvent {
        RunEvent { at: Timestamp::UNIX_EPOCH, kind }
    }

    #[test]
    fn an_attempt_that_ended_is_looked_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("state.db")).unwrap();
        let mut ended = |outcome| {
            let (begun, _) = store.begin(&attempt(Process::current())).unwrap();
            store.record([(begun.id, &event(EventKind::AttemptFinished { outcome }))]).unwrap();
            begun.id
        };
        let (good, bad) = (ended(AttemptOutcome::Success), ended(AttemptOutcome::Failed));
        let since = Timestamp::UNIX_EPOCH;
        assert_eq!(store.to_look_at("/p").unwrap(), [(good, since), (bad, since)]);
        assert_eq!(store.to_look_at("/q").unwrap(), []);
        let notice = Notification::new("it ended").fields();
        store.looked_at(good, &[], Rest::Dropped).unwrap();
        store.looked_at(bad, &[notice.clone(), notice.clone()], Rest::Kept).unwrap();
        store.looked_at(bad, std::slice::from_ref(&notice), Rest::Kept).unwrap();
        let words = |store: &Store| -> Vec<&str> {
            store.undelivered("/p").unwrap().iter().map(|one| one.reason.word()).collect()
        };
        assert_eq!(words(&store), ["failed", "notice", "notice"]);
        assert_eq!(store.undelivered("/p").unwrap()[1].notification, Some(notice));
        store.looked_at(bad, &[], Rest::Dropped).unwrap();
        assert_eq!(words(&store), ["notice", "notice"]);
        assert_eq!(store.to_look_at("/p").unwrap(), []);
    }
}
