//! MySQL and MariaDB as sources.

mod probe;
mod random;

use sync::embulk::config::TypeMapping;
use sync::embulk::input::{InputConfig, MysqlInput};
use sync::transfer::error::TransferError;

use super::lab::{Lab, to_csv, to_jsonl};

fn jsonl(lab: &Lab, input: &MysqlInput, types: TypeMapping) -> Result<String, TransferError> {
    lab.run(&to_jsonl(InputConfig::Mysql(input.clone()), types))?;
    Ok(std::fs::read_to_string(lab.path("out000.00.jsonl")).unwrap())
}
