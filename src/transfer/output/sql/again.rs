//! A publication that another session was in the way of is tried again.

use std::time::{Duration, Instant};

use crate::embulk::output::Retries;
use crate::session::Level;
use crate::transfer::context::{Cancel, TransferContext};
use crate::transfer::error::{ErrorKind, TransferError};

/// How often a pause looks whether the run wants to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Tries something until it succeeds or fails for another reason than that the server is busy with others.
pub(crate) fn again<T>(
    retries: Retries,
    context: &TransferContext,
    mut once: impl FnMut() -> Result<T, TransferError>,
) -> Result<T, TransferError> {
    let mut pause = retries.wait;
    let mut tried = 0;
    loop {
        let error = match once() {
            Err(error) if error.kind == ErrorKind::Busy && tried < retries.limit => error,
            ended => return ended,
        };
        context.observer.log(Level::Warn, &format!("{error}; tried again in {} ms", pause.as_millis()));
        wait(pause, &context.cancel)?;
        pause = pause.saturating_mul(2).min(retries.longest);
        tried += 1;
    }
}

fn wait(pause: Duration, cancel: &Cancel) -> Result<(), TransferError> {
    let begun = Instant::now();
    while let Some(left) = pause.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        if cancel.is_canceled() {
            return Err(TransferError::canceled());
        }
        std::thread::sleep(left.min(LOOK));
    }
    Ok(())
}
