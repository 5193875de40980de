//! A publication that another session was in the way of is tried again.

use std::time::Duration;

use crate::cloud::fault::Again;
use crate::cloud::fault::pace::Pace;
use crate::cloud::fault::retry::{Failed, Next};
use crate::embulk::output::Retries;
use crate::transfer::context::TransferContext;
use crate::transfer::error::TransferError;

/// Tries something until it succeeds or fails for another reason than that the server is busy with others. `retry_wait`
/// and `max_retry_wait` are the limits of pauses, which are random below them.
pub(crate) fn again<T>(
    retries: Retries,
    context: &TransferContext,
    mut once: impl FnMut() -> Result<T, TransferError>,
) -> Result<T, TransferError> {
    let retrying = context.retrying();
    let pace = Pace { first: retries.wait, longest: retries.longest, longest_wish: Duration::ZERO };
    let mut retried = 0;
    loop {
        let error = match once() {
            Err(error) if is_busy(&error) => error,
            ended => {
                retrying.helped(retried);
                return ended;
            }
        };
        let failed = Failed { what: &error, retried, most: retries.limit, wish: None, pace };
        match retrying.next(failed) {
            Next::Again(pause) => context.cancel.pause(pause)?,
            last => return Err(TransferError { fault: None, ..error.ended(last) }),
        }
        retried += 1;
    }
}

/// Whether the same statements may succeed in the same session.
fn is_busy(error: &TransferError) -> bool {
    error.fault.is_some_and(|fault| fault.passes() && fault.again() == Again::InPlace)
}
