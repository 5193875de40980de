//! The directory of one run, which only this user can enter: the socket of its `embulk` commands, the scripts of its
//! tasks, the state of a run that is not remembered.
//!
//! The run holds a file in it locked (flock(2)) as long as it lives. The kernel gives the lock back when the process is
//! gone, however it went, and knows it across containers, which have process numbers of their own. Whoever sweeps takes
//! the lock first: what cannot be locked belongs to somebody.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::random;

/// Names of sockets longer than this do not fit the system's structure (108 bytes).
const LONGEST_NAME: usize = 100;
/// What is held locked.
const LOCK: &str = "lock";
/// Where directories lie when the project's path is too long for a socket's name, and what their names begin with there.
const SHORT_PLACE: (&str, &str) = ("/tmp", "sync-");
/// One that somebody uses, or used when he was killed.
const RUN: &str = "run-";
/// One that is being made: nothing but the lock is in it.
const NEW: &str = "new-";
/// One that is being removed.
const GONE: &str = "gone-";
/// So often is one made again that a sweep has taken away before it was locked.
const TRIES: u32 = 100;

/// A directory that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct PrivateDirectory {
    path: PathBuf,
    /// None where locks do not work: nobody can lock it then, so it is not swept.
    _lock: Option<File>,
}

impl PrivateDirectory {
    /// Makes one among the project's temporary files, or in `/tmp` when that name would be too long for a socket in it.
    /// Those that killed runs left at the same place are removed first.
    pub(crate) fn new(temporary: &Path) -> io::Result<Self> {
        let here = temporary.join(format!("{RUN}{}", short_key()?)).join("socket");
        let (place, beginning) = match here.as_os_str().len() {
            ..=LONGEST_NAME => (temporary, ""),
            _ => (Path::new(SHORT_PLACE.0), SHORT_PLACE.1),
        };
        sweep(place, beginning);
        let mut tried = 0;
        loop {
            tried += 1;
            match Self::make(place, beginning) {
                Err(error) if tried < TRIES && is_swept(&error) => {}
                made => return made,
            }
        }
    }

    /// It is locked before it gets the name of one that is in use.
    fn make(place: &Path, beginning: &str) -> io::Result<Self> {
        let key = short_key()?;
        let name = |state: &str| place.join(format!("{beginning}{state}{key}"));
        let (new, path) = (name(NEW), name(RUN));
        DirBuilder::new().mode(0o700).create(&new)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new.join(LOCK))?;
        let lock = match file.try_lock() {
            Ok(()) => Some(file),
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::NotFound.into()),
            Err(TryLockError::Error(_)) => None,
        };
        fs::rename(&new, &path)?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        // What cannot be removed now goes with the next run.
        let _ = remove(&self.path);
    }
}

/// Whether it is gone, or locked by who is about to remove it.
fn is_swept(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn short_key() -> io::Result<String> {
    Ok(random::key()?[..16].to_owned())
}

/// Removes the directories that killed runs of a project left, wherever they lie.
pub(crate) fn sweep_all(temporary: &Path) {
    sweep(temporary, "");
    sweep(Path::new(SHORT_PLACE.0), SHORT_PLACE.1);
}

/// Removes what runs that were killed left behind. What cannot be removed is left.
fn sweep(place: &Path, beginning: &str) {
    for entry in fs::read_dir(place).into_iter().flatten().filter_map(Result::ok) {
        let name = entry.file_name();
        let state = name.to_str().and_then(|name| name.strip_prefix(beginning));
        let path = entry.path();
        let Some(state) = state.filter(|_| is_own_directory(&path)) else { continue };
        let _ = match () {
            () if state.starts_with(GONE) => fs::remove_dir_all(&path),
            () if state.starts_with(RUN) => remove_left(&path),
            // One whose lock is not there yet is empty.
            () if state.starts_with(NEW) => remove_left(&path).or_else(|_| fs::remove_dir(&path)),
            () => Ok(()),
        };
    }
}

/// In `/tmp` anybody may lay out what he likes under our names.
fn is_own_directory(path: &Path) -> bool {
    let own = rustix::process::geteuid().as_raw();
    fs::symlink_metadata(path).is_ok_and(|entry| entry.is_dir() && entry.uid() == own)
}

/// Removes a directory whose lock nobody holds.
fn remove_left(directory: &Path) -> io::Result<()> {
    let lock = OpenOptions::new().write(true).open(directory.join(LOCK))?;
    lock.try_lock()?;
    remove(directory)
}

/// A removal that is cut short leaves one without its lock: under this name the next sweep needs none.
fn remove(directory: &Path) -> io::Result<()> {
    let name = directory.file_name().unwrap_or_default().to_string_lossy().replacen(RUN, GONE, 1);
    let gone = directory.with_file_name(name.replacen(NEW, GONE, 1));
    fs::rename(directory, &gone)?;
    fs::remove_dir_all(gone)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_is_swept_when_its_owner_is_gone_and_not_before() {
        let folder = tempfile::tempdir().expect("a directory");
        let living = PrivateDirectory::new(folder.path()).expect("a directory");
        assert_eq!(fs::metadata(living.path()).expect("there").permissions().mode() & 0o777, 0o700);
        // The owner's number says nothing: it may be that of another container.
        let dead = folder.path().join("run-dead");
        fs::create_dir_all(dead.join("bin")).expect("a directory");
        File::create(dead.join(LOCK)).expect("a file");
        sweep_all(folder.path());
        let name = living.path().file_name().expect("a name").to_string_lossy().into_owned();
        assert_eq!(names(folder.path()), [name]);
        drop(living);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn one_that_is_half_made_or_half_removed_goes_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a directory");
        for name in ["new-empty", "new-locked", "gone-half/bin", "run-book", "other"] {
            fs::create_dir_all(folder.path().join(name)).expect("a directory");
        }
        File::create(folder.path().join("new-locked").join(LOCK)).expect("a file");
        File::create(folder.path().join("run-file")).expect("a file");
        sweep_all(folder.path());
        assert_eq!(names(folder.path()), ["other", "run-book", "run-file"]);
    }

    #[test]
    fn who_sweeps_and_who_makes_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().expect("a directory");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let made = PrivateDirectory::new(folder.path()).expect("a directory");
                        File::create(made.path().join("socket")).expect("it is there");
                    }
                });
            }
        });
        // Two that remove the same one at once may both leave something of it.
        sweep_all(folder.path());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn long_paths_are_avoided() {
        let folder = tempfile::tempdir().expect("a directory");
        let long = folder.path().join("x".repeat(90));
        fs::create_dir(&long).expect("a directory");
        let made = PrivateDirectory::new(&long).expect("a directory");
        let path = made.path().to_owned();
        assert!(path.starts_with("/tmp") && !path.starts_with(folder.path()), "{}", path.display());
        drop(made);
        assert!(!path.exists());
    }
}
