//! `wait>`: nothing for a while. The run keeps the time, so that no thread is held.

use std::time::Duration;

use super::{OperatorError, OperatorRequest};
use crate::dig::params;

/// How long to wait. `blocking` and `poll_interval`, which tell Digdag how to hold its thread, must not stand
/// together, and change nothing else.
pub(in crate::run) fn pause(request: &OperatorRequest<'_>) -> Result<Duration, OperatorError> {
    let blocking = match request.param("blocking") {
        Some(value) => params::to_bool("blocking", value)?,
        None => false,
    };
    if let Some(interval) = request.param("poll_interval") {
        params::to_duration("poll_interval", interval)?;
        if blocking {
            return Err(OperatorError::config("`poll_interval` has no meaning beside `blocking: true`"));
        }
    }
    let command = request.required_command()?;
    Ok(params::to_duration("wait>", command)?)
}
