//! Tables of the state file and how an older file becomes a newer one.
//!
//! Two rules: an entry of [`MIGRATIONS`] is never changed or removed once released, and a file of a higher version
//! than we know is refused, never guessed at.

use rusqlite::{Connection, TransactionBehavior};

use super::StateError;

/// Each entry takes the file from its index to the next version.
const MIGRATIONS: &[&str] = &[
    // 1: the beginning.
    "
    create table installation (id text not null) strict;
    create table sessions (
        id integer primary key,
        project text not null,
        workflow text not null,
        session_time text not null,
        unique (project, workflow, session_time)
    ) strict;
    create table attempts (
        id integer primary key,
        session integer not null references sessions (id),
        starting_attempt integer not null,
        kind text not null,
        started_at text not null,
        finished_at text,
        outcome text,
        file text not null,
        params text not null,
        secret_params text not null,
        host text not null,
        boot text not null,
        pid integer not null,
        process_started integer not null
    ) strict;
    create index attempts_of_session on attempts (session);
    create index attempts_unfinished on attempts (id) where outcome is null;
    create table tasks (
        id integer primary key,
        attempt integer not null references attempts (id),
        name text not null,
        operator text,
        state text not null,
        round integer not null default 1,
        started_at text,
        finished_at text,
        result text,
        failure text,
        unique (attempt, name)
    ) strict;
    create table transfers (
        id integer primary key,
        attempt integer not null references attempts (id),
        task text not null,
        key text not null,
        source text not null,
        target text not null,
        state text not null,
        started_at text not null,
        finished_at text,
        report text,
        failure text,
        unique (attempt, key)
    ) strict;
    create table effects (
        id integer primary key,
        attempt integer not null references attempts (id),
        task text not null,
        key text not null,
        effect text not null,
        intended_at text not null,
        outcome text,
        settled_at text,
        unique (key, effect)
    ) strict;
    create table notifications (
        id integer primary key,
        attempt integer not null references attempts (id),
        at text not null,
        channel text not null,
        failure text
    ) strict;
    ",
    // 2: runs of required workflows, and attempts with a name.
    "
    alter table attempts add column required_by integer references attempts (id);
    alter table attempts add column name text;
    ",
    // 3: what `param_set>` keeps; times in seconds since 1970.
    "
    create table params (
        project text not null,
        key text not null,
        value text not null,
        expires_at integer not null,
        primary key (project, key)
    ) strict, without rowid;
    create index params_by_expiry on params (expires_at);
    ",
    // 4: sessions that are old are found, and removed, without a look at all the others.
    "
    create index attempts_by_end on attempts (finished_at);
    create index attempts_required on attempts (required_by) where required_by is not null;
    create index effects_of_attempt on effects (attempt);
    create index notifications_of_attempt on notifications (attempt);
    ",
    // 5: who runs an attempt is told apart from a process of another container, and a live one holds a lock file; what
    // people have to be told and do not know yet.
    "
    alter table attempts add column namespace text not null default '';
    alter table attempts add column locked integer not null default 0;
    create table undelivered (
        id integer primary key,
        project text not null,
        attempt integer references attempts (id),
        reason text not null,
        notification text,
        since text not null,
        tries integer not null default 0,
        tried_at text,
        channel text,
        failure text,
        given_up_at text,
        claimed_at text
    ) strict;
    create index undelivered_of_attempt on undelivered (attempt);
    ",
];

/// Brings the file to the newest version, in one exclusive transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StateError> {
    migrate_with(connection, MIGRATIONS)
}

/// Whether the file is as this program would leave it.
pub(super) fn is_newest(connection: &Connection) -> Result<bool, StateError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(i64::try_from(MIGRATIONS.len()) == Ok(version))
}

fn migrate_with(connection: &mut Connection, migrations: &[&str]) -> Result<(), StateError> {
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == known {
        // Who only looks waits for nobody who writes.
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(version)
        .ok()
        .filter(|done| *done <= migrations.len())
        .ok_or(StateError::Newer { version, known })?;
    for migration in &migrations[done..] {
        transaction.execute_batch(migration)?;
    }
    if done == 0 {
        transaction.execute("insert into installation (id) select lower(hex(randomblob(8)))", [])?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_file_grows_and_keeps_its_rows() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = ["create table installation (id text); create table t (a integer)"];
        migrate_with(&mut connection, &first).unwrap();
        connection.execute("insert into t values (7)", []).unwrap();
        migrate_with(&mut connection, &[first[0], "alter table t add column b text"]).unwrap();
        let kept: (i64, Option<String>) =
            connection.query_row("select a, b from t", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(kept, (7, None));
        let ids: i64 =
            connection.query_row("select count(*) from installation", [], |row| row.get(0)).unwrap();
        assert_eq!(ids, 1);
    }

    #[test]
    fn a_newer_file_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut connection).unwrap_err();
        assert_eq!(error.to_string(), "the state file has version 99, this program knows up to 5");
    }
}
