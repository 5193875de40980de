//! `!include : FILE`: the pairs of another file in the place of a key.
//!
//! Digdag resolves includes when it loads a file, before anything is evaluated, so a path can't hold `${...}`. A path
//! starts from the including file's directory and must stay inside it. Problems of an included file keep their own
//! places; what is wrong with the inclusion itself is shown at its key.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::diagnostic::{Problem, Source, Span};
use crate::reader::Reader;
use crate::session::Params;
use crate::yaml::{self, Dialect, Entry, EntryKind, Node, NodeValue};

/// Files that one file may bring in, all levels together. Two files that include the next one twice, and so on,
/// would double with each level.
const MAX_INCLUDES: usize = 1_000;
/// How deep included files may include others: with the depth of a YAML file it bounds the depth of the whole.
const MAX_CHAIN: usize = 10;

/// The mapping in a file, includes put in. When it fails, one problem at least is an error.
pub(super) fn read_mapping(path: &Path, reader: &dyn Reader) -> Result<Params, Vec<Problem>> {
    let text = reader.read(path).map_err(|error| {
        let message = format!("file `{}` {}", path.display(), why_unreadable(&error));
        vec![Problem::placeless("missing-file", message)]
    })?;
    let source = Source::new(path, text);
    let parsed = yaml::parse(&source, Dialect::Digdag);
    let mut problems = parsed.problems;
    let Some(node) = parsed.node else { return Err(problems) };
    let kind = node.kind();
    let mut includes = Includes::new(path, reader);
    let value = includes.resolve(node).to_json();
    problems.append(&mut includes.problems);
    match value {
        Value::Object(params) if !problems.iter().any(Problem::is_error) => return Ok(params),
        Value::Object(_) => {}
        _ => {
            let message = format!("the file must hold a mapping, but holds {kind}");
            problems.push(Problem::error("shape", message, &Span::file(&source)));
        }
    }
    Err(problems)
}

fn why_unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "does not exist".to_owned(),
        ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
        _ => format!("can't be read: {error}"),
    }
}

