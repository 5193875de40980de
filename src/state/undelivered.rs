//! What people have to be told and do not know yet. A row stands in the file before anything is sent and goes when it has
//! arrived: a process that is killed in between tells it once more, never not at all.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::ended::ENDED;
use super::history::{json, optional_time, time};
use super::{StateError, Store};
use crate::session::{AttemptId, Params};

/// Another process may try what one has taken in hand, and has not told the end of, after so long.
const CLAIM: SignedDuration = SignedDuration::from_mins(5);

/// Why people are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The process of an attempt is gone.
    Lost,
    /// A signal stopped an attempt.
    Stopped,
    /// An attempt failed and its alert did not run.
    Failed,
    /// The alert of an attempt that failed did not get out.
    Alert,
    /// Nothing could begin.
    NotBegun,
    /// A notice of an attempt, for one way of telling.
    Notice,
}

impl Reason {
    const ALL: [Self; 6] =
        [Self::Lost, Self::Stopped, Self::Failed, Self::Alert, Self::NotBegun, Self::Notice];

    /// The word in the file and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Alert => "alert",
            Self::NotBegun => "not_begun",
            Self::Notice => "notice",
        }
    }
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Undelivered {
    pub id: i64,
    /// None when nothing could begin.
    pub attempt: Option<AttemptId>,
    pub reason: Reason,
    /// What is sent, with the names that the receiver knows; none when it follows from the attempt.
    pub notification: Option<Params>,
    /// When it happened.
    pub since: Timestamp,
    pub tries: u32,
    pub tried_at: Option<Timestamp>,
    /// How it was tried last, and why it did not get out.
    pub channel: Option<String>,
    pub failure: Option<String>,
    /// When it was tried for the last time.
    pub given_up_at: Option<Timestamp>,
}

