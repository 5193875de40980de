//! The drawing room: what runs, in which order, and what follows from what happened. A pure, growing state machine.
//!
//! A [`Plan`] knows no clock, no thread and no disk. It says what may start ([`Plan::take_ready`]), is told how it
//! ended ([`Plan::succeeded`], [`Plan::failed`], [`Plan::retry_due`]), grows by what tasks generate, and reports
//! every change of state as a [`Transition`]. The words and the rules are Digdag's: children wait for the siblings
//! before them, a task that can never start stays blocked for ever, and a parent ends when nothing below it can
//! go on.
//!
//! * [`definition`]: the compiled tree, shared between the copies that a group's `_retry` makes.
//! * [`graph`]: the nodes; `edges` says how they wait for each other.
//! * [`progress`]: what follows from an end, a failure, a retry; `timeout` from a `_timeout`; `failure` makes the
//!   variable `error`.
//! * [`scope`]: which exports and stores a task sees.
//! * [`resume`] and [`selection`]: what an earlier attempt has done already, and what people asked to run.
//! * `waiting`: how many tables have yet to begin.
//! * [`sizes`]: how much work each task was, so that of those in the queue (`ready`) the largest starts first.

pub mod definition;
mod edges;
mod failure;
#[cfg(test)]
mod fake;
pub mod graph;
#[cfg(test)]
mod laws;
mod node;
#[cfg(test)]
mod order;
pub mod progress;
mod ready;
pub mod resume;
pub mod scope;
pub mod selection;
pub mod sizes;
#[cfg(test)]
mod tests;
mod timeout;
mod waiting;

/// More tasks an attempt has not, those that are generated included: each takes some kilobytes until it ends.
pub const MOST_TASKS: usize = 100_000;

pub use definition::Definition;
pub use graph::{Counts, Plan, PlannedTask, Weight, Work};
pub use node::TaskId;
pub use progress::{Failure, Success, Transition};
pub use resume::{Recorded, RecordedTask, is_control};
pub use scope::Scope;
pub use selection::{Selection, SelectionError};
pub use sizes::{Copied, Past, Sizes};
