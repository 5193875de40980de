//! What people are told of a run by `sync.notify.*`: what happened, what failed and why, and how to go on. The same facts
//! are blocks for Slack, a text for mail, and JSON for programs.
//!
//! A notice is kept as its JSON until it has arrived, so whatever is in it was scrubbed before.

mod make;
mod plain;
mod sample;
mod slack;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::figures;

pub use make::{Ended, Previous};
pub use sample::sample;

/// The version of the JSON: within a version fields are added, none is removed or changes its meaning.
const VERSION: u32 = 1;

/// Why people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It failed, was stopped, was killed, or could not begin.
    Failure,
    /// It succeeded, and the time before it had not.
    Recovery,
    /// It took more than twice the median of its last runs.
    Slow,
    /// A table had no rows, and the last time it had some.
    Empty,
    /// It succeeded.
    Success,
}

impl Event {
    /// All of them, the gravest first.
    pub const ALL: [Self; 5] = [Self::Failure, Self::Recovery, Self::Empty, Self::Slow, Self::Success];
    /// Those that are told of where nothing is said.
    pub const USUAL: [Self; 4] = [Self::Failure, Self::Recovery, Self::Empty, Self::Slow];

    /// The word in the properties and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Recovery => "recovery",
            Self::Slow => "slow",
            Self::Empty => "empty",
            Self::Success => "success",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.word() == word)
    }
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    pub version: u32,
    /// Nothing has happened: somebody tries out whether it arrives.
    pub test: bool,
    /// Why it is sent, the gravest first.
    pub events: Vec<Event>,
    /// What happened, in a sentence.
    pub message: String,
    /// When, in UTC.
    pub at: String,
    pub project: String,
    /// None of a run that could not begin.
    pub workflow: Option<String>,
    pub session: Option<i64>,
    pub session_time: Option<String>,
    pub attempt: Option<i64>,
    /// `success`, `partial`, `failed`, `stopped`, `lost` or `not_begun`.
    pub outcome: String,
    /// How long it took; none of one that was killed.
    pub seconds: Option<f64>,
    /// The tasks that failed, at most [`Notice::MOST_PARTS`].
    pub failed: Vec<Failed>,
    pub failed_count: usize,
    /// The tables without a row, at most [`Notice::MOST_PARTS`].
    pub empty: Vec<Empty>,
    pub empty_count: usize,
    pub slow: Option<SlowRun>,
    /// What runs what is left.
    pub retry_command: Option<String>,
    /// Where the report lies in S3.
    pub report: Option<ReportLink>,
}

/// A task that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    pub task: String,
    /// What it copied, from where and to where.
    pub tables: Vec<Copied>,
    pub message: String,
    /// The innermost cause.
    pub cause: Option<String>,
    pub hint: Option<String>,
}

/// A table that was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub source: String,
    pub target: String,
}

/// A table that had no rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {
    pub source: String,
    pub target: String,
    /// How many rows the last copy had.
    pub rows_before: u64,
}

/// How slow a run was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SlowRun {
    /// The median of the runs before it, in seconds.
    pub median_seconds: f64,
    /// How many runs that is the median of.
    pub runs: usize,
}

/// Where a report lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportLink {
    /// `s3://bucket/key`
    pub object: String,
    /// A page that shows it to who may see it.
    pub url: String,
}

impl Notice {
    /// More failed tasks, or empty tables, are only counted.
    pub const MOST_PARTS: usize = 50;

    /// A run that could not begin, or of which nothing is recorded.
    pub fn not_begun(project: String, message: String, at: Timestamp) -> Self {
        Self {
            version: VERSION,
            test: false,
            events: vec![Event::Failure],
            message,
            at: at.to_string(),
            project,
            workflow: None,
            session: None,
            session_time: None,
            attempt: None,
            outcome: "not_begun".to_owned(),
            seconds: None,
            failed: Vec::new(),
            failed_count: 0,
            empty: Vec::new(),
            empty_count: 0,
            slow: None,
            retry_command: None,
            report: None,
        }
    }

    /// Whether one of these events is a reason to send it.
    pub fn is_of(&self, wanted: &[Event]) -> bool {
        self.events.iter().any(|event| wanted.contains(event))
    }

    /// A few words: the subject of a mail, the head of a message.
    pub fn title(&self) -> String {
        let name = self.workflow.as_deref().unwrap_or(&self.project);
        let what = match (self.events.first(), self.outcome.as_str()) {
            (_, "not_begun") => "a run did not begin".to_owned(),
            (_, "lost") => "ended without a word".to_owned(),
            (_, "stopped") => "was stopped".to_owned(),
            (Some(Event::Failure), _) => "failed".to_owned(),
            (Some(Event::Recovery), _) => "works again".to_owned(),
            (Some(Event::Empty), _) if self.empty_count == 1 => "1 table has no rows".to_owned(),
            (Some(Event::Empty), _) => format!("{} tables have no rows", self.empty_count),
            (Some(Event::Slow), _) => "was slow".to_owned(),
            (Some(Event::Success) | None, _) => "succeeded".to_owned(),
        };
        let mark = if self.test { "Test: " } else { "" };
        format!("{mark}{name}: {what}")
    }

    /// What a test says of itself.
    fn test_line(&self) -> Option<&'static str> {
        self.test.then_some("This is a test by `sync notify --test`: nothing of it has happened.")
    }

    fn took(&self) -> Option<String> {
        std::time::Duration::try_from_secs_f64(self.seconds?).ok().map(figures::duration)
    }

    fn slow_line(&self) -> Option<String> {
        let (slow, took) = (self.slow?, self.took()?);
        let median = std::time::Duration::try_from_secs_f64(slow.median_seconds).unwrap_or_default();
        Some(format!(
            "It took {took}, more than twice the median of its last {} runs, {}.",
            slow.runs,
            figures::duration(median)
        ))
    }
}

impl ReportLink {
    /// An object of S3: AWS's console shows it, or the endpoint of another server.
    pub fn new(bucket: &str, key: &str, endpoint: Option<&str>) -> Self {
        let (object, path) = (format!("s3://{bucket}/{key}"), encoded(key));
        let url = match endpoint {
            None => format!("https://s3.console.aws.amazon.com/s3/object/{bucket}?prefix={path}"),
            Some(endpoint) => format!("{}/{bucket}/{path}", endpoint.trim_end_matches('/')),
        };
        Self { object, url }
    }
}

/// Percent-encoded, but for `/` and what never needs it.
fn encoded(key: &str) -> String {
    key.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

impl Empty {
    fn line(&self) -> String {
        let Self { source, target, rows_before } = self;
        format!("{source} → {target}: 0 rows, {} the last time", figures::count(*rows_before))
    }
}

impl Failed {
    /// The message and its innermost cause: the first says what, the last says why.
    fn reason(&self) -> String {
        match &self.cause {
            None => self.message.clone(),
            Some(cause) => format!("{}: {cause}", self.message),
        }
    }
}

#[cfg(test)]
mod tests;
