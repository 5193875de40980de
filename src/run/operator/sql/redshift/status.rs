//! Exactly once in Redshift, which locks no rows and holds no keys: each script has a status table of its own, named by
//! its query id, as Digdag makes them.
//!
//! The table is made in the script's transaction: both are there or neither. Who makes it a second time waits until the
//! first transaction has ended, and then finds it. A script may end its transaction itself (TRUNCATE does, and COMMIT):
//! then the table is there and not completed, and the script is run again.

use std::collections::BTreeSet;

use crate::cloud::redshift::literal;
use crate::run::operator::sql::postgres::session::{Session, Trouble};
use crate::run::operator::sql::strict::{Doubt, Ran, Strict};
use crate::run::operator::sql::table::TableName;
use crate::run::operator::{OperatorError, Reporter};
use crate::session::Level;

/// How often the tables are looked for while other sessions make and remove them.
const LOOKS: u32 = 10;
/// Tables that one cleaning looks at, and that one query asks.
const CLEANED: usize = 500;
const ASKED: usize = 50;

/// A table that is there already: another transaction has made it.
const IS_THERE: [&str; 2] = ["23505", "42P07"];
/// A table that is not there.
const IS_MISSING: [&str; 1] = ["42P01"];
/// Another transaction is in the way.
const IS_HELD: [&str; 3] = ["55P03", "40001", "40P01"];

/// The tables of one script: of its own id and of earlier rounds that failed.
pub(in crate::run::operator::sql) struct Status<'a> {
    session: &'a Session,
    strict: &'a Strict,
    /// With their schema where one is known: a script may change the search path.
    tables: Vec<TableName>,
}

/// What claiming the tables came to.
enum Claim {
    /// They are ours, in an open transaction.
    Ours,
    /// The script is done.
    Completed,
    /// Another transaction is in the way.
    Held,
}

impl<'a> Status<'a> {
    /// Finds out what the tables are called.
    pub(in crate::run::operator::sql) async fn open(
        session: &'a Session,
        strict: &'a Strict,
    ) -> Result<Self, OperatorError> {
        let schema = match &strict.table.schema {
            Some(schema) => Some(schema.clone()),
            None => {
                let found = session.rows::<1>("SELECT current_schema()").await;
                let found = found.map_err(|trouble| {
                    trouble.during("the schema of the status table is not known", Doubt::None)
                })?;
                found.into_iter().next().and_then(|[schema]| schema)
            }
        };
        let name = |id: &String| format!("{}_{id}", strict.table.name);
        let tables = strict.ids.iter().map(|id| TableName { schema: schema.clone(), name: name(id) });
        Ok(Self { session, strict, tables: tables.collect() })
    }

    /// Runs `script` in the transaction that makes its table, unless it is done or another transaction is in the way.
    pub(in crate::run::operator::sql) async fn once(
        &self,
        reporter: &Reporter,
        script: impl Future<Output = Result<(), OperatorError>>,
    ) -> Result<Ran, OperatorError> {
        match self.claim(reporter).await {
            Ok(Claim::Ours) => {}
            Ok(Claim::Completed) => return Ok(Ran::Earlier),
            Ok(Claim::Held) => return Ok(Ran::Locked),
            Err(trouble) => {
                self.session.undo().await;
                return Err(self.not_made(trouble));
            }
        }
        if let Err(error) = script.await {
            self.session.undo().await;
            return Err(error);
        }
        if let Err(trouble) = self.complete().await {
            self.session.undo().await;
            return Err(trouble.during("the transaction of the script could not be committed", Doubt::None));
        }
        Ok(Ran::Now)
    }

