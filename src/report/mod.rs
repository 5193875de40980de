//! The windows: what people see of events and records.

pub mod attempt;
pub mod console;
pub mod explanation;
pub mod figures;
pub mod json;
pub mod log;
pub mod page;
pub mod problems;
pub mod progress;
pub mod status;
pub mod summary;
pub mod table;
pub mod tasklog;
pub mod unused;
