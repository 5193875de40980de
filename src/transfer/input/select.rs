//! The statement that reads a table or query, as it is run and as it may be shown.

use crate::embulk::input::Selection;
use crate::embulk::text::Text;
use crate::policy::{Origin, Subject};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::policy::Enforced;
use crate::transfer::report::Treated;

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

/// The statement of the rows of a table that meet one more condition; `way` stands behind its name. It is not to be
/// shown. None where the rows have an order, or come from a query.
pub(super) fn ranged(selection: &Selection, range: &str, way: &str, quote: char) -> Option<String> {
    let Selection::Table { table, select, where_clause, order_by: None } = selection else { return None };
    let of_its_own = where_clause.as_ref().map_or_else(String::new, |own| format!("({}) AND ", own.expose()));
    let table = quoted(table.expose(), quote);
    Some(format!("SELECT {} FROM {table}{way} WHERE {of_its_own}({range})", select.expose()))
}

/// Whether a row is read the same whenever it is, as long as it is the same: without a condition, and with columns by
/// their names. An expression may ask for the time.
pub(super) fn is_fixed(selection: &Selection) -> bool {
    let Selection::Table { select, where_clause: None, .. } = selection else { return false };
    // What stands for a value of the session needs no brackets.
    let is_asked = |name: &str| {
        let name = name.to_lowercase();
        name.starts_with("current")
            || name.starts_with("local")
            || name.contains("user")
            || name.starts_with("utc")
            || name.starts_with("sys")
    };
    let is_name = |item: &str| {
        let item = item.trim();
        let bare = item.trim_matches(['`', '"']);
        let is_quoted = item.len() == bare.len() + 2;
        let has_plain_letters = bare.chars().all(|char| char.is_alphanumeric() || char == '_');
        let is_number = bare.starts_with(|char: char| char.is_ascii_digit());
        !bare.is_empty() && has_plain_letters && (is_quoted || !is_number && !is_asked(bare))
    };
    let select = select.expose().trim();
    select == "*" || select.split(',').all(is_name)
}

/// The statement of an incremental read: rows beyond the last record, in order. `literals` are its values, none for
/// the first read. In a query `:column` stands for a value.
pub(super) fn incremental(
    selection: &Selection,
    columns: &[String],
    literals: Option<&[String]>,
    quote: char,
) -> Statement {
    let build = |text: fn(&Text) -> &str| match selection {
        Selection::Query(query) => filled(text(query), columns, literals.unwrap_or_default()),
        Selection::Table { table, select, where_clause, .. } => {
            let mut sql = format!("SELECT {} FROM {}", text(select), quoted(text(table), quote));
            let names: Vec<String> = columns.iter().map(|name| quoted(name, quote)).collect();
            let beyond = literals.map(|literals| beyond(&names, literals));
            match (where_clause.as_ref().map(text), beyond) {
                (Some(condition), Some(beyond)) => {
                    sql.push_str(&format!(" WHERE ({condition}) AND ({beyond})"));
                }
                (Some(condition), None) => sql.push_str(&format!(" WHERE {condition}")),
                (None, Some(beyond)) => sql.push_str(&format!(" WHERE {beyond}")),
                (None, None) => {}
            }
            sql.push_str(&format!(" ORDER BY {}", names.join(", ")));
            sql
        }
    };
    Statement { sql: build(Text::expose), shown: build(Text::shown) }
}

/// `(a > 1) OR (a = 1 AND b > 2)`
fn beyond(names: &[String], literals: &[String]) -> String {
    let pairs: Vec<(&String, &String)> = names.iter().zip(literals).collect();
    let alternatives = (0..pairs.len()).map(|at| {
        let equal = pairs[..at].iter().map(|(name, literal)| format!("{name} = {literal}"));
        let (name, literal) = pairs[at];
        let parts: Vec<String> = equal.chain([format!("{name} > {literal}")]).collect();
        format!("({})", parts.join(" AND "))
    });
    alternatives.collect::<Vec<_>>().join(" OR ")
}

/// The columns of a table that is read whole which stay when a policy has dropped the others: their places, and the
/// selection of them. None where a query or the config chooses, and where all or none of the columns stay.
pub(super) fn narrowed(
    selection: &Selection,
    columns: &[(String, Subject)],
    policy: Option<&Enforced>,
    quote: char,
) -> Option<Narrowed> {
    let Selection::Table { table, select, where_clause, order_by } = selection else { return None };
    if select.expose().trim() != "*" {
        return None;
    }
    let enforced = policy?;
    let treated = columns.iter().enumerate().map(|(at, (name, subject))| enforced.treated(at, name, subject));
    let (kept_back, kept): (Vec<Treated>, Vec<Treated>) = treated.partition(Treated::is_dropped);
    if kept_back.is_empty() || kept.is_empty() {
        return None;
    }
    let names: Vec<String> = kept.iter().map(|column| quoted(&column.column, quote)).collect();
    let selection = Selection::Table {
        table: table.clone(),
        select: Text::plain(names.join(", ")),
        where_clause: where_clause.clone(),
        order_by: order_by.clone(),
    };
    let origins =
        kept.iter().filter_map(|column| columns.get(column.place)).map(|(_, one)| one.origin.clone());
    Some(Narrowed { origins: origins.collect(), selection, kept_back })
}

