//! `s3_put>` and `gcs_put>` write one small object: a marker that says that a run is done, or what the next system
//! has to know. An object that is there is replaced, so a task that is run again does no harm.
//!
//! What is written is the same for both; how it gets there is in [`s3`] and [`gcs`].

pub(super) mod gcs;
pub(super) mod s3;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::Value;

use super::secret_text::holds_secret;
use super::{OperatorError, OperatorRequest, resolve_inside};
use crate::dig::params;
use crate::session::Level;

/// No file that is larger is taken: it would lie in memory as a whole.
const LARGEST: u64 = 64 << 20;

/// What an object is made of.
struct Content {
    bytes: Bytes,
    content_type: String,
}

impl Content {
    /// The text or the JSON of `content`, or the bytes of `content_file`; without both it is empty.
    fn read<'v>(
        request: &OperatorRequest<'_>,
        option: impl Fn(&str) -> Option<&'v Value>,
    ) -> Result<Self, OperatorError> {
        let content_type =
            option("content_type").map(|value| params::to_text("content_type", value)).transpose()?;
        let (bytes, default) = match (option("content"), option("content_file")) {
            (Some(_), Some(_)) => {
                return Err(OperatorError::config("`content` and `content_file` exclude each other"));
            }
            (Some(content), None) => {
                let (text, content_type) = written(content)?;
                (Bytes::from(text), content_type)
            }
            (None, Some(name)) => {
                (file(request, &params::to_text("content_file", name)?)?, "application/octet-stream")
            }
            (None, None) => (Bytes::new(), "text/plain; charset=utf-8"),
        };
        Ok(Self { bytes, content_type: content_type.unwrap_or_else(|| default.to_owned()) })
    }
}

/// A text as it is; a map or a list as JSON.
fn written(content: &Value) -> Result<(String, &'static str), OperatorError> {
    let (text, content_type) = match content {
        Value::Object(_) | Value::Array(_) => (content.to_string(), "application/json"),
        scalar => (params::to_text("content", scalar)?, "text/plain; charset=utf-8"),
    };
    if holds_secret(&text) {
        return Err(OperatorError::config("`content` asks for a secret: an object is no place for one")
            .hint("whoever reads the object takes the secret from where it is kept"));
    }
    Ok((text, content_type))
}

/// A file of the project, byte for byte: `${...}` in it is not evaluated.
fn file(request: &OperatorRequest<'_>, name: &str) -> Result<Bytes, OperatorError> {
    let path = resolve_inside(&request.services.project, &request.directory, name)?;
    let unreadable = |error: std::io::Error| {
        OperatorError::config(format!("file `{name}` of `content_file` cannot be read")).cause(&error)
    };
    let size = std::fs::metadata(&path).map_err(unreadable)?.len();
    if size > LARGEST {
        let message =
            format!("file `{name}` of `content_file` has {size} bytes: at most {LARGEST} are taken");
        return Err(OperatorError::config(message).hint("copy it with the service's own command in `sh>`"));
    }
    Ok(std::fs::read(&path).map_err(unreadable)?.into())
}

/// Tells people that the object is there.
fn told(request: &OperatorRequest<'_>, object: &str, length: usize) {
    request.reporter.log(Level::Info, &format!("object `{object}` is written, {length} bytes"));
}
