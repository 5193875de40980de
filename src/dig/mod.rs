//! The reading room for `.dig` files: text to a checked [`workflow::Workflow`]. Pure.

pub mod expression;
pub mod params;
pub mod retry;
pub mod schedule;
pub mod workflow;
