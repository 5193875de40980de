//! PostgreSQL as a source.

mod arrays;
mod breaks;
mod cases;
mod connection;
mod outcomes;
mod published;
mod random;
mod ranges;
mod types;

use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, PostgresqlInput};
use sync::transfer::error::TransferError;

use super::lab::{Lab, to_csv, to_jsonl};

/// What a transfer to CSV writes.
fn csv(lab: &Lab, input: PostgresqlInput, types: TypeMapping) -> String {
    lab.run(&to_csv(InputConfig::Postgresql(input), types)).unwrap();
    std::fs::read_to_string(lab.path("out000.00.csv")).unwrap()
}

/// What a transfer to JSON lines writes.
fn jsonl(lab: &Lab, input: PostgresqlInput, types: TypeMapping) -> String {
    lab.run(&to_jsonl(InputConfig::Postgresql(input), types)).unwrap();
    std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap()
}

/// The error of a transfer that leaves no file.
fn refused(lab: &Lab, input: &PostgresqlInput) -> TransferError {
    let input = InputConfig::Postgresql(input.clone());
    let error = lab.run(&to_jsonl(input, TypeMapping::Embulk)).unwrap_err();
    assert_eq!(lab.files(), Vec::<String>::new());
    error
}
