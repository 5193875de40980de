//! The files of a project as trees, and as the text that the program reads.
//!
//! The trees are what the generator makes and what the interpreter reads; the text is written here and read by nobody
//! but the program. An include stands as a key `!include : PATH` whose value is null.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::story::Params;

/// How the key of an include begins.
pub const INCLUDE: &str = "!include : ";

/// Files by their path in the project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Files(pub BTreeMap<String, Params>);

impl Files {
    /// The text of every file.
    pub fn texts(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(path, tree)| {
            let mut text = String::new();
            block(tree, 0, &mut text);
            if tree.is_empty() {
                text.push_str("{}\n");
            }
            (path.as_str(), text)
        })
    }

    /// Everything, for people.
    pub fn show(&self) -> String {
        self.texts().map(|(path, text)| format!("--- {path}\n{text}")).collect()
    }
}

fn block(tree: &Params, indent: usize, text: &mut String) {
    for (key, value) in tree {
        let blank = " ".repeat(indent);
        if key.starts_with(INCLUDE) {
            writeln!(text, "{blank}{key}").unwrap();
            continue;
        }
        match value {
            Value::Object(map) if !map.is_empty() => {
                writeln!(text, "{blank}{}:", key_text(key)).unwrap();
                block(map, indent + 2, text);
            }
            value => writeln!(text, "{blank}{}: {}", key_text(key), scalar(value)).unwrap(),
        }
    }
}

fn key_text(key: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "+_>-=.".contains(letter);
    if key.chars().all(plain) { key.to_owned() } else { Value::from(key).to_string() }
}

/// JSON is YAML, but plain words are what people write.
fn scalar(value: &Value) -> String {
    match value.as_str() {
        Some(text) if is_plain(text) => text.to_owned(),
        _ => value.to_string(),
    }
}

fn is_plain(text: &str) -> bool {
    let begins = text.starts_with(|letter: char| letter.is_ascii_lowercase());
    let word = |letter: char| letter.is_ascii_alphanumeric() || "-/.${}".contains(letter);
    begins && text.chars().all(word) && !["true", "false", "null"].contains(&text)
}
