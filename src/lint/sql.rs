//! SQL and commands whose text is a template: lists in SQL, and `$$`, which is no `$$` any more when it arrives.

use std::sync::Arc;

use super::{Around, Written};
use crate::diagnostic::{Problem, Source, Span};
use crate::yaml::{Entry, NodeValue};

/// Operators whose value names a file of SQL.
const OPERATORS: [&str; 5] = ["pg", "redshift", "mysql", "sqlite", "bq"];

/// How SQL quotes without `$$`.
const QUOTES: &str = "quote with a name between the dollars: `$body$ … $body$`";

/// The file of SQL that a task runs, where its name is written out.
pub(super) fn file(task: Written<'_>, around: &Around<'_>) -> Option<Arc<Source>> {
    let (entry, _) = task.operator().filter(|(_, name)| OPERATORS.contains(name))?;
    let name = entry.value.as_str().filter(|name| !name.contains("${") && !name.is_empty())?;
    (around.file)(name)
}

/// What templates make of the dollars of a task: in its SQL, written out or in a file, and in its command.
pub(super) fn check(task: Written<'_>, around: &Around<'_>) -> Option<Problem> {
    if let Some(source) = file(task, around) {
        let at = doubled_dollar(&source.text, Language::Sql)?;
        return Some(lost_dollar(&Span::new(&source, at, at + 2)).hint(QUOTES));
    }
    let (entry, name) = task.operator()?;
    let (node, language, hint) = match name {
        "sh" => (&entry.value, Language::Shell, "write `$$$$` where the shell is to see `$$`"),
        name if OPERATORS.contains(&name) => (entry.value.get("data")?, Language::Sql, QUOTES),
        _ => return None,
    };
    doubled_dollar(node.as_str()?, language)?;
    let at = node.span.start + doubled_dollar(node.span.text(), language)?;
    Some(lost_dollar(&Span::new(&node.span.source, at, at + 2)).hint(hint))
}

/// Whose text it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Sql,
    Shell,
}

/// The first `$$` that stands for itself. Who knows templates writes `$$1`, `$$body$$` and `$$$$`, and a shell has
/// nothing to do with `$$name`.
fn doubled_dollar(text: &str, language: Language) -> Option<usize> {
    let mut rest = 0;
    while let Some(found) = text[rest..].find('$') {
        let start = rest + found;
        let length = text[start..].bytes().take_while(|byte| *byte == b'$').count();
        rest = start + length;
        let after = text[rest..].trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_');
        let has_name = after.len() < text.len() - rest;
        let is_number = text[rest..].starts_with(|letter: char| letter.is_ascii_digit());
        // `$${x}` is a `$` before an expression.
        let is_meant = is_number
            || text[rest..].starts_with('{')
            || has_name && (language == Language::Shell || after.starts_with('$'));
        if length == 2 && !is_meant {
            return Some(start);
        }
        if has_name && after.starts_with("$$") {
            rest = text.len() - after.len() + after.bytes().take_while(|byte| *byte == b'$').count();
        }
    }
    None
}

fn lost_dollar(span: &Span) -> Problem {
    Problem::warning("lost-dollar", "`$$` arrives as `$`: a template writes one `$` so", span)
}

/// A list or a mapping in SQL, outside of quotes: it becomes JSON, which no server takes for SQL. In quotes it may be meant
/// as JSON.
pub(super) fn list(source: &Arc<Source>, at: usize, span: &Span, set: &Entry) -> Option<Problem> {
    let (kind, example) = match &set.value.value {
        NodeValue::Sequence(_) => ("a list", "[1,2]"),
        NodeValue::Mapping(_) => ("a mapping", "{\"a\":1}"),
        NodeValue::Scalar(_) => return None,
    };
    // The lines before may hold a comment with one quote: only the own line counts.
    let line = source.text[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = &source.text[line..at];
    let is_open = |quote: char| before.matches(quote).count() % 2 == 1;
    if is_open('\'') || is_open('"') || before.contains("--") {
        return None;
    }
    let message = format!("`${{{}}}` is {kind}: in SQL it becomes JSON, `{example}`", set.key);
    let hint = format!("write `${{{}.join(', ')}}`, or what the statement needs", set.key);
    let problem = Problem::warning("list-as-text", message, span).also(&set.key_span, kind);
    Some(if kind == "a list" { problem.hint(hint) } else { problem })
}

#[cfg(test)]
mod tests {
    use super::super::tests::found_with;
    use super::*;

    #[test]
    fn names_in_sql_are_looked_up_where_it_runs() {
        let sql = "select '${session_date}' from ${databse}.t -- ${database}\nwhere day = '${day}'\n";
        let text = "_export: {database: x}
+a: {_export: {day: x}, pg>: q.sql}
+b: {redshift>: q.sql, databse: y}
";
        assert_eq!(
            found_with(text, &[("q.sql", sql)]),
            [
                "q.sql:1:33 undefined-variable nothing here sets `databse` in +main+a",
                "q.sql:2:16 export-elsewhere `day` is exported in `+main+a`, and is not seen here in +main+b",
            ]
        );
    }

    #[test]
    fn a_list_is_no_sql() {
        let sql = "select * from t where id in (${ids})\n  and tags = '${ids}' -- ${ids}\n  and x = ${map} and n = ${ids.length}\n";
        let text = "_export: {ids: [1, 2], map: {a: 1}}\n+a: {mysql>: q.sql}\n";
        assert_eq!(
            found_with(text, &[("q.sql", sql)]),
            [
                "q.sql:1:32 list-as-text `${ids}` is a list: in SQL it becomes JSON, `[1,2]` in +main+a",
                "q.sql:3:13 list-as-text `${map}` is a mapping: in SQL it becomes JSON, `{\"a\":1}` in +main+a",
            ]
        );
    }

    #[test]
    fn dollars_that_quote_are_lost() {
        let text = "+a: {pg>: q.sql}\n+b: {pg>: {data: 'do $$ begin end $$'}}\n+c: {sh>: 'echo $$'}\n";
        assert_eq!(
            found_with(text, &[("q.sql", "do $x$ begin end $x$;\ndo $$ begin end $$;\n")]),
            [
                "q.sql:2:4 lost-dollar `$$` arrives as `$`: a template writes one `$` so in +main+a",
                "2:22 lost-dollar `$$` arrives as `$`: a template writes one `$` so in +main+b",
                "3:17 lost-dollar `$$` arrives as `$`: a template writes one `$` so in +main+c",
            ]
        );
        let texts =
            ["$$", "$$$$", "a $x$ b", "$${x}", "$$$$ $$", "as $$select 1$$", "do $$b$$ x $$b$$", "x = $$1"];
        let places = texts.map(|text| doubled_dollar(text, Language::Sql));
        assert_eq!(places, [Some(0), None, None, None, Some(5), Some(3), None, None]);
        let texts = ["x.$$", "x.$$.log", "awk '{print $$1}'", "echo $$HOME"];
        let places = texts.map(|text| doubled_dollar(text, Language::Shell));
        assert_eq!(places, [Some(2), Some(2), None, None]);
    }
}
