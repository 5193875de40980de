//! What Redshift and S3 say of the target before a run. Only reading statements.

use std::sync::Arc;

use super::bucket::Bucket;
use super::catalog::{Found, Place};
use super::failure::during;
use super::statement::literal;
use super::{Folding, RedshiftTarget, planned, stored, told};
use crate::embulk::output::{LoadMode, RedshiftOutput};
use crate::transfer::context::TransferContext;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::look::{Looked, Weight};
use crate::transfer::output::postgres::table::merge_keys;
use crate::transfer::schema::Schema;

/// Whether the table, or else its schema, is there and takes the rows, and whether the bucket is there.
pub(in crate::transfer::output) fn look(
    config: &RedshiftOutput,
    context: &TransferContext,
    schema: Option<&Arc<Schema>>,
) -> Result<Looked, TransferError> {
    let target = RedshiftTarget::new(config, context);
    let (session, schema_name) = target.connect()?;
    let place = target.place(&session, schema_name);
    let looked = at(&target, &session, &place, schema);
    session.close();
    let mut looked = looked?;
    looked.check(Bucket::located(&config.stage, context).map(drop));
    Ok(looked)
}

fn at(
    target: &RedshiftTarget,
    session: &Session,
    place: &Place,
    schema: Option<&Arc<Schema>>,
) -> Result<Looked, TransferError> {
    let mut looked = Looked::default();
    let load = &target.config.load;
    let found = target.find(session, place)?;
    looked.check(allowed(session, place, found.as_ref(), &load.mode));
    let Some(schema) = schema else { return Ok(looked) };
    let existing = found.as_ref().map(|found| found.columns.as_slice());
    let plan = planned(schema, load, existing, Folding::of(session))?;
    looked.targets = Some(told(schema, load, &plan));
    looked.check(stored(&plan, target.config.format).map(drop));
    if let LoadMode::Merge { keys, .. } = &load.mode {
        let primary = match &found {
            Some(found) => found.primary_key(session).map_err(|trouble| target.unread(trouble))?,
            None => Vec::new(),
        };
        looked.check(merge_keys(keys, &primary, &plan, &place.table).map(drop));
    }
    for note in plan.notes {
        looked.add(Weight::Warning, TransferError::new(ErrorKind::Config, note));
    }
    if let (LoadMode::Replace, Some(found)) = (&load.mode, &found) {
        let ties =
            place.ties(session, found, target.config.replacing).map_err(|trouble| target.unread(trouble))?;
        if !ties.is_empty() {
            let message = format!("table `{}` would be emptied and filled, not swapped", place.table);
            looked.add(Weight::Note, TransferError::new(ErrorKind::Config, message).cause(ties.join(", ")));
        }
    }
    Ok(looked)
}

/// Whether the user may do what a run does first.
fn allowed(
    session: &Session,
    place: &Place,
    found: Option<&Found>,
    mode: &LoadMode,
) -> Result<(), TransferError> {
    let is = |condition: &str| {
        let rows = session.texts(&format!("SELECT 1 WHERE {condition}"));
        let unasked = "the permissions of the user could not be looked up";
        rows.map(|rows| !rows.is_empty()).map_err(|trouble| during(trouble, unasked))
    };
    let schema = literal(&place.schema);
    if !is(&format!("EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = {schema})"))? {
        let message = format!("schema `{}` is not found", place.schema);
        return Err(TransferError::new(ErrorKind::NotFound, message));
    }
    let denied = |what: &str| Err(TransferError::new(ErrorKind::Permission, what.to_owned()));
    let table = literal(&place.quoted());
    let may = |right: &str| format!("pg_catalog.has_table_privilege({table}, '{right}')");
    if found.is_some() && !is(&may("INSERT"))? {
        return denied("the user may not insert into the table");
    }
    let deletes = matches!(mode, LoadMode::TruncateInsert | LoadMode::Replace);
    if found.is_some() && deletes && !is(&may("DELETE"))? {
        return denied("the user may not delete rows of the table");
    }
    if !is(&format!("pg_catalog.has_schema_privilege({schema}, 'CREATE')"))? {
        return denied("the user may not create tables in the schema, which rows are staged in");
    }
    Ok(())
}
