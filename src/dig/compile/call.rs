//! Operators: the one key that ends in `>` and what stands beside it.

use serde_json::Value;

use super::{COMPILED, Compiler, DIRECTIVES, Place, find};
use crate::diagnostic::{Problem, Span, suggest};
use crate::dig::workflow::{OperatorCall, Task};
use crate::dig::{operand, operator, params};
use crate::yaml::{Entry, Node, NodeValue};

impl Compiler {
    pub(super) fn operator(
        &mut self,
        task: &mut Task,
        entries: &[&Entry],
        operators: &[&Entry],
        place: Place<'_>,
    ) -> OperatorCall {
        task.check = self.handler(entries, "_check", "^check", place);
        self.one_operator(operators, place);
        if let Some(child) = entries.iter().find(|entry| entry.key.starts_with('+')) {
            let problem =
                Problem::error("subtasks", "a task with an operator can't have subtasks", &child.key_span);
            let problem = match operators.first() {
                Some(operator) => problem.also(&operator.key_span, "its operator"),
                None => problem,
            };
            self.report(problem.hint("put the operator into a task of its own beside them"), place);
        }
        let (name, span, command) = named_operator(entries, operators, place);
        if !name.contains("${")
            && let Some(problem) = operator::problem(&name, &span)
        {
            self.report(problem, place);
        }
        for entry in entries {
            self.operator_key(entry, &name, place);
            if !COMPILED.contains(&entry.key.as_str()) {
                self.templates(&entry.value, place);
            }
        }
        let do_task = self.handler(entries, "_do", "", place);
        let else_task = self.handler(entries, "_else_do", "", place);
        let call = OperatorCall {
            operator: name,
            span,
            command: command.to_json(),
            command_node: command,
            local: entries
                .iter()
                .filter(|entry| !entry.key.starts_with('+') && !COMPILED.contains(&entry.key.as_str()))
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect(),
            do_task,
            else_task,
        };
        for problem in operand::check(&call, entries) {
            self.report(problem, place);
        }
        call
    }

    fn one_operator(&mut self, operators: &[&Entry], place: Place<'_>) {
        let [first, second, ..] = operators else { return };
        let message = format!("task `{}` has more than one operator", place.full);
        let problem = Problem::error("two-operators", message, &second.key_span)
            .also(&first.key_span, "its first operator")
            .hint("give each operator a task of its own");
        self.report(problem, place);
    }

    /// Directives that an operator ignores. Digdag takes any key as a parameter, so these are warnings.
    fn operator_key(&mut self, entry: &Entry, operator: &str, place: Place<'_>) {
        let key = entry.key.as_str();
        if !key.starts_with('_') || operator.contains("${") {
            return;
        }
        let misplaced = match key {
            "_do" => !operator::is_loop(operator) && operator != "if",
            "_else_do" => operator != "if",
            "_parallel" => !operator::reads_parallel(operator),
            _ => false,
        };
        if misplaced && operator::support(operator) == operator::Support::Native {
            let message = format!("`{key}` has no effect on `{operator}>`");
            self.report(Problem::warning("misplaced-directive", message, &entry.key_span), place);
        } else if !DIRECTIVES.contains(&key)
            && let Some(near) = suggest(key, DIRECTIVES)
        {
            let problem =
                Problem::warning("unknown-directive", format!("unknown directive `{key}`"), &entry.key_span);
            self.report(problem.did_you_mean(key, near), place);
        }
    }
}

/// `x>: command`, or `_type: x` with `_command`.
fn named_operator(entries: &[&Entry], operators: &[&Entry], place: Place<'_>) -> (String, Span, Node) {
    let null = |span: &Span| Node { value: NodeValue::Scalar(Value::Null), span: span.clone() };
    if let Some(entry) = find(entries, "_type") {
        let name = params::to_text("_type", &entry.value.to_json()).unwrap_or_default();
        let command =
            find(entries, "_command").map_or_else(|| null(&entry.value.span), |entry| entry.value.clone());
        return (name, entry.value.span.clone(), command);
    }
    match operators.first() {
        Some(entry) => {
            let name = entry.key.strip_suffix('>').unwrap_or(&entry.key).to_owned();
            (name, entry.key_span.clone(), entry.value.clone())
        }
        None => (String::new(), place.span.clone(), null(place.span)),
    }
}
