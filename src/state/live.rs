//! How far the transfers of an attempt are that works now, for those who look from elsewhere. It stands in the attempt's
//! lock file and goes with it: nothing is built upon it, so it is never made durable, and who comes across a half
//! written one knows nothing for a moment.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use serde::{Deserialize, Serialize};

use crate::run::event::EventKind;
use crate::session::AttemptId;
use crate::transfer::gauge::Gauge;

/// Between two times that the files are written.
const PAUSE: Duration = Duration::from_secs(1);

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Rows that were read so far.
    pub rows: u64,
    /// Bytes that were sent so far.
    pub bytes: u64,
}

/// The transfers that work, with a thread that writes down how far they are while there are any.
#[derive(Debug, Default)]
pub(super) struct Board {
    attempts: Arc<Mutex<Attempts>>,
    writer: Option<Writer>,
}

/// Attempts, each with its file and the gauges of its transfers by their keys.
#[derive(Debug, Default)]
struct Attempts(BTreeMap<AttemptId, Attempt>);

#[derive(Debug)]
struct Attempt {
    file: PathBuf,
    transfers: BTreeMap<String, Gauge>,
    /// What stands in the file.
    written: BTreeMap<String, Progress>,
}

#[derive(Debug)]
struct Writer {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Board {
    /// Takes an event in. `file` is that of the attempt.
    pub(super) fn take(&mut self, attempt: AttemptId, kind: &EventKind, file: impl FnOnce() -> PathBuf) {
        let mut attempts = lock(&self.attempts);
        match kind {
            EventKind::TransferStarted { key, gauge, .. } => {
                let new = || Attempt { file: file(), transfers: BTreeMap::new(), written: BTreeMap::new() };
                let attempt = attempts.0.entry(attempt).or_insert_with(new);
                attempt.transfers.insert(key.clone(), gauge.clone());
                if self.writer.is_none() {
                    // Who looks at once sees it.
                    attempts.write();
                    drop(attempts);
                    self.writer = Writer::start(&self.attempts);
                }
            }
            EventKind::TransferFinished { key, .. } | EventKind::TransferFailed { key, .. } => {
                if let Some(attempt) = attempts.0.get_mut(&attempt) {
                    attempt.transfers.remove(key);
                }
            }
            EventKind::AttemptFinished { .. } => {
                attempts.0.remove(&attempt);
                let is_over = attempts.0.is_empty();
                drop(attempts);
                if is_over {
                    self.stop();
                }
            }
            _ => {}
        }
    }

    fn stop(&mut self) {
        if let Some(Writer { stop, thread }) = self.writer.take() {
            drop(stop);
            // One that panicked has written its last, which is nobody's loss.
            let _ = thread.join();
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Writer {
    /// None where there is no thread to be had: then nothing is told, and the run goes on.
    fn start(attempts: &Arc<Mutex<Attempts>>) -> Option<Self> {
        let (stop, stopped) = bounded::<()>(0);
        let attempts = Arc::clone(attempts);
        let write = move || {
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                lock(&attempts).write();
            }
        };
        let thread = std::thread::Builder::new().name("live".to_owned()).spawn(write).ok()?;
        Some(Self { stop, thread })
    }
}

fn lock(attempts: &Mutex<Attempts>) -> MutexGuard<'_, Attempts> {
    attempts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Attempts {
    /// Writes what is new. A file that is not there, or cannot be written, tells nobody.
    fn write(&mut self) {
        for attempt in self.0.values_mut() {
            let of = |(key, gauge): (&String, &Gauge)| {
                let gauged = gauge.read();
                (key.clone(), Progress { rows: gauged.rows, bytes: gauged.bytes })
            };
            let now: BTreeMap<String, Progress> = attempt.transfers.iter().map(of).collect();
            if now != attempt.written && write(&attempt.file, &now).is_ok() {
                attempt.written = now;
            }
        }
    }
}

fn write(path: &Path, transfers: &BTreeMap<String, Progress>) -> io::Result<()> {
    let text = serde_json::to_vec(transfers)?;
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(&text, 0)?;
    file.set_len(text.len() as u64)
}

/// What stands in an attempt's file.
pub(super) fn read(path: &Path) -> BTreeMap<String, Progress> {
    let text = fs::read(path).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::TaskName;

    fn started(key: &str, gauge: &Gauge) -> EventKind {
        let (task, source, target) = (TaskName::from_full("+wf+a"), String::new(), String::new());
        EventKind::TransferStarted { task, key: key.into(), source, target, gauge: gauge.clone() }
    }

    #[test]
    fn what_is_new_is_written_and_a_transfer_that_ended_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        fs::write(&path, "").unwrap();
        assert_eq!(read(&path), BTreeMap::new());
        let mut board = Board::default();
        let rows = || read(&path).into_iter().map(|(key, so_far)| (key, so_far.rows)).collect::<Vec<_>>();
        let (a, b) = (Gauge::default(), Gauge::default());
        a.set(1_000_000, 9);
        board.take(AttemptId(7), &started("a", &a), || path.clone());
        assert_eq!(rows(), [("a".to_owned(), 1_000_000)], "at once");
        board.take(AttemptId(7), &started("b", &b), || path.clone());
        b.set(5, 50);
        a.set(2_000_000, 18);
        lock(&board.attempts).write();
        assert_eq!(rows(), [("a".to_owned(), 2_000_000), ("b".to_owned(), 5)]);
        let (task, key) = (TaskName::from_full("+wf+a"), "a".to_owned());
        let over = EventKind::TransferFinished { task, key, report: Default::default() };
        board.take(AttemptId(7), &over, || path.clone());
        lock(&board.attempts).write();
        assert_eq!(rows(), [("b".to_owned(), 5)], "a shorter text ends where it ends");
    }

    #[test]
    fn who_cannot_write_or_read_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut board = Board::default();
        board.take(AttemptId(7), &started("a", &Gauge::default()), || path.clone());
        assert!(!path.exists(), "the file of an attempt that is over is not made again");
        fs::write(&path, "{\"a\":{\"rows\":1,\"by").unwrap();
        assert_eq!(read(&path), BTreeMap::new());
    }
}
