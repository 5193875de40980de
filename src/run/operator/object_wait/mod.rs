//! `s3_wait>` and `gcs_wait>` wait for an object to appear in a bucket.
//!
//! Each look is a turn of the task, so no thread is held between two. What looking means is in [`s3`] and [`gcs`];
//! here is how long is waited, what people are told of it, and how it ends.

pub mod gcs;
pub mod s3;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cancelable::unless_canceled;
use super::object_address::{address, no_bucket};
use super::{OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::dig::params;
use crate::session::{Level, Params};

/// When it is looked, and when people hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polls {
    /// The pause after the first look; it doubles with each.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
    /// Between two lines that say that the task still waits.
    pub remind: Duration,
    /// How long a service may give no answer at all before the task fails.
    pub silence: Duration,
}

impl Polls {
    /// Pauses from `first` to `longest` seconds; a line every ten minutes; an hour without an answer.
    const fn seconds(first: u64, longest: u64) -> Self {
        Self {
            first: Duration::from_secs(first),
            longest: Duration::from_secs(longest),
            remind: Duration::from_secs(600),
            silence: Duration::from_secs(3600),
        }
    }

    fn pause(&self, looks: u32) -> Duration {
        self.first.saturating_mul(1 << looks.min(16)).min(self.longest)
    }
}

/// What a look found.
#[derive(Debug)]
enum Look {
    /// The object is there; what is stored of it.
    There(Params),
    /// It is not there.
    NotThere,
    /// The service could not be asked. It may answer in a while.
    NoAnswer(OperatorError),
}

/// What a task waits for.
struct Wait {
    /// Bucket and object, for messages.
    object: String,
    /// The store parameter in whose `last_object` it is told how it ended.
    group: &'static str,
    polls: Polls,
    timeout: Option<Duration>,
    on_timeout: OnTimeout,
}

/// What becomes of the task when the time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnTimeout {
    /// It fails.
    Fail,
    /// It succeeds and stores that there is no object.
    Continue,
}

/// What one turn leaves for the next.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    looks: u32,
    /// How many lines were due so far, the first one at once.
    told: u64,
    /// Since when the service gives no answer, from the first turn on.
    silent_since: Option<Duration>,
}

impl Progress {
    fn of(request: &OperatorRequest<'_>) -> Self {
        serde_json::from_value(request.waiting.state.clone()).unwrap_or_default()
    }
}

