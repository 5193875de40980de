//! `-p key=value` as Digdag reads it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::diagnostic::Problem;
use crate::dig;
use crate::reader::DirectoryReader;
use crate::session::Params;

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
    std::fs::metadata(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let (folder, name) =
        (path.parent().unwrap_or(Path::new("")), Path::new(path.file_name().unwrap_or_default()));
    dig::read_params(name, &DirectoryReader::new(folder)).map_err(|problems| {
        let error = problems.into_iter().find(Problem::is_error);
        wrong(error.map_or_else(|| "is invalid".to_owned(), |error| shown(&error, name)))
    })
}

/// What is wrong in the file `own`, or in one that it includes.
fn shown(error: &Problem, own: &Path) -> String {
    let place = error.span.as_ref().map(|span| match span.path() {
        path if path == own => format!(" (line {})", span.line()),
        included => format!(" (line {} of `{}`)", span.line(), included.display()),
    });
    format!("is invalid{}: {}", place.unwrap_or_default(), error.message)
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

    #[test]
    fn a_file_of_parameters_may_include_others() {
        let folder = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
        write("params.yml", "a: {b: 1}\n!include : more.yml\nd: 4\n");
        write("more.yml", "a: {c: 2}\nd: 3\n");
        write("broken.yml", "x: 1\ny: [1\n");
        for (name, text) in [
            ("duplicate.yml", "a: 1\nb: 2\na: 3\n"),
            ("outer.yml", "!include : broken.yml\n"),
            ("list.yml", "- a\n"),
            ("empty.yml", ""),
        ] {
            write(name, text);
        }
        let path = |name: &str| folder.path().join(name);
        let read = read_file(&path("params.yml")).expect("it is right");
        assert_eq!(Value::Object(read).to_string(), r#"{"a":{"b":1,"c":2},"d":4}"#);
        for (name, reason) in [
            ("duplicate.yml", "is invalid (line 3): duplicate key `a`"),
            (
                "outer.yml",
                "is invalid (line 3 of `broken.yml`): a `,` or the closing bracket is missing here",
            ),
            ("list.yml", "is invalid (line 1): the file must hold a mapping, but holds a list"),
            ("empty.yml", "is invalid (line 1): the file must hold a mapping, but holds null"),
            ("none.yml", "cannot be read: No such file or directory (os error 2)"),
        ] {
            let message = read_file(&path(name)).unwrap_err().to_string();
            assert_eq!(message, format!("parameters file `{}` {reason}", path(name).display()));
        }
    }
}
