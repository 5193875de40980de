//! `sync check --explain` and `--connect`: what is said of transfers before they run, and what the servers say.

mod connect;
mod counted;
mod readme;
mod runs;
mod shown;

use serde_json::Value;

use crate::support::sandbox::{Said, Sandbox};

/// What is told of the columns of the first transfer.
fn columns(said: &Said) -> Vec<Value> {
    transfers(said)[0]["columns"].as_array().unwrap_or_else(|| panic!("{said:?}")).clone()
}

fn transfers(said: &Said) -> Vec<Value> {
    let out: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    out["transfers"].as_array().expect("a list of transfers").clone()
}

fn text<'v>(column: &'v Value, key: &str) -> &'v str {
    column[key].as_str().unwrap_or("-")
}

/// A SQLite file `shop.db` in the sandbox.
fn sqlite(sandbox: &Sandbox, sql: &str) {
    rusqlite::Connection::open(sandbox.path().join("shop.db")).unwrap().execute_batch(sql).unwrap();
}
