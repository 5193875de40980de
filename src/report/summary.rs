//! What is said when a run is over: what was copied, what failed and why, and the command that goes on.

use std::collections::BTreeMap;

use super::console::{Console, Style};
use super::figures;
use super::shown;
use super::table::{Align, Cell, Table};
use super::tasklog::TaskLogSummary;
use crate::run::FailedTask;
use crate::run::event::{AttemptOutcome, EventKind, RunEvent};
use crate::session::Level;
use crate::transfer::report::{TransferReport, policy_lines};

/// So many logs that stayed on disk are named; the others are counted.
const NAMED_LOGS: usize = 5;

/// Collects what the summary says.
#[derive(Debug, Default)]
pub struct Summary {
    transfers: BTreeMap<String, TransferReport>,
    /// Why the run was asked to stop.
    stopping: Option<String>,
    /// It did stop before all was done.
    stopped: bool,
}

/// What the summary has to know of the end.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// The command that runs what is left, ready to be pasted; none where nothing is remembered.
    pub retry_command: Option<&'a str>,
    /// The tasks that failed in the end, with their causes.
    pub failures: &'a [FailedTask],
    /// Those that were allowed to.
    pub tolerated: &'a [FailedTask],
    /// What became of the logs.
    pub logs: &'a TaskLogSummary,
}

impl Summary {
    /// Nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event in.
    pub fn show(&mut self, event: &RunEvent) {
        match &event.kind {
            EventKind::TransferFinished { key, report, .. } => {
                self.transfers.insert(key.clone(), report.clone());
            }
            EventKind::Stopping { reason, .. } => self.stopping = Some(reason.clone()),
            EventKind::AttemptFinished { outcome } => {
                self.stopped = matches!(outcome, AttemptOutcome::Signal(_));
            }
            _ => {}
        }
    }

    /// How many transfers ended well.
    pub fn transfer_count(&self) -> usize {
        self.transfers.len()
    }

    /// What was copied; by source, with a line for all of them.
    pub fn table(&self) -> Table {
        let mut table = Table::new(&[
            ("FROM", Align::Left),
            ("TO", Align::Left),
            ("ROWS", Align::Right),
            ("BYTES", Align::Right),
            ("SECONDS", Align::Right),
        ]);
        let mut reports: Vec<&TransferReport> = self.transfers.values().collect();
        reports.sort_by(|left, right| (&left.source, &left.target).cmp(&(&right.source, &right.target)));
        for report in &reports {
            table.row([
                Cell::from(report.source.as_str()),
                Cell::from(report.target.as_str()),
                Cell::from(figures::count(report.rows_sent)),
                Cell::from(figures::bytes(report.bytes)),
                Cell::from(figures::seconds(report.seconds)),
            ]);
        }
        if reports.len() > 1 {
            let sum = |of: fn(&TransferReport) -> u64| reports.iter().map(|report| of(report)).sum::<u64>();
            table.row([
                Cell::styled(format!("{} in all", reports.len()), Style::Bold),
                Cell::from(""),
                Cell::styled(figures::count(sum(|report| report.rows_sent)), Style::Bold),
                Cell::styled(figures::bytes(sum(|report| report.bytes)), Style::Bold),
            ]);
        }
        table
    }

    /// Prints it: the table on stdout, notes and failures on stderr.
    pub fn print(&self, console: &Console, end: End<'_>) {
        let table = self.table();
        if !table.is_empty() {
            let colors = console.out_colors();
            console.result(&match console.out_width() {
                Some(width) => table.render_within(width, colors),
                None => table.render(colors),
            });
        }
        for report in self.transfers.values() {
            for note in &report.notes {
                console.log(Level::Info, &shown::lines(&format!("{}: {note}", report.source)));
            }
            for (level, line) in policy_lines(&report.policy) {
                console.log(level, &shown::lines(&format!("{}: {line}", report.source)));
            }
        }
        print_logs(console, end.logs);
        if !end.tolerated.is_empty() {
            let what = "failed, and the run went on (`_continue_on_failure`)";
            console.log(Level::Warn, &listed(what, end.tolerated));
        }
        self.print_failures(console, end);
    }

