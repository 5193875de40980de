//! Which table a name means: itself, or the one in lower or upper case where only that one is there.

use super::session::Session;
use crate::cloud::postgres::literal;
use crate::embulk::input::Selection;
use crate::embulk::text::Text;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::select;

/// The selection with the name that the table has. A name that is not there stays as it is, for the server to name.
pub(super) fn found(
    session: &Session,
    selection: &Selection,
    schema: &Text,
) -> Result<Selection, TransferError> {
    let Selection::Table { table, select, where_clause, order_by } = selection else {
        return Ok(selection.clone());
    };
    let name = table.expose();
    let (upper, lower) = (name.to_uppercase(), name.to_lowercase());
    // Views, foreign and partitioned tables are tables too.
    let sql = format!(
        "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = {} AND c.relname IN ({}, {}, {})",
        literal(schema.expose()),
        literal(name),
        literal(&upper),
        literal(&lower)
    );
    let there = session
        .texts(&sql)
        .map_err(|trouble| trouble.during(format!("{} could not be looked up", select::name(selection))))?;
    let has = |name: &str| there.iter().any(|known| known == name);
    let other = match (has(&upper), has(&lower)) {
        _ if has(name) => None,
        (true, true) => {
            return Err(TransferError::new(
                ErrorKind::Config,
                format!("table `{name}` could be `{upper}` or `{lower}`: both exist"),
            )
            .hint("write the name of the one that is meant"));
        }
        (true, false) => Some(upper),
        (false, true) => Some(lower),
        (false, false) => None,
    };
    let table = other.map_or_else(|| table.clone(), Text::plain);
    Ok(Selection::Table {
        table,
        select: select.clone(),
        where_clause: where_clause.clone(),
        order_by: order_by.clone(),
    })
}
