//! The way of finished logs to S3, beside the run. What cannot be sent stays on disk with a note that a later start
//! finds, and never fails a task.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::name::ReportForm;
use crate::secret::Secret;

/// Small logs wait for the network most of the time, so a few go at once.
const WORKERS: usize = 4;

/// After this many failures in a row nothing more is tried in this run: the bucket is not there today.
const PATIENCE: u32 = 4;

/// The folder of the notes, beside those of the sessions: a start finds what is left without looking at every log.
const PENDING: &str = "pending";

/// Where task logs go besides the disk: Digdag's `log-server.s3.*`.
#[derive(Debug, Clone)]
pub struct S3LogSettings {
    /// The bucket.
    pub bucket: String,
    /// What keys begin with.
    pub path: String,
    /// A server other than AWS's.
    pub endpoint: Option<String>,
    /// The bucket in the path and not in the host name.
    pub path_style: Option<bool>,
    /// Access key id and secret access key; else as the AWS SDK finds them.
    pub credentials: Option<(Secret, Secret)>,
}

/// Takes objects. Implemented over S3 by the caller.
pub trait LogStore: Send + Sync {
    /// Stores an object, or says in one line why not.
    fn put(&self, key: &str, kind: ObjectKind, body: Vec<u8>) -> Result<(), String>;
}

/// What an object of the log server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// The log of a task, gzipped.
    Log,
    /// The report of an attempt, as it is on disk.
    Report(ReportForm),
}

impl ObjectKind {
    /// Read off the key: logs end in `.gz`.
    fn of(key: &str) -> Self {
        match key {
            key if key.ends_with(".gz") => Self::Log,
            key if key.ends_with(".html") => Self::Report(ReportForm::Html),
            _ => Self::Report(ReportForm::Json),
        }
    }

    /// The type in the object's head.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Log => "application/gzip",
            Self::Report(ReportForm::Json) => "application/json",
            Self::Report(ReportForm::Html) => "text/html; charset=utf-8",
        }
    }
}

/// A log that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLog {
    /// Where it lies.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl KeptLog {
    /// Whether it is the report of an attempt, in one of its forms.
    pub fn is_report(&self) -> bool {
        let name = self.path.file_name();
        ReportForm::ALL.into_iter().any(|form| name.is_some_and(|name| name == form.file_name()))
    }
}

/// What became of the logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadSummary {
    /// How many were sent.
    pub sent_count: usize,
    /// Those that stay on disk until a later start.
    pub kept: Vec<KeptLog>,
}

/// Sends logs on threads of its own.
pub(super) struct Uploader {
    jobs: Sender<Note>,
    workers: Vec<JoinHandle<()>>,
    summary: Arc<Mutex<UploadSummary>>,
}

impl Uploader {
    /// Starts the threads.
    pub(super) fn start(store: &Arc<dyn LogStore>) -> io::Result<Self> {
        let (jobs, queue) = unbounded();
        let summary = Arc::new(Mutex::new(UploadSummary::default()));
        let failures = Arc::new(AtomicU32::new(0));
        let mut workers = Vec::with_capacity(WORKERS);
        for _ in 0..WORKERS {
            let worker = Worker {
                queue: queue.clone(),
                store: Arc::clone(store),
                failures: Arc::clone(&failures),
                summary: Arc::clone(&summary),
            };
            workers.push(std::thread::Builder::new().name("logs".into()).spawn(move || worker.run())?);
        }
        Ok(Self { jobs, workers, summary })
    }

    /// Sends a log whose note is written. Never waits.
    pub(super) fn send(&self, note: Note) {
        // The workers hold the other end until this one is dropped.
        let _ = self.jobs.send(note);
    }

    /// Waits until all are sent or kept.
    pub(super) fn finish(self) -> UploadSummary {
        drop(self.jobs);
        for worker in self.workers {
            // A worker that panicked leaves its notes, so its logs are sent later.
            let _ = worker.join();
        }
        let mut summary = std::mem::take(&mut *self.summary.lock().unwrap_or_else(PoisonError::into_inner));
        summary.kept.sort_by(|left, right| left.path.cmp(&right.path));
        summary
    }
}

struct Worker {
    queue: Receiver<Note>,
    store: Arc<dyn LogStore>,
    failures: Arc<AtomicU32>,
    summary: Arc<Mutex<UploadSummary>>,
}

impl Worker {
    fn run(&self) {
        for note in &self.queue {
            let result = if self.failures.load(Ordering::Relaxed) >= PATIENCE {
                Err("not tried after the failures before it".to_owned())
            } else {
                note.send(self.store.as_ref())
            };
            let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(()) => {
                    self.failures.store(0, Ordering::Relaxed);
                    summary.sent_count += 1;
                }
                Err(reason) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    summary.kept.push(KeptLog { path: note.log, reason });
                }
            }
        }
    }
}

/// That a log has to be sent: a file that lives from before the log's first line until the log is in the bucket. Its
/// first line is the key, its second the log, relative to the folder of all logs. A report has one from when it is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    path: PathBuf,
    /// The log.
    pub(super) log: PathBuf,
    key: String,
}

/// For its owner alone.
fn fill(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

impl Note {
    /// Writes the note of a log that is about to begin, below the folder of all logs.
    pub(super) fn write(logs: &Path, log: &Path, key: String) -> io::Result<Self> {
        let relative = log.strip_prefix(logs).unwrap_or(log).to_string_lossy();
        let hash = Sha256::digest(relative.as_bytes());
        let name: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let folder = logs.join(PENDING);
        let path = folder.join(name);
        let text = format!("{key}\n{relative}\n");
        match fill(&path, &text) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&folder)?;
                fill(&path, &text)?;
            }
            written => written?,
        }
        Ok(Self { path, log: log.to_owned(), key })
    }

    /// Reads a note; none when it is not whole.
    fn read(logs: &Path, path: PathBuf) -> Option<Self> {
        let text = fs::read_to_string(&path).ok()?;
        let (key, log) = text.strip_suffix('\n')?.split_once('\n')?;
        Some(Self { path, log: logs.join(log), key: key.to_owned() })
    }

    /// Sends the log and removes the note.
    fn send(&self, store: &dyn LogStore) -> Result<(), String> {
        let kind = ObjectKind::of(&self.key);
        let body = match kind {
            ObjectKind::Log => compressed(&self.log),
            ObjectKind::Report(_) => fs::read(&self.log),
        };
        store.put(&self.key, kind, body.map_err(|error| format!("it cannot be read: {error}"))?)?;
        match fs::remove_file(&self.path) {
            // Another start that found the note as well sent the same log under the same key.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("it was sent, but its note cannot be removed: {error}"))
            }
            _ => Ok(()),
        }
    }
}

fn compressed(log: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return encoder.finish(),
            count => encoder.write_all(&buffer[..count])?,
        }
    }
}

/// Logs that an earlier process could not send, or died before it could. A log that a living process still writes is
/// locked and left alone; the note of one that is gone is removed.
pub(super) fn left_behind(logs: &Path) -> Vec<Note> {
    let notes = fs::read_dir(logs.join(PENDING)).into_iter().flatten().flatten();
    let mut found: Vec<Note> = notes
        .filter_map(|entry| Note::read(logs, entry.path()))
        .filter(|note| match File::open(&note.log) {
            Ok(file) => file.try_lock_shared().is_ok(),
            Err(error) => {
                if error.kind() == io::ErrorKind::NotFound {
                    // A note that cannot be removed is met again by the next start.
                    let _ = fs::remove_file(&note.path);
                }
                false
            }
        })
        .collect();
    found.sort_by(|left, right| left.log.cmp(&right.log));
    found
}
