//! The tests, one binary.

mod google_clients;
mod rows;
mod support;
