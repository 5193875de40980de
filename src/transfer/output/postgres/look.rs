//! What PostgreSQL says of the target before a run. Only reading statements.

use std::sync::Arc;

use super::{PostgresTarget, planned, table, told};
use crate::cloud::postgres::literal;
use crate::embulk::output::{LoadMode, PostgresqlOutput};
use crate::transfer::context::TransferContext;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::look::{Looked, Weight};
use crate::transfer::output::sql::plan::TargetColumn;
use crate::transfer::schema::Schema;

/// Whether the table, or else its schema, is there and takes the rows.
pub(in crate::transfer::output) fn look(
    config: &PostgresqlOutput,
    context: &TransferContext,
    schema: Option<&Arc<Schema>>,
) -> Result<Looked, TransferError> {
    let target = PostgresTarget::new(config, context);
    let (session, schema_name) = target.connect()?;
    let looked = at(&target, &session, &schema_name, schema);
    session.close();
    looked
}

fn at(
    target: &PostgresTarget,
    session: &Session,
    schema_name: &str,
    schema: Option<&Arc<Schema>>,
) -> Result<Looked, TransferError> {
    let mut looked = Looked::default();
    let load = &target.config.load;
    let table = target.table_name(session, schema_name)?;
    let name = table::qualified(schema_name, &table);
    let failed = format!("table `{table}` could not be looked up");
    let existing = table::columns(session, &name).map_err(|trouble| trouble.during(failed.as_str()))?;
    looked.check(allowed(session, schema_name, &name, existing.as_deref()));
    let Some(schema) = schema else { return Ok(looked) };
    let plan = planned(schema, load, existing.as_deref())?;
    looked.targets = Some(told(schema, load, &plan));
    if let LoadMode::Merge { keys, .. } = &load.mode {
        let primary =
            table::primary_key(session, &name).map_err(|trouble| trouble.during(failed.as_str()))?;
        looked.check(table::merge_keys(keys, &primary, &plan, &table).map(drop));
    }
    for note in plan.notes {
        looked.add(Weight::Warning, TransferError::new(ErrorKind::Config, note));
    }
    Ok(looked)
}

/// Whether the user may do what a run does first.
fn allowed(
    session: &Session,
    schema: &str,
    table: &str,
    existing: Option<&[TargetColumn]>,
) -> Result<(), TransferError> {
    let unasked = "the permissions of the user could not be looked up";
    let is = |condition: String| {
        let sql = format!("SELECT 1 WHERE {condition}");
        session.texts(&sql).map(|rows| !rows.is_empty()).map_err(|trouble| trouble.during(unasked))
    };
    if !is(format!("pg_catalog.to_regnamespace({}) IS NOT NULL", literal(&super::statement::quoted(schema))))?
    {
        let message = format!("schema `{schema}` is not found");
        return Err(TransferError::new(ErrorKind::NotFound, message));
    }
    let denied = |what: &str| Err(TransferError::new(ErrorKind::Permission, what.to_owned()));
    match existing {
        Some(_) if !is(format!("pg_catalog.has_table_privilege({}, 'INSERT')", literal(table)))? => {
            denied("the user may not insert into the table")
        }
        None if !is(format!("pg_catalog.has_schema_privilege({}, 'CREATE')", literal(schema)))? => {
            denied("the table is not there, and the user may not create it")
        }
        _ if !is("pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMP')".to_owned())? => {
            denied("the user may not create temporary tables, which rows are staged in")
        }
        _ => Ok(()),
    }
}
