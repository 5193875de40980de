//! Removes the logs and reports of sessions that nobody needs any more.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::name::FOLDER;
use crate::session::SessionId;

/// How the folder of a session begins that is about to be removed.
const ASIDE: &str = "pruned-";

/// Moves the folder of a session aside, in one step however much lies in it.
pub fn set_aside(state_folder: &Path, session: SessionId) -> io::Result<()> {
    let logs = state_folder.join(FOLDER);
    let aside = logs.join(format!("{ASIDE}{session}"));
    match fs::rename(session_folder(state_folder, session), &aside) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            // Of a time before that did not come to its end.
            fs::remove_dir_all(&aside)?;
            fs::rename(session_folder(state_folder, session), &aside)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    }
}

/// Removes what was set aside, now or before. Returns the bytes that it held.
pub fn remove_set_aside(state_folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let entries = match fs::read_dir(state_folder.join(FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(ASIDE) {
            bytes += size(&entry.path());
            match fs::remove_dir_all(entry.path()) {
                // Another process removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
    }
    Ok(bytes)
}

/// The bytes of a session's logs and reports.
pub fn session_size(state_folder: &Path, session: SessionId) -> u64 {
    size(&session_folder(state_folder, session))
}

fn session_folder(state_folder: &Path, session: SessionId) -> PathBuf {
    state_folder.join(FOLDER).join(session.to_string())
}

/// What cannot be read counts nothing; links are not followed.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_set_aside_before_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join("logs").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(remove_set_aside(folder.path()).unwrap(), 0);
        write("7/1/+a.log", "12345");
        write("70/1/+a.log", "1");
        write("pruned-7/1/+b.log", "123");
        assert_eq!(session_size(folder.path(), SessionId(7)), 5);
        set_aside(folder.path(), SessionId(7)).unwrap();
        set_aside(folder.path(), SessionId(8)).unwrap();
        assert_eq!(remove_set_aside(folder.path()).unwrap(), 5);
        let left: Vec<_> = fs::read_dir(folder.path().join("logs")).unwrap().collect();
        assert_eq!(left.len(), 1);
    }
}
