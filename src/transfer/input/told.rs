//! Whether what a server tells of the origin of columns can be believed, and what it then says.
//!
//! A policy goes by the origin: `select email as id` must not pass for the column `id`. PostgreSQL tells it of every
//! column. MySQL and MariaDB give a derived table for a real one (`from (select email as id …) orders`), and SQLite gives
//! the first part of a compound for all of them. So where a statement has what could hide a column, nothing is believed,
//! and its columns are what a query computes. Words are looked for wherever they stand, in a text or a comment too: a
//! statement that is doubted without need costs a rule with `expression: true`, one that is believed in error a leak.

use crate::embulk::input::Selection;
use crate::embulk::text::Text;

/// Words of statements with several parts.
const COMPOUND: [&str; 3] = ["union", "intersect", "except"];

/// Words of what can stand for a table and is none, `select` apart.
const DERIVED: [&str; 5] = ["with", "table", "values", "lateral", "json_table"];

/// Whether MySQL's origins are those of real tables.
pub(super) fn mysql_is_believed(selection: &Selection) -> bool {
    match selection {
        Selection::Query(query) => {
            let words = words(query.expose());
            let selects = words.iter().filter(|word| *word == "select").count();
            selects == 1 && !has(&words, &COMPOUND) && !has(&words, &DERIVED)
        }
        Selection::Table { select, where_clause, order_by, .. } => {
            let text = select.expose();
            let chosen = words(text);
            let is_plain = !has(&chosen, &DERIVED) && !has(&chosen, &["select"]);
            // A comment could hide the table that is read.
            let comments = ["--", "#", "/*"];
            let rest = [where_clause, order_by].into_iter().flatten().map(Text::expose);
            is_plain
                && !comments.iter().any(|comment| text.contains(comment))
                && !rest.chain([text]).any(|text| has(&words(text), &COMPOUND))
        }
    }
}

/// Whether SQLite's origins are those of all rows.
pub(super) fn sqlite_is_believed(sql: &str) -> bool {
    let words = words(sql);
    !has(&words, &COMPOUND) && !has(&words, &["values"])
}

fn has(words: &[String], sought: &[&str]) -> bool {
    words.iter().any(|word| sought.contains(&word.as_str()))
}

fn words(sql: &str) -> Vec<String> {
    let parts = sql.split(|char: char| !(char.is_alphanumeric() || char == '_' || char == '$'));
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_mysql_is_believed_when_it_reads_tables_only() {
        let query = |sql: &str| mysql_is_believed(&Selection::Query(Text::plain(sql)));
        for sql in [
            "select email as x, concat(a) from users u join orders o using (id) where a = 'b' group by x",
            "SELECT id\nFROM `t`",
        ] {
            assert!(query(sql), "{sql}");
        }
        for sql in [
            "select id from (select email as id from users) orders",
            "with orders as (select email as id from users) select id from orders",
            "select id from orders union all select email from users",
            "select id from orders where id in (SELECT id from x)",
            "select id from (table users) as orders (id)",
            "select id from json_table(email, '$' columns (id text path '$')) orders",
            "select/**/id from(select/**/1)orders",
            "table users",
            "call procedure_of_ours()",
        ] {
            assert!(!query(sql), "{sql}");
        }
    }

    #[test]
    fn a_table_of_mysql_is_believed_unless_its_clauses_are_odd() {
        let table = |select: &str, condition: Option<&str>| {
            mysql_is_believed(&Selection::Table {
                table: Text::plain("orders"),
                select: Text::plain(select),
                where_clause: condition.map(Text::plain),
                order_by: None,
            })
        };
        assert!(table("*", None) && table("id, extract(year from day) as y", Some("id in (select 1)")));
        assert!(!table("id from (select email as id from users) orders -- ", None));
        assert!(!table("id from users as orders #", None));
        assert!(!table("(select email from users limit 1) as id", None));
        assert!(!table("*", Some("1 = 0 union select email from users")));
    }

    #[test]
    fn a_statement_of_sqlite_is_believed_when_it_has_one_part() {
        assert!(sqlite_is_believed("select x from (select email as x from users)"));
        assert!(!sqlite_is_believed("select id from users UNION ALL select email from users"));
        assert!(!sqlite_is_believed("with t(id) as (values (1)) select id from t"));
    }
}
