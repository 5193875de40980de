//! Problems as XML of Checkstyle, which most tools of continuous integration read.

use std::fmt::Write;

use super::{path_text, whole_text};
use crate::diagnostic::{Problem, Severity, Span};

/// A document: files in the order in which they come, with their problems. Problems without a place stand under the file
/// `.`, since that form knows no others.
pub fn to_checkstyle(problems: &[Problem]) -> String {
    super::expect_rules(problems);
    let mut files: Vec<(String, Vec<&Problem>)> = Vec::new();
    for problem in problems {
        let file = problem.span.as_ref().map_or_else(|| ".".to_owned(), path_text);
        match files.iter_mut().find(|(name, _)| *name == file) {
            Some((_, found)) => found.push(problem),
            None => files.push((file, vec![problem])),
        }
    }
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<checkstyle version=\"4.3\">\n".to_owned();
    for (file, found) in files {
        let _ = writeln!(text, "  <file name=\"{}\">", escaped(&file));
        for problem in found {
            write_one(&mut text, problem);
        }
        text.push_str("  </file>\n");
    }
    text.push_str("</checkstyle>\n");
    text
}

fn write_one(text: &mut String, problem: &Problem) {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "info",
    };
    let (line, column) = problem.span.as_ref().map_or((1, 1), |span: &Span| (span.line(), span.column()));
    let message = escaped(&whole_text(problem));
    let _ = writeln!(
        text,
        "    <error line=\"{line}\" column=\"{column}\" severity=\"{severity}\" message=\"{message}\" source=\"sync.{}\"/>",
        problem.code
    );
}

/// Text as an attribute. Characters that XML 1.0 does not allow at all become U+FFFD.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            '\r' => safe.push_str("&#13;"),
            '\t' => safe.push_str("&#9;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::tests::some;
    use super::*;

    #[test]
    fn files_hold_their_problems() {
        assert_eq!(
            to_checkstyle(&some()),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<checkstyle version=\"4.3\">
  <file name=\"flows/a b,c.dig\">
    <error line=\"2\" column=\"3\" severity=\"error\" message=\"unknown &lt;operator&gt; `embluk&gt;` &amp; 100% (did you mean `embulk&gt;`?)&#10;in task `+main+日本`&#10;hint: write: it&#10;better\" source=\"sync.unknown-operator\"/>
  </file>
  <file name=\".\">
    <error line=\"1\" column=\"1\" severity=\"warning\" message=\"file `x.dig` does not exist\" source=\"sync.missing-file\"/>
  </file>
</checkstyle>
"
        );
        assert_eq!(escaped("\u{0}\u{7}\t\"é"), "\u{fffd}\u{fffd}&#9;&quot;é");
    }
}