    /// Makes the tables in a transaction that stays open.
    async fn claim(&self, reporter: &Reporter) -> Result<Claim, Trouble> {
        // Those that a try left behind uncompleted.
        let mut left = BTreeSet::new();
        for _ in 0..LOOKS {
            self.session.execute("BEGIN").await?;
            match self.try_to_claim(&mut left).await {
                Ok(Some(Claim::Ours)) => {
                    if !left.is_empty() {
                        let text = "an earlier try committed a part of the script, as TRUNCATE and COMMIT do: all of \
                                    it is run again";
                        reporter.log(Level::Warn, text);
                    }
                    return Ok(Claim::Ours);
                }
                Ok(Some(claim)) => {
                    self.session.execute("ROLLBACK").await?;
                    return Ok(claim);
                }
                Ok(None) => self.session.execute("ROLLBACK").await?,
                Err(trouble) if trouble.has_code(&IS_HELD) || trouble.is_conflict() => {
                    self.session.execute("ROLLBACK").await?;
                    return Ok(Claim::Held);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(Claim::Held)
    }

    /// None: something changed meanwhile, so once more.
    async fn try_to_claim(&self, left: &mut BTreeSet<usize>) -> Result<Option<Claim>, Trouble> {
        for at in left.clone() {
            let table = self.tables[at].quoted('"');
            let held = match self.session.execute(&format!("LOCK TABLE {table}")).await {
                Ok(()) => self.session.rows::<1>(&format!("SELECT completed_at::varchar FROM {table}")).await,
                Err(trouble) => Err(trouble),
            };
            match held {
                Ok(rows) if rows.iter().any(|[completed]| completed.is_some()) => {
                    return Ok(Some(Claim::Completed));
                }
                Ok(_) => {}
                Err(trouble) if trouble.has_code(&IS_MISSING) => {
                    left.remove(&at);
                    return Ok(None);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        for at in (0..self.tables.len()).filter(|at| !left.contains(at)).collect::<Vec<_>>() {
            match self.session.execute(&self.create(at)).await {
                Ok(()) => {}
                Err(trouble) if trouble.has_code(&IS_THERE) => {
                    left.insert(at);
                    return Ok(None);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(Some(Claim::Ours))
    }

    /// Digdag's statement. Ids are hexadecimal.
    fn create(&self, at: usize) -> String {
        format!(
            "CREATE TABLE {} (query_id, created_at, completed_at) AS SELECT '{}'::text, SYSDATE::timestamptz, \
             NULL::timestamptz",
            self.tables[at].quoted('"'),
            self.strict.ids[at]
        )
    }

    async fn complete(&self) -> Result<(), Trouble> {
        for table in &self.tables {
            let table = table.quoted('"');
            self.session.execute(&format!("UPDATE {table} SET completed_at = SYSDATE")).await?;
        }
        self.session.execute("COMMIT").await
    }

    /// Removes own tables of scripts that were done long ago; gives the reason where that fails.
    pub(in crate::run::operator::sql) async fn clean(&self) -> Option<String> {
        match self.try_to_clean().await {
            Ok(()) => None,
            // Another session is cleaning too.
            Err(trouble) if trouble.has_code(&IS_MISSING) => None,
            Err(Trouble::Server(refused)) => Some(refused.said()),
            Err(_) => Some("the connection is gone".to_owned()),
        }
    }

    async fn try_to_clean(&self) -> Result<(), Trouble> {
        let Some(schema) = self.tables.first().and_then(|table| table.schema.as_deref()) else {
            return Ok(());
        };
        let prefix = format!("{}_", self.strict.table.name);
        let is_id = |name: &str| {
            name.len() >= 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        };
        let list = format!(
            "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = {} AND tableowner = current_user \
             AND tablename LIKE {} ESCAPE '!'",
            literal(schema),
            literal(&format!("{}%", escaped(&prefix)))
        );
        let listed = self.session.rows::<1>(&list).await?;
        let names = listed.into_iter().filter_map(|[name]| name);
        let tables: Vec<_> = names
            .filter(|name| name.get(prefix.len()..).is_some_and(is_id))
            .take(CLEANED)
            .map(|name| TableName { schema: Some(schema.to_owned()), name }.quoted('"'))
            .collect();
        for asked in tables.chunks(ASKED) {
            let kept = self.strict.kept.as_secs();
            let old = |(at, table): (usize, &String)| {
                format!("SELECT {at} FROM {table} WHERE completed_at < SYSDATE - INTERVAL '{kept} second'")
            };
            let query: Vec<_> = asked.iter().enumerate().map(old).collect();
            for [at] in self.session.rows::<1>(&query.join(" UNION ALL ")).await? {
                let Some(table) = at.and_then(|at| asked.get(at.parse::<usize>().ok()?)) else { continue };
                self.session.execute(&format!("DROP TABLE {table}")).await?;
            }
        }
        Ok(())
    }

    fn not_made(&self, trouble: Trouble) -> OperatorError {
        let name = self.tables.last().map(ToString::to_string).unwrap_or_default();
        let denied = matches!(trouble, Trouble::Server(_));
        let mut error = trouble.during(format!("the status table `{name}` could not be made"), Doubt::None);
        if denied {
            error.hint = Some(
                "name a schema that this user may create tables in as `status_table_schema`, or do without \
                 exactly-once with `strict_transaction: false`"
                    .to_owned(),
            );
        }
        error
    }
}

/// A text of LIKE that means itself, with `!` to escape by.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|letter| matches!(letter, '!' | '%' | '_').then_some('!').into_iter().chain([letter]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_pattern_means_itself() {
        assert_eq!(escaped("__a%!_"), "!_!_a!%!!!_");
    }
}
