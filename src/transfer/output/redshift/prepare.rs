//! Before the rows come: which columns go where, how they will be published, and everything that can be refused.

use std::sync::Arc;

use super::bucket::Bucket;
use super::catalog::{Found, Place};
use super::failure::during;
use super::stage::{Making, Stager};
use super::staging_table::as_made;
use super::statement::{Numbered, ROW};
use super::status::Status;
use super::{Folding, RedshiftTarget, column, planned, stored};
use crate::embulk::output::LoadMode;
use crate::transfer::effect::{Effect, RecordedEffect};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::postgres::table::merge_keys;
use crate::transfer::output::sql::given;
use crate::transfer::output::sql::plan::{self, Change, Plan, TargetColumn, option_of};
use crate::transfer::schema::{Column, Schema};

/// What `begin` found out, and how far the rows are.
pub(super) struct Work {
    pub(super) target: Target,
    /// The columns in the order in which rows are staged.
    pub(super) copied: Vec<TargetColumn>,
    pub(super) bucket: Bucket,
    pub(super) stager: Stager,
    /// The columns of the rows, and the zones of their wall clocks.
    pub(super) columns: Vec<Column>,
    pub(super) zones: String,
    /// What the objects hold, and for which table: as long as it is the same they can be loaded.
    pub(super) form: String,
}

/// The table that takes the rows.
pub(super) struct Target {
    pub(super) place: Place,
    /// As it was found; none: it is not there.
    pub(super) found: Option<Found>,
    /// The table that rows are loaded into; with [`Way::Direct`] it only tells how far a transaction came.
    pub(super) stage: Place,
    pub(super) way: Way,
    pub(super) plan: Plan,
    /// The planned columns as the config has them, for a new table.
    pub(super) made: Vec<TargetColumn>,
    /// Columns of the key of a merge.
    pub(super) keys: Vec<String>,
    /// What the row in the status table is called, and all that this try stages.
    pub(super) name: String,
}

/// How rows become visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The staging table takes the place of the target, or its name where there is none.
    Swap,
    /// Rows are inserted from the staging table.
    Insert,
    /// Rows are copied into the target itself (`insert_direct`).
    Direct,
}

impl Target {
    pub(super) fn numbered(&self, mode: &LoadMode) -> Numbered {
        if matches!(mode, LoadMode::Merge { .. }) { Numbered::Yes } else { Numbered::No }
    }
}

impl RedshiftTarget {
    pub(super) fn prepare(&self, schema: &Arc<Schema>) -> Result<Work, TransferError> {
        // A bucket that is not there is said before the cluster is woken.
        let bucket = Bucket::located(&self.config.stage, &self.context)?;
        let (session, schema_name) = self.connect()?;
        let folding = Folding::of(&session);
        let place = self.place(&session, schema_name);
        self.remove_abandoned(&session, &bucket)?;
        let found = self.find(&session, &place)?;
        let existing = found.as_ref().map(|found| found.columns.as_slice());
        let mut plan = planned(schema, &self.config.load, existing, folding)?;
        plan.notes.extend(self.not_applied(existing));
        stored(&plan, self.config.format)?;
        let name =
            self.context.key.name(next_try(&self.context.key.name(0), &self.context.ledger.recorded()?));
        let ties = self.ties(&session, &place, found.as_ref())?;
        let way = self.way(found.as_ref(), &ties);
        let stage = Place { schema: self.stage_schema(&place, way, folding), table: name.clone() };
        let made = plan.columns.clone();
        let mut target = Target { place, found, stage, way, plan, made, keys: Vec::new(), name };
        if let LoadMode::Merge { keys, .. } = &self.config.load.mode {
            let primary = match &target.found {
                Some(found) => found.primary_key(&session).map_err(|trouble| self.unread(trouble))?,
                None => Vec::new(),
            };
            target.keys = merge_keys(keys, &primary, &target.plan, &target.place.table)?;
        }
        Status::of(&target.place.schema).ensure(&session)?;
        self.make_stage(&session, &mut target)?;
        self.check_changes(&mut target, &ties)?;
        session.close();
        let load = &self.config.load;
        let number = (target.numbered(&load.mode) == Numbered::Yes).then_some(ROW);
        let ordered = column::copy_order(&target.plan);
        let format = self.config.format;
        let held = stored(&ordered, format)?;
        let making = Making {
            schema: Arc::clone(schema),
            plan: ordered.clone(),
            load: load.clone(),
            number,
            format,
            held,
            writer: self.context.key.id(),
        };
        let named = (target.name.clone(), format.extension());
        let stager = Stager::new(&bucket, &self.config.stage, &self.context, making, named);
        let form =
            format!("{} {format:?} {number:?} {:?} {:?}", self.shown, ordered.positions, ordered.columns);
        let (columns, zones) = (schema.columns.clone(), schema.zones.mark());
        Ok(Work { target, copied: ordered.columns, bucket, stager, columns, zones, form })
    }

