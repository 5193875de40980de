//! The loading dock: moves the rows of one table from an input through filters to an output.
//!
//! Rows travel in columnar pages on plain threads with bounded queues between; nothing above this room sees one.
//! What a transfer needs from outside comes in a [`context::TransferContext`].

pub mod ask;
pub mod civil;
mod clock_text;
pub mod config_diff;
pub mod context;
pub mod copy;
pub mod effect;
pub mod encode;
pub mod error;
pub mod explain;
pub mod filter;
pub mod gauge;
pub mod guess;
pub mod input;
pub mod output;
mod own_memory;
pub mod page;
pub mod policy;
pub mod pool;
pub mod preview;
mod reader;
pub mod report;
pub mod schema;
pub mod stray;
pub mod strftime;
pub mod strptime;
mod strptime_zone;
pub mod target;
pub mod value;
pub mod zone;

pub use copy::run;
