//! The words that plan, run, state and report share: sessions, attempts, tasks and their states.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Parameters by name, in the order they were written. Values are raw: templates in them are not evaluated yet.
pub type Params = serde_json::Map<String, serde_json::Value>;

/// What the variable `error` of a handler has beyond Digdag's keys. Whoever lists or prints all of `error` gets what
/// Digdag gives; these are there for those who ask for them by name.
pub const ERROR_EXTRAS: [&str; 2] = ["task", "tasks"];

/// The number of a session as `sync status` shows it: one per workflow and session time in a state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub i64);

/// The number of an attempt, unique in a state file. Every `run` and every `retry` is a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId(pub i64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The time a session is for, in the zone of its workflow. Not the time it runs at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionTime(pub jiff::Zoned);

impl SessionTime {
    /// `yyyy-MM-dd'T'HH:mm:ssxxx`, as Digdag's `session_time`.
    pub fn iso(&self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// `yyyyMMdd'T'HHmmssxx`, as Digdag names sessions in paths.
    pub fn compact(&self) -> String {
        self.0.strftime("%Y%m%dT%H%M%S%z").to_string()
    }
}

impl fmt::Display for SessionTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso())
    }
}

/// The full name of a task, from the root of its workflow: `+wf+sync+orders`, generated parts with `^`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskName(String);

impl TaskName {
    /// A full name that was put together from checked parts, or read back from the state.
    pub fn from_full(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name of a child: parts are simply joined. `part` begins with `+` or `^`.
    #[must_use]
    pub fn child(&self, part: &str) -> Self {
        Self(format!("{}{part}", self.0))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a task stands. The words are Digdag's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Waits for tasks before it, perhaps for ever.
    Blocked,
    /// May start.
    Ready,
    /// Failed, will be tried again.
    RetryWaiting,
    /// Its operator works.
    Running,
    /// Its own work is done, its children's is not.
    Planned,
    /// Done well.
    Success,
    /// Its own work failed.
    Error,
    /// A task below it failed.
    GroupError,
    /// Stopped before it ended.
    Canceled,
}

impl TaskState {
    /// The word as `status` and the state file have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::RetryWaiting => "retry_waiting",
            Self::Running => "running",
            Self::Planned => "planned",
            Self::Success => "success",
            Self::Error => "error",
            Self::GroupError => "group_error",
            Self::Canceled => "canceled",
        }
    }

    /// Reads the word back; none for an unknown one.
    pub fn from_word(word: &str) -> Option<Self> {
        [
            Self::Blocked,
            Self::Ready,
            Self::RetryWaiting,
            Self::Running,
            Self::Planned,
            Self::Success,
            Self::Error,
            Self::GroupError,
            Self::Canceled,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }

    /// Whether nothing more happens to it.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Success | Self::Error | Self::GroupError | Self::Canceled)
    }
}

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}
