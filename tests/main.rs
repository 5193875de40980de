//! The tests, one binary.

mod google_clients;
mod google_wire;
mod rows;
mod support;
