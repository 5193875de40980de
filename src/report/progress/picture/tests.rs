//! What the picture looks like, and what it never does.

use proptest::prelude::*;

use super::*;
use crate::report::progress::board::{DoneTable, FailedTable, Pace, RunningTable};
use crate::transfer::gauge::{Share, ShareKind};

const NOW: Duration = Duration::from_secs(125);

fn size(width: usize, height: usize) -> Size {
    Size { width, height }
}

fn running(name: &str, rows: u64) -> RunningTable {
    RunningTable {
        name: name.to_owned(),
        started: Duration::from_secs(93),
        rows,
        bytes: rows * 9,
        pace: Some(Pace { rows: 12_345.0, bytes: 111_105.0 }),
        share: Some(Share { done: rows, of: 4_000_000, kind: ShareKind::Estimated }),
        left: Some(Duration::from_secs(90)),
    }
}

fn estate(running_count: usize) -> Snapshot {
    let done = |number: u64| DoneTable {
        name: format!("mysql shop.big_{number}"),
        rows: number * 1_000_000,
        bytes: number << 27,
        took: Duration::from_secs(20 * number),
    };
    let failed =
        |name: &str| FailedTable { name: name.to_owned(), reason: "the load failed: quota".to_owned() };
    let mut tables = vec![running("mysql shop.orders", 1_800_000), running("mysql shop.注文", 1_000)];
    tables[1].share = None;
    tables[1].left = None;
    tables.extend((2..running_count).map(|number| running(&format!("mysql shop.t{number}"), number as u64)));
    tables.truncate(running_count);
    Snapshot {
        running: tables,
        failed: vec![failed("mysql shop.bad"), failed("+nightly+other")],
        slowest: (1..=5).rev().map(done).collect(),
        counts: Counts { done: 120, running: running_count, failed: 2, waiting: 151 },
        rows: 12_345_678,
        bytes: 5 << 28,
    }
}

fn texts(snapshot: &Snapshot, size: Size) -> Vec<String> {
    picture(snapshot, size, NOW).iter().map(Line::text).collect()
}

#[test]
fn a_wide_terminal_shows_everything() {
    assert_eq!(
        texts(&estate(2), size(105, 20)),
        [
            "slowest  mysql shop.big_5   5,000,000 rows  640.0 MiB                                            1m40s",
            "slowest  mysql shop.big_4   4,000,000 rows  512.0 MiB                                            1m20s",
            "slowest  mysql shop.big_3   3,000,000 rows  384.0 MiB                                            1m00s",
            "slowest  mysql shop.big_2   2,000,000 rows  256.0 MiB                                              40s",
            "slowest  mysql shop.big_1   1,000,000 rows  128.0 MiB                                              20s",
            "failed   mysql shop.bad     the load failed: quota",
            "failed   +nightly+other     the load failed: quota",
            "running  mysql shop.orders  1,800,000 rows   15.4 MiB  12,345/s  108.5 KiB/s  ~45%  ~1m30s left    32s",
            "running  mysql shop.注文        1,000 rows    8.7 KiB  12,345/s  108.5 KiB/s                       32s",
            "tables: 120 done, 2 running, 2 failed, 151 waiting; 12,345,678 rows, 1.2 GiB in 2m05s",
        ]
    );
}

#[test]
fn a_usual_terminal_has_room_for_rows_bytes_rate_share_and_end() {
    assert_eq!(
        texts(&estate(2), size(80, 20))[7..],
        [
            "running  …ql shop.orders  1,800,000 rows   15.4 MiB  12,345/s  ~45%  ~1m30s left",
            "running  mysql shop.注文      1,000 rows    8.7 KiB  12,345/s",
            "120 done, 2 running, 2 failed, 151 waiting; 12,345,678 rows, 1.2 GiB, 2m05s",
        ]
    );
}

#[test]
fn a_narrow_terminal_shows_what_matters_most() {
    assert_eq!(
        texts(&estate(3), size(60, 6)),
        [
            "=  … shop.big_5  5,000,000 rows",
            "!  … and 2 more",
            ">  …shop.orders  1,800,000 rows  12,345/s  ~45%  ~1m30s left",
            ">  …l shop.注文      1,000 rows  12,345/s",
            ">  …sql shop.t2          2 rows  12,345/s   ~0%  ~1m30s left",
            "120 done, 3 running, 2 failed, 151 waiting; 2m05s",
        ]
    );
    assert_eq!(
        texts(&estate(280), size(20, 4)),
        [">  …hop.orders  ~45%", ">  … shop.注文", ">  … and 278 more", "120 of 553, 2m05s"]
    );
}

