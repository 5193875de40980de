//! The file that an interpreter is given: what stands after `sh>`, or what calls a method.
//!
//! Its name lies in the run's folder in the project. Where the text holds a secret, only the name lies there and leads
//! into memory: shells, Ruby and Python do not mind; Node, which asks for the file's real name, does. Shells always get
//! such a name, since a disk would make and remove a file for every command: [`ScriptLinks`] keeps the links.

use std::fs::{OpenOptions, remove_file, rename};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::memory_file::MemoryFile;
use super::{OperatorError, SecretGuard};

/// Files of this process so far.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// Programs that read a script wherever its name leads.
const SHELLS: [&str; 6] = ["sh", "dash", "bash", "ksh", "zsh", "ash"];

/// Whether an interpreter is one of the shells.
pub(super) fn is_shell(interpreter: &str) -> bool {
    let name = Path::new(interpreter).file_name().unwrap_or_default();
    SHELLS.iter().any(|shell| name == *shell)
}

/// Links into memory that no script needs any more. The next script renames one, so that a command that outlives its
/// task finds nothing under the old name; what it has open stays as it is.
#[derive(Debug, Default)]
pub(super) struct ScriptLinks(Mutex<Vec<Link>>);

#[derive(Debug)]
struct Link {
    path: PathBuf,
    memory: MemoryFile,
}

impl ScriptLinks {
    fn take(&self, path: &Path, text: &str) -> io::Result<Link> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut link) = idle
            && rename(&link.path, path).is_ok()
        {
            link.path = path.to_owned();
            link.memory.replace(text)?;
            return Ok(link);
        }
        let memory = MemoryFile::new(text)?;
        symlink(memory.path(), path)?;
        Ok(Link { path: path.to_owned(), memory })
    }

    fn give_back(&self, link: Link) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(link);
    }
}

impl Drop for ScriptLinks {
    fn drop(&mut self) {
        for link in self.0.get_mut().unwrap_or_else(PoisonError::into_inner) {
            remove(&link.path);
        }
    }
}

/// A script on its way to an interpreter.
#[derive(Debug)]
pub(super) struct ScriptFile<'a> {
    path: PathBuf,
    /// Keeps the text where it is not in the file itself.
    memory: Option<(Link, &'a ScriptLinks)>,
}

impl<'a> ScriptFile<'a> {
    /// A file with this text, readable for this user alone. Its name ends in `.<extension>`.
    pub(super) fn new(
        folder: &Path,
        extension: &str,
        text: &str,
        guard: &dyn SecretGuard,
        links: &'a ScriptLinks,
    ) -> Result<Self, OperatorError> {
        if guard.contains_secret(text) {
            return Self::in_memory(folder, extension, text, links);
        }
        let path = name(folder, extension);
        write(&path, text).map_err(|error| not_written(&path, &error))?;
        Ok(Self { path, memory: None })
    }

    /// A name that leads to this text in memory.
    pub(super) fn in_memory(
        folder: &Path,
        extension: &str,
        text: &str,
        links: &'a ScriptLinks,
    ) -> Result<Self, OperatorError> {
        let path = name(folder, extension);
        let link = links.take(&path, text).map_err(|error| not_written(&path, &error))?;
        Ok(Self { path, memory: Some((link, links)) })
    }

    /// Its name, absolute.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Its name as seen from a directory: shells print it with every complaint.
    pub(super) fn seen_from(&self, directory: &Path) -> &Path {
        self.path.strip_prefix(directory).unwrap_or(&self.path)
    }
}

impl Drop for ScriptFile<'_> {
    fn drop(&mut self) {
        match self.memory.take() {
            Some((link, links)) => links.give_back(link),
            None => remove(&self.path),
        }
    }
}

fn name(folder: &Path, extension: &str) -> PathBuf {
    folder.join(format!("{}.{extension}", COUNT.fetch_add(1, Ordering::Relaxed)))
}

fn not_written(path: &Path, error: &io::Error) -> OperatorError {
    OperatorError::failed(format!("`{}` could not be written", path.display())).cause(error)
}

fn remove(path: &Path) {
    // The folder is swept by the next run, if it cannot be removed now.
    let _ = remove_file(path);
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs::read_to_string;
    use std::io::Read as _;

    use super::super::testing::Bench;
    use super::*;

    fn text(path: &Path) -> String {
        read_to_string(path).expect("its text")
    }

    #[test]
    fn only_what_is_no_secret_lies_on_a_disk() {
        let bench = Bench::new();
        let (folder, guard) = (bench.project(), bench.services().guard);
        guard.learn("hunter2");
        let links = ScriptLinks::default();
        let plain = ScriptFile::new(&folder, "sh", "true", guard.as_ref(), &links).expect("a file");
        let secret = ScriptFile::new(&folder, "sh", "echo hunter2", guard.as_ref(), &links).expect("a file");
        assert_eq!(text(plain.path()), "true");
        assert_eq!(text(secret.path()), "echo hunter2");
        let is_link = |file: &ScriptFile| file.path().is_symlink();
        assert_eq!((is_link(&plain), is_link(&secret)), (false, true));
        assert_eq!(plain.seen_from(&folder), Path::new(plain.path().file_name().expect("a name")));
        assert_eq!(plain.seen_from(Path::new("/elsewhere")), plain.path());
        drop((plain, secret));
        drop(links);
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").filter_map(Result::ok).count(), 1, ".sync");
    }

    #[test]
    fn a_link_is_used_again_under_a_new_name_and_what_is_open_stays() {
        let bench = Bench::new();
        let (folder, links) = (bench.project(), ScriptLinks::default());
        let script = |text| ScriptFile::in_memory(&folder, "sh", text, &links).expect("a file");
        let first = script("the first");
        let first_path = first.path().to_owned();
        let mut outlives = std::fs::File::open(&first_path).expect("it is there");
        let beside = script("beside");
        drop(first);
        let second = script("the second");
        assert_eq!((text(second.path()), text(beside.path())), ("the second".into(), "beside".into()));
        assert!(!first_path.is_symlink() && second.path() != first_path);
        let mut read = String::new();
        outlives.read_to_string(&mut read).expect("its text");
        assert_eq!(read, "the first");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let bench = Bench::new();
        let (guard, links) = (bench.services().guard, ScriptLinks::default());
        let folder = Path::new("/no/such");
        let error = ScriptFile::new(folder, "rb", "", guard.as_ref(), &links).expect_err("an error");
        assert!(
            error.message.starts_with("`/no/such/") && error.message.ends_with(".rb` could not be written")
        );
        assert_eq!(error.causes, ["No such file or directory (os error 2)"]);
    }

    #[test]
    fn shells_are_known_by_their_names() {
        for (interpreter, expected) in
            [("/bin/sh", true), ("bash", true), ("/usr/bin/zsh", true), ("node", false), ("", false)]
        {
            assert_eq!(is_shell(interpreter), expected, "{interpreter}");
        }
    }
}
