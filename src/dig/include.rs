//! `!include : FILE`: the pairs of another file in the place of a key.
//!
//! Digdag resolves includes when it loads a file, before anything is evaluated, so a path can't hold `${...}`. A path
//! starts from the including file's directory and must stay inside it. Problems of an included file keep their own
//! places; what is wrong with the inclusion itself is shown at its key.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Problem, Source};
use crate::reader::Reader;
use crate::yaml::{self, Dialect, Entry, EntryKind, Node, NodeValue};

/// Files that one file may bring in, all levels together. Two files that include the next one twice, and so on,
/// would double with each level.
const MAX_INCLUDES: usize = 1_000;
/// How deep included files may include others: with the depth of a YAML file it bounds the depth of the whole.
const MAX_CHAIN: usize = 10;

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
                let message = match error.kind() {
                    ErrorKind::NotFound => format!("included file `{}` does not exist", path.display()),
                    ErrorKind::InvalidData => format!("included file `{}` is not UTF-8 text", path.display()),
                    _ => format!("included file `{}` can't be read: {error}", path.display()),
                };
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
        let Some(text) = entry.value.as_str().filter(|text| !text.is_empty()) else {
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
    fn an_inclusion_that_fails_is_shown_at_its_key() {
        let reader = MemoryReader::default()
            .with("a.dig", "x:\n  !include : a.dig\n")
            .with("sub/b.dig", "x:\n  !include : ../a.dig\n")
            .with("c.dig", "!include : /etc/passwd\n!include : no.yml\n!include :\n!include : ${x}.yml\n")
            .with("list.yml", "- 1\n")
            .with("broken.yml", "a: b: c\n")
            .with("d.dig", "!include : list.yml\n!include : broken.yml\nk: v\n");
        let problems = |path: &str| resolved(&reader, path).1;
        assert_eq!(problems("a.dig"), ["a.dig:2:14 include-loop `a.dig` includes itself"]);
        assert_eq!(
            problems("sub/b.dig"),
            [
                "sub/b.dig:2:14 include-path included file `../a.dig` must lie in the folder of the file that includes it, or below"
            ]
        );
        assert_eq!(
            problems("c.dig"),
            [
                "c.dig:1:12 include-path included file `/etc/passwd` must lie in the folder of the file that includes it, or below",
                "c.dig:2:12 missing-file included file `no.yml` does not exist",
                "c.dig:3:1 include-path `!include :` takes the path of a file, not null",
                "c.dig:4:12 include-path the path of an include can't hold `${...}`: includes are read before anything is evaluated",
            ]
        );
        assert_eq!(
            problems("d.dig"),
            [
                "d.dig:1:12 include-shape included file `list.yml` must hold a mapping, but holds a list",
                "broken.yml:1:5 yaml-syntax `: ` is not allowed inside a plain value",
            ]
        );
    }
}
