//! The lines about fetched rows that users look for in logs: after 500 rows, then at every doubling.

use std::sync::Arc;

use crate::session::Level;
use crate::transfer::context::Observer;

/// Counts rows and speaks up when their number has doubled.
pub(super) struct FetchedLog {
    /// None: somebody else counts.
    observer: Option<Arc<dyn Observer>>,
    next: u64,
}

impl FetchedLog {
    pub(super) fn new(observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), next: 500 }
    }

    /// A log of one who reads a part only.
    pub(super) fn silent() -> Self {
        Self { observer: None, next: u64::MAX }
    }

    /// Hears that so many rows are there.
    pub(super) fn count(&mut self, rows: u64) {
        if rows == self.next {
            self.say(rows);
            self.next *= 2;
        }
    }

    /// Hears that these are all.
    pub(super) fn end(&self, rows: u64) {
        if rows * 2 != self.next || rows < 500 {
            self.say(rows);
        }
    }

    fn say(&self, rows: u64) {
        if let Some(observer) = &self.observer {
            observer.log(Level::Info, &format!("Fetched {} rows.", thousands(rows)));
        }
    }
}

/// A number with commas between groups of three digits.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
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
    use std::sync::Mutex;

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Observer for Lines {
        fn progress(&self, _rows: u64, _bytes: u64) {}
        fn log(&self, _level: Level, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }

    fn lines(rows: u64) -> Vec<String> {
        let observer = Arc::new(Lines::default());
        let mut log = FetchedLog::new(Arc::clone(&observer) as Arc<dyn Observer>);
        (1..=rows).for_each(|row| log.count(row));
        log.end(rows);
        observer.0.lock().unwrap().clone()
    }

    #[test]
    fn lines_come_at_every_doubling_and_at_the_end() {
        assert_eq!(lines(0), ["Fetched 0 rows."]);
        assert_eq!(lines(1200), ["Fetched 500 rows.", "Fetched 1,000 rows.", "Fetched 1,200 rows."]);
        assert_eq!(lines(1000), ["Fetched 500 rows.", "Fetched 1,000 rows."]);
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
