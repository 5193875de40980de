//! How much work each task was when the workflow last ended well: what decides who starts first.
//!
//! The unit is the byte. What a task copied counts as it was reported: unlike the time of a copy, bytes do not grow when
//! a task waits for a connection, or shares the machine with others. What else a task did is told by its time only, in
//! whole seconds, each worth the bytes that were copied in a second: so a script of an hour is not put behind the
//! smallest table, and tasks that differ by less than a second keep the order of the file.
//!
//! A task of which nothing is known counts as much as the largest known one. It may be a new table, and one large task
//! that starts last makes the run longer by all it needs, where a small one that starts first costs nothing.

use std::collections::HashMap;
use std::time::Duration;

use super::resume::is_control;
use crate::session::TaskName;

/// What a task took and copied when it last ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The operator, without `>`.
    pub operator: String,
    /// From its first start to its end.
    pub took: Duration,
    /// What its transfers copied; none when it had none.
    pub copied: Option<Copied>,
}

/// What transfers copied, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Bytes sent to the target.
    pub bytes: u64,
    /// The time of each, added up.
    pub took: Duration,
}

/// The size of each task by its full name, that of a group with all that is below it.
#[derive(Debug, Clone, Default)]
pub struct Sizes {
    sizes: HashMap<String, u64>,
    largest: u64,
}

impl Sizes {
    /// Makes one measure of bytes and times.
    pub fn new(tasks: &HashMap<TaskName, Past>) -> Self {
        let copied = || tasks.values().filter_map(|past| past.copied);
        let bytes = copied().fold(0_u64, |sum, copied| sum.saturating_add(copied.bytes));
        let millis = copied().fold(0_u128, |sum, copied| sum.saturating_add(copied.took.as_millis()));
        let rate = u128::from(bytes).saturating_mul(1000) / millis.max(1);
        let rate = u64::try_from(rate).unwrap_or(u64::MAX).max(1);
        let mut sizes = Self::default();
        for (name, past) in tasks {
            let own = past.size(rate);
            sizes.largest = sizes.largest.max(own);
            sizes.add(name.as_str(), own);
        }
        sizes
    }

    /// Adds a task to itself and to all that it lies in.
    fn add(&mut self, name: &str, own: u64) {
        let ends = name.match_indices(['+', '^']).map(|(at, _)| at).filter(|at| *at > 0);
        for end in ends.chain([name.len()]) {
            match self.sizes.get_mut(&name[..end]) {
                Some(size) => *size = size.saturating_add(own),
                None => drop(self.sizes.insert(name[..end].to_owned(), own)),
            }
        }
    }

    /// The size of a task. When nothing is known of any, all are alike.
    pub(super) fn of(&self, name: &TaskName) -> u64 {
        self.sizes.get(name.as_str()).copied().unwrap_or(self.largest)
    }
}

impl Past {
    /// `rate`: bytes that were copied in a second.
    fn size(&self, rate: u64) -> u64 {
        // Its time is that of the tasks below it.
        if is_control(&self.operator) {
            return 0;
        }
        let copied = self.copied.unwrap_or(Copied { bytes: 0, took: Duration::ZERO });
        let else_took = self.took.saturating_sub(copied.took).as_secs();
        copied.bytes.saturating_add(else_took.saturating_mul(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, operator, seconds, bytes with the seconds that they took.
    type Before<'a> = (&'a str, &'a str, u64, Option<(u64, u64)>);

    fn sizes(tasks: &[Before<'_>]) -> Sizes {
        let tasks = tasks.iter().map(|(name, operator, seconds, copied)| {
            let copied = copied.map(|(bytes, seconds)| Copied { bytes, took: Duration::from_secs(seconds) });
            let took = Duration::from_secs(*seconds);
            (TaskName::from_full(*name), Past { operator: (*operator).to_owned(), took, copied })
        });
        Sizes::new(&tasks.collect())
    }

    fn of(sizes: &Sizes, name: &str) -> u64 {
        sizes.of(&TaskName::from_full(name))
    }

    #[test]
    fn bytes_count_and_the_time_of_what_else_was_done() {
        let sizes = sizes(&[
            // It waited for a retry for a minute.
            ("+wf+large", "embulk", 70, Some((900, 10))),
            ("+wf+small", "embulk", 10, Some((100, 10))),
            ("+wf+script", "sh", 30, None),
            ("+wf+script_that_copies", "sh", 45, Some((0, 5))),
        ]);
        // 1,000 bytes in 25 seconds.
        assert_eq!(of(&sizes, "+wf+large"), 900 + 60 * 40);
        assert_eq!(of(&sizes, "+wf+small"), 100);
        assert_eq!(of(&sizes, "+wf+script"), 30 * 40);
        assert_eq!(of(&sizes, "+wf+script_that_copies"), 40 * 40);
    }

    #[test]
    fn groups_weigh_what_is_below_them() {
        let sizes = sizes(&[
            ("+wf+all", "for_each", 100, None),
            ("+wf+all^sub+for-0=t=0=a+copy", "embulk", 9, Some((90, 9))),
            ("+wf+all^sub+for-0=t=0=a+check", "sh", 2, None),
            ("+wf+all^sub+for-0=t=1=b+copy", "embulk", 1, Some((10, 1))),
        ]);
        assert_eq!(of(&sizes, "+wf+all^sub+for-0=t=0=a"), 90 + 2 * 10);
        assert_eq!(of(&sizes, "+wf+all^sub+for-0=t=1=b"), 10);
        assert_eq!(of(&sizes, "+wf+all"), 120);
        assert_eq!(of(&sizes, "+wf"), 120);
    }

    #[test]
    fn what_is_unknown_may_be_as_large_as_any_task() {
        let sizes = sizes(&[("+wf+a", "sh", 7, None), ("+wf+b", "sh", 5, None)]);
        assert_eq!((of(&sizes, "+wf+new"), of(&sizes, "+wf")), (7, 12));
        assert_eq!(of(&Sizes::default(), "+wf+new"), 0);
    }

    #[test]
    fn figures_without_bound_stay_within_theirs() {
        let sizes = sizes(&[
            ("+wf+a", "sh", u64::MAX, Some((u64::MAX, 0))),
            ("+wf+b", "sh", u64::MAX, Some((u64::MAX, 0))),
        ]);
        assert_eq!((of(&sizes, "+wf+a"), of(&sizes, "+wf")), (u64::MAX, u64::MAX));
    }
}
