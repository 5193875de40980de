//! `-p key=value` and `-P FILE` as Digdag reads them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::dig;
use crate::exit::Exit;
use crate::reader::DirectoryReader;
use crate::report::problems;
use crate::session::Params;

/// Why parameters cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// No `=` in it.
    #[error("a parameter is written `key=value`, but got `{0}`")]
    NoEquals(String),
    /// `-p =x`, `-p a..b=x`.
    #[error("the name `{0}` of a parameter has an empty part")]
    NoName(String),
    /// `-p a=1 -p a.b=2`, or `a` comes from a file.
    #[error("parameter `{key}` is set but `{parent}` is not an object")]
    Clash { key: String, parent: String },
    /// `-P` names a file that is not there, or is no text.
    #[error("parameters file `{}` cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    /// `-P` names a file that holds something else.
    #[error("parameters file `{}` {reason}", path.display())]
    Invalid { path: PathBuf, reason: String },
}

impl ParamsError {
    /// Wrong usage, but for a file whose content is wrong.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Invalid { .. } => Exit::Invalid,
            _ => Exit::Usage,
        }
    }
}

/// The mapping in a YAML file (`-P`), its includes in place.
pub fn read_file(path: &Path) -> Result<Params, ParamsError> {
    crate::reader::read_text(path)
        .map_err(|error| ParamsError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    let (folder, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
    dig::read_params(Path::new(name), &DirectoryReader::new(folder)).map_err(|problems| {
        let error = problems.iter().find(|problem| problem.is_error());
        let reason = error.map(|error| format!("is invalid: {}", problems::one_line(error)));
        ParamsError::Invalid {
            path: path.to_owned(),
            reason: reason.unwrap_or_else(|| "is invalid".to_owned()),
        }
    })
}

/// Puts the values of all `-p` over parameters from elsewhere. Values are text. Dots in keys nest. A comma begins the
/// next parameter, unless what follows has no `=`: then it belongs to the value.
pub fn put(params: &mut Params, arguments: &[String]) -> Result<(), ParamsError> {
    let mut all = Vec::new();
    for argument in arguments {
        all.extend(pairs(argument)?);
    }
    for (key, value) in &all {
        // A later `a` would throw an earlier `a.b` away.
        let inside = format!("{key}.");
        if let Some((longer, _)) = all.iter().find(|(other, _)| other.starts_with(&inside)) {
            return Err(ParamsError::Clash { key: longer.clone(), parent: key.clone() });
        }
        insert(params, key, value)?;
    }
    Ok(())
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

/// Puts a text where a dotted name says.
pub fn insert(params: &mut Params, key: &str, value: &str) -> Result<(), ParamsError> {
    let mut map = params;
    let mut path = String::new();
    let (folders, last) = key.rsplit_once('.').map_or((None, key), |(folders, last)| (Some(folders), last));
    if key.split('.').any(str::is_empty) {
        return Err(ParamsError::NoName(key.to_owned()));
    }
    for part in folders.into_iter().flat_map(|folders| folders.split('.')) {
        path = if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
        let next = map.entry(part).or_insert_with(|| Value::Object(Params::new()));
        map = next
            .as_object_mut()
            .ok_or_else(|| ParamsError::Clash { key: key.to_owned(), parent: path.clone() })?;
    }
    map.insert(last.to_owned(), Value::String(value.to_owned()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put_over(below: Value, arguments: &[&str]) -> Result<Value, String> {
        let mut params = below.as_object().cloned().unwrap_or_default();
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        put(&mut params, &arguments).map_err(|error| error.to_string())?;
        Ok(Value::Object(params))
    }

    fn parsed(arguments: &[&str]) -> Result<Value, String> {
        put_over(json!({}), arguments)
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
    fn they_stand_over_what_comes_from_files() {
        let below = || json!({"a": {"x": 1, "y": [2]}, "b": 3});
        assert_eq!(
            put_over(below(), &["a.x=5", "a.z=6"]),
            Ok(json!({"a": {"x": "5", "y": [2], "z": "6"}, "b": 3}))
        );
        assert_eq!(put_over(below(), &["a=5"]), Ok(json!({"a": "5", "b": 3})));
        let clash = |key: &str, parent: &str| {
            Err(format!("parameter `{key}` is set but `{parent}` is not an object"))
        };
        assert_eq!(put_over(below(), &["b.c=1"]), clash("b.c", "b"));
        assert_eq!(put_over(below(), &["a.y.z=1"]), clash("a.y.z", "a.y"));
    }

    #[test]
    fn what_is_no_parameter_is_named() {
        let error = |text: &str| Err(text.to_owned());
        assert_eq!(parsed(&["k"]), error("a parameter is written `key=value`, but got `k`"));
        assert_eq!(parsed(&["a=1", "k,b=2"]), error("a parameter is written `key=value`, but got `k,b=2`"));
        for name in ["", "a..b", "a.", ".a"] {
            let empty = format!("the name `{name}` of a parameter has an empty part");
            assert_eq!(parsed(&[&format!("{name}=x")]), Err(empty));
        }
        let clash = "parameter `a.b` is set but `a` is not an object";
        assert_eq!(parsed(&["a=1", "a.b=2"]), error(clash));
        assert_eq!(parsed(&["a.b=2,a=1"]), error(clash));
        assert_eq!(parsed(&["a=1,ab=2,a=3"]), Ok(json!({"a": "3", "ab": "2"})));
    }
}
