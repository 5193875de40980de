//! What a transfer is handed: who it is, where it reports to, and the limits it shares with the others of the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::effect::{Ledger, TransferKey};
use super::error::TransferError;
use super::gauge::Extent;
use super::input::Reading;
use super::policy::Enforced;
use super::pool::SourcePools;
use crate::cloud::fault::retry::{RetryBudget, Retrying};
use crate::session::Level;

/// How often who waits, for memory or for a server, looks whether the run wants to stop.
const LOOK: Duration = Duration::from_millis(100);

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
    /// How sources are read.
    pub reading: Reading,
    /// How transfers meet faults that pass.
    pub patience: Patience,
    /// What columns may leave their source, and as what; none: the project has no policy.
    pub policy: Option<Arc<Enforced>>,
    /// The zone of the process (`TZ`, else the system's): what a JVM would have used for DATE and TIME.
    pub process_zone: jiff::tz::TimeZone,
    /// Directory that relative paths of files start from.
    pub directory: std::path::PathBuf,
    /// The file of `embulk run -c`, absolute.
    pub config_diff: Option<std::path::PathBuf>,
}

/// How transfers meet faults that pass.
#[derive(Debug, Clone)]
pub struct Patience {
    /// Retries that all transfers and calls of the run share.
    pub retries: RetryBudget,
    /// For so long a table whose database went away is begun again.
    pub tables: Duration,
}

impl Patience {
    /// As long as most databases take to restart or to fail over.
    pub const TABLES: Duration = Duration::from_secs(60);

    /// Nothing is tried again.
    pub fn none() -> Self {
        Self { retries: RetryBudget::new(0), tables: Duration::ZERO }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self { retries: RetryBudget::default(), tables: Self::TABLES }
    }
}

impl TransferContext {
    /// What callers of services are handed who may try again: the log of the task hears of it.
    pub fn retrying(&self) -> Retrying {
        let observer = Arc::clone(&self.observer);
        Retrying::new(self.patience.retries.clone(), move |line| observer.log(Level::Warn, line))
    }
}

/// Hears of progress. Called often, by the threads that move rows: must be cheap, and must not wait.
pub trait Observer: Send + Sync {
    /// The source is about to be read from its beginning, and has so much, where it can tell.
    fn begins(&self, _extent: Option<Extent>) {}
    /// Rows that the output has taken, and bytes that it made of them, so far. Told after every page.
    fn progress(&self, rows: u64, bytes: u64);
    /// So many bytes more of the source's files were read.
    fn has_read(&self, _bytes: u64) {}
    /// A line for the task's log.
    fn log(&self, level: Level, text: &str);
}

/// A flag that asks to stop. Cheap to ask, cheap to share.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    own: Arc<AtomicBool>,
    /// Nothing is waited for any more.
    at_once: Arc<AtomicBool>,
    /// Whoever stops all stops each.
    all: Option<Arc<Cancel>>,
}

impl Cancel {
    /// A flag of its own that is also set when this one is.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { all: Some(Arc::new(self.clone())), ..Self::default() }
    }

    /// Asks all holders to stop.
    pub fn cancel(&self) {
        self.own.store(true, Ordering::SeqCst);
    }

    /// A pause that ends with the run.
    pub fn pause(&self, pause: Duration) -> Result<(), TransferError> {
        let begun = Instant::now();
        while let Some(left) = pause.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            if self.is_canceled() {
                return Err(TransferError::canceled());
            }
            std::thread::sleep(left.min(LOOK));
        }
        Ok(())
    }

    /// The same, without time to clean up.
    pub fn cancel_at_once(&self) {
        self.at_once.store(true, Ordering::SeqCst);
        self.cancel();
    }

    /// Whether there is no time to clean up.
    pub fn is_at_once(&self) -> bool {
        self.at_once.load(Ordering::Relaxed) || self.all.as_ref().is_some_and(|all| all.is_at_once())
    }

    /// Whether somebody asked.
    pub fn is_canceled(&self) -> bool {
        self.own.load(Ordering::Relaxed) || self.all.as_ref().is_some_and(|all| all.is_canceled())
    }
}

/// Bytes shared by all transfers of a run: one half for what transfers usually hold, the other for rows that are larger
/// than a page, one after the other. Because the halves are apart, a transfer that waits for room for its row never
/// waits for one that waits for it.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    total: usize,
    usual: Arc<Half>,
    large: Arc<Half>,
}

#[derive(Debug)]
struct Half {
    size: usize,
    free: Mutex<usize>,
    returned: Condvar,
}

/// A part of the budget. It returns on drop.
#[derive(Debug)]
pub struct MemoryShare {
    half: Arc<Half>,
    bytes: usize,
}

impl Half {
    fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { size, free: Mutex::new(size), returned: Condvar::new() })
    }

    /// Waits until so much is free, or until nobody wants it any more.
    fn take(self: &Arc<Self>, bytes: usize, is_wanted: impl Fn() -> bool) -> Option<MemoryShare> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free < bytes {
            if !is_wanted() {
                return None;
            }
            free = self.returned.wait_timeout(free, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        *free -= bytes;
        Some(MemoryShare { half: Arc::clone(self), bytes })
    }
}

impl MemoryBudget {
    /// A budget of `total` bytes.
    pub fn new(total: usize) -> Self {
        Self { total, usual: Half::new(total - total / 2), large: Half::new(total / 2) }
    }

    /// The whole budget in bytes.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Bytes that one row may take with its copies.
    pub fn largest_row(&self) -> usize {
        self.large.size
    }

    /// Waits until so many of the usual bytes are free and takes them; more than there are in all are all. None when
    /// the run wants to stop.
    pub fn take(&self, bytes: usize, cancel: &Cancel) -> Option<MemoryShare> {
        self.usual.take(bytes.min(self.usual.size), || !cancel.is_canceled())
    }

    /// The same for who can do without: takes nothing where so many are not free.
    pub fn take_free(&self, bytes: usize) -> Option<MemoryShare> {
        self.usual.take(bytes, || false)
    }

    /// Waits until there is room for a large row and takes it. None when the run wants to stop.
    pub fn take_large(&self, bytes: usize, cancel: &Cancel) -> Option<MemoryShare> {
        self.large.take(bytes.min(self.large.size), || !cancel.is_canceled())
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        *self.half.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.half.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_rows_wait_for_each_other_only_and_waiting_ends_with_the_run() {
        let (budget, cancel) = (MemoryBudget::new(1000), Cancel::default());
        assert_eq!((budget.total(), budget.largest_row()), (1000, 500));
        // More than there is is all that there is.
        let all = budget.take(2000, &cancel).unwrap();
        let row = budget.take_large(400, &cancel).unwrap();
        let waiting = {
            let (budget, cancel) = (budget.clone(), cancel.clone());
            std::thread::spawn(move || budget.take_large(200, &cancel).is_some())
        };
        drop(row);
        assert!(waiting.join().unwrap());
        drop(all);
        let _all = budget.take(500, &cancel).unwrap();
        cancel.cancel();
        assert!(budget.take(1, &cancel).is_none());
    }

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
