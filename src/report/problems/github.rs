//! Problems as commands of GitHub Actions, which shows them beside the lines of a pull request.

use std::fmt::Write;

use super::{path_text, whole_text};
use crate::diagnostic::{Problem, Severity};

/// One command a line (<https://docs.github.com/actions/reference/workflow-commands-for-github-actions>).
pub fn to_github(problems: &[Problem]) -> String {
    super::expect_rules(problems);
    let mut text = String::new();
    for problem in problems {
        let word = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let _ = write!(text, "::{word} ");
        if let Some(span) = &problem.span {
            let (end_line, end_column) = span.end_place();
            let (line, column) = (span.line(), span.column());
            let _ = write!(text, "file={},line={line},endLine={end_line},", property(&path_text(span)));
            // Columns are shown for one line only.
            if line == end_line {
                let _ = write!(text, "col={column},endColumn={end_column},");
            }
        }
        let _ = writeln!(text, "title={}::{}", property(problem.code), message(&whole_text(problem)));
    }
    text
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::tests::some;
    use super::*;
    use crate::diagnostic::{Source, Span};

    #[test]
    fn what_would_end_a_command_is_escaped() {
        let source = Source::new("./a.dig", "x: 1\n");
        let note = Problem::note("extension", "m", &Span::new(&source, 0, 1));
        let found: Vec<Problem> = some().into_iter().chain([note]).collect();
        assert_eq!(
            to_github(&found),
            "::error file=flows/a b%2Cc.dig,line=2,endLine=3,title=unknown-operator::unknown <operator> `embluk>` & \
             100%25 (did you mean `embulk>`?)%0Ain task `+main+日本`%0Ahint: write: it%0Abetter\n\
             ::warning title=missing-file::file `x.dig` does not exist\n\
             ::notice file=a.dig,line=1,endLine=1,col=1,endColumn=2,title=extension::m\n"
        );
    }
}
