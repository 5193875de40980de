//! What a config leaves open about the files of its input, found out from a sample of them.

use serde_json::{Map, Value};

use super::context::TransferContext;
use super::error::{ErrorKind, TransferError};
use super::input::file;
use crate::embulk::GuessConfig;
use crate::embulk::guess::{self, Plugin};

/// The whole config with what was guessed in it, by the plugins `asked` for too. An input that has no files is left as
/// it is.
pub fn guess(
    config: &GuessConfig,
    asked: &[Plugin],
    context: &TransferContext,
) -> Result<Map<String, Value>, TransferError> {
    let mut root = config.root.clone();
    let Some(sample) = file::sample(&config.input, config.sample_bytes, context)? else {
        return Ok(root);
    };
    if let Some(Value::Object(input)) = root.get_mut("in") {
        let guessed = guess::guess(input, &config.plugins(asked), &sample)
            .map_err(|error| TransferError::new(ErrorKind::Config, error.to_string()))?;
        guess::merge(input, &guessed);
    }
    Ok(root)
}