#[test]
fn many_tables_leave_room_for_those_that_failed_and_the_slowest() {
    let lines = texts(&estate(280), size(80, 23));
    let count = |word: &str| lines.iter().filter(|line| line.starts_with(word)).count();
    assert_eq!((lines.len(), count("slowest"), count("failed"), count("running")), (23, 5, 2, 15));
    assert_eq!(lines[21], "running  … and 266 more");
}

#[test]
fn a_run_without_tables_has_no_picture() {
    assert_eq!(texts(&Snapshot::default(), size(80, 24)), [""; 0]);
    let waiting = Snapshot { counts: Counts { waiting: 3, ..Counts::default() }, ..Snapshot::default() };
    assert_eq!(
        texts(&waiting, size(80, 24)),
        ["tables: 0 done, 0 running, 0 failed, 3 waiting; 0 rows, 0 B in 2m05s"]
    );
}

#[test]
fn colours_are_of_the_first_word_only() {
    let lines = picture(&estate(1), size(80, 24), NOW);
    assert!(lines[5].painted(true).starts_with("\u{1b}[31mfailed \u{1b}[0m  mysql"));
    assert_eq!(lines[5].painted(false), lines[5].text());
}

fn names() -> impl Strategy<Value = String> {
    // Names of any characters come through `shown::line`.
    prop_oneof!["[a-z_.]{0,30}", "[注文表👩🇯🇵é]{0,20}", "\\PC{0,30}", any::<String>()]
        .prop_map(|name| shown::line(&name))
}

fn snapshots() -> impl Strategy<Value = Snapshot> {
    let times = || (0_u64..1_000_000).prop_map(Duration::from_secs);
    let share = (any::<u64>(), 1..=u64::MAX, any::<bool>()).prop_map(|(done, of, known)| Share {
        done,
        of,
        kind: if known { ShareKind::Known } else { ShareKind::Estimated },
    });
    let pace = (any::<f64>(), any::<f64>()).prop_map(|(rows, bytes)| Pace { rows, bytes });
    let running = (
        names(),
        times(),
        any::<u64>(),
        any::<u64>(),
        prop::option::of(pace),
        prop::option::of(share),
        prop::option::of(times()),
    )
        .prop_map(|(name, started, rows, bytes, pace, share, left)| RunningTable {
            name,
            started,
            rows,
            bytes,
            pace,
            share,
            left,
        });
    let failed = (names(), names()).prop_map(|(name, reason)| FailedTable { name, reason });
    let slowest = (names(), any::<u64>(), any::<u64>(), times())
        .prop_map(|(name, rows, bytes, took)| DoneTable { name, rows, bytes, took });
    (
        prop::collection::vec(running, 0..40),
        prop::collection::vec(failed, 0..20),
        prop::collection::vec(slowest, 0..6),
        0_usize..1_000,
    )
        .prop_map(|(running, failed, slowest, waiting)| Snapshot {
            counts: Counts { done: slowest.len(), running: running.len(), failed: failed.len(), waiting },
            rows: u64::MAX,
            bytes: u64::MAX,
            running,
            failed,
            slowest,
        })
}

proptest! {
    /// It is never wider or taller than the terminal, commands nothing, and leaves no line empty that has room.
    #[test]
    fn a_picture_stays_within_the_terminal(
        snapshot in snapshots(),
        width in 0_usize..220,
        height in 0_usize..60,
        now in 0_u64..1_000_000,
    ) {
        let lines = picture(&snapshot, size(width, height), Duration::from_secs(now));
        prop_assert!(lines.len() <= height);
        for line in &lines {
            let text = line.text();
            prop_assert!(shown::width(&text) <= width, "{text:?} is wider than {width}");
            prop_assert!(!text.contains(char::is_control), "{text:?}");
            prop_assert!(!text.is_empty());
        }
        let all = snapshot.counts.running + snapshot.counts.failed + snapshot.slowest.len();
        if width > 0 && height > all && snapshot.counts != Counts::default() {
            prop_assert_eq!(lines.len(), all + 1);
        }
        // The sum is there whatever else is.
        if width >= 60 && height > 0 && snapshot.counts != Counts::default() {
            prop_assert!(lines.last().is_some_and(|line| line.text().contains(" done, ")));
        }
    }
}
