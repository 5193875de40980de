//! The windows: what people see of events and records.

pub mod attempt;
pub mod console;
pub mod explanation;
pub mod figures;
pub mod follow;
pub mod json;
pub mod live;
pub mod log;
pub mod notice;
pub mod page;
pub mod problems;
pub mod progress;
pub mod screen;
pub mod shown;
pub mod slow;
pub mod status;
pub mod summary;
pub mod table;
pub mod tasklog;
pub mod unused;
