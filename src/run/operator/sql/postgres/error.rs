//! What the server and the driver say, as errors that name tables and codes but no value.

use tokio_postgres::error::DbError;

use super::session::Trouble;
use crate::run::operator::OperatorError;
use crate::run::operator::sql::strict::{Doubt, LOOK_FIRST};

/// Classes of errors whose texts name users, tables, columns and words of the script, but no value of a row.
const SHOWN_WHOLE: [&str; 16] =
    ["08", "0A", "23", "25", "26", "28", "2B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58"];

/// The quotes that servers put around values, whatever their language.
const QUOTES: [char; 6] = ['"', '«', '»', '“', '”', '„'];

impl Trouble {
    /// The error of a task that was `doing` something, e.g. ``the statement at q.sql:3 failed``.
    pub(super) fn during(self, doing: impl Into<String>, doubt: Doubt) -> OperatorError {
        match self {
            Self::Canceled => OperatorError::canceled(),
            Self::Refused(error) => error,
            Self::Silent(limit) => {
                let mut error = lost(doing, doubt);
                error.causes.push(format!("the server said nothing for {} s", limit.as_secs()));
                match doubt {
                    Doubt::None => error.hint("raise `socket_timeout` where statements take longer"),
                    Doubt::Some => error,
                }
            }
            Self::Lost(causes) => {
                let mut error = lost(doing, doubt);
                error.causes = causes;
                error
            }
            Self::Server(error) => {
                let mut failed =
                    if is_lost(&error) { lost(doing, doubt) } else { OperatorError::failed(doing) };
                failed.causes.push(said(&error));
                failed.causes.extend(function(&error));
                failed.hint = hint(&error).or(failed.hint);
                failed
            }
            Self::Driver(causes) => {
                let mut error = OperatorError::failed(doing);
                if causes.iter().any(|cause| cause == "unexpected message from server") {
                    let hint =
                        "`COPY` from STDIN or to STDOUT has no other side here: let a transfer move the rows";
                    error.hint = Some(hint.to_owned());
                }
                error.causes = causes;
                error
            }
        }
    }
}

fn lost(doing: impl Into<String>, doubt: Doubt) -> OperatorError {
    match doubt {
        Doubt::None => OperatorError::unreachable(doing).hint("check host, port and network, then retry"),
        Doubt::Some => OperatorError::failed(doing).hint(LOOK_FIRST),
    }
}

/// Whether the server ended the connection, or has none to give.
fn is_lost(error: &DbError) -> bool {
    let code = error.code().code();
    code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "53300")
}

/// A connection that was not made.
pub(super) fn not_connected(operator: &str, address: &str, error: &tokio_postgres::Error) -> OperatorError {
    let doing = format!("cannot connect to PostgreSQL at `{address}`");
    if let Some(error) = error.as_db_error() {
        let failed = Trouble::Server(Box::new(error.clone())).during(doing, Doubt::None);
        return match error.code().code() {
            code if code.starts_with("28") => {
                failed.hint(format!("check `user` and the secret `{operator}.password`"))
            }
            "3D000" => failed.hint("check `database`"),
            _ => failed,
        };
    }
    let causes = chain(error);
    let has = |text: &str| causes.iter().any(|cause| cause.contains(text));
    let hint = if has("invalid peer certificate") {
        "`ssl: true` verifies the server: name the file of its authority with `SSL_CERT_FILE`, or encrypt without \
         knowing to whom with `ssl: no_verify`"
    } else if has("server does not support TLS") {
        "the server offers no TLS: set `ssl: false`"
    } else if has("password missing") {
        return OperatorError {
            causes: vec!["the server wants a password".to_owned()],
            ..OperatorError::failed(doing)
        }
        .hint(format!("set the secret `{operator}.password`"));
    } else {
        return Trouble::Lost(causes).during(doing, Doubt::None);
    };
    OperatorError { causes, ..OperatorError::failed(doing) }.hint(hint)
}

/// An error and those below it.
pub(super) fn chain(error: &tokio_postgres::Error) -> Vec<String> {
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
pub(super) fn said(error: &DbError) -> String {
    format!("{} (PostgreSQL error {})", shown(error, error.message()), error.code().code())
}

/// The first function in which it happened, e.g. `PL/pgSQL function f() line 3 at RAISE`.
fn function(error: &DbError) -> Option<String> {
    let line = error.where_()?.lines().find(|line| line.starts_with("PL/") && line.contains(" function "))?;
    Some(line.to_owned())
}

fn hint(error: &DbError) -> Option<String> {
    if error.code().code() == "42601" && error.message().contains("\"$\"") {
        return Some("`$$` becomes `$` in a template: quote with `$a$` instead".to_owned());
    }
    error.hint().map(|hint| shown(error, hint).trim_end_matches('.').to_owned())
}

fn shown(error: &DbError, text: &str) -> String {
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
}