/// Resolves the includes of one file.
pub(super) struct Includes<'a> {
    reader: &'a dyn Reader,
    /// The files that are open, outermost first.
    chain: Vec<PathBuf>,
    /// Every file that was read for a key.
    pub(super) files: Vec<PathBuf>,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Includes<'a> {
    /// For the file `path`, relative to the project.
    pub(super) fn new(path: &Path, reader: &'a dyn Reader) -> Self {
        Self { reader, chain: vec![path.to_owned()], files: Vec::new(), problems: Vec::new() }
    }

    /// The tree with every include replaced. What could not be included is left out.
    pub(super) fn resolve(&mut self, node: Node) -> Node {
        let value = match node.value {
            NodeValue::Scalar(_) => return node,
            NodeValue::Sequence(items) => {
                NodeValue::Sequence(items.into_iter().map(|item| self.resolve(item)).collect())
            }
            NodeValue::Mapping(entries) => NodeValue::Mapping(self.resolve_entries(entries)),
        };
        Node { value, span: node.span }
    }

    fn resolve_entries(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut resolved: Vec<Entry> = Vec::with_capacity(entries.len());
        // Without an include no key can be there already.
        let mut included_before = false;
        for entry in entries {
            match entry.kind {
                EntryKind::Plain => {
                    let entry = Entry { value: self.resolve(entry.value), ..entry };
                    if included_before { put(&mut resolved, entry) } else { resolved.push(entry) }
                }
                EntryKind::Include => {
                    included_before = true;
                    for included in self.include(&entry).unwrap_or_default() {
                        merge(&mut resolved, included);
                    }
                }
            }
        }
        resolved
    }

    /// The pairs of an included file; none when a problem was recorded.
    fn include(&mut self, entry: &Entry) -> Option<Vec<Entry>> {
        let path = self.target(entry)?;
        if self.chain.contains(&path) {
            let message = format!("`{}` includes itself", path.display());
            self.refuse(entry, "include-loop", message);
            return None;
        }
        if self.chain.len() > MAX_CHAIN {
            self.refuse(entry, "include-limit", format!("includes more than {MAX_CHAIN} files deep"));
            return None;
        }
        if self.files.len() >= MAX_INCLUDES {
            if self.problems.last().is_none_or(|problem| problem.code != "include-limit") {
                self.refuse(entry, "include-limit", format!("more than {MAX_INCLUDES} included files"));
            }
            return None;
        }
        self.files.push(path.clone());
        let text = match self.reader.read(&path) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("included file `{}` {}", path.display(), why_unreadable(&error));
                self.refuse(entry, "missing-file", message);
                return None;
            }
        };
        let parsed = yaml::parse(&Source::new(path.clone(), text), Dialect::Digdag);
        self.problems.extend(parsed.problems);
        let node = parsed.node?;
        let kind = node.kind();
        let NodeValue::Mapping(entries) = node.value else {
            let message = format!("included file `{}` must hold a mapping, but holds {kind}", path.display());
            self.refuse(entry, "include-shape", message);
            return None;
        };
        self.chain.push(path);
        let resolved = self.resolve_entries(entries);
        self.chain.pop();
        Some(resolved)
    }

    /// The included file's path, relative to the project.
    fn target(&mut self, entry: &Entry) -> Option<PathBuf> {
        let written = match &entry.value.value {
            NodeValue::Scalar(Value::String(text)) => Some(text.clone()),
            // A name such as `2024` was read as a number.
            NodeValue::Scalar(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            _ => None,
        };
        let Some(text) = written.as_deref().filter(|text| !text.is_empty()) else {
            let message = format!("`!include :` takes the path of a file, not {}", entry.value.kind());
            self.refuse(entry, "include-path", message);
            return None;
        };
        if text.contains("${") {
            let message =
                "the path of an include can't hold `${...}`: includes are read before anything is evaluated";
            self.refuse(entry, "include-path", message.to_owned());
            return None;
        }
        let directory = self.chain.last().and_then(|file| file.parent()).unwrap_or(Path::new(""));
        if let Some(inside) = stay_inside(Path::new(text)) {
            return Some(directory.join(inside));
        }
        let message =
            format!("included file `{text}` must lie in the folder of the file that includes it, or below");
        self.refuse(entry, "include-path", message);
        None
    }

    fn refuse(&mut self, entry: &Entry, code: &'static str, message: String) {
        let place = if entry.value.span.text().is_empty() { &entry.key_span } else { &entry.value.span };
        self.problems.push(Problem::error(code, message, place));
    }
}

