//! The way of finished logs to S3, beside the run. What cannot be sent stays on disk with a note that a later start
//! finds, and never fails a task.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, unbounded};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::secret::Secret;

/// Small logs wait for the network most of the time, so a few go at once.
const WORKERS: usize = 4;

/// After this many failures in a row nothing more is tried in this run: the bucket is not there today.
const PATIENCE: u32 = 4;

/// Added to a log's name: the note that it has to be sent, with its key inside.
pub(super) const NOTE: &str = "upload";

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
    fn put(&self, key: &str, body: Vec<u8>) -> Result<(), String>;
}

/// A log that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLog {
    /// Where it lies.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
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
    jobs: Sender<PathBuf>,
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
    pub(super) fn send(&self, log: PathBuf) {
        // The workers hold the other end until this one is dropped.
        let _ = self.jobs.send(log);
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
    queue: Receiver<PathBuf>,
    store: Arc<dyn LogStore>,
    failures: Arc<AtomicU32>,
    summary: Arc<Mutex<UploadSummary>>,
}

impl Worker {
    fn run(&self) {
        for log in &self.queue {
            let result = if self.failures.load(Ordering::Relaxed) >= PATIENCE {
                Err("not tried after the failures before it".to_owned())
            } else {
                send(&log, self.store.as_ref())
            };
            let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(()) => {
                    self.failures.store(0, Ordering::Relaxed);
                    summary.sent_count += 1;
                }
                Err(reason) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    summary.kept.push(KeptLog { path: log, reason });
                }
            }
        }
    }
}

/// Sends one log under the key of its note and removes the note.
fn send(log: &Path, store: &dyn LogStore) -> Result<(), String> {
    let note = note_path(log);
    let key = fs::read_to_string(&note).map_err(|error| format!("its note cannot be read: {error}"))?;
    let body = compressed(log).map_err(|error| format!("it cannot be read: {error}"))?;
    store.put(key.trim(), body)?;
    fs::remove_file(&note).map_err(|error| format!("it was sent, but its note cannot be removed: {error}"))
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

pub(super) fn note_path(log: &Path) -> PathBuf {
    let mut path = log.as_os_str().to_owned();
    path.push(".");
    path.push(NOTE);
    path.into()
}

/// Logs below `logs` that an earlier process could not send, or died before it could. A log that a living process
/// still writes is locked and left alone.
pub(super) fn left_behind(logs: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for attempt in directories(logs).iter().flat_map(|session| directories(session)) {
        for entry in fs::read_dir(attempt).into_iter().flatten().flatten() {
            let note = entry.path();
            if note.extension().is_some_and(|extension| extension == NOTE) {
                let log = note.with_extension("");
                let is_free = File::open(&log).is_ok_and(|file| file.try_lock_shared().is_ok());
                if is_free {
                    found.push(log);
                }
            }
        }
    }
    found.sort();
    found
}

fn directories(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
