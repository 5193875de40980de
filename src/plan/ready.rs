//! The queue of what may start: what has the most work behind it first, as longest-processing-time-first scheduling has
//! it; among equals in the order in which they became ready.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::node::TaskId;

#[derive(Debug, Default)]
pub(super) struct ReadyQueue {
    waiting: BinaryHeap<(u64, Reverse<u64>, TaskId)>,
    pushed: u64,
}

impl ReadyQueue {
    /// `work`: what a later start of it would put off.
    pub(super) fn push(&mut self, id: TaskId, work: u64) {
        self.waiting.push((work, Reverse(self.pushed), id));
        self.pushed += 1;
    }

    pub(super) fn pop(&mut self) -> Option<TaskId> {
        self.waiting.pop().map(|(_, _, id)| id)
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}
