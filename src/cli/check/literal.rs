//! Passwords, keys and webhooks that are written out in a file: it will be committed, so say where they belong.
//!
//! The excerpt of such a problem must not show what it warns about, in a log of CI least of all: the value is starred.

use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Problem, Source, Span};
use crate::secret::params::SecretNames;
use crate::yaml::{self, Dialect, Entry, Node, NodeValue};

/// Endings of names that say where a secret is, not what it is.
const POINTERS: [&str; 9] =
    ["_override", "file", "_path", "_uri", "_column", "_columns", "_name", "_names", "_type"];

/// Warnings about the secrets in a text. What is not YAML is left to the other checks.
pub(super) fn check(path: &Path, text: String) -> Vec<Problem> {
    let transfer = !super::is_workflow(path);
    let dialect = if transfer { Dialect::Embulk } else { Dialect::Digdag };
    let Some(root) = yaml::parse(&Source::new(path, text), dialect).node else { return Vec::new() };
    let mut found = Vec::new();
    if transfer {
        // Elsewhere in a transfer file names are columns.
        for part in ["in", "out"] {
            let entries = root.get(part).and_then(Node::as_mapping).unwrap_or_default();
            found.extend(entries.iter().filter(|entry| is_secret(entry)));
        }
    } else {
        walk(&root, &mut found);
    }
    found.into_iter().map(|entry| problem(entry, transfer)).collect()
}

fn walk<'n>(node: &'n Node, found: &mut Vec<&'n Entry>) {
    match &node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Sequence(items) => items.iter().for_each(|item| walk(item, found)),
        NodeValue::Mapping(entries) => {
            for entry in entries.iter().filter(|entry| entry.key != "_secrets") {
                if is_secret(entry) {
                    found.push(entry);
                }
                walk(&entry.value, found);
            }
        }
    }
}

fn is_secret(entry: &Entry) -> bool {
    let Some(value) = entry.value.as_str().map(str::trim) else { return false };
    if value.is_empty() || value.contains("${") || value.contains("{{") {
        return false;
    }
    let key = entry.key.to_lowercase();
    let named = SecretNames::default().matches(&key) && !POINTERS.iter().any(|ending| key.ends_with(ending));
    let webhook = key.contains("webhook") && value.starts_with("https://");
    named || webhook || value.contains("-----BEGIN ") && value.contains("PRIVATE KEY-----")
}

fn problem(entry: &Entry, transfer: bool) -> Problem {
    let hint = if transfer {
        "pass it in through the environment: `{{ env.NAME }}`"
    } else {
        "keep it with `sync secrets set NAME` and write `${secret:NAME}`"
    };
    let span = Span::new(&starred(&entry.value.span), entry.key_span.start, entry.key_span.end);
    let message = format!("the value of `{}` is a secret that is written out", entry.key);
    Problem::warning("literal-secret", message, &span).hint(hint)
}

/// The file with the letters of a stretch replaced, each by a star of as many bytes, so that places stay.
fn starred(span: &Span) -> Arc<Source> {
    let text = &span.source.text;
    let hidden: String = span
        .text()
        .chars()
        .map(|letter| if letter == '\n' { "\n".to_owned() } else { "*".repeat(letter.len_utf8()) })
        .collect();
    let text = format!("{}{hidden}{}", &text[..span.start], &text[span.end..]);
    Source::new(span.source.path.clone(), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::problems::render;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(Path::new(path), text.to_owned()).iter().map(|problem| problem.message.clone()).collect()
    }

    #[test]
    fn secrets_are_named_and_not_shown() {
        let problems =
            check(Path::new("a.dig"), "_export:\n  pg: {password: 'hünter2', user: me}\n".to_owned());
        assert_eq!(
            render(&problems, false),
            "warning: the value of `password` is a secret that is written out
 --> a.dig:2:8
  |
2 |   pg: {password: **********, user: me}
  |        ^^^^^^^^
  = hint: keep it with `sync secrets set NAME` and write `${secret:NAME}`
"
        );
    }

    #[test]
    fn a_transfer_file_takes_it_from_outside() {
        assert_eq!(
            render(&check(Path::new("a.yml"), "in: {password: hunter2}\n".to_owned()), false),
            "warning: the value of `password` is a secret that is written out
 --> a.yml:1:6
  |
1 | in: {password: *******}
  |      ^^^^^^^^
  = hint: pass it in through the environment: `{{ env.NAME }}`
"
        );
    }

    #[test]
    fn only_what_is_written_out_is_meant() {
        for (path, text, expected) in [
            (
                "a.dig",
                "a: {API_TOKEN: x}\nb: [{webhook_url: 'https://hooks.example/x'}]\n",
                vec!["API_TOKEN", "webhook_url"],
            ),
            (
                "a.dig",
                "password: ${secret:x}\ntoken: ''\nsecret: 5\nwebhook: ${w}\npassword_override: k\n",
                vec![],
            ),
            (
                "a.dig",
                "_secrets: {password: other}\npassword: {a: b}\nkey: |\n  -----BEGIN RSA PRIVATE KEY-----\n",
                vec!["key"],
            ),
            (
                "a.yml",
                "in: {password: x, json_keyfile: k.json}\nfilters: [{type: rename, columns: {password: pw}}]\nout: {password: '{{ env.P }}'}\n",
                vec!["password"],
            ),
        ] {
            let expected: Vec<_> = expected
                .iter()
                .map(|key| format!("the value of `{key}` is a secret that is written out"))
                .collect();
            assert_eq!(found(path, text), expected, "{text}");
        }
    }
}
