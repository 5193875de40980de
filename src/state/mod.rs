//! The archive: a SQLite file that remembers every session, attempt, task, transfer and outside
//! effect, and the parameters that workflows keep.
//!
//! * One process writes through one [`Store`]; events that happen at once are one transaction, committed before anyone
//!   is told. The journal is WAL with `synchronous = NORMAL` ([`journal`] says where not); the commit before an outside
//!   effect is `FULL`.
//! * An attempt belongs to a process that holds its lock file ([`lock`]), in which stands how far its transfers are
//!   ([`live`]); what people are to be told of it stands in the
//!   file until they know ([`undelivered`]).
//! * A schema version with migrations that only grow ([`schema`]); a file of a newer version is refused.
//! * Values that count as secrets never come here: the run hands over events without them, and
//!   `param_set>` refuses them.

mod before;
mod busy;
mod copied;
mod durations;
mod ended;
mod error;
mod events;
mod figures;
mod history;
mod journal;
mod last_good;
mod live;
mod lock;
mod look;
mod params;
mod process;
mod prune;
mod record;
mod schema;
mod store;
mod undelivered;
mod watched;

pub use copied::{CopiedTarget, RunWorkflow};
pub use ended::Rest;
pub use error::StateError;
pub use figures::TaskFigures;
pub use live::Progress;
pub use process::{Life, Process};
pub use prune::{OldSession, Pruned};
pub use record::{
    AttemptKind, AttemptRecord, NewAttempt, SessionRecord, TaskRecord, TransferRecord, TransferState,
};
pub use store::{RunningAttempt, Store};
pub use undelivered::{Reason, Undelivered};
pub use watched::{Sought, TransferName};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
