//! A mapping of the document to a task: group or operator, its directives, its children. Collects every problem.
//!
//! What Digdag refuses when it loads or starts a task is an error; what it accepts and then ignores is a warning.
//! The top of a file is `document`'s; the operands of operators are `operand`'s.

mod call;
mod group;

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::retry::RetryPolicy;
use super::workflow::{OnFailure, Parallel, Task, TaskBody};
use super::{operator, params, template};
use crate::diagnostic::{Problem, Span, suggest};
use crate::session::{Params, TaskName};
use crate::yaml::{Entry, Node, NodeValue};

/// Every directive, for suggestions.
pub(in crate::dig) const DIRECTIVES: [&str; 17] = [
    "_parallel",
    "_background",
    "_after",
    "_error",
    "_check",
    "_retry",
    "_export",
    "_secrets",
    "_disable",
    "_do",
    "_else_do",
    "_env",
    "_type",
    "_command",
    "_workdir",
    "_timeout",
    "_continue_on_failure",
];

/// Directives that are taken out of an operator's local parameters: they are compiled, not evaluated.
const COMPILED: [&str; 7] =
    ["_do", "_else_do", "_error", "_check", "_export", "_timeout", "_continue_on_failure"];

/// Directives that Digdag does not have.
const OURS: [&str; 2] = ["_timeout", "_continue_on_failure"];

/// Groups in groups. Far above real files; keeps the walk within any stack.
const MAX_DEPTH: usize = 100;

/// Collects what is wrong while it compiles.
#[derive(Default)]
pub(in crate::dig) struct Compiler {
    pub(in crate::dig) problems: Vec<Problem>,
    templates: Vec<(template::Spot, TaskName)>,
}

/// Where a task's definition stands and what it is called.
#[derive(Clone, Copy)]
pub(in crate::dig) struct Place<'a> {
    /// The last part of the name.
    pub(in crate::dig) name: &'a str,
    /// The whole name, for messages.
    pub(in crate::dig) full: &'a TaskName,
    /// Its key.
    pub(in crate::dig) span: &'a Span,
    /// Levels above it.
    pub(in crate::dig) depth: usize,
}

impl Compiler {
    /// Records a problem of a task.
    pub(in crate::dig) fn report(&mut self, problem: Problem, place: Place<'_>) {
        self.problems.push(problem.task(place.full.as_str()));
    }

    /// Compiles the value of a task's key (or of `_error`, `_check`, `_do`). None when it has no usable shape.
    pub(in crate::dig) fn task(&mut self, node: &Node, place: Place<'_>) -> Option<Task> {
        if place.depth > MAX_DEPTH {
            let problem = Problem::error(
                "too-deep",
                format!("tasks nested more than {MAX_DEPTH} levels deep"),
                place.span,
            );
            self.report(problem, place);
            return None;
        }
        let entries = self.pairs(node, place.name, place)?;
        let mut task = Task {
            name: place.name.to_owned(),
            span: place.span.clone(),
            body: TaskBody::Group { parallel: Parallel::No, children: Vec::new() },
            export: Params::new(),
            retry: None,
            error: None,
            check: None,
            background: false,
            after: Vec::new(),
            timeout: None,
            on_failure: OnFailure::Stop,
            definition: definition(place.name, node),
        };
        if self.flag(&entries, "_disable", place) {
            return Some(task);
        }
        let operators: Vec<&Entry> =
            entries.iter().copied().filter(|entry| entry.key.ends_with('>')).collect();
        self.common(&mut task, &entries, place);
        task.body = if operators.is_empty() && find(&entries, "_type").is_none() {
            self.group(&mut task, &entries, place)
        } else {
            TaskBody::Operator(Box::new(self.operator(&mut task, &entries, &operators, place)))
        };
        Some(task)
    }

