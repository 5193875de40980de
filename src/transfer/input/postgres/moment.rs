//! How far a server was written to, as the snapshot of a transaction shows it.
//!
//! A snapshot is the set of transactions whose rows are seen: all below one number, and none above another, but for those
//! that run in between. Two snapshots of one server with the same numbers see the same rows, as what a transaction wrote
//! is seen once it has committed and every write, TRUNCATE and DDL has a number of its own. VACUUM has none and moves no
//! row; a crash empties tables that are not logged, which are left out; a restored or promoted server has another
//! timeline.

use super::session::Session;
use crate::transfer::effect::Moment;
use crate::transfer::error::TransferError;

/// The moment of a session's transaction; none on a standby, and where this user may not ask.
pub(super) fn seen(session: &Session) -> Result<Option<Moment>, TransferError> {
    let failed = "the moment of the read could not be asked for";
    let run = |sql: &str| session.run(sql).map_err(|trouble| trouble.during(failed));
    // A refusal must not end the transaction.
    run("SAVEPOINT moment")?;
    let asked = session.rows(
        "SELECT s.system_identifier::text, c.timeline_id::text, pg_catalog.pg_postmaster_start_time()::text, \
         pg_catalog.pg_is_in_recovery()::int::text, pg_catalog.pg_current_snapshot()::text \
         FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c",
    );
    let Ok(rows) = asked else {
        run("ROLLBACK TO SAVEPOINT moment")?;
        return Ok(None);
    };
    run("RELEASE SAVEPOINT moment")?;
    let mut cells = rows.into_iter().flatten().map(Option::unwrap_or_default);
    let mut cell = || cells.next().unwrap_or_default();
    let (system, timeline, started, in_recovery, snapshot) = (cell(), cell(), cell(), cell(), cell());
    if in_recovery != "0" || snapshot.is_empty() {
        return Ok(None);
    }
    let server = format!("{system} {timeline} {started}");
    Ok(Some(Moment { server, position: format!("snapshot {snapshot}") }))
}
