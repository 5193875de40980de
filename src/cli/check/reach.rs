//! What a workflow reaches: called workflows, SQL and message files, transfer files. Each is read once.
//!
//! Only what is written out can be followed; a path with `${...}` is known when its task starts.

use std::collections::{BTreeSet, VecDeque};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use super::super::reading;
use super::outline::{File, Outlines};
use super::shell;
use crate::diagnostic::{Problem, Source, Span};
use crate::dig::workflow::{OperatorCall, Task, TaskBody};
use crate::dig::{self, Loaded};
use crate::embulk::{self, ForeignPlugins};
use crate::reader::Reader;
use crate::session::{Params, TaskName};

/// Walks from workflows to all that they reach.
pub(super) struct Reach<'a> {
    reader: &'a dyn Reader,
    /// What plugins that are not native mean in transfer files.
    plugins: ForeignPlugins,
    /// A policy is YAML and no transfer file.
    policy: Option<PathBuf>,
    /// Called workflows with the working directory they are called in.
    called: BTreeSet<(PathBuf, PathBuf)>,
    /// Those of them that are not read yet: a chain of calls may be long.
    open: VecDeque<(PathBuf, PathBuf)>,
    /// Workflows that others require, and that are not read yet.
    required: VecDeque<PathBuf>,
    /// The files that were read, for rules that need to know all of them.
    files: Vec<File>,
    /// What they read and call.
    pub(super) outlines: Outlines,
    /// Every file that was looked at, relative to the project.
    pub(super) seen: BTreeSet<PathBuf>,
    pub(super) problems: Vec<Problem>,
}

/// Where a task stands.
#[derive(Clone, Copy)]
struct Site<'t> {
    file: &'t Path,
    full: &'t TaskName,
    /// Digdag's `_workdir`, relative to the project.
    folder: &'t Path,
}

