//! The tables of `sync status`, as wide as the terminal has room for.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::console::Style;
use super::super::figures;
use super::super::live::progress_of;
use super::super::table::{Align, Cell, Table};
use super::{Seen, Standing, clock, since};
use crate::session::TaskState;
use crate::state::{Progress, TaskRecord, TransferName, TransferRecord, TransferState};

/// How much of a time is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// All of it.
    Full,
    /// Without year and seconds: for terminals that are too narrow.
    Short,
}

/// Where times are shown: the zone, what it is now, and how much there is room for.
#[derive(Debug, Clone)]
pub struct Clock {
    pub zone: TimeZone,
    pub now: Timestamp,
    pub detail: Detail,
}

impl Clock {
    /// The clock of the process, in full.
    pub fn of_process() -> Self {
        Self { zone: TimeZone::system(), now: Timestamp::now(), detail: Detail::Full }
    }

    /// A column of times, which says of which zone they are.
    fn title(&self, name: &str) -> String {
        let now = self.now.to_zoned(self.zone.clone());
        let zone = match (self.detail, self.zone.iana_name()) {
            (Detail::Full, Some(name)) => name.to_owned(),
            (Detail::Full, None) => now.strftime("%:z").to_string(),
            (Detail::Short, _) => now.strftime("%Z").to_string(),
        };
        format!("{name} ({zone})")
    }

    fn time(&self, at: Timestamp) -> String {
        match self.detail {
            Detail::Full => clock(at, &self.zone),
            Detail::Short => at.to_zoned(self.zone.clone()).strftime("%m-%d %H:%M").to_string(),
        }
    }

    /// A session time, which is in the zone of its workflow: both forms go with `--session`.
    fn session_time(&self, text: &str) -> String {
        match (self.detail, text.split_once('T')) {
            (Detail::Short, Some((day, time))) => match time.get(.."hh:mm:ss".len()) {
                None | Some("00:00:00") => day.to_owned(),
                Some(time) => format!("{day} {time}"),
            },
            _ => text.to_owned(),
        }
    }

    /// From a start to its end, or until now.
    fn took(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> String {
        since(from, to.unwrap_or(self.now)).map(figures::duration).unwrap_or_default()
    }
}

/// A table as it fits into so many columns: with short times where those in full are too wide, then with shortened names.
pub fn fitted(of: impl Fn(&Clock) -> Table, clock: &Clock, width: Option<usize>, colors: bool) -> String {
    let full = of(clock);
    if width.is_none_or(|width| full.width() <= width) {
        return full.render(colors);
    }
    of(&Clock { detail: Detail::Short, ..clock.clone() }).render_fit(width, colors)
}

/// Sessions, in the order given.
pub fn sessions(seen: &[Seen], clock: &Clock) -> Table {
    let started = clock.title("STARTED");
    let is_full = clock.detail == Detail::Full;
    let has_slow = seen.iter().any(|seen| seen.slow.is_some());
    let mut titles = vec![
        ("SESSION", Align::Right),
        ("WORKFLOW", Align::Left),
        ("SESSION TIME", Align::Left),
        ("STATE", Align::Left),
    ];
    titles.extend(is_full.then_some(("ATTEMPTS", Align::Right)));
    titles.extend([(started.as_str(), Align::Left), ("TOOK", Align::Right)]);
    titles.extend(has_slow.then_some(("NOTE", Align::Left)));
    let mut table = Table::new(&titles).shortening(&["WORKFLOW"]);
    for Seen { record, slow, .. } in seen {
        let attempt = &record.attempt;
        let standing = Standing::of(attempt);
        let mut cells = vec![
            Cell::from(record.id.to_string()),
            Cell::from(record.workflow.as_str()),
            Cell::from(clock.session_time(&record.session_time)),
            standing.cell(),
        ];
        cells.extend(is_full.then(|| Cell::from(record.attempt_count.to_string())));
        cells.push(Cell::from(clock.time(attempt.started_at)));
        cells.push(Cell::from(match standing {
            // Nobody knows when it ended.
            Standing::Lost => String::new(),
            _ => clock.took(Some(attempt.started_at), attempt.finished_at),
        }));
        cells.extend(slow.map(|slow| {
            let usually = format!(": usually {}", figures::duration(slow.median));
            Cell::styled(format!("slow{}", if is_full { &usually } else { "" }), Style::Yellow)
        }));
        table.row(cells);
    }
    table
}

/// The tasks of a session.
pub fn tasks(records: &[TaskRecord], clock: &Clock) -> Table {
    let started = clock.title("STARTED");
    let mut table = Table::new(&[
        ("TASK", Align::Left),
        ("OPERATOR", Align::Left),
        ("STATE", Align::Left),
        ("TRIES", Align::Right),
        (&started, Align::Left),
        ("TOOK", Align::Right),
    ])
    .shortening(&["TASK"]);
    for record in records {
        let took = if record.state == TaskState::Canceled {
            // When it ended is not known for certain.
            String::new()
        } else {
            clock.took(record.started_at, record.finished_at)
        };
        table.row([
            Cell::from(record.name.as_str()),
            Cell::from(record.operator.as_ref().map(|name| format!("{name}>")).unwrap_or_default()),
            state_cell(record.state),
            Cell::from(record.round.to_string()),
            Cell::from(record.started_at.map(|at| clock.time(at)).unwrap_or_default()),
            Cell::from(took),
        ]);
    }
    table
}

/// The tables that a session copied or copies, these as far as they are.
pub fn transfers(
    records: &[TransferRecord],
    progress: &BTreeMap<TransferName, Progress>,
    clock: &Clock,
) -> Table {
    let mut table = Table::new(&[
        ("FROM", Align::Left),
        ("TO", Align::Left),
        ("STATE", Align::Left),
        ("ROWS", Align::Right),
        ("BYTES", Align::Right),
        ("TOOK", Align::Right),
    ])
    .shortening(&["FROM", "TO"]);
    for record in records {
        let so_far = progress_of(record, progress).map(|so_far| (so_far.rows, so_far.bytes));
        let report = record.report.as_ref();
        let figures = report.map(|report| (report.rows_sent, report.bytes)).or(so_far);
        let took = match (report, record.state) {
            (Some(report), _) => {
                Duration::try_from_secs_f64(report.seconds).map(figures::duration).unwrap_or_default()
            }
            (None, TransferState::Running) => clock.took(Some(record.started_at), None),
            (None, _) => String::new(),
        };
        table.row([
            Cell::from(record.source.as_str()),
            Cell::from(record.target.as_str()),
            transfer_cell(record.state),
            Cell::from(figures.map(|(rows, _)| figures::count(rows)).unwrap_or_default()),
            Cell::from(figures.map(|(_, bytes)| figures::bytes(bytes)).unwrap_or_default()),
            Cell::from(took),
        ]);
    }
    table
}

pub(in crate::report) fn transfer_cell(state: TransferState) -> Cell {
    match state {
        TransferState::Running => Cell::from(state.word()),
        TransferState::Success => Cell::styled(state.word(), Style::Green),
        TransferState::Error => Cell::styled(state.word(), Style::Red),
    }
}

pub(in crate::report) fn state_cell(state: TaskState) -> Cell {
    match state {
        TaskState::Success => Cell::styled(state.word(), Style::Green),
        TaskState::Error | TaskState::GroupError => Cell::styled(state.word(), Style::Red),
        TaskState::RetryWaiting | TaskState::Canceled => Cell::styled(state.word(), Style::Yellow),
        _ => Cell::from(state.word()),
    }
}

#[cfg(test)]
mod tests;