    /// The pairs of a mapping, or of a list of mappings, later ones over earlier ones.
    pub(in crate::dig) fn pairs<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        place: Place<'_>,
    ) -> Option<Vec<&'n Entry>> {
        let parts: Option<Vec<&[Entry]>> = match &node.value {
            NodeValue::Mapping(entries) => return Some(entries.iter().collect()),
            NodeValue::Sequence(items) => items.iter().map(Node::as_mapping).collect(),
            NodeValue::Scalar(_) => None,
        };
        let Some(parts) = parts else {
            let span = if node.span.text().is_empty() { place.span } else { &node.span };
            let message = match &node.value {
                NodeValue::Scalar(Value::Null) => format!("`{what}` has no value"),
                NodeValue::Sequence(_) => format!("`{what}` must be a mapping or a list of mappings"),
                NodeValue::Scalar(_) | NodeValue::Mapping(_) => {
                    format!("`{what}` must be a mapping, but is {}", node.kind())
                }
            };
            self.report(Problem::error("shape", message, span), place);
            return None;
        };
        let mut merged: Vec<&Entry> = Vec::new();
        for entry in parts.into_iter().flatten() {
            match merged.iter_mut().find(|old| old.key == entry.key) {
                Some(old) => *old = entry,
                None => merged.push(entry),
            }
        }
        Some(merged)
    }

    /// What groups and operators have in common, the root included.
    pub(in crate::dig) fn common(&mut self, task: &mut Task, entries: &[&Entry], place: Place<'_>) {
        task.export = self.export(entries, place);
        task.error = self.handler(entries, "_error", "^error", place);
        task.background = self.flag(entries, "_background", place);
        task.after = self.after(entries, place);
        for key in OURS {
            if let Some(entry) = find(entries, key) {
                let message = format!(
                    "`{key}` is not known to Digdag: it ignores it on a task and refuses it on a group"
                );
                self.report(Problem::note("extension", message, &entry.key_span), place);
            }
        }
        task.timeout = self.timeout(entries, place);
        if self.flag(entries, "_continue_on_failure", place) {
            task.on_failure = OnFailure::Continue;
        }
        if let Some(entry) = given(entries, "_retry") {
            task.retry = self.retry(entry, place);
        }
    }

    fn export(&mut self, entries: &[&Entry], place: Place<'_>) -> Params {
        let Some(entry) = given(entries, "_export") else { return Params::new() };
        let Some(pairs) = self.pairs(&entry.value, "_export", Place { span: &entry.key_span, ..place })
        else {
            return Params::new();
        };
        for entry in &pairs {
            self.templates(&entry.value, place);
        }
        if let Some(plugin) = find(&pairs, "plugin") {
            self.plugin(plugin, place);
        }
        pairs.into_iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
    }

    /// Remembers the expressions in values that will be evaluated.
    fn templates(&mut self, node: &Node, place: Place<'_>) {
        let mut found = Vec::new();
        template::spots(node, &mut found);
        self.templates.extend(found.into_iter().map(|spot| (spot, place.full.clone())));
    }

    /// Everything that is wrong. The expressions are looked at only now: the engine measures its stack from where it
    /// was made, and the walk goes deep.
    pub(in crate::dig) fn finish(mut self) -> Vec<Problem> {
        for (spot, task) in self.templates {
            self.problems.extend(spot.check().map(|problem| problem.task(task.as_str())));
        }
        self.problems
    }

    /// Dependencies that Digdag would fetch. `slack>` is native; what others bring is not there.
    fn plugin(&mut self, entry: &Entry, place: Place<'_>) {
        let value = entry.value.to_json();
        let dependencies = value.get("dependencies").and_then(Value::as_array).cloned().unwrap_or_default();
        let foreign: Vec<_> = dependencies
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| !name.contains("digdag-slack"))
            .map(|name| format!("`{name}`"))
            .collect();
        let problem = if foreign.is_empty() {
            Problem::note(
                "plugin-ignored",
                "`plugin` is ignored: what it brings is built in",
                &entry.key_span,
            )
        } else {
            let message = format!("`plugin` is ignored: {} can't be loaded", foreign.join(", "));
            Problem::warning("plugin-ignored", message, &entry.key_span)
        };
        self.report(problem, place);
    }

    fn handler(&mut self, entries: &[&Entry], key: &str, name: &str, place: Place<'_>) -> Option<Box<Task>> {
        let entry = given(entries, key)?;
        // A loop with an empty body repeats nothing, but it has one.
        let is_body = key == "_do" || key == "_else_do";
        if !is_body && entry.value.as_mapping().is_some_and(<[Entry]>::is_empty) {
            return None;
        }
        let full = place.full.child(name);
        let inner = Place { name, full: &full, span: &entry.key_span, depth: place.depth + 1 };
        self.task_named(entry, key, inner).map(Box::new)
    }

    /// A task below a directive: shape errors name the directive, not the generated name.
    fn task_named(&mut self, entry: &Entry, key: &str, place: Place<'_>) -> Option<Task> {
        self.pairs(&entry.value, key, place)?;
        self.task(&entry.value, place)
    }

    /// A boolean that must be written out. Absent is false.
    pub(in crate::dig) fn flag(&mut self, entries: &[&Entry], key: &str, place: Place<'_>) -> bool {
        let Some(entry) = given(entries, key) else { return false };
        let value = entry.value.to_json();
        match params::to_bool(key, &value) {
            Ok(flag) => flag,
            Err(error) => {
                self.literal_wanted(error.to_string(), entry, place);
                false
            }
        }
    }

    /// An error about a directive that is read before anything is evaluated.
    fn literal_wanted(&mut self, message: String, entry: &Entry, place: Place<'_>) {
        let mut problem = Problem::error("shape", message, span_of(entry));
        if is_template(&entry.value) {
            problem = problem
                .hint(format!("`{}` is read before `${{...}}` is evaluated: write the value out", entry.key));
        }
        self.report(problem, place);
    }

    fn after(&mut self, entries: &[&Entry], place: Place<'_>) -> Vec<String> {
        let Some(entry) = given(entries, "_after") else { return Vec::new() };
        let names: Option<Vec<String>> = match &entry.value.value {
            NodeValue::Sequence(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        names.unwrap_or_else(|| {
            self.literal_wanted("`_after` must be a list of task names".to_owned(), entry, place);
            Vec::new()
        })
    }

    /// A duration that must be written out.
    fn timeout(&mut self, entries: &[&Entry], place: Place<'_>) -> Option<Duration> {
        let entry = find(entries, "_timeout")?;
        let limit = params::to_duration("_timeout", &entry.value.to_json()).ok();
        let limit = limit.filter(|limit| !limit.is_zero());
        if limit.is_none() {
            let message = "`_timeout` must be a duration such as `10m`".to_owned();
            self.literal_wanted(message, entry, place);
        }
        limit
    }

    fn retry(&mut self, entry: &Entry, place: Place<'_>) -> Option<RetryPolicy> {
        match RetryPolicy::from_value(&entry.value.to_json()) {
            Ok(policy) => Some(policy),
            // An operator's is evaluated when it is needed; `group` warns about a group's.
            Err(_) if holds_template(&entry.value) => None,
            Err(message) => {
                self.report(Problem::error("retry", message, span_of(entry)), place);
                None
            }
        }
    }

    /// Adds what was probably meant: a directive, an operator without `>`, a task without `+`.
    pub(in crate::dig) fn suggestion(&self, key: &str, problem: Problem, known: &[&str]) -> Problem {
        let underscored = format!("_{key}");
        if let Some(near) =
            suggest(key, known.iter().copied()).or_else(|| suggest(&underscored, known.iter().copied()))
        {
            return problem.did_you_mean(key, near);
        }
        if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) {
            return problem.hint(format!(
                "YAML reads `+{key}` as a number: a task of that name is written `\"+{key}\"`"
            ));
        }
        if operator::support(key) != operator::Support::Unknown {
            return problem.did_you_mean(key, &format!("{key}>"));
        }
        problem
    }
}

