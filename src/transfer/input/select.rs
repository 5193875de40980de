//! The statement that reads a table or query, as it is run and as it may be shown.

use crate::embulk::input::Selection;
use crate::embulk::text::Text;

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
pub(super) fn quoted(name: &str, quote: char) -> String {
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
