//! The tests, one binary.

mod check;
mod google_clients;
mod google_wire;
mod rows;
mod secrets_kms;
mod support;
