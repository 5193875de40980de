//! What the server says of tables.

use super::statement::quoted;
use crate::cloud::postgres::literal;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::output::sql::given::Attributes;
use crate::transfer::output::sql::plan::{Nature, Plan, TargetColumn, find};

/// A longer name PostgreSQL cuts without a word: what it means then is another table or column.
const LONGEST_NAME: usize = 63;

/// Refuses names that would be cut.
pub(super) fn refuse_long<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<(), TransferError> {
    let Some(name) = names.into_iter().find(|name| name.len() > LONGEST_NAME) else { return Ok(()) };
    let message = format!("the name `{name}` has more than {LONGEST_NAME} bytes: PostgreSQL would cut it");
    Err(TransferError::new(ErrorKind::Config, message).hint("give it a shorter name"))
}

/// The columns of a table; none where there is no such table. `table` is quoted.
pub(super) fn columns(session: &Session, table: &str) -> Result<Option<Vec<TargetColumn>>, Trouble> {
    let sql = format!(
        "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) || CASE \
         WHEN a.attcollation <> t.typcollation AND c.oid IS NOT NULL \
         THEN ' COLLATE ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.collname) \
         ELSE '' END, pg_catalog.format_type(coalesce(b.oid, t.oid), \
         CASE WHEN b.oid IS NULL THEN a.atttypmod ELSE t.typtypmod END) \
         FROM pg_catalog.pg_class r LEFT JOIN pg_catalog.pg_attribute a \
         ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped \
         LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype \
         LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation \
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace \
         WHERE r.oid = pg_catalog.to_regclass({}) ORDER BY a.attnum",
        literal(table)
    );
    let rows = session.rows(&sql)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let columns = rows.into_iter().filter_map(|row| match <[Option<String>; 3]>::try_from(row) {
        Ok([Some(name), Some(sql_type), Some(base)]) => {
            Some(TargetColumn { name, sql_type, base, nature: Nature::Plain })
        }
        _ => None,
    });
    Ok(Some(columns.collect()))
}

/// What the columns of a table have besides their types.
pub(super) fn attributes(session: &Session, table: &str) -> Result<Attributes, Trouble> {
    let rows = session.rows(&format!(
        "SELECT a.attname, CASE WHEN a.attnotnull THEN 1 END, CASE WHEN a.atthasdef THEN 1 END, \
         (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique \
         AND i.indnatts = 1 AND i.indkey[0] = a.attnum LIMIT 1) FROM pg_catalog.pg_attribute a \
         WHERE a.attrelid = pg_catalog.to_regclass({}) AND a.attnum > 0 AND NOT a.attisdropped",
        literal(table)
    ))?;
    let attributes = rows.into_iter().filter_map(|row| {
        let mut cells = row.into_iter();
        let name = cells.next()??;
        let has = cells.zip(["NOT NULL", "DEFAULT", "UNIQUE"]);
        Some((name, has.filter_map(|(cell, word)| cell.map(|_| word)).collect()))
    });
    Ok(attributes.collect())
}

/// The primary key of a table.
pub(super) fn primary_key(session: &Session, table: &str) -> Result<Vec<String>, Trouble> {
    session.texts(&format!(
        "SELECT a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a \
         ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) \
         WHERE i.indisprimary AND i.indrelid = pg_catalog.to_regclass({}) ORDER BY a.attnum",
        literal(table)
    ))
}

/// Whether the rows of a table can go by TRUNCATE: no other table refers to it, and the user may.
pub(super) fn is_truncatable(session: &Session, table: &str) -> Result<bool, Trouble> {
    let name = literal(table);
    let found = session.texts(&format!(
        "SELECT 1 WHERE pg_catalog.has_table_privilege(pg_catalog.to_regclass({name})::oid, 'TRUNCATE') \
         AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint WHERE contype = 'f' \
         AND confrelid = pg_catalog.to_regclass({name}) AND conrelid <> confrelid)"
    ))?;
    Ok(!found.is_empty())
}

/// The columns of the key of a merge.
pub(in crate::transfer::output) fn merge_keys(
    given: &[String],
    primary: &[String],
    plan: &Plan,
    table: &str,
) -> Result<Vec<String>, TransferError> {
    let names = if given.is_empty() { primary } else { given };
    if names.is_empty() {
        return Err(TransferError::new(
            ErrorKind::Config,
            format!("`mode: merge` needs `merge_keys`: table `{table}` has no primary key"),
        ));
    }
    let key = |name: &String| match find(&plan.columns, name) {
        Some(column) => Ok(column.name.clone()),
        None => Err(TransferError::new(
            ErrorKind::Config,
            format!("the rows have no column `{name}`, which is in the key of the merge"),
        )),
    };
    names.iter().map(key).collect()
}

/// A table of a schema, quoted.
pub(super) fn qualified(schema: &str, table: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(table))
}
