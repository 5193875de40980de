//! What is waited for: a workflow of the project, one of its sessions, perhaps one of its tasks.

use std::path::{Path, PathBuf};

use jiff::Zoned;

use super::super::opening::Opened;
use super::super::reading;
use super::super::retry;
use super::super::session_time::Wanted;
use crate::diagnostic::{Problem, suggest};
use crate::dig;
use crate::dig::workflow::{Task, TaskBody, Workflow};
use crate::exit::Exit;
use crate::reader::DirectoryReader;
use crate::report::problems;
use crate::session::TaskName;
use crate::state::Store;

/// A session of a workflow, or a task of it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) project: String,
    pub(super) workflow: String,
    /// ISO 8601 with offset.
    pub(super) session_time: String,
    pub(super) task: Option<WantedTask>,
}

/// The task that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedTask {
    /// Its full name, or how it ends.
    pub(super) end: String,
    /// It, or a group that it is in, may begin again after it has failed.
    pub(super) may_begin_again: bool,
    /// It does not stand in the file: only a run knows it.
    pub(super) is_generated: bool,
    /// One that stands there and has nearly that name.
    pub(super) near: Option<String>,
}

impl Target {
    /// Finds it. What is wrong is shown, and how the command ends then.
    pub(super) fn find(
        name: &str,
        session: Option<&str>,
        task: Option<&str>,
        store: Option<&Store>,
        opened: &Opened,
    ) -> anyhow::Result<Result<Self, Exit>> {
        let project = opened.place.project.to_string_lossy().into_owned();
        let Some(path) = file_of(name, &project, store, opened)? else {
            let known = known(&project, store, opened)?;
            let near = suggest(name, known.iter().map(String::as_str));
            let near = near.map(|near| format!("did you mean `{near}`?"));
            let text = format!("there is no workflow `{name}` in project `{project}`");
            opened.console.failure(&text, &[], near.as_deref());
            return Ok(Err(Exit::Usage));
        };
        let reader = DirectoryReader::new(&opened.place.project);
        let loaded = dig::load(&path, &reader);
        let mut errors = loaded.problems;
        errors.retain(Problem::is_error);
        if !errors.is_empty() {
            opened.console.say(&problems::render(&errors, opened.console.err_colors()));
            return Ok(Err(Exit::Invalid));
        }
        let Some(workflow) = reading::workflow(&path, &reader) else { return Ok(Err(Exit::Invalid)) };
        let time = match session_time(&workflow, session, &project, store) {
            Ok(time) => time,
            Err(error) => {
                opened.console.failure(&error.to_string(), &[], None);
                return Ok(Err(Exit::Usage));
            }
        };
        let task = match task.map(|pattern| wanted_task(pattern, &workflow)).transpose() {
            Ok(task) => task,
            Err(wrong) => {
                opened.console.failure(&wrong.message, &[], wrong.hint.as_deref());
                return Ok(Err(Exit::Usage));
            }
        };
        Ok(Ok(Self { project, workflow: workflow.name, session_time: time, task }))
    }
}

/// The file of a workflow: at the top of the project, named by its path, or where it ran last.
fn file_of(
    name: &str,
    project: &str,
    store: Option<&Store>,
    opened: &Opened,
) -> anyhow::Result<Option<PathBuf>> {
    let is_there = |path: &Path| opened.place.project.join(path).is_file();
    let written = PathBuf::from(if name.ends_with(".dig") { name.to_owned() } else { format!("{name}.dig") });
    if written.is_relative() && is_there(&written) {
        return Ok(Some(written));
    }
    let last = store.map(|store| store.last_session_of(project, name)).transpose()?.flatten();
    Ok(last.map(|session| PathBuf::from(session.attempt.file)).filter(|path| is_there(path)))
}

/// The workflows at the top of the project, and those that have run.
fn known(project: &str, store: Option<&Store>, opened: &Opened) -> anyhow::Result<Vec<String>> {
    let mut known = store.map(|store| store.workflows(project)).transpose()?.unwrap_or_default();
    for entry in std::fs::read_dir(&opened.place.project)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "dig") {
            known.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    known.sort_unstable();
    known.dedup();
    Ok(known)
}

/// The session that `run` would take now with the same words.
fn session_time(
    workflow: &Workflow,
    session: Option<&str>,
    project: &str,
    store: Option<&Store>,
) -> anyhow::Result<String> {
    let wanted = session.map_or(Wanted::Due, Wanted::parse);
    let last = match (&wanted, store) {
        (Wanted::Last, Some(store)) => store.last_session_of(project, &workflow.name)?,
        _ => None,
    };
    let time = match last {
        Some(session) => retry::time_of(&session, workflow)?,
        None => {
            let (zone, schedule) = (&workflow.timezone, workflow.schedule.as_ref());
            wanted.choose(&workflow.name, zone, schedule, &Zoned::now())?
        }
    };
    Ok(time.iso())
}

/// Why a pattern names no task that one could wait for.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    message: String,
    hint: Option<String>,
}

