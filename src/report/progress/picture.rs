//! The picture of a run: the tables at a moment as lines of a terminal. Pure: what it shows is what it is given.

use std::time::Duration;

use super::super::console::Style;
use super::super::{figures, shown};
use super::board::{Counts, Snapshot};
use super::words;
use crate::report::screen::Size;

/// Between columns.
const GAP: usize = 2;

/// Names are not made narrower than this, or than a sixth of the terminal, as long as something else can go.
const NARROWEST: usize = 8;

/// `1m05s`
const CLOCK: usize = 5;

/// A line of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// What it begins with, in its style.
    word: &'static str,
    style: Style,
    rest: String,
}

impl Line {
    /// As it stands on a terminal.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.word, self.rest)
    }

    /// The same in colours, when `enabled`.
    pub(super) fn painted(&self, enabled: bool) -> String {
        if self.word.is_empty() {
            self.rest.clone()
        } else {
            self.style.paint(self.word, enabled) + &self.rest
        }
    }
}

/// How the tables stand at `now`, in at most so many lines, none of which is wider than the terminal. No lines where no
/// table is known. The slowest that are done come first, then those that failed and those that run, and what they sum up
/// to is last.
pub(super) fn picture(snapshot: &Snapshot, size: Size, now: Duration) -> Vec<Line> {
    if snapshot.counts == Counts::default() || size.height == 0 || size.width == 0 {
        return Vec::new();
    }
    let rows = rows(snapshot, size.height - 1, now);
    let layout = Layout::of(&rows, size.width);
    let mut lines: Vec<Line> = rows.iter().map(|row| layout.line(row)).collect();
    lines.push(unmarked(summary(snapshot, size.width, now)));
    lines
}

fn unmarked(rest: String) -> Line {
    Line { word: "", style: Style::Dim, rest }
}

/// The word that a line begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Slowest,
    Failed,
    Running,
}

impl Mark {
    fn word(self) -> &'static str {
        match self {
            Self::Slowest => "slowest",
            Self::Failed => "failed ",
            Self::Running => "running",
        }
    }

    /// Where there is no room for the word.
    fn sign(self) -> &'static str {
        match self {
            Self::Slowest => "=",
            Self::Failed => "!",
            Self::Running => ">",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Slowest => Style::Dim,
            Self::Failed => Style::Red,
            Self::Running => Style::Green,
        }
    }
}

/// What a line shows.
enum Row {
    Table {
        mark: Mark,
        name: String,
        cells: Cells,
    },
    Failed {
        name: String,
        reason: String,
    },
    /// So many more than there is room for.
    More(Mark, usize),
}

/// The columns behind the name, empty where there is nothing to say.
type Cells = [String; COLUMNS];
const COLUMNS: usize = 7;
const ROWS: usize = 0;
const BYTES: usize = 1;
const RATE: usize = 2;
const BYTE_RATE: usize = 3;
const PERCENT: usize = 4;
const LEFT: usize = 5;
const TIME: usize = 6;

/// What goes first where there is no room for all; the word becomes a sign at none.
const DROPPED: [Option<usize>; 8] =
    [Some(BYTE_RATE), Some(TIME), None, Some(BYTES), Some(RATE), Some(LEFT), Some(ROWS), Some(PERCENT)];

/// The rows that `room` has a line for.
fn rows(snapshot: &Snapshot, room: usize, now: Duration) -> Vec<Row> {
    let (slowest, failed, running) =
        shares(room, snapshot.slowest.len(), snapshot.failed.len(), snapshot.running.len());
    let done = snapshot.slowest.iter().map(|done| Row::Table {
        mark: Mark::Slowest,
        name: done.name.clone(),
        cells: cells(done.rows, done.bytes, done.took),
    });
    let failures = snapshot
        .failed
        .iter()
        .map(|failed| Row::Failed { name: failed.name.clone(), reason: failed.reason.clone() });
    let under_way = snapshot.running.iter().map(|table| {
        let mut cells = cells(table.rows, table.bytes, now.saturating_sub(table.started));
        if let Some(pace) = table.pace {
            cells[RATE] = words::short_row_rate(pace);
            cells[BYTE_RATE] = words::byte_rate(pace);
        }
        cells[PERCENT] = table.share.map(words::percent).unwrap_or_default();
        cells[LEFT] = table.left.map(words::left).unwrap_or_default();
        Row::Table { mark: Mark::Running, name: table.name.clone(), cells }
    });
    let mut rows: Vec<Row> = done.take(slowest).collect();
    rows.extend(section(failures, failed, snapshot.failed.len(), Mark::Failed));
    rows.extend(section(under_way, running, snapshot.running.len(), Mark::Running));
    rows
}

