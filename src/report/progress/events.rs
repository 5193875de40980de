//! Progress for machines: events like those of the run, see `docs/events.schema.json`.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::board::{Snapshot, ToldTable};
use crate::transfer::gauge::ShareKind;

/// How far a table is.
pub(super) fn of_table(told: &ToldTable, now: Duration, at: Timestamp) -> Value {
    let ToldTable { owner, source, target, table } = told;
    let fraction = table.share.map(|share| (share.done as f64 / share.of.max(1) as f64).min(1.0));
    let mut event = json!({
        "event": "transfer_progress",
        "task": owner.task,
        "source": source,
        "target": target,
        "rows": table.rows,
        "bytes": table.bytes,
        "seconds": now.saturating_sub(table.started).as_secs_f64(),
        "rows_per_second": table.pace.map(|pace| pace.rows),
        "bytes_per_second": table.pace.map(|pace| pace.bytes),
        "fraction": fraction,
        "fraction_is_estimate": table.share.map(|share| share.kind == ShareKind::Estimated),
        "seconds_left": table.left.map(|left| left.as_secs_f64()),
        "at": at.to_string(),
    });
    if let Some(attempt) = owner.attempt {
        event["attempt"] = attempt.0.into();
    }
    event
}

/// How far the run is.
pub(super) fn of_run(snapshot: &Snapshot, now: Duration, at: Timestamp) -> Value {
    let counts = snapshot.counts;
    json!({
        "event": "progress",
        "tables": {
            "done": counts.done,
            "running": counts.running,
            "failed": counts.failed,
            "waiting": counts.waiting,
        },
        "rows": snapshot.rows,
        "bytes": snapshot.bytes,
        "seconds": now.as_secs_f64(),
        "at": at.to_string(),
    })
}
