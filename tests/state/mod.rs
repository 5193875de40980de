//! The state file between runs: who holds a workflow, what is removed, and files of older versions.

mod lock;
mod prune;
mod versions;
