//! Problems of files, shown: for people ([`render`]), and in the forms that programs read.

mod checkstyle;
mod github;
mod human;
mod json;
mod rdjson;
mod sarif;

use std::fmt::Write;

pub use self::checkstyle::to_checkstyle;
pub use self::github::to_github;
pub use self::human::render;
pub use self::json::to_json;
pub use self::rdjson::to_rdjson;
pub use self::sarif::to_sarif;
use crate::diagnostic::{Problem, Severity, Span};
use crate::program;
use crate::rules;

/// Every code has a rule with a page: whoever invents one and leaves it without is told by the first test that shows it.
fn expect_rules(problems: &[Problem]) {
    if cfg!(debug_assertions) {
        for problem in problems {
            assert!(rules::find(problem.code).is_some(), "`{}` is no rule", problem.code);
        }
    }
}

/// A problem on one line, for logs: `file:line:column: message`.
pub fn one_line(problem: &Problem) -> String {
    match &problem.span {
        Some(span) => format!("{span}: {}", problem.message),
        None => problem.message.clone(),
    }
}

/// `2 errors, 1 warning`; none when there is neither.
pub fn count(problems: &[Problem]) -> Option<String> {
    let count = |severity: Severity, word: &str| {
        let count = problems.iter().filter(|problem| problem.severity == severity).count();
        match count {
            0 => None,
            1 => Some(format!("1 {word}")),
            _ => Some(format!("{count} {word}s")),
        }
    };
    let parts: Vec<String> = [count(Severity::Error, "error"), count(Severity::Warning, "warning")]
        .into_iter()
        .flatten()
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// All that a form with one text for a problem can say of it: message, words under the caret, task, hint.
fn whole_text(problem: &Problem) -> String {
    let mut text = problem.message.clone();
    if !problem.label.is_empty() {
        let _ = write!(text, " ({})", problem.label);
    }
    if let Some(task) = &problem.task {
        let _ = write!(text, "\nin task `{task}`");
    }
    if let Some(hint) = &problem.hint {
        let _ = write!(text, "\nhint: {hint}");
    }
    program::in_its_name(&text).into_owned()
}

/// The path of a file with `/` between its parts, as these forms want it; without a leading `./`.
fn path_text(span: &Span) -> String {
    let parts = span.path().components().filter(|part| !matches!(part, std::path::Component::CurDir));
    parts.collect::<std::path::PathBuf>().display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    /// Two problems: one with all there can be, over two lines and with letters that XML, URLs and commands of a
    /// workflow escape; and one without a place.
    pub(super) fn some() -> Vec<Problem> {
        let source = Source::new("flows/a b,c.dig", "+日本:\n  embluk>: \"x\n    y\"\n+a: 1\n+a: 2\n");
        let at = |text: &str| {
            let start = source.text.find(text).expect("it is there");
            Span::new(&source, start, start + text.len())
        };
        let full = Problem::error(
            "unknown-operator",
            "unknown <operator> `embluk>` & 100%",
            &at("embluk>: \"x\n    y\""),
        )
        .label("did you mean `embulk>`?")
        .also(&at("+a: 1"), "first written here")
        .task("+main+日本")
        .hint("write: it\nbetter");
        let mut placeless = Problem::placeless("missing-file", "file `x.dig` does not exist");
        placeless.severity = Severity::Warning;
        vec![full, placeless]
    }

    #[test]
    #[should_panic(expected = "`frobnicated` is no rule")]
    fn a_code_without_a_rule_is_a_mistake_of_the_program() {
        render(&[Problem::placeless("frobnicated", "m")], false);
    }

    #[test]
    fn problems_are_counted() {
        let warning = Problem { severity: Severity::Warning, ..Problem::placeless("no-effect", "w") };
        let error = Problem::placeless("shape", "e");
        assert_eq!(count(&[]), None);
        assert_eq!(count(&[error.clone(), error.clone(), warning]).as_deref(), Some("2 errors, 1 warning"));
    }

    #[test]
    fn one_line_has_place_and_message() {
        let found = some();
        assert_eq!(one_line(&found[0]), "flows/a b,c.dig:2:3: unknown <operator> `embluk>` & 100%");
        assert_eq!(one_line(&found[1]), "file `x.dig` does not exist");
    }
}
