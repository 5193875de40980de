//! How many operators work at once, over all runs of a process: a required workflow has workers of its own, but no more
//! work is done at a time than `-j` allows.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::transfer::input::{Place, Places};

/// Places for operators. Clones share them.
#[derive(Debug, Clone)]
pub struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    count: Mutex<Count>,
    returned: Condvar,
}

#[derive(Debug)]
struct Count {
    free: usize,
    /// Operators that wait for one.
    waiting: usize,
}

/// A place that is taken until it is dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<Shared>);

impl Slots {
    /// So many places, at least one.
    pub fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        let count = Mutex::new(Count { free: limit, waiting: 0 });
        Self(Arc::new(Shared { limit, count, returned: Condvar::new() }))
    }

    /// How many there are.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Waits for a free place.
    pub(super) fn take(&self) -> Slot {
        let mut count = self.0.count();
        count.waiting += 1;
        while count.free == 0 {
            count = self.0.returned.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
        count.waiting -= 1;
        count.free -= 1;
        Slot(Arc::clone(&self.0))
    }
}

impl Shared {
    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A transfer may use places that no operator wants.
impl Places for Slots {
    fn free(&self) -> usize {
        let count = self.0.count();
        count.free.saturating_sub(count.waiting)
    }

    fn take(&self) -> Option<Box<dyn Place>> {
        let mut count = self.0.count();
        if count.free <= count.waiting {
            return None;
        }
        count.free -= 1;
        Some(Box::new(Slot(Arc::clone(&self.0))))
    }
}

impl Place for Slot {
    fn is_wanted(&self) -> bool {
        self.0.count().waiting > 0
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.count().free += 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_nobody_waits_for_are_lent_and_called_back() {
        let slots = Slots::new(2);
        let working = slots.take();
        assert_eq!(Places::free(&slots), 1);
        let lent = Places::take(&slots).expect("one is free");
        assert!(!lent.is_wanted() && Places::take(&slots).is_none());
        std::thread::scope(|scope| {
            scope.spawn(|| drop(slots.take()));
            while !lent.is_wanted() {
                std::thread::yield_now();
            }
            drop(lent);
        });
        drop(working);
        assert_eq!(Places::free(&slots), 2);
    }
}
