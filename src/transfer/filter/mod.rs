//! Filters: which columns go on, under which names, with which defaults.
//!
//! All filters of a config become one projection, so a row is never copied for them: columns that stay change places
//! between two pages.

mod column;
mod default;
mod projection;
mod remove;
mod rename;

use std::sync::Arc;

pub use self::projection::Projection;
use super::error::TransferError;
use super::schema::Schema;
use crate::embulk::filter::FilterConfig;

/// The projection that all filters make together.
pub fn plan(filters: &[FilterConfig], schema: &Arc<Schema>) -> Result<Projection, TransferError> {
    filters.iter().try_fold(Projection::identity(schema), |projection, filter| {
        let next = match filter {
            FilterConfig::Column(filter) => column::plan(filter, projection.schema())?,
            FilterConfig::RemoveColumns(filter) => remove::plan(filter, projection.schema())?,
            FilterConfig::Rename(filter) => rename::plan(filter, projection.schema())?,
        };
        Ok(projection.then(next))
    })
}
