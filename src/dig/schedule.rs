//! `schedule:` of a workflow: when its sessions are. Pure: the time comes in as a value.

/// A checked `schedule:`.
#[derive(Debug, Clone)]
pub struct Schedule {}
