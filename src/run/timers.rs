//! What is due when: pauses before retries, `wait>` tasks and the end of grace. The dispatcher sleeps until the next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// A pause longer than this is as good as endless, and does not overflow a clock.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Things that fall due, the nearest first; equal ones in the order they were set.
#[derive(Debug)]
pub(super) struct Timers<T> {
    heap: BinaryHeap<Reverse<(Instant, u64)>>,
    things: std::collections::HashMap<u64, T>,
    serial: u64,
}

impl<T> Timers<T> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), things: std::collections::HashMap::new(), serial: 0 }
    }

    pub(super) fn set(&mut self, now: Instant, pause: Duration, thing: T) {
        let at = now.checked_add(pause.min(LONGEST)).unwrap_or(now);
        self.heap.push(Reverse((at, self.serial)));
        self.things.insert(self.serial, thing);
        self.serial += 1;
    }

    /// When the next thing is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next thing if it is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, serial)) = self.heap.pop()?;
        self.things.remove(&serial)
    }

    /// Takes everything, due or not.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        self.heap.clear();
        let mut things: Vec<_> = self.things.drain().collect();
        things.sort_by_key(|(serial, _)| *serial);
        things.into_iter().map(|(_, thing)| thing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_comes_first_and_nothing_early() {
        let now = Instant::now();
        let mut timers = Timers::new();
        timers.set(now, Duration::from_secs(5), "late");
        timers.set(now, Duration::from_secs(2), "early");
        timers.set(now, Duration::from_secs(2), "early too");
        timers.set(now, Duration::MAX, "never");
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(timers.next(), Some(at(2)));
        assert_eq!(timers.take_due(at(1)), None);
        assert_eq!(timers.take_due(at(6)), Some("early"));
        assert_eq!(timers.take_due(at(6)), Some("early too"));
        assert_eq!(timers.take_due(at(6)), Some("late"));
        assert_eq!(timers.take_due(at(6)), None);
        assert_eq!(timers.take_all(), ["never"]);
        assert_eq!(timers.next(), None);
    }
}
