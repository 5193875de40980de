//! What the server and the driver say, as errors that name tables and codes but no value.

use tokio_postgres::error::DbError;

use super::session::Trouble;
use crate::cloud::postgres::{chain, is_lost, said, shown};
use crate::run::operator::OperatorError;
use crate::run::operator::sql::strict::{Doubt, LOOK_FIRST};

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
