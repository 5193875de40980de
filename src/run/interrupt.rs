//! Waits for a future as long as nobody stops the task.

use std::future::Future;
use std::time::Duration;

use super::operator::{Cancel, OperatorError};
use crate::cloud;

/// How often a waiting thread looks whether the task was stopped.
const LOOK: Duration = Duration::from_millis(50);

/// What the future gives; an error when the task is stopped first. The future is dropped then.
pub(super) fn block_on<F: Future>(future: F, cancel: &Cancel) -> Result<F::Output, OperatorError> {
    let mut future = Box::pin(future);
    cloud::block_on(async {
        loop {
            tokio::select! {
                output = &mut future => return Ok(output),
                () = tokio::time::sleep(LOOK) => if cancel.is_canceled() {
                    return Err(OperatorError::canceled());
                },
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_task_waits_for_nothing() {
        let cancel = Cancel::default();
        assert_eq!(block_on(async { 7 }, &cancel).map_err(|error| error.message), Ok(7));
        cancel.cancel();
        let ended = block_on(std::future::pending::<()>(), &cancel).map_err(|error| error.message);
        assert_eq!(ended, Err("stopped before it ended".to_owned()));
    }
}
