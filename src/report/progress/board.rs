//! What is known of the tables of a run: taken from its events, and read from the counters of those that run.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::super::shown;
use crate::run::Waiting;
use crate::run::event::{EventKind, TaskFailure};
use crate::session::{AttemptId, TaskName, TaskState};
use crate::transfer::gauge::{Gauge, Gauged, Share};
use crate::transfer::report::TransferReport;

/// So many of the tables that are done are remembered: those that took longest.
pub(super) const SLOWEST: usize = 5;

/// Between two looks at the counters that rates are made of.
const SAMPLE: Duration = Duration::from_secs(1);

/// Rates are those of so many samples: long enough to be calm, short enough to show a source that stopped.
const SAMPLES: usize = 10;

/// Of a table that would take longer nothing is foretold.
const LONGEST: Duration = Duration::from_secs(99 * 3600);

/// Times are those since the run began.
#[derive(Debug, Default)]
pub(super) struct Board {
    running: Vec<Running>,
    failed: Vec<(Owner, FailedTable)>,
    slowest: Vec<DoneTable>,
    done: Sums,
    /// The tasks that work.
    working: HashMap<Owner, Working>,
    /// How many tasks began.
    begun: u64,
    waiting: Waiting,
}

/// The task that a table belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    /// Of a required workflow: its attempt.
    pub(super) attempt: Option<AttemptId>,
    pub(super) task: TaskName,
}

/// A task that works.
#[derive(Debug, Clone, Copy)]
struct Working {
    /// How many began before it.
    number: u64,
    has: Has,
}

/// What is known of the tables of a task that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Has {
    /// It is there for one, of which nothing was heard yet.
    OneToCome,
    /// Each speaks for itself.
    Any,
}

/// Tables with their rows and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    tables: usize,
    rows: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Running {
    owner: Owner,
    key: String,
    source: String,
    target: String,
    /// For people.
    name: String,
    /// Of its task.
    number: u64,
    started: Duration,
    gauge: Gauge,
    /// Oldest first; there always is one.
    samples: VecDeque<(Duration, Gauged)>,
    /// What machines were told.
    told: Option<Gauged>,
}

/// All tables at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Snapshot {
    /// In the order in which their tasks began.
    pub(super) running: Vec<RunningTable>,
    /// In the order in which they failed.
    pub(super) failed: Vec<FailedTable>,
    /// The slowest first.
    pub(super) slowest: Vec<DoneTable>,
    pub(super) counts: Counts,
    /// Of tables that are done or run.
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// How many tables stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) done: usize,
    pub(super) running: usize,
    pub(super) failed: usize,
    pub(super) waiting: usize,
}

/// A table that is copied. Names are safe to be shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RunningTable {
    pub(super) name: String,
    pub(super) started: Duration,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) pace: Option<Pace>,
    pub(super) share: Option<Share>,
    /// An estimate.
    pub(super) left: Option<Duration>,
}

/// How fast rows come, a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    pub(super) rows: f64,
    pub(super) bytes: f64,
}

/// A table that failed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FailedTable {
    pub(super) name: String,
    pub(super) reason: String,
}

/// A table that is done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DoneTable {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) took: Duration,
}

/// What machines are told of a table that is copied.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ToldTable {
    pub(super) owner: Owner,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) table: RunningTable,
}

impl Counts {
    /// All tables that are known.
    pub(super) fn all(self) -> usize {
        self.done + self.running + self.failed + self.waiting
    }
}

impl Board {
    pub(super) fn new(waiting: Waiting) -> Self {
        Self { waiting, ..Self::default() }
    }

