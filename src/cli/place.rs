//! Where a project is, where its state lies, and how paths inside it are called.

use std::env;
use std::io;
use std::path::{Component, Path, PathBuf};

use clap::Args;

/// Where the project and its state are; every command takes these.
#[derive(Debug, Clone, Default, Args)]
pub struct PlaceArgs {
    /// The project's directory [default: the nearest one at or above FILE that holds `.sync/`, else FILE's]
    #[arg(long, value_name = "DIR", global = true)]
    pub project: Option<PathBuf>,
    /// The state file [default: `.sync/state.db` in the project]
    #[arg(long, value_name = "FILE", global = true, env = "SYNC_STATE")]
    pub state: Option<PathBuf>,
}

/// A project and its state, found.
#[derive(Debug, Clone)]
pub struct Place {
    /// The project's directory, absolute, symbolic links resolved.
    pub project: PathBuf,
    /// The state file.
    pub state: PathBuf,
}

/// Keeps the content of that folder out of git, and itself in.
pub const IGNORE: &str = "*\n!.gitignore\n";

/// The folder that marks a project and holds its state.
pub const MARKER: &str = ".sync";

impl PlaceArgs {
    /// Finds the project of a file (or of the current directory) and the place of its state.
    pub fn find(&self, file: Option<&Path>) -> io::Result<Place> {
        let project = match &self.project {
            Some(directory) => directory.canonicalize()?,
            None => project_of(file)?,
        };
        let state = match (&self.state, env::var_os("STATE_DIRECTORY")) {
            (Some(file), _) => std::path::absolute(file)?,
            (None, Some(directory)) if !directory.is_empty() => Path::new(&directory).join("state.db"),
            _ => project.join(MARKER).join("state.db"),
        };
        Ok(Place { project, state })
    }
}

fn project_of(file: Option<&Path>) -> io::Result<PathBuf> {
    let start = match file.and_then(Path::parent) {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("."),
    }
    .canonicalize()?;
    Ok(start.ancestors().find(|directory| directory.join(MARKER).is_dir()).unwrap_or(&start).to_owned())
}

impl Place {
    /// The folder of the state: `logs/` and `tmp/` lie in it.
    pub fn state_folder(&self) -> &Path {
        self.state.parent().unwrap_or(Path::new("."))
    }

    /// Makes the folder of the state; one inside a project keeps its content out of git.
    pub fn prepare(&self) -> io::Result<()> {
        let folder = self.state_folder();
        std::fs::create_dir_all(folder)?;
        let ignore = folder.join(".gitignore");
        if folder == self.project.join(MARKER) && !ignore.exists() {
            std::fs::write(ignore, IGNORE)?;
        }
        Ok(())
    }

    /// The path of a file relative to the project, `/` between its parts; none when it lies outside.
    pub fn relative(&self, file: &Path) -> io::Result<Option<PathBuf>> {
        let absolute = match file.canonicalize() {
            Ok(path) => path,
            // A file that is not there still has a name to show.
            Err(error) if error.kind() == io::ErrorKind::NotFound => normalise(&std::path::absolute(file)?),
            Err(error) => return Err(error),
        };
        Ok(absolute.strip_prefix(&self.project).ok().map(Path::to_owned))
    }
}

fn normalise(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                parts.pop();
            }
            Component::CurDir => {}
            other => parts.push(other),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_marked_directory_is_the_project() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::create_dir(root.join(MARKER)).unwrap();
        std::fs::write(root.join("a/b/x.dig"), "").unwrap();
        let place = PlaceArgs::default().find(Some(&root.join("a/b/x.dig"))).unwrap();
        assert_eq!(place.project, root);
        assert_eq!(place.relative(&root.join("a/./b/x.dig")).unwrap(), Some("a/b/x.dig".into()));
        assert_eq!(place.relative(Path::new("/etc/passwd")).unwrap(), None);
    }

    #[test]
    fn without_a_mark_the_files_directory_is_the_project() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("a")).unwrap();
        let place = PlaceArgs::default().find(Some(&root.join("a/x.dig"))).unwrap();
        assert_eq!(place.project, root.join("a"));
        place.prepare().unwrap();
        assert_eq!(std::fs::read_to_string(root.join("a/.sync/.gitignore")).unwrap(), "*\n!.gitignore\n");
    }
}
