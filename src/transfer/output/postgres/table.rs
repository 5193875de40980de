//! What the server says of tables, and which columns of the rows go where.

use super::column::usual_type;
use super::statement::quoted;
use crate::cloud::postgres::literal;
use crate::embulk::output::{LoadMode, SqlColumnOption, TableLoad};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::input::postgres::error::Trouble;
use crate::transfer::input::postgres::session::Session;
use crate::transfer::schema::Schema;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TargetColumn {
    pub(super) name: String,
    /// The type as `CREATE TABLE` takes it, collation and all.
    pub(super) sql_type: String,
    /// The name of the type in the catalog, of a domain that of the type below it; empty where it is not known yet.
    pub(super) base: String,
}

/// How the columns of a table that is there change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    Drop(String),
    Add(TargetColumn),
    Retype(TargetColumn),
}

/// Which columns of the rows go where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Positions of the columns in the rows.
    pub(super) positions: Vec<usize>,
    /// Columns that take them.
    pub(super) columns: Vec<TargetColumn>,
    /// What becomes of the table first.
    pub(super) changes: Vec<Change>,
    /// Things that people should know.
    pub(super) notes: Vec<String>,
}

/// The columns of a table; none where there is no such table. `table` is quoted.
pub(super) fn columns(session: &Session, table: &str) -> Result<Option<Vec<TargetColumn>>, Trouble> {
    let sql = format!(
        "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) || CASE \
         WHEN a.attcollation <> t.typcollation AND c.oid IS NOT NULL \
         THEN ' COLLATE ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.collname) \
         ELSE '' END, coalesce(b.typname, t.typname) \
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
        Ok([Some(name), Some(sql_type), Some(base)]) => Some(TargetColumn { name, sql_type, base }),
        _ => None,
    });
    Ok(Some(columns.collect()))
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

/// The option of a column: by exact name, else regardless of case.
pub(super) fn option_of<'c>(load: &'c TableLoad, name: &str) -> Option<&'c SqlColumnOption> {
    let named = &load.column_options;
    let same = |(known, _): &&(String, SqlColumnOption)| known.to_lowercase() == name.to_lowercase();
    let exact = named.iter().find(|(known, _)| known == name);
    exact.or_else(|| named.iter().find(same)).map(|(_, option)| option)
}

/// The column of this name, else the one that differs in case only.
fn find<'t>(columns: &'t [TargetColumn], name: &str) -> Option<&'t TargetColumn> {
    let same = |column: &&TargetColumn| column.name.to_lowercase() == name.to_lowercase();
    columns.iter().find(|column| column.name == name).or_else(|| columns.iter().find(same))
}

/// Plans for a table that is there with these columns, or is not.
pub(super) fn plan(
    schema: &Schema,
    load: &TableLoad,
    existing: Option<&[TargetColumn]>,
) -> Result<Plan, TransferError> {
    if let Some(name) = schema.shared_name() {
        return Err(TransferError::new(
            ErrorKind::Config,
            format!("two columns of the rows are named `{name}`"),
        )
        .hint("give one of them another name in the query, or with the `rename` filter"));
    }
    let mut plan = Plan::default();
    for (at, column) in schema.columns.iter().enumerate() {
        let option = option_of(load, &column.name);
        let given = option.and_then(|option| option.sql_type.clone());
        let fresh = |sql_type: Option<String>| TargetColumn {
            name: column.name.clone(),
            sql_type: sql_type.unwrap_or_else(|| usual_type(column.kind, load.types)),
            base: String::new(),
        };
        let target = match (existing, find(existing.unwrap_or_default(), &column.name)) {
            (None, _) => fresh(given),
            (Some(_), Some(found)) => match given.filter(|_| load.mode == LoadMode::Replace) {
                Some(sql_type) => TargetColumn { name: found.name.clone(), ..fresh(Some(sql_type)) },
                None => found.clone(),
            },
            (Some(_), None) if load.mode == LoadMode::Replace => fresh(given),
            (Some(_), None) => {
                plan.notes.push(format!(
                    "column `{}` is not in table `{}` and is left out, as under Embulk",
                    column.name,
                    load.table.shown()
                ));
                continue;
            }
        };
        if plan.columns.iter().any(|known| known.name == target.name) {
            let message = format!("two columns of the rows go to column `{}` of the table", target.name);
            return Err(TransferError::new(ErrorKind::Config, message)
                .hint("leave one of them out, or give it another name"));
        }
        plan.positions.push(at);
        plan.columns.push(target);
    }
    if plan.columns.is_empty() {
        let message = format!("no column of the rows is in table `{}`", load.table.shown());
        return Err(
            TransferError::new(ErrorKind::Config, message).hint("check `table`, or rename the columns")
        );
    }
    Ok(plan)
}

/// What a table that is replaced needs to have the planned columns, whose types the server has spelled out.
pub(super) fn changes(planned: &[TargetColumn], existing: &[TargetColumn]) -> Vec<Change> {
    let gone = existing.iter().filter(|old| planned.iter().all(|new| new.name != old.name));
    let mut changes: Vec<Change> = gone.map(|old| Change::Drop(old.name.clone())).collect();
    for new in planned {
        match existing.iter().find(|old| old.name == new.name) {
            None => changes.push(Change::Add(new.clone())),
            Some(old) if old.sql_type != new.sql_type => changes.push(Change::Retype(new.clone())),
            Some(_) => {}
        }
    }
    changes
}

/// The columns of the key of a merge.
pub(super) fn merge_keys(
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
