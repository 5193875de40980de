//! Reads what `run` and `retry` start from: the workflow, checked with all that it reaches, and its parameters.

use std::path::{Path, PathBuf};

use super::opening::Opened;
use super::run_args::{GivenArgs, SharedArgs};
use super::{check, foreign, near, params, policy};
use crate::diagnostic::{Problem, Severity};
use crate::dig;
use crate::dig::params::merge;
use crate::dig::workflow::Workflow;
use crate::reader::{DirectoryReader, Reader};
use crate::report::problems;
use crate::session::Params;

/// Checks the workflow with all that it reaches, and shows what is wrong; none when it cannot run.
pub fn load(file: &Path, opened: &Opened) -> anyhow::Result<Option<Workflow>> {
    let shown = file.display();
    if file.is_dir() {
        let hint = Some("name one of its `.dig` files");
        opened.console.failure(&format!("`{shown}` is a folder, and no workflow"), &[], hint);
        return Ok(None);
    }
    if let Some(near) = Some(file).filter(|file| !file.exists()).and_then(near::file) {
        let hint = near::question(&near.to_string_lossy());
        opened.console.failure(&format!("file `{shown}` does not exist"), &[], Some(&hint));
        return Ok(None);
    }
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
    let project = &opened.place.project;
    let mut found = match policy::load(project, &opened.properties) {
        Ok(policy) => policy.map(|policy| policy.warnings).unwrap_or_default(),
        Err(problems) => problems,
    };
    found.extend(check::reachable(&path, &reader, foreign::plugins(project, &opened.properties)));
    // Notes are for those who ask with `sync check`.
    found.retain(|problem| problem.severity > Severity::Note);
    if !found.is_empty() {
        opened.console.say(&problems::render(&found, opened.console.err_colors()));
    }
    if found.iter().any(Problem::is_error) {
        return Ok(None);
    }
    Ok(workflow(&path, &reader))
}

/// Reads a workflow that was checked. One in a sub-directory works there, as after `call>`.
pub fn workflow(path: &Path, reader: &dyn Reader) -> Option<Workflow> {
    let mut workflow = dig::load(path, reader).workflow?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut export = Params::new();
        export.insert("_workdir".to_owned(), folder.to_string_lossy().into_owned().into());
        merge(&mut export, &workflow.root.export);
        workflow.root.export = export;
    }
    Some(workflow)
}

/// The file of a workflow that another in `folder` requires: at the top of the project, else beside it. Digdag knows
/// only the first, since its workflows lie nowhere else.
pub fn required_file(name: &str, folder: &Path, reader: &dyn Reader) -> Option<PathBuf> {
    let file = format!("{name}.dig");
    let at_top = PathBuf::from(&file);
    let beside = folder.join(&file);
    let is_name = !name.contains('/');
    [at_top, beside].into_iter().find(|path| is_name && reader.exists(path))
}

/// `params.*` of the properties, under `-P`, under `-p`. A project that is not the current directory stands below them
/// as `_project_path`, as Digdag has it.
pub fn all_params(shared: &SharedArgs, opened: &Opened) -> anyhow::Result<Params> {
    let mut params = Params::new();
    let project = &opened.place.project;
    let is_here =
        std::env::current_dir().and_then(|here| here.canonicalize()).is_ok_and(|here| here == *project);
    if !is_here {
        params.insert("_project_path".to_owned(), project.to_string_lossy().into_owned().into());
    }
    merge(&mut params, &opened.properties.params()?);
    put_given(params, &shared.given)
}

/// `-P`, under `-p`.
pub fn given(given: &GivenArgs) -> anyhow::Result<Params> {
    put_given(Params::new(), given)
}

fn put_given(mut params: Params, given: &GivenArgs) -> anyhow::Result<Params> {
    if let Some(file) = &given.params_file {
        merge(&mut params, &params::read_file(file)?);
    }
    params::put(&mut params, &given.params)?;
    Ok(params)
}
