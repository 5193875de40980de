//! A folder as a whole: its workflows, the transfer files under `embulk/`, and the files that nothing reaches.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::ignore::Ignored;
use super::reach::Reach;
use super::{check_yaml, is_transfer_file, is_workflow};
use crate::reader::{DirectoryReader, Reader};

/// How deep folders are looked through for files that nothing reaches.
const MAX_DEPTH: usize = 20;

/// Checks a folder of the project. Its `.dig` files are workflows; those further down are only YAML unless one of
/// these reaches them.
pub(super) fn check(project: &Path, folder: &Path, reach: &mut Reach<'_>) -> anyhow::Result<()> {
    let reader = DirectoryReader::new(project);
    let ignored = Ignored::read(project).context("can't read `.digdagignore`")?;
    let files = |folder: &Path| files(project, folder, &ignored);
    let below = |folder: &Path| below(project, folder, &ignored);
    for path in files(folder)?.iter().filter(|path| is_workflow(path)) {
        reach.workflow(path);
    }
    let inside = folder.file_name().is_some_and(|name| name == "embulk");
    let transfers = if inside { folder.to_owned() } else { folder.join("embulk") };
    if project.join(&transfers).is_dir() {
        for path in below(&transfers)?.iter().filter(|path| is_transfer_file(path) && !is_partial(path)) {
            reach.transfer_file(path);
        }
    }
    for path in below(folder)?.iter().filter(|path| is_workflow(path)) {
        unreached(path, &reader, reach);
    }
    Ok(())
}

/// The workflows directly in a folder.
pub(super) fn workflows(project: &Path, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let ignored = Ignored::read(project).context("can't read `.digdagignore`")?;
    Ok(files(project, folder, &ignored)?.into_iter().filter(|path| is_workflow(path)).collect())
}

fn unreached(path: &Path, reader: &dyn Reader, reach: &mut Reach<'_>) {
    let problems = check_yaml(path, reader, &mut reach.seen);
    reach.add(problems);
}

/// `_name.yml.liquid` is a part of other files.
fn is_partial(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('_'))
}

/// Files directly in a folder, by name.
fn files(project: &Path, folder: &Path, ignored: &Ignored) -> anyhow::Result<Vec<PathBuf>> {
    Ok(entries(project, folder, ignored)?.into_iter().filter(|path| project.join(path).is_file()).collect())
}

/// Files in a folder and below, by name. Links to folders are not followed: they may lead round.
fn below(project: &Path, folder: &Path, ignored: &Ignored) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        for path in entries(project, &folder, ignored)? {
            let kind = std::fs::symlink_metadata(project.join(&path)).map(|metadata| metadata.file_type());
            match kind {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => open.push((path, depth + 1)),
                _ if project.join(&path).is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What a folder holds, relative to the project, sorted. Names that begin with a dot are not the project's, nor is
/// what `.digdagignore` names.
fn entries(project: &Path, folder: &Path, ignored: &Ignored) -> anyhow::Result<Vec<PathBuf>> {
    let listed = || -> io::Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(project.join(folder))? {
            let entry = entry?;
            let (name, is_folder) = (entry.file_name(), entry.file_type()?.is_dir());
            let path = folder.join(&name);
            if !name.to_string_lossy().starts_with('.') && !ignored.names(&path, is_folder) {
                names.push(path);
            }
        }
        names.sort();
        Ok(names)
    };
    listed().with_context(|| format!("can't read the folder `{}`", project.join(folder).display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_went_away_is_named() {
        let error = entries(Path::new("/nowhere"), Path::new("sub"), &Ignored::default())
            .expect_err("it is not there");
        assert_eq!(
            format!("{error:#}"),
            "can't read the folder `/nowhere/sub`: No such file or directory (os error 2)"
        );
    }
}
