//! What `embulk run` inside a task and the run say to each other: JSON, one message a line, over a Unix socket.
//!
//! The client asks once, then only listens. When it goes away its transfer is cancelled.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::embulk::config::ExecConfig;

/// The environment variable that names the run's socket.
pub const SOCKET: &str = "SYNC_EMBULK_SOCKET";
/// The environment variable with the full name of the task.
pub const TASK: &str = "SYNC_TASK";
/// The environment variable with the key that tells the run which try of which task is asking.
pub const KEY: &str = "SYNC_TASK_KEY";

/// A request longer than this is refused: an environment is at most a few megabytes.
const LONGEST: u64 = 64 << 20;

/// `embulk run FILE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// [`KEY`] as the client found it.
    pub key: String,
    /// The transfer file, absolute.
    pub file: PathBuf,
    /// The client's working directory.
    pub directory: PathBuf,
    /// The client's environment.
    pub environment: BTreeMap<String, String>,
    /// The file of `-c`, absolute.
    pub diff: Option<PathBuf>,
    /// What `-X` says.
    pub exec: ExecConfig,
}

/// What the run answers, many times; `Exit` is the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A line of the log, for standard output.
    Log { level: LogLevel, line: String },
    /// A line for standard error.
    Error { line: String },
    /// The exit code.
    Exit { code: u8 },
}

/// How grave a line is, in Embulk's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Writes one message.
pub fn send(writer: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    writer.write_all(&line)?;
    writer.flush()
}

/// Reads one message; none when the other side has hung up.
pub fn receive<T: DeserializeOwned>(reader: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    let count = io::Read::take(&mut *reader, LONGEST).read_until(b'\n', &mut line)?;
    if count == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}
