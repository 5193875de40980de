//! The state file between runs: who holds a workflow, what is removed, and files of older versions.

mod containers;
mod disk;
mod lock;
mod no_locks;
mod prune;
mod versions;
