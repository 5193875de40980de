//! The end of the log of a task.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::find;
use crate::session::TaskName;

/// So much of a log is looked at.
const LOOKED_AT: u64 = 32 * 1024;

/// The last lines of the log of a task in the directory of its attempt, at most so many. What is no UTF-8 becomes U+FFFD,
/// and a line that is longer than 32 KiB has lost its beginning. None where there is no log. Errors: those of the disk.
pub fn tail(directory: &Path, task: &TaskName, lines: usize) -> io::Result<Option<Vec<String>>> {
    let Some(path) = find(directory, task) else { return Ok(None) };
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let begin = length.saturating_sub(LOOKED_AT);
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut last: Vec<&str> = text.lines().collect();
    if begin > 0 && last.len() > 1 {
        // It begins somewhere in a line.
        last.remove(0);
    }
    let last = &last[last.len().saturating_sub(lines)..];
    Ok(Some(last.iter().map(|line| (*line).to_owned()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(text: &[u8], lines: usize) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("+a.log"), text).expect("it can be written");
        tail(folder.path(), &TaskName::from_full("+a"), lines).expect("it can be read").expect("it is there")
    }

    #[test]
    fn the_last_lines_are_whole() {
        assert_eq!(ends(b"one\ntwo\nthree\n", 2), ["two", "three"]);
        assert_eq!(ends(b"one\n\xfftwo", 9), ["one", "\u{fffd}two"]);
        assert_eq!(ends(b"", 9), [""; 0]);
        let long = format!("{}\nend\n", "x".repeat(40_000));
        assert_eq!(ends(long.as_bytes(), 9), ["end"], "a part of a line is none");
        let folder = tempfile::tempdir().expect("a folder");
        let none = tail(folder.path(), &TaskName::from_full("+a"), 9).expect("it can be looked for");
        assert_eq!(none, None);
    }
}
