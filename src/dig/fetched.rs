//! A workflow that is no file: the answer of `http_call>`. The rules are those of the target of a `call>`.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::document::{self, Purpose};
use super::include::Includes;
use crate::diagnostic::{Problem, Source};
use crate::reader::Reader;
use crate::yaml::{self, Dialect};

/// Keys at the top that mean nothing to the caller.
const NOT_FOR_CALLERS: [&str; 3] = ["timezone", "schedule", "sla"];

/// What came out of it.
#[derive(Debug)]
pub struct Fetched {
    /// The tasks as one `.dig` mapping, files that it includes among them; none when a problem is an error.
    pub mapping: Option<Value>,
    /// Everything that is wrong with it.
    pub problems: Vec<Problem>,
}

/// Compiles a text as the file `path`, from where its includes are found.
pub(super) fn compile(path: &Path, text: String, reader: &dyn Reader) -> Fetched {
    let source = Source::new(path, text.as_str());
    let overlay = Overlay { path: path.to_owned(), text, below: reader };
    let loaded = document::load(path, &overlay, Purpose::Called);
    if loaded.has_errors() {
        return Fetched { mapping: None, problems: loaded.problems };
    }
    let mapping = yaml::parse(&source, Dialect::Digdag).node.map(|node| {
        let mut mapping = Includes::new(path, &overlay).resolve(node).to_json();
        if let Value::Object(map) = &mut mapping {
            map.retain(|key, _| !NOT_FOR_CALLERS.contains(&key.as_str()));
        }
        mapping
    });
    Fetched { mapping, problems: loaded.problems }
}

/// A text over the files of a project.
struct Overlay<'r> {
    path: PathBuf,
    text: String,
    below: &'r dyn Reader,
}

impl Reader for Overlay<'_> {
    fn read(&self, path: &Path) -> io::Result<String> {
        if path == self.path { Ok(self.text.clone()) } else { self.below.read(path) }
    }

    fn exists(&self, path: &Path) -> bool {
        path == self.path || self.below.exists(path)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::reader::MemoryReader;

    fn compiled(text: &str) -> (Option<Value>, Vec<String>) {
        let reader = MemoryReader::default().with("sub/more.dig", "+b: {echo>: b}\n");
        let fetched = compile(Path::new("sub/http_call.dig"), text.to_owned(), &reader);
        let shown = |problem: &Problem| {
            let place = problem.span.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{place} {}", problem.message)
        };
        (fetched.mapping, fetched.problems.iter().map(shown).collect())
    }

    #[test]
    fn a_text_becomes_a_mapping_with_what_it_includes() {
        let text = "timezone: Asia/Tokyo\nschedule: {daily>: '01:00:00'}\n_export: {x: 1}\n!include : more.dig\n+a: {echo>: a}\n_error: {echo>: no}\n";
        let expected = json!({
            "_export": {"x": 1}, "+b": {"echo>": "b"}, "+a": {"echo>": "a"}, "_error": {"echo>": "no"},
        });
        assert_eq!(compiled(text), (Some(expected), Vec::new()));
    }

    #[test]
    fn the_rules_are_those_of_a_file() {
        for (text, problem) in [
            ("sh>: echo\n", "sub/http_call.dig:1:1 operator `sh>` at the top of a workflow file"),
            ("+a: {frob>: x}\n", "sub/http_call.dig:1:6 unknown operator `frob>`"),
            (
                "+a:\n  !include : gone.dig\n",
                "sub/http_call.dig:2:14 included file `sub/gone.dig` does not exist",
            ),
            ("", "sub/http_call.dig:1:1 the file is empty"),
        ] {
            assert_eq!(compiled(text), (None, vec![problem.to_owned()]), "{text}");
        }
    }
}
