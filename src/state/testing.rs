//! What tests of this room begin with.

use jiff::Timestamp;

use super::{AttemptKind, NewAttempt, Process, Store};
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

/// A new state, and the folder that it lies in.
pub(super) fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("state.db")).unwrap();
    (folder, store)
}
