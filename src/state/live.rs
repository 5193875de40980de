//! How far the transfers of an attempt are that works now, for those who look from elsewhere. It stands in the attempt's
//! lock file and goes with it: nothing is built upon it, so it is never made durable, and who comes across a half
//! written one knows nothing for a moment.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::run::event::{EventKind, RunEvent};
use crate::session::AttemptId;

/// Between two times that an attempt's file is written.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Rows that were read so far.
    pub rows: u64,
    /// Bytes that were sent so far.
    pub bytes: u64,
}

/// What is known of attempts, by the keys of their transfers.
#[derive(Debug, Default)]
pub(super) struct Board(BTreeMap<AttemptId, Attempt>);

#[derive(Debug, Default)]
struct Attempt {
    transfers: BTreeMap<String, Progress>,
    written_at: Option<Timestamp>,
    is_new: bool,
}

impl Board {
    /// Takes an event in.
    pub(super) fn take(&mut self, attempt: AttemptId, event: &RunEvent) {
        match &event.kind {
            EventKind::TransferProgress { key, rows, bytes, .. } => {
                let attempt = self.0.entry(attempt).or_default();
                attempt.transfers.insert(key.clone(), Progress { rows: *rows, bytes: *bytes });
                attempt.is_new = true;
            }
            EventKind::TransferFinished { key, .. } | EventKind::TransferFailed { key, .. } => {
                if let Some(attempt) = self.0.get_mut(&attempt) {
                    attempt.transfers.remove(key);
                }
            }
            EventKind::AttemptFinished { .. } => {
                self.0.remove(&attempt);
            }
            _ => {}
        }
    }

    /// Writes what is new of the attempts whose turn it is. A file that is not there, or cannot be written, tells nobody.
    pub(super) fn write(&mut self, at: Timestamp, path: impl Fn(AttemptId) -> std::path::PathBuf) {
        for (id, attempt) in &mut self.0 {
            // A clock that was set back makes it everybody's turn.
            let is_due = attempt.written_at.is_none_or(|written| at.duration_since(written).abs() >= PAUSE);
            if attempt.is_new && is_due {
                (attempt.is_new, attempt.written_at) = (false, Some(at));
                let _ = write(&path(*id), &attempt.transfers);
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

    fn progress(key: &str, rows: u64, second: i64) -> RunEvent {
        let task = TaskName::from_full("+wf+a");
        let kind = EventKind::TransferProgress { task, key: key.into(), rows, bytes: rows * 10 };
        RunEvent { at: Timestamp::from_second(second).unwrap(), kind }
    }

    #[test]
    fn it_is_written_once_a_second_and_a_transfer_that_ended_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        fs::write(&path, "").unwrap();
        assert_eq!(read(&path), BTreeMap::new());
        let mut board = Board::default();
        let mut tell = |event: &RunEvent| {
            board.take(AttemptId(7), event);
            board.write(event.at, |_| path.clone());
            read(&path).into_iter().map(|(key, so_far)| (key, so_far.rows)).collect::<Vec<_>>()
        };
        assert_eq!(tell(&progress("a", 1_000_000, 0)), [("a".to_owned(), 1_000_000)]);
        assert_eq!(tell(&progress("b", 5, 0)), [("a".to_owned(), 1_000_000)], "not its turn yet");
        assert_eq!(tell(&progress("a", 2_000_000, 1)), [("a".to_owned(), 2_000_000), ("b".to_owned(), 5)]);
        let (task, key) = (TaskName::from_full("+wf+a"), "a".to_owned());
        let kind = EventKind::TransferFinished { task, key, report: Default::default() };
        tell(&RunEvent { at: Timestamp::from_second(2).unwrap(), kind });
        assert_eq!(tell(&progress("b", 6, 3)), [("b".to_owned(), 6)], "a shorter text ends where it ends");
    }

    #[test]
    fn who_cannot_write_or_read_it_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut board = Board::default();
        board.take(AttemptId(7), &progress("a", 1, 0));
        board.write(Timestamp::UNIX_EPOCH, |_| path.clone());
        assert!(!path.exists(), "the file of an attempt that is over is not made again");
        fs::write(&path, "{\"a\":{\"rows\":1,\"by").unwrap();
        assert_eq!(read(&path), BTreeMap::new());
    }
}
