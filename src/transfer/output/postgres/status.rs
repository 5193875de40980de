//! Exactly once: the transaction that publishes also writes a row into a small table beside the target. A retry after a
//! kill, or after an answer that was lost, finds it and sends nothing again.
//!
//! The row goes when the run has recorded that the transfer is done, so the table is usually empty.

use super::table::qualified;
use crate::cloud::postgres::literal;
use crate::transfer::context::Cancel;
use crate::transfer::error::TransferError;
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::sql::past::{Claim, STATUS_DAYS, STATUS_TABLE, not_granted};

/// The table in a schema.
pub(super) struct Status {
    table: String,
}

impl Status {
    pub(super) fn of(schema: &str) -> Self {
        Self { table: qualified(schema, STATUS_TABLE) }
    }

    fn exists(&self, session: &Session) -> Result<bool, Trouble> {
        let sql = format!("SELECT 1 WHERE pg_catalog.to_regclass({}) IS NOT NULL", literal(&self.table));
        Ok(!session.texts(&sql)?.is_empty())
    }

    fn create(&self) -> String {
        format!(
            "CREATE TABLE {} (id TEXT PRIMARY KEY, published_at TIMESTAMPTZ NOT NULL DEFAULT now())",
            self.table
        )
    }

    /// Makes the table where it is not there.
    pub(super) fn ensure(&self, session: &Session) -> Result<(), TransferError> {
        let failed = |trouble: Trouble| {
            let refused = trouble.has_code("42501");
            let error = trouble.during(format!("the table {} could not be made", shown(&self.table)));
            if refused { error.hint(not_granted(&self.create())) } else { error }
        };
        if self.exists(session).map_err(failed)? {
            return Ok(());
        }
        match session.run(&self.create()) {
            Ok(()) => Ok(()),
            // Another transfer made it just now. Which of its entries in the catalog is found first, and so the code of
            // the error (42P07, 42710, 23505), hangs on the moment.
            Err(_) if self.exists(session).map_err(failed)? => Ok(()),
            Err(trouble) => Err(failed(trouble)),
        }
    }

    /// Writes the row in the transaction that is open. Waits for another transaction that is about to write it.
    pub(super) fn claim(&self, session: &Session, id: &str, cancel: &Cancel) -> Result<Claim, Trouble> {
        let sql = format!("INSERT INTO {} (id) VALUES ({}) ON CONFLICT DO NOTHING", self.table, literal(id));
        Ok(if session.execute(&sql, cancel)? == 0 { Claim::Published } else { Claim::Ours })
    }

    /// Whether a publication happened, once every transaction that might still bring it is over.
    pub(super) fn ask(&self, session: &Session, id: &str, cancel: &Cancel) -> Result<Claim, Trouble> {
        if !self.exists(session)? {
            return Ok(Claim::Ours);
        }
        session.run("BEGIN")?;
        let claim = self.claim(session, id, cancel);
        session.run("ROLLBACK")?;
        claim
    }

    /// Removes the row of a publication that is recorded, and old ones. What stays does no harm.
    pub(super) fn forget(&self, session: &Session, id: &str) {
        let sql = format!(
            "DELETE FROM {} WHERE id = {} OR published_at < now() - interval '{STATUS_DAYS} days'",
            self.table,
            literal(id)
        );
        let _ = session.run(&sql);
    }
}

fn shown(table: &str) -> String {
    format!("`{}`", table.replace('"', ""))
}
