//! What people asked to run: everything, one subtree, or what stands before or after a task.

use crate::session::TaskName;

use super::definition::Definition;
use super::resume::Recorded;

/// What is to run. Patterns match the end of a full name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Everything that is not recorded as done.
    All,
    /// `run FILE +task`: of the root and that subtree, what the other one says. Groups between the two are left out,
    /// with their `_export`, `_retry` and `_error`, as Digdag does.
    Subtree(String, Box<Selection>),
    /// `retry +task`: what is not done in that subtree; nothing else starts.
    Within(String),
    /// `--from`, `--start`: that task and all after it run again; what stands before it, unless done.
    From(String),
    /// `--goal`: that task runs again; what stands before it, unless done; the rest does not start.
    Goal(String),
    /// `--end`: what stands before that task, unless done; the rest does not start.
    End(String),
    /// `--start` with `--end`: of what stands before the end, the start and all after it run again; what stands
    /// before the start, unless done.
    Between {
        /// The first task that runs again.
        start: String,
        /// The first one that does not start.
        end: String,
    },
}

/// A pattern that names no task, or several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// No task of that name.
    #[error("no task's name ends in `{pattern}`{}", .near.as_ref().map(|near| format!(", did you mean `{near}`?")).unwrap_or_default())]
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

/// What the selection says of a task, and what an `--end` says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Modes {
    pub(super) selected: Mode,
    pub(super) end: Mode,
}

impl Modes {
    /// Of a task that no selection speaks of.
    pub(super) const REDO: Self = Self { selected: Mode::Redo, end: Mode::Recorded };

    /// What is done with the task itself.
    pub(super) fn own(self) -> Mode {
        if self.end == Mode::Pass { Mode::Pass } else { self.selected }
    }
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

/// The ways from the root to the task that is selected, and to the one before which the run ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths {
    pub(super) selected: Option<Path>,
    pub(super) end: Option<Path>,
}

impl Paths {
    /// Finds the tasks of a selection's patterns.
    pub(super) fn new(
        selection: &Selection,
        find: impl Fn(&str) -> Result<TaskName, SelectionError>,
    ) -> Result<Self, SelectionError> {
        let path = |pattern: &String, before, at, after| {
            Ok::<_, SelectionError>(Some(Path { target: find(pattern)?, before, at, after }))
        };
        let from = |pattern| path(pattern, Mode::Recorded, Mode::Redo, Mode::Redo);
        let until = |pattern| path(pattern, Mode::Recorded, Mode::Pass, Mode::Pass);
        let (selected, end) = match selection {
            Selection::All | Selection::Subtree(..) => (None, None),
            Selection::Within(pattern) => {
                (path(pattern, Mode::RecordedOrPass, Mode::Recorded, Mode::RecordedOrPass)?, None)
            }
            Selection::From(pattern) => (from(pattern)?, None),
            Selection::Goal(pattern) => (path(pattern, Mode::Recorded, Mode::Redo, Mode::Pass)?, None),
            Selection::End(pattern) => (None, until(pattern)?),
            Selection::Between { start, end } => (from(start)?, until(end)?),
        };
        Ok(Self { selected, end })
    }

    /// The modes of the root.
    pub(super) fn root(&self, name: &TaskName) -> Modes {
        let mode = |path: &Option<Path>| {
            path.as_ref().map_or(Mode::Recorded, |path| path.on(name).unwrap_or(path.after))
        };
        Modes { selected: mode(&self.selected), end: mode(&self.end) }
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
            // The last parts: what comes before may be left out.
            let last = |name: &str| name.rfind('+').map(|at| name[at + 1..].to_owned());
            let parts: Vec<String> = names.iter().filter_map(|name| last(name.as_str())).collect();
            let wanted = last(pattern).unwrap_or_else(|| pattern.to_owned());
            let near = crate::diagnostic::suggest(&wanted, parts.iter().map(String::as_str));
            Err(SelectionError::NotFound {
                pattern: pattern.to_owned(),
                near: near.map(|near| format!("+{near}")),
            })
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
