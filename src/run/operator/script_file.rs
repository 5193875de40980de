//! The file that an interpreter is given: what stands after `sh>`, or what calls a method.
//!
//! It lies in the run's folder in the project and is gone with the task. Where the text holds a secret, only its name
//! lies there and leads into memory: shells, Ruby and Python do not mind. Node, which asks for the file's real name,
//! does.

use std::fs::{OpenOptions, remove_file};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::memory_file::MemoryFile;
use super::{OperatorError, SecretGuard};

/// Files of this process so far.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A script on its way to an interpreter.
#[derive(Debug)]
pub(super) struct ScriptFile {
    path: PathBuf,
    /// Keeps the text where it is not in the file itself.
    _memory: Option<MemoryFile>,
}

impl ScriptFile {
    /// A file with this text, readable for this user alone. Its name ends in `.<extension>`.
    pub(super) fn new(
        folder: &Path,
        extension: &str,
        text: &str,
        guard: &dyn SecretGuard,
    ) -> Result<Self, OperatorError> {
        let path = folder.join(format!("{}.{extension}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let made = if guard.contains_secret(text) {
            lead_to_memory(&path, text).map(Some)
        } else {
            write(&path, text).map(|()| None)
        };
        let memory = made.map_err(|error| {
            OperatorError::failed(format!("`{}` could not be written", path.display())).cause(&error)
        })?;
        Ok(Self { path, _memory: memory })
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

impl Drop for ScriptFile {
    fn drop(&mut self) {
        // The folder is swept by the next run, if it cannot be removed now.
        let _ = remove_file(&self.path);
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn lead_to_memory(path: &Path, text: &str) -> io::Result<MemoryFile> {
    let memory = MemoryFile::new(text)?;
    symlink(memory.path(), path)?;
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use std::fs::read_to_string;

    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn only_what_is_no_secret_lies_on_a_disk() {
        let bench = Bench::new();
        let (folder, guard) = (bench.project(), bench.services().guard);
        guard.learn("hunter2");
        let plain = ScriptFile::new(&folder, "sh", "true", guard.as_ref()).expect("a file");
        let secret = ScriptFile::new(&folder, "sh", "echo hunter2", guard.as_ref()).expect("a file");
        assert_eq!(read_to_string(plain.path()).expect("its text"), "true");
        assert_eq!(read_to_string(secret.path()).expect("its text"), "echo hunter2");
        let is_link = |file: &ScriptFile| file.path().is_symlink();
        assert_eq!((is_link(&plain), is_link(&secret)), (false, true));
        assert_eq!(plain.seen_from(&folder), Path::new(plain.path().file_name().expect("a name")));
        assert_eq!(plain.seen_from(Path::new("/elsewhere")), plain.path());
        drop((plain, secret));
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").filter_map(Result::ok).count(), 1, ".sync");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let bench = Bench::new();
        let guard = bench.services().guard;
        let error = ScriptFile::new(Path::new("/no/such"), "rb", "", guard.as_ref()).expect_err("an error");
        assert!(
            error.message.starts_with("`/no/such/") && error.message.ends_with(".rb` could not be written")
        );
        assert_eq!(error.causes, ["No such file or directory (os error 2)"]);
    }
}
