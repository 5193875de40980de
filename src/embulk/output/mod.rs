//! The options of `out:`, per `type:`.

mod bigquery;
mod bigquery_files;
mod charset;
mod file;
mod object;
mod redshift;
mod sequence;
mod sql;

use std::fmt;

use super::config::TypeMapping;
use super::text::Text;

pub use bigquery::*;
pub use bigquery_files::*;
pub use charset::*;
pub use file::*;
pub use object::*;
pub use redshift::*;
pub use sequence::*;
pub use sql::*;

/// Where rows go.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputConfig {
    /// `type: bigquery`
    Bigquery(Box<BigqueryOutput>),
    /// `type: file`
    File(Box<FileOutput>),
    /// `type: s3`
    S3(Box<S3Output>),
    /// `type: gcs`
    Gcs(Box<GcsOutput>),
    /// `type: postgresql`
    Postgresql(Box<PostgresqlOutput>),
    /// `type: mysql`
    Mysql(Box<MysqlOutput>),
    /// `type: redshift`
    Redshift(Box<RedshiftOutput>),
}

impl OutputConfig {
    /// The types of columns whose type is not written.
    pub fn types(&self) -> TypeMapping {
        match self {
            Self::Bigquery(output) => output.types,
            Self::Postgresql(output) => output.load.types,
            Self::Mysql(output) => output.load.types,
            Self::Redshift(output) => output.load.types,
            Self::File(output) => output.types,
            Self::S3(output) => output.files.types,
            Self::Gcs(output) => output.files.types,
        }
    }

    /// The word of `mode:`; none for files and objects, which have no rows of before.
    pub fn mode(&self) -> Option<&'static str> {
        match self {
            Self::Bigquery(output) => Some(output.mode.word()),
            Self::Postgresql(output) => Some(output.load.mode.word()),
            Self::Mysql(output) => Some(output.load.mode.word()),
            Self::Redshift(output) => Some(output.load.mode.word()),
            Self::File(_) | Self::S3(_) | Self::Gcs(_) => None,
        }
    }

    /// The same output with other types.
    #[must_use]
    pub fn with_types(&self, types: TypeMapping) -> Self {
        let mut other = self.clone();
        match &mut other {
            Self::Bigquery(output) => output.types = types,
            Self::Postgresql(output) => output.load.types = types,
            Self::Mysql(output) => output.load.types = types,
            Self::Redshift(output) => output.load.types = types,
            Self::File(output) => output.types = types,
            Self::S3(output) => output.files.types = types,
            Self::Gcs(output) => output.files.types = types,
        }
        other
    }

    /// What an output of files writes, wherever they go.
    pub fn files(&self) -> Option<&FileOutput> {
        match self {
            Self::Bigquery(_) | Self::Postgresql(_) | Self::Mysql(_) | Self::Redshift(_) => None,
            Self::File(output) => Some(output),
            Self::S3(output) => Some(&output.files),
            Self::Gcs(output) => Some(&output.files),
        }
    }
}

/// As people know it: `bigquery proj.lake.orders`, `file out/orders.csv`, `s3 bucket/orders.csv`; secrets are not shown.
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
            Self::Mysql(output) => {
                write!(f, "mysql {}.{}", output.database.shown(), output.load.table.shown())
            }
            Self::Redshift(output) => {
                let parts = [&output.database, &output.schema, &output.load.table];
                write!(f, "redshift {}", parts.map(Text::shown).join("."))
            }
            Self::File(output) => write!(f, "file {}", output.shown_name()),
            Self::S3(output) => write!(f, "s3 {}/{}", output.bucket.shown(), output.files.shown_name()),
            Self::Gcs(output) => write!(f, "gcs {}/{}", output.bucket.shown(), output.files.shown_name()),
        }
    }
}
