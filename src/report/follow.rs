//! Shows the logs of the tasks of one attempt as they grow, all in one stream: each line behind the name of its task.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::console::{Console, Style};
use super::tasklog;
use crate::session::{AttemptId, SessionId, TaskName, TaskState};
use crate::state::TaskRecord;

/// `2026-01-02 03:04:05.678 +0000`, which every line begins with.
const TIME: usize = 29;

/// So much of a log is read at once, in bytes.
const PIECE: u64 = 1 << 20;

/// Follows the logs of an attempt.
#[derive(Debug)]
pub struct Follower {
    directory: PathBuf,
    attempt: AttemptId,
    tasks: BTreeMap<TaskName, Followed>,
}

/// The log of one task.
#[derive(Debug)]
struct Followed {
    record: TaskRecord,
    file: Option<File>,
    /// What was shown before there was a file, in which it stands as well.
    begun: Vec<u8>,
    /// A line without its end yet.
    rest: Vec<u8>,
    /// There may be more of it now.
    has_more: bool,
    /// It was read to its end after the task had ended.
    is_read: bool,
}

impl Follower {
    /// Nothing is shown yet.
    pub fn new(state_folder: &Path, session: SessionId, attempt: AttemptId) -> Self {
        let directory = tasklog::attempt_directory(state_folder, session, attempt);
        Self { directory, attempt, tasks: BTreeMap::new() }
    }

    /// Takes in how the tasks stand now. Those of other attempts, and groups, have no log here.
    pub fn know(&mut self, records: Vec<TaskRecord>) {
        for record in records {
            if record.attempt != self.attempt || record.operator.is_none() {
                continue;
            }
            match self.tasks.get_mut(&record.name) {
                Some(known) => {
                    known.is_read &= known.record.state == record.state;
                    known.record = record;
                }
                None => {
                    self.tasks.insert(record.name.clone(), Followed::new(record));
                }
            }
        }
    }

    /// Shows what is new, line by line; of all logs together in the order of their times.
    pub fn show(&mut self, console: &Console) -> io::Result<()> {
        loop {
            for log in self.tasks.values_mut().filter(|log| !log.is_read) {
                log.read(&self.directory)?;
            }
            self.print(console, Followed::whole_lines);
            if !self.tasks.values().any(|log| log.has_more) {
                return Ok(());
            }
        }
    }

    /// Shows what is new when nothing more comes: lines without an end, too.
    pub fn finish(&mut self, console: &Console) -> io::Result<()> {
        self.show(console)?;
        self.print(console, |log| {
            let mut text = std::mem::take(&mut log.rest);
            text.extend((!text.is_empty()).then_some(b'\n'));
            text
        });
        Ok(())
    }

    /// Whether any task has a log.
    pub fn has_shown(&self) -> bool {
        self.tasks.values().any(|log| log.file.is_some() || !log.begun.is_empty())
    }

    fn print(&mut self, console: &Console, new: impl Fn(&mut Followed) -> Vec<u8>) {
        let texts: Vec<_> = self.tasks.iter_mut().map(|(name, log)| (name, new(log))).collect();
        let lines = texts.iter().flat_map(|(name, text)| {
            text.split_inclusive(|&byte| byte == b'\n').map(move |line| (*name, line))
        });
        let mut lines: Vec<(&TaskName, &[u8])> = lines.collect();
        // Stable: the lines of a task stay in their order.
        lines.sort_by_key(|(_, line)| line.get(..TIME));
        for (name, line) in lines {
            let mut shown = Style::Dim.paint(&format!("{name}:"), console.out_colors()).into_bytes();
            shown.push(b' ');
            shown.extend_from_slice(line);
            console.output(&shown);
        }
    }
}

impl Followed {
    fn new(record: TaskRecord) -> Self {
        let (begun, rest) = (Vec::new(), Vec::new());
        Self { record, file: None, begun, rest, has_more: false, is_read: false }
    }

