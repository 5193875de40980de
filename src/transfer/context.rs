//! What a transfer is handed: who it is, where it reports to, and the limits it shares with the others of the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::effect::{Ledger, TransferKey};
use super::pool::SourcePools;
use crate::session::Level;

/// Everything from outside.
#[derive(Clone)]
pub struct TransferContext {
    /// Names of jobs, staging tables and objects come from it.
    pub key: TransferKey,
    /// The memory of outside effects.
    pub ledger: Arc<dyn Ledger>,
    /// Where progress and log lines go.
    pub observer: Arc<dyn Observer>,
    /// Set when the run wants the transfer to stop.
    pub cancel: Cancel,
    /// Bytes that all transfers of the run share.
    pub memory: MemoryBudget,
    /// Connections that all transfers of the run share, per source.
    pub sources: SourcePools,
    /// The zone of the process (`TZ`, else the system's): what a JVM would have used for DATE and TIME.
    pub process_zone: jiff::tz::TimeZone,
    /// Directory that relative paths of files start from.
    pub directory: std::path::PathBuf,
    /// The file of `embulk run -c`, absolute.
    pub config_diff: Option<std::path::PathBuf>,
}

/// Hears of progress. Called often: must be cheap.
pub trait Observer: Send + Sync {
    /// Rows and bytes so far.
    fn progress(&self, rows: u64, bytes: u64);
    /// A line for the task's log.
    fn log(&self, level: Level, text: &str);
}

/// A flag that asks to stop. Cheap to ask, cheap to share.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    own: Arc<AtomicBool>,
    /// Whoever stops all stops each.
    all: Option<Arc<Cancel>>,
}

impl Cancel {
    /// A flag of its own that is also set when this one is.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { own: Arc::default(), all: Some(Arc::new(self.clone())) }
    }

    /// Asks all holders to stop.
    pub fn cancel(&self) {
        self.own.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn is_canceled(&self) -> bool {
        self.own.load(Ordering::Relaxed) || self.all.as_ref().is_some_and(|all| all.is_canceled())
    }
}

/// Bytes shared by all transfers of a run. `take` waits until enough is free; what it gives returns on drop.
/// A request above the whole budget gets the whole budget, so it can always go on.
#[derive(Debug, Clone)]
pub struct MemoryBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    total: usize,
    free: Mutex<usize>,
    returned: Condvar,
}

/// A part of the budget.
#[derive(Debug)]
pub struct MemoryShare {
    budget: Arc<Budget>,
    bytes: usize,
}

impl MemoryBudget {
    /// A budget of `total` bytes.
    pub fn new(total: usize) -> Self {
        Self(Arc::new(Budget { total, free: Mutex::new(total), returned: Condvar::new() }))
    }

    /// The whole budget in bytes.
    pub fn total(&self) -> usize {
        self.0.total
    }

    /// Waits until `bytes` are free and takes them.
    pub fn take(&self, bytes: usize) -> MemoryShare {
        let bytes = bytes.min(self.0.total);
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            free = self.0.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= bytes;
        MemoryShare { budget: Arc::clone(&self.0), bytes }
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_set_by_every_flag_above_it_and_by_none_below() {
        let run = Cancel::default();
        let task = run.child();
        let inner = task.child();
        inner.child().cancel();
        assert!(!inner.is_canceled());
        task.cancel();
        assert!(inner.is_canceled() && inner.child().is_canceled() && !run.is_canceled());
    }
}
