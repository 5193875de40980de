//! The statement that reads a table or query, as it is run and as it may be shown.

use crate::embulk::input::Selection;
use crate::embulk::text::Text;
use crate::transfer::error::{ErrorKind, TransferError};

/// A statement with its text for logs, where parts that hold secrets are `…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) shown: String,
}

/// The statement of a selection; `quote` is the server's quote of identifiers.
pub(super) fn statement(selection: &Selection, quote: char) -> Statement {
    Statement { sql: build(selection, quote, Text::expose), shown: build(selection, quote, Text::shown) }
}

/// What messages call the selection: the table, or `the query`.
pub(super) fn name(selection: &Selection) -> String {
    match selection {
        Selection::Table { table, .. } => format!("table `{}`", table.shown()),
        Selection::Query(_) => "the query".to_owned(),
    }
}

/// The selection by the name that its table has: as it is written, else in upper or lower case where one of the two is
/// there. `existing` gives which of some names there are. A name that is not there stays, for the server to name.
pub(super) fn found(
    selection: &Selection,
    existing: impl FnOnce([&str; 3]) -> Result<Vec<String>, TransferError>,
) -> Result<Selection, TransferError> {
    let Selection::Table { table, select, where_clause, order_by } = selection else {
        return Ok(selection.clone());
    };
    let name = table.expose();
    let (upper, lower) = (name.to_uppercase(), name.to_lowercase());
    let there = existing([name, &upper, &lower])?;
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
    let Some(other) = other else { return Ok(selection.clone()) };
    Ok(Selection::Table {
        table: Text::plain(other),
        select: select.clone(),
        where_clause: where_clause.clone(),
        order_by: order_by.clone(),
    })
}

fn build(selection: &Selection, quote: char, text: fn(&Text) -> &str) -> String {
    match selection {
        Selection::Query(query) => text(query).to_owned(),
        Selection::Table { table, select, where_clause, order_by } => {
            let mut sql = format!("SELECT {} FROM {}", text(select), quoted(text(table), quote));
            if let Some(condition) = where_clause {
                sql.push_str(" WHERE ");
                sql.push_str(text(condition));
            }
            if let Some(order) = order_by {
                sql.push_str(" ORDER BY ");
                sql.push_str(text(order));
            }
            sql
        }
    }
}

/// An identifier between quotes; quotes in it are doubled.
pub(in crate::transfer) fn quoted(name: &str, quote: char) -> String {
    let doubled = format!("{quote}{quote}");
    format!("{quote}{}{quote}", name.replace(quote, &doubled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn tables_are_quoted_and_clauses_are_as_written() {
        let selection = Selection::Table {
            table: Text::plain("注文`s"),
            select: Text::plain("*"),
            where_clause: Some(Text::Secret(Secret::new("key = 'x'"))),
            order_by: Some(Text::plain("id")),
        };
        let statement = statement(&selection, '`');
        assert_eq!(statement.sql, "SELECT * FROM `注文``s` WHERE key = 'x' ORDER BY id");
        assert_eq!(statement.shown, "SELECT * FROM `注文``s` WHERE … ORDER BY id");
        assert_eq!(name(&selection), "table `注文`s`");
    }
}
