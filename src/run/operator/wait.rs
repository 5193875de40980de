//! `wait>`: nothing for a while. The run keeps the time, so that no thread is held.

use std::time::Duration;

use serde_json::json;

use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::dig::params;

/// `wait>`.
#[derive(Debug)]
pub(super) struct Wait;

impl Operator for Wait {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        if request.waiting.is_first() {
            return Ok(Turn::Again { after: pause(request)?, state: json!("waited") });
        }
        Ok(OperatorOutput::default().into())
    }
}

/// How long to wait. `blocking` and `poll_interval`, which tell Digdag how to hold its thread, must not stand
/// together, and change nothing else.
fn pause(request: &OperatorRequest<'_>) -> Result<Duration, OperatorError> {
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
