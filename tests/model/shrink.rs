//! From a workflow that shows a difference to a smaller one that still does.

use serde_json::Value;

use super::files::Files;
use super::program;
use super::story::Params;

/// Leaves out one key after the other, as long as `difference` finds something.
pub fn shrunk(
    mut files: Files,
    mut found: String,
    difference: impl Fn(&Files) -> Option<String>,
) -> (Files, String) {
    let without = |files: &Files, file: &str, path: &[String]| {
        let mut smaller = files.clone();
        remove(smaller.0.get_mut(file)?, path);
        // What a script gives is compiled only when it is there.
        let difference = difference(&smaller).filter(|text| !text.contains("added are invalid"))?;
        program::accepts(&smaller).then_some((smaller, difference))
    };
    loop {
        let mut all =
            files.0.iter().flat_map(|(file, tree)| paths(tree).into_iter().map(move |path| (file, path)));
        match all.find_map(|(file, path)| without(&files, file, &path)) {
            Some((smaller, difference)) => (files, found) = (smaller, difference),
            None => break,
        }
    }
    files.0.retain(|_, tree| !tree.is_empty());
    (files, found)
}

/// The keys that a workflow can do without, outer ones first.
fn paths(tree: &Params) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (key, value) in tree.iter().filter(|(key, _)| !key.ends_with('>') && *key != "_type") {
        all.push(vec![key.clone()]);
        if let Value::Object(map) = value
            && !["_parallel", "_retry"].contains(&key.as_str())
        {
            all.extend(paths(map).into_iter().map(|path| [vec![key.clone()], path].concat()));
        }
    }
    all.sort_by_key(Vec::len);
    all
}

fn remove(tree: &mut Params, path: &[String]) {
    match path {
        [last] => drop(tree.shift_remove(last)),
        [first, rest @ ..] => {
            if let Some(Value::Object(map)) = tree.get_mut(first) {
                remove(map, rest);
            }
        }
        [] => {}
    }
}
