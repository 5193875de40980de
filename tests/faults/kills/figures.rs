//! How many processes were killed, where.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::case::Outcome;
use super::points::Side;
use super::workload::Job;

/// What was counted.
#[derive(Debug, Default)]
pub struct Figures {
    /// By job, sort and side.
    killed: BTreeMap<(Job, String, Side), usize>,
    /// Runs that were killed, and retries that were.
    pub runs: usize,
    pub retries: usize,
    /// Runs that ended before they came to their point: threads take turns otherwise each time.
    pub missed: usize,
    pub workloads: usize,
    pub took: Duration,
}

impl Figures {
    /// Counts a case that was to be killed.
    pub fn count(&mut self, job: Job, outcome: &Outcome) {
        for point in &outcome.killed {
            *self.killed.entry((job, point.sort.clone(), point.side)).or_default() += 1;
        }
        match outcome.killed.len() {
            0 => self.missed += 1,
            more => {
                self.runs += 1;
                self.retries += more - 1;
            }
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorts: std::collections::BTreeSet<&String> =
            self.killed.keys().map(|(_, sort, _)| sort).collect();
        writeln!(f, "{:12} {:>16} {:>16} {:>16}", "before/after", "to BigQuery", "to Redshift", "to others")?;
        for sort in sorts {
            let of = |job, side| self.killed.get(&(job, sort.clone(), side)).copied().unwrap_or_default();
            let both = |job| format!("{}/{}", of(job, Side::Before), of(job, Side::After));
            writeln!(
                f,
                "{sort:12} {:>16} {:>16} {:>16}",
                both(Job::Main),
                both(Job::Redshift),
                both(Job::Others)
            )?;
        }
        write!(
            f,
            "{} runs of {} workloads were killed, and {} of their retries; {} ended before their point; {} s",
            self.runs,
            self.workloads,
            self.retries,
            self.missed,
            self.took.as_secs()
        )
    }
}
