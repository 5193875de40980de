//! The engine room: carries out a plan. Only this room waits for time.
//!
//! * [`dispatcher`] is one thread and one line of events: it starts, retries and stops, and hands every event to the
//!   sink it was given before anything is built upon it.
//! * `workers` are the threads, `executor` is one try of one task on one of them; [`scope`] makes the parameters it sees.
//! * [`operator`] is what tasks do; [`notification`] tells somebody outside; [`setup`] is what a run is handed and what it says in the end.
//!
//! It knows neither SQLite nor the terminal: both hear of a run through [`event`]s alone.

pub mod cancel;
pub mod dispatcher;
pub mod embulk_lines;
pub mod embulk_protocol;
pub mod embulk_socket;
pub mod event;
mod executor;
mod interrupt;
mod markup;
pub mod notification;
pub mod operator;
pub mod orphans;
pub(crate) mod private_directory;
pub mod scope;
pub mod setup;
mod slots;
#[cfg(test)]
mod tests;
mod timers;
mod waiting;
mod workers;

pub use cancel::{StopHandle, StopReason, StopRequests, stop_requests};
pub use dispatcher::{Sink, execute};
pub use scope::SessionInfo;
pub use setup::{FailedTask, LogParams, RunMode, RunSetup, RunSummary, SinkError};
pub use slots::Slots;
pub use waiting::Waiting;
