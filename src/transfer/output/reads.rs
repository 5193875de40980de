//! When the tables of a warehouse were last read, by its own records. Only reading calls.

use jiff::Timestamp;

use super::bigquery::reads::BigqueryWarehouse;
use super::redshift::reads::RedshiftWarehouse;
use crate::embulk::output::OutputConfig;
use crate::transfer::context::TransferContext;
use crate::transfer::error::TransferError;

/// What targets in BigQuery begin with.
pub const BIGQUERY: &str = "bigquery ";

/// What targets of warehouses begin with.
pub const KINDS: [&str; 2] = [BIGQUERY, "redshift "];

/// A warehouse that keeps records of who read its tables.
pub trait Warehouse {
    /// What every target in it begins with, e.g. `bigquery my-project`.
    fn name(&self) -> &str;

    /// What tells it from another of the same name: targets say no more than the name.
    fn address(&self) -> String {
        self.name().to_owned()
    }

    /// The table that a target is, in the warehouse's own words; none where the target lies elsewhere.
    fn table(&self, target: &str) -> Option<String>;

    /// What is on record of tables, in their order.
    fn records(&self, tables: &[String]) -> Result<Records, TransferError>;
}

/// What a warehouse has on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// Reads before that are not on record.
    pub since: Timestamp,
    /// Which reads are on record, and which leave no trace, for people.
    pub scope: String,
    /// One for each table that was asked for.
    pub tables: Vec<TableRecord>,
}

/// What is on record of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableRecord {
    /// Whether it is there.
    pub exists: bool,
    /// When it was made; none where the warehouse does not say.
    pub created: Option<Timestamp>,
    /// The last time that somebody read it.
    pub last_read: Option<Timestamp>,
    /// Its rows now.
    pub rows: Option<u64>,
    /// Its bytes now.
    pub bytes: Option<u64>,
}

/// The warehouse of an output, with the account that the output names; none for outputs that keep no such records.
/// Queries of `reader_projects` count as well as those of the table's own.
pub fn open(
    config: &OutputConfig,
    context: &TransferContext,
    reader_projects: &[String],
) -> Option<Result<Box<dyn Warehouse>, TransferError>> {
    let opened = match config {
        OutputConfig::Bigquery(options) if options.local.is_none() => {
            BigqueryWarehouse::new(options, context, reader_projects)
        }
        OutputConfig::Redshift(options) => {
            return Some(Ok(Box::new(RedshiftWarehouse::new(options, context))));
        }
        _ => return None,
    };
    Some(opened.map(|warehouse| Box::new(warehouse) as Box<dyn Warehouse>))
}
