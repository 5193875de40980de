//! The engine room: carries out a plan. Only this room waits for time.

pub mod event;
pub mod operator;
