//! Who holds a table that a statement waits for: asked by a connection of its own, once the wait is long.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::RedshiftTarget;
use crate::session::Level;
use crate::transfer::context::Observer;
use crate::transfer::input::postgres::session::Session;

/// Pauses between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// A wait that is no longer is nobody's business.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks while it lives.
pub(super) struct LockWatch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    is_over: Mutex<bool>,
    changed: Condvar,
    /// Who held the table when it was looked at last.
    holder: Mutex<Option<String>>,
}

impl LockWatch {
    /// Watches a session that is about to wait for a table. `oid` is the table's number in the catalog.
    pub(super) fn over(target: &RedshiftTarget, session: &Session, oid: &str, limit: Duration) -> Self {
        let shared = Arc::new(Shared {
            is_over: Mutex::new(false),
            changed: Condvar::new(),
            holder: Mutex::new(None),
        });
        let pid = session.texts("SELECT pg_catalog.pg_backend_pid()").ok().and_then(|mut pids| pids.pop());
        let connect = target.connector();
        let (observer, oid, watched) =
            (Arc::clone(&target.context.observer), oid.to_owned(), Arc::clone(&shared));
        let table = target.config.load.table.shown().to_owned();
        let patience = PATIENCE.min(limit / 2);
        let thread = pid.and_then(|pid| {
            let look = move || {
                if watched.is_over_after(patience) {
                    return;
                }
                let Ok((session, _)) = connect() else { return };
                watched.look(&session, &pid, &oid, &table, observer.as_ref());
                session.close();
            };
            // Without a thread nobody looks.
            std::thread::Builder::new().name("locks".to_owned()).spawn(look).ok()
        });
        Self { shared, thread }
    }

    /// Who held the table when it was looked at last.
    pub(super) fn holder(&self) -> Option<String> {
        self.shared.holder.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for LockWatch {
    fn drop(&mut self) {
        *self.shared.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn is_over_after(&self, pause: Duration) -> bool {
        let guard = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(guard, pause, |is_over| !*is_over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn look(&self, session: &Session, pid: &str, oid: &str, table: &str, observer: &dyn Observer) {
        loop {
            if let Some(holder) = holder(session, pid, oid) {
                let mut known = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
                if known.as_ref() != Some(&holder) {
                    observer.log(Level::Warn, &format!("waits for table `{table}`: {holder}"));
                    *known = Some(holder);
                }
            }
            if self.is_over_after(PAUSE) {
                return;
            }
        }
    }
}

/// Who keeps a process from a table; none where it does not wait, or where the user may not see it.
fn holder(session: &Session, pid: &str, oid: &str) -> Option<String> {
    let waits = format!("SELECT 1 FROM svv_transactions WHERE pid = {pid} AND NOT granted");
    if session.texts(&waits).ok()?.is_empty() {
        return None;
    }
    let rows = session.rows(&format!(
        "SELECT pid, txn_owner, txn_start, lock_mode FROM svv_transactions \
         WHERE relation = {oid} AND granted AND pid <> {pid} ORDER BY txn_start LIMIT 1"
    ));
    let row = rows.ok()?.into_iter().next()?;
    let mut cells = row.into_iter().map(Option::unwrap_or_default);
    let mut cell = || cells.next().unwrap_or_default();
    let (holder, owner, since, mode) = (cell(), cell(), cell(), cell());
    Some(format!("process {holder} of user `{}` holds it since {since} ({mode})", owner.trim()))
}
