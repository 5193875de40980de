//! What is written correctly and probably not meant: rules over a workflow file, its includes put in.
//!
//! A rule of this room never finds an error, and looks only at what is written out: it would rather say nothing than
//! something untrue. Reading rooms find what is wrong; `check` shows both.

mod loops;
mod scalars;
mod tasks;
mod variables;

use crate::diagnostic::Problem;
use crate::yaml::{Entry, Node, NodeValue};

/// Operators that speak with a server.
const NETWORK: [&str; 22] = [
    "bq",
    "bq_ddl",
    "bq_extract",
    "bq_load",
    "embulk",
    "gcs_put",
    "gcs_wait",
    "http",
    "http_call",
    "mail",
    "mysql",
    "notify",
    "pg",
    "redshift",
    "redshift_load",
    "redshift_unload",
    "require",
    "s3_copy",
    "s3_delete",
    "s3_put",
    "s3_wait",
    "slack",
];

/// Operators that read or write a database.
const DATABASES: [&str; 9] =
    ["bq", "bq_extract", "bq_load", "embulk", "mysql", "pg", "redshift", "redshift_load", "redshift_unload"];

/// Directives whose value is a task of its own.
const HANDLERS: [&str; 4] = ["_do", "_else_do", "_error", "_check"];

/// One task, as it is written.
#[derive(Clone, Copy)]
struct Written<'n> {
    entries: &'n [Entry],
}

impl<'n> Written<'n> {
    /// None for what is no task (a list of mappings, a mistake).
    fn of(node: &'n Node) -> Option<Self> {
        node.as_mapping().map(|entries| Self { entries })
    }

    fn get(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().rev().find(|entry| entry.key == key)
    }

    /// The key of its operator, and the name without `>`.
    fn operator(&self) -> Option<(&'n Entry, &'n str)> {
        self.entries.iter().find_map(|entry| Some((entry, entry.key.strip_suffix('>')?)))
    }

    /// Tasks right below it, with the words that their names have in messages.
    fn inner(&self) -> impl Iterator<Item = (&'n str, &'n Entry)> + use<'n> {
        let is_task = |entry: &&Entry| entry.key.starts_with('+') || HANDLERS.contains(&entry.key.as_str());
        self.entries.iter().filter(is_task).map(|entry| match entry.key.as_str() {
            "_error" => ("^error", entry),
            "_check" => ("^check", entry),
            "_do" | "_else_do" => ("^sub", entry),
            name => (name, entry),
        })
    }

    /// Everything but the tasks below it.
    fn own(&self) -> impl Iterator<Item = &'n Entry> + use<'n> {
        let is_task = |entry: &&Entry| entry.key.starts_with('+') || HANDLERS.contains(&entry.key.as_str());
        self.entries.iter().filter(move |entry| !is_task(entry))
    }

    /// The task and all below it.
    fn for_each(self, name: &str, act: &mut impl FnMut(&str, Self)) {
        act(name, self);
        for (part, entry) in self.inner() {
            if let Some(task) = Self::of(&entry.value) {
                task.for_each(&format!("{name}{part}"), act);
            }
        }
    }
}

/// What the rules find in a workflow file. `name`: the file's, without `.dig`.
pub fn workflow(name: &str, node: &Node) -> Vec<Problem> {
    let Some(root) = Written::of(node) else { return Vec::new() };
    let mut problems = scalars::check_workflow(root);
    let name = format!("+{name}");
    root.for_each(&name, &mut |full, task| {
        let found = tasks::check(task).into_iter().chain(loops::check(task));
        problems.extend(found.map(|problem| problem.task(full)));
    });
    problems.extend(variables::check(&name, root));
    problems
}

/// What the rules find in a transfer file that is no template.
pub fn transfer(node: &Node) -> Vec<Problem> {
    scalars::check_transfer(node)
}

/// The scalars in a value, at any depth.
fn scalars_of<'n>(node: &'n Node, found: &mut Vec<&'n Node>) {
    match &node.value {
        NodeValue::Scalar(_) => found.push(node),
        NodeValue::Sequence(items) => items.iter().for_each(|item| scalars_of(item, found)),
        NodeValue::Mapping(entries) => entries.iter().for_each(|entry| scalars_of(&entry.value, found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::yaml::{Dialect, parse};

    /// `line:column code message in task` of all that is found.
    pub(super) fn found(text: &str) -> Vec<String> {
        let parsed = parse(&Source::new("main.dig", text), Dialect::Digdag);
        let problems = workflow("main", &parsed.node.expect("YAML"));
        let shown = problems.iter().map(|problem| {
            let span = problem.span.as_ref().expect("a place");
            let task = problem.task.as_ref().map(|task| format!(" in {task}")).unwrap_or_default();
            format!("{}:{} {} {}{task}", span.line(), span.column(), problem.code, problem.message)
        });
        shown.collect()
    }

    #[test]
    fn an_ordinary_workflow_has_nothing() {
        let text = "timezone: Asia/Tokyo
schedule: {daily>: 07:00:00}
_export:
  docker: {image: ruby:3.3}
  tables: [a, b]
+load:
  _retry: {limit: 3, interval: 10}
  for_each>: {table: '${tables}'}
  _parallel: {limit: 4}
  _do:
    _export: {TABLE: '${table}'}
    sh>: embulk run t.yml.liquid
_error:
  _retry: {limit: 2, interval: 5}
  slack>: failed.yml
";
        assert_eq!(found(text), [""; 0]);
    }
}
