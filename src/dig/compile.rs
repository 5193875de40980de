//! A mapping of the document to a task: group or operator, its directives, its children. Collects every problem.
//!
//! What Digdag refuses when it loads or starts a task is an error; what it accepts and then ignores is a warning.
//! The top of a file is `document`'s; the operands of operators are `operand`'s.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::retry::RetryPolicy;
use super::workflow::{OperatorCall, Parallel, Task, TaskBody};
use super::{name, operand, operator, params, template};
use crate::diagnostic::{Problem, Span, suggest};
use crate::session::{Params, TaskName};
use crate::yaml::{Entry, Node, NodeValue};

/// Keys that a group may have.
const GROUP_KEYS: [&str; 12] = [
    "timezone",
    "schedule",
    "sla",
    "_parallel",
    "_background",
    "_after",
    "_error",
    "_check",
    "_retry",
    "_export",
    "_secrets",
    "_disable",
];

/// Every directive, for suggestions.
pub(super) const DIRECTIVES: [&str; 15] = [
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
];

/// Directives that are taken out of an operator's local parameters: they are compiled, not evaluated.
const COMPILED: [&str; 5] = ["_do", "_else_do", "_error", "_check", "_export"];

/// Groups in groups. Far above real files; keeps the walk within any stack.
const MAX_DEPTH: usize = 100;

/// Collects what is wrong while it compiles.
#[derive(Default)]
pub(super) struct Compiler {
    pub(super) problems: Vec<Problem>,
}

/// Where a task's definition stands and what it is called.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The last part of the name.
    pub(super) name: &'a str,
    /// The whole name, for messages.
    pub(super) full: &'a TaskName,
    /// Its key.
    pub(super) span: &'a Span,
    /// Levels above it.
    pub(super) depth: usize,
}

impl Compiler {
    /// Records a problem of a task.
    pub(super) fn report(&mut self, problem: Problem, place: Place<'_>) {
        self.problems.push(problem.task(place.full.as_str()));
    }

