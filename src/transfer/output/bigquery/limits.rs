//! How large what is loaded may be, and what is cut because of it.

use crate::embulk::output::{BigqueryOutput, Compression, SourceFormat};
use crate::transfer::error::{ErrorKind, TransferError};

/// Sizes that bring further objects and jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A staged object ends after the page that brings it to so many bytes. BigQuery does not read within a gzip file
    /// in parallel, but does read several of them at once ("Load JSON data from Cloud Storage").
    pub part_bytes: u64,
    /// Bytes of a gzip file that BigQuery reads: "The maximum size for a gzip file is 4 GB" (the same page). Without a
    /// bucket all rows are one file.
    pub gzip_bytes: u64,
    /// Objects that one load job takes. BigQuery: 10,000.
    pub objects_per_job: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { part_bytes: 256 << 20, gzip_bytes: 4_000_000_000, objects_per_job: 10_000 }
    }
}

impl Limits {
    /// Refuses a part that would have so many bytes. What BigQuery will not read is not sent to its end.
    pub(super) fn check_part(&self, config: &BigqueryOutput, bytes: u64) -> Result<(), TransferError> {
        let is_gzip =
            config.source_format != SourceFormat::Parquet && config.compression == Compression::Gzip;
        if !is_gzip || bytes <= self.gzip_bytes {
            return Ok(());
        }
        let message = "the rows are more than one gzip file may have for BigQuery: 4 GB";
        Err(TransferError::new(ErrorKind::Config, message)
            .hint("give `gcs_bucket`, where rows go to several files, or set `compression: NONE`"))
    }
}
