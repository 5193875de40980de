//! What people asked to run: everything, one subtree, or what stands before or after a task.

use crate::session::TaskName;

use super::definition::Definition;
use super::resume::Recorded;

/// What is to run. Patterns match the end of a full name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Everything that is not recorded as done.
    All,
    /// `run FILE +task`: the root and that subtree. Groups between the two are left out, with their `_export`,
    /// `_retry` and `_error`, as Digdag does.
    Subtree(String),
    /// `retry +task`: what is not done in that subtree; nothing else starts.
    Within(String),
    /// `--from`, `--start`: that task and all after it run again; what stands before it, unless done.
    From(String),
    /// `--goal`: that task runs again; what stands before it, unless done; the rest does not start.
    Goal(String),
    /// `--end`: what stands before that task, unless done; the rest does not start.
    End(String),
}

impl Selection {
    /// The pattern, where there is one.
    pub fn pattern(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Subtree(pattern)
            | Self::Within(pattern)
            | Self::From(pattern)
            | Self::Goal(pattern)
            | Self::End(pattern) => Some(pattern),
        }
    }
}

/// A pattern that names no task, or several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// No task of that name.
    #[error("no task's name ends in `{pattern}`")]
    NotFound {
        /// What was asked for.
        pattern: String,
        /// The nearest name, when one is near.
        near: Option<String>,
    },
    /// Several tasks of that name.
    #[error("`{pattern}` could be any of {}", .candidates.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
    Ambiguous {
        /// What was asked for.
        pattern: String,
        /// The first few names that match.
        candidates: Vec<String>,
    },
}

/// What happens to a task and all below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Taken as done where it is recorded so.
    Recorded,
    /// Runs, whatever is recorded.
    Redo,
    /// Taken as done where it is recorded so, else passed over.
    RecordedOrPass,
    /// Passed over: the tasks after it do not wait for it.
    Pass,
    /// Holds the selected task somewhere below it.
    OnPath,
}

/// The modes around a selected task.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub(super) target: TaskName,
    pub(super) before: Mode,
    pub(super) at: Mode,
    pub(super) after: Mode,
}

impl Path {
    pub(super) fn new(selection: &Selection, target: TaskName) -> Option<Self> {
        let (before, at, after) = match selection {
            Selection::All | Selection::Subtree(_) => return None,
            Selection::Within(_) => (Mode::RecordedOrPass, Mode::Recorded, Mode::RecordedOrPass),
            Selection::From(_) => (Mode::Recorded, Mode::Redo, Mode::Redo),
            Selection::Goal(_) => (Mode::Recorded, Mode::Redo, Mode::Pass),
            Selection::End(_) => (Mode::Recorded, Mode::Pass, Mode::Pass),
        };
        Some(Self { target, before, at, after })
    }

    /// The mode of a task that is the target or holds it; none for any other.
    pub(super) fn on(&self, name: &TaskName) -> Option<Mode> {
        let rest = self.target.as_str().strip_prefix(name.as_str())?;
        match rest.chars().next() {
            None => Some(self.at),
            Some('+' | '^') => Some(Mode::OnPath),
            Some(_) => None,
        }
    }
}

/// Finds the one task that a pattern means: among the tasks in the file, and where `generated` is given among those
/// that earlier attempts recorded.
pub(super) fn resolve(
    pattern: &str,
    root: &TaskName,
    definition: &Definition,
    generated: Option<&Recorded>,
) -> Result<TaskName, SelectionError> {
    let mut names = Vec::new();
    collect(root, definition, &mut names);
    if let Some(recorded) = generated {
        names.extend(recorded.names().filter(|name| !name.as_str().contains("^error")).cloned());
        names.sort_unstable();
        names.dedup();
    }
    if let Some(exact) = names.iter().find(|name| name.as_str() == pattern) {
        return Ok(exact.clone());
    }
    let matching: Vec<_> = names.iter().filter(|name| name.as_str().ends_with(pattern)).collect();
    match matching.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let last = |name: &TaskName| name.as_str().rfind('+').map(|at| name.as_str()[at..].to_owned());
            let parts: Vec<String> = names.iter().filter_map(last).collect();
            let near = crate::diagnostic::suggest(pattern, parts.iter().map(String::as_str));
            Err(SelectionError::NotFound { pattern: pattern.to_owned(), near: near.map(str::to_owned) })
        }
        several => Err(SelectionError::Ambiguous {
            pattern: pattern.to_owned(),
            candidates: several.iter().take(5).map(ToString::to_string).collect(),
        }),
    }
}

fn collect(name: &TaskName, definition: &Definition, names: &mut Vec<TaskName>) {
    names.push(name.clone());
    for child in definition.children() {
        collect(&name.child(&child.name), child, names);
    }
}

/// The definition of a static task by its full name.
pub(super) fn find<'a>(
    root: &TaskName,
    definition: &'a Definition,
    target: &TaskName,
) -> Option<&'a Definition> {
    if root == target {
        return Some(definition);
    }
    definition.children().iter().find_map(|child| {
        let name = root.child(&child.name);
        if target.as_str().starts_with(name.as_str()) { find(&name, child, target) } else { None }
    })
}
