//! What the server and the driver say, as errors that name tables and codes but no value.

use tokio_postgres::error::DbError;

use super::product::Product;
use super::session::Trouble;
use crate::cloud::fault::{Fault, codes};
use crate::cloud::postgres::{self, chain, is_lost, shown};
use crate::cloud::redshift;
use crate::run::operator::OperatorError;
use crate::run::operator::sql::connect::Server;
use crate::run::operator::sql::strict::{Doubt, LOOK_FIRST};

/// What a server refused, and whose server it is.
pub(in crate::run::operator::sql) struct Refused {
    pub(super) error: DbError,
    pub(super) product: Product,
}

impl Refused {
    /// The server's text and code.
    pub(in crate::run::operator::sql) fn said(&self) -> String {
        match self.product {
            Product::Postgres => postgres::said(&self.error),
            Product::Redshift => redshift::said(&self.error),
        }
    }

    /// The code of what it refused.
    pub(super) fn code(&self) -> &str {
        self.error.code().code()
    }

    /// Whether transactions of Redshift could not be put in an order.
    pub(super) fn is_conflict(&self) -> bool {
        self.product == Product::Redshift && redshift::is_conflict(&self.error)
    }

    /// Whether it is a load of Redshift whose errors lie in a system table.
    pub(super) fn is_failed_load(&self) -> bool {
        self.product == Product::Redshift && self.error.message().contains("stl_load_errors")
    }
}

impl Trouble {
    /// The error of a task that was `doing` something, e.g. ``the statement at q.sql:3 failed``.
    pub(in crate::run::operator::sql) fn during(
        self,
        doing: impl Into<String>,
        doubt: Doubt,
    ) -> OperatorError {
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
            Self::Server(refused) => {
                let error = &refused.error;
                let mut failed =
                    if is_lost(error) { lost(doing, doubt) } else { OperatorError::failed(doing) };
                failed.causes.push(refused.said());
                failed.causes.extend(function(error));
                failed.hint = hint(&refused).or(failed.hint);
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

/// What a connection that was not made is called.
pub(super) fn no_connection(server: &Server, product: Product) -> String {
    format!("cannot connect to {} at `{}`", product.name(), server.address())
}

/// A connection that was not made.
pub(super) fn not_connected(
    server: &Server,
    product: Product,
    error: &tokio_postgres::Error,
) -> OperatorError {
    let doing = no_connection(server, product);
    let password = product.secret("password");
    if let Some(error) = error.as_db_error() {
        let refused = Refused { error: error.clone(), product };
        let fault = Some(codes::of_sqlstate(error.code().code()));
        let failed = OperatorError { fault, ..Trouble::Server(Box::new(refused)).during(doing, Doubt::None) };
        return match error.code().code() {
            code if code.starts_with("28") => {
                failed.hint(format!("check `user` and the secret `{password}`"))
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
        .hint(format!("set the secret `{password}`"));
    } else {
        let fault = causes.iter().find_map(|cause| codes::of_name(cause)).or(Some(Fault::NoConnection));
        return OperatorError { fault, ..Trouble::Lost(causes).during(doing, Doubt::None) };
    };
    OperatorError { causes, ..OperatorError::failed(doing) }.hint(hint)
}

/// The first function in which it happened, e.g. `PL/pgSQL function f() line 3 at RAISE`.
fn function(error: &DbError) -> Option<String> {
    let line = error.where_()?.lines().find(|line| line.starts_with("PL/") && line.contains(" function "))?;
    Some(line.to_owned())
}

fn hint(refused: &Refused) -> Option<String> {
    let error = &refused.error;
    if refused.is_conflict() {
        let hint = "another transaction wrote the same table at the same time: `_retry` runs the task again";
        return Some(hint.to_owned());
    }
    if error.code().code() == "42601" && error.message().contains("\"$\"") {
        return Some("`$$` becomes `$` in a template: quote with `$a$` instead".to_owned());
    }
    error.hint().map(|hint| shown(error, hint).trim_end_matches('.').to_owned())
}
