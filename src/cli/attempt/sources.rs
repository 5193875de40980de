//! How the sources of a run are read, by `-j` and the properties `sync.source.*`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::super::opening::Opened;
use super::super::run_args::{SharedArgs, bytes};
use super::rooms::default_jobs;
use crate::embulk::input::Snapshot;
use crate::run::Slots;
use crate::transfer::input::{RANGE_BYTES, Reading, SharedSnapshots};

/// Connections to one source at a time: as many as tasks, unless the properties say otherwise.
pub(super) fn connections(shared: &SharedArgs, opened: &Opened) -> anyhow::Result<NonZeroUsize> {
    let limit = opened.properties.count("sync.source.max_connections")?;
    let limit = limit.unwrap_or_else(|| shared.jobs.unwrap_or_else(default_jobs));
    Ok(NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN))
}

/// What tables have in common in time, and which are read in ranges, in places that no task wants.
pub(super) fn reading(opened: &Opened, slots: &Slots) -> anyhow::Result<Reading> {
    let properties = &opened.properties;
    let snapshot = match properties.get("sync.source.snapshot").map(str::trim) {
        None | Some("per_table") => Snapshot::PerTable,
        Some("consistent") => Snapshot::Consistent,
        Some("none") => Snapshot::None,
        Some(_) => {
            return Err(properties
                .wrong("sync.source.snapshot", "takes `per_table`, `consistent` or `none`")
                .into());
        }
    };
    let range_bytes = match properties.get("sync.source.range_bytes") {
        None => RANGE_BYTES,
        Some(text) => match bytes(text.trim()) {
            Ok(bytes) => bytes as u64,
            Err(_) => {
                return Err(properties.wrong("sync.source.range_bytes", "takes bytes, e.g. `1GiB`").into());
            }
        },
    };
    let places = Arc::new(slots.clone());
    Ok(Reading { snapshot, range_bytes, places, snapshots: SharedSnapshots::default() })
}
