//! Why the state could not be used, and what people can do about it.

use std::path::PathBuf;

use rusqlite::ErrorCode;

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
    /// What people can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        let (Self::Sqlite(error) | Self::Open { error, .. }) = self else {
            return matches!(self, Self::Newer { .. })
                .then_some("a newer version of this program wrote it: use that one, or another state file");
        };
        match error.sqlite_error_code()? {
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => Some(
                "it was left as it is: move it away with its `-wal` and `-shm`, and the next run begins a new one that \
                 knows of nothing before; `sqlite3 FILE .recover` may save what is in it",
            ),
            ErrorCode::DiskFull => Some("make room on its disk"),
            ErrorCode::ReadOnly | ErrorCode::CannotOpen => {
                Some("the user that runs this has to be allowed to write the file and its folder")
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                Some("another process has held it for 30 seconds: try again")
            }
            _ => None,
        }
    }
}