    /// Compiles the value of a task's key (or of `_error`, `_check`, `_do`). None when it has no usable shape.
    pub(super) fn task(&mut self, node: &Node, place: Place<'_>) -> Option<Task> {
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
    pub(super) fn pairs<'n>(
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
    pub(super) fn common(&mut self, task: &mut Task, entries: &[&Entry], place: Place<'_>) {
        task.export = self.export(entries, place);
        task.error = self.handler(entries, "_error", "^error", place);
        task.background = self.flag(entries, "_background", place);
        task.after = self.after(entries, place);
        if let Some(entry) = find(entries, "_retry") {
            task.retry = self.retry(entry, place);
        }
    }

    fn export(&mut self, entries: &[&Entry], place: Place<'_>) -> Params {
        let Some(entry) = find(entries, "_export") else { return Params::new() };
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

    /// The expressions in values that will be evaluated.
    fn templates(&mut self, node: &Node, place: Place<'_>) {
        for problem in template::check(node) {
            self.report(problem, place);
        }
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
        let entry = find(entries, key)?;
        if entry.value.as_mapping().is_some_and(<[Entry]>::is_empty) {
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
    fn flag(&mut self, entries: &[&Entry], key: &str, place: Place<'_>) -> bool {
        let Some(entry) = find(entries, key) else { return false };
        let value = entry.value.to_json();
        match params::to_bool(key, &value) {
            Ok(flag) => flag,
            Err(_) => {
                let message = format!("`{key}` must be `true` or `false`");
                self.literal_wanted(message, entry, place);
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
        let Some(entry) = find(entries, "_after") else { return Vec::new() };
        let names: Option<Vec<String>> = match &entry.value.value {
            NodeValue::Sequence(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        names.unwrap_or_else(|| {
            self.literal_wanted("`_after` must be a list of task names".to_owned(), entry, place);
            Vec::new()
        })
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

    /// `_parallel` of a group, read as it is written.
    pub(super) fn parallel(&mut self, entries: &[&Entry], place: Place<'_>) -> Parallel {
        let Some(entry) = find(entries, "_parallel") else { return Parallel::No };
        let value = entry.value.to_json();
        let chunks = match &value {
            Value::Bool(_) | Value::String(_) => params::to_bool("_parallel", &value)
                .ok()
                .map(|all| if all { Parallel::All } else { Parallel::No }),
            Value::Object(map) => {
                map.get("limit").and_then(|limit| params::to_integer("limit", limit).ok()).map(|limit| {
                    usize::try_from(limit)
                        .ok()
                        .filter(|limit| *limit > 0)
                        .map_or(Parallel::All, Parallel::Chunks)
                })
            }
            _ => None,
        };
        chunks.unwrap_or_else(|| {
            let message = "`_parallel` must be `true`, `false` or `{limit: N}`".to_owned();
            self.literal_wanted(message, entry, place);
            Parallel::No
        })
    }

    fn group(&mut self, task: &mut Task, entries: &[&Entry], place: Place<'_>) -> TaskBody {
        for entry in entries.iter().filter(|entry| !entry.key.starts_with('+')) {
            self.group_key(entry, place);
        }
        if task.retry.is_none()
            && let Some(entry) = find(entries, "_retry").filter(|entry| holds_template(&entry.value))
        {
            let message = "`_retry` of a group is not evaluated: there will be no retry";
            self.report(Problem::warning("retry", message, span_of(entry)), place);
        }
        let parallel = self.parallel(entries, place);
        let children = self.children(entries, parallel, place);
        if children.is_empty() && !entries.iter().any(|entry| entry.key.starts_with('+')) {
            let problem =
                Problem::warning("empty-task", format!("task `{}` does nothing", place.full), place.span);
            self.report(problem.label("no operator and no task in it"), place);
        }
        TaskBody::Group { parallel, children }
    }

    fn group_key(&mut self, entry: &Entry, place: Place<'_>) {
        let key = entry.key.as_str();
        let warning = match key {
            "_check" => Some("`_check` of a group never runs: only that of an operator does"),
            "timezone" | "schedule" | "sla" => Some("has no effect below the top of the file"),
            _ => None,
        };
        if let Some(reason) = warning {
            let message =
                if reason.starts_with('`') { reason.to_owned() } else { format!("`{key}` {reason}") };
            self.report(Problem::warning("misplaced-directive", message, &entry.key_span), place);
            return;
        }
        if GROUP_KEYS.contains(&key) {
            return;
        }
        let problem = if DIRECTIVES.contains(&key) {
            let message = format!("`{key}` has no place in a group: it belongs to an operator");
            Problem::error("misplaced-directive", message, &entry.key_span)
        } else {
            let problem = Problem::error(
                "unknown-directive",
                format!("unknown key `{key}` in a group"),
                &entry.key_span,
            );
            self.suggestion(key, problem, &GROUP_KEYS)
        };
        self.report(problem, place);
    }

    /// Adds what was probably meant: a directive, an operator without `>`, a task without `+`.
    pub(super) fn suggestion(&self, key: &str, problem: Problem, known: &[&str]) -> Problem {
        let underscored = format!("_{key}");
        if let Some(near) =
            suggest(key, known.iter().copied()).or_else(|| suggest(&underscored, known.iter().copied()))
        {
            return problem.label(format!("did you mean `{near}`?"));
        }
        if operator::support(key) != operator::Support::Unknown {
            return problem.label(format!("did you mean `{key}>`?"));
        }
        problem
    }

    /// The tasks of a group or of the root.
    pub(super) fn children(&mut self, entries: &[&Entry], parallel: Parallel, place: Place<'_>) -> Vec<Task> {
        let mut children: Vec<Task> = Vec::new();
        for entry in entries.iter().filter(|entry| entry.key.starts_with('+')) {
            let full = place.full.child(&entry.key);
            let inner =
                Place { name: &entry.key, full: &full, span: &entry.key_span, depth: place.depth + 1 };
            if let Err(message) = name::check_task(&entry.key) {
                let message = format!("task name `{}` {message}", entry.key);
                self.report(Problem::error("task-name", message, &entry.key_span), inner);
            }
            let Some(child) = self.task(&entry.value, inner) else { continue };
            self.order(&child, &children, parallel, entry, inner);
            children.push(child);
        }
        children
    }

    /// `_background` and `_after` of a child, against the group it is in.
    fn order(&mut self, child: &Task, earlier: &[Task], parallel: Parallel, entry: &Entry, place: Place<'_>) {
        let directive = |key: &str| {
            entry.value.as_mapping().and_then(|entries| entries.iter().find(|entry| entry.key == key))
        };
        if child.background && parallel != Parallel::No {
            let span = directive("_background").map_or(place.span, |entry| &entry.key_span);
            let message = "`_background` has no meaning in a group with `_parallel`";
            self.report(Problem::error("misplaced-directive", message, span), place);
        }
        let Some(after) = directive("_after").filter(|_| !child.after.is_empty()) else { return };
        if parallel == Parallel::No {
            let message = "`_after` needs `_parallel: true` in the group around it";
            self.report(Problem::error("misplaced-directive", message, &after.key_span), place);
            return;
        }
        for name in child.after.iter().filter(|name| !earlier.iter().any(|task| task.name == **name)) {
            let problem =
                Problem::error("unknown-task", format!("no task `{name}` before this one"), span_of(after));
            let problem = match suggest(name, earlier.iter().map(|task| task.name.as_str())) {
                Some(near) => problem.label(format!("did you mean `{near}`?")),
                None => problem,
            };
            self.report(problem, place);
        }
    }

    fn operator(
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
            self.report(problem.label(format!("did you mean `{near}`?")), place);
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

/// The last entry of a key.
pub(super) fn find<'n>(entries: &[&'n Entry], key: &str) -> Option<&'n Entry> {
    entries.iter().copied().find(|entry| entry.key == key)
}

/// The value's place; the key's when the value is empty.
pub(super) fn span_of(entry: &Entry) -> &Span {
    if entry.value.span.text().is_empty() { &entry.key_span } else { &entry.value.span }
}

fn is_template(node: &Node) -> bool {
    node.as_str().is_some_and(|text| text.contains("${"))
}

/// Whether `${` stands anywhere in a value.
pub(super) fn holds_template(node: &Node) -> bool {
    match &node.value {
        NodeValue::Scalar(_) => is_template(node),
        NodeValue::Sequence(items) => items.iter().any(holds_template),
        NodeValue::Mapping(entries) => entries.iter().any(|entry| holds_template(&entry.value)),
    }
}

/// SHA-256 of a definition: the name and all that stands below it, in its order, includes merged in.
pub(super) fn definition(name: &str, node: &Node) -> String {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([0]);
    hash.update(node.to_json().to_string().as_bytes());
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
