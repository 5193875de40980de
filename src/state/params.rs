//! Parameters that outlive sessions: what `param_set>` keeps for `param_get>`.
//!
//! They belong to a project, as sessions do: moving the states of several projects into one file must not let them
//! overwrite each other's keys. Each lives for [`KEPT`] from when it was last set, as on Digdag's parameter server.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{StateError, Store};

/// How long a parameter lives: 90 days.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

impl Store {
    /// Sets all pairs of key and value, or none, and starts their time anew.
    ///
    /// A power cut cannot keep the end of the task and lose these: the end is written after them, to the same
    /// journal.
    pub fn set_params(
        &mut self,
        project: &str,
        pairs: &[(String, String)],
        at: Timestamp,
    ) -> Result<(), StateError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        remove_expired(&transaction, at)?;
        let expires_at = at.saturating_add(KEPT).unwrap_or(Timestamp::MAX).as_second();
        for (key, value) in pairs {
            transaction
                .prepare_cached(
                    "insert into params (project, key, value, expires_at) values (?1, ?2, ?3, ?4)
                     on conflict (project, key) do update set value = ?3, expires_at = ?4",
                )?
                .execute(params![project, key, value, expires_at])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The values of keys, in their order and of one moment; none for a key that was never set or has expired.
    pub fn params(
        &mut self,
        project: &str,
        keys: &[&str],
        at: Timestamp,
    ) -> Result<Vec<Option<String>>, StateError> {
        if any_expired(&self.connection, at)? {
            remove_expired(&self.connection, at)?;
        }
        let transaction = self.connection.transaction()?;
        let values = keys
            .iter()
            .map(|key| {
                transaction
                    .prepare_cached(
                        "select value from params where project = ?1 and key = ?2 and expires_at > ?3",
                    )?
                    .query_row(params![project, key, at.as_second()], |row| row.get(0))
                    .optional()
            })
            .collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(values)
    }
}

/// A look first: one who only reads does not wait for those who write.
fn any_expired(connection: &Connection, at: Timestamp) -> rusqlite::Result<bool> {
    let sql = "select exists (select 1 from params where expires_at <= ?1)";
    connection.prepare_cached(sql)?.query_row([at.as_second()], |row| row.get(0))
}

/// Of all projects: those that never ask again would keep theirs for ever.
fn remove_expired(connection: &Connection, at: Timestamp) -> rusqlite::Result<()> {
    connection.prepare_cached("delete from params where expires_at <= ?1")?.execute([at.as_second()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::testing::store;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn set(store: &mut Store, project: &str, key: &str, value: &str, at: Timestamp) {
        store.set_params(project, &[(key.to_owned(), value.to_owned())], at).unwrap();
    }

    fn get(store: &mut Store, project: &str, keys: &[&str], at: Timestamp) -> Vec<Option<String>> {
        store.params(project, keys, at).unwrap()
    }

    fn rows(store: &Store) -> i64 {
        store.connection.query_row("select count(*) from params", [], |row| row.get(0)).unwrap()
    }

    fn days(days: i64) -> Timestamp {
        START + SignedDuration::from_hours(24 * days)
    }

    #[test]
    fn each_project_has_its_own_keys() {
        let (_folder, mut store) = store();
        set(&mut store, "/a", "k", "first", START);
        set(&mut store, "/a", "k", "second", START);
        set(&mut store, "/b", "k", "other", START);
        set(&mut store, "/a", "K", "", START);
        assert_eq!(
            get(&mut store, "/a", &["k", "missing", "K", "k"], START),
            [Some("second".to_owned()), None, Some(String::new()), Some("second".to_owned())]
        );
        assert_eq!(get(&mut store, "/b", &["k"], START), [Some("other".to_owned())]);
    }

    #[test]
    fn a_key_lives_90_days_from_when_it_was_last_set() {
        let (_folder, mut store) = store();
        set(&mut store, "/a", "renewed", "1", START);
        set(&mut store, "/a", "left", "1", START);
        set(&mut store, "/a", "renewed", "1", days(60));
        let second = SignedDuration::from_secs(1);
        let both = ["renewed", "left"];
        let one = || Some("1".to_owned());
        assert_eq!(get(&mut store, "/a", &both, days(90) - second), [one(), one()]);
        assert_eq!(get(&mut store, "/a", &both, days(90)), [one(), None]);
        assert_eq!(rows(&store), 1, "the look removed it");
        assert_eq!(get(&mut store, "/a", &both, days(150) - second), [one(), None]);
        set(&mut store, "/b", "k", "1", days(150));
        assert_eq!(rows(&store), 1, "setting a key removes what expired in every project");
    }

    #[test]
    fn what_cannot_be_written_changes_nothing() {
        let (_folder, mut store) = store();
        store
            .connection
            .execute_batch(
                "create trigger refuse before insert on params when new.key = 'bad'
                 begin select raise(abort, 'no room'); end",
            )
            .unwrap();
        let pair = |key: &str| (key.to_owned(), "1".to_owned());
        let error = store.set_params("/a", &[pair("good"), pair("bad")], START).unwrap_err();
        assert_eq!(error.to_string(), "the state file could not be used: no room");
        assert_eq!(rows(&store), 0);
    }
}
