//! `type: rename`: columns under other names.

use super::projection::{Origin, Projection};
use crate::embulk::filter::Rename;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::{Column, Schema};

/// The projection of a `rename` filter.
pub(super) fn plan(filter: &Rename, schema: &Schema) -> Result<Projection, TransferError> {
    if let Some((missing, _)) = filter.columns.iter().find(|(old, _)| schema.position(old).is_none()) {
        return Err(TransferError::new(
            ErrorKind::Config,
            format!("rename: column `{missing}` does not exist in the schema"),
        ));
    }
    let renamed = schema.columns.iter().enumerate().map(|(at, column)| {
        let new = filter.columns.iter().find(|(old, _)| *old == column.name);
        let name = new.map_or(column.name.as_str(), |(_, new)| new);
        (Column::new(name, column.kind), Origin::Input(at))
    });
    Ok(Projection::of(schema, renamed.collect()))
}
