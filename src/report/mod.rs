//! The windows: what people see of events and records.

pub mod console;
pub mod figures;
pub mod problems;
pub mod table;
pub mod tasklog;
