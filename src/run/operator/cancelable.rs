//! Calls that end when the task is to stop.

use std::future::Future;
use std::time::Duration;

use super::{Cancel, OperatorError};
use crate::cloud;

/// How often a call under way looks whether the task is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Waits for a call, or until the task is to stop.
pub(super) fn unless_canceled<T>(cancel: &Cancel, call: impl Future<Output = T>) -> Result<T, OperatorError> {
    let canceled = async {
        while !cancel.is_canceled() {
            tokio::time::sleep(LOOK).await;
        }
    };
    cloud::block_on(async {
        tokio::select! {
            biased;
            done = call => Ok(done),
            () = canceled => Err(OperatorError::canceled()),
        }
    })
}
