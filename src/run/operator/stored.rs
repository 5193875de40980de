//! What a command wrote into the file `$SYNC_STORE`: lines `name=text`, or one JSON object.

use serde_json::Value;

use super::OperatorError;
use crate::session::Params;

/// The parameters to store.
pub(super) fn read(bytes: Vec<u8>) -> Result<Params, OperatorError> {
    let text =
        String::from_utf8(bytes).map_err(|_| OperatorError::failed("the file `$SYNC_STORE` is not UTF-8"))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Params, OperatorError> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| {
            OperatorError::failed("the file `$SYNC_STORE` is not valid JSON").cause(&error)
        });
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), Value::String(value.to_owned())))
            }
            _ => Err(OperatorError::failed(format!(
                "line {} of the file `$SYNC_STORE` is not `name=text`",
                index + 1
            ))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_or_json_and_nothing_else() {
        let parsed = |text: &str| parse(text).map(Value::Object).map_err(|error| error.message);
        assert_eq!(parsed(""), Ok(json!({})));
        assert_eq!(parsed("a=1\n\nb = x=y \n"), Ok(json!({"a": "1", "b": " x=y "})));
        assert_eq!(parsed(" {\"l\": [1, 2]}\n"), Ok(json!({"l": [1, 2]})));
        assert_eq!(
            parsed("a=1\nnothing"),
            Err("line 2 of the file `$SYNC_STORE` is not `name=text`".to_owned())
        );
        assert_eq!(parsed("{\"a\":"), Err("the file `$SYNC_STORE` is not valid JSON".to_owned()));
    }
}
