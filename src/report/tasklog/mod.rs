//! The logs of tasks: a file for each task of an attempt, and a copy in S3 when the properties name a log server.
//!
//! Every line has its time (UTC) and the number of the try it belongs to. Text is scrubbed before it is written. A
//! task that began, said nothing and ended well has no file, unless it is to be sent: ten thousand of them a night would
//! fill the disk with what the state says as well ([`quiet`]). A log that cannot be written or sent fails no task; what
//! is wrong is said once, in the summary.

mod name;
mod prune;
mod report;
mod s3;
mod tail;
mod upload;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use name::{AttemptIdentity, ReportForm, attempt_directory, file_name};
pub use prune::{remove_set_aside, session_size, set_aside};
pub use report::{ReportPlace, remove_parts, write_report};
pub use s3::S3LogStore;
pub use tail::tail;
pub use upload::{KeptLog, LogStore, ObjectKind, S3LogSettings, UploadSummary};

use crate::run::event::{EventKind, RunEvent, TaskFailure};
use crate::secret::scrub::Scrubber;
use crate::session::{AttemptId, Level, SessionId, TaskName, TaskState};
use crate::state::TaskRecord;
use upload::{Note, Uploader};

/// A line without an end is cut here, so that a program that prints none cannot fill the memory.
const LONGEST_LINE: usize = 64 * 1024;

/// Where the logs of an attempt go.
pub struct TaskLogSetup {
    /// The folder of the state; logs lie in `logs/` in it.
    pub state_folder: PathBuf,
    /// The session of the attempt.
    pub session: SessionId,
    /// The attempt, which has a directory of its own: [`attempt_directory`].
    pub attempt: AttemptId,
    /// The last scrubber before the disk.
    pub scrubber: Scrubber,
    /// S3, when there is a log server.
    pub server: Option<LogServer>,
}

/// S3, and what the objects are called.
pub struct LogServer {
    /// What keys begin with.
    pub path: String,
    /// Who the attempt is.
    pub identity: AttemptIdentity,
    /// Takes the objects.
    pub store: Arc<dyn LogStore>,
}

/// What became of the logs of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskLogSummary {
    /// The copies in S3.
    pub upload: UploadSummary,
    /// The first thing that went wrong on disk.
    pub disk: Option<String>,
}

impl TaskLogSummary {
    /// Adds what became of the logs of another attempt.
    pub fn add(&mut self, other: Self) {
        self.upload.sent_count += other.upload.sent_count;
        self.upload.kept.extend(other.upload.kept);
        self.disk = self.disk.take().or(other.disk);
    }
}

/// The logs of the tasks of one attempt.
pub struct TaskLogs {
    setup: TaskLogSetup,
    directory: PathBuf,
    uploader: Option<Uploader>,
    open: Mutex<HashMap<TaskName, OpenLog>>,
    disk: Mutex<Option<String>>,
}

struct OpenLog {
    path: PathBuf,
    /// Once there is something to say.
    file: Option<File>,
    /// What is not in the file yet: that the task began.
    held: Vec<u8>,
    /// That it has to be sent, when there is a log server.
    note: Option<Note>,
    round: u32,
    /// Output without its line's end yet.
    line: Vec<u8>,
}

impl TaskLogs {
    /// Makes the attempt's directory, and begins to send what earlier runs could not.
    pub fn new(setup: TaskLogSetup) -> io::Result<Self> {
        let directory = attempt_directory(&setup.state_folder, setup.session, setup.attempt);
        fs::create_dir_all(&directory)?;
        let uploader = match &setup.server {
            Some(server) => Some(Uploader::start(&server.store)?),
            None => None,
        };
        if let Some(uploader) = &uploader {
            for note in upload::left_behind(&setup.state_folder.join(name::FOLDER)) {
                uploader.send(note);
            }
        }
        Ok(Self { setup, directory, uploader, open: Mutex::default(), disk: Mutex::default() })
    }

    /// Writes down what an event says about a task.
    pub fn show(&self, event: &RunEvent) {
        if let Some(task) = task_of(&event.kind)
            && let Err(error) = self.write(task, event)
        {
            let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
            disk.get_or_insert_with(|| format!("the log of `{task}` could not be written: {error}"));
        }
    }

    /// Writes the report of the attempt in one of its forms beside its logs and hands it to the log server. As with logs,
    /// what goes wrong fails nothing and is said in the summary.
    pub fn report(&self, form: ReportForm, text: &str) {
        let place = ReportPlace {
            state_folder: &self.setup.state_folder,
            session: self.setup.session,
            attempt: self.setup.attempt,
        };
        let key = self.setup.server.as_ref().map(|server| server.identity.report_key(&server.path, form));
        match report::write(&place, form, text, key) {
            Ok(note) => {
                if let (Some(uploader), Some(note)) = (&self.uploader, note) {
                    uploader.send(note);
                }
            }
            Err(error) => self.report_lost(&error.to_string()),
        }
    }

