//! How far a transfer is: counted by the threads that move its rows, read by whoever shows it. Nobody waits for the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much there is to read, where the source can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Rows, as the catalog of the server estimates them.
    Rows(u64),
    /// Bytes of files, as they lie there: before they are unpacked.
    Bytes(u64),
}

/// The counters of one transfer. A clone counts the same.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    rows: AtomicU64,
    bytes: AtomicU64,
    /// Of the source's files.
    read: AtomicU64,
    /// 0: not known.
    expected_rows: AtomicU64,
    /// 0: not known.
    expected_bytes: AtomicU64,
}

/// What a gauge shows at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauged {
    /// Rows that the output has taken.
    pub rows: u64,
    /// Bytes that the output has made of them.
    pub bytes: u64,
    /// How much of the source that is; none where it cannot tell.
    pub share: Option<Share>,
}

/// A part of all there is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// What was read, in rows or bytes. An estimate of all may turn out to be less.
    pub done: u64,
    /// All, in the same; never 0.
    pub of: u64,
    /// What is known of all.
    pub kind: ShareKind,
}

/// What is known of all there is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareKind {
    /// Its size.
    Known,
    /// An estimate of the server.
    Estimated,
}

impl Gauge {
    /// Nothing is done yet, and so much is to be read.
    pub fn begin(&self, extent: Option<Extent>) {
        let (rows, bytes) = match extent {
            Some(Extent::Rows(rows)) => (rows, 0),
            Some(Extent::Bytes(bytes)) => (0, bytes),
            None => (0, 0),
        };
        let counters = &self.0;
        for (counter, value) in [
            (&counters.rows, 0),
            (&counters.bytes, 0),
            (&counters.read, 0),
            (&counters.expected_rows, rows),
            (&counters.expected_bytes, bytes),
        ] {
            counter.store(value, Ordering::Relaxed);
        }
    }

    /// So much has come to the output.
    pub fn set(&self, rows: u64, bytes: u64) {
        self.0.rows.store(rows, Ordering::Relaxed);
        self.0.bytes.store(bytes, Ordering::Relaxed);
    }

    /// So many bytes more of the source's files were read.
    pub fn add_read(&self, bytes: u64) {
        self.0.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What it shows now.
    pub fn read(&self) -> Gauged {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (rows, bytes) = (of(&self.0.rows), of(&self.0.bytes));
        let share = match (of(&self.0.expected_rows), of(&self.0.expected_bytes)) {
            (0, 0) => None,
            (0, bytes) => {
                Some(Share { done: of(&self.0.read).min(bytes), of: bytes, kind: ShareKind::Known })
            }
            (expected, _) => Some(Share { done: rows, of: expected, kind: ShareKind::Estimated }),
        };
        Gauged { rows, bytes, share }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_shows_a_share_of_what_is_expected_and_begins_anew() {
        let gauge = Gauge::default();
        gauge.set(3, 40);
        assert_eq!(gauge.read(), Gauged { rows: 3, bytes: 40, share: None });
        gauge.begin(Some(Extent::Bytes(100)));
        gauge.add_read(30);
        gauge.add_read(80);
        let share = Share { done: 100, of: 100, kind: ShareKind::Known };
        assert_eq!(gauge.clone().read(), Gauged { rows: 0, bytes: 0, share: Some(share) });
        gauge.begin(Some(Extent::Rows(50)));
        gauge.set(60, 7);
        let share = Share { done: 60, of: 50, kind: ShareKind::Estimated };
        assert_eq!(gauge.read(), Gauged { rows: 60, bytes: 7, share: Some(share) });
        gauge.begin(None);
        assert_eq!(gauge.read(), Gauged::default());
    }
}