/// A table without columns that a policy drops: they do not even leave the server.
pub(super) struct Narrowed {
    pub(super) selection: Selection,
    /// Those of the columns that are read.
    pub(super) origins: Vec<Origin>,
    /// The others.
    pub(super) kept_back: Vec<Treated>,
}

/// A query with values in the place of `:column`, the longest name first.
fn filled(query: &str, columns: &[String], literals: &[String]) -> String {
    let mut pairs: Vec<(&String, &String)> = columns.iter().zip(literals).collect();
    pairs.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut out = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(at) = rest.find(':') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        // `::` is PostgreSQL's cast.
        if let Some(after) = rest.strip_prefix(':') {
            out.push_str("::");
            rest = after;
            continue;
        }
        match pairs.iter().find(|(name, _)| rest.starts_with(name.as_str())) {
            Some((name, literal)) => {
                out.push_str(literal);
                rest = &rest[name.len()..];
            }
            None => out.push(':'),
        }
    }
    out.push_str(rest);
    out
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

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_row_is_the_same_whenever_it_is_read_where_columns_have_plain_names() {
        let table = |select: &str, where_clause: Option<&str>| Selection::Table {
            table: Text::plain("t"),
            select: Text::plain(select),
            where_clause: where_clause.map(Text::plain),
            order_by: None,
        };
        for select in ["*", " * ", "id, name", "`id`,`current_date`", "\"id\", \"user\"", "番号"] {
            assert!(is_fixed(&table(select, None)), "{select}");
            assert!(!is_fixed(&table(select, Some("true"))), "{select}");
        }
        for select in [
            "now()",
            "id, CURRENT_TIMESTAMP",
            "current_user",
            "localtime",
            "UTC_DATE",
            "session_user",
            "sysdate",
            "id + 1",
            "id as n",
            "'x'",
            "1",
            "@now",
            "id,",
            "",
        ] {
            assert!(!is_fixed(&table(select, None)), "{select}");
        }
        assert!(!is_fixed(&Selection::Query(Text::plain("select 1"))));
    }

    #[test]
    fn an_incremental_read_begins_behind_the_last_record() {
        let selection = |where_clause: Option<&str>| Selection::Table {
            table: Text::plain("t"),
            select: Text::plain("*"),
            where_clause: where_clause.map(Text::plain),
            order_by: None,
        };
        let columns = texts(&["a", "b", "c"]);
        let sql = |condition, literals| incremental(&selection(condition), &columns, literals, '"').sql;
        assert_eq!(sql(None, None), "SELECT * FROM \"t\" ORDER BY \"a\", \"b\", \"c\"");
        assert_eq!(
            sql(Some("x or y"), None),
            "SELECT * FROM \"t\" WHERE x or y ORDER BY \"a\", \"b\", \"c\""
        );
        let literals = texts(&["1", "'2'", "3"]);
        assert_eq!(
            sql(Some("x or y"), Some(&literals)),
            "SELECT * FROM \"t\" WHERE (x or y) AND ((\"a\" > 1) OR (\"a\" = 1 AND \"b\" > '2') OR \
             (\"a\" = 1 AND \"b\" = '2' AND \"c\" > 3)) ORDER BY \"a\", \"b\", \"c\""
        );
    }

    #[test]
    fn a_range_is_one_more_condition() {
        let table = |condition: Option<&str>, order: Option<&str>| Selection::Table {
            table: Text::plain("t"),
            select: Text::plain("a, b"),
            where_clause: condition.map(Text::plain),
            order_by: order.map(Text::plain),
        };
        let sql = |selection| ranged(&selection, "k < 5", " FORCE INDEX (PRIMARY)", '`');
        assert_eq!(
            sql(table(None, None)).as_deref(),
            Some("SELECT a, b FROM `t` FORCE INDEX (PRIMARY) WHERE (k < 5)")
        );
        assert_eq!(
            sql(table(Some("x or y"), None)).as_deref(),
            Some("SELECT a, b FROM `t` FORCE INDEX (PRIMARY) WHERE (x or y) AND (k < 5)")
        );
        assert_eq!(
            (sql(table(None, Some("a"))), sql(Selection::Query(Text::plain("select 1")))),
            (None, None)
        );
    }

    #[test]
    fn a_query_has_its_values_where_it_names_the_columns() {
        let query = Selection::Query(Text::plain(
            "select id::text, :x from t where id > :id and id2 > :id2 order by 1",
        ));
        let columns = texts(&["id", "id2"]);
        let statement = incremental(&query, &columns, Some(&texts(&["5", "'b'"])), '"');
        assert_eq!(statement.sql, "select id::text, :x from t where id > 5 and id2 > 'b' order by 1");
    }

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
