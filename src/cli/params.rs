//! `-p key=value` as Digdag reads it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::diagnostic::Source;
use crate::session::Params;
use crate::yaml::{self, Dialect};

/// Why `-p` cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// No `=` in it.
    #[error("a parameter is written `key=value`, but got `{0}`")]
    NoEquals(String),
    /// `-p a=1 -p a.b=2`.
    #[error("parameter `{key}` is set but `{parent}` is not an object")]
    Clash { key: String, parent: String },
    /// `-P` names a file that cannot be used.
    #[error("parameters file `{}` {reason}", path.display())]
    File { path: PathBuf, reason: String },
}

/// The mapping in a YAML file (`-P`).
pub fn read_file(path: &Path) -> Result<Params, ParamsError> {
    let wrong = |reason: String| ParamsError::File { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let parsed = yaml::parse(&Source::new(path, text), Dialect::Digdag);
    if let Some(problem) = parsed.problems.iter().find(|problem| problem.is_error()) {
        let place = problem.span.as_ref().map(|span| format!(" (line {})", span.line())).unwrap_or_default();
        return Err(wrong(format!("is invalid{place}: {}", problem.message)));
    }
    match parsed.node.map(|node| node.to_json()) {
        Some(Value::Object(params)) => Ok(params),
        _ => Err(wrong("holds no mapping".to_owned())),
    }
}

/// Puts the values of all `-p` together. Values are text. Dots in keys nest. A comma begins the next parameter,
/// unless what follows has no `=`: then it belongs to the value.
pub fn parse(arguments: &[String]) -> Result<Params, ParamsError> {
    let mut params = Params::new();
    for argument in arguments {
        for (key, value) in pairs(argument)? {
            insert(&mut params, &key, value)?;
        }
    }
    Ok(params)
}

fn pairs(argument: &str) -> Result<Vec<(String, String)>, ParamsError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for piece in argument.split(',') {
        match (piece.split_once('='), pairs.last_mut()) {
            (Some((key, value)), _) => pairs.push((key.to_owned(), value.to_owned())),
            (None, Some((_, value))) => {
                value.push(',');
                value.push_str(piece);
            }
            (None, None) => return Err(ParamsError::NoEquals(argument.to_owned())),
        }
    }
    Ok(pairs)
}

fn insert(params: &mut Params, key: &str, value: String) -> Result<(), ParamsError> {
    let mut map = params;
    let mut parts = key.split('.').peekable();
    let mut path = String::new();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            map.insert(part.to_owned(), Value::String(value));
            return Ok(());
        }
        path = if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
        let next = map.entry(part).or_insert_with(|| Value::Object(Params::new()));
        map = next
            .as_object_mut()
            .ok_or_else(|| ParamsError::Clash { key: key.to_owned(), parent: path.clone() })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Value, ParamsError> {
        parse(&arguments.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).map(Value::Object)
    }

    #[test]
    fn commas_and_dots_are_as_digdag_reads_them() {
        assert_eq!(
            parsed(&["a=1,b=2", "c.d=x", "c.e=y=z"]),
            Ok(json!({"a": "1", "b": "2", "c": {"d": "x", "e": "y=z"}}))
        );
        assert_eq!(parsed(&["k=x,y"]), Ok(json!({"k": "x,y"})));
        assert_eq!(parsed(&["k="]), Ok(json!({"k": ""})));
    }

    #[test]
    fn what_is_no_parameter_is_named() {
        assert_eq!(
            parsed(&["k"]).unwrap_err().to_string(),
            "a parameter is written `key=value`, but got `k`"
        );
        assert_eq!(
            parsed(&["a=1", "a.b=2"]).unwrap_err().to_string(),
            "parameter `a.b` is set but `a` is not an object"
        );
    }
}