/// The first of `all` rows in `room` lines, of which the last counts the others.
fn section(rows: impl Iterator<Item = Row>, room: usize, all: usize, mark: Mark) -> Vec<Row> {
    if all <= room {
        return rows.collect();
    }
    let Some(named) = room.checked_sub(1) else { return Vec::new() };
    rows.take(named).chain([Row::More(mark, all - named)]).collect()
}

fn cells(rows: u64, bytes: u64, time: Duration) -> Cells {
    let mut cells = Cells::default();
    cells[ROWS] = words::rows(rows);
    cells[BYTES] = figures::bytes(bytes);
    cells[TIME] = words::clock(time);
    cells
}

/// How many lines each gets: all, or of too many a quarter the slowest, a quarter those that failed, and the rest those
/// that run; what one of them does not need goes to another.
fn shares(room: usize, slowest: usize, failed: usize, running: usize) -> (usize, usize, usize) {
    let quarter = room / 4;
    let mut few = slowest.min(quarter);
    let mut bad = failed.min(quarter);
    let under_way = running.min(room - few - bad);
    bad = failed.min(room - few - under_way);
    few = slowest.min(room - bad - under_way);
    (few, bad, under_way)
}

/// Which columns there are, and how wide.
struct Layout {
    width: usize,
    has_words: bool,
    name: usize,
    /// 0: not shown.
    columns: [usize; COLUMNS],
}

impl Layout {
    fn of(rows: &[Row], width: usize) -> Self {
        let mut columns = [0; COLUMNS];
        let mut name = 0;
        for row in rows {
            match row {
                Row::Table { name: own, cells, .. } => {
                    name = name.max(shown::width(own));
                    for (column, cell) in columns.iter_mut().zip(cells) {
                        *column = shown::width(cell).max(*column);
                    }
                    // So that the columns stay where they are after a minute.
                    columns[TIME] = columns[TIME].max(CLOCK);
                }
                Row::Failed { name: own, .. } => name = name.max(shown::width(own)),
                Row::More(..) => {}
            }
        }
        let mut layout = Self { width, has_words: true, name, columns };
        let least = name.min(NARROWEST.max(width / 6));
        for dropped in DROPPED {
            if layout.used() + least <= width {
                break;
            }
            match dropped {
                Some(column) => layout.columns[column] = 0,
                None => layout.has_words = false,
            }
        }
        layout.name = name.min(width.saturating_sub(layout.used()));
        layout
    }

    /// What all but the name takes.
    fn used(&self) -> usize {
        let mark = if self.has_words { Mark::Running.word().len() } else { 1 };
        let shown = self.columns.iter().filter(|column| **column > 0);
        mark + GAP + shown.map(|column| column + GAP).sum::<usize>()
    }

    fn line(&self, row: &Row) -> Line {
        let (mark, rest) = match row {
            Row::Table { mark, name, cells } => (*mark, self.table(name, cells)),
            Row::Failed { name, reason } => (Mark::Failed, format!("{}  {reason}", self.name(name))),
            Row::More(mark, count) => (*mark, format!("… and {} more", figures::count(*count as u64))),
        };
        let word = if self.has_words { mark.word() } else { mark.sign() };
        let rest = format!("  {}", rest.trim_end());
        match self.width.checked_sub(word.len()) {
            Some(room) => Line { word, style: mark.style(), rest: shown::cut_end(&rest, room) },
            None => unmarked(shown::cut_end(&rest, self.width)),
        }
    }

    /// A name, filled up with blanks.
    fn name(&self, name: &str) -> String {
        let name = shown::cut_start(name, self.name);
        format!("{name}{}", " ".repeat(self.name.saturating_sub(shown::width(&name))))
    }

    fn table(&self, name: &str, cells: &Cells) -> String {
        let mut text = self.name(name);
        for (cell, width) in cells.iter().zip(self.columns).filter(|(_, width)| *width > 0) {
            text.push_str(&" ".repeat(GAP + width.saturating_sub(shown::width(cell))));
            text.push_str(cell);
        }
        text
    }
}

/// The sum of all, in as many words as there is room for.
fn summary(snapshot: &Snapshot, width: usize, now: Duration) -> String {
    let Counts { done, running, failed, .. } = snapshot.counts;
    let all = snapshot.counts.all();
    let (tables, time) = (words::counts(snapshot.counts), words::clock(now));
    let sums = words::sums(snapshot.rows, snapshot.bytes);
    let wordings = [
        format!("tables: {tables}; {sums} in {time}"),
        format!("{tables}; {sums}, {time}"),
        format!("{tables}; {time}"),
        format!("{done} done, {running} running, {failed} failed, {time}"),
        format!("{done} of {all}, {failed} failed, {time}"),
        format!("{done} of {all}, {time}"),
    ];
    let fitting = wordings.iter().find(|wording| shown::width(wording) <= width);
    fitting.or(wordings.last()).map(|wording| shown::cut_end(wording, width)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
