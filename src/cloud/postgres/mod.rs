//! PostgreSQL's wire: what tasks and transfers that talk to such a server share.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::error::DbError;

use super::fault::{Fault, codes};

/// Classes of errors whose texts name users, tables, columns and words of the script, but no value of a row.
const SHOWN_WHOLE: [&str; 16] =
    ["08", "0A", "23", "25", "26", "28", "2B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58"];

/// The quotes that servers put around values, whatever their language.
const QUOTES: [char; 6] = ['"', '«', '»', '“', '”', '„'];

/// An error and those below it.
pub fn chain(error: &tokio_postgres::Error) -> Vec<String> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut causes: Vec<String> = Vec::new();
    while let Some(error) = next {
        let text = error.to_string();
        // Wrappers of I/O errors repeat what is below them.
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = error.source();
    }
    causes
}

/// The server's text and code.
pub fn said(error: &DbError) -> String {
    format!("{} (PostgreSQL error {})", shown(error, error.message()), error.code().code())
}

/// Whether the server ended the connection, or has none to give.
pub fn is_lost(error: &DbError) -> bool {
    matches!(
        codes::of_sqlstate(error.code().code()),
        Fault::ConnectionLost | Fault::Restarting | Fault::TooManyConnections
    )
}

/// A text of the server's, without the values that it may hold.
pub fn shown(error: &DbError, text: &str) -> String {
    let class = error.code().code().get(..2).unwrap_or_default();
    if SHOWN_WHOLE.contains(&class) { text.to_owned() } else { without_values(text) }
}

/// The text with everything between its first and its last quote as `…`: values may hold quotes themselves.
fn without_values(text: &str) -> String {
    let (Some(start), Some(end)) = (text.find(QUOTES), text.rfind(QUOTES)) else { return text.to_owned() };
    let after = &text[end..];
    let opening = text[start..].chars().next().map_or(0, char::len_utf8);
    if start == end {
        return format!("{}…", &text[..start]);
    }
    format!("{}…{after}", &text[..start + opening])
}

/// A text in SQL, whatever `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// The future, unless it takes longer; zero is without limit.
pub async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    if limit.is_zero() { Some(future.await) } else { timeout(limit, future).await.ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_quotes_are_cut() {
        for (text, shown) in [
            ("division by zero", "division by zero"),
            (
                "invalid input syntax for type integer: \"it's \"me\"\"",
                "invalid input syntax for type integer: \"…\"",
            ),
            ("syntaxe en entrée invalide : « x »", "syntaxe en entrée invalide : «…»"),
            ("odd \" one", "odd …"),
        ] {
            assert_eq!(without_values(text), shown);
        }
    }

    #[test]
    fn a_search_path_cannot_leave_its_quotes() {
        assert_eq!(literal("a, \"B\""), "'a, \"B\"'");
        assert_eq!(literal("x'); drop table t; --"), "'x''); drop table t; --'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
    }
}
