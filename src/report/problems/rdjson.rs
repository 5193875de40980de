//! Problems in the form of reviewdog (<https://github.com/reviewdog/reviewdog/tree/master/proto/rdf>).

use serde_json::{Value, json};

use super::{path_text, whole_text};
use crate::diagnostic::{Problem, Severity, Span};

/// One `DiagnosticResult`. Columns count bytes of UTF-8 there. A problem without a place has the path `.`, because a
/// location is required.
pub fn to_rdjson(problems: &[Problem]) -> Value {
    super::expect_rules(problems);
    let diagnostics: Vec<Value> = problems.iter().map(one).collect();
    json!({ "source": {"name": "sync"}, "diagnostics": diagnostics })
}

fn one(problem: &Problem) -> Value {
    let severity = match problem.severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Note => "INFO",
    };
    let mut found = json!({
        "message": whole_text(problem),
        "location": problem.span.as_ref().map_or_else(|| json!({"path": "."}), location),
        "severity": severity,
        "code": {"value": problem.code},
    });
    if !problem.also.is_empty() {
        let others = problem.also.iter();
        found["related_locations"] =
            others.map(|(span, label)| json!({"message": label, "location": location(span)})).collect();
    }
    found
}

fn location(span: &Span) -> Value {
    let place = |(line, column): (usize, usize)| json!({"line": line, "column": column});
    json!({
        "path": path_text(span),
        "range": {"start": place(in_bytes(span, span.start)), "end": place(in_bytes(span, span.end))},
    })
}

/// Line and column, from 1, of a byte; the column in bytes.
fn in_bytes(span: &Span, at: usize) -> (usize, usize) {
    let place = Span::new(&span.source, at, at);
    let line_start = span.source.text[..at].rfind('\n').map_or(0, |end| end + 1);
    (place.line(), at - line_start + 1)
}

#[cfg(test)]
mod tests {
    use super::super::tests::some;
    use super::*;
    use crate::diagnostic::Source;

    #[test]
    fn a_diagnostic_has_its_range_and_what_belongs_to_it() {
        let found = to_rdjson(&some());
        assert_eq!(
            found["diagnostics"][0]["location"],
            json!({"path": "flows/a b,c.dig",
                "range": {"start": {"line": 2, "column": 3}, "end": {"line": 3, "column": 7}}})
        );
        assert_eq!(found["diagnostics"][0]["related_locations"][0]["message"], "first written here");
        assert_eq!(found["diagnostics"][1]["location"], json!({"path": "."}));
        assert_eq!(found["diagnostics"][1]["severity"], "WARNING");
    }

    #[test]
    fn columns_are_bytes() {
        let source = Source::new("a.dig", "x: 1\n日本: y\n");
        let span = Span::new(&source, 5 + "日本: ".len(), 5 + "日本: y".len());
        assert_eq!(location(&span)["range"]["start"], json!({"line": 2, "column": 9}));
    }
}
