//! Looks at the board and shows it, on a thread of its own: the threads that move rows only count.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use jiff::Timestamp;

use super::board::Board;
use super::events;
use super::picture::picture;
use super::words;
use crate::report::console::Console;
use crate::report::screen::Size;

/// Between two looks at the counters: ten times a second.
const LOOK: Duration = Duration::from_millis(100);

/// Between two rounds of plain lines, and of events about the run.
const PLAIN: Duration = Duration::from_secs(10);

/// Between two events about a table.
const TOLD: Duration = Duration::from_secs(1);

/// How the board is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// As a picture that is redrawn.
    Picture,
    /// As lines now and then.
    Plain,
    /// As events for machines.
    Events,
    /// Not at all.
    Nothing,
}

/// Shows a board.
pub(super) struct Window {
    pub(super) console: Console,
    pub(super) shape: Shape,
    pub(super) board: Arc<Mutex<Board>>,
    /// When lines or events about the run, and events about tables, were shown last, since the run began.
    shown: Duration,
    told: Duration,
}

impl Window {
    pub(super) fn new(console: &Console, shape: Shape, board: &Arc<Mutex<Board>>) -> Self {
        Self {
            console: console.clone(),
            shape,
            board: Arc::clone(board),
            shown: Duration::ZERO,
            told: Duration::ZERO,
        }
    }

    /// Shows what is due at `now`, since the run began.
    pub(super) fn look(&mut self, now: Duration, at: Timestamp) {
        match self.shape {
            Shape::Picture => self.draw(now),
            Shape::Plain => self.say(now),
            Shape::Events => self.tell(now, at),
            Shape::Nothing => {}
        }
    }

    fn draw(&self, now: Duration) {
        let snapshot = self.sampled(now).snapshot(now);
        let size = self.console.err_size();
        // The cursor stands in the last row.
        let room = Size { height: size.height.saturating_sub(1), ..size };
        let colors = self.console.err_colors();
        let lines = picture(&snapshot, room, now);
        let drawn = lines.iter().map(|line| self.console.drawn(&line.text(), line.painted(colors), size));
        self.console.draw(drawn.collect(), size);
    }

    fn say(&mut self, now: Duration) {
        let snapshot = self.sampled(now).snapshot(now);
        if now.saturating_sub(self.shown) < PLAIN {
            return;
        }
        self.shown = now;
        if !snapshot.running.is_empty() {
            words::plain(&snapshot, now).iter().for_each(|line| self.console.say(line));
        }
    }

    fn tell(&mut self, now: Duration, at: Timestamp) {
        let (tables_are_due, run_is_due) =
            (now.saturating_sub(self.told) >= TOLD, now.saturating_sub(self.shown) >= PLAIN);
        if !tables_are_due && !run_is_due {
            drop(self.sampled(now));
            return;
        }
        // The board is held until all is written: of a table whose end is told nothing follows.
        let mut board = self.sampled(now);
        if tables_are_due {
            for told in board.news(now) {
                self.console.json(&events::of_table(&told, now, at));
            }
        }
        if run_is_due && board.is_copying() {
            self.console.json(&events::of_run(&board.snapshot(now), now, at));
        }
        drop(board);
        self.told = if tables_are_due { now } else { self.told };
        self.shown = if run_is_due { now } else { self.shown };
    }

    fn sampled(&self, now: Duration) -> MutexGuard<'_, Board> {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        board.sample(now);
        board
    }
}

/// A thread that looks again and again, until it is stopped.
pub(super) struct Looking {
    stop: Sender<()>,
    thread: JoinHandle<Window>,
}

impl Looking {
    /// None where there is no thread to be had: then nothing is shown, and the run goes on.
    pub(super) fn start(mut window: Window, began: Instant) -> Option<Self> {
        let (stop, stopped) = bounded::<()>(1);
        let look = move || {
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                window.look(began.elapsed(), Timestamp::now());
            }
            window
        };
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(look).ok()?;
        Some(Self { stop, thread })
    }

    /// Waits for its last look.
    pub(super) fn end(self) {
        drop(self.stop);
        // A look that panicked has said so; the run has its own end.
        drop(self.thread.join());
    }
}
