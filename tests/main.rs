//! The tests, one binary.

mod google_clients;
mod google_wire;
mod rows;
mod secrets_kms;
mod support;
