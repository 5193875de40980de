//! The engine room: carries out a plan. Only this room waits for time.

pub mod embulk_lines;
pub mod embulk_protocol;
pub mod embulk_socket;
pub mod event;
pub mod operator;
