//! What people see while a run works: a picture of its tables on a terminal, lines every ten seconds elsewhere, events
//! for machines; and in all of them what tasks print and what goes wrong.
//!
//! * `board`: what is known of the tables, from events and from the counters of those that run.
//! * `picture` and `words` say it, `events` to machines; they are given the moment.
//! * `window`: the thread that looks and shows.

mod board;
mod events;
mod picture;
mod window;
mod words;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::console::{Console, Results};
use super::{figures, shown};
use crate::run::Waiting;
use crate::run::event::{EventKind, RunEvent, TaskFailure};
use crate::session::{AttemptId, Level, TaskName, TaskState};
use board::Board;
use window::{Looking, Shape, Window};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProgressMode {
    /// A picture where the terminal can redraw lines, else plain lines.
    #[default]
    Auto,
    /// A picture; plain lines where no terminal could show it.
    Bars,
    /// A line for each transfer that begins and ends, and some every ten seconds.
    Plain,
    /// Nothing but what goes wrong.
    None,
}

/// A line that a task began is printed in pieces from this length on.
const LONGEST_LINE: usize = 64 * 1024;

/// Shows events as they come, and between them how far the tables are.
pub struct Progress {
    console: Console,
    shape: Shape,
    board: Arc<Mutex<Board>>,
    began: Instant,
    looking: Option<Looking>,
    /// What tasks printed without a line's end yet: the lines of parallel tasks must not mix.
    begun_lines: HashMap<TaskName, Vec<u8>>,
}

impl Progress {
    /// Under JSON nothing is shown to people but what goes wrong. `waiting` counts the tables that wait.
    pub fn new(console: &Console, mode: ProgressMode, waiting: Waiting) -> Self {
        let mut progress = Self::still(console, mode, waiting);
        if progress.shape != Shape::Nothing {
            let window = Window::new(console, progress.shape, &progress.board);
            progress.looking = Looking::start(window, progress.began);
        }
        progress
    }

    /// The same without a thread that looks.
    fn still(console: &Console, mode: ProgressMode, waiting: Waiting) -> Self {
        let shape = match (mode, console.results()) {
            (ProgressMode::None, _) => Shape::Nothing,
            (_, Results::Json) => Shape::Events,
            (ProgressMode::Auto | ProgressMode::Bars, _) if console.can_redraw() => Shape::Picture,
            (ProgressMode::Auto | ProgressMode::Bars | ProgressMode::Plain, _) => Shape::Plain,
        };
        Self {
            console: console.clone(),
            shape,
            board: Arc::new(Mutex::new(Board::new(waiting))),
            began: Instant::now(),
            looking: None,
            begun_lines: HashMap::new(),
        }
    }

    /// Shows an event that was recorded.
    pub fn show(&mut self, event: &RunEvent) {
        self.show_at(self.began.elapsed(), event);
    }

    /// `now`: since the run began.
    fn show_at(&mut self, now: Duration, event: &RunEvent) {
        match &event.kind {
            EventKind::Required { attempt, event } => self.show_of(Some(*attempt), &event.kind, now),
            kind => self.show_of(None, kind, now),
        }
    }

