//! What the state file of a case remembers, looked at in a copy: the program finds its own as it was left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::sandbox::Sandbox;

/// What is remembered at one moment.
#[derive(Debug, Default)]
pub struct Memory {
    /// The last attempt; none before the first.
    pub attempt: Option<i64>,
    /// Tasks that are recorded as successful.
    pub done: BTreeSet<String>,
    /// Tasks that do something which an attempt has started, with the last such attempt.
    pub started: BTreeMap<String, i64>,
    pub effects: Vec<Remembered>,
}

/// An effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    pub key: String,
    pub effect: Value,
    pub outcome: Option<String>,
    intended_at: String,
}

impl Remembered {
    /// It makes rows visible. Objects and files are not among them: until their task is recorded as done they are
    /// written again, whole as before, because a script may have taken them elsewhere.
    pub fn publishes(&self) -> bool {
        match self.effect["effect"].as_str().expect("it has a kind") {
            "submit_job" => self.effect["publishes"] == true,
            kind => kind == "publish_rows",
        }
    }

    pub fn is_done(&self) -> bool {
        self.outcome.as_deref() == Some("done")
    }

    /// It may leave something behind.
    pub fn is_staged(&self) -> bool {
        matches!(self.effect["effect"].as_str(), Some("stage_object" | "stage_table"))
    }
}

impl Memory {
    /// Reads it. A file that is damaged is a failure.
    pub fn of(sandbox: &Sandbox, beside: &Path) -> Self {
        let folder = sandbox.path().join(".sync");
        if !folder.join("state.db").exists() {
            return Self::default();
        }
        for name in ["state.db", "state.db-wal", "state.db-journal"] {
            let _ = std::fs::remove_file(beside.join(name));
            // Not all of them are there.
            let _ = std::fs::copy(folder.join(name), beside.join(name));
        }
        let connection = Connection::open(beside.join("state.db")).expect("the copy can be opened");
        let sound: String =
            connection.query_row("pragma integrity_check", [], |row| row.get(0)).expect("it is a database");
        assert_eq!(sound, "ok");
        let tables: i64 = connection
            .query_row("select count(*) from sqlite_master where name = 'attempts'", [], |row| row.get(0))
            .expect("it is a database");
        if tables == 0 {
            return Self::default();
        }
        Self::read(&connection)
    }

    fn read(connection: &Connection) -> Self {
        let mut memory = Self {
            attempt: connection
                .query_row("select max(id) from attempts", [], |row| row.get(0))
                .expect("a number"),
            ..Self::default()
        };
        let sql = "select name, attempt, state, case when started_at is not null then operator end \
                   from tasks order by attempt";
        let mut statement = connection.prepare(sql).expect("the SQL is right");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
        for row in rows.expect("tasks") {
            let (name, attempt, state, operator): (String, i64, String, Option<String>) =
                row.expect("a task");
            // A list is gone through again: what it makes are tasks of their own.
            if operator.is_some_and(|operator| !sync::plan::is_control(&operator)) {
                memory.started.insert(name.clone(), attempt);
            }
            if state == "success" {
                memory.done.insert(name);
            }
        }
        let sql = "select key, effect, json_extract(outcome, '$.outcome'), intended_at from effects";
        let mut statement = connection.prepare(sql).expect("the SQL is right");
        let rows = statement.query_map([], |row| {
            let effect: String = row.get(1)?;
            Ok(Remembered {
                key: row.get(0)?,
                effect: serde_json::from_str(&effect).expect("it is JSON"),
                outcome: row.get(2)?,
                intended_at: row.get(3)?,
            })
        });
        memory.effects = rows.expect("effects").map(|row| row.expect("an effect")).collect();
        memory
    }

    /// Fails where something that was done by the time of `before` was done again since.
    pub fn assert_nothing_redone_since(&self, before: &Self, is_excepted: impl Fn(&str) -> bool) {
        let last = before.attempt.unwrap_or_default();
        for task in before.done.iter().filter(|task| !is_excepted(task)) {
            let started = self.started.get(task).copied().unwrap_or_default();
            assert!(started <= last, "{task} was done and is started again by attempt {started}");
        }
        for done in before.effects.iter().filter(|effect| effect.publishes() && effect.is_done()) {
            let of = |memory: &Self| -> Vec<Remembered> {
                memory
                    .effects
                    .iter()
                    .filter(|other| other.key == done.key && other.publishes())
                    .cloned()
                    .collect()
            };
            assert_eq!(of(self), of(before), "{} was published and is published again", done.key);
        }
    }

    /// Fails where the end of an effect is unknown, or something staged was not removed.
    pub fn assert_settled(&self) {
        for effect in &self.effects {
            assert!(effect.outcome.is_some(), "its end is open: {effect:?}");
            assert!(
                !effect.is_staged() || effect.outcome.as_deref() == Some("removed"),
                "it is left: {effect:?}"
            );
        }
    }
}
