//! What a request carries: `content`, written as `content_format` says.

use bytes::Bytes;
use serde_json::Value;

use super::super::options::Options;
use super::super::secret_text::expand;
use super::super::{OperatorError, OperatorRequest};
use crate::dig::params;
use crate::session::Params;

/// The body of a request.
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) content_type: String,
}

/// The body; none without `content`.
pub(super) fn read(
    request: &OperatorRequest<'_>,
    options: &Options<'_>,
) -> Result<Option<Body>, OperatorError> {
    let Some(written) = options.get("content") else { return Ok(None) };
    let format = options.text("content_format")?.map(|format| format.to_lowercase());
    let content_type = options.text("content_type")?;
    let content = with_secrets(written, request)?;
    let default = if content.is_object() || content.is_array() { "json" } else { "text" };
    let format = format.as_deref().unwrap_or(default);
    let (text, content_type) = match (format, &content) {
        ("json", _) => (content.to_string(), content_type.unwrap_or_else(|| "application/json".to_owned())),
        // Digdag leaves the type of a form alone.
        ("form", Value::Object(fields)) => (form(fields)?, "application/x-www-form-urlencoded".to_owned()),
        ("text", Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
            // Odd, and what servers behind Digdag know.
            (scalar(&content).unwrap_or_default(), content_type.unwrap_or_else(|| "plain/text".to_owned()))
        }
        (format, content) => return Err(wrong_format(format, content)),
    };
    Ok(Some(Body { bytes: Bytes::from(text), content_type }))
}

/// Digdag's words.
fn wrong_format(format: &str, content: &Value) -> OperatorError {
    let kind = match content {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
    };
    OperatorError::config(format!("Invalid content format for {kind}s: '{format}'"))
}

/// Puts secrets into the names and values of a tree.
fn with_secrets(value: &Value, request: &OperatorRequest<'_>) -> Result<Value, OperatorError> {
    Ok(match value {
        Value::String(text) => Value::String(expand(text, request)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| with_secrets(item, request)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let pairs =
                map.iter().map(|(key, value)| Ok((expand(key, request)?, with_secrets(value, request)?)));
            Value::Object(pairs.collect::<Result<_, OperatorError>>()?)
        }
        other => other.clone(),
    })
}

fn form(fields: &Params) -> Result<String, OperatorError> {
    let mut encoder = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        let text = scalar(value).ok_or_else(|| {
            let kind = params::kind_of(value);
            OperatorError::config(format!("field `{name}` of the form must be a text, but is {kind}"))
        })?;
        encoder.append_pair(name, &text);
    }
    Ok(encoder.finish())
}

/// The text of what is neither map nor list; of null, `null`.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Object(_) | Value::Array(_) => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
