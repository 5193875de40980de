//! `_retry`: how often and after which pauses a task is tried again.

use std::time::Duration;

/// A decided `_retry`. Digdag: `limit` is the number of *re*-tries, so a task runs at most `limit + 1` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Re-tries after the first run.
    pub limit: u32,
    /// The first pause.
    pub interval: Duration,
    /// How pauses grow.
    pub interval_type: IntervalType,
    /// Caps an exponential pause; a constant one is not capped.
    pub max_interval: Option<Duration>,
}

/// How pauses grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalType {
    /// Always the same.
    Constant,
    /// Doubled each time, starting with the interval itself.
    Exponential,
}

impl RetryPolicy {
    /// The pause before re-try number `retry` (from 1); none when the limit is spent.
    pub fn delay(&self, retry: u32) -> Option<Duration> {
        if retry == 0 || retry > self.limit {
            return None;
        }
        Some(match self.interval_type {
            IntervalType::Constant => self.interval,
            IntervalType::Exponential => {
                let factor = 1_u32.checked_shl(retry - 1).unwrap_or(u32::MAX);
                let grown = self.interval.saturating_mul(factor);
                self.max_interval.map_or(grown, |max| grown.min(max))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_pauses_double_and_are_capped() {
        let policy = RetryPolicy {
            limit: 4,
            interval: Duration::from_secs(2),
            interval_type: IntervalType::Exponential,
            max_interval: Some(Duration::from_secs(9)),
        };
        let seconds: Vec<_> = (0..=5).map(|n| policy.delay(n).map(|d| d.as_secs())).collect();
        assert_eq!(seconds, [None, Some(2), Some(4), Some(8), Some(9), None]);
    }
}
