//! What the server says of the target before a run. No table of anyone's is changed: a temporary one of the session
//! shows how the server writes the types of columns that are not there yet.

use std::sync::Arc;

use super::{MysqlTarget, column};
use crate::embulk::output::MysqlOutput;
use crate::transfer::context::TransferContext;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::look::{Looked, Weight};
use crate::transfer::schema::Schema;

/// Whether the server lets us in, and whether the table takes the rows.
pub(in crate::transfer::output) fn look(
    config: &MysqlOutput,
    context: &TransferContext,
    schema: Option<&Arc<Schema>>,
) -> Result<Looked, TransferError> {
    let target = MysqlTarget::new(config, context);
    let mut session = target.connect()?;
    let table = target.table_name(&mut session)?;
    let mut looked = Looked::default();
    let Some(schema) = schema else { return Ok(looked) };
    let database = config.database.expose().to_owned();
    let mut found = target.plan(&mut session, schema, database, table)?;
    match target.room(&found) {
        Ok(room) => found.room = room,
        Err(error) => looked.add(Weight::Error, error),
    }
    looked.check(target.check_merge(&mut session, &found));
    looked.targets = Some(found.plan.targets(schema, &|from, to| column::target(from, to, &config.load)));
    for note in found.plan.notes {
        looked.add(Weight::Warning, TransferError::new(ErrorKind::Config, note));
    }
    Ok(looked)
}