impl Wait {
    /// Reads `timeout` and `continue_on_timeout` through `option`.
    fn new<'v>(
        object: String,
        group: &'static str,
        polls: Polls,
        option: impl Fn(&str) -> Option<&'v Value>,
    ) -> Result<Self, OperatorError> {
        let timeout = option("timeout").map(|value| params::to_duration("timeout", value)).transpose()?;
        let goes_on =
            option("continue_on_timeout").map(|value| params::to_bool("continue_on_timeout", value));
        let on_timeout =
            if goes_on.transpose()?.unwrap_or(false) { OnTimeout::Continue } else { OnTimeout::Fail };
        Ok(Self { object, group, polls, timeout, on_timeout })
    }

    /// Ends a turn by what it found.
    fn turn(&self, request: &OperatorRequest<'_>, look: Look) -> Result<Turn, OperatorError> {
        let mut progress: Progress =
            serde_json::from_value(request.waiting.state.clone()).unwrap_or_default();
        let waited = request.waiting.since.elapsed();
        let failure = match look {
            Look::There(stored) => return Ok(self.there(request, &progress, stored).into()),
            Look::NotThere => {
                progress.silent_since = None;
                None
            }
            Look::NoAnswer(error) => Some(error),
        };
        if self.timeout.is_some_and(|timeout| waited >= timeout) {
            return self.timed_out(request, failure);
        }
        let pause = self.pause(progress.looks, waited);
        match failure {
            None => self.tell(request, &mut progress, waited),
            Some(error) => self.silence(request, &mut progress, waited, pause, error)?,
        }
        progress.looks = progress.looks.saturating_add(1);
        Ok(Turn::Again { after: pause, state: json!(progress) })
    }

    /// The next pause. The last look is at the end of the time, not after it.
    fn pause(&self, looks: u32, waited: Duration) -> Duration {
        let left = self.timeout.map_or(Duration::MAX, |timeout| timeout.saturating_sub(waited));
        self.polls.pause(looks).min(left)
    }

    fn there(
        &self,
        request: &OperatorRequest<'_>,
        progress: &Progress,
        mut stored: Params,
    ) -> OperatorOutput {
        if progress.told > 0 {
            request.reporter.log(Level::Info, &format!("object `{}` is there", self.object));
        }
        stored.insert("result".to_owned(), true.into());
        self.output(stored)
    }

    fn timed_out(
        &self,
        request: &OperatorRequest<'_>,
        failure: Option<OperatorError>,
    ) -> Result<Turn, OperatorError> {
        let message = format!("object `{}` did not appear within {}", self.object, self.limit());
        match (self.on_timeout, failure) {
            (OnTimeout::Continue, _) => {
                request.reporter.log(Level::Warn, &format!("{message}; the task goes on without it"));
                Ok(self.output(Params::from_iter([("result".to_owned(), false.into())])).into())
            }
            (OnTimeout::Fail, None) => Err(OperatorError::failed(message)
                .hint("raise `timeout`, or go on without it by `continue_on_timeout: true`")),
            (OnTimeout::Fail, Some(failure)) => {
                Err(OperatorError { message, causes: causes(failure.clone()), ..failure })
            }
        }
    }

    /// A line at the start and from time to time, not with every look.
    fn tell(&self, request: &OperatorRequest<'_>, progress: &mut Progress, waited: Duration) {
        let due = 1 + waited.as_millis() / self.polls.remind.as_millis().max(1);
        let due = u64::try_from(due).unwrap_or(u64::MAX);
        if due <= progress.told {
            return;
        }
        let text = match (progress.told, self.timeout) {
            (0, None) => "waits for it".to_owned(),
            (0, Some(_)) => format!("waits for it, at most {}", self.limit()),
            _ => format!("waits since {}", shown(waited)),
        };
        progress.told = due;
        request.reporter.log(Level::Info, &format!("object `{}` does not yet exist: {text}", self.object));
    }

    /// Goes on for a while without an answer: a wait of hours must not end with one bad minute of the network.
    fn silence(
        &self,
        request: &OperatorRequest<'_>,
        progress: &mut Progress,
        waited: Duration,
        pause: Duration,
        error: OperatorError,
    ) -> Result<(), OperatorError> {
        let Some(since) = progress.silent_since else {
            progress.silent_since = Some(waited);
            let text = format!("{}; asks again in {}", causes(error).join(": "), shown(pause));
            request.reporter.log(Level::Warn, &text);
            return Ok(());
        };
        if waited.saturating_sub(since) >= self.polls.silence { Err(error) } else { Ok(()) }
    }

    fn limit(&self) -> String {
        shown(self.timeout.unwrap_or_default())
    }

    /// Tells later tasks how it ended, in place of what an earlier wait told them.
    fn output(&self, last_object: Params) -> OperatorOutput {
        let store = json!({self.group: {"last_object": last_object}});
        OperatorOutput {
            store: store.as_object().cloned().unwrap_or_default(),
            reset_store: vec![vec![self.group.to_owned(), "last_object".to_owned()]],
            ..OperatorOutput::default()
        }
    }
}

/// The message of an error as the first of its causes.
fn causes(error: OperatorError) -> Vec<String> {
    [vec![error.message], error.causes].concat()
}

/// Whether no look so far found that the object is not there.
fn is_first_miss(request: &OperatorRequest<'_>) -> bool {
    Progress::of(request).told == 0
}

/// In whole seconds; a pause of less than one is one.
fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0 && duration.as_secs() == 0);
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    format!("{:#}", SignedDuration::from_secs(seconds))
}
