//! Shows the logs of tasks: those that lie on disk, and of tasks that said nothing what the state knows.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::console::Console;
use super::tasklog;
use crate::session::{AttemptId, SessionId, TaskName};
use crate::state::TaskRecord;

/// The log of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLog {
    /// The task.
    pub task: TaskName,
    /// The attempt that wrote it.
    pub attempt: AttemptId,
    /// What it says.
    pub text: LogText,
}

/// What a log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogText {
    /// In this file, which may grow.
    File(PathBuf),
    /// Of a task that said nothing: when it began and ended.
    Quiet(Vec<u8>),
}

/// The logs of tasks, in the order in which the records name them: for each task that of the first attempt in the list
/// that has one, so give the newest first.
pub fn logs(
    state_folder: &Path,
    session: SessionId,
    attempts: &[AttemptId],
    records: &[TaskRecord],
) -> Vec<TaskLog> {
    let by_name: HashMap<_, _> =
        records.iter().map(|record| ((record.attempt, &record.name), record)).collect();
    let text_of = |task: &TaskName, attempt: AttemptId| {
        let directory = tasklog::attempt_directory(state_folder, session, attempt);
        let in_file = tasklog::find(&directory, task).map(LogText::File);
        let record = by_name.get(&(attempt, task));
        in_file.or_else(|| record.and_then(|record| tasklog::quiet(record)).map(LogText::Quiet))
    };
    let mut seen = HashSet::new();
    let tasks = records.iter().map(|record| &record.name).filter(|task| seen.insert(*task));
    tasks
        .filter_map(|task| {
            attempts.iter().find_map(|&attempt| {
                let text = text_of(task, attempt)?;
                Some(TaskLog { task: task.clone(), attempt, text })
            })
        })
        .collect()
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
    use crate::session::TaskState;

    fn record(attempt: i64, name: &str) -> TaskRecord {
        TaskRecord {
            attempt: AttemptId(attempt),
            name: TaskName::from_full(name),
            operator: Some("sh".to_owned()),
            state: TaskState::Success,
            round: 1,
            started_at: Some("2026-01-02T03:04:05Z".parse().expect("a time")),
            finished_at: Some("2026-01-02T03:04:06.5Z".parse().expect("a time")),
            result: None,
            failure: None,
        }
    }

    #[test]
    fn the_newest_attempt_with_a_log_wins_and_a_task_that_said_nothing_has_one_too() {
        let folder = tempfile::tempdir().expect("a directory");
        for (attempt, name) in [(1, "+a"), (1, "+b"), (2, "+b")] {
            let directory = tasklog::attempt_directory(folder.path(), SessionId(7), AttemptId(attempt));
            std::fs::create_dir_all(&directory).expect("made");
            let task = TaskName::from_full(name);
            std::fs::write(directory.join(tasklog::file_name(&task)), "x").expect("written");
        }
        let group = TaskRecord { operator: None, ..record(2, "+group") };
        let blocked = TaskRecord { state: TaskState::Blocked, ..record(2, "+blocked") };
        let records =
            [record(1, "+a"), record(1, "+b"), record(2, "+b"), record(2, "+quiet"), group, blocked];
        let found = logs(folder.path(), SessionId(7), &[AttemptId(2), AttemptId(1)], &records);
        let told: Vec<_> = found.iter().map(|log| (log.task.as_str(), log.attempt.0, &log.text)).collect();
        let file = |attempt: i64, name: &str| {
            LogText::File(folder.path().join(format!("logs/7/{attempt}/{name}.log")))
        };
        let quiet = LogText::Quiet(
            b"2026-01-02 03:04:05.000 +0000 [1] INFO sh> begins, attempt 2, try 1\n\
              2026-01-02 03:04:06.500 +0000 [1] INFO ended: success\n"
                .to_vec(),
        );
        assert_eq!(told, [("+a", 1, &file(1, "+a")), ("+b", 2, &file(2, "+b")), ("+quiet", 2, &quiet)]);
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