    fn show_of(&mut self, attempt: Option<AttemptId>, kind: &EventKind, now: Duration) {
        if let EventKind::TaskFinished { task, .. }
        | EventKind::TaskRetrying { task, .. }
        | EventKind::TaskPlanned { task, .. } = kind
            && let Some(rest) = self.begun_lines.remove(task)
        {
            self.console.output(&rest);
        }
        self.board.lock().unwrap_or_else(PoisonError::into_inner).take(attempt, kind, now);
        match kind {
            EventKind::Output { task, bytes } => self.output(task, bytes),
            EventKind::Log { task, level, text } => self.log(task.as_ref(), *level, text),
            EventKind::TaskRetrying { task, delay, failure, .. } => {
                let after = figures::duration(*delay);
                let text = format!("task `{task}` is tried again in {after}: {}", one_line(failure));
                self.console.log(Level::Warn, &shown::lines(&text));
            }
            EventKind::TaskFinished { task, state: TaskState::Error, failure: Some(failure), .. } => {
                // The summary tells all of it.
                let text = format!("task `{task}` failed: {}", one_line(failure));
                self.console.error(&shown::lines(&text));
            }
            EventKind::Notified { channel, failure: Some(failure), .. } => {
                let text = format!("the notification by {channel} was not delivered: {failure}");
                self.console.log(Level::Warn, &shown::lines(&text));
            }
            EventKind::Stopping { reason, grace } => {
                let grace = grace.map(|grace| {
                    let grace = figures::duration(grace);
                    format!("; what runs may go on for {grace}, a second signal ends it at once")
                });
                let text = format!("stopping: {reason}{}", grace.unwrap_or_default());
                self.console.log(Level::Warn, &text);
            }
            EventKind::TransferStarted { source, target, .. } => {
                self.plain(&format!("{source}: copying to {target}"));
            }
            EventKind::TransferFinished { report, .. } => self.plain(&format!(
                "{}: {}, {}, {} s",
                report.source,
                words::rows(report.rows_sent),
                figures::bytes(report.bytes),
                figures::seconds(report.seconds)
            )),
            _ => {}
        }
    }

    fn output(&mut self, task: &TaskName, bytes: &[u8]) {
        let line = self.begun_lines.entry(task.clone()).or_default();
        line.extend_from_slice(bytes);
        let end = match line.iter().rposition(|&byte| byte == b'\n') {
            Some(newline) => newline + 1,
            None if line.len() >= LONGEST_LINE => line.len(),
            None => return,
        };
        let whole: Vec<u8> = line.drain(..end).collect();
        self.console.output(&whole);
    }

    /// Takes the picture away. Lines after it need no room any more.
    pub fn finish(&mut self) {
        if let Some(looking) = self.looking.take() {
            looking.end();
        }
        if self.shape == Shape::Picture {
            self.console.draw(Vec::new(), self.console.err_size());
        }
        for (_, rest) in self.begun_lines.drain() {
            self.console.output(&rest);
        }
    }

    fn log(&self, task: Option<&TaskName>, level: Level, text: &str) {
        let is_shown = match level {
            Level::Debug => false,
            Level::Info => matches!(self.shape, Shape::Picture | Shape::Plain),
            Level::Warn | Level::Error => true,
        };
        if is_shown {
            match task {
                Some(task) => self.console.log(level, &shown::lines(&format!("{task}: {text}"))),
                None => self.console.log(level, &shown::lines(text)),
            }
        }
    }

