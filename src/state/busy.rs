//! A state file that somebody else holds, and one that nobody can hold because locks do not work where it lies.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Error, ErrorCode, ffi};

use super::journal;
use crate::random;

/// Whether another connection holds what is wanted. A file system without locks looks the same to SQLite.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether SQLite itself says that locks, or the memory that its processes share, do not work.
pub(super) fn is_without_locks(error: &Error) -> bool {
    let Some(error) = error.sqlite_error() else { return false };
    matches!(
        error.extended_code,
        ffi::SQLITE_PROTOCOL
            | ffi::SQLITE_IOERR_LOCK
            | ffi::SQLITE_IOERR_UNLOCK
            | ffi::SQLITE_IOERR_RDLOCK
            | ffi::SQLITE_IOERR_CHECKRESERVEDLOCK
            | ffi::SQLITE_IOERR_BLOCKED
            | ffi::SQLITE_IOERR_SHMOPEN
            | ffi::SQLITE_IOERR_SHMSIZE
            | ffi::SQLITE_IOERR_SHMLOCK
            | ffi::SQLITE_IOERR_SHMMAP
    )
}

/// Whether SQLite can lock a file of its own beside the state, which nobody else knows of. A folder where none can be
/// made says nothing.
pub(super) fn locks_work(state: &Path) -> bool {
    // Process numbers are not enough: another container may have the same.
    let Ok(key) = random::key() else { return true };
    let probe = beside(state, &format!("-probe-{key}"));
    let tried = try_locks(&probe);
    for end in ["", "-journal", "-wal", "-shm"] {
        // One that was not made is not there.
        let _ = fs::remove_file(beside(&probe, end));
    }
    tried.map_or_else(|error| !is_busy(&error) && !is_without_locks(&error), |()| true)
}

fn try_locks(probe: &Path) -> Result<(), Error> {
    let connection = Connection::open(probe)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "journal_mode", journal::mode(probe))?;
    connection.execute_batch("create table probe (id integer)")
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The process that holds a state file for writing, as people look for it; none where the kernel does not tell.
pub(super) fn holder(state: &Path) -> Option<String> {
    let inodes: Vec<u64> = ["", "-shm"]
        .iter()
        .filter_map(|end| fs::metadata(beside(state, end)).ok())
        .map(|file| file.ino())
        .collect();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let pid = locks.lines().find_map(|line| holder_in(line, &inodes))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(format!("process {pid} ({})", name.trim()))
}

/// The number in a line of `/proc/locks` (proc_locks(5)) that is a lock for writing on one of the files:
/// `1: POSIX  ADVISORY  WRITE 4711 fe:01:1234 120 120`.
fn holder_in(line: &str, inodes: &[u64]) -> Option<u32> {
    let mut fields = line.split_ascii_whitespace().skip_while(|field| *field != "WRITE").skip(1);
    let pid: u32 = fields.next()?.parse().ok()?;
    let inode: u64 = fields.next()?.rsplit(':').next()?.parse().ok()?;
    (inodes.contains(&inode) && pid != 0 && pid != std::process::id()).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_work_here_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        assert!(locks_work(&folder.path().join("state.db")));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(locks_work(Path::new("/no/such/state.db")), "that is another failure");
    }

    #[test]
    fn a_process_of_the_same_number_does_not_disturb_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state.db");
        // What such a process, in another container, would call its own.
        let other = Connection::open(beside(&state, &format!("-probe-{}", std::process::id()))).unwrap();
        other.execute_batch("create table probe (id integer); begin exclusive").unwrap();
        assert!(locks_work(&state));
    }

    #[test]
    fn a_line_of_the_kernel_names_the_holder() {
        let line = "1: POSIX  ADVISORY  WRITE 4711 fe:01:1234 120 120";
        assert_eq!(holder_in(line, &[7, 1234]), Some(4711));
        assert_eq!(holder_in(line, &[7]), None);
        assert_eq!(holder_in("2: POSIX  ADVISORY  READ  4711 fe:01:1234 123 123", &[1234]), None);
        assert_eq!(holder_in("3: FLOCK  ADVISORY  WRITE 0 fe:01:1234 0 EOF", &[1234]), None);
    }
}
