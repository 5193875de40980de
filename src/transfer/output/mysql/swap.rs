//! A table that takes the place of another one: filled under a name of its own, then renamed in one step.
//!
//! This server has no transaction around such a step. So the step also renames a small marker, which says to a retry
//! that it was carried out. Every try has names of its own: a step that is still on its way when its run was killed
//! finds its table gone.

use super::failure;
use super::publish::Target;
use super::session::{Session, Trouble};
use super::statement::{self, qualified};
use super::table;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::Effect;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::sql::past::Claim;

/// Codes of a table that others refer to by foreign keys.
const REFERRED_TO: [u16; 4] = [1217, 1451, 1701, 3730];

/// The tables of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    database: String,
    stage: String,
}

impl Names {
    /// The names of a try, by that of its staging table.
    pub(super) fn new(database: &str, stage: &str) -> Self {
        Self { database: database.to_owned(), stage: stage.to_owned() }
    }

    /// What the publication is called that makes this table visible.
    pub(super) fn id(&self) -> &str {
        &self.stage
    }

    /// The table that is filled.
    pub(super) fn stage(&self) -> String {
        qualified(&self.database, &self.stage)
    }

    /// What the table was that made room.
    fn old(&self) -> String {
        qualified(&self.database, &format!("{}_old", self.stage))
    }

    fn marker(&self) -> String {
        qualified(&self.database, &format!("{}_marker", self.stage))
    }

    /// The marker after the step.
    fn done(&self) -> String {
        qualified(&self.database, &format!("{}_done", self.stage))
    }

    /// The effect under which the tables are remembered.
    pub(super) fn effect(&self, address: &str) -> Effect {
        Effect::StageTable {
            project: address.to_owned(),
            dataset: self.database.clone(),
            table: self.stage.clone(),
        }
    }

    /// Makes the staging table: the image of the target with the planned columns, or a new one.
    pub(super) fn make(
        &self,
        session: &mut Session,
        target: &Target,
        context: &TransferContext,
    ) -> Result<(), TransferError> {
        let (stage, cancel) = (self.stage(), &context.cancel);
        let failed = |trouble: Trouble| {
            let forbidden = trouble.has_code(&super::status::FORBIDDEN);
            let error = trouble.during("the staging table could not be made");
            match forbidden {
                true => error.hint("grant CREATE, ALTER, DROP and INSERT, or use `mode: truncate_insert`"),
                false => error,
            }
        };
        let mut run = |sql: &str| session.execute(sql, cancel).map(drop).map_err(failed);
        if !target.is_there {
            return run(&statement::create_table(&stage, &target.made, &target.load));
        }
        run(&format!("CREATE TABLE {stage} LIKE {}", target.name))?;
        if !target.plan.changes.is_empty() {
            run(&statement::alter(&stage, &target.plan.changes))?;
        }
        if let Some(next) = table::next_number(session, &target.name).map_err(failed)? {
            let keep = format!("ALTER TABLE {stage} AUTO_INCREMENT = {next}");
            session.execute(&keep, cancel).map_err(failed)?;
        }
        Ok(())
    }

    /// Makes the marker: the last thing before the step is recorded as intended.
    pub(super) fn mark(&self, session: &mut Session) -> Result<(), Trouble> {
        session.run(&format!("CREATE TABLE IF NOT EXISTS {} (id INT PRIMARY KEY)", self.marker())).map(drop)
    }

    /// The step.
    pub(super) fn carry_out(
        &self,
        session: &mut Session,
        target: &Target,
        context: &TransferContext,
    ) -> Result<(), Trouble> {
        let name = &target.name;
        let away = if target.is_there { format!("{name} TO {}, ", self.old()) } else { String::new() };
        let sql =
            format!("RENAME TABLE {away}{} TO {name}, {} TO {}", self.stage(), self.marker(), self.done());
        session.execute(&sql, &context.cancel).map(drop)
    }

    /// Drops what was there before. Where another table refers to it after all, the step is undone.
    pub(super) fn settle_down(&self, session: &mut Session, target: &Target) -> Result<(), TransferError> {
        let Err(trouble) = session.run(&format!("DROP TABLE IF EXISTS {}", self.old())) else {
            return Ok(());
        };
        if !trouble.has_code(&REFERRED_TO) {
            // The next attempt drops it.
            return Ok(());
        }
        let back = format!(
            "RENAME TABLE {name} TO {}, {} TO {name}, {} TO {}",
            self.stage(),
            self.old(),
            self.done(),
            self.marker(),
            name = target.name
        );
        let undone = session.run(&back);
        let found = failure::refused(trouble, &target.not_published(), |_| None);
        match undone {
            Ok(_) => Err(TransferError {
                kind: ErrorKind::Rejected,
                ..found.hint("a table that the user may not see refers to it: use `mode: truncate_insert`")
            }),
            Err(trouble) => Err(trouble.during(target.not_published())),
        }
    }

    /// Whether the step was carried out, once it can be no more.
    pub(super) fn ask(&self, session: &mut Session, target: &str) -> Result<Claim, Trouble> {
        let gone =
            |session: &mut Session, name: &str| Ok::<bool, Trouble>(table::columns(session, name)?.is_none());
        // A step that is under way holds the table until it ends; one that comes later does not find it.
        if !gone(session, &self.old())? && gone(session, target)? {
            // A server that crashed in the middle of the step.
            session.run(&format!("RENAME TABLE {} TO {target}", self.old()))?;
        }
        session.run(&format!("DROP TABLE IF EXISTS {}", self.stage()))?;
        Ok(if gone(session, &self.done())? { Claim::Ours } else { Claim::Published })
    }

    /// Drops whatever is there of a try that is over.
    pub(super) fn clean(&self, session: &mut Session) -> Result<(), Trouble> {
        session.run(&self.drop_all()).map(drop)
    }

    /// The statement that does it.
    pub(super) fn drop_all(&self) -> String {
        let names = [self.stage(), self.old(), self.marker(), self.done()];
        format!("DROP TABLE IF EXISTS {}", names.join(", "))
    }
}