    /// Notes that there is no report of the attempt, for the summary.
    pub fn report_lost(&self, reason: &str) {
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        disk.get_or_insert_with(|| format!("the report of the attempt could not be written: {reason}"));
    }

    /// Closes what is open and waits until all logs are sent or kept.
    pub fn finish(mut self) -> TaskLogSummary {
        let open: Vec<TaskName> =
            self.open.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for task in open {
            if let Err(error) = self.close(&task, Timestamp::now()) {
                self.disk.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.to_string());
            }
        }
        let upload = self.uploader.take().map(Uploader::finish).unwrap_or_default();
        let disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner).take();
        TaskLogSummary { upload, disk }
    }

    fn write(&self, task: &TaskName, event: &RunEvent) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.contains_key(task) {
            let is_end = matches!(
                event.kind,
                EventKind::TaskFinished { failure: None, .. } | EventKind::TaskPlanned { .. }
            );
            if is_end {
                // A group, or a task whose log was closed when its operator was done: there is nothing to add.
                return Ok(());
            }
            open.insert(task.clone(), self.begin(task, event.at)?);
        }
        let Some(log) = open.get_mut(task) else { return Ok(()) };
        if let EventKind::TaskStarted { round, .. } = &event.kind {
            log.round = *round;
        }
        if let EventKind::Output { bytes, .. } = &event.kind {
            return log.output(event.at, bytes, &self.setup.scrubber);
        }
        let mut text = Vec::new();
        log.end_line(event.at, &mut text, &self.setup.scrubber);
        for (level, line) in words(&event.kind, self.setup.attempt) {
            let line = self.setup.scrubber.scrub_text(&line);
            for line in line.lines() {
                push_line(&mut text, event.at, log.round, level, line.as_bytes());
            }
        }
        match &event.kind {
            EventKind::TaskStarted { .. } => log.hold(&text)?,
            EventKind::TaskFinished { state: TaskState::Success, .. } | EventKind::TaskPlanned { .. }
                if log.file.is_none() =>
            {
                open.remove(task);
                return Ok(());
            }
            _ => log.write(&text)?,
        }
        if matches!(event.kind, EventKind::TaskFinished { .. } | EventKind::TaskPlanned { .. }) {
            drop(open);
            self.close(task, event.at)?;
        }
        Ok(())
    }

    fn begin(&self, task: &TaskName, at: Timestamp) -> io::Result<OpenLog> {
        let path = self.directory.join(file_name(task));
        let mut log = OpenLog { path, file: None, held: Vec::new(), note: None, round: 1, line: Vec::new() };
        if let Some(server) = &self.setup.server {
            // Held while the log is written, so that another start does not take it for one left behind.
            log.file()?.lock()?;
            let key = server.identity.key(&server.path, task, at);
            log.note = Some(Note::write(&self.setup.state_folder.join(name::FOLDER), &log.path, key)?);
        }
        Ok(log)
    }

    fn close(&self, task: &TaskName, at: Timestamp) -> io::Result<()> {
        let closed = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(task);
        let Some(mut log) = closed else { return Ok(()) };
        let mut rest = Vec::new();
        log.end_line(at, &mut rest, &self.setup.scrubber);
        let written = log.write(&rest);
        drop(log.file);
        if let (Some(uploader), Some(note)) = (&self.uploader, log.note) {
            uploader.send(note);
        }
        written
    }
}

impl OpenLog {
    fn file(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            self.file = Some(OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?);
        }
        // It was opened above.
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Keeps text until there is more to say, where there is no file yet.
    fn hold(&mut self, text: &[u8]) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(text),
            None => {
                self.held.extend_from_slice(text);
                Ok(())
            }
        }
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(text);
        self.file()?.write_all(&all)
    }

    fn output(&mut self, at: Timestamp, bytes: &[u8], scrubber: &Scrubber) -> io::Result<()> {
        let mut text = Vec::with_capacity(bytes.len() + 64);
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() >= LONGEST_LINE {
                self.end_line(at, &mut text, scrubber);
            }
        }
        // A line that has no end yet is not said yet.
        if text.is_empty() { Ok(()) } else { self.write(&text) }
    }

    fn end_line(&mut self, at: Timestamp, text: &mut Vec<u8>, scrubber: &Scrubber) {
        if self.line.is_empty() {
            return;
        }
        let line = scrubber.scrub_bytes(&self.line);
        self.line.clear();
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        push_line(text, at, self.round, None, line.strip_suffix(b"\r").unwrap_or(line));
    }
}