    fn print_failures(&self, console: &Console, end: End<'_>) {
        let End { retry_command, failures, .. } = end;
        let left = retry_command.map(|command| format!("`{command}` runs what is left"));
        if self.stopped {
            let reason = self.stopping.as_deref().unwrap_or("a signal");
            let recorded = if left.is_some() { "; what is done is recorded" } else { "" };
            let hint = left.as_deref().filter(|_| failures.is_empty());
            console.failure(&format!("stopped by {reason}{recorded}"), &[], hint);
        }
        if failures.is_empty() {
            return;
        }
        let done = match self.transfers.len() {
            0 => String::new(),
            1 => "1 transfer is done; ".to_owned(),
            count => format!("{count} transfers are done; "),
        };
        let hint = left.map(|left| format!("{done}{left}"));
        console.failure(&listed("failed", failures), &[], hint.as_deref());
    }
}

/// So many tasks, each with its causes.
fn listed(what: &str, tasks: &[FailedTask]) -> String {
    let mut text = match tasks.len() {
        1 => format!("1 task {what}"),
        count => format!("{count} tasks {what}"),
    };
    for FailedTask { name, failure } in tasks {
        text.push_str(&format!("\n  {name}: {}", failure.message));
        for cause in &failure.causes {
            text.push_str(&format!("\n    cause: {cause}"));
        }
        if let Some(hint) = &failure.hint {
            text.push_str(&format!("\n    hint: {hint}"));
        }
    }
    shown::lines(&text)
}

fn print_logs(console: &Console, logs: &TaskLogSummary) {
    if let Some(disk) = &logs.disk {
        console.log(Level::Warn, disk);
    }
    let kept = &logs.upload.kept;
    let Some(first) = kept.first() else { return };
    let reports = kept.iter().filter(|log| log.is_report()).count();
    let counted =
        [(kept.len() - reports, "task log"), (reports, "report")].map(|(count, what)| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            count => Some(format!("{count} {what}s")),
        });
    let count = counted.into_iter().flatten().collect::<Vec<_>>().join(" and ");
    let mut text = format!(
        "{count} could not be sent to the log server ({}); kept on disk, the next run sends them",
        first.reason
    );
    for log in kept.iter().take(NAMED_LOGS) {
        text.push_str(&format!("\n  {}", log.path.display()));
    }
    if kept.len() > NAMED_LOGS {
        text.push_str(&format!("\n  and {} more", kept.len() - NAMED_LOGS));
    }
    console.log(Level::Warn, &text);
}

#[cfg(test)]
mod tests {
    use super::super::console::Results;
    use super::super::console::tests::console;
    use super::super::tasklog::{KeptLog, UploadSummary};
    use super::*;
    use crate::run::event::{FailureKind, TaskFailure};
    use crate::session::TaskName;

    fn event(kind: EventKind) -> RunEvent {
        RunEvent { at: "2026-01-02T03:04:05Z".parse().expect("a time"), kind }
    }

    fn copied(table: &str, rows: u64) -> RunEvent {
        event(EventKind::TransferFinished {
            task: TaskName::from_full(format!("+wf+{table}")),
            key: table.to_owned(),
            report: TransferReport {
                source: format!("mysql shop.{table}"),
                target: format!("bigquery p.lake.{table}"),
                rows_sent: rows,
                bytes: rows * 10,
                seconds: 1.25,
                ..TransferReport::default()
            },
        })
    }

    fn failed(task: &str) -> FailedTask {
        let failure = TaskFailure {
            message: "the transfer failed".into(),
            causes: vec!["SELECT command denied".into()],
            hint: (task == "+wf+a").then(|| "grant it".to_owned()),
            kind: FailureKind::Failed,
        };
        FailedTask { name: TaskName::from_full(task), failure }
    }

    fn printed(events: &[RunEvent], end: End<'_>) -> (String, String) {
        let (console, out, err) = console(Results::Human);
        let mut summary = Summary::new();
        events.iter().for_each(|event| summary.show(event));
        summary.print(&console, end);
        (out.text(), err.text())
    }

    fn end<'a>(failures: &'a [FailedTask], logs: &'a TaskLogSummary) -> End<'a> {
        End { retry_command: Some("sync retry --session 42"), failures, tolerated: &[], logs }
    }

