//! The status table in PostgreSQL, as Digdag makes and uses it.
//!
//! The row of a script is there before the script begins. Its transaction locks the row, runs the script and completes
//! the row: both or neither. Whoever finds the row locked comes again later; whoever finds it completed is done.

use super::session::{Session, Trouble};
use crate::run::operator::OperatorError;
use crate::run::operator::sql::strict::{Doubt, Ran, Strict};
use crate::run::operator::sql::table::TableName;

/// Looks at a table that another session makes, or at a row that it inserts, at the same moment.
const LOOKS: u32 = 3;

/// The rows of one script.
pub(super) struct Status<'a> {
    session: &'a Session,
    strict: &'a Strict,
    /// The table with its schema and in quotes: a script may change the search path.
    table: String,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    /// Ours, in an open transaction.
    Locked,
    /// The script is done.
    Completed,
    /// Somebody else has it.
    Held,
}

impl<'a> Status<'a> {
    /// Finds or makes the table.
    pub(super) async fn open(session: &'a Session, strict: &'a Strict) -> Result<Self, OperatorError> {
        let name = strict.table.quoted('"');
        let create = format!(
            "CREATE TABLE IF NOT EXISTS {name} (query_id text NOT NULL UNIQUE, created_at timestamptz NOT NULL, \
             completed_at timestamptz)"
        );
        let failed = |trouble: Trouble| {
            let doing = format!("the status table `{}` could not be made", strict.table);
            let denied = matches!(trouble, Trouble::Server(_));
            let error = trouble.during(doing, Doubt::None);
            if denied { strict.not_made(&create, error) } else { error }
        };
        for look in 1.. {
            if let Some(table) = find(session, &name).await.map_err(failed)? {
                return Ok(Self { session, strict, table: table.quoted('"') });
            }
            match session.execute(&create).await {
                Ok(()) => {}
                Err(trouble) if look < LOOKS && trouble.has_code(&["23505", "42P07", "42710"]) => {}
                Err(trouble) => return Err(failed(trouble)),
            }
            if look > LOOKS {
                break;
            }
        }
        Err(OperatorError::failed(format!("the status table `{}` was made and is not there", strict.table)))
    }

    /// Runs `script` in the transaction of its row, unless it is done or another session is at it.
    pub(super) async fn once(
        &self,
        script: impl Future<Output = Result<(), OperatorError>>,
    ) -> Result<Ran, OperatorError> {
        match self.lock().await {
            Ok(Row::Held) => return Ok(Ran::Locked),
            Ok(Row::Completed) => return Ok(Ran::Earlier),
            Ok(Row::Locked) => {}
            Err(trouble) => {
                self.session.undo().await;
                return Err(self.failed("locked", trouble));
            }
        }
        if let Err(error) = script.await {
            self.session.undo().await;
            return Err(error);
        }
        let complete = format!(
            "UPDATE {} SET completed_at = clock_timestamp() WHERE query_id IN ({})",
            self.table,
            self.strict.id_list()
        );
        let completed = match self.session.execute(&complete).await {
            Ok(()) => self.session.execute("COMMIT").await,
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = completed {
            self.session.undo().await;
            return Err(trouble.during("the transaction of the script could not be committed", Doubt::None));
        }
        Ok(Ran::Now)
    }

    /// Removes rows of scripts that were done long ago; gives the reason where that fails.
    pub(super) async fn clean(&self) -> Option<String> {
        let table = &self.table;
        let delete = format!(
            "DELETE FROM {table} WHERE query_id = ANY (SELECT query_id FROM {table} \
             WHERE completed_at < now() - interval '{} second')",
            self.strict.kept.as_secs()
        );
        match self.session.execute(&delete).await {
            Ok(()) => None,
            Err(Trouble::Server(refused)) => Some(refused.said()),
            Err(_) => Some("the connection is gone".to_owned()),
        }
    }

    /// Locks the row in a transaction that stays open, after inserting it where it is missing.
    async fn lock(&self) -> Result<Row, Trouble> {
        let lock = format!(
            "SELECT query_id, completed_at FROM {} WHERE query_id IN ({}) ORDER BY query_id FOR UPDATE NOWAIT",
            self.table,
            self.strict.id_list()
        );
        let own = self.strict.own_id();
        for _ in 0..LOOKS {
            self.session.execute("BEGIN").await?;
            let rows = match self.session.rows::<2>(&lock).await {
                Ok(rows) => rows,
                Err(trouble) if trouble.has_code(&["55P03", "40001", "40P01"]) => {
                    self.session.execute("ROLLBACK").await?;
                    return Ok(Row::Held);
                }
                Err(trouble) => return Err(trouble),
            };
            let is_there = rows.iter().any(|[id, _]| id.as_deref() == Some(own));
            if rows.iter().any(|[_, completed]| completed.is_some()) {
                // An earlier round was done: so is this one, whatever becomes of us from here on.
                self.record(is_there).await?;
                return Ok(Row::Completed);
            }
            if is_there {
                return Ok(Row::Locked);
            }
            let insert = self.insert("NULL");
            match self.session.execute(&insert).await {
                Ok(()) => self.session.execute("COMMIT").await?,
                // Another session inserted it just now.
                Err(trouble) if trouble.has_code(&["23505"]) => self.session.execute("ROLLBACK").await?,
                Err(trouble) => return Err(trouble),
            }
        }
        Err(Trouble::Driver(vec!["the row was inserted and is not there".to_owned()]))
    }

    /// Completes our own row where an earlier one is.
    async fn record(&self, is_there: bool) -> Result<(), Trouble> {
        let statement = if is_there {
            format!(
                "UPDATE {} SET completed_at = coalesce(completed_at, clock_timestamp()) WHERE query_id = '{}'",
                self.table,
                self.strict.own_id()
            )
        } else {
            self.insert("CURRENT_TIMESTAMP")
        };
        self.session.execute(&statement).await?;
        self.session.execute("COMMIT").await
    }

    fn insert(&self, completed_at: &str) -> String {
        format!(
            "INSERT INTO {} (query_id, created_at, completed_at) VALUES ('{}', CURRENT_TIMESTAMP, {completed_at})",
            self.table,
            self.strict.own_id()
        )
    }

    fn failed(&self, what: &str, trouble: Trouble) -> OperatorError {
        let doing = format!("the row of the script in `{}` could not be {what}", self.strict.table);
        trouble.during(doing, Doubt::None)
    }
}

/// The table with its schema, where it is there.
async fn find(session: &Session, name: &str) -> Result<Option<TableName>, Trouble> {
    let query = format!(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
         ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass('{}')",
        name.replace('\'', "''")
    );
    let found = session.rows(&query).await?.into_iter().next();
    Ok(found.and_then(|[schema, name]| Some(TableName { schema, name: name? })))
}
