//! Why the state could not be used, and what people can do about it.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use super::busy;
use super::store::RunningAttempt;

/// Why the state could not be used. Never a reason to go on without it.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// SQLite said no.
    #[error("the state file could not be used: {0}")]
    Sqlite(rusqlite::Error),
    /// The file cannot be opened or brought to this version.
    #[error("the state file `{path}` could not be opened: {error}")]
    Open { path: PathBuf, error: rusqlite::Error },
    /// Another process has held it for as long as we wait.
    #[error("the state file `{path}` is locked{}", .holder.as_ref().map(|who| format!(" by {who}")).unwrap_or_default())]
    Busy { path: PathBuf, holder: Option<String> },
    /// SQLite cannot lock files where it lies.
    #[error("the state file `{path}` cannot be used: locks do not work on its file system")]
    NoLocks { path: PathBuf },
    /// The folder of the file cannot be made.
    #[error("the folder of the state file `{path}` could not be made: {error}")]
    Folder { path: PathBuf, error: std::io::Error },
    /// The file was written by a newer version of this program.
    #[error("the state file has version {version}, this program knows up to {known}")]
    Newer { version: i64, known: i64 },
    /// An event could not be turned into a row.
    #[error("an event could not be written to the state: {0}")]
    Encode(serde_json::Error),
    /// The workflow runs already.
    #[error(
        "workflow `{}` is already running: attempt {} of session {} ({}), started {} by process {} on `{}`",
        .0.workflow, .0.attempt, .0.session, .0.session_time, .0.started_at, .0.process.pid, .0.process.host
    )]
    Locked(Box<RunningAttempt>),
}

// What is told of an error is in its own text, so neither is a `source`: it would be told twice.
impl From<rusqlite::Error> for StateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<serde_json::Error> for StateError {
    fn from(error: serde_json::Error) -> Self {
        Self::Encode(error)
    }
}

impl StateError {
    /// Whether another process held the file for as long as we waited.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Busy { .. } => true,
            Self::Sqlite(error) | Self::Open { error, .. } => busy::is_busy(error),
            _ => false,
        }
    }

    /// What people can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        const HELD: &str = "another process has held it for 30 seconds: try again";
        const NO_LOCKS: &str = "nothing was begun or lost: put the state on a local disk with `--state FILE`, or mount this \
                                file system with locks";
        let error = match self {
            Self::Sqlite(error) | Self::Open { error, .. } => error,
            Self::Newer { .. } => {
                return Some("a newer version of this program wrote it: use that one, or another state file");
            }
            Self::Busy { .. } => return Some(HELD),
            Self::NoLocks { .. } => return Some(NO_LOCKS),
            _ => return None,
        };
        if busy::is_without_locks(error) {
            return Some(NO_LOCKS);
        }
        match error.sqlite_error_code()? {
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => Some(
                "it was left as it is: move it away with its `-wal` and `-shm`, and the next run begins a new one that \
                 knows of nothing before; `sqlite3 FILE .recover` may save what is in it",
            ),
            ErrorCode::DiskFull => Some("make room on its disk"),
            ErrorCode::ReadOnly | ErrorCode::CannotOpen => {
                Some("the user that runs this has to be allowed to write the file and its folder")
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some(HELD),
            _ => None,
        }
    }
}
