//! Exactly once: the transaction that publishes also drops the staging table and writes a row into a small table beside
//! the target.
//!
//! An attempt whose end nobody knows is asked for in two steps. First its staging table is dropped: that waits for a
//! transaction that is still under way, and whatever comes later finds nothing to publish. Then the row says whether it
//! was carried out. Redshift has neither locks of one's own nor unique keys that it checks, and a table that all
//! transactions read and write would make them wait for each other or fail; rows that are only added do not.

use super::failure::during;
use super::statement::{literal, qualified};
use crate::transfer::error::TransferError;
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::sql::past::{Claim, STATUS_DAYS, STATUS_TABLE, not_granted};

/// The table in a schema.
pub(super) struct Status {
    schema: String,
    table: String,
}

impl Status {
    pub(super) fn of(schema: &str) -> Self {
        Self { schema: schema.to_owned(), table: qualified(schema, STATUS_TABLE) }
    }

    fn exists(&self, session: &Session) -> Result<bool, Trouble> {
        let sql = format!(
            "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = {} AND c.relname = {}",
            literal(&self.schema),
            literal(STATUS_TABLE)
        );
        Ok(!session.texts(&sql)?.is_empty())
    }

    fn create(&self) -> String {
        format!("CREATE TABLE {} (id VARCHAR(64) NOT NULL, published_at TIMESTAMP NOT NULL)", self.table)
    }

    /// Makes the table where it is not there.
    pub(super) fn ensure(&self, session: &Session) -> Result<(), TransferError> {
        let shown = self.table.replace('"', "");
        let failed = |trouble: Trouble| {
            let refused = trouble.has_code("42501");
            let error = during(trouble, format!("the table `{shown}` could not be made"));
            if refused { error.hint(not_granted(&self.create())) } else { error }
        };
        if self.exists(session).map_err(failed)? {
            return Ok(());
        }
        match session.run(&self.create()) {
            Ok(()) => Ok(()),
            // Another transfer made it just now.
            Err(_) if self.exists(session).map_err(failed)? => Ok(()),
            Err(trouble) => Err(failed(trouble)),
        }
    }

    /// Writes the row, in the transaction that publishes.
    pub(super) fn write(&self, id: &str) -> String {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
        format!("INSERT INTO {} VALUES ({}, {})", self.table, literal(id), literal(&now))
    }

    /// Whether a publication happened that cannot happen any more.
    pub(super) fn ask(&self, session: &Session, id: &str) -> Result<Claim, Trouble> {
        if !self.exists(session)? {
            return Ok(Claim::Ours);
        }
        let sql = format!("SELECT 1 FROM {} WHERE id = {}", self.table, literal(id));
        Ok(if session.texts(&sql)?.is_empty() { Claim::Ours } else { Claim::Published })
    }

    /// Removes the row of a publication that is recorded, and old ones. What stays does no harm.
    pub(super) fn forget(&self, session: &Session, id: &str) {
        let days = jiff::SignedDuration::from_hours(i64::from(STATUS_DAYS) * 24);
        let old = jiff::Timestamp::now() - days;
        let sql = format!(
            "DELETE FROM {} WHERE id = {} OR published_at < {}",
            self.table,
            literal(id),
            literal(&old.strftime("%Y-%m-%d %H:%M:%S").to_string())
        );
        let _ = session.run(&sql);
    }
}
