//! The file that a process holds locked (flock(2)) as long as it works on an attempt: `state.db-attempt-7.lock`.
//!
//! The kernel gives the lock back when the process is gone, however it went, and knows it across containers, which have
//! host names and process numbers of their own. It is never waited for.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::session::AttemptId;

/// Between the name of the state file and the number of the attempt.
const BEFORE: &str = "-attempt-";
/// Behind it.
const AFTER: &str = ".lock";

/// What a look at the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// Somebody holds it.
    Held,
    /// It is there and nobody does.
    Free,
    /// It is not there, or locks do not work.
    Unknown,
}

/// The file of an attempt, beside the state file.
pub(super) fn path_of(state: &Path, attempt: AttemptId) -> PathBuf {
    let mut name = state.as_os_str().to_owned();
    name.push(format!("{BEFORE}{attempt}{AFTER}"));
    name.into()
}

/// Makes the file, for its owner alone, and holds it until the file is dropped.
pub(super) fn take(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another process holds it")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Looks at it. The lock is tried in the way that does not disturb others who look.
pub(super) fn hold(path: &Path) -> Hold {
    let Ok(file) = File::open(path) else { return Hold::Unknown };
    match file.try_lock_shared() {
        Ok(()) => Hold::Free,
        Err(TryLockError::WouldBlock) => Hold::Held,
        Err(TryLockError::Error(_)) => Hold::Unknown,
    }
}

/// The attempts that a file beside the state is there for and that nobody holds.
pub(super) fn left(state: &Path) -> Vec<AttemptId> {
    let folder = match state.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = state.file_name().unwrap_or_default().to_string_lossy();
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let attempt = |entry: io::Result<std::fs::DirEntry>| {
        let file = entry.ok()?.file_name();
        let number = file.to_str()?.strip_prefix(name.as_ref())?.strip_prefix(BEFORE)?.strip_suffix(AFTER)?;
        number.parse().ok().map(AttemptId)
    };
    entries.filter_map(attempt).filter(|attempt| hold(&path_of(state, *attempt)) == Hold::Free).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_held_once_and_those_who_look_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.db");
        let path = path_of(&state, AttemptId(7));
        assert!(path.ends_with("state.db-attempt-7.lock"));
        assert_eq!(hold(&path), Hold::Unknown);
        let file = take(&path).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(hold(&path), Hold::Held);
        assert_eq!(take(&path).unwrap_err().to_string(), "another process holds it");
        assert_eq!(left(&state), []);
        drop(file);
        let looks = File::open(&path).unwrap();
        looks.try_lock_shared().unwrap();
        assert_eq!(hold(&path), Hold::Free);
        assert_eq!(left(&state), [AttemptId(7)]);
    }
}
