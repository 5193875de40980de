//! What tests of this room begin with.

use jiff::Timestamp;

use super::{AttemptKind, NewAttempt, Process};
use crate::session::Params;

/// An attempt at `wf.dig` of the project `/p`.
pub(super) fn attempt(process: Process) -> NewAttempt {
    NewAttempt {
        project: "/p".into(),
        workflow: "wf".into(),
        file: "wf.dig".into(),
        session_time: "2026-01-02T00:00:00+00:00".into(),
        kind: AttemptKind::Run,
        starting_attempt: None,
        required_by: None,
        name: None,
        params: Params::new(),
        secret_params: vec!["password".into()],
        process,
        at: Timestamp::UNIX_EPOCH,
    }
}
