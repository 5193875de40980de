//! How many connections a source sees at once: one limit per database server, shared by all transfers of a run.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::context::Cancel;
use super::error::TransferError;

/// How often a waiting transfer looks whether the run wants it to stop.
const LOOK: Duration = Duration::from_millis(100);

/// The limits of all sources of a run.
#[derive(Debug, Clone)]
pub struct SourcePools(Arc<Pools>);

#[derive(Debug)]
struct Pools {
    limit: usize,
    in_use: Mutex<HashMap<String, usize>>,
    returned: Condvar,
}

/// The right to hold one connection; returns on drop.
#[derive(Debug)]
pub struct ConnectionPermit {
    pools: Arc<Pools>,
    source: String,
}

impl SourcePools {
    /// At most `limit` connections to each source.
    pub fn new(limit: NonZeroUsize) -> Self {
        Self(Arc::new(Pools { limit: limit.get(), in_use: Mutex::default(), returned: Condvar::new() }))
    }

    /// How many connections each source has at most.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// A connection of a source (`host:port`), where one is free.
    pub fn acquire_free(&self, source: &str) -> Option<ConnectionPermit> {
        let mut in_use = self.0.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let used = in_use.entry(source.to_owned()).or_default();
        (*used < self.0.limit).then(|| {
            *used += 1;
            ConnectionPermit { pools: Arc::clone(&self.0), source: source.to_owned() }
        })
    }

    /// Waits for a connection of a source (`host:port`) to be free.
    pub fn acquire(&self, source: &str, cancel: &Cancel) -> Result<ConnectionPermit, TransferError> {
        let mut in_use = self.0.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if cancel.is_canceled() {
                return Err(TransferError::canceled());
            }
            let used = in_use.entry(source.to_owned()).or_default();
            if *used < self.0.limit {
                *used += 1;
                return Ok(ConnectionPermit { pools: Arc::clone(&self.0), source: source.to_owned() });
            }
            in_use = self.0.returned.wait_timeout(in_use, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut in_use = self.pools.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = in_use.get_mut(&self.source) {
            *used = used.saturating_sub(1);
        }
        drop(in_use);
        self.pools.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_its_own_limit_and_waiting_ends_with_the_run() {
        let pools = SourcePools::new(NonZeroUsize::MIN);
        let cancel = Cancel::default();
        let first = pools.acquire("a:1", &cancel).unwrap();
        let _other = pools.acquire("b:1", &cancel).unwrap();
        let waiting = {
            let (pools, cancel) = (pools.clone(), cancel.clone());
            std::thread::spawn(move || pools.acquire("a:1", &cancel).map(drop))
        };
        drop(first);
        assert!(waiting.join().unwrap().is_ok());
        let _again = pools.acquire("a:1", &cancel).unwrap();
        cancel.cancel();
        assert_eq!(pools.acquire("a:1", &cancel).map(drop), Err(TransferError::canceled()));
    }
}
