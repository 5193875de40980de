//! `mysql>` and `sqlite>`: SQL scripts, so that listing tables and columns needs no glue code.
//!
//! They are ours, shaped like Digdag's `pg>`: a file or `{data: ...}`, options from the task and from a map of the
//! operator's name, `store_last_results`. A script may have many statements; they run one after the other, each
//! committed as the database does it by itself.

mod mysql;
mod script;
mod sqlite;
mod stop;

use serde_json::{Number, Value, json};

use super::options::{self, Options};
use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::dig::params;
use crate::session::{Level, Params};

/// Rows that can be stored; as `pg>`.
const MOST_ROWS: usize = 8192;
/// Columns that can be stored; as `pg>`.
const MOST_COLUMNS: usize = 64;
/// Characters of a text that can be stored. `pg>` has 256; lists of columns (`group_concat`) are longer.
const LONGEST_TEXT: usize = 65_536;

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `mysql>`: MySQL, MariaDB, Aurora.
    Mysql,
    /// `sqlite>`: a database file.
    Sqlite,
}

/// `mysql>` or `sqlite>`.
pub struct Sql {
    dialect: Dialect,
}

impl Sql {
    /// The operator of a dialect.
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect }
    }
}

/// What of the last result is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    Nothing,
    First,
    All,
}

/// The rows of a statement, as far as they are kept.
#[derive(Debug, Default)]
struct Rows {
    columns: Vec<String>,
    rows: Vec<Params>,
}

impl Operator for Sql {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let name = match self.dialect {
            Dialect::Mysql => "mysql",
            Dialect::Sqlite => "sqlite",
        };
        let options = Options::new(request, name);
        let keep = keep(&options)?;
        let template = options::template_text(request, "query")?;
        let script = script::Script::new(template.evaluated(request)?, template.file);
        let last = match self.dialect {
            Dialect::Mysql => mysql::run(&script, &options, keep, request)?,
            Dialect::Sqlite => sqlite::run(&script, &options, keep, request)?,
        };
        if keep == Keep::Nothing {
            return Ok(OperatorOutput::default().into());
        }
        let last = last.unwrap_or_default();
        request
            .reporter
            .log(Level::Info, &format!("{} rows are stored as `{name}.last_results`", last.rows.len()));
        let stored = match keep {
            Keep::All => json!(last.rows),
            Keep::First | Keep::Nothing => Value::Object(last.rows.into_iter().next().unwrap_or_default()),
        };
        Ok(OperatorOutput {
            store: Params::from_iter([(name.to_owned(), json!({"last_results": stored}))]),
            reset_store: vec![vec![name.to_owned(), "last_results".to_owned()]],
            ..OperatorOutput::default()
        }
        .into())
    }
}

fn keep(options: &Options<'_>) -> Result<Keep, OperatorError> {
    let wrong = || OperatorError::config("`store_last_results` must be `first`, `all` or `false`");
    match options.get("store_last_results") {
        None | Some(Value::Bool(false)) => Ok(Keep::Nothing),
        Some(Value::String(word)) => match word.as_str() {
            "first" => Ok(Keep::First),
            "all" => Ok(Keep::All),
            "false" | "" => Ok(Keep::Nothing),
            _ => Err(wrong()),
        },
        Some(_) => Err(wrong()),
    }
}

impl Rows {
    fn new(columns: Vec<String>) -> Result<Self, OperatorError> {
        if columns.len() > MOST_COLUMNS {
            return Err(OperatorError::failed(format!(
                "the result has {} columns; at most {MOST_COLUMNS} can be stored",
                columns.len()
            )));
        }
        Ok(Self { columns, rows: Vec::new() })
    }

    /// Whether another row is wanted.
    fn wants_more(&self, keep: Keep) -> bool {
        match keep {
            Keep::Nothing => false,
            Keep::First => self.rows.is_empty(),
            Keep::All => true,
        }
    }

    /// Takes a row; none stands for bytes that are no text.
    fn push(&mut self, values: Vec<Option<Value>>) -> Result<(), OperatorError> {
        if self.rows.len() == MOST_ROWS {
            return Err(OperatorError::failed(format!("the result has more than {MOST_ROWS} rows to store"))
                .hint("narrow the query, or let a transfer move the rows"));
        }
        let mut row = Params::new();
        for (column, value) in self.columns.iter().zip(values) {
            let Some(value) = value else {
                return Err(OperatorError::failed(format!(
                    "column `{column}` holds bytes that are no text, which cannot be stored"
                )));
            };
            row.insert(column.clone(), value);
        }
        let long = |value: &Value| value.as_str().is_some_and(|text| text.chars().count() > LONGEST_TEXT);
        if let Some((column, _)) = row.iter().find(|(_, value)| long(value)) {
            return Err(OperatorError::failed(format!(
                "column `{column}` has a text of more than {LONGEST_TEXT} characters, which cannot be stored"
            )));
        }
        self.rows.push(row);
        Ok(())
    }
}

/// A whole number; as text where JavaScript, through which stored values pass, would change its last digits.
fn whole(number: impl Into<Number>) -> Value {
    let number = number.into();
    let safe = number.as_i64().is_some_and(|number| number.unsigned_abs() <= 1 << 53);
    if safe { Value::Number(number) } else { Value::String(number.to_string()) }
}

/// A whole number option.
fn integer(options: &Options<'_>, key: &str) -> Result<Option<i64>, OperatorError> {
    let text = options.secret_or_text(key)?;
    text.map(|text| params::to_integer(key, &Value::String(text)).map_err(|error| options::wrong(&error)))
        .transpose()
}
