//! Where the rows of a result go: into a parameter, into a CSV file, or nowhere.

use serde_json::{Value, json};

use super::cell::Cell;
use super::download::Download;
use crate::run::operator::{OperatorError, OperatorOutput, OperatorRequest};
use crate::session::{Level, Params};

/// Takes the results of a script; the last one counts.
pub(super) enum Sink {
    Discard,
    Store(Stored),
    Download(Download),
}

/// What of the last result is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    First,
    All,
}

/// How much can be stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoreLimits {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Characters of a text.
    pub(super) text: usize,
}

/// Rows for `x.last_results`.
pub(super) struct Stored {
    keep: Keep,
    limits: StoreLimits,
    columns: Vec<String>,
    rows: Vec<Params>,
}

impl Sink {
    /// A result begins; those before it are forgotten.
    pub(super) fn begin(&mut self, columns: Vec<String>) -> Result<(), OperatorError> {
        match self {
            Self::Discard => Ok(()),
            Self::Store(stored) => stored.begin(columns),
            Self::Download(download) => download.begin(columns),
        }
    }

    /// Whether it looks at rows at all.
    pub(super) fn wants_rows(&self) -> bool {
        match self {
            Self::Discard => false,
            Self::Store(stored) => stored.keep == Keep::All || stored.rows.is_empty(),
            Self::Download(_) => true,
        }
    }

    /// Takes a row of the result that began last.
    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), OperatorError> {
        match self {
            _ if !self.wants_rows() => Ok(()),
            Self::Discard => Ok(()),
            Self::Store(stored) => stored.row(cells),
            Self::Download(download) => download.row(cells),
        }
    }

    /// Everything that must be on disk before the database hears that all is well.
    pub(super) fn flush(&mut self) -> Result<(), OperatorError> {
        match self {
            Self::Download(download) => download.flush(),
            Self::Discard | Self::Store(_) => Ok(()),
        }
    }

    /// The script succeeded.
    pub(super) fn finish(self, request: &OperatorRequest<'_>) -> Result<OperatorOutput, OperatorError> {
        let say = |text: &str| request.reporter.log(Level::Info, text);
        match self {
            Self::Discard => Ok(OperatorOutput::default()),
            Self::Store(stored) => {
                let path = vec![request.operator.clone(), "last_results".to_owned()];
                say(&format!("{} stored as `{}`", rows_are(stored.rows.len() as u64), path.join(".")));
                let results = json!({"last_results": stored.into_value()});
                Ok(OperatorOutput {
                    store: Params::from_iter([(request.operator.clone(), results)]),
                    reset_store: vec![path],
                    ..OperatorOutput::default()
                })
            }
            Self::Download(download) => {
                let (rows, name) = (download.rows(), download.name().to_owned());
                download.publish()?;
                say(&format!("{} written to `{name}`", rows_are(rows)));
                Ok(OperatorOutput::default())
            }
        }
    }
}

fn rows_are(count: u64) -> String {
    if count == 1 { "1 row is".to_owned() } else { format!("{count} rows are") }
}

impl Stored {
    pub(super) fn new(keep: Keep, limits: StoreLimits) -> Self {
        Self { keep, limits, columns: Vec::new(), rows: Vec::new() }
    }

    fn begin(&mut self, columns: Vec<String>) -> Result<(), OperatorError> {
        let most = self.limits.columns;
        if columns.len() > most {
            let message = format!("the result has {} columns; at most {most} can be stored", columns.len());
            return Err(OperatorError::failed(message));
        }
        self.columns = columns;
        self.rows.clear();
        Ok(())
    }

    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), OperatorError> {
        let most = self.limits.rows;
        if self.rows.len() == most {
            return Err(OperatorError::failed(format!("the result has more than {most} rows to store"))
                .hint("narrow the query, or let a transfer move the rows"));
        }
        let mut row = Params::new();
        for (column, cell) in self.columns.iter().zip(cells) {
            let Some(value) = cell.to_json() else { return Err(no_text(column, "stored")) };
            let longest = self.limits.text;
            if value.as_str().is_some_and(|text| text.chars().count() > longest) {
                let message = format!(
                    "column `{column}` has a text of more than {longest} characters, which cannot be stored"
                );
                return Err(OperatorError::failed(message)
                    .hint("raise `config.jdbc.max_store_last_results_value_size` in the properties"));
            }
            row.insert(column.clone(), value);
        }
        self.rows.push(row);
        Ok(())
    }

    /// A list of maps, or one map, which is empty where there is no row.
    fn into_value(self) -> Value {
        match self.keep {
            Keep::All => json!(self.rows),
            Keep::First => Value::Object(self.rows.into_iter().next().unwrap_or_default()),
        }
    }
}

/// Bytes that are no text have no form that both JSON and CSV share.
pub(super) fn no_text(column: &str, what: &str) -> OperatorError {
    OperatorError::failed(format!("column `{column}` holds bytes that are no text, which cannot be {what}"))
}
