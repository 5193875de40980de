//! The report for people: what ran, what it copied, what the copies changed, what failed and how to go on.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

use super::AttemptReport;
use crate::report::console::Style;
use crate::report::figures;
use crate::report::shown;
use crate::report::status;
use crate::report::table::{Align, Cell, Table};
use crate::run::event::TaskFailure;
use crate::state::TransferRecord;
use crate::transfer::report::{TransferReport, policy_lines};

impl AttemptReport {
    /// The whole text. Tables are as wide as what stands in them: a line is a task or a transfer, whatever the terminal.
    pub fn text(&self, zone: &TimeZone, colors: bool) -> String {
        let mut text = self.head(zone);
        for table in [self.task_table(zone), self.transfer_table()] {
            if !table.is_empty() {
                text.push('\n');
                text.push_str(&table.render(colors));
            }
        }
        for part in [self.notes(), self.failures()] {
            if !part.is_empty() {
                text.push('\n');
                text.push_str(&part);
            }
        }
        if self.retry_command.is_some() {
            text.push('\n');
            text.push_str(&self.retry_line());
        }
        text
    }

    /// What runs the rest, in a line; nothing where nothing is left.
    pub fn retry_line(&self) -> String {
        self.retry_command
            .as_ref()
            .map(|command| format!("`{command}` runs what is left\n"))
            .unwrap_or_default()
    }

    fn head(&self, zone: &TimeZone) -> String {
        let (session, attempt) = (&self.session, self.attempt());
        let clock = |at: Timestamp| status::clock(at, zone);
        let mut text = format!(
            "session {} of {}, {}\nattempt {} ({}): {}",
            session.id,
            session.workflow,
            session.session_time,
            attempt.id,
            attempt.kind,
            self.standing.word()
        );
        if let Some(number) = self.signal() {
            text.push_str(&format!(" by signal {number}"));
        }
        text.push_str(&format!(", started {}", clock(attempt.started_at)));
        if let (Some(at), Some(seconds)) = (self.finished_at(), self.seconds()) {
            let took = Duration::try_from_secs_f64(seconds).map(figures::duration).unwrap_or_default();
            text.push_str(&format!(", ended {} after {took}", clock(at)));
        }
        text.push('\n');
        for (name, value) in &attempt.params {
            let value = value.as_str().map_or_else(|| value.to_string(), shown::line);
            text.push_str(&format!("parameter {name}: {value}\n"));
        }
        for name in &attempt.secret_params {
            text.push_str(&format!("parameter {name}: a secret, not kept\n"));
        }
        text
    }

    fn task_table(&self, zone: &TimeZone) -> Table {
        let mut table = Table::new(&[
            ("TASK", Align::Left),
            ("OPERATOR", Align::Left),
            ("STATE", Align::Left),
            ("TRIES", Align::Right),
            ("STARTED", Align::Left),
            ("SECONDS", Align::Right),
        ]);
        for task in &self.tasks {
            table.row([
                Cell::from(task.name.as_str()),
                Cell::from(task.operator.as_ref().map(|name| format!("{name}>")).unwrap_or_default()),
                status::state_cell(task.state),
                Cell::from(task.round.to_string()),
                Cell::from(task.started_at.map(|at| status::clock(at, zone)).unwrap_or_default()),
                Cell::from(status::task_seconds(task).map(figures::seconds).unwrap_or_default()),
            ]);
        }
        table
    }

    fn transfer_table(&self) -> Table {
        let mut table = Table::new(&[
            ("FROM", Align::Left),
            ("TO", Align::Left),
            ("STATE", Align::Left),
            ("SNAPSHOT", Align::Left),
            ("READ", Align::Right),
            ("SENT", Align::Right),
            ("LOADED", Align::Right),
            ("BYTES", Align::Right),
            ("SECONDS", Align::Right),
        ]);
        for transfer in self.by_source() {
            let figure = |of: fn(&TransferReport) -> String| {
                Cell::from(transfer.report.as_ref().map(of).unwrap_or_default())
            };
            table.row([
                Cell::from(transfer.source.as_str()),
                Cell::from(transfer.target.as_str()),
                status::transfer_cell(transfer.state),
                figure(|report| report.snapshot.clone()),
                figure(|report| figures::count(report.rows_read)),
                figure(|report| figures::count(report.rows_sent)),
                figure(|report| report.rows_loaded.map(figures::count).unwrap_or_default()),
                figure(|report| figures::bytes(report.bytes)),
                figure(|report| figures::seconds(report.seconds)),
            ]);
        }
        if self.transfers.len() > 1 {
            let totals = self.totals();
            let bold = |text: String| Cell::styled(text, Style::Bold);
            table.row([
                bold(format!("{} in all", self.transfers.len())),
                Cell::from(""),
                Cell::from(""),
                Cell::from(""),
                bold(figures::count(totals.rows_read)),
                bold(figures::count(totals.rows_sent)),
                bold(totals.rows_loaded.map(figures::count).unwrap_or_default()),
                bold(figures::bytes(totals.bytes)),
            ]);
        }
        table
    }

    /// Transfers that run at once began in any order.
    fn by_source(&self) -> Vec<&TransferRecord> {
        let mut transfers: Vec<&TransferRecord> = self.transfers.iter().collect();
        transfers.sort_by(|left, right| (&left.source, &left.target).cmp(&(&right.source, &right.target)));
        transfers
    }

    fn notes(&self) -> String {
        let reports = self.by_source().into_iter().filter_map(|transfer| transfer.report.as_ref());
        let lines = reports.flat_map(|report| {
            let policy = policy_lines(&report.policy).into_iter().map(|(_, line)| line);
            let notes = report.notes.iter().cloned().chain(policy);
            notes.map(move |note| format!("{}: {}\n", report.source, shown::line(&note)))
        });
        lines.collect()
    }

    /// What failed and why, a line for each failure and one for each of its causes.
    pub fn failures(&self) -> String {
        self.failed().into_iter().map(|failed| told_of(failed.name, failed.failure)).collect()
    }
}

fn told_of(name: &str, failure: &TaskFailure) -> String {
    let mut text = format!("{name}: {}\n", shown::line(&failure.message));
    for cause in &failure.causes {
        text.push_str(&format!("  cause: {}\n", shown::line(cause)));
    }
    if let Some(hint) = &failure.hint {
        text.push_str(&format!("  hint: {}\n", shown::line(hint)));
    }
    text
}
