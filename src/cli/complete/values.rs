//! Values that only the project knows, each with a few words about it. Whatever cannot be read is an empty list.

use std::path::Path;

use super::line::Line;
use super::tasks;
use crate::cli::properties::{Properties, Sources};
use crate::cli::{safe, variable};
use crate::dig;
use crate::reader::DirectoryReader;
use crate::report::status::Standing;
use crate::rules::RULES;
use crate::secret::file::SecretsFile;
use crate::secret::name;
use crate::session::SessionId;
use crate::state::{SessionRecord, Sought, Store};

/// As many sessions as somebody looks through.
const SESSIONS: u32 = 50;

type Values = Vec<(String, String)>;

/// A workflow, or a folder on the way to one.
pub(super) fn is_workflow(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "dig")
}

/// What `sync check` takes.
pub(super) fn is_checked(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let endings = [".dig", ".yml", ".yaml", ".yml.liquid", ".yaml.liquid"];
    path.is_dir() || endings.iter().any(|ending| name.ends_with(ending))
}

/// Tasks of the workflow on the line, else those that the session has had.
pub(super) fn tasks(line: &Line, typed: &str) -> Values {
    let names = if line.file.is_some() { written_tasks(line) } else { recorded_tasks(line) };
    tasks::shortest(&names.unwrap_or_default(), typed)
}

fn written_tasks(line: &Line) -> Option<Vec<String>> {
    let mut file = line.file.clone()?;
    if file.extension().is_none() {
        file.set_extension("dig");
    }
    let place = line.place()?;
    let path = place.relative(&file).ok()??;
    let workflow = dig::load(&path, &DirectoryReader::new(&place.project)).workflow?;
    Some(tasks::written(&workflow))
}

fn recorded_tasks(line: &Line) -> Option<Vec<String>> {
    let place = line.place()?;
    let store = Store::look(&place.state).ok()??;
    let session = match line.session.as_deref() {
        None | Some("last") => store.last_session(&place.project.to_string_lossy()).ok()??,
        Some(number) => store.session(SessionId(number.parse().ok()?)).ok()??,
    };
    let mut names: Vec<String> = Vec::new();
    for task in store.tasks(session.attempt.starting_attempt).ok()? {
        if !names.iter().any(|name| name == task.name.as_str()) {
            names.push(task.name.as_str().to_owned());
        }
    }
    // A group before what is in it.
    names.sort_unstable();
    Some(names)
}

/// `last`, and the numbers of the newest.
pub(super) fn sessions(line: &Line) -> Values {
    let mut values = vec![("last".to_owned(), "the session whose attempt started last".to_owned())];
    let about = |session: &SessionRecord| {
        let standing = Standing::of(&session.attempt);
        format!("{}, {}: {}", session.workflow, session.session_time, standing.word())
    };
    let found = recorded_sessions(line).unwrap_or_default();
    values.extend(found.iter().map(|session| (session.id.to_string(), about(session))));
    values
}

fn recorded_sessions(line: &Line) -> Option<Vec<SessionRecord>> {
    let place = line.place()?;
    let store = Store::look(&place.state).ok()??;
    store.sessions(&place.project.to_string_lossy(), Sought::default(), SESSIONS).ok()
}

/// Workflows that have run.
pub(super) fn workflows(line: &Line) -> Values {
    let found = || {
        let place = line.place()?;
        let store = Store::look(&place.state).ok()??;
        store.workflows(&place.project.to_string_lossy()).ok()
    };
    found().unwrap_or_default().into_iter().map(|name| (name, String::new())).collect()
}

/// Names in the project's secrets file; nothing is decrypted.
pub(super) fn secrets(line: &Line) -> Values {
    let file = line.place().and_then(|place| {
        let properties = Properties::load(&Sources::read(&variable, line.config.clone())).ok()?;
        SecretsFile::read(&safe::secrets_file(&place.project, &properties).0).ok()
    });
    let Some(file) = file else { return Vec::new() };
    let names = file.entries().iter().map(|(name, _)| name).filter(|name| name::check(name).is_ok());
    names.map(|name| (name.clone(), String::new())).collect()
}

/// Codes of rules.
pub(super) fn rules() -> Values {
    RULES.iter().map(|rule| (rule.code.to_owned(), rule.summary().to_owned())).collect()
}
