//! `!include :`, resolved before anything is evaluated: the pairs of a file take the place of the key.

use serde_json::Value;

use crate::model::files::{Files, INCLUDE};
use crate::model::story::Params;

/// A file with all it includes; none when there is no such file.
pub fn load(files: &Files, path: &str) -> Option<Params> {
    let tree = files.0.get(path)?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(resolved(files, folder, tree))
}

fn resolved(files: &Files, folder: &str, tree: &Params) -> Params {
    let mut result = Params::new();
    for (key, value) in tree {
        if let Some(path) = key.strip_prefix(INCLUDE) {
            let path = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
            // An included map goes into an earlier one of the same key; anything else replaces.
            super::params::merge(&mut result, &load(files, &path).expect("the generator wrote the file"));
        } else {
            // A written value replaces an included one whole.
            result.insert(key.clone(), any(files, folder, value));
        }
    }
    result
}

fn any(files: &Files, folder: &str, value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(resolved(files, folder, map)),
        Value::Array(items) => items.iter().map(|item| any(files, folder, item)).collect(),
        other => other.clone(),
    }
}