/// A relative path without `.` and `..` that leads to the same file; none when it leaves its folder.
fn stay_inside(path: &Path) -> Option<PathBuf> {
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => inside.push(part),
            Component::ParentDir => {
                if !inside.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(inside)
}

/// A written pair: it replaces an earlier one (an included one, since equal written keys are refused) whole.
fn put(entries: &mut Vec<Entry>, new: Entry) {
    match entries.iter_mut().find(|entry| entry.key == new.key) {
        Some(old) => *old = new,
        None => entries.push(new),
    }
}

/// An included pair: maps merge at every depth, anything else is replaced.
fn merge(entries: &mut Vec<Entry>, new: Entry) {
    let Some(old) = entries.iter_mut().find(|entry| entry.key == new.key) else {
        entries.push(new);
        return;
    };
    match (&mut old.value.value, new.value.value) {
        (NodeValue::Mapping(inner), NodeValue::Mapping(included)) => {
            for entry in included {
                merge(inner, entry);
            }
        }
        (_, value) => *old = Entry { value: Node { value, span: new.value.span }, ..new },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::MemoryReader;

    fn resolved(reader: &MemoryReader, path: &str) -> (String, Vec<String>) {
        let text = reader.read(Path::new(path)).expect("the file");
        let parsed = yaml::parse(&Source::new(path, text), Dialect::Digdag);
        let mut includes = Includes::new(Path::new(path), reader);
        let node = includes.resolve(parsed.node.expect("a node"));
        let shown = includes.problems.iter().map(|problem| {
            let place = problem.span.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{place} {} {}", problem.code, problem.message)
        });
        (node.to_json().to_string(), shown.collect())
    }

    #[test]
    fn included_maps_merge_and_later_keys_replace() {
        let reader = MemoryReader::default()
            .with("inc.yml", "early: {b: 20, c: 30}\nlate: {x: 1}\nonly: here\n!include : sub/more.yml\n")
            .with("sub/more.yml", "!include : ./deep.yml\n")
            .with("sub/deep.yml", "deep: 1\n")
            .with(
                "main.dig",
                "early: {a: 1, b: 2}\n!include : inc.yml\nlate: {z: 9}\nl:\n  - !include : 'sub/deep.yml'\n",
            );
        let expected =
            r#"{"early":{"a":1,"b":20,"c":30},"late":{"z":9},"only":"here","deep":1,"l":[{"deep":1}]}"#;
        assert_eq!(resolved(&reader, "main.dig"), (expected.to_owned(), Vec::new()));
    }

    #[test]
    fn an_include_may_stand_wherever_a_key_may() {
        let reader = MemoryReader::default()
            .with("a.yml", "x: {p: 1}\n")
            .with("b.yml", "x: {q: 2}\ny: 3\n")
            .with("2024", "z: 1\n")
            .with("empty.yml", "{}\n");
        for (text, expected) in [
            ("!include : a.yml\n", r#"{"x":{"p":1}}"#),
            ("_export:\n  !include : a.yml\n", r#"{"_export":{"x":{"p":1}}}"#),
            (
                "+t:\n  for_each>:\n    !include : a.yml\n  _do:\n    !include : b.yml\n",
                r#"{"+t":{"for_each>":{"x":{"p":1}},"_do":{"x":{"q":2},"y":3}}}"#,
            ),
            ("l:\n- 1\n- !include : a.yml\n  k: 2\n", r#"{"l":[1,{"x":{"p":1},"k":2}]}"#),
            ("m: {!include : a.yml, k: 1}\n", r#"{"m":{"x":{"p":1},"k":1}}"#),
            ("l: [!include : a.yml]\n", r#"{"l":[{"x":{"p":1}}]}"#),
            // Included maps are merged into earlier ones, whichever way those came there.
            ("!include : a.yml\n!include : b.yml\n", r#"{"x":{"p":1,"q":2},"y":3}"#),
            ("!include : a.yml\n!include : a.yml\n", r#"{"x":{"p":1}}"#),
            ("x: {q: 0, r: 0}\n!include : b.yml\n", r#"{"x":{"q":2,"r":0},"y":3}"#),
            ("x: 0\n!include : b.yml\n", r#"{"x":{"q":2},"y":3}"#),
            // A later key replaces, and stands where the included one stood.
            ("!include : b.yml\nz: 1\nx: {r: 0}\n", r#"{"x":{"r":0},"y":3,"z":1}"#),
            // Text behind the tag means nothing; a name may look like a number.
            ("!include whatever : 'a.yml'\n", r#"{"x":{"p":1}}"#),
            ("!include : 2024\n", r#"{"z":1}"#),
            ("!include : sub/../a.yml # why\n", r#"{"x":{"p":1}}"#),
            ("k: 1\n!include : empty.yml\n", r#"{"k":1}"#),
            (
                "b: &b\n  !include : a.yml\nc:\n  <<: *b\n  k: 1\n",
                r#"{"b":{"x":{"p":1}},"c":{"x":{"p":1},"k":1}}"#,
            ),
        ] {
            let reader = reader.clone().with("main.dig", text);
            assert_eq!(resolved(&reader, "main.dig"), (expected.to_owned(), Vec::new()), "{text}");
        }
    }

    #[test]
    fn an_inclusion_that_fails_is_shown_at_its_key() {
        let reader = MemoryReader::default()
            .with("list.yml", "- 1\n")
            .with("empty.yml", "")
            .with("broken.yml", "a: b: c\n")
            .with("twice.yml", "a: 1\na: 2\n")
            .with("sub/up.yml", "x:\n  !include : ../list.yml\n")
            .with("loop.yml", "x:\n  !include : main.dig\n");
        let inside = "must lie in the folder of the file that includes it, or below";
        let outside = |path: &str| format!("include-path included file `{path}` {inside}");
        for (text, expected) in [
            ("!include : main.dig\n", "main.dig:1:12 include-loop `main.dig` includes itself".to_owned()),
            ("!include : loop.yml\n", "loop.yml:2:14 include-loop `main.dig` includes itself".to_owned()),
            ("!include : ../a.yml\n", format!("main.dig:1:12 {}", outside("../a.yml"))),
            ("!include : sub/../../a.yml\n", format!("main.dig:1:12 {}", outside("sub/../../a.yml"))),
            ("!include : sub/up.yml\n", format!("sub/up.yml:2:14 {}", outside("../list.yml"))),
            ("a:\n- !include : /etc/passwd\n", format!("main.dig:2:14 {}", outside("/etc/passwd"))),
            ("!include : no.yml\n", "main.dig:1:12 missing-file included file `no.yml` does not exist".to_owned()),
            (
                "!include :\n",
                "main.dig:1:1 include-path `!include :` takes the path of a file, not null".to_owned(),
            ),
            (
                "!include : {a: 1}\n",
                "main.dig:1:12 include-path `!include :` takes the path of a file, not a mapping".to_owned(),
            ),
            (
                "!include : ${x}.yml\n",
                "main.dig:1:12 include-path the path of an include can't hold `${...}`: includes are read before \
                 anything is evaluated"
                    .to_owned(),
            ),
            (
                "!include : list.yml\n",
                "main.dig:1:12 include-shape included file `list.yml` must hold a mapping, but holds a list"
                    .to_owned(),
            ),
            (
                "!include : empty.yml\n",
                "main.dig:1:12 include-shape included file `empty.yml` must hold a mapping, but holds null"
                    .to_owned(),
            ),
            (
                "!include : broken.yml\n",
                "broken.yml:1:5 yaml-syntax `: ` is not allowed inside a plain value".to_owned(),
            ),
            ("!include : twice.yml\n", "twice.yml:2:1 duplicate-key duplicate key `a`".to_owned()),
        ] {
            let reader = reader.clone().with("main.dig", text);
            assert_eq!(resolved(&reader, "main.dig").1, [expected], "{text}");
        }
    }

    #[test]
    fn a_tag_that_is_no_key_includes_nothing() {
        for (text, place, message) in [
            ("a: !include f.yml\n", "1:4", "unknown tag `!include`"),
            ("a:\n- !include f.yml\n", "2:3", "unknown tag `!include`"),
            ("!include: f.yml\n", "1:1", "unknown tag `!include:`"),
            ("_export: !include : f.yml\n", "1:19", "`: ` is not allowed inside a plain value"),
        ] {
            let problems = yaml::parse(&Source::new("a.dig", text), Dialect::Digdag).problems;
            let [problem] = problems.as_slice() else { panic!("{text}: {problems:?}") };
            let span = problem.span.as_ref().expect("a place");
            assert_eq!(
                (format!("{}:{}", span.line(), span.column()), &problem.message),
                (place.to_owned(), &message.to_owned())
            );
            let hint =
                "write it as a key on a line of its own, with a space before the colon: `!include : FILE`";
            assert_eq!(problem.hint.as_deref(), Some(hint), "{text}");
        }
    }

    #[test]
    fn an_explosion_of_includes_ends() {
        let mut reader = MemoryReader::default();
        for level in 0..11 {
            let text = format!("x:\n  !include : f{}.yml\n", level + 1);
            reader = reader.with(&format!("f{level}.yml"), &text);
        }
        assert_eq!(
            resolved(&reader, "f0.yml").1,
            ["f10.yml:2:14 include-limit includes more than 10 files deep"]
        );
        let mut reader = MemoryReader::default().with("g5.yml", "a: 1\n");
        for level in 0..5 {
            let next = |key| format!("{key}:\n  !include : g{}.yml\n", level + 1);
            reader = reader.with(&format!("g{level}.yml"), &["w", "x", "y", "z"].map(next).concat());
        }
        assert_eq!(
            resolved(&reader, "g0.yml").1,
            ["g4.yml:6:14 include-limit more than 1000 included files"]
        );
    }
}
