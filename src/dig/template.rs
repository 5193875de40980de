//! Whether the `${...}` in a value or a file can be read at all. What they become is `expression`'s.

use std::sync::Arc;

use super::expression::{TemplateError, parse_template};
use crate::diagnostic::{Problem, Source, Span};
use crate::yaml::{Node, NodeValue};

/// A text with `${` in it and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    text: String,
    span: Span,
}

/// The texts with expressions in a value, at any depth.
pub(super) fn spots(node: &Node, found: &mut Vec<Spot>) {
    match &node.value {
        NodeValue::Scalar(_) => {
            if let Some(text) = node.as_str().filter(|text| text.contains("${")) {
                found.push(Spot { text: text.to_owned(), span: node.span.clone() });
            }
        }
        NodeValue::Sequence(items) => items.iter().for_each(|item| spots(item, found)),
        NodeValue::Mapping(entries) => entries.iter().for_each(|entry| spots(&entry.value, found)),
    }
}

impl Spot {
    /// The problem of the first expression that is no JavaScript.
    pub(super) fn check(&self) -> Option<Problem> {
        let error = parse_template(&self.text).err()?;
        Some(problem(&self.text, &error, &self.place(&error)))
    }

    /// The expression's own place where the value stands in the file as it is; else the value's.
    fn place(&self, error: &TemplateError) -> Span {
        let code = self.text.get(error.at.clone()).filter(|code| !code.is_empty());
        let found = code
            .and_then(|code| self.span.text().find(&format!("${{{code}}}")).map(|at| (at + 2, code.len())));
        match found {
            Some((at, length)) => {
                let start = self.span.start + at;
                Span::new(&self.span.source, start, start + length)
            }
            None => self.span.clone(),
        }
    }
}

/// The same for a whole file (SQL, a message) that is evaluated as one text.
pub fn check_file(source: &Arc<Source>) -> Vec<Problem> {
    let error = parse_template(&source.text).err();
    error
        .map(|error| problem(&source.text, &error, &Span::new(source, error.at.start, error.at.end)))
        .into_iter()
        .collect()
}

fn problem(text: &str, error: &TemplateError, span: &Span) -> Problem {
    let code = text.get(error.at.clone()).unwrap_or_default();
    let detail = error.message.lines().next().unwrap_or_default();
    let detail = detail.strip_prefix("SyntaxError: ").unwrap_or(detail).trim_end_matches('.');
    let problem = Problem::error("template-syntax", "`${...}` holds no valid JavaScript", span).label(detail);
    if looks_like_shell(code) {
        return problem.hint("to leave it to the shell, write `${'$'}{...}`");
    }
    problem
}

/// `${VAR:-default}` and its like.
fn looks_like_shell(code: &str) -> bool {
    let name = code.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
    name.len() < code.len()
        && [":-", ":=", ":?", ":+", "##", "%%", "#", "%", "//", "/"].iter().any(|mark| name.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Dialect, parse};

    fn problems(text: &str) -> Vec<String> {
        let parsed = parse(&Source::new("a.dig", text), Dialect::Digdag);
        let node = parsed.node.expect("a node");
        let mut found = Vec::new();
        spots(&node, &mut found);
        found
            .iter()
            .filter_map(Spot::check)
            .map(|problem| {
                let place = problem.span.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{place} {} {}", problem.message, problem.hint.clone().unwrap_or_default())
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn expressions_that_are_no_javascript_are_shown_where_they_stand() {
        assert_eq!(
            problems("a: ${x.map(function(y) { return y; }).join(',')} ${secret:k} $$ $HOME ${v\n"),
            [""; 0]
        );
        assert_eq!(problems("sh>: echo ${a} ${b +}\n"), ["a.dig:1:18 `${...}` holds no valid JavaScript"]);
        assert_eq!(problems("l: [\"${1 +}\"]\n"), ["a.dig:1:8 `${...}` holds no valid JavaScript"]);
        assert_eq!(
            problems("sh>: |\n  echo ${VAR:-x}\n"),
            ["a.dig:2:10 `${...}` holds no valid JavaScript to leave it to the shell, write `${'$'}{...}`"]
        );
    }
}
