//! The tests, one binary.

mod check;
mod command;
mod examples;
mod flow;
mod google_clients;
mod google_wire;
mod quickstart;
mod rows;
mod secrets_kms;
mod support;
