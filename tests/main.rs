//! The tests, one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(unreachable_pub, reason = "private modules of one binary")]

mod bigquery;
mod check;
mod command;
mod console;
mod examples;
mod flow;
mod google_clients;
mod google_wire;
mod moment;
mod quickstart;
mod readme;
mod retry;
mod rows;
mod secrets_kms;
mod sql;
mod support;
mod types;
mod yaml;
