//! Transfers that may have helpers.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sync::embulk::config::TypeMapping;
use sync::embulk::input::InputConfig;
use sync::transfer::context::TransferContext;
use sync::transfer::input::{Place, Places, Reading};
use sync::transfer::pool::SourcePools;
use sync::transfer::report::TransferReport;

use super::lab::{Lab, to_jsonl};

/// So many places, all free at first.
#[derive(Clone)]
pub(super) struct Free(Arc<AtomicUsize>);

impl Places for Free {
    fn free(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn take(&self) -> Option<Box<dyn Place>> {
        let taken = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |free| free.checked_sub(1));
        taken.ok()?;
        Some(Box::new(Taken(self.clone())))
    }
}

struct Taken(Free);

impl Place for Taken {
    fn is_wanted(&self) -> bool {
        false
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A lab whose transfers may have so many helpers, for tables of any size.
pub(super) struct Several {
    pub(super) lab: Lab,
    pub(super) places: Free,
    pub(super) context: TransferContext,
}

impl Several {
    pub(super) fn with(helpers: usize) -> Self {
        let lab = Lab::new();
        let places = Free(Arc::new(AtomicUsize::new(helpers)));
        let mut context = lab.context();
        context.sources = SourcePools::new(NonZeroUsize::new(4).unwrap());
        context.reading = Reading { range_bytes: 1, places: Arc::new(places.clone()), ..Reading::plain() };
        Self { lab, places, context }
    }

    /// What the transfer says, and the lines it wrote, sorted.
    pub(super) fn copy(&self, input: InputConfig) -> (TransferReport, Vec<String>) {
        let config = to_jsonl(input, TypeMapping::Embulk);
        let report = sync::transfer::run(&config, &self.context).unwrap();
        let text = std::fs::read_to_string(self.lab.path("out000.00.jsonl")).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        (report, lines)
    }

    pub(super) fn snapshot(&self, input: InputConfig) -> String {
        self.copy(input).0.snapshot
    }
}

/// The words with N for the number of ranges, which servers estimate.
pub(super) fn counted(snapshot: &str, ranges: std::ops::RangeInclusive<u32>) -> String {
    let number = snapshot.split(' ').find_map(|word| word.parse().ok()).expect("ranges are counted");
    assert!(ranges.contains(&number), "{snapshot}");
    snapshot.replacen(&number.to_string(), "N", 1)
}

/// Sets a flag when it is dropped: who waits for it ends also when an assertion fails.
pub(super) struct Ends<'f>(pub(super) &'f std::sync::atomic::AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