    pub(super) fn unread(&self, trouble: Trouble) -> TransferError {
        during(trouble, format!("table `{}` could not be looked up", self.config.load.table.shown()))
    }

    pub(super) fn find(&self, session: &Session, place: &Place) -> Result<Option<Found>, TransferError> {
        place.find(session).map_err(|trouble| self.unread(trouble))?
    }

    /// What is said of columns that are there and get no more than a type.
    fn not_applied(&self, existing: Option<&[TargetColumn]>) -> Vec<String> {
        let load = &self.config.load;
        let says_more = |column: &&TargetColumn| {
            let given = option_of(load, &column.name).and_then(|option| option.sql_type.as_deref());
            load.mode == LoadMode::Replace && given.is_some_and(given::says_more)
        };
        let note = |column: &TargetColumn| {
            format!(
                "column `{}` of table `{}` stays as it is but for its type: a column that is there gets no more than \
                 a type from `column_options`",
                column.name,
                load.table.shown()
            )
        };
        existing.unwrap_or_default().iter().filter(says_more).map(note).collect()
    }

    /// What keeps the table from being swapped, where it would be.
    fn ties(
        &self,
        session: &Session,
        place: &Place,
        found: Option<&Found>,
    ) -> Result<Vec<String>, TransferError> {
        match found {
            Some(found) if self.config.load.mode == LoadMode::Replace => {
                place.ties(session, found, self.config.replacing).map_err(|trouble| self.unread(trouble))
            }
            _ => Ok(Vec::new()),
        }
    }

    fn way(&self, found: Option<&Found>, ties: &[String]) -> Way {
        let load = &self.config.load;
        // A key that the server names is named after the table that it is made for.
        let is_named_late = found.is_none() && load.create_table_constraint.is_some();
        match (&load.mode, found) {
            (LoadMode::InsertDirect, _) => Way::Direct,
            _ if is_named_late => Way::Insert,
            (LoadMode::Replace, _) if ties.is_empty() => Way::Swap,
            (LoadMode::Insert | LoadMode::TruncateInsert, None)
                if load.before_load.is_none() && self.config.temp_schema.is_none() =>
            {
                Way::Swap
            }
            _ => Way::Insert,
        }
    }

    fn stage_schema(&self, place: &Place, way: Way, folding: Folding) -> String {
        match &self.config.temp_schema {
            Some(schema) if way != Way::Swap => folding.name(schema.expose()),
            _ => place.schema.clone(),
        }
    }

    /// A table that is emptied instead of swapped changes where it is, and not in every way.
    fn check_changes(&self, target: &mut Target, ties: &[String]) -> Result<(), TransferError> {
        let (Way::Insert, LoadMode::Replace, Some(found)) =
            (target.way, &self.config.load.mode, &target.found)
        else {
            return Ok(());
        };
        let why = ties.join(", ");
        let table = &target.place.table;
        self.log(&format!("table `{table}` is emptied and filled in one transaction, not swapped: {why}"));
        let changes = plan::changes(&target.plan.columns, &found.columns);
        let retyped = changes.iter().find(|change| matches!(change, Change::Retype(_)));
        let refusal = match retyped {
            Some(change) => format!("column `{}` of table `{table}` cannot change its type", change.column()),
            None if changes.is_empty() || found.is_own => {
                target.plan.changes = as_made(changes, &target.made);
                return Ok(());
            }
            None => format!("the columns of table `{table}` cannot change"),
        };
        Err(TransferError::new(ErrorKind::Config, refusal)
            .cause(why)
            .hint("leave out the `type` in `column_options`, or take away what hangs on the table"))
    }
}

/// The number of the next try, by the names of what earlier ones staged.
fn next_try(own: &str, recorded: &[RecordedEffect]) -> u32 {
    let stem = own.trim_end_matches('0');
    let number = |effect: &Effect| {
        let (Effect::StageTable { table: name, .. }
        | Effect::StageObject { object: name, .. }
        | Effect::StageSet { name }) = effect
        else {
            return None;
        };
        let rest = &name[name.find(stem)? + stem.len()..];
        let digits = rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse::<u32>().ok()
    };
    recorded.iter().filter_map(|recorded| number(&recorded.effect)).max().unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_try_has_a_number_of_its_own() {
        let table = |name: &str| RecordedEffect {
            effect: Effect::StageTable { project: "h".into(), dataset: "s".into(), table: name.into() },
            outcome: None,
        };
        let object = RecordedEffect {
            effect: Effect::StageObject { bucket: "b".into(), object: "p/sync_a_12-000000.tsv.gz".into() },
            outcome: None,
        };
        assert_eq!(next_try("sync_a_0", &[]), 1);
        assert_eq!(next_try("sync_a_0", &[table("sync_a_1"), table("sync_b_7")]), 2);
        assert_eq!(next_try("sync_a_0", &[object, table("sync_a_2")]), 13);
    }
}
