//! Exactly once: the transaction that publishes also writes a row into a small table beside the target. A retry after a
//! kill, or after an answer that was lost, finds it and sends nothing again.
//!
//! The row goes when the run has recorded that the transfer is done, so the table is usually empty.

use super::table::qualified;
use crate::cloud::postgres::literal;
use crate::transfer::context::Cancel;
use crate::transfer::effect::{Effect, EffectOutcome, RecordedEffect};
use crate::transfer::error::TransferError;
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::OutputFigures;

/// The table's name.
const TABLE: &str = "__sync_published";
/// Rows that nobody asked for any more: the state of the run is gone as well by then.
const OLD: &str = "90 days";

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// The row is written by this transaction, and by no other.
    Ours,
    /// An earlier transaction wrote it.
    Published,
}

/// The table in a schema.
pub(super) struct Status {
    table: String,
}

impl Status {
    pub(super) fn of(schema: &str) -> Self {
        Self { table: qualified(schema, TABLE) }
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
            let error =
                trouble.during(format!("the table {TABLE} could not be made", TABLE = shown(&self.table)));
            if refused {
                error.hint(format!(
                    "let somebody who may run `{}` and grant SELECT, INSERT and DELETE on it",
                    self.create()
                ))
            } else {
                error
            }
        };
        if self.exists(session).map_err(failed)? {
            return Ok(());
        }
        match session.run(&self.create()) {
            // Another transfer made it just now.
            Err(trouble) if trouble.has_code("42P07") || trouble.has_code("23505") => Ok(()),
            made => made.map_err(failed),
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
            "DELETE FROM {} WHERE id = {} OR published_at < now() - interval '{OLD}'",
            self.table,
            literal(id)
        );
        let _ = session.run(&sql);
    }
}

fn shown(table: &str) -> String {
    format!("`{}`", table.replace('"', ""))
}

/// What earlier attempts recorded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    /// The publication of this transfer, where it is done.
    pub(super) done: Option<Effect>,
    /// Publications whose end nobody recorded, also those of earlier rounds.
    pub(super) open: Vec<Effect>,
}

impl Past {
    pub(super) fn read(id: &str, recorded: &[RecordedEffect]) -> Self {
        let mut latest: Vec<(&Effect, Option<&EffectOutcome>)> = Vec::new();
        for RecordedEffect { effect, outcome } in recorded {
            match latest.iter_mut().find(|(known, _)| *known == effect) {
                Some((_, known)) => *known = outcome.as_ref(),
                None => latest.push((effect, outcome.as_ref())),
            }
        }
        let mut past = Self::default();
        for (effect, outcome) in latest {
            let Effect::PublishRows { id: of, .. } = effect else { continue };
            match outcome {
                None => past.open.push(effect.clone()),
                Some(EffectOutcome::Done) if of == id => past.done = Some(effect.clone()),
                Some(_) => {}
            }
        }
        past
    }
}

/// The figures of a publication.
pub(super) fn figures(effect: &Effect) -> OutputFigures {
    let Effect::PublishRows { rows, bytes, .. } = effect else { return OutputFigures::default() };
    OutputFigures { rows_sent: *rows, rows_loaded: Some(*rows), bytes: *bytes, notes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publication(id: &str, rows: u64) -> Effect {
        Effect::PublishRows { target: "t".to_owned(), id: id.to_owned(), rows, bytes: 9 }
    }

    #[test]
    fn what_nobody_recorded_the_end_of_is_open() {
        let failed = EffectOutcome::Failed { message: "x".to_owned() };
        let recorded = [
            (publication("a", 1), None),
            (publication("a", 1), Some(failed)),
            (publication("b", 2), None),
            (publication("a", 3), None),
            (publication("c", 4), Some(EffectOutcome::Done)),
        ];
        let recorded = recorded.map(|(effect, outcome)| RecordedEffect { effect, outcome });
        let past = Past::read("a", &recorded);
        assert_eq!(past.open, [publication("b", 2), publication("a", 3)]);
        assert_eq!(past.done, None);
        assert_eq!(Past::read("c", &recorded).done, Some(publication("c", 4)));
    }
}