impl<'a> Reach<'a> {
    pub(super) fn new(reader: &'a dyn Reader, plugins: ForeignPlugins, policy: Option<PathBuf>) -> Self {
        Self {
            reader,
            plugins,
            policy,
            called: BTreeSet::new(),
            open: VecDeque::new(),
            required: VecDeque::new(),
            files: Vec::new(),
            outlines: Outlines::default(),
            seen: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// A workflow file and what it reaches.
    pub(super) fn workflow(&mut self, path: &Path) {
        self.required.push_back(path.to_owned());
        while let Some(path) = self.required.pop_front() {
            if !self.seen.insert(path.clone()) {
                continue;
            }
            let loaded = dig::load(&path, self.reader);
            self.loaded(loaded, &path, Path::new(""));
            self.follow_calls();
        }
    }

    fn follow_calls(&mut self) {
        while let Some((path, folder)) = self.open.pop_front() {
            self.seen.insert(path.clone());
            let loaded = dig::compile_called(&path, self.reader);
            self.loaded(loaded, &path, &folder);
        }
    }

    /// A transfer file.
    pub(super) fn transfer_file(&mut self, path: &Path) {
        if self.policy.as_deref() != Some(path) && self.seen.insert(path.to_owned()) {
            self.add(embulk::check_file(path, self.reader, self.plugins));
        }
    }

    /// Problems that are not there yet: a file included twice has its problems twice.
    pub(super) fn add(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            let known = |old: &Problem| {
                old.code == problem.code && old.span == problem.span && old.message == problem.message
            };
            if !self.problems.iter().any(known) {
                self.problems.push(problem);
            }
        }
    }

    /// Adds what is probably not meant to what is wrong. `given`: what the command line brings; `defaults`:
    /// what the properties bring.
    pub(super) fn add_lints(&mut self, given: &Params, defaults: &Params) {
        let files = std::mem::take(&mut self.files);
        let lints = self.outlines.lint(&files, given, defaults, self.reader);
        self.add(lints);
    }

    fn loaded(&mut self, loaded: Loaded, path: &Path, inherited: &Path) {
        self.seen.extend(loaded.included);
        self.add(loaded.problems);
        let Some(workflow) = loaded.workflow else { return };
        // A file in the project's top sets no folder of its own: it keeps its caller's.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(inherited);
        let full = TaskName::from_full(format!("+{}", workflow.name));
        self.task(&workflow.root, Site { file: path, full: &full, folder });
        if let Some(tree) = loaded.tree {
            let (path, folder) = (path.to_owned(), folder.to_owned());
            self.files.push(File { path, name: workflow.name, tree, folder });
        }
    }

    fn task(&mut self, task: &Task, site: Site<'_>) {
        match &task.body {
            TaskBody::Group { children, .. } => {
                for child in children {
                    self.child(child, site);
                }
            }
            TaskBody::Operator(call) => {
                self.operator(call, site);
                for child in [&call.do_task, &call.else_task].into_iter().flatten() {
                    self.child(child, site);
                }
            }
        }
        for child in [&task.error, &task.check].into_iter().flatten() {
            self.child(child, site);
        }
    }

    fn child(&mut self, child: &Task, site: Site<'_>) {
        let full = site.full.child(&child.name);
        self.task(child, Site { full: &full, ..site });
    }

    fn operator(&mut self, call: &OperatorCall, site: Site<'_>) {
        self.outlines.of(site.file).add(call, site.folder);
        let Some(text) = call.command.as_str() else { return };
        if call.operator == "sh" {
            self.shell(call, text, site);
            return;
        }
        if text.contains("${") || text.is_empty() {
            return;
        }
        match call.operator.as_str() {
            "call" => self.call(call, text, site),
            "require" => self.require(call, text, site),
            "pg" | "redshift" | "mysql" | "sqlite" | "bq" => {
                self.template_file(call, text, "SQL file", site);
            }
            "slack" => self.template_file(call, text, "message file", site),
            "mail" => self.template_file(call, text, "mail body", site),
            "embulk" => self.template_file(call, text, "transfer file", site),
            _ => {}
        }
    }

    fn call(&mut self, call: &OperatorCall, text: &str, site: Site<'_>) {
        let name = if text.ends_with(".dig") { text.to_owned() } else { format!("{text}.dig") };
        let Some(path) = self.inside(call, &name, "called file", site) else { return };
        if !self.exists(call, &path, "called file", site) {
            return;
        }
        let called = (path, site.folder.to_owned());
        if self.called.insert(called.clone()) {
            self.open.push_back(called);
        }
    }

    fn require(&mut self, call: &OperatorCall, text: &str, site: Site<'_>) {
        match reading::required_file(text, site.folder, self.reader) {
            Some(path) => self.required.push_back(path),
            None => {
                let message = format!("required workflow `{text}` does not exist");
                self.report(call, site, "missing-file", message);
            }
        }
    }

    /// A file whose whole text is evaluated like a value.
    fn template_file(&mut self, call: &OperatorCall, text: &str, what: &str, site: Site<'_>) {
        let Some(path) = self.inside(call, text, what, site) else { return };
        if !self.exists(call, &path, what, site) || !self.seen.insert(path.clone()) {
            return;
        }
        match self.reader.read(&path) {
            Ok(text) => self.add(dig::template::check_file(&Source::new(path, text))),
            Err(error) => {
                let reason = match error.kind() {
                    ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
                    _ => format!("can't be read: {error}"),
                };
                self.report(call, site, "missing-file", format!("{what} `{}` {reason}", path.display()));
            }
        }
    }

    fn shell(&mut self, call: &OperatorCall, command: &str, site: Site<'_>) {
        for mention in shell::transfer_files(command) {
            let path = normalise(&site.folder.join(&mention.path));
            if self.reader.exists(&path) {
                self.transfer_file(&path);
                continue;
            }
            // An earlier command may still write it.
            let span = word_span(call, &mention.word);
            let message = format!("transfer file `{}` does not exist", path.display());
            self.add(vec![Problem::warning("missing-file", message, &span).task(site.full.as_str())]);
        }
    }

    /// The path of a file that must lie in the project.
    fn inside(&mut self, call: &OperatorCall, text: &str, what: &str, site: Site<'_>) -> Option<PathBuf> {
        let path = normalise(&site.folder.join(text));
        let inside = !path.is_absolute() && !path.starts_with("..");
        if !inside {
            self.report(
                call,
                site,
                "outside-project",
                format!("{what} `{text}` lies outside of the project"),
            );
        }
        inside.then_some(path)
    }

    fn exists(&mut self, call: &OperatorCall, path: &Path, what: &str, site: Site<'_>) -> bool {
        let exists = self.reader.exists(path);
        if !exists {
            self.report(call, site, "missing-file", format!("{what} `{}` does not exist", path.display()));
        }
        exists
    }

    fn report(&mut self, call: &OperatorCall, site: Site<'_>, code: &'static str, message: String) {
        let node = &call.command_node.span;
        let span = if node.text().is_empty() { &call.span } else { node };
        self.add(vec![Problem::error(code, message, span).task(site.full.as_str())]);
    }
}

/// The word's own place in the command; the command's where it is written in parts.
fn word_span(call: &OperatorCall, word: &str) -> Span {
    let span = &call.command_node.span;
    match span.text().find(word) {
        Some(at) => Span::new(&span.source, span.start + at, span.start + at + word.len()),
        None => span.clone(),
    }
}

/// Without `.` and without `..` where something can be taken away.
pub(super) fn normalise(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(parts.components().next_back(), Some(Component::Normal(_))) => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::MemoryReader;

    fn check(reader: &MemoryReader, path: &str) -> (Vec<String>, Vec<String>) {
        let mut reach = Reach::new(reader, ForeignPlugins::Refuse, None);
        reach.workflow(Path::new(path));
        let shown = reach.problems.iter().map(|problem| {
            let place = problem.span.as_ref().map(ToString::to_string).unwrap_or_default();
            let task = problem.task.clone().unwrap_or_default();
            format!("{place} {} {} {} in {task}", problem.severity.word(), problem.code, problem.message)
        });
        (shown.collect(), reach.seen.iter().map(|path| path.display().to_string()).collect())
    }

    #[test]
    fn what_a_workflow_names_is_followed() {
        let reader = MemoryReader::default()
            .with("flows/main.dig", "+a:\n  for_each>: {t: [1]}\n  _do: {call>: sub/child}\n  _error: {slack>: ../m.yml}\n+q: {mysql>: q.sql}\n")
            .with("flows/sub/child.dig", "+t: {sh>: embulk run ../../embulk/a.yml.liquid}\n+u: {call>: ../../top.dig}\n+v: {call>: child.dig}\n")
            .with("top.dig", "+x: {sqlite>: here.sql}\n+y: {!include : inc.dig}\n")
            .with("inc.dig", "sh>: echo\n")
            .with("flows/sub/here.sql", "select 1")
            .with("flows/q.sql", "select ${now}")
            .with("m.yml", "text: failed ${task_name}\n")
            .with("embulk/a.yml.liquid", "in: {type: mysql, host: h, user: u, database: d, table: t}\nout: {type: file, path_prefix: p, file_ext: jsonl, formatter: {type: jsonl}}\n");
        let (problems, seen) = check(&reader, "flows/main.dig");
        assert_eq!(problems, [""; 0]);
        assert_eq!(
            seen,
            [
                "embulk/a.yml.liquid",
                "flows/main.dig",
                "flows/q.sql",
                "flows/sub/child.dig",
                "flows/sub/here.sql",
                "inc.dig",
                "m.yml",
                "top.dig",
            ]
        );
    }

    #[test]
    fn what_is_missing_or_broken_is_shown_where_it_is_named() {
        let reader = MemoryReader::default()
            .with("main.dig", "+a: {call>: nofile}\n+b: {mysql>: no.sql}\n+c: {slack>: ../out.yml}\n+d: {sh>: 'cd x && embulk run no.yml'}\n+e: {call>: child.dig}\n+f: {call>: child.dig}\n+g: {sqlite>: bad.sql}\n+h: {call>: '${x}.dig'}\n")
            .with("child.dig", "+t: {frob>: x}\n")
            .with("bad.sql", "select 1;\nselect ${1 +};\n");
        assert_eq!(
            check(&reader, "main.dig").0,
            [
                "main.dig:1:13 error missing-file called file `nofile.dig` does not exist in +main+a",
                "main.dig:2:14 error missing-file SQL file `no.sql` does not exist in +main+b",
                "main.dig:3:14 error outside-project message file `../out.yml` lies outside of the project in +main+c",
                "main.dig:4:31 warning missing-file transfer file `x/no.yml` does not exist in +main+d",
                "bad.sql:2:10 error template-syntax `${...}` holds no valid JavaScript in ",
                "child.dig:1:6 error unknown-operator unknown operator `frob>` in +child+t",
            ]
        );
    }

    #[test]
    fn workflows_that_call_each_other_end() {
        let reader = MemoryReader::default()
            .with("a.dig", "+x: {call>: b.dig}\n")
            .with("b.dig", "+x: {call>: a.dig}\n+y: {call>: b.dig}\n");
        assert_eq!(check(&reader, "a.dig").0, [""; 0]);
    }

    #[test]
    fn a_long_chain_of_calls_is_followed_to_its_end() {
        let mut reader = MemoryReader::default().with("f500.dig", "+x: {frob>: '${1}'}\n");
        for file in 0..500 {
            let text = format!("+x: {{+y: {{echo>: '${{1 + 1}}'}}, +z: {{call>: f{}.dig}}}}\n", file + 1);
            reader = reader.with(&format!("f{file}.dig"), &text);
        }
        let expected = ["f500.dig:1:6 error unknown-operator unknown operator `frob>` in +f500+x"];
        assert_eq!(check(&reader, "f0.dig").0, expected);
    }
}
