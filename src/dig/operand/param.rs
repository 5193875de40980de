//! `param_set>` and `param_get>`: their pairs stand beside the operator, not below it.

use serde_json::Value;

use super::CODE;
use crate::diagnostic::Problem;
use crate::dig::compile::span_of;
use crate::dig::workflow::OperatorCall;
use crate::yaml::{Entry, NodeValue};

/// The problems of the pairs; none for other operators.
pub(super) fn check(call: &OperatorCall, entries: &[&Entry]) -> Vec<Problem> {
    let expected = match call.operator.as_str() {
        "param_set" => "text",
        "param_get" => "the name of a variable",
        _ => return Vec::new(),
    };
    let operator = &call.operator;
    let pairs =
        entries.iter().filter(|entry| !entry.key.starts_with(['_', '+']) && !entry.key.ends_with('>'));
    let mut problems = Vec::new();
    let mut has_pair = false;
    for entry in pairs {
        match &entry.value.value {
            NodeValue::Scalar(Value::Null) => {
                let message = format!("`{}` has no value and is left out", entry.key);
                problems.push(Problem::warning("no-effect", message, &entry.key_span));
            }
            NodeValue::Scalar(_) => has_pair = true,
            _ => {
                has_pair = true;
                let kind = entry.value.kind();
                let message = format!("`{operator}>` takes {expected} for `{}`, not {kind}", entry.key);
                problems.push(Problem::error(CODE, message, span_of(entry)));
            }
        }
    }
    match &call.command {
        Value::Null => {}
        Value::Object(_) | Value::Array(_) => {
            let message = format!("the keys of `{operator}>` stand beside it, not below it");
            return vec![Problem::error(CODE, message, &call.span)];
        }
        _ => {
            let message = format!("the value of `{operator}>` has no effect: its keys stand beside it");
            problems.push(Problem::warning("no-effect", message, &call.span));
        }
    }
    if !has_pair {
        problems.push(Problem::error(CODE, "no key is set.", &call.span));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::testing::problems;

    #[test]
    fn pairs_are_scalars_beside_the_operator() {
        assert_eq!(problems("param_set>: , k: 1, l: '${x}', _retry: 3"), [""; 0]);
        assert_eq!(problems("param_get>: , k: v"), [""; 0]);
        for (task, expected) in [
            ("param_set>: ", "error no key is set."),
            ("param_get>: , _retry: 3", "error no key is set."),
            ("param_set>: {k: 1}", "error the keys of `param_set>` stand beside it, not below it"),
            ("param_set>: , k: [1]", "error `param_set>` takes text for `k`, not a list"),
            (
                "param_get>: , k: {v: 1}",
                "error `param_get>` takes the name of a variable for `k`, not a mapping",
            ),
            ("param_set>: , k: 1, l: ", "warning `l` has no value and is left out"),
            (
                "param_get>: x, k: v",
                "warning the value of `param_get>` has no effect: its keys stand beside it",
            ),
        ] {
            assert_eq!(problems(task), [expected], "{task}");
        }
    }
}
