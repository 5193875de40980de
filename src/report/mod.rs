//! The windows: what people see of events and records.

pub mod console;
pub mod problems;
pub mod tasklog;
