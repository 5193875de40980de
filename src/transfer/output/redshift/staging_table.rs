//! The table that rows are loaded into: made of the planned columns, or as the image of the table that it will replace.

use super::RedshiftTarget;
use super::catalog::Place;
use super::failure::during;
use super::prepare::{Target, Way};
use super::statement::{Numbered, alter_layout, create_stage, create_table, quoted};
use crate::embulk::output::SqlColumnOption;
use crate::transfer::effect::Effect;
use crate::transfer::error::TransferError;
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::sql::given;
use crate::transfer::output::sql::plan::{self, Change, TargetColumn, option_of};

impl RedshiftTarget {
    /// The effect under which a staging table is remembered.
    pub(super) fn stage_effect(&self, stage: &Place) -> Effect {
        Effect::StageTable {
            project: self.address(),
            dataset: stage.schema.clone(),
            table: stage.table.clone(),
        }
    }

    /// Makes the staging table, and takes over the types of its columns as the server writes them.
    pub(super) fn make_stage(&self, session: &Session, target: &mut Target) -> Result<(), TransferError> {
        self.context.ledger.intend(&self.stage_effect(&target.stage))?;
        let stage = target.stage.quoted();
        let run = |sql: &str| session.execute(sql, &self.context.cancel).map(drop);
        let failed = |trouble: Trouble| self.not_staged(session, trouble, &stage, &target.made);
        match (target.way, &target.found) {
            (Way::Swap, Some(found)) => {
                let changes =
                    as_made(plan::changes(&self.spelled(session, target)?, &found.columns), &target.made);
                run(&format!("CREATE TABLE {stage} (LIKE {} INCLUDING DEFAULTS)", target.place.quoted()))
                    .map_err(failed)?;
                self.alter_stage(session, target, &changes)?;
            }
            (Way::Swap, None) => {
                let sql = create_table(&stage, &target.made, &self.config.load, &self.config.layout);
                run(&sql).map_err(failed)?;
            }
            (Way::Insert | Way::Direct, _) => {
                let numbered = target.numbered(&self.config.load.mode);
                run(&create_stage(&stage, &target.made, numbered)).map_err(failed)?;
            }
        }
        let known = self.find(session, &target.stage)?.map(|found| found.columns).unwrap_or_default();
        for column in &mut target.plan.columns {
            if let Some(known) = known.iter().find(|known| known.name == column.name) {
                column.clone_from(known);
            }
        }
        Ok(())
    }

