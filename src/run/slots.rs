//! How many operators work at once, over all runs of a process: a required workflow has workers of its own, but no more
//! work is done at a time than `-j` allows.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Places for operators. Clones share them.
#[derive(Debug, Clone)]
pub struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    free: Mutex<usize>,
    returned: Condvar,
}

/// A place that is taken until it is dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<Shared>);

impl Slots {
    /// So many places, at least one.
    pub fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self(Arc::new(Shared { limit, free: Mutex::new(limit), returned: Condvar::new() }))
    }

    /// How many there are.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Waits for a free place.
    pub(super) fn take(&self) -> Slot {
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.0.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Slot(Arc::clone(&self.0))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.returned.notify_one();
    }
}
