//! The options of `out:`, per `type:`.

mod bigquery;
mod file;
mod sql;

use std::fmt;

use super::text::Text;

pub use bigquery::*;
pub use file::*;
pub use sql::*;

/// Where rows go.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputConfig {
    /// `type: bigquery`
    Bigquery(Box<BigqueryOutput>),
    /// `type: file`
    File(Box<FileOutput>),
    /// `type: postgresql`
    Postgresql(Box<PostgresqlOutput>),
}

/// As people know it: `bigquery proj.lake.orders`, `file out/orders.csv`; secrets are not shown.
impl fmt::Display for OutputConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bigquery(output) => {
                let parts = [&output.destination_project, &output.dataset, &output.table];
                write!(f, "bigquery {}", parts.map(Text::shown).join("."))
            }
            Self::Postgresql(output) => {
                let parts = [&output.database, &output.schema, &output.load.table];
                write!(f, "postgresql {}", parts.map(Text::shown).join("."))
            }
            Self::File(output) => {
                write!(
                    f,
                    "file {}{}{}",
                    output.path_prefix.shown(),
                    output.sequence.text(0, 0),
                    output.file_ext
                )
            }
        }
    }
}
