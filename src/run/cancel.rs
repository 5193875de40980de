//! How a run is asked to stop: from outside through a handle, with a reason.

use std::fmt;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::event::AttemptOutcome;

/// Why a run stops before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// A signal, by its number. A second one ends the grace of running tasks.
    Signal(i32),
    /// The state could not be written.
    NotRecorded,
    /// The task that waits for this run was stopped.
    NotWanted,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(1) => f.write_str("SIGHUP"),
            Self::Signal(2) => f.write_str("SIGINT"),
            Self::Signal(15) => f.write_str("SIGTERM"),
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::NotRecorded => f.write_str("the state could not be written"),
            Self::NotWanted => f.write_str("the task that required it was stopped"),
        }
    }
}

impl StopReason {
    pub(super) fn outcome(self) -> AttemptOutcome {
        match self {
            Self::Signal(number) => AttemptOutcome::Signal(number),
            Self::NotRecorded | Self::NotWanted => AttemptOutcome::Failed,
        }
    }
}

/// Asks a run to stop, with the runs within it, from any thread. May be used before the run begins.
#[derive(Debug, Clone)]
pub struct StopHandle(Arc<Mutex<Vec<Sender<StopReason>>>>);

impl StopHandle {
    /// Asks once. The first request lets running tasks end for a while, the second does not.
    pub fn stop(&self, reason: StopReason) {
        // A run that is over needs no stopping.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|run| run.send(reason).is_ok());
    }

    /// The requests for one more run.
    pub fn requests(&self) -> StopRequests {
        let (sender, receiver) = unbounded();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        StopRequests(receiver)
    }
}

/// The run's end of the handle.
#[derive(Debug)]
pub struct StopRequests(pub(super) Receiver<StopReason>);

impl StopRequests {
    /// Waits for a request, for so long at most.
    pub fn wait(&self, at_most: Duration) -> Option<StopReason> {
        self.0.recv_timeout(at_most).ok()
    }
}

/// A handle and its end.
pub fn stop_requests() -> (StopHandle, StopRequests) {
    let handle = StopHandle(Arc::default());
    let requests = handle.requests();
    (handle, requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_words() {
        for (reason, expected) in [
            (StopReason::Signal(1), "SIGHUP"),
            (StopReason::Signal(2), "SIGINT"),
            (StopReason::Signal(15), "SIGTERM"),
            (StopReason::Signal(10), "signal 10"),
            (StopReason::NotRecorded, "the state could not be written"),
            (StopReason::NotWanted, "the task that required it was stopped"),
        ] {
            assert_eq!(reason.to_string(), expected);
        }
    }
}
