//! Looks into the file without a trace: for who must not write, wait or make anything, such as a shell's completion.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::store::Store;
use super::{StateError, schema};

/// How long somebody else may hold the file.
const PATIENCE: Duration = Duration::from_millis(5);

impl Store {
    /// Opens the file as it is, to read; none where there is none, or where it is of another version.
    pub fn look(path: &Path) -> Result<Option<Self>, StateError> {
        if !path.is_file() {
            return Ok(None);
        }
        let connection = Connection::open_with_flags(address(path), flags())?;
        connection.busy_timeout(PATIENCE)?;
        if !schema::is_newest(&connection)? {
            return Ok(None);
        }
        let installation = connection.query_row("select id from installation", [], |row| row.get(0))?;
        Ok(Some(Self::reading(connection, path, installation)))
    }
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Nobody writes where there is no journal of either kind: SQLite then need not make one to read.
fn address(path: &Path) -> String {
    let has = |ending: &str| {
        let mut journal = path.as_os_str().to_owned();
        journal.push(ending);
        Path::new(&journal).exists()
    };
    let still = if has("-wal") || has("-journal") { "" } else { "?immutable=1" };
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                address.push(char::from(*byte));
            }
            byte => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address + still
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Sought;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn looking_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b%?.db");
        assert!(Store::look(&path).unwrap().is_none());
        assert!(names(folder.path()).is_empty());

        let store = Store::open(&path).unwrap();
        let seen = Store::look(&path).unwrap().expect("while somebody has it open");
        assert_eq!(seen.installation(), store.installation());
        drop((store, seen));

        let before = names(folder.path());
        let seen = Store::look(&path).unwrap().expect("when nobody has");
        assert!(seen.sessions("/p", Sought::default(), 9).unwrap().is_empty());
        assert_eq!(names(folder.path()), before);
        assert!(seen.connection.execute("delete from installation", []).is_err());
    }

    #[test]
    fn another_version_is_none_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 1).unwrap();
        assert!(Store::look(&path).unwrap().is_none());
        std::fs::write(&path, "no database, but long enough to be looked at as one").unwrap();
        assert!(Store::look(&path).is_err());
    }
}