/// The last entry of a key.
pub(in crate::dig) fn find<'n>(entries: &[&'n Entry], key: &str) -> Option<&'n Entry> {
    entries.iter().copied().find(|entry| entry.key == key)
}

/// The entry of a directive that has a value. With nothing behind it, it counts as absent.
pub(in crate::dig) fn given<'n>(entries: &[&'n Entry], key: &str) -> Option<&'n Entry> {
    find(entries, key).filter(|entry| entry.value.value != NodeValue::Scalar(Value::Null))
}

/// The value's place; the key's when the value is empty.
pub(in crate::dig) fn span_of(entry: &Entry) -> &Span {
    if entry.value.span.text().is_empty() { &entry.key_span } else { &entry.value.span }
}

fn is_template(node: &Node) -> bool {
    node.as_str().is_some_and(|text| text.contains("${"))
}

/// Whether `${` stands anywhere in a value.
pub(in crate::dig) fn holds_template(node: &Node) -> bool {
    match &node.value {
        NodeValue::Scalar(_) => is_template(node),
        NodeValue::Sequence(items) => items.iter().any(holds_template),
        NodeValue::Mapping(entries) => entries.iter().any(|entry| holds_template(&entry.value)),
    }
}

/// SHA-256 of a definition: the name and all that stands below it, in its order, includes merged in.
pub(in crate::dig) fn definition(name: &str, node: &Node) -> String {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([0]);
    hash.update(node.to_json().to_string().as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