    /// Takes in what happened in an attempt.
    pub(super) fn take(&mut self, attempt: Option<AttemptId>, kind: &EventKind, now: Duration) {
        let owner = |task: &TaskName| Owner { attempt, task: task.clone() };
        match kind {
            EventKind::TaskStarted { task, operator, .. } => {
                let owner = owner(task);
                self.failed.retain(|(of, _)| *of != owner);
                let has = if operator == "embulk" { Has::OneToCome } else { Has::Any };
                self.working.insert(owner, Working { number: self.begun, has });
                self.begun += 1;
            }
            EventKind::TransferStarted { task, key, source, target, gauge } => {
                let owner = owner(task);
                let working = self.working.get_mut(&owner);
                let number = working.map_or(self.begun, |working| {
                    working.has = Has::Any;
                    working.number
                });
                self.running.retain(|running| running.key != *key);
                let at = self.running.partition_point(|running| running.number <= number);
                let table = Running {
                    owner,
                    number,
                    key: key.clone(),
                    source: source.clone(),
                    target: target.clone(),
                    name: shown::line(source),
                    started: now,
                    gauge: gauge.clone(),
                    samples: VecDeque::from([(now, Gauged::default())]),
                    told: None,
                };
                self.running.insert(at, table);
            }
            EventKind::TransferFinished { key, report, .. } => {
                self.end(key);
                self.add_done(report);
            }
            EventKind::TransferFailed { task, key, failure } => {
                let name = self.end(key).map_or_else(|| shown::line(task.as_str()), |ended| ended.name);
                self.failed.push((owner(task), FailedTable { name, reason: reason(failure) }));
            }
            // It is said in a line, and the table waits again.
            EventKind::TaskRetrying { task, .. } => {
                let owner = owner(task);
                self.working.remove(&owner);
                self.failed.retain(|(of, _)| *of != owner);
            }
            EventKind::TaskFinished { task, state, failure, .. } => {
                let owner = owner(task);
                let has = self.working.remove(&owner).map(|working| working.has);
                if let (Some(Has::OneToCome), TaskState::Error, Some(failure)) = (has, state, failure) {
                    let name = shown::line(task.as_str());
                    self.failed.push((owner, FailedTable { name, reason: reason(failure) }));
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, key: &str) -> Option<Running> {
        let at = self.running.iter().position(|running| running.key == key)?;
        Some(self.running.remove(at))
    }

    fn add_done(&mut self, report: &TransferReport) {
        self.done.tables += 1;
        self.done.rows = self.done.rows.saturating_add(report.rows_sent);
        self.done.bytes = self.done.bytes.saturating_add(report.bytes);
        let took = Duration::try_from_secs_f64(report.seconds).unwrap_or_default();
        let at = self.slowest.partition_point(|done| done.took >= took);
        if at < SLOWEST {
            let name = shown::line(&report.source);
            self.slowest.insert(at, DoneTable { name, rows: report.rows_sent, bytes: report.bytes, took });
            self.slowest.truncate(SLOWEST);
        }
    }

    /// Looks at the counters, for rates; does nothing until that is due.
    pub(super) fn sample(&mut self, now: Duration) {
        for running in &mut self.running {
            running.sample(now);
        }
    }

    /// How everything stands.
    pub(super) fn snapshot(&self, now: Duration) -> Snapshot {
        let running: Vec<RunningTable> = self.running.iter().map(|running| running.table(now)).collect();
        let sum = |of: fn(&RunningTable) -> u64| running.iter().map(of).fold(0, u64::saturating_add);
        let counts = Counts {
            done: self.done.tables,
            running: running.len(),
            failed: self.failed.len(),
            waiting: self.waiting.tables(),
        };
        Snapshot {
            counts,
            rows: self.done.rows.saturating_add(sum(|table| table.rows)),
            bytes: self.done.bytes.saturating_add(sum(|table| table.bytes)),
            running,
            failed: self.failed.iter().map(|(_, failed)| failed.clone()).collect(),
            slowest: self.slowest.clone(),
        }
    }

    /// Whether a table is being copied.
    pub(super) fn is_copying(&self) -> bool {
        !self.running.is_empty()
    }

    /// The tables that have moved since machines were told of them. Of one that has just begun nothing is told: that it
    /// did may not be told yet.
    pub(super) fn news(&mut self, now: Duration) -> Vec<ToldTable> {
        let mut news = Vec::new();
        let since = |started: Duration| now.saturating_sub(started);
        for running in self.running.iter_mut().filter(|running| since(running.started) >= SAMPLE) {
            let gauged = running.gauge.read();
            if running.told.replace(gauged) != Some(gauged) {
                news.push(ToldTable {
                    owner: running.owner.clone(),
                    source: running.source.clone(),
                    target: running.target.clone(),
                    table: running.table(now),
                });
            }
        }
        news
    }
}

impl Running {
    fn sample(&mut self, now: Duration) {
        let Some((last, before)) = self.samples.back() else { return };
        if now.saturating_sub(*last) < SAMPLE {
            return;
        }
        let gauged = self.gauge.read();
        // The source went away, and is read from its beginning.
        if gauged.rows < before.rows {
            self.samples.clear();
        }
        self.samples.push_back((now, gauged));
        if self.samples.len() > SAMPLES + 1 {
            self.samples.pop_front();
        }
    }

    fn table(&self, now: Duration) -> RunningTable {
        let gauged = self.gauge.read();
        let since = self.samples.front().filter(|(at, _)| now.saturating_sub(*at) >= SAMPLE);
        let seconds = |at: Duration| now.saturating_sub(at).as_secs_f64();
        let a_second = |new: u64, old: u64, at: Duration| new.saturating_sub(old) as f64 / seconds(at);
        let pace = since.map(|(at, old)| Pace {
            rows: a_second(gauged.rows, old.rows, *at),
            bytes: a_second(gauged.bytes, old.bytes, *at),
        });
        let left = since.and_then(|(at, old)| {
            let share = gauged.share?;
            let speed = a_second(share.done, old.share.map_or(0, |share| share.done), *at);
            let rest = share.of.checked_sub(share.done).filter(|rest| *rest > 0)?;
            // Nothing moves: an endless time is none.
            Duration::try_from_secs_f64(rest as f64 / speed).ok().filter(|left| *left <= LONGEST)
        });
        RunningTable {
            name: self.name.clone(),
            started: self.started,
            rows: gauged.rows,
            bytes: gauged.bytes,
            pace,
            share: gauged.share,
            left,
        }
    }
}

fn reason(failure: &TaskFailure) -> String {
    shown::line(&super::one_line(failure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::event::FailureKind;
    use crate::transfer::gauge::{Extent, ShareKind};

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn started(name: &str, gauge: &Gauge) -> EventKind {
        EventKind::TransferStarted {
            task: TaskName::from_full(format!("+wf+{name}")),
            key: name.to_owned(),
            source: format!("mysql shop.{name}"),
            target: "file out".to_owned(),
            gauge: gauge.clone(),
        }
    }

    fn failure() -> TaskFailure {
        TaskFailure {
            message: "the load\nfailed".into(),
            causes: vec!["quota".into(), "too \u{1b}many".into()],
            hint: None,
            kind: FailureKind::Failed,
        }
    }

    fn failed(name: &str) -> EventKind {
        let task = TaskName::from_full(format!("+wf+{name}"));
        EventKind::TransferFailed { task, key: name.to_owned(), failure: failure() }
    }

    fn finished(name: &str, rows: u64, took: f64) -> EventKind {
        let source = format!("mysql shop.{name}");
        let report =
            TransferReport { source, rows_sent: rows, bytes: 7, seconds: took, ..TransferReport::default() };
        EventKind::TransferFinished { task: TaskName::from_full("+wf"), key: name.to_owned(), report }
    }

    #[test]
    fn rates_are_of_the_last_seconds_and_foretell_the_end() {
        let (mut board, gauge) = (Board::default(), Gauge::default());
        board.take(None, &started("a", &gauge), seconds(1));
        gauge.begin(Some(Extent::Rows(4_000)));
        let first = &board.snapshot(seconds(1)).running[0];
        assert_eq!((first.pace, first.left), (None, None));
        for second in 2..=20 {
            // Ten rows a second, and a hundred from the tenth second on.
            let rows = if second <= 10 { second * 10 } else { 100 + (second - 10) * 100 };
            gauge.set(rows, rows * 2);
            board.sample(seconds(second));
        }
        let now = &board.snapshot(seconds(20)).running[0];
        assert_eq!(now.pace, Some(Pace { rows: 100.0, bytes: 200.0 }));
        assert_eq!(now.share, Some(Share { done: 1_100, of: 4_000, kind: ShareKind::Estimated }));
        assert_eq!(now.left, Some(seconds(29)));
        // It stands still: nobody knows when it ends.
        (21..=40).for_each(|second| board.sample(seconds(second)));
        let now = &board.snapshot(seconds(40)).running[0];
        assert_eq!((now.pace.map(|pace| pace.rows), now.left), (Some(0.0), None));
        // More rows than were expected: nor here.
        gauge.set(5_000, 0);
        assert_eq!(board.snapshot(seconds(41)).running[0].left, None);
    }

    #[test]
    fn tables_are_counted_by_how_they_stand() {
        let mut board = Board::default();
        let gauge = Gauge::default();
        for (number, name) in ["a", "b", "c", "d", "e", "f", "g"].into_iter().enumerate() {
            board.take(None, &started(name, &gauge), seconds(0));
            board.take(None, &finished(name, 10, number as f64), seconds(9));
        }
        gauge.set(5, 50);
        board.take(None, &started("running", &gauge), seconds(9));
        board.take(None, &started("bad", &Gauge::default()), seconds(9));
        board.take(None, &failed("bad"), seconds(10));
        let snapshot = board.snapshot(seconds(10));
        assert_eq!(snapshot.counts, Counts { done: 7, running: 1, failed: 1, waiting: 0 });
        assert_eq!((snapshot.rows, snapshot.bytes), (75, 99));
        let slowest: Vec<&str> = snapshot.slowest.iter().map(|done| done.name.as_str()).collect();
        assert_eq!(slowest, ["g", "f", "e", "d", "c"].map(|name| format!("mysql shop.{name}")));
        assert_eq!(
            snapshot.failed,
            [FailedTable { name: "mysql shop.bad".into(), reason: "the load failed: too ?many".into() }]
        );
        // It is tried again.
        board.take(None, &started("bad", &Gauge::default()), seconds(11));
        let task = TaskName::from_full("+wf+bad");
        board.take(None, &EventKind::TaskStarted { task, operator: "sh".into(), round: 2 }, seconds(11));
        assert_eq!(board.snapshot(seconds(11)).counts, Counts { done: 7, running: 2, failed: 0, waiting: 0 });
    }

    #[test]
    fn a_table_whose_config_is_wrong_has_failed_too() {
        let mut board = Board::default();
        let task = TaskName::from_full("+wf+a");
        let start = EventKind::TaskStarted { task: task.clone(), operator: "embulk".into(), round: 1 };
        board.take(None, &start, seconds(0));
        let end =
            EventKind::TaskFinished { task, state: TaskState::Error, result: None, failure: Some(failure()) };
        board.take(None, &end, seconds(0));
        board.take(None, &end, seconds(0));
        let failed: Vec<String> = board.snapshot(seconds(0)).failed.into_iter().map(|it| it.name).collect();
        assert_eq!(failed, ["+wf+a"]);
    }

    #[test]
    fn machines_are_told_of_tables_that_moved() {
        let (mut board, gauge) = (Board::default(), Gauge::default());
        let attempt = Some(AttemptId(3));
        board.take(attempt, &started("a", &gauge), seconds(0));
        assert_eq!(board.news(seconds(0)), []);
        assert_eq!(board.news(seconds(1)).len(), 1);
        assert_eq!(board.news(seconds(2)), []);
        gauge.set(5, 50);
        let [told] = &board.news(seconds(3))[..] else { panic!("one table has moved") };
        assert_eq!((told.owner.attempt, told.table.rows, told.target.as_str()), (attempt, 5, "file out"));
    }
}
