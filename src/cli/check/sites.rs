//! Where transfer files are run, and with which environment: the tasks of a workflow that name one, with the parameters
//! that are written out on the way to them.
//!
//! What tasks store, what a session is for and what the command line brings is known only when a task starts; a text
//! that needs it stays as it is written, and is named as the reason why a file cannot be rendered yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::reach::normalise;
use super::shell::{self, Mention};
use super::site::{Breadth, Env, Runs, Site, SiteFile};
use crate::dig;
use crate::dig::expression::{Clock, Evaluator, Limits, Tolerance};
use crate::dig::params;
use crate::dig::workflow::{OperatorCall, Task, TaskBody, Workflow};
use crate::embulk::config::ExecConfig;
use crate::reader::Reader;
use crate::session::{Params, TaskName};

/// Sites that are looked at in one check; loops over thousands of tables have no end otherwise.
pub(super) const MOST: usize = 500;
/// A workflow that calls itself would never end.
const DEEPEST: usize = 20;

/// Walks through workflows.
pub(super) struct Walk<'a> {
    reader: &'a dyn Reader,
    project: &'a Path,
    environment: &'a BTreeMap<String, String>,
    breadth: Breadth,
    pub(super) sites: Vec<Site>,
}

/// Where a task stands.
#[derive(Clone)]
struct Place<'p> {
    full: TaskName,
    folder: &'p Path,
    /// Exports on the way, raw.
    scope: Params,
    /// Values of the loops around it.
    loops: Vec<String>,
    depth: usize,
    runs: Runs,
}

