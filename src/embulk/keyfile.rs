//! A Google key in JSON: parsed and found whole before anything asks for a token, without showing any of it.

use serde_json::Value;

use super::output::Keyfile;
use crate::secret::Secret;

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyfileError {
    /// There is no character in it.
    #[error("`json_keyfile` is empty")]
    Empty,
    /// Not JSON. Says where, not what.
    #[error("`json_keyfile` is not JSON: line {line}, column {column} of the key")]
    Syntax {
        /// Line in the key, from 1.
        line: usize,
        /// Column in the key, from 1.
        column: usize,
    },
    /// JSON, but not an object.
    #[error("`json_keyfile` must be a JSON object")]
    NotAnObject,
    /// Without a part that every key has.
    #[error("`json_keyfile` has no `{0}`")]
    Missing(&'static str),
}

impl KeyfileError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Empty => Some("is the variable or secret with the key set?"),
            Self::Syntax { .. } | Self::NotAnObject => {
                Some("give the whole text of the key file that Google Cloud made")
            }
            Self::Missing(_) => None,
        }
    }
}

/// Parses a key. Line breaks inside of its strings, as they come out of variables that unfolded `\n`, are mended.
pub fn parse(content: &Secret) -> Result<Keyfile, KeyfileError> {
    let text = content.expose().trim();
    if text.is_empty() {
        return Err(KeyfileError::Empty);
    }
    let (value, content) = match serde_json::from_str::<Value>(text) {
        Ok(value) => (value, Secret::new(text)),
        Err(error) => {
            let mended = fold_lines(text);
            match serde_json::from_str(&mended) {
                Ok(value) => (value, Secret::new(mended)),
                Err(_) => return Err(KeyfileError::Syntax { line: error.line(), column: error.column() }),
            }
        }
    };
    let object = value.as_object().ok_or(KeyfileError::NotAnObject)?;
    let text_of = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let needed: &[&'static str] = match text_of("type") {
        Some("authorized_user") => &["client_id", "client_secret", "refresh_token"],
        Some("service_account") | None => &["client_email", "private_key"],
        // Other kinds (workload identity) are the business of the library that signs.
        Some(_) => &[],
    };
    if let Some(missing) = needed.iter().find(|key| text_of(key).is_none()) {
        return Err(KeyfileError::Missing(missing));
    }
    Ok(Keyfile { project_id: text_of("project_id").map(str::to_owned), content })
}

/// The same JSON with line breaks inside of strings written as `\n`.
fn fold_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for char in text.chars() {
        match char {
            '\n' if in_string => {
                out.push_str("\\n");
                continue;
            }
            '\r' if in_string => continue,
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && char == '\\' && !escaped;
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = r#"{"type": "service_account", "project_id": "lake", "client_email": "a@b", "private_key": "-----BEGIN\nx\n"}"#;

    #[test]
    fn a_key_gives_its_project() {
        let keyfile = parse(&Secret::new(KEY)).unwrap();
        assert_eq!(keyfile.project_id.as_deref(), Some("lake"));
        let unfolded = KEY.replace("\\n", "\n");
        let mended = parse(&Secret::new(unfolded)).unwrap();
        assert_eq!(mended.content.expose(), KEY);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_key() {
        let message = |text: &str| parse(&Secret::new(text)).unwrap_err().to_string();
        assert_eq!(message(" "), "`json_keyfile` is empty");
        assert_eq!(message("{\n \"a\": hunter2}"), "`json_keyfile` is not JSON: line 2, column 7 of the key");
        assert_eq!(message("[1]"), "`json_keyfile` must be a JSON object");
        assert_eq!(message(r#"{"client_email": "a"}"#), "`json_keyfile` has no `private_key`");
    }
}
