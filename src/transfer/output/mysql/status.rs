//! Exactly once: the transaction that publishes also writes a row into a small table beside the target. A retry after a
//! kill, or after an answer that was lost, finds it and sends nothing again.
//!
//! The row goes when the run has recorded that the transfer is done, so the table is usually empty.

use sha2::{Digest, Sha256};

use super::session::{Session, Trouble};
use super::statement::{literal, qualified};
use crate::transfer::context::Cancel;
use crate::transfer::error::TransferError;
use crate::transfer::output::sql::past::{Claim, STATUS_DAYS, STATUS_TABLE, not_granted};

/// Codes of a statement that the user may not run.
pub(super) const FORBIDDEN: [u16; 5] = [1044, 1142, 1143, 1227, 1370];

/// The table in a database.
pub(super) struct Status {
    database: String,
    table: String,
}

impl Status {
    pub(super) fn of(database: &str) -> Self {
        Self { database: database.to_owned(), table: qualified(database, STATUS_TABLE) }
    }

    fn exists(&self, session: &mut Session) -> Result<bool, Trouble> {
        let sql = format!(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = {} AND table_name = '{STATUS_TABLE}'",
            literal(&self.database)
        );
        Ok(session.text(&sql)?.is_some())
    }

    fn create(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (id VARCHAR(64) CHARACTER SET ascii PRIMARY KEY, \
             published_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB",
            self.table
        )
    }

    /// Makes the table where it is not there.
    pub(super) fn ensure(&self, session: &mut Session) -> Result<(), TransferError> {
        let failed = |trouble: Trouble| {
            let forbidden = trouble.has_code(&FORBIDDEN);
            let shown = self.table.replace('`', "");
            let error = trouble.during(format!("the table `{shown}` could not be made"));
            if forbidden { error.hint(not_granted(&self.create().replace('`', ""))) } else { error }
        };
        if !self.exists(session).map_err(failed)? {
            session.run(&self.create()).map_err(failed)?;
        }
        Ok(())
    }

    /// Writes the row in the transaction that is open. Waits for another transaction that is about to write it.
    pub(super) fn claim(&self, session: &mut Session, id: &str, cancel: &Cancel) -> Result<Claim, Trouble> {
        match session.execute(&self.insert(id), cancel) {
            Ok(_) => Ok(Claim::Ours),
            Err(trouble) if trouble.has_code(&[1062]) => Ok(Claim::Published),
            Err(trouble) => Err(trouble),
        }
    }

    fn insert(&self, id: &str) -> String {
        format!("INSERT INTO {} (id) VALUES ({})", self.table, literal(id))
    }

    /// Lets no other transfer change the same table until the transaction that is open ends.
    pub(super) fn alone(&self, session: &mut Session, target: &str, cancel: &Cancel) -> Result<(), Trouble> {
        let hash = Sha256::digest(target.as_bytes());
        let id: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        session.execute(&self.insert(&format!("table {id}")), cancel)?;
        session.run(&format!("DELETE FROM {} WHERE id = 'table {id}'", self.table))?;
        Ok(())
    }

    /// Whether a publication happened, once every transaction that might still bring it is over.
    pub(super) fn ask(&self, session: &mut Session, id: &str, cancel: &Cancel) -> Result<Claim, Trouble> {
        if !self.exists(session)? {
            return Ok(Claim::Ours);
        }
        session.run("START TRANSACTION")?;
        let claim = self.claim(session, id, cancel);
        session.run("ROLLBACK")?;
        claim
    }

    /// Removes the row of a publication that is recorded, and old ones. What stays does no harm.
    pub(super) fn forget(&self, session: &mut Session, id: &str) {
        // Rows are removed by their key: a condition would wait for whoever is just publishing.
        let old =
            format!("SELECT id FROM {} WHERE published_at < NOW() - INTERVAL {STATUS_DAYS} DAY", self.table);
        let old = session.rows(&old).unwrap_or_default().into_iter().flatten().flatten();
        for id in old.chain([id.to_owned()]) {
            let _ = session.run(&format!("DELETE FROM {} WHERE id = {}", self.table, literal(&id)));
        }
    }
}
