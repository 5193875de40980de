//! PostgreSQL as a source.

mod cases;
mod outcomes;
mod published;
mod random;
mod types;

use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, PostgresqlInput};

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
