//! MySQL and MariaDB as sources.

mod breaks;
mod random;
mod ranges;
mod shapes;
mod statements;
mod values;

use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, MysqlInput};
use sync::transfer::error::TransferError;

use super::lab::{Lab, to_jsonl};

/// What a transfer to JSON lines writes.
fn jsonl(lab: &Lab, input: &MysqlInput, types: TypeMapping) -> Result<String, TransferError> {
    lab.run(&to_jsonl(InputConfig::Mysql(input.clone()), types))?;
    Ok(std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap())
}

#[track_caller]
fn written(input: &MysqlInput, types: TypeMapping) -> String {
    jsonl(&Lab::new(), input, types).unwrap()
}

/// The error of a transfer that leaves no file.
#[track_caller]
fn refused(lab: &Lab, input: &MysqlInput) -> TransferError {
    let error = jsonl(lab, input, TypeMapping::Embulk).unwrap_err();
    assert_eq!(lab.files(), Vec::<String>::new());
    error
}
