//! Shows the logs of tasks that lie on disk.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::console::Console;
use super::tasklog;
use crate::session::{AttemptId, SessionId, TaskName};

/// The log of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The task.
    pub task: TaskName,
    /// The attempt that wrote it.
    pub attempt: AttemptId,
    /// Where it lies.
    pub path: PathBuf,
}

/// The logs of tasks: for each task that of the first attempt in the list that has one, so give the newest first.
pub fn files(
    state_folder: &Path,
    session: SessionId,
    attempts: &[AttemptId],
    tasks: &[TaskName],
) -> Vec<LogFile> {
    let log_of = |task: &TaskName| {
        attempts.iter().find_map(|&attempt| {
            let directory = tasklog::attempt_directory(state_folder, session, attempt);
            let path = tasklog::find(&directory, task)?;
            Some(LogFile { task: task.clone(), attempt, path })
        })
    };
    tasks.iter().filter_map(log_of).collect()
}

/// Prints a log, and later what was added to it since.
#[derive(Debug)]
pub struct LogReader {
    path: PathBuf,
    position: u64,
}

impl LogReader {
    /// Nothing is printed yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), position: 0 }
    }

    /// Prints what is new, as it is; gives its length in bytes.
    pub fn show_new(&mut self, console: &Console) -> io::Result<u64> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.position))?;
        let mut buffer = vec![0; 64 * 1024];
        let mut shown = 0;
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            console.output(&buffer[..count]);
            shown += count as u64;
        }
        self.position += shown;
        Ok(shown)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::console::Results;
    use super::super::console::tests::console;
    use super::*;

    #[test]
    fn the_newest_attempt_with_a_log_wins() {
        let folder = tempfile::tempdir().expect("a directory");
        let task = |name: &str| TaskName::from_full(name);
        for (attempt, name) in [(1, "+a"), (1, "+b"), (2, "+b")] {
            let directory = tasklog::attempt_directory(folder.path(), SessionId(7), AttemptId(attempt));
            std::fs::create_dir_all(&directory).expect("made");
            std::fs::write(directory.join(tasklog::file_name(&task(name))), "x").expect("written");
        }
        let tasks = [task("+a"), task("+b"), task("+c")];
        let found = files(folder.path(), SessionId(7), &[AttemptId(2), AttemptId(1)], &tasks);
        let found: Vec<(&str, i64)> = found.iter().map(|log| (log.task.as_str(), log.attempt.0)).collect();
        assert_eq!(found, [("+a", 1), ("+b", 2)]);
    }

    #[test]
    fn a_growing_log_is_shown_once() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("a.log");
        let mut file = File::create(&path).expect("made");
        let (console, out, _) = console(Results::Human);
        let mut reader = LogReader::new(&path);
        file.write_all(b"one\n").expect("written");
        assert_eq!(reader.show_new(&console).expect("it is there"), 4);
        file.write_all(b"two\n").expect("written");
        assert_eq!(reader.show_new(&console).expect("it is there"), 4);
        assert_eq!(reader.show_new(&console).expect("it is there"), 0);
        assert_eq!(out.text(), "one\ntwo\n");
    }
}
