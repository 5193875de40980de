//! Whether a run took long, by what its workflow took before: more than twice the median of its last runs.

use std::time::Duration;

/// So many runs are looked back at.
pub const LAST_RUNS: usize = 10;
/// Of fewer runs the median is one lucky or unlucky night.
pub const FEWEST_RUNS: usize = 3;

/// A run that took long, or takes long already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slow {
    /// How long it took.
    pub took: Duration,
    /// The median of the runs before it.
    pub median: Duration,
    /// How many runs that is the median of.
    pub runs: usize,
}

/// Judges a run by what the last successful runs of its workflow took, newest first: see
/// [`last_durations`](crate::state::Store::last_durations). More than [`LAST_RUNS`] are not looked at; with fewer than
/// [`FEWEST_RUNS`] no run is slow.
pub fn slow(took: Duration, last: &[Duration]) -> Option<Slow> {
    let last = &last[..last.len().min(LAST_RUNS)];
    if last.len() < FEWEST_RUNS {
        return None;
    }
    let median = median(last);
    (took > median * 2).then_some(Slow { took, median, runs: last.len() })
}

/// The one in the middle; of an even number, half way between the two in the middle. Of none it is nothing.
fn median(durations: &[Duration]) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let middle = |index: usize| sorted.get(index).copied().unwrap_or_default();
    (middle(sorted.len().saturating_sub(1) / 2) + middle(sorted.len() / 2)) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(numbers: &[u64]) -> Vec<Duration> {
        numbers.iter().copied().map(Duration::from_secs).collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&seconds(&[])), Duration::ZERO);
        assert_eq!(median(&seconds(&[9, 1, 5])), Duration::from_secs(5));
        assert_eq!(median(&seconds(&[9, 1, 5, 6])), Duration::from_millis(5500));
    }

    #[test]
    fn slow_is_more_than_twice_the_median() {
        let ten = seconds(&[100, 1, 60, 60, 60, 60, 60, 60, 3600, 60]);
        assert_eq!(slow(Duration::from_secs(120), &ten), None, "just twice");
        let took = Duration::from_millis(120_001);
        let expected = Slow { took, median: Duration::from_secs(60), runs: 10 };
        assert_eq!(slow(took, &ten), Some(expected));
    }

    #[test]
    fn few_runs_say_nothing_and_old_ones_are_not_looked_at() {
        let hour = Duration::from_secs(3600);
        assert_eq!(slow(hour, &seconds(&[1, 1])), None);
        assert_eq!(slow(hour, &seconds(&[1, 1, 1])).map(|slow| slow.runs), Some(3));
        let mut all = seconds(&[3600; 10]);
        all.extend(seconds(&[1; 90]));
        assert_eq!(slow(hour, &all), None);
    }
}
