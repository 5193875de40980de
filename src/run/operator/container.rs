//! What `docker:` in scope means for a command.

use super::{DockerMode, OperatorError, OperatorRequest};

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// As a process of this machine.
    Here,
}

/// Decides by the parameter `docker` and the mode of the run.
pub(super) fn place(request: &OperatorRequest<'_>) -> Result<Place, OperatorError> {
    if request.param("docker").is_none() || request.services.docker == DockerMode::Never {
        return Ok(Place::Here);
    }
    Err(OperatorError::config("`docker:` is in scope, and commands cannot run in a container yet")
        .hint("`--docker never` runs them on this machine"))
}