    fn plain(&self, text: &str) {
        if self.shape == Shape::Plain {
            self.console.say(&shown::line(text));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn one_line(failure: &TaskFailure) -> String {
    failure
        .causes
        .last()
        .map_or_else(|| failure.message.clone(), |cause| format!("{}: {cause}", failure.message))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::console::tests::console;
    use super::*;
    use crate::run::event::FailureKind;
    use crate::transfer::gauge::{Extent, Gauge};
    use crate::transfer::report::TransferReport;

    fn task() -> TaskName {
        TaskName::from_full("+wf+a")
    }

    fn failure() -> TaskFailure {
        TaskFailure {
            message: "the load failed".into(),
            causes: vec!["quota".into(), "too many".into()],
            hint: Some("wait".into()),
            kind: FailureKind::Failed,
        }
    }

    #[test]
    fn a_notification_that_failed_is_a_warning() {
        let (console, _, err) = console(Results::Human);
        let failure = Some("could not be run: no such file".to_owned());
        let event = EventKind::Notified { channel: "shell".into(), failure, alert: None };
        Progress::new(&console, ProgressMode::Auto, Waiting::default())
            .show(&RunEvent { at: Timestamp::UNIX_EPOCH, kind: event });
        assert_eq!(
            err.text(),
            "warning: the notification by shell was not delivered: could not be run: no such file\n"
        );
    }

    fn events(gauge: &Gauge) -> Vec<RunEvent> {
        let (task, key) = (task(), String::from("k"));
        let report = TransferReport {
            source: "mysql shop.orders".into(),
            rows_sent: 1500,
            bytes: 4096,
            seconds: 21.04,
            ..TransferReport::default()
        };
        let kinds = [
            (0, EventKind::Output { task: task.clone(), bytes: b"printed\n".to_vec() }),
            (
                0,
                EventKind::TransferStarted {
                    task: task.clone(),
                    key: key.clone(),
                    source: "mysql shop.orders".into(),
                    target: "bigquery p.lake.orders".into(),
                    gauge: gauge.clone(),
                },
            ),
            (21, EventKind::TransferFinished { task: task.clone(), key: key.clone(), report }),
            (22, EventKind::Log { task: Some(task.clone()), level: Level::Info, text: "a note".into() }),
            (
                23,
                EventKind::TaskRetrying {
                    task: task.clone(),
                    round: 1,
                    delay: Duration::from_secs(3),
                    failure: failure(),
                },
            ),
            (
                30,
                EventKind::TaskFinished {
                    task: task.clone(),
                    state: TaskState::Error,
                    result: None,
                    failure: Some(failure()),
                },
            ),
        ];
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().expect("a time");
        kinds
            .into_iter()
            .map(|(after, kind)| RunEvent { at: start + Duration::from_secs(after), kind })
            .collect()
    }

    const BAD: &str = "warning: task `+wf+a` is tried again in 3.0s: the load failed: too many\n\
                       error: task `+wf+a` failed: the load failed: too many\n";

    #[test]
    fn plain_progress_is_some_lines_every_ten_seconds() {
        let (console, out, err) = console(Results::Human);
        let (waiting, gauge) = (Waiting::default(), Gauge::default());
        let mut progress = Progress::still(&console, ProgressMode::Auto, waiting);
        let mut window = Window::new(&console, progress.shape, &progress.board);
        for event in events(&gauge) {
            progress.show_at(Duration::ZERO, &event);
            if let EventKind::TransferStarted { .. } = event.kind {
                gauge.begin(Some(Extent::Rows(4_000)));
                for tenth in 1..=15 {
                    gauge.set(tenth * 100, 2_048);
                    window.look(Duration::from_secs(tenth), Timestamp::UNIX_EPOCH);
                }
            }
        }
        window.look(Duration::from_secs(30), Timestamp::UNIX_EPOCH);
        assert_eq!(out.text(), "printed\n");
        assert_eq!(
            err.text(),
            format!(
                "mysql shop.orders: copying to bigquery p.lake.orders\n\
                 running: mysql shop.orders: 1,000 rows, 2.0 KiB, 100 rows/s, 205 B/s, ~25%, ~30s left, 10s so far\n\
                 tables: 0 done, 1 running, 0 failed, 0 waiting; 1,000 rows, 2.0 KiB in 10s\n\
                 mysql shop.orders: 1,500 rows, 4.0 KiB, 21.0 s\n+wf+a: a note\n{BAD}"
            )
        );
    }

    #[test]
    fn lines_of_parallel_tasks_do_not_mix() {
        let (console, out, _) = console(Results::Human);
        let mut progress = Progress::still(&console, ProgressMode::Auto, Waiting::default());
        let at = "2026-01-02T03:04:05Z".parse().expect("a time");
        let mut show = |kind| progress.show(&RunEvent { at, kind });
        let (a, b) = (TaskName::from_full("+wf+a"), TaskName::from_full("+wf+b"));
        let mut print = |task: &TaskName, text: &str| {
            show(EventKind::Output { task: task.clone(), bytes: text.into() });
        };
        print(&a, "a1\na2 be");
        print(&b, "b1\nb2");
        print(&a, "gun\n");
        assert_eq!(out.text(), "a1\nb1\na2 begun\n");
        show(EventKind::TaskFinished { task: b, state: TaskState::Success, result: None, failure: None });
        assert_eq!(out.text(), "a1\nb1\na2 begun\nb2");
    }

    #[test]
    fn silence_still_says_what_goes_wrong() {
        for (results, mode) in [(Results::Human, ProgressMode::None), (Results::Json, ProgressMode::Plain)] {
            let (console, _, err) = console(results);
            let mut progress = Progress::new(&console, mode, Waiting::default());
            events(&Gauge::default()).iter().for_each(|event| progress.show(event));
            assert_eq!(err.text(), BAD);
        }
    }
}
