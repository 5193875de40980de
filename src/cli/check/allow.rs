//! `# sync: allow(CODE)`: a problem that somebody has looked at, and that is to stay as it is.
//!
//! The comment stands at the end of the line that the problem begins in, or alone on the line before. SQL has `--` and
//! Liquid `{% comment %}` in place of `#`. Only `check` goes by it where errors are concerned: what cannot be run is
//! not made so by a comment.

use std::sync::LazyLock;

use regex::Regex;

use crate::diagnostic::{Problem, Span};
use crate::rules;

/// The comment, its codes as the first group.
static COMMENT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?:#|--|\{%-?\s*comment\s*-?%\})\s*sync:\s*allow\(([^)\n]*)\)";
    // Written out here, and tried by every test of this file.
    Regex::new(pattern).expect("the pattern is one")
});

/// Whether a comment at its place allows a problem.
pub(super) fn allows(problem: &Problem) -> bool {
    problem.span.as_ref().is_some_and(|span| comments(span).any(|codes| names(codes, problem.code)))
}

/// The codes of the comments that belong to the line a place begins in.
fn comments(span: &Span) -> impl Iterator<Item = &str> {
    let text = &span.source.text;
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
    let before = text[..start].strip_suffix('\n').unwrap_or_default();
    let before = &before[before.rfind('\n').map_or(0, |at| at + 1)..];
    let own = codes(&text[start..end]);
    // A comment after something else belongs to that.
    let above = COMMENT.find(before).filter(|found| before[..found.start()].trim().is_empty());
    own.into_iter().chain(above.and_then(|_| codes(before)))
}

fn codes(line: &str) -> Option<&str> {
    COMMENT.captures(line).and_then(|found| found.get(1)).map(|codes| codes.as_str())
}

fn names(codes: &str, code: &str) -> bool {
    codes.split(',').any(|one| one.trim() == code)
}

/// Warnings about comments in a text that name no rule.
pub(super) fn strays(source: &std::sync::Arc<crate::diagnostic::Source>) -> Vec<Problem> {
    let mut found = Vec::new();
    for comment in COMMENT.captures_iter(&source.text) {
        let Some(list) = comment.get(1) else { continue };
        let mut at = list.start();
        for code in list.as_str().split(',') {
            let word = code.trim();
            let start = at + (code.len() - code.trim_start().len());
            at += code.len() + 1;
            if rules::find(word).is_none() {
                let span = Span::new(source, start, start + word.len());
                let problem = Problem::warning("unknown-rule", format!("there is no rule `{word}`"), &span);
                found.push(match rules::nearest(word) {
                    Some(near) => problem.did_you_mean(word, near),
                    None => problem.hint("`sync check --list-rules` shows all"),
                });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    fn allowed(text: &str) -> bool {
        let source = Source::new("a.dig", text);
        let at = text.find("HERE").expect("the place");
        allows(&Problem::warning("retry", "m", &Span::new(&source, at, at + 4)))
    }

    #[test]
    fn a_comment_allows_its_own_line_and_the_next() {
        for text in [
            "HERE # sync: allow(retry)",
            "a\nb HERE c # why not; sync: x # sync: allow(shape, retry) because\nd",
            "x\n  # sync: allow(retry)\n  HERE\n",
            "-- sync: allow(retry)\nselect HERE",
            "{%- comment -%} sync:allow( retry ){% endcomment %}\nHERE",
        ] {
            assert!(allowed(text), "{text}");
        }
        for text in [
            "HERE # sync: allow(shape)",
            "HERE sync: allow(retry)",
            "x # sync: allow(retry)\nHERE",
            "# sync: allow(retry)\n\nHERE",
            "HERE\n# sync: allow(retry)",
            "HERE # sync: allow(retry",
        ] {
            assert!(!allowed(text), "{text}");
        }
    }

    #[test]
    fn a_comment_that_names_no_rule_is_a_warning() {
        let source = Source::new("a.dig", "# sync: allow(retry, retri)\n");
        let found = strays(&source);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].span.as_ref().map(Span::text), Some("retri"));
        assert_eq!(found[0].label, "did you mean `retry`?");
    }
}
