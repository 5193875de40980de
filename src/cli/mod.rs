//! The front door: one file per command. Knows every room; nobody knows it.

pub mod check;
pub mod embulk;
pub mod flush;
pub mod guard;
mod hidden_prompt;
pub mod params;
pub mod place;
pub mod properties;
pub mod run_args;
pub mod safe;
pub mod secrets;