impl Place<'_> {
    /// The same for what may not run, or more than once.
    fn perhaps(&self) -> Self {
        Self { runs: Runs::Perhaps, ..self.clone() }
    }

    /// The same inside of a loop.
    fn with(&self, name: &str, item: &Value) -> Self {
        let mut inner = self.clone();
        inner.scope.insert(name.to_owned(), item.clone());
        inner.loops.push(format!("{name}={}", text_of(item)));
        inner
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        reader: &'a dyn Reader,
        project: &'a Path,
        environment: &'a BTreeMap<String, String>,
        breadth: Breadth,
    ) -> Self {
        Self { reader, project, environment, breadth, sites: Vec::new() }
    }

    /// A transfer file on its own, with what this process has in its environment.
    pub(super) fn transfer_file(&mut self, path: &Path, directory: &Path) {
        self.sites.push(Site {
            file: SiteFile::Named(path.to_owned()),
            task: None,
            directory: directory.to_owned(),
            env: Env::Known { variables: self.environment.clone(), unknown: BTreeMap::new() },
            exec: ExecConfig::default(),
            runs: Runs::Surely,
        });
    }

    /// Everything that a workflow runs with parameters from outside.
    pub(super) fn workflow_given(&mut self, path: &Path, given: &Params) {
        let Some(workflow) = dig::load(path, self.reader).workflow else { return };
        let evaluator = evaluator(&workflow);
        let folder = path.parent().unwrap_or(Path::new(""));
        let place = Place {
            full: TaskName::from_full(format!("+{}", workflow.name)),
            folder,
            scope: given.clone(),
            loops: Vec::new(),
            depth: 0,
            runs: Runs::Surely,
        };
        self.task(&workflow.root, &place, &evaluator);
    }

    fn task(&mut self, task: &Task, place: &Place<'_>, evaluator: &Evaluator) {
        let is_wanted = self.breadth == Breadth::All || place.runs == Runs::Surely;
        if !is_wanted || self.sites.len() >= MOST {
            return;
        }
        let mut inner = place.clone();
        params::merge(&mut inner.scope, &task.export);
        match &task.body {
            TaskBody::Group { children, .. } => {
                for child in children {
                    self.child(child, &inner, evaluator);
                }
            }
            TaskBody::Operator(call) => self.operator(call, &inner, evaluator),
        }
        if let Some(error) = &task.error {
            self.child(error, &inner.perhaps(), evaluator);
        }
        if let Some(check) = &task.check {
            self.child(check, &inner, evaluator);
        }
    }

    fn child(&mut self, child: &Task, place: &Place<'_>, evaluator: &Evaluator) {
        let place = Place { full: place.full.child(&child.name), ..place.clone() };
        self.task(child, &place, evaluator);
    }

    fn operator(&mut self, call: &OperatorCall, place: &Place<'_>, evaluator: &Evaluator) {
        if !may_transfer(call) {
            return;
        }
        let mut config = place.scope.clone();
        config.insert("task_name".to_owned(), place.full.as_str().into());
        let base = config.clone();
        for (key, value) in &call.local {
            config.insert(key.clone(), value.clone());
        }
        // What cannot be evaluated stays as it is written.
        let Ok(config) = evaluator.evaluate_object(&config, &base, Tolerance::KeepAsWritten) else { return };
        let command = config.get(&format!("{}>", call.operator)).cloned().unwrap_or(Value::Null);
        match call.operator.as_str() {
            "sh" => self.shell(&command, &config, place),
            "embulk" => self.embulk(&command, &config, place, evaluator),
            "call" => self.call(&command, place, evaluator),
            "for_each" => return self.for_each(call, &command, place, evaluator),
            "if" => return self.branch(call, &command, place, evaluator),
            _ => {}
        }
        // Of other loops the values are not known.
        let names: &[&str] = match call.operator.as_str() {
            "loop" => &["i"],
            "for_range" => &["range"],
            _ => &[],
        };
        let mut below = place.perhaps();
        names.iter().for_each(|name| drop(below.scope.shift_remove(*name)));
        for child in [&call.do_task, &call.else_task].into_iter().flatten() {
            self.task(child, &below, evaluator);
        }
    }

    fn branch(&mut self, call: &OperatorCall, condition: &Value, place: &Place<'_>, evaluator: &Evaluator) {
        let known = if is_open(condition) { None } else { params::to_bool("if>", condition).ok() };
        for (child, taken) in [(&call.do_task, Some(true)), (&call.else_task, Some(false))] {
            let Some(child) = child.as_deref() else { continue };
            match known {
                None => self.task(child, &place.perhaps(), evaluator),
                Some(_) if known == taken => self.task(child, place, evaluator),
                Some(_) => {}
            }
        }
    }

    /// Every combination, where the lists are known; else once, with names that are not.
    fn for_each(&mut self, call: &OperatorCall, lists: &Value, place: &Place<'_>, evaluator: &Evaluator) {
        let Some(body) = call.do_task.as_deref().filter(|_| self.breadth == Breadth::All) else { return };
        let Value::Object(lists) = params::parsed(lists) else { return };
        let mut combinations = vec![place.perhaps()];
        for (name, list) in &lists {
            let items = match params::parsed(list) {
                Value::Array(items) if !is_open(&Value::Array(items.clone())) => items,
                _ => {
                    combinations.iter_mut().for_each(|place| drop(place.scope.shift_remove(name)));
                    continue;
                }
            };
            let longer =
                combinations.iter().flat_map(|place| items.iter().map(|item| place.with(name, item)));
            combinations = longer.take(MOST).collect();
        }
        for place in &combinations {
            // The loop's variables stand over what `_do` exports.
            let own: BTreeSet<&String> = lists.keys().collect();
            let mut body = body.clone();
            body.export.retain(|name, _| !own.contains(name));
            self.task(&body, place, evaluator);
        }
    }

    fn call(&mut self, command: &Value, place: &Place<'_>, evaluator: &Evaluator) {
        let Some(name) = command.as_str().filter(|name| !name.contains("${")) else { return };
        let file = if name.ends_with(".dig") { name.to_owned() } else { format!("{name}.dig") };
        let path = normalise(&place.folder.join(file));
        if place.depth >= DEEPEST || !self.reader.exists(&path) {
            return;
        }
        let Some(workflow) = dig::compile_called(&path, self.reader).workflow else { return };
        // A file in the project's top keeps the folder of its caller.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(place.folder);
        let inner = Place { folder, depth: place.depth + 1, ..place.clone() };
        self.task(&workflow.root, &inner, evaluator);
    }

    fn shell(&mut self, command: &Value, config: &Params, place: &Place<'_>) {
        let Some(command) = command.as_str() else { return };
        for Mention { path, variables: assigned, exec, .. } in shell::transfer_files(command) {
            let path = normalise(&place.folder.join(path));
            if !self.reader.exists(&path) {
                continue;
            }
            let (mut variables, mut unknown) = (self.environment.clone(), BTreeMap::new());
            let own = config.get("_env").and_then(Value::as_object);
            let given = config.iter().chain(own.into_iter().flatten());
            let assigned = assigned.into_iter().map(|(name, value)| (name, Value::String(value)));
            let given = given.map(|(name, value)| (name.clone(), value.clone())).chain(assigned);
            for (name, value) in given.filter(|(name, _)| is_name(name)) {
                let text = text_of(&value);
                if is_open(&value) {
                    variables.remove(&name);
                    unknown.insert(name, text);
                } else {
                    unknown.remove(&name);
                    variables.insert(name, text);
                }
            }
            self.add(SiteFile::Named(path), place, Env::Known { variables, unknown }, exec);
        }
    }

    /// `embulk>`: a template of the workflow, or a config that is written out.
    fn embulk(&mut self, command: &Value, config: &Params, place: &Place<'_>, evaluator: &Evaluator) {
        let (path, text) = match (command.as_str(), config.get("config")) {
            (Some(name), _) if !name.contains("${") => {
                let path = normalise(&place.folder.join(name));
                let Ok(text) = self.reader.read(&path) else { return };
                (path, evaluator.evaluate_text(&text, config).map_err(|error| error.to_string()))
            }
            (None, Some(written)) if is_open(written) => {
                let reason = "`config` has values that are known when the task starts".to_owned();
                (PathBuf::from("config"), Err(reason))
            }
            (None, Some(written)) => (PathBuf::from("config"), Ok(written.to_string())),
            _ => return,
        };
        let env = match &text {
            Ok(_) => Env::Known { variables: self.environment.clone(), unknown: BTreeMap::new() },
            Err(reason) => Env::Unknown(vec![reason.clone()]),
        };
        let file = SiteFile::Written { path, text: text.unwrap_or_default() };
        self.add(file, place, env, ExecConfig::default());
    }

    fn add(&mut self, file: SiteFile, place: &Place<'_>, env: Env, exec: ExecConfig) {
        let loops = place.loops.join(", ");
        let task =
            if loops.is_empty() { place.full.to_string() } else { format!("{} ({loops})", place.full) };
        let directory = self.project.join(place.folder);
        self.sites.push(Site { file, task: Some(task), directory, env, exec, runs: place.runs });
    }
}

/// Whether a transfer may come of a task, or of what it calls: what else it holds need not be evaluated.
fn may_transfer(call: &OperatorCall) -> bool {
    match call.operator.as_str() {
        "embulk" | "call" => true,
        "sh" => call.command.as_str().is_some_and(|text| text.contains("embulk") || text.contains("${")),
        _ => call.do_task.is_some() || call.else_task.is_some(),
    }
}

fn evaluator(workflow: &Workflow) -> Evaluator {
    Evaluator::new(workflow.timezone.clone(), Clock::new(jiff::Timestamp::now), Limits::default())
}

/// Whether something in it was not evaluated. `${secret:…}` is for the transfer to ask for.
fn is_open(value: &Value) -> bool {
    match value {
        Value::String(text) => text.replace("${secret:", "").contains("${"),
        Value::Array(items) => items.iter().any(is_open),
        Value::Object(map) => map.values().any(is_open),
        _ => false,
    }
}

/// A parameter as a variable.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
