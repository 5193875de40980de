//! The front door: one file per command. Knows every room; nobody knows it.

pub mod check;
pub mod flush;
pub mod guard;
pub mod params;
pub mod place;
pub mod properties;
pub mod run_args;
