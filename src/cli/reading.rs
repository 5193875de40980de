//! Reads what `run` and `retry` start from: the workflow, checked with all that it reaches, and its parameters.

use std::path::Path;

use super::opening::Opened;
use super::run_args::SharedArgs;
use super::{check, foreign, params};
use crate::diagnostic::{Problem, Severity};
use crate::dig;
use crate::dig::params::merge;
use crate::dig::workflow::Workflow;
use crate::reader::DirectoryReader;
use crate::report::problems;
use crate::session::Params;

/// Checks the workflow with all that it reaches, and shows what is wrong; none when it cannot run.
pub fn load(file: &Path, opened: &Opened) -> anyhow::Result<Option<Workflow>> {
    let Some(path) = opened.place.relative(file)? else {
        let project = opened.place.project.display();
        opened.console.failure(
            &format!("workflow `{}` lies outside the project `{project}`", file.display()),
            &[],
            Some("name its project with `--project`"),
        );
        return Ok(None);
    };
    let reader = DirectoryReader::new(&opened.place.project);
    let mut found = check::reachable(&path, &reader, foreign::plugins(&opened.place.project));
    // Notes are for those who ask with `sync check`.
    found.retain(|problem| problem.severity > Severity::Note);
    if !found.is_empty() {
        opened.console.say(&problems::render(&found, opened.console.err_colors()));
    }
    if found.iter().any(Problem::is_error) {
        return Ok(None);
    }
    let Some(mut workflow) = dig::load(&path, &reader).workflow else { return Ok(None) };
    // A workflow in a sub-directory works there, as after `call>`.
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut export = Params::new();
        export.insert("_workdir".to_owned(), folder.to_string_lossy().into_owned().into());
        merge(&mut export, &workflow.root.export);
        workflow.root.export = export;
    }
    Ok(Some(workflow))
}

/// `params.*` of the properties, under `-P`, under `-p`.
pub fn all_params(shared: &SharedArgs, opened: &Opened) -> anyhow::Result<Params> {
    let mut all = opened.properties.params()?;
    if let Some(file) = &shared.params_file {
        merge(&mut all, &params::read_file(file)?);
    }
    params::put(&mut all, &shared.params)?;
    Ok(all)
}
