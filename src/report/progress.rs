//! What people see while a run works: bars on a terminal, a line every ten seconds elsewhere, and in both what tasks
//! print and what goes wrong.

mod bars;

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::console::{Console, Results};
use super::figures;
use crate::run::event::{EventKind, RunEvent, TaskFailure};
use crate::session::{Level, TaskName, TaskState};
use bars::Bars;

/// Between two lines of plain progress.
const PLAIN_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProgressMode {
    /// Bars where the terminal can redraw lines, else plain lines.
    #[default]
    Auto,
    /// Bars; plain lines where no terminal could show them.
    Bars,
    /// A line for each transfer that begins and ends, and one every ten seconds.
    Plain,
    /// Nothing but what goes wrong.
    None,
}

/// A line that a task began is printed in pieces from this length on.
const LONGEST_LINE: usize = 64 * 1024;

/// A transfer that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Running {
    key: String,
    source: String,
    rows: u64,
    bytes: u64,
}

enum Shape {
    Bars(Bars),
    Plain { shown_at: Option<Timestamp> },
    Silent,
}

/// Shows events as they come.
pub struct Progress {
    console: Console,
    shape: Shape,
    running: Vec<Running>,
    /// What tasks printed without a line's end yet: the lines of parallel tasks must not mix.
    begun_lines: HashMap<TaskName, Vec<u8>>,
    finished_count: u64,
    finished_rows: u64,
}

impl Progress {
    /// Under JSON nothing is shown but what goes wrong.
    pub fn new(console: &Console, mode: ProgressMode) -> Self {
        let shape = match mode {
            _ if console.results() == Results::Json => Shape::Silent,
            ProgressMode::None => Shape::Silent,
            ProgressMode::Auto | ProgressMode::Bars if console.can_redraw() => {
                Shape::Bars(Bars::new(console))
            }
            ProgressMode::Auto | ProgressMode::Bars | ProgressMode::Plain => Shape::Plain { shown_at: None },
        };
        Self {
            console: console.clone(),
            shape,
            running: Vec::new(),
            begun_lines: HashMap::new(),
            finished_count: 0,
            finished_rows: 0,
        }
    }

