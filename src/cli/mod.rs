//! The front door: one file per command. Knows every room; nobody knows it.

pub mod flush;
pub mod params;
pub mod place;
