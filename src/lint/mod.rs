//! What is written correctly and probably not meant: rules over a workflow file, its includes put in.
//!
//! A rule of this room never finds an error, and looks only at what is written out: it would rather say nothing than
//! something untrue. Reading rooms find what is wrong; `check` shows both.

mod lists;
mod loops;
mod scalars;
mod shadowed;
mod sql;
mod tasks;
mod unused;
mod variables;

use std::sync::Arc;

pub use self::unused::Environment;
use crate::diagnostic::{Problem, Source};
use crate::session::Params;
use crate::yaml::{Entry, Node, NodeValue};

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

/// What is known around a workflow file.
pub struct Around<'a> {
    /// What the command line brings.
    pub given: &'a Params,
    /// What the properties bring.
    pub defaults: &'a Params,
    /// Whether other files call it: they bring names that are not seen here.
    pub called: Called,
    /// The text of a file, by the name that a task of it has for it.
    pub file: &'a dyn Fn(&str) -> Option<Arc<Source>>,
    /// Who reads the environment of its commands, and of those that it calls.
    pub environment: &'a dyn Fn() -> Environment,
    /// Whether a name stands in a file that its tasks read, or that they call.
    pub is_read: &'a dyn Fn(&str) -> bool,
}

/// Whether a file is called by others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// By nobody.
    Never,
    /// By some.
    ByOthers,
}

/// What the rules find in a workflow file. `name`: the file's, without `.dig`.
pub fn workflow(name: &str, node: &Node, around: &Around<'_>) -> Vec<Problem> {
    let Some(root) = Written::of(node) else { return Vec::new() };
    let mut problems = scalars::check_workflow(root);
    let name = format!("+{name}");
    root.for_each(&name, &mut |full, task| {
        let found = tasks::check(task).into_iter().chain(loops::check(task)).chain(sql::check(task, around));
        problems.extend(found.map(|problem| problem.task(full)));
    });
    problems.extend(shadowed::check(root, around.given));
    problems.extend(variables::check(&name, root, around));
    problems.extend(unused::check(&name, root, node, around.environment, around.is_read));
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

    /// `file:line:column code message in task` of all that is found, without the file where it is the workflow.
    pub(super) fn found(text: &str) -> Vec<String> {
        found_with(text, &[])
    }

    /// The same beside files. What scripts may read is not looked for.
    pub(super) fn found_with(text: &str, files: &[(&str, &str)]) -> Vec<String> {
        let parsed = parse(&Source::new("main.dig", text), Dialect::Digdag);
        let file = |name: &str| {
            files.iter().find(|(known, _)| *known == name).map(|(_, text)| Source::new(name, *text))
        };
        let around = Around {
            given: &Params::new(),
            defaults: &Params::new(),
            called: Called::Never,
            file: &file,
            environment: &|| Environment::Anybody,
            is_read: &|_| false,
        };
        shown(&workflow("main", &parsed.node.expect("YAML"), &around))
    }

    pub(super) fn shown(problems: &[Problem]) -> Vec<String> {
        let shown = problems.iter().map(|problem| {
            let span = problem.span.as_ref().expect("a place");
            let task = problem.task.as_ref().map(|task| format!(" in {task}")).unwrap_or_default();
            format!("{span} {} {}{task}", problem.code, problem.message).replacen("main.dig:", "", 1)
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