impl Store {
    /// What the people of a project do not know yet, oldest first, with what was given up.
    pub fn undelivered(&self, project: &str) -> Result<Vec<Undelivered>, StateError> {
        let mut statement = self.connection.prepare_cached(
            "select id, attempt, reason, notification, since, tries, tried_at, channel, failure, given_up_at
             from undelivered where project = ?1 and reason <> ?2 order by id",
        )?;
        let rows = statement.query_map([project, ENDED], |row| {
            let word: String = row.get(2)?;
            let has_text = row.get::<_, Option<String>>(3)?.is_some();
            Ok(Undelivered {
                id: row.get(0)?,
                attempt: row.get::<_, Option<i64>>(1)?.map(AttemptId),
                // A word that only a newer program knows: the text goes out all the same.
                reason: Reason::ALL.into_iter().find(|reason| reason.word() == word).unwrap_or(Reason::Alert),
                notification: if has_text { Some(json(row, 3)?) } else { None },
                since: time(row, 4)?,
                tries: row.get(5)?,
                tried_at: optional_time(row, 6)?,
                channel: row.get(7)?,
                failure: row.get(8)?,
                given_up_at: optional_time(row, 9)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes that nothing could begin, unless the same is still to be told: a timer may find it every minute.
    pub fn to_tell(&mut self, project: &str, notification: &Params, at: Timestamp) -> Result<(), StateError> {
        self.connection.execute(
            "insert into undelivered (project, reason, notification, since) select ?1, ?2, ?3, ?4
             where not exists (select 1 from undelivered where project = ?1 and attempt is null
                 and given_up_at is null and notification ->> '$.message' = ?3 ->> '$.message'
                 and notification ->> '$.way' is ?3 ->> '$.way')",
            params![project, Reason::NotBegun.word(), serde_json::to_string(notification)?, at.to_string()],
        )?;
        Ok(())
    }

    /// Takes one in hand; false when another process has.
    pub fn claim(&mut self, id: i64, at: Timestamp) -> Result<bool, StateError> {
        let before = at.saturating_sub(CLAIM).unwrap_or(Timestamp::MIN);
        let claimed = self.connection.execute(
            "update undelivered set claimed_at = ?2
             where id = ?1 and given_up_at is null and (claimed_at is null or claimed_at < ?3)",
            params![id, at.to_string(), before.to_string()],
        )?;
        Ok(claimed == 1)
    }

    /// It has arrived.
    pub fn delivered(&mut self, told: &Undelivered, channel: &str, at: Timestamp) -> Result<(), StateError> {
        let transaction = self.connection.transaction()?;
        if let Some(attempt) = told.attempt {
            transaction.execute(
                "insert into notifications (attempt, at, channel) values (?1, ?2, ?3)",
                params![attempt.0, at.to_string(), channel],
            )?;
        }
        transaction.execute("delete from undelivered where id = ?1", [told.id])?;
        Ok(transaction.commit()?)
    }

    /// It has not.
    pub fn not_delivered(
        &mut self,
        id: i64,
        channel: &str,
        failure: &str,
        at: Timestamp,
    ) -> Result<(), StateError> {
        self.connection.execute(
            "update undelivered set tries = tries + 1, tried_at = ?2, channel = ?3, failure = ?4, claimed_at = null
             where id = ?1",
            params![id, at.to_string(), channel, failure],
        )?;
        Ok(())
    }

    /// It is not tried again.
    pub fn give_up(&mut self, id: i64, at: Timestamp) -> Result<(), StateError> {
        let sql = "update undelivered set given_up_at = ?2 where id = ?1";
        self.connection.execute(sql, params![id, at.to_string()])?;
        Ok(())
    }

    /// Nobody is to be told how an attempt ended.
    pub fn tell_nobody(&mut self, attempt: AttemptId) -> Result<(), StateError> {
        self.connection.execute("delete from undelivered where attempt = ?1", [attempt.0])?;
        Ok(())
    }

    /// When an attempt, or one that it required, was last seen at work.
    pub fn last_heard_of(&self, attempt: AttemptId) -> Result<Timestamp, StateError> {
        let last = self.connection.query_row(
            "with own as (select id from attempts where id = ?1 or required_by = ?1)
             select max(at) from (
                 select max(started_at) as at from attempts where id in own
                 union all select max(started_at) from tasks where attempt in own
                 union all select max(finished_at) from tasks where attempt in own and state <> 'canceled'
                 union all select max(started_at) from transfers where attempt in own
                 union all select max(intended_at) from effects where attempt in own
                 union all select max(settled_at) from effects where attempt in own)",
            [attempt.0],
            |row| time(row, 0),
        )?;
        Ok(last)
    }
}

/// Notes how an attempt ended that people asked for: of one that was required, the one that required it tells.
pub(super) fn of_attempt(
    connection: &Connection,
    attempt: AttemptId,
    reason: Reason,
    at: &str,
) -> Result<(), StateError> {
    note(connection, attempt, reason.word(), at)
}

pub(super) fn note(
    connection: &Connection,
    attempt: AttemptId,
    word: &str,
    at: &str,
) -> Result<(), StateError> {
    connection
        .prepare_cached(
            "insert into undelivered (project, attempt, reason, since)
             select s.project, a.id, ?2, ?3 from attempts a join sessions s on s.id = a.session
             where a.id = ?1 and a.required_by is null",
        )?
        .execute(params![attempt.0, word, at])?;
    Ok(())
}

/// The same for one that failed, unless its alert ran.
pub(super) fn of_failed(connection: &Connection, attempt: AttemptId, at: &str) -> Result<(), StateError> {
    let sql = "select count(*) from tasks where attempt = ?1 and name like '%^failure-alert'";
    let alerts: i64 = connection.prepare_cached(sql)?.query_row([attempt.0], |row| row.get(0))?;
    if alerts == 0 { of_attempt(connection, attempt, Reason::Failed, at) } else { Ok(()) }
}

/// Notes an alert that did not get out.
pub(super) fn of_alert(
    connection: &Connection,
    attempt: AttemptId,
    alert: (&str, &str, &Params),
    at: &str,
) -> Result<(), StateError> {
    let (channel, failure, notification) = alert;
    connection
        .prepare_cached(
            "insert into undelivered (project, attempt, reason, notification, since, tries, tried_at, channel, failure)
             select s.project, a.id, ?2, ?3, ?4, 1, ?4, ?5, ?6
             from attempts a join sessions s on s.id = a.session where a.id = ?1",
        )?
        .execute(params![
            attempt.0,
            Reason::Alert.word(),
            serde_json::to_string(notification)?,
            at,
            channel,
            failure
        ])?;
    Ok(())
}

/// Removes what was given up before a time and belongs to no attempt, with which it would go.
pub(super) fn prune(connection: &Connection, project: &str, before: Timestamp) -> Result<(), StateError> {
    let sql = "delete from undelivered where project = ?1 and attempt is null and given_up_at < ?2";
    connection.prepare_cached(sql)?.execute(params![project, before.to_string()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
    use crate::run::notification::Notification;
    use crate::session::TaskName;
    use crate::state::testing::attempt;
    use crate::state::{NewAttempt, Process};

    fn event(kind: EventKind) -> RunEvent {
        RunEvent { at: Timestamp::UNIX_EPOCH, kind }
    }

    #[test]
    fn what_could_not_begin_waits_once_and_goes_when_it_was_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("state.db")).unwrap();
        let at = |minutes: i64| Timestamp::from_second(60 * minutes).unwrap();
        let mut to_tell = |project, message: &str, minutes| {
            let notification = Notification { timestamp: at(minutes), ..Notification::new(message) };
            store.to_tell(project, &notification.fields(), at(minutes)).unwrap();
            store.undelivered(project).unwrap()
        };
        for minutes in 0..3 {
            assert_eq!(to_tell("/p", "it is invalid", minutes).len(), 1);
        }
        assert_eq!(to_tell("/q", "it is invalid", 3).len(), 1);
        let waiting = to_tell("/p", "it is \"odd\"", 4);
        assert_eq!(waiting.iter().map(|one| one.since).collect::<Vec<_>>(), [at(0), at(4)]);
        store.give_up(waiting[0].id, at(5)).unwrap();
        let again = Notification::new("it is invalid").fields();
        store.to_tell("/p", &again, at(6)).unwrap();
        assert_eq!(store.undelivered("/p").unwrap().len(), 3, "the one that waited was given up");
        store.prune("/p", at(5), 100, |_| Ok(())).unwrap();
        assert_eq!(store.undelivered("/p").unwrap().len(), 3);
        store.prune("/p", at(6), 100, |_| Ok(())).unwrap();
        let left: Vec<_> = store.undelivered("/p").unwrap().iter().map(|one| one.since).collect();
        assert_eq!(left, [at(4), at(6)], "those that wait stay");
    }

    #[test]
    fn people_are_told_of_what_ended_badly_until_they_know() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(&folder.path().join("state.db")).unwrap();
        let dead = Process { pid: i64::from(i32::MAX), ..Process::current() };
        let (first, _) = store.begin(&attempt(dead.clone())).unwrap();
        let required = NewAttempt { workflow: "other".into(), required_by: Some(first.id), ..attempt(dead) };
        store.begin(&required).unwrap();
        store.as_if_killed();
        assert_eq!(store.recover("/p", Timestamp::UNIX_EPOCH).unwrap().len(), 2);
        assert_eq!(store.recover("/p", Timestamp::UNIX_EPOCH).unwrap(), []);
        let (second, _) = store.begin(&attempt(Process::current())).unwrap();
        let alert = Notification::new("it failed").fields();
        let (channel, failure) = ("http".to_owned(), Some("answered 500".to_owned()));
        let alert = EventKind::Notified { channel, failure, alert: Some(alert) };
        let task = TaskName::from_full("+wf^failure-alert");
        let started = EventKind::TaskStarted { task, operator: "notify".into(), round: 1 };
        let ended = EventKind::AttemptFinished { outcome: AttemptOutcome::Failed };
        for kind in [started, alert, ended] {
            store.record([(second.id, &event(kind))]).unwrap();
        }
        let (third, _) = store.begin(&attempt(Process::current())).unwrap();
        for outcome in [AttemptOutcome::Signal(15), AttemptOutcome::Failed, AttemptOutcome::Success] {
            store.record([(third.id, &event(EventKind::AttemptFinished { outcome }))]).unwrap();
        }
        let told = store.undelivered("/p").unwrap();
        let said: Vec<_> = told.iter().map(|one| (one.attempt, one.reason.word(), one.tries)).collect();
        let third_id = third.id;
        let third = Some(third_id);
        let expected = [
            (Some(first.id), "lost", 0),
            (Some(second.id), "alert", 1),
            (third, "stopped", 0),
            (third, "failed", 0),
        ];
        assert_eq!(said, expected);
        assert_eq!(told[1].notification.as_ref().unwrap()["message"], "it failed");
        let at = |minutes: i64| Timestamp::from_second(60 * minutes).unwrap();
        let id = told[0].id;
        assert!(store.claim(id, at(0)).unwrap() && !store.claim(id, at(4)).unwrap(), "it is in hand");
        assert!(store.claim(id, at(6)).unwrap(), "whoever had it in hand is gone");
        store.not_delivered(id, "http", "away", at(7)).unwrap();
        assert!(store.claim(id, at(7)).unwrap());
        store.delivered(&told[0], "http", at(8)).unwrap();
        store.give_up(told[1].id, at(9)).unwrap();
        assert!(!store.claim(told[1].id, at(99)).unwrap());
        store.tell_nobody(third_id).unwrap();
        let ended = store.to_look_at("/p").unwrap();
        assert_eq!(ended.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [first.id, second.id]);
        let left = store.undelivered("/p").unwrap();
        assert_eq!(left.iter().map(|one| one.given_up_at).collect::<Vec<_>>(), [Some(at(9))]);
    }
}
