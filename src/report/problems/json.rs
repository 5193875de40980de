//! Problems as JSON of our own.

use serde_json::{Value, json};

use crate::diagnostic::{Problem, Span};
use crate::program;

/// `{"problems": [{"code", "severity", "message", "file", "line", "column", "end_line", "end_column", "label", "task",
/// "hint", "also": [{"file", "line", "column", "label"}]}]}`. Lines and columns count from 1, columns in characters; what
/// a problem does not have is null.
pub fn to_json(problems: &[Problem]) -> Value {
    super::expect_rules(problems);
    json!({ "problems": problems.iter().map(one).collect::<Vec<_>>() })
}

fn one(problem: &Problem) -> Value {
    let span = problem.span.as_ref();
    let end = span.map(Span::end_place);
    let also: Vec<Value> = problem.also.iter().map(|(span, label)| other(span, label)).collect();
    json!({
        "code": problem.code,
        "severity": problem.severity.word(),
        "message": problem.message,
        "file": span.map(|span| span.path().display().to_string()),
        "line": span.map(Span::line),
        "column": span.map(Span::column),
        "end_line": end.map(|(line, _)| line),
        "end_column": end.map(|(_, column)| column),
        "label": (!problem.label.is_empty()).then_some(&problem.label),
        "task": problem.task,
        "hint": problem.hint.as_deref().map(program::in_its_name),
        "also": also,
    })
}

fn other(span: &Span, label: &str) -> Value {
    json!({
        "file": span.path().display().to_string(),
        "line": span.line(),
        "column": span.column(),
        "label": label,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::some;
    use super::*;

    #[test]
    fn everything_that_is_known_is_in_it() {
        assert_eq!(
            to_json(&some()),
            json!({"problems": [
                {
                    "code": "unknown-operator", "severity": "error",
                    "message": "unknown <operator> `embluk>` & 100%",
                    "file": "flows/a b,c.dig", "line": 2, "column": 3, "end_line": 3, "end_column": 7,
                    "label": "did you mean `embulk>`?", "task": "+main+日本", "hint": "write: it\nbetter",
                    "also": [{"file": "flows/a b,c.dig", "line": 4, "column": 1, "label": "first written here"}],
                },
                {
                    "code": "missing-file", "severity": "warning", "message": "file `x.dig` does not exist",
                    "file": null, "line": null, "column": null, "end_line": null, "end_column": null,
                    "label": null, "task": null, "hint": null, "also": [],
                },
            ]})
        );
    }
}