    /// Reads on, at most a piece.
    fn read(&mut self, directory: &Path) -> io::Result<()> {
        let is_first = self.file.is_none();
        if is_first {
            self.file = match File::open(directory.join(tasklog::file_name(&self.record.name))) {
                Ok(file) => Some(file),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
        }
        let mut text = Vec::new();
        match &mut self.file {
            Some(file) => {
                self.has_more = file.take(PIECE).read_to_end(&mut text)? as u64 == PIECE;
                let is_shown = is_first && text.starts_with(&self.begun);
                self.rest.extend_from_slice(if is_shown { &text[self.begun.len()..] } else { &text });
            }
            None => {
                // A task that has said nothing yet, or never will.
                let known = tasklog::quiet(&self.record).or_else(|| tasklog::begins(&self.record));
                let known = known.unwrap_or_default();
                self.rest = known.strip_prefix(self.begun.as_slice()).unwrap_or_default().to_vec();
                self.begun = known;
            }
        }
        let is_over = self.record.state.is_done() || self.record.state == TaskState::Planned;
        self.is_read = is_over && !self.has_more;
        Ok(())
    }

    /// The whole lines that were read and not shown.
    fn whole_lines(&mut self) -> Vec<u8> {
        let end = self.rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.rest.drain(..end).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::console::Results;
    use super::super::console::tests::console;
    use super::*;

    fn record(name: &str, state: TaskState) -> TaskRecord {
        let is_over = state == TaskState::Success;
        TaskRecord {
            attempt: AttemptId(2),
            name: TaskName::from_full(name),
            operator: Some("sh".to_owned()),
            state,
            round: 1,
            started_at: Some("2026-01-02T03:04:05Z".parse().expect("a time")),
            finished_at: is_over.then(|| "2026-01-02T03:04:09Z".parse().expect("a time")),
            result: None,
            failure: None,
        }
    }

    fn line(second: u8, text: &str) -> String {
        format!("2026-01-02 03:04:{second:02}.000 +0000 [1] {text}\n")
    }

    #[test]
    fn lines_of_all_tasks_come_once_in_their_order_behind_their_names() {
        let folder = tempfile::tempdir().expect("a directory");
        let directory = tasklog::attempt_directory(folder.path(), SessionId(7), AttemptId(2));
        fs::create_dir_all(&directory).expect("made");
        let write = |task: &str, text: &str| {
            let name = tasklog::file_name(&TaskName::from_full(task));
            fs::write(directory.join(name), text).expect("written");
        };
        let (console, out, _) = console(Results::Human);
        let mut follower = Follower::new(folder.path(), SessionId(7), AttemptId(2));
        assert!(!follower.has_shown());
        let earlier = TaskRecord { attempt: AttemptId(1), ..record("+earlier", TaskState::Success) };
        follower.know(vec![record("+a", TaskState::Running), record("+b", TaskState::Running), earlier]);
        follower.show(&console).expect("it goes well");
        let begins = line(5, "INFO sh> begins, attempt 2, try 1");
        let mut expected = format!("+a: {begins}+b: {begins}");
        assert_eq!(out.text(), expected, "before any file is there");

        write("+a", &format!("{begins}{}{}", line(6, "one"), line(8, "two")));
        write("+b", &format!("{begins}{}2026-01-02 03:04:08.5", line(7, "between")));
        follower.show(&console).expect("it goes well");
        expected += &format!("+a: {}+b: {}+a: {}", line(6, "one"), line(7, "between"), line(8, "two"));
        assert_eq!(out.text(), expected);

        // One that begins later says nothing; what has ended is read once more, and again when it begins again.
        follower.know(vec![record("+a", TaskState::Success), record("+quiet", TaskState::Success)]);
        follower.show(&console).expect("it goes well");
        expected += &format!("+quiet: {begins}+quiet: {}", line(9, "INFO ended: success"));
        assert_eq!(out.text(), expected);
        let all = format!("{begins}{}{}{}", line(6, "one"), line(8, "two"), line(10, "again"));
        write("+a", &all);
        follower.show(&console).expect("it goes well");
        assert_eq!(out.text(), expected, "it has ended");
        follower.know(vec![record("+a", TaskState::Running)]);
        follower.show(&console).expect("it goes well");
        expected += &format!("+a: {}", line(10, "again"));
        assert_eq!(out.text(), expected);
        follower.finish(&console).expect("it goes well");
        expected += "+b: 2026-01-02 03:04:08.5\n";
        assert_eq!(out.text(), expected);
        assert!(follower.has_shown());
    }

    #[test]
    fn a_long_log_is_read_in_pieces_and_nothing_is_lost() {
        let folder = tempfile::tempdir().expect("a directory");
        let directory = tasklog::attempt_directory(folder.path(), SessionId(7), AttemptId(2));
        fs::create_dir_all(&directory).expect("made");
        let text = line(6, &"x".repeat(100)).repeat(30_000);
        assert!(text.len() as u64 > 3 * PIECE);
        fs::write(directory.join("+a.log"), &text).expect("written");
        let (console, out, _) = console(Results::Human);
        let mut follower = Follower::new(folder.path(), SessionId(7), AttemptId(2));
        follower.know(vec![record("+a", TaskState::Success)]);
        follower.show(&console).expect("it goes well");
        assert_eq!(out.text().replace("+a: ", ""), text);
    }
}
