//! Groups: which keys they may have, how their children run, and in which order.

use super::{Compiler, DIRECTIVES, Place, find, given, holds_template, span_of};
use crate::diagnostic::{Problem, suggest};
use crate::dig::name;
use crate::dig::workflow::{Parallel, Task, TaskBody};
use crate::yaml::Entry;

/// Keys that a group may have.
const GROUP_KEYS: [&str; 14] = [
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
    "_timeout",
    "_continue_on_failure",
];

impl Compiler {
    pub(super) fn group(&mut self, task: &mut Task, entries: &[&Entry], place: Place<'_>) -> TaskBody {
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

    /// `_parallel` of a group, read as it is written.
    pub(in crate::dig) fn parallel(&mut self, entries: &[&Entry], place: Place<'_>) -> Parallel {
        let Some(entry) = given(entries, "_parallel") else { return Parallel::No };
        let value = entry.value.to_json();
        Parallel::from_value(&value).unwrap_or_else(|message| {
            self.literal_wanted(message, entry, place);
            Parallel::No
        })
    }

    /// The tasks of a group or of the root.
    pub(in crate::dig) fn children(
        &mut self,
        entries: &[&Entry],
        parallel: Parallel,
        place: Place<'_>,
    ) -> Vec<Task> {
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
            let message = "Setting \"_background: true\" option is invalid (unnecessary) \
                if its parent task has \"_parallel: true\" option";
            self.report(Problem::error("misplaced-directive", message, span), place);
        }
        let Some(after) = directive("_after").filter(|_| !child.after.is_empty()) else { return };
        if parallel == Parallel::No {
            let message = "Setting \"_after\" option is invalid \
                if its parent task doesn't have \"_parallel: true\" option";
            self.report(Problem::error("misplaced-directive", message, &after.key_span), place);
            return;
        }
        for name in child.after.iter().filter(|name| !earlier.iter().any(|task| task.name == **name)) {
            let problem = Problem::error(
                "unknown-task",
                format!("Dependency task '{name}' does not exist"),
                span_of(after),
            );
            let problem = problem.hint("a task can wait for those that stand before it");
            let problem = match suggest(name, earlier.iter().map(|task| task.name.as_str())) {
                Some(near) => problem.did_you_mean(name, near),
                None => problem,
            };
            self.report(problem, place);
        }
    }
}
