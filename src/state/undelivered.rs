//! What people have to be told and do not know yet. A row stands in the file before anything is sent and goes when it has
//! arrived: a process that is killed in between tells it once more, never not at all.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

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
}

impl Reason {
    const ALL: [Self; 5] = [Self::Lost, Self::Stopped, Self::Failed, Self::Alert, Self::NotBegun];

    /// The word in the file and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Alert => "alert",
            Self::NotBegun => "not_begun",
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
             from undelivered where project = ?1 order by id",
        )?;
        let rows = statement.query_map([project], |row| {
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

    /// Notes that nothing could begin.
    pub fn to_tell(&mut self, project: &str, notification: &Params, at: Timestamp) -> Result<(), StateError> {
        self.connection.execute(
            "insert into undelivered (project, reason, notification, since) values (?1, ?2, ?3, ?4)",
            params![
                project,
                Reason::NotBegun.word(),
                serde_json::to_string(notification)?,
                at.to_string()
            ],
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

    /// Nobody is to be told anything.
    pub fn tell_nobody(&mut self, project: &str) -> Result<(), StateError> {
        self.connection.execute("delete from undelivered where project = ?1", [project])?;
        Ok(())
    }
}

/// Notes how an attempt ended that people asked for: of one that was required, the one that required it tells.
pub(super) fn of_attempt(
    connection: &Connection,
    attempt: AttemptId,
    reason: Reason,
    at: &str,
) -> Result<(), StateError> {
    connection
        .prepare_cached(
            "insert into undelivered (project, attempt, reason, since)
             select s.project, a.id, ?2, ?3 from attempts a join sessions s on s.id = a.session
             where a.id = ?1 and a.required_by is null",
        )?
        .execute(params![attempt.0, reason.word(), at])?;
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
