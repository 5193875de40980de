//! Edits the text of `secrets.yml`, so that comments and order survive. The caller reads the result before it counts.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::ciphertext::Ciphertext;
use crate::diagnostic::Source;
use crate::yaml::{self, Dialect, Node};

const HEAD: &str = "# Secrets of this project, encrypted by AWS KMS. `sync secrets set NAME` writes them; made to be \
                    committed.\nversion: 1\n";

/// The text with the entry in it.
pub(super) fn set(text: Option<&str>, path: &Path, name: &str, ciphertext: &Ciphertext) -> String {
    let entry = render(name, ciphertext);
    let Some(text) = text else { return format!("{HEAD}{entry}") };
    match block(text, path, name) {
        Some((start, end)) => format!("{}{entry}{}", &text[..start], &text[end..]),
        None if text.is_empty() || text.ends_with('\n') => format!("{text}{entry}"),
        None => format!("{text}\n{entry}"),
    }
}

/// The text without the entry; none when it has no lines of its own. Comments above it stay: they may be about more.
pub(super) fn remove(text: &str, path: &Path, name: &str) -> Option<String> {
    let (start, end) = block(text, path, name)?;
    Some(format!("{}{}", &text[..start], &text[end..]))
}

/// The lines of an entry: from its key to the last line before the next key that is not blank and no comment.
fn block(text: &str, path: &Path, name: &str) -> Option<(usize, usize)> {
    let parsed = yaml::parse(&Source::new(path, text), Dialect::Digdag);
    let starts: Vec<(usize, bool)> = parsed
        .node
        .as_ref()
        .and_then(Node::as_mapping)?
        .iter()
        .map(|entry| (line_start(text, entry.key_span.start), entry.key == name))
        .collect();
    let at = starts.iter().position(|(_, is_it)| *is_it)?;
    let start = starts[at].0;
    let mut end = starts.get(at + 1).map_or(text.len(), |(next, _)| *next);
    while let Some(last) = last_line(text, start, end) {
        let line = &text[last..end];
        if !line.trim().is_empty() && !line.starts_with('#') {
            break;
        }
        end = last;
    }
    Some((start, end))
}

/// Where the last line of a stretch begins, unless it is the first one.
fn last_line(text: &str, start: usize, end: usize) -> Option<usize> {
    let stretch = &text[start..end];
    stretch.strip_suffix('\n').unwrap_or(stretch).rfind('\n').map(|newline| start + newline + 1)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn render(name: &str, ciphertext: &Ciphertext) -> String {
    let key = if is_plain(name) { name.to_owned() } else { format!("\"{name}\"") };
    match ciphertext {
        Ciphertext::Kms(bytes) => format!("{key}:\n  kms: {}\n", STANDARD.encode(bytes)),
        Ciphertext::Envelope { key: data_key, nonce, data } => format!(
            "{key}:\n  envelope: 1\n  key: {}\n  nonce: {}\n  data: {}\n",
            STANDARD.encode(data_key),
            STANDARD.encode(nonce),
            STANDARD.encode(data)
        ),
    }
}

/// Whether YAML reads the name as text without quotes. Words such as `on` and `null` are quoted to be sure.
fn is_plain(name: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !WORDS.contains(&name.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, name: &str) -> String {
        set(Some(text), Path::new("secrets.yml"), name, &Ciphertext::Kms(vec![0, 1, 2]))
    }

    #[test]
    fn a_new_file_gets_a_head() {
        let text = set(None, Path::new("secrets.yml"), "a", &Ciphertext::Kms(vec![0, 1, 2]));
        assert_eq!(
            text,
            "# Secrets of this project, encrypted by AWS KMS. `sync secrets set NAME` writes them; made to be \
             committed.\nversion: 1\na:\n  kms: AAEC\n"
        );
    }

    #[test]
    fn comments_and_order_stay() {
        let text = "# head\na:\n  kms: AAAA # why\n\n# about b\nb: {kms: AAAA}\n\n# the end\n";
        assert_eq!(edited(text, "a"), "# head\na:\n  kms: AAEC\n\n# about b\nb: {kms: AAAA}\n\n# the end\n");
        assert_eq!(
            edited(text, "b"),
            "# head\na:\n  kms: AAAA # why\n\n# about b\nb:\n  kms: AAEC\n\n# the end\n"
        );
        assert_eq!(edited(text, "c"), format!("{text}c:\n  kms: AAEC\n"));
        assert_eq!(edited("a: {kms: AAAA}", "c"), "a: {kms: AAAA}\nc:\n  kms: AAEC\n");
        assert_eq!(edited("", "c"), "c:\n  kms: AAEC\n");
    }

    #[test]
    fn names_that_yaml_would_read_otherwise_are_quoted() {
        assert_eq!(edited("", "on"), "\"on\":\n  kms: AAEC\n");
        assert_eq!(edited("", "1.50"), "\"1.50\":\n  kms: AAEC\n");
    }
}
