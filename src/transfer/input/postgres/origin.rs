//! Where the columns of a result come from: the server tells it by numbers, also through subselects, and of views the
//! view's own.

use std::collections::HashMap;

use super::session::Session;
use crate::policy::Origin;
use crate::transfer::error::TransferError;

/// The origins of the columns of a statement. What is no column of one table (expressions, unions, whole rows) has none.
pub(super) fn origins(
    session: &Session,
    columns: &[tokio_postgres::Column],
    name: &str,
) -> Result<Vec<Origin>, TransferError> {
    let numbers = |column: &tokio_postgres::Column| Some((column.table_oid()?, column.column_id()?));
    let mut wanted: Vec<(u32, i16)> = columns.iter().filter_map(numbers).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let names = if wanted.is_empty() { HashMap::new() } else { looked_up(session, &wanted, name)? };
    let origin = |column: &tokio_postgres::Column| {
        let found = numbers(column).and_then(|numbers| names.get(&numbers));
        found.cloned().unwrap_or_else(|| Origin::Expression { alias: column.name().to_owned() })
    };
    Ok(columns.iter().map(origin).collect())
}

fn looked_up(
    session: &Session,
    wanted: &[(u32, i16)],
    name: &str,
) -> Result<HashMap<(u32, i16), Origin>, TransferError> {
    let pairs: Vec<String> = wanted.iter().map(|(table, column)| format!("({table},{column})")).collect();
    let sql = format!(
        "SELECT c.oid, a.attnum, n.nspname, c.relname, a.attname FROM pg_catalog.pg_attribute a \
         JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE (a.attrelid, a.attnum) IN ({})",
        pairs.join(", ")
    );
    let rows = session
        .rows(&sql)
        .map_err(|trouble| trouble.during(format!("the tables behind {name} could not be looked up")))?;
    Ok(rows.into_iter().filter_map(named).collect())
}

fn named(row: Vec<Option<String>>) -> Option<((u32, i16), Origin)> {
    let row: Vec<String> = row.into_iter().collect::<Option<_>>()?;
    let [table, column, schema, table_name, name] = <[String; 5]>::try_from(row).ok()?;
    let origin = Origin::Column { schema: Some(schema), table: table_name, column: name };
    Some(((table.parse().ok()?, column.parse().ok()?), origin))
}
