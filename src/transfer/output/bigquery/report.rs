//! What the log says of rows, in the words of Embulk's plugin: people count by it, and scripts search for it.

use std::time::{Duration, Instant};

/// The line that ends a load, whether the numbers agree or not.
pub fn transaction_report(sent: u64, loaded: u64) -> String {
    format!(
        "transaction_report: {{\"num_input_rows\":{sent},\"num_response_rows\":{loaded},\
         \"num_output_rows\":{loaded},\"num_rejected_rows\":{}}}",
        i128::from(sent) - i128::from(loaded),
    )
}

/// `progress_log_interval`: how many rows were written, and how fast, now and then.
#[derive(Debug)]
pub(super) struct Progress {
    interval: Option<Duration>,
    since: Instant,
    rows: u64,
}

impl Progress {
    pub(super) fn new(interval: Option<Duration>) -> Self {
        Self { interval, since: Instant::now(), rows: 0 }
    }

    /// The line for so many rows, when it is time for one.
    pub(super) fn line(&mut self, rows: u64) -> Option<String> {
        let elapsed = self.since.elapsed();
        if elapsed < self.interval? {
            return None;
        }
        let line = line(rows, rows - self.rows, elapsed);
        (self.since, self.rows) = (Instant::now(), rows);
        Some(line)
    }
}

fn line(rows: u64, more: u64, elapsed: Duration) -> String {
    let micros = elapsed.as_micros().max(1);
    let speed = u128::from(more) * 1_000_000 / micros;
    format!("num_rows {} ({} rows/sec)", grouped(u128::from(rows)), grouped(speed))
}

/// With a comma before each three digits.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_with_thousands_apart() {
        assert_eq!(line(1_234_567, 1000, Duration::from_secs(2)), "num_rows 1,234,567 (500 rows/sec)");
        assert_eq!(line(12, 12, Duration::ZERO), "num_rows 12 (12,000,000 rows/sec)");
        assert_eq!(Progress::new(None).line(5), None);
        assert_eq!(Progress::new(Some(Duration::from_secs(3600))).line(5), None);
        assert!(Progress::new(Some(Duration::ZERO)).line(5).is_some());
    }
}
