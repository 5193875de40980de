//! Which table a name means.

use super::session::Session;
use crate::cloud::postgres::literal;
use crate::embulk::input::Selection;
use crate::embulk::text::Text;
use crate::transfer::error::TransferError;
use crate::transfer::input::select;

/// The selection with the name that the table has in its schema.
pub(in crate::transfer) fn found(
    session: &Session,
    selection: &Selection,
    schema: &Text,
) -> Result<Selection, TransferError> {
    select::found(selection, |names| {
        // Views, foreign and partitioned tables are tables too.
        let sql = format!(
            "SELECT c.relname FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = {} AND c.relname IN ({})",
            literal(schema.expose()),
            names.map(literal).join(", ")
        );
        let failed = || format!("{} could not be looked up", select::name(selection));
        session.texts(&sql).map_err(|trouble| trouble.during(failed()))
    })
}
