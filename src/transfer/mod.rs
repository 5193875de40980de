//! The loading dock: moves the rows of one table from an input through filters to an output.
//!
//! Rows travel in columnar pages on plain threads with bounded queues between; nothing above this room sees one.
//! What a transfer needs from outside comes in a [`context::TransferContext`].

pub mod context;
pub mod effect;
pub mod report;
