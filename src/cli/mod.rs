//! The front door: one file per command. Knows every room; nobody knows it.
