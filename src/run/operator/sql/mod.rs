//! `pg>`, `redshift>`, `mysql>` and `sqlite>`: SQL scripts, what becomes of their results, and how often they are done;
//! `redshift_load>` and `redshift_unload>` in [`redshift`].
//!
//! `pg>` and `redshift>` are Digdag's; the others are ours and of the same shape, so that listing tables and columns
//! needs no glue code: a file or `{data: ...}`, options from the task and from a map of the operator's name, secrets of
//! the same name (`aws.redshift` for `redshift>`).
//! What a task asks for is the same for all ([`job`]), as are the places results go to ([`sink`]); each database has a
//! module of its own that carries it out.

mod cell;
mod connect;
mod download;
mod job;
mod mysql;
mod postgres;
pub mod redshift;
mod script;
mod sink;
mod sqlite;
mod stop;
mod strict;
mod table;

use self::job::{Aim, Job};
use self::postgres::product::Product;
use self::script::{Script, Syntax};
use self::strict::{Ran, Series, Strict};
use super::options::{self, Options};
use super::{Operator, OperatorError, OperatorRequest, Turn};
use crate::session::Level;

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `pg>`: PostgreSQL.
    Postgres,
    /// `redshift>`: Amazon Redshift.
    Redshift,
    /// `mysql>`: MySQL, MariaDB, Aurora.
    Mysql,
    /// `sqlite>`: a database file.
    Sqlite,
}

impl Dialect {
    /// The operator: also of its map of options, what it stores, and all but for Redshift its group of secrets.
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "pg",
            Self::Redshift => "redshift",
            Self::Mysql => "mysql",
            Self::Sqlite => "sqlite",
        }
    }

    fn syntax(self) -> Syntax {
        match self {
            Self::Postgres => Product::Postgres.syntax(),
            Self::Redshift => Product::Redshift.syntax(),
            Self::Mysql | Self::Sqlite => Syntax::Mysql,
        }
    }

    /// Characters of a text that can be stored. Digdag's 256 are few for lists of columns (`group_concat`).
    fn longest_text(self) -> usize {
        match self {
            Self::Postgres | Self::Redshift => 256,
            Self::Mysql | Self::Sqlite => 65_536,
        }
    }

    /// Whether a script is to be done exactly once. MySQL commits before and after every statement that makes or
    /// changes a table, so there only what is one statement for certain keeps the promise without being asked; and its
    /// `create_table`, which may be done twice, needs no row.
    fn strict(self, aim: &Aim, options: &Options<'_>) -> Result<bool, OperatorError> {
        Ok(match (self, aim) {
            (_, Aim::Store(_) | Aim::Download(_)) | (Self::Mysql, Aim::CreateTable(_)) => false,
            (Self::Mysql, Aim::Run) => strict::wanted(options, false)?,
            _ => strict::wanted(options, true)?,
        })
    }
}

/// One of the operators.
#[derive(Debug)]
pub struct Sql {
    dialect: Dialect,
    series: Series,
}

impl Sql {
    /// The operator of a dialect.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, series: Series::default() }
    }
}

impl Sql {
    /// Somebody else has the row, or the file.
    fn later(&self, strict: &Strict, request: &OperatorRequest<'_>) -> Turn {
        match self.dialect {
            // All writers of a file take turns, so it is free again soon.
            Dialect::Sqlite => strict::later("another process holds the database", 8, request),
            // As Digdag.
            Dialect::Postgres | Dialect::Redshift | Dialect::Mysql => {
                let (id, table) = (strict.own_id(), &strict.table);
                let reason = format!("another session is at the same query (row `{id}` of `{table}`)");
                strict::later(&reason, 1200, request)
            }
        }
    }
}

impl Operator for Sql {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let mut options = Options::new(request, self.dialect.name());
        if self.dialect == Dialect::Redshift {
            options = options.group(Product::Redshift.secrets());
        }
        let aim = Aim::read(&options)?;
        let template = options::template_text(request, "query")?;
        let script = Script::new(template.evaluated(request)?, template.file, self.dialect.syntax());
        let mut sink =
            aim.sink(request, self.dialect.longest_text(), &strict::query_id(request, request.round))?;
        let once = self.dialect.strict(&aim, &options)?;
        let strict = once.then(|| Strict::read(&options, self.series.ids(request))).transpose()?;
        let job = Job { script, aim, strict };
        let ran = match self.dialect {
            Dialect::Postgres => postgres::run(&job, &mut sink, &options, Product::Postgres, request)?,
            Dialect::Redshift => postgres::run(&job, &mut sink, &options, Product::Redshift, request)?,
            Dialect::Mysql => mysql::run(&job, &mut sink, &options, request)?,
            Dialect::Sqlite => sqlite::run(&job, &mut sink, &options, request)?,
        };
        match (ran, &job.strict) {
            (Ran::Locked, Some(strict)) => return Ok(self.later(strict, request)),
            (Ran::Earlier, Some(strict)) => {
                let text =
                    format!("an earlier try is in `{}` as done: the script is not run again", strict.table);
                request.reporter.log(Level::Info, &text);
            }
            _ => {}
        }
        let output = sink.finish(request)?;
        self.series.end(&request.task);
        Ok(output.into())
    }
}