    /// Shows an event that was recorded.
    pub fn show(&mut self, event: &RunEvent) {
        if let EventKind::TaskFinished { task, .. }
        | EventKind::TaskRetrying { task, .. }
        | EventKind::TaskPlanned { task, .. } = &event.kind
            && let Some(rest) = self.begun_lines.remove(task)
        {
            self.console.output(&rest);
        }
        match &event.kind {
            EventKind::Output { task, bytes } => self.output(task, bytes),
            EventKind::Log { task, level, text } => self.log(task.as_ref(), *level, text),
            EventKind::TaskRetrying { task, delay, failure, .. } => {
                let after = figures::duration(*delay);
                self.console.log(
                    Level::Warn,
                    &format!("task `{task}` is tried again in {after}: {}", one_line(failure)),
                );
            }
            EventKind::TaskFinished { task, state: TaskState::Error, failure: Some(failure), .. } => {
                // The summary tells all of it.
                self.console.error(&format!("task `{task}` failed: {}", one_line(failure)));
            }
            EventKind::Notified { channel, failure: Some(failure), .. } => {
                self.console
                    .log(Level::Warn, &format!("the notification by {channel} was not delivered: {failure}"));
            }
            EventKind::Stopping { reason, grace } => {
                let grace = grace.map(|grace| {
                    let grace = figures::duration(grace);
                    format!("; what runs may go on for {grace}, a second signal ends it at once")
                });
                let text = format!("stopping: {reason}{}", grace.unwrap_or_default());
                self.console.log(Level::Warn, &text);
            }
            kind => self.transfer(event.at, kind),
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

    /// Takes the bars away. Lines after it need no room any more.
    pub fn finish(&mut self) {
        for (_, rest) in self.begun_lines.drain() {
            self.console.output(&rest);
        }
        if let Shape::Bars(bars) = &mut self.shape {
            bars.clear(&self.console);
        }
    }

    fn log(&self, task: Option<&TaskName>, level: Level, text: &str) {
        let is_shown = match level {
            Level::Debug => false,
            Level::Info => !matches!(self.shape, Shape::Silent),
            Level::Warn | Level::Error => true,
        };
        if is_shown {
            match task {
                Some(task) => self.console.log(level, &format!("{task}: {text}")),
                None => self.console.log(level, text),
            }
        }
    }

    fn transfer(&mut self, at: Timestamp, kind: &EventKind) {
        match kind {
            EventKind::TransferStarted { key, source, target, .. } => {
                self.running.retain(|running| running.key != *key);
                self.running.push(Running { key: key.clone(), source: source.clone(), rows: 0, bytes: 0 });
                self.plain(&format!("{source}: copying to {target}"));
            }
            EventKind::TransferProgress { key, rows, bytes, .. } => {
                if let Some(running) = self.running.iter_mut().find(|running| running.key == *key) {
                    (running.rows, running.bytes) = (*rows, *bytes);
                }
            }
            EventKind::TransferFinished { key, report, .. } => {
                self.end(key);
                self.finished_count += 1;
                self.finished_rows += report.rows_sent;
                self.plain(&format!(
                    "{}: {} rows, {}, {} s",
                    report.source,
                    figures::count(report.rows_sent),
                    figures::bytes(report.bytes),
                    figures::seconds(report.seconds)
                ));
            }
            EventKind::TransferFailed { key, .. } => self.end(key),
            _ => {}
        }
        self.redraw(at);
    }

    fn end(&mut self, key: &str) {
        self.running.retain(|running| running.key != key);
    }

    fn plain(&self, text: &str) {
        if matches!(self.shape, Shape::Plain { .. }) {
            self.console.say(text);
        }
    }

    fn redraw(&mut self, at: Timestamp) {
        match &mut self.shape {
            Shape::Silent => {}
            Shape::Bars(bars) => bars.draw(&self.running, self.finished_count, self.finished_rows),
            Shape::Plain { shown_at } => {
                let since = *shown_at.get_or_insert(at);
                if at.duration_since(since) >= PLAIN_INTERVAL {
                    *shown_at = Some(at);
                    for running in &self.running {
                        self.console.say(&format!(
                            "{}: {} rows, {} so far",
                            running.source,
                            figures::count(running.rows),
                            figures::bytes(running.bytes)
                        ));
                    }
                }
            }
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
    use std::time::Duration;

    use super::super::console::tests::console;
    use super::*;
    use crate::run::event::FailureKind;
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
        Progress::new(&console, ProgressMode::Auto)
            .show(&RunEvent { at: Timestamp::UNIX_EPOCH, kind: event });
        assert_eq!(
            err.text(),
            "warning: the notification by shell was not delivered: could not be run: no such file\n"
        );
    }

    fn events() -> Vec<RunEvent> {
        let (task, key) = (task(), String::from("k"));
        let progress =
            |rows| EventKind::TransferProgress { task: task.clone(), key: key.clone(), rows, bytes: 2048 };
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
                },
            ),
            (5, progress(500)),
            (10, progress(1000)),
            (15, progress(1200)),
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
    fn plain_progress_is_a_line_every_ten_seconds() {
        let (console, out, err) = console(Results::Human);
        let mut progress = Progress::new(&console, ProgressMode::Auto);
        events().iter().for_each(|event| progress.show(event));
        assert_eq!(out.text(), "printed\n");
        assert_eq!(
            err.text(),
            format!(
                "mysql shop.orders: copying to bigquery p.lake.orders\n\
                 mysql shop.orders: 1,000 rows, 2.0 KiB so far\n\
                 mysql shop.orders: 1,500 rows, 4.0 KiB, 21.0 s\n+wf+a: a note\n{BAD}"
            )
        );
    }

    #[test]
    fn lines_of_parallel_tasks_do_not_mix() {
        let (console, out, _) = console(Results::Human);
        let mut progress = Progress::new(&console, ProgressMode::Auto);
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
            let mut progress = Progress::new(&console, mode);
            events().iter().for_each(|event| progress.show(event));
            assert_eq!(err.text(), BAD);
        }
    }
}
