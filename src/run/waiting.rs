//! How many tables wait for their turn: counted by every run of a process, read by who shows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The tables that wait in all runs of a process together. A clone counts the same.
#[derive(Debug, Clone, Default)]
pub struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// How many.
    pub fn tables(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// The part of one run, which goes with it.
    pub(super) fn part(&self) -> WaitingPart {
        WaitingPart { all: self.clone(), own: 0 }
    }
}

/// The tables that wait in one run.
#[derive(Debug)]
pub(super) struct WaitingPart {
    all: Waiting,
    own: usize,
}

impl WaitingPart {
    /// So many wait now.
    pub(super) fn set(&mut self, tables: usize) {
        if tables >= self.own {
            self.all.0.fetch_add(tables - self.own, Ordering::Relaxed);
        } else {
            self.all.0.fetch_sub(self.own - tables, Ordering::Relaxed);
        }
        self.own = tables;
    }
}

impl Drop for WaitingPart {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_together_and_leave_nothing_behind() {
        let waiting = Waiting::default();
        let (mut one, mut other) = (waiting.part(), waiting.part());
        one.set(5);
        other.set(2);
        one.set(3);
        assert_eq!(waiting.tables(), 5);
        drop(one);
        assert_eq!(waiting.tables(), 2);
    }
}
