//! Calls to a store: they end early when the run wants to stop, and tidying up does not wait for ever.

use std::future::Future;
use std::time::Duration;

use crate::cloud;
use crate::transfer::context::Cancel;
use crate::transfer::error::TransferError;

/// How often a call under way looks whether the run wants it to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long tidying up may take for one call after the transfer was stopped.
const TIDY_PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a call, or until the run wants to stop.
pub(in crate::transfer::output) fn wait<T>(
    cancel: &Cancel,
    call: impl Future<Output = T>,
) -> Result<T, TransferError> {
    cloud::block_on(async {
        tokio::select! {
            biased;
            done = call => Ok(done),
            () = canceled(cancel) => Err(TransferError::canceled()),
        }
    })
}

/// Waits for a call that tidies up, also after the transfer was stopped, but not for long.
pub(in crate::transfer::output) fn tidy<T>(call: impl Future<Output = T>) -> Option<T> {
    cloud::block_on(async { tokio::time::timeout(TIDY_PATIENCE, call).await.ok() })
}

async fn canceled(cancel: &Cancel) {
    while !cancel.is_canceled() {
        tokio::time::sleep(LOOK).await;
    }
}