/// A task as it stands in the file.
struct Written<'a> {
    name: TaskName,
    task: &'a Task,
    /// It, or a group around it, has `_retry`.
    may_begin_again: bool,
}

/// The one task that a pattern means: by its full name, or by how that ends.
fn wanted_task(pattern: &str, workflow: &Workflow) -> Result<WantedTask, Wrong> {
    let mut all = Vec::new();
    collect(TaskName::from_full(format!("+{}", workflow.name)), &workflow.root, false, &mut all);
    let exact = all.iter().find(|written| written.name.as_str() == pattern);
    let ending: Vec<&Written<'_>> = match exact {
        Some(exact) => vec![exact],
        None => all.iter().filter(|written| written.name.as_str().ends_with(pattern)).collect(),
    };
    match ending.as_slice() {
        [one] => Ok(WantedTask {
            end: one.name.to_string(),
            may_begin_again: one.may_begin_again,
            is_generated: false,
            near: None,
        }),
        [] => {
            let ends = all.iter().filter_map(|written| {
                let name = written.name.as_str();
                Some(&name[name.rfind('+')?..])
            });
            let near = suggest(pattern, ends).map(str::to_owned);
            if all.iter().any(|written| generates(written.task)) {
                let end = pattern.to_owned();
                return Ok(WantedTask { end, may_begin_again: true, is_generated: true, near });
            }
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            let message = format!("no task of `{}` has a name that ends in `{pattern}`", workflow.name);
            Err(Wrong { message, hint })
        }
        several => {
            let names: Vec<String> =
                several.iter().take(5).map(|written| format!("`{}`", written.name)).collect();
            Err(Wrong { message: format!("`{pattern}` could be any of {}", names.join(", ")), hint: None })
        }
    }
}

fn collect<'a>(name: TaskName, task: &'a Task, may_begin_again: bool, all: &mut Vec<Written<'a>>) {
    // The own `_retry` of a task with an operator is spent before it counts as failed.
    let is_group = matches!(task.body, TaskBody::Group { .. });
    let own = may_begin_again || is_group && task.retry.is_some();
    if let TaskBody::Group { children, .. } = &task.body {
        for child in children {
            collect(name.child(&child.name), child, own, all);
        }
    }
    all.push(Written { name, task, may_begin_again });
}

/// Operators whose runs have tasks that do not stand in the file.
const GENERATING: [&str; 7] = ["call", "for_each", "for_range", "loop", "if", "rb", "py"];

/// Whether a run of it may have such tasks.
fn generates(task: &Task) -> bool {
    let has_handler = task.error.is_some() || task.check.is_some();
    match &task.body {
        TaskBody::Group { .. } => has_handler,
        TaskBody::Operator(call) => {
            has_handler || GENERATING.contains(&call.operator.as_str()) || call.operator.contains('$')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::MemoryReader;

    fn wanted(pattern: &str, text: &str) -> Result<WantedTask, Wrong> {
        let reader = MemoryReader::default().with("main.dig", text);
        let workflow = dig::load(Path::new("main.dig"), &reader).workflow.expect("a workflow");
        wanted_task(pattern, &workflow)
    }

    const TEXT: &str = "+copy:\n  _retry: 2\n  +orders: {sh>: x}\n  +items: {sh>: x}\n\
                        +after:\n  _retry: 3\n  sh>: x\n+more:\n  +orders: {sh>: x}\n";

    fn found(end: &str, may_begin_again: bool) -> Result<WantedTask, Wrong> {
        Ok(WantedTask { end: end.into(), may_begin_again, is_generated: false, near: None })
    }

    fn wrong(message: &str, hint: Option<&str>) -> Result<WantedTask, Wrong> {
        Err(Wrong { message: message.into(), hint: hint.map(str::to_owned) })
    }

    #[test]
    fn a_task_is_meant_by_its_name_or_how_that_ends() {
        assert_eq!(wanted("+items", TEXT), found("+main+copy+items", true));
        assert_eq!(wanted("+after", TEXT), found("+main+after", false));
        assert_eq!(wanted("+main+copy", TEXT), found("+main+copy", false));
        assert_eq!(
            wanted("+orders", TEXT),
            wrong("`+orders` could be any of `+main+copy+orders`, `+main+more+orders`", None)
        );
        assert_eq!(
            wanted("+item", TEXT),
            wrong("no task of `main` has a name that ends in `+item`", Some("did you mean `+items`?"))
        );
    }

    #[test]
    fn what_only_a_run_knows_is_not_refused() {
        let text = "+each:\n  for_each>: {t: [a]}\n  _do: {+load: {sh>: x}}\n+last: {sh>: x}\n";
        let generated = |end: &str, near: Option<&str>| {
            let near = near.map(str::to_owned);
            Ok(WantedTask { end: end.into(), may_begin_again: true, is_generated: true, near })
        };
        assert_eq!(wanted("+load", text), generated("+load", None));
        assert_eq!(wanted("+lsat", text), generated("+lsat", Some("+last")));
    }
}