    /// The planned columns with their types as the server writes them: a table is made of the new ones, and dropped.
    fn spelled(&self, session: &Session, target: &Target) -> Result<Vec<TargetColumn>, TransferError> {
        let is_new = |column: &&TargetColumn| column.base.is_empty();
        let new: Vec<TargetColumn> = target.made.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            return Ok(target.made.clone());
        }
        let stage = target.stage.quoted();
        let failed = |trouble: Trouble| self.not_staged(session, trouble, &stage, &target.made);
        session.run(&create_stage(&stage, &new, Numbered::No)).map_err(failed)?;
        let known = self.find(session, &target.stage)?.map(|found| found.columns).unwrap_or_default();
        session.run(&drop_table(&target.stage)).map_err(|trouble| self.unread(trouble))?;
        let spelled = |column: &TargetColumn| {
            let found = known.iter().find(|known| known.name == column.name).filter(|_| is_new(&column));
            found.unwrap_or(column).clone()
        };
        Ok(target.made.iter().map(spelled).collect())
    }

    /// Gives the image of a table that is replaced the planned columns, and the layout of the config.
    fn alter_stage(
        &self,
        session: &Session,
        target: &Target,
        changes: &[Change],
    ) -> Result<(), TransferError> {
        let (stage, load) = (target.stage.quoted(), &self.config.load);
        let existing = target.found.as_ref().map_or(&[][..], |found| found.columns.as_slice());
        let run = |sql: &str, what: &str| match session.execute(sql, &self.context.cancel) {
            Ok(_) => Ok(()),
            Err(trouble) => Err(during(trouble, format!("the staging table could not be changed: {what}"))),
        };
        for change in changes.iter().filter(|change| !matches!(change, Change::Drop(_))) {
            for sql in altered(&stage, change, option_of(load, change.column())) {
                run(&sql, &format!("column `{}`", change.column()))?;
            }
        }
        for sql in alter_layout(&stage, &self.config.layout) {
            run(&sql, "`dist_style`, `dist_key` or `sort_key`")?;
        }
        // A column may have been the key of the layout.
        for change in changes.iter().filter(|change| matches!(change, Change::Drop(_))) {
            let what = format!(
                "column `{}` cannot be dropped; where rows lie by it, set `dist_key` and `sort_key`",
                change.column()
            );
            run(&format!("ALTER TABLE {stage} DROP COLUMN {}", quoted(change.column())), &what)?;
        }
        let stays = |known: &&TargetColumn| !changes.iter().any(|change| change.column() == known.name);
        for column in existing.iter().filter(stays) {
            if let Some(encode) = option_of(load, &column.name).and_then(|option| option.encode.as_ref()) {
                let sql =
                    format!("ALTER TABLE {stage} ALTER COLUMN {} ENCODE {encode}", quoted(&column.name));
                run(&sql, &format!("`encode` of column `{}`", column.name))?;
            }
        }
        Ok(())
    }

    /// The error of a staging table that could not be made: which type the server does not take, where it is one.
    fn not_staged(
        &self,
        session: &Session,
        trouble: Trouble,
        stage: &str,
        columns: &[TargetColumn],
    ) -> TransferError {
        let is_about_types = matches!(&trouble, Trouble::Server(error)
            if ["42", "22", "0A"].iter().any(|class| error.code().code().starts_with(class))
                && error.code().code() != "42501");
        let own = "the staging table could not be made";
        if is_about_types {
            for column in columns.iter().filter(|column| given::is_given(&self.config.load, &column.name)) {
                let one = create_stage(stage, std::slice::from_ref(column), Numbered::No);
                match session.run(&one) {
                    Ok(()) => drop(session.run(&format!("DROP TABLE {stage}"))),
                    Err(trouble) => return given::refused(&column.name, during(trouble, own)),
                }
            }
        }
        let forbidden = trouble.has_code("42501");
        let error = during(trouble, own);
        if forbidden { error.hint("grant CREATE on the schema, or set `temp_schema`") } else { error }
    }
}

/// Changes with new columns as the config has them, which may say more than a type.
pub(super) fn as_made(changes: Vec<Change>, made: &[TargetColumn]) -> Vec<Change> {
    let of = |column: TargetColumn| plan::find(made, &column.name).cloned().unwrap_or(column);
    let one = |change| match change {
        Change::Add(column) => Change::Add(of(column)),
        Change::Retype(column) => Change::Retype(of(column)),
        Change::Drop(name) => Change::Drop(name),
    };
    changes.into_iter().map(one).collect()
}

/// The statements that change one column of a table without rows.
fn altered(table: &str, change: &Change, option: Option<&SqlColumnOption>) -> Vec<String> {
    let encode = option.and_then(|option| option.encode.as_ref());
    let encode = encode.map_or_else(String::new, |encode| format!(" ENCODE {encode}"));
    let add = |column: &TargetColumn| {
        format!("ALTER TABLE {table} ADD COLUMN {} {}{encode}", quoted(&column.name), column.sql_type)
    };
    match change {
        Change::Drop(name) => vec![format!("ALTER TABLE {table} DROP COLUMN {}", quoted(name))],
        Change::Add(column) => vec![add(column)],
        Change::Retype(column) => {
            vec![format!("ALTER TABLE {table} DROP COLUMN {}", quoted(&column.name)), add(column)]
        }
    }
}

/// The statements that change a table that is emptied: one column each.
pub(super) fn changed(table: &str, changes: &[Change]) -> Vec<String> {
    changes.iter().flat_map(|change| altered(table, change, None)).collect()
}

/// A table that nobody needs any more.
pub(super) fn drop_table(place: &Place) -> String {
    format!("DROP TABLE IF EXISTS {}", place.quoted())
}
