//! Figures of progress in words, the same on a terminal and in plain lines. `~` marks an estimate.

use std::time::Duration;

use super::super::figures;
use super::board::{Counts, DoneTable, Pace, RunningTable, Snapshot};
use crate::transfer::gauge::{Share, ShareKind};

/// `1 row`, `1,234 rows`.
pub(super) fn rows(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{} rows", figures::count(rows)) }
}

/// `1,234 rows/s`.
pub(super) fn row_rate(pace: Pace) -> String {
    format!("{} rows/s", figures::count(rounded(pace.rows)))
}

/// `1,234/s`, behind a number of rows.
pub(super) fn short_row_rate(pace: Pace) -> String {
    format!("{}/s", figures::count(rounded(pace.rows)))
}

/// `1.2 MiB/s`.
pub(super) fn byte_rate(pace: Pace) -> String {
    format!("{}/s", figures::bytes(rounded(pace.bytes)))
}

fn rounded(rate: f64) -> u64 {
    // A cast of what is beyond the range gives its end.
    rate.round() as u64
}

/// `45%`; `~45%` of what is estimated. A table that runs is not done, whatever was foretold.
pub(super) fn percent(share: Share) -> String {
    let percent = u128::from(share.done) * 100 / u128::from(share.of.max(1));
    match share.kind {
        ShareKind::Known => format!("{}%", percent.min(100)),
        ShareKind::Estimated => format!("~{}%", percent.min(99)),
    }
}

/// `~1m30s left`.
pub(super) fn left(left: Duration) -> String {
    format!("~{} left", clock(left.saturating_add(Duration::from_millis(500))))
}

/// A stretch of time in whole seconds: `3s`, `4m05s`, `2h07m`.
pub(super) fn clock(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        _ => figures::duration(time),
    }
}

/// `3 done, 2 running, 0 failed, 1 waiting`.
pub(super) fn counts(counts: Counts) -> String {
    let Counts { done, running, failed, waiting } = counts;
    format!("{done} done, {running} running, {failed} failed, {waiting} waiting")
}

/// `1,234 rows, 1.2 MiB`.
pub(super) fn sums(rows: u64, bytes: u64) -> String {
    format!("{}, {}", self::rows(rows), figures::bytes(bytes))
}

/// Plain lines name so many of the tables that run or failed.
const NAMED: usize = 10;

/// How everything stands, in plain lines.
pub(super) fn plain(snapshot: &Snapshot, now: Duration) -> Vec<String> {
    let mut lines: Vec<String> = snapshot.slowest.iter().map(done).collect();
    lines.extend(listed("failed", snapshot.failed.iter().map(|it| format!("{}: {}", it.name, it.reason))));
    lines.extend(listed("running", snapshot.running.iter().map(|table| running(table, now))));
    let (tables, sums) = (counts(snapshot.counts), sums(snapshot.rows, snapshot.bytes));
    lines.push(format!("tables: {tables}; {sums} in {}", clock(now)));
    lines
}

/// The first of some tables, and how many more there are.
fn listed(word: &str, tables: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let more = tables.len().saturating_sub(NAMED);
    let named = tables.take(NAMED).map(|table| format!("{word}: {table}"));
    let rest = (more > 0).then(|| format!("{word}: … and {} more", figures::count(more as u64)));
    named.chain(rest).collect()
}

fn done(table: &DoneTable) -> String {
    let DoneTable { name, rows, bytes, took } = table;
    format!("slowest: {name}: {}, {}", sums(*rows, *bytes), clock(*took))
}

fn running(table: &RunningTable, now: Duration) -> String {
    let RunningTable { name, started, pace, share, .. } = table;
    let mut text = format!("{name}: {}", sums(table.rows, table.bytes));
    let time = clock(now.saturating_sub(*started));
    let more = [
        pace.map(row_rate),
        pace.map(byte_rate),
        share.map(percent),
        table.left.map(left),
        Some(format!("{time} so far")),
    ];
    for part in more.into_iter().flatten() {
        text.push_str(", ");
        text.push_str(&part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::progress::board::FailedTable;

    #[test]
    fn estimates_are_marked() {
        let share = |done, of, kind| percent(Share { done, of, kind });
        assert_eq!(share(1, 3, ShareKind::Known), "33%");
        assert_eq!(share(3, 3, ShareKind::Known), "100%");
        assert_eq!(share(1, 3, ShareKind::Estimated), "~33%");
        assert_eq!(share(9, 3, ShareKind::Estimated), "~99%");
        assert_eq!(share(u64::MAX, u64::MAX, ShareKind::Known), "100%");
        assert_eq!(left(Duration::from_secs(90)), "~1m30s left");
    }

    #[test]
    fn plain_lines_say_what_the_picture_shows() {
        let table = |name: &str| RunningTable {
            name: name.to_owned(),
            started: Duration::from_secs(2),
            rows: 1_000,
            bytes: 2_048,
            pace: None,
            share: None,
            left: None,
        };
        let mut snapshot = Snapshot {
            running: vec![RunningTable {
                pace: Some(Pace { rows: 1_234.4, bytes: 2_048.0 }),
                share: Some(Share { done: 10, of: 40, kind: ShareKind::Estimated }),
                left: Some(Duration::from_secs(61)),
                ..table("mysql shop.orders")
            }],
            failed: vec![FailedTable { name: "mysql shop.bad".into(), reason: "no such table".into() }],
            slowest: vec![DoneTable {
                name: "mysql shop.big".into(),
                rows: 1,
                bytes: 7,
                took: Duration::from_secs_f64(3.9),
            }],
            counts: Counts { done: 3, running: 1, failed: 1, waiting: 275 },
            rows: 4_000,
            bytes: 8_192,
        };
        let now = Duration::from_secs(12);
        assert_eq!(
            plain(&snapshot, now),
            [
                "slowest: mysql shop.big: 1 row, 7 B, 3s",
                "failed: mysql shop.bad: no such table",
                "running: mysql shop.orders: 1,000 rows, 2.0 KiB, 1,234 rows/s, 2.0 KiB/s, ~25%, ~1m01s left, 10s so far",
                "tables: 3 done, 1 running, 1 failed, 275 waiting; 4,000 rows, 8.0 KiB in 12s",
            ]
        );
        snapshot.running = (0..280).map(|number| table(&number.to_string())).collect();
        let lines = plain(&snapshot, now);
        assert_eq!((lines.len(), lines[12].as_str()), (14, "running: … and 270 more"));
    }
}
