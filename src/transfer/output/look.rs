//! What a target says of itself before a run: whether it is there and takes the rows. Nothing is changed for that.

use std::sync::Arc;

use super::bigquery::BigqueryTarget;
use super::file::FileTarget;
use super::object::ObjectTarget;
use super::{mysql, postgres, redshift};
use crate::embulk::config::EmbulkConfig;
use crate::embulk::output::OutputConfig;
use crate::transfer::context::TransferContext;
use crate::transfer::error::TransferError;
use crate::transfer::schema::Schema;
use crate::transfer::target::ColumnTarget;

/// What a target said.
#[derive(Debug, Default)]
pub struct Looked {
    /// The columns as they are in the target; none where it says nothing of them.
    pub targets: Option<Vec<ColumnTarget>>,
    /// What people should know.
    pub findings: Vec<Finding>,
}

/// Something that a target brought to light.
#[derive(Debug)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// What it is.
    pub error: TransferError,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The run will do as the config says.
    Note,
    /// An earlier task may mend it, or it may not be meant.
    Warning,
    /// The run would fail.
    Error,
}

impl Looked {
    pub(super) fn add(&mut self, weight: Weight, error: TransferError) {
        self.findings.push(Finding { weight, error });
    }

    /// A step that would fail in the run, too.
    pub(super) fn check(&mut self, step: Result<(), TransferError>) {
        if let Err(error) = step {
            self.add(Weight::Error, error);
        }
    }
}

/// Asks the target of a config. `schema` is that of the rows, where it is known. Errors: it cannot be asked, or is not
/// there.
pub fn look(
    config: &EmbulkConfig,
    context: &TransferContext,
    schema: Option<&Arc<Schema>>,
) -> Result<Looked, TransferError> {
    let tasks = config.exec.output_tasks();
    match &config.output {
        OutputConfig::File(options) => FileTarget::new(options, tasks, context).look(),
        OutputConfig::S3(options) => ObjectTarget::s3(options, tasks, context).look(),
        OutputConfig::Gcs(options) => ObjectTarget::gcs(options, tasks, context)?.look(),
        OutputConfig::Postgresql(options) => postgres::look(options, context, schema),
        OutputConfig::Mysql(options) => mysql::look(options, context, schema),
        OutputConfig::Redshift(options) => redshift::look(options, context, schema),
        // Only files are made.
        OutputConfig::Bigquery(options) if options.local.is_some() => Ok(Looked::default()),
        OutputConfig::Bigquery(options) => BigqueryTarget::new(options, context)?.look(schema),
    }
}
