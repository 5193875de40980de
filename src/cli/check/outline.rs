//! What each `.dig` file reads and calls, for questions about several files together.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reach::normalise;
use super::shell;
use crate::diagnostic::{Problem, Source};
use crate::dig::workflow::OperatorCall;
use crate::lint::{self, Called, Environment};
use crate::reader::Reader;
use crate::session::Params;
use crate::yaml::Node;

/// What the tasks of a file do, wherever they stand in it.
#[derive(Debug, Default)]
pub(super) struct Outline {
    calls: BTreeSet<PathBuf>,
    /// Templates and transfer files.
    texts: BTreeSet<PathBuf>,
    environment: Environment,
    /// Tasks that run a transfer.
    transfers: usize,
}

impl Outline {
    /// Adds an operator in a folder.
    pub(super) fn add(&mut self, call: &OperatorCall, folder: &Path) {
        let command = call.command.as_str();
        let path = |name: &str| normalise(&folder.join(name));
        match call.operator.as_str() {
            "echo" | "fail" | "for_each" | "for_range" | "loop" | "if" | "wait" | "notify" | "http"
            | "s3_wait" | "gcs_wait" | "param_set" | "param_get" | "bq_ddl" | "bq_load" | "bq_extract"
            | "redshift_load" | "redshift_unload" => {}
            "sh" => self.shell(command.unwrap_or_default(), folder),
            "call" | "pg" | "redshift" | "mysql" | "sqlite" | "bq" | "slack" | "mail" | "embulk" => {
                self.transfers += usize::from(call.operator == "embulk");
                match command {
                    Some(name) if name.contains("${") => self.environment = Environment::Anybody,
                    Some(name) if call.operator == "call" => {
                        let name =
                            if name.ends_with(".dig") { name.to_owned() } else { format!("{name}.dig") };
                        self.calls.insert(path(&name));
                    }
                    Some(name) => drop(self.texts.insert(path(name))),
                    // Its text is part of the file.
                    None => {}
                }
            }
            // Scripts, what servers send, and whatever else there will be.
            _ => self.environment = Environment::Anybody,
        }
    }

    fn shell(&mut self, command: &str, folder: &Path) {
        self.environment = self.environment.max(shell::environment(command));
        let named = shell::transfer_files(command);
        self.transfers += named.len() + command.matches("${").count();
        self.texts.extend(named.into_iter().map(|mention| normalise(&folder.join(mention.path))));
    }
}

/// A `.dig` file that was read, its includes put in.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) tree: Node,
    /// Digdag's `_workdir`.
    pub(super) folder: PathBuf,
}

/// The outlines of all files that were read.
#[derive(Debug, Default)]
pub(super) struct Outlines(BTreeMap<PathBuf, Outline>);

impl Outlines {
    pub(super) fn of(&mut self, path: &Path) -> &mut Outline {
        self.0.entry(path.to_owned()).or_default()
    }

    /// What is probably not meant in files. `given`: what the command line brings; `defaults`: what the properties bring.
    pub(super) fn lint(
        &self,
        files: &[File],
        given: &Params,
        defaults: &Params,
        reader: &dyn Reader,
    ) -> Vec<Problem> {
        let called: BTreeSet<&Path> =
            self.0.values().flat_map(|outline| &outline.calls).map(PathBuf::as_path).collect();
        let mut problems = Vec::new();
        // Many tasks run the same SQL.
        let sources: RefCell<BTreeMap<PathBuf, Option<Arc<Source>>>> = RefCell::default();
        for File { path, name, tree, folder } in files {
            let file = |name: &str| {
                let path = normalise(&folder.join(name));
                let is_inside = !path.is_absolute() && !path.starts_with("..");
                let read = || Some(Source::new(&path, reader.read(&path).ok()?));
                let mut sources = sources.borrow_mut();
                sources.entry(path.clone()).or_insert_with(|| is_inside.then(read).flatten()).clone()
            };
            let is_called = called.contains(path.as_path());
            let around = lint::Around {
                given,
                defaults,
                called: if is_called { Called::ByOthers } else { Called::Never },
                file: &file,
                environment: &|| self.environment(path, reader),
                is_read: &|name| self.mentions(path, name, reader),
            };
            problems.extend(lint::workflow(name, tree, &around));
        }
        problems
    }

    /// A file and all that it calls.
    fn below<'o>(&'o self, path: &'o Path) -> BTreeMap<&'o Path, &'o Outline> {
        let mut found = BTreeMap::new();
        let mut open = vec![path];
        while let Some(path) = open.pop() {
            if let Some(outline) = self.0.get(path)
                && found.insert(path, outline).is_none()
            {
                open.extend(outline.calls.iter().map(PathBuf::as_path));
            }
        }
        found
    }

    /// How many tasks of a file and of what it calls may run a transfer.
    pub(super) fn transfers(&self, path: &Path) -> usize {
        self.below(path).values().map(|outline| outline.transfers).sum()
    }

    /// Who reads the environment of the tasks of a file and of what it calls; a template that takes in others is not
    /// looked through.
    fn environment(&self, path: &Path, reader: &dyn Reader) -> Environment {
        let below = self.below(path);
        let widest = below.values().map(|outline| outline.environment).max().unwrap_or_default();
        let mut texts = below.values().flat_map(|outline| &outline.texts);
        let is_open = |text: &PathBuf| reader.read(text).map_or(true, |text| takes_in(&text));
        if widest != Environment::Anybody && texts.any(is_open) { Environment::Anybody } else { widest }
    }

    /// Whether a name stands in a text that the tasks of a file read, or in a file that it calls.
    fn mentions(&self, path: &Path, name: &str, reader: &dyn Reader) -> bool {
        let below = self.below(path);
        let texts = below.values().flat_map(|outline| &outline.texts).map(PathBuf::as_path);
        let called = below.keys().copied().filter(|called| *called != path);
        // What can't be read may say anything.
        texts.chain(called).any(|file| reader.read(file).map_or(true, |text| text.contains(name)))
    }
}

fn takes_in(text: &str) -> bool {
    text.contains("{%") && (text.contains("include") || text.contains("render"))
}