    #[test]
    fn a_good_run_ends_with_a_table() {
        let logs = TaskLogSummary::default();
        let (out, err) = printed(&[copied("orders", 20_000), copied("items", 0)], end(&[], &logs));
        assert_eq!(
            out,
            "FROM               TO                        ROWS      BYTES  SECONDS\n\
             mysql shop.items   bigquery p.lake.items        0        0 B      1.2\n\
             mysql shop.orders  bigquery p.lake.orders  20,000  195.3 KiB      1.2\n\
             2 in all                                   20,000  195.3 KiB\n"
                .replace(
                    "TO                      ROWS      BYTES",
                    "TO                        ROWS      BYTES"
                )
        );
        assert_eq!(err, "");
    }

    #[test]
    fn a_bad_run_names_what_failed_and_how_to_go_on() {
        let logs = TaskLogSummary::default();
        let (_, err) = printed(&[copied("orders", 1)], end(&[failed("+wf+a"), failed("+wf+b")], &logs));
        assert_eq!(
            err,
            "error: 2 tasks failed\n  +wf+a: the transfer failed\n    cause: SELECT command denied\n    hint: grant it\n  \
             +wf+b: the transfer failed\n    cause: SELECT command denied\n\
             hint: 1 transfer is done; `sync retry --session 42` runs what is left\n"
        );
    }

    #[test]
    fn what_is_done_is_counted_beside_what_failed() {
        let logs = TaskLogSummary::default();
        let (_, err) = printed(
            &[copied("orders", 1), copied("items", 1)],
            end(&[failed("+wf+b"), failed("+wf+a")], &logs),
        );
        assert_eq!(
            err,
            "error: 2 tasks failed\n  +wf+b: the transfer failed\n    cause: SELECT command denied\n  \
             +wf+a: the transfer failed\n    cause: SELECT command denied\n    hint: grant it\n\
             hint: 2 transfers are done; `sync retry --session 42` runs what is left\n"
        );
    }

    #[test]
    fn tasks_that_may_fail_are_told_and_nothing_is_left() {
        let logs = TaskLogSummary::default();
        let (_, err) = printed(&[], End { tolerated: &[failed("+wf+b")], ..end(&[], &logs) });
        assert_eq!(
            err,
            "warning: 1 task failed, and the run went on (`_continue_on_failure`)\n  +wf+b: the transfer failed\n    \
             cause: SELECT command denied\n"
        );
    }

    #[test]
    fn a_stopped_run_says_so_and_how_to_go_on() {
        let stopping = event(EventKind::Stopping { reason: "SIGTERM".into(), grace: None });
        let stopped = event(EventKind::AttemptFinished { outcome: AttemptOutcome::Signal(15) });
        let logs = TaskLogSummary::default();
        let (_, err) = printed(&[stopping.clone(), stopped.clone()], end(&[], &logs));
        assert_eq!(
            err,
            "error: stopped by SIGTERM; what is done is recorded\n\
             hint: `sync retry --session 42` runs what is left\n"
        );
        let (_, err) = printed(&[stopping, stopped], end(&[failed("+wf+a")], &logs));
        assert_eq!(
            err,
            "error: stopped by SIGTERM; what is done is recorded\nerror: 1 task failed\n  \
             +wf+a: the transfer failed\n    cause: SELECT command denied\n    hint: grant it\n\
             hint: `sync retry --session 42` runs what is left\n"
        );
    }

    #[test]
    fn a_run_that_is_not_remembered_offers_no_retry() {
        let logs = TaskLogSummary::default();
        let (_, err) = printed(&[], End { retry_command: None, ..end(&[failed("+wf+b")], &logs) });
        assert_eq!(
            err,
            "error: 1 task failed\n  +wf+b: the transfer failed\n    cause: SELECT command denied\n"
        );
    }

    #[test]
    fn logs_that_stay_are_named() {
        let kept = (0..7)
            .map(|number| KeptLog { path: format!("/p/{number}.log").into(), reason: "no bucket".into() })
            .collect();
        let logs =
            TaskLogSummary { upload: UploadSummary { sent_count: 0, kept }, disk: Some("disk full".into()) };
        let (_, err) = printed(&[], end(&[], &logs));
        assert_eq!(
            err,
            "warning: disk full\n\
             warning: 7 task logs could not be sent to the log server (no bucket); kept on disk, the next run sends \
             them\n  /p/0.log\n  /p/1.log\n  /p/2.log\n  /p/3.log\n  /p/4.log\n  and 2 more\n"
        );
    }
}
