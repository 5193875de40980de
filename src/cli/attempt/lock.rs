//! One run of a workflow at a time: what a run does while another one holds its workflow.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::super::opening::pasteable_flags;
use super::super::run_args::Patience;
use super::{Desk, reports};
use crate::exit::Exit;
use crate::run::{StopReason, StopRequests};
use crate::session::Level;
use crate::state::{AttemptRecord, NewAttempt, RunningAttempt, StateError, Store};

/// How often it is tried again while another run holds the workflow.
const LOOK: Duration = Duration::from_millis(250);

/// How it went.
pub(super) enum Begun {
    Attempt(Box<AttemptRecord>),
    /// Nothing has begun.
    Not(Exit),
}

/// Begins an attempt, as soon as the flags of the command let it.
pub(super) fn begin(
    new: &mut NewAttempt,
    store: &mut Store,
    desk: &Desk<'_>,
    stop: &StopRequests,
) -> anyhow::Result<Begun> {
    let console = &desk.opened.console;
    let since = Instant::now();
    let mut waits = false;
    loop {
        new.at = Timestamp::now();
        let begun = if desk.shared.allow_overlap { store.begin_beside(new) } else { store.begin(new) };
        let running = match begun {
            Ok((attempt, lost)) => {
                for lost in &lost {
                    console.say(&format!("attempt {lost} ended without a word: its process is gone"));
                }
                reports::of_lost(&lost, store, desk.common, desk.opened);
                if let Some(reason) = store.lock_trouble() {
                    let folder = desk.opened.place.state_folder().display();
                    console.log(
                        Level::Warn,
                        &format!(
                            "locks do not work in `{folder}` ({reason}): another container would have to be told by \
                             `sync prune --lost` when this run dies"
                        ),
                    );
                }
                return Ok(Begun::Attempt(Box::new(attempt)));
            }
            Err(StateError::Locked(running)) => running,
            Err(error) => return Err(error.into()),
        };
        let pause = pause(desk.shared.wait_lock, since.elapsed());
        let text = StateError::Locked(running.clone()).to_string();
        if pause.is_zero() {
            console.failure(&text, &[], Some(&hint(&running, desk)));
            return Ok(Begun::Not(Exit::TryLater));
        }
        if !std::mem::replace(&mut waits, true) {
            console.say(&format!("waits for another run to end: {text}"));
        }
        if let Some(StopReason::Signal(signal)) = stop.wait(pause) {
            console.say("stopped while it waited: nothing has begun");
            return Ok(Begun::Not(Exit::Signal(signal)));
        }
    }
}

/// How long to wait until the next look; nothing when patience is at its end, or was not asked for.
fn pause(patience: Option<Patience>, waited: Duration) -> Duration {
    match patience {
        None => Duration::ZERO,
        Some(Patience(None)) => LOOK,
        Some(Patience(Some(limit))) => limit.saturating_sub(waited).min(LOOK),
    }
}

fn hint(running: &RunningAttempt, desk: &Desk<'_>) -> String {
    if running.process.is_elsewhere() {
        let command = format!("sync prune --lost {}{}", running.attempt, pasteable_flags(desk.common));
        return format!(
            "nobody here can see whether a process on `{}` still lives: when it does not, `{command}` frees the workflow",
            running.process.host
        );
    }
    if desk.shared.allow_overlap {
        return "both would go on with the same attempt: try again when it has ended".to_owned();
    }
    "try again when it has ended, or wait for that with `--wait-lock`".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_has_an_end_when_it_was_given_one() {
        let seconds = |number| Some(Patience(Some(Duration::from_secs(number))));
        assert_eq!(pause(None, Duration::ZERO), Duration::ZERO);
        assert_eq!(pause(Some(Patience(None)), Duration::from_secs(1 << 40)), LOOK);
        assert_eq!(pause(seconds(2), Duration::from_secs(1)), LOOK);
        assert_eq!(pause(seconds(2), Duration::from_millis(1900)), Duration::from_millis(100));
        assert_eq!(pause(seconds(2), Duration::from_secs(3)), Duration::ZERO);
    }
}