/// `2026-01-02 03:04:05.678 +0000 [2] ERROR text`, the try between the brackets.
fn push_line(text: &mut Vec<u8>, at: Timestamp, round: u32, level: Option<Level>, line: &[u8]) {
    let time = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S.%3f +0000");
    let word = match level {
        None => "",
        Some(Level::Debug) => "DEBUG ",
        Some(Level::Info) => "INFO ",
        Some(Level::Warn) => "WARN ",
        Some(Level::Error) => "ERROR ",
    };
    text.extend_from_slice(format!("{time} [{round}] {word}").as_bytes());
    text.extend_from_slice(line);
    text.push(b'\n');
}

/// The task whose log an event belongs in.
fn task_of(kind: &EventKind) -> Option<&TaskName> {
    match kind {
        EventKind::TaskStarted { task, .. }
        | EventKind::TaskRetrying { task, .. }
        | EventKind::TaskPlanned { task, .. }
        | EventKind::TaskFinished { task, .. }
        | EventKind::TransferStarted { task, .. }
        | EventKind::EffectSettled { task, .. }
        | EventKind::TransferFinished { task, .. }
        | EventKind::TransferFailed { task, .. }
        | EventKind::Output { task, .. }
        | EventKind::Log { task: Some(task), .. } => Some(task),
        _ => None,
    }
}

/// What the log says of an event.
fn words(kind: &EventKind, attempt: AttemptId) -> Vec<(Option<Level>, String)> {
    let info = |text: String| vec![(Some(Level::Info), text)];
    match kind {
        EventKind::TaskStarted { operator, round, .. } => {
            info(format!("{operator}> begins, attempt {attempt}, try {round}"))
        }
        EventKind::TaskRetrying { delay, failure, .. } => {
            let mut lines = failure_words(failure);
            lines.push((Some(Level::Warn), format!("next try in {} s", delay.as_secs_f64())));
            lines
        }
        EventKind::TaskPlanned { .. } => info("the tasks below it follow".into()),
        EventKind::TaskFinished { state, failure, .. } => {
            let mut lines = failure.as_ref().map(failure_words).unwrap_or_default();
            lines.extend(info(format!("ended: {}", state.word())));
            lines
        }
        EventKind::TransferStarted { source, target, .. } => info(format!("copies {source} to {target}")),
        EventKind::TransferFinished { report, .. } => {
            let mut lines = info(format!(
                "copied {} to {}: {} rows read, {} sent, {} bytes, {:.1} s",
                report.source,
                report.target,
                report.rows_read,
                report.rows_sent,
                report.bytes,
                report.seconds
            ));
            lines.extend(report.notes.iter().map(|note| (Some(Level::Info), note.clone())));
            lines
        }
        EventKind::TransferFailed { failure, .. } => failure_words(failure),
        EventKind::Log { level, text, .. } => vec![(Some(*level), text.clone())],
        _ => Vec::new(),
    }
}

fn failure_words(failure: &TaskFailure) -> Vec<(Option<Level>, String)> {
    let causes = failure.causes.iter().map(|cause| format!("  cause: {cause}"));
    let hint = failure.hint.iter().map(|hint| format!("  hint: {hint}"));
    let lines = std::iter::once(failure.message.clone()).chain(causes).chain(hint);
    lines.map(|line| (Some(Level::Error), line)).collect()
}

/// What the log of a task that works and has said nothing yet would hold. None for other tasks, and for groups.
pub fn begins(task: &TaskRecord) -> Option<Vec<u8>> {
    let has_begun = matches!(task.state, TaskState::Running | TaskState::Planned);
    let operator = task.operator.clone().filter(|_| has_begun)?;
    let start = EventKind::TaskStarted { task: task.name.clone(), operator, round: task.round };
    let mut text = Vec::new();
    for (level, line) in words(&start, task.attempt) {
        push_line(&mut text, task.started_at?, task.round, level, line.as_bytes());
    }
    Some(text)
}

/// What the log of a task that said nothing and ended well would hold. None for other tasks, and for groups.
pub fn quiet(task: &TaskRecord) -> Option<Vec<u8>> {
    let (started, finished) = (task.started_at?, task.finished_at?);
    let start = EventKind::TaskStarted {
        task: task.name.clone(),
        operator: task.operator.clone().filter(|_| task.state == TaskState::Success)?,
        round: task.round,
    };
    let end =
        EventKind::TaskFinished { task: task.name.clone(), state: task.state, result: None, failure: None };
    let mut text = Vec::new();
    for (at, kind) in [(started, start), (finished, end)] {
        for (level, line) in words(&kind, task.attempt) {
            push_line(&mut text, at, task.round, level, line.as_bytes());
        }
    }
    Some(text)
}

/// The log of a task on disk, if it has one.
pub fn find(directory: &Path, task: &TaskName) -> Option<PathBuf> {
    Some(directory.join(file_name(task))).filter(|path| path.is_file())
}

#[cfg(test)]
mod tests;
