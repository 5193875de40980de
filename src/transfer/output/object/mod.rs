//! `type: s3` and `type: gcs`: objects that are whole or not there.
//!
//! Rows are formatted, encoded and sent in parts while they come; a store makes an object visible in one step, which
//! is left for `commit`. A reader sees the old object or the new one, and a failed run leaves the old one.
//!
//! * [`names`]: keys, and how messages show them.
//! * [`s3`] and [`gcs`]: the two stores, with what a killed run may have left in them.
//! * [`wait`]: how a call is waited for.

mod gcs;
pub(super) mod names;
pub(super) mod s3;
pub(super) mod wait;

use std::sync::Arc;

pub(in crate::transfer) use self::s3::credentials;

use self::names::{Key, Names};
use super::encoded::Encoded;
use super::formatter::{self, Formatted};
use super::look::Looked;
use super::shelf::Shelf;
use super::stale::{self, Pattern};
use super::{Output, OutputFigures};
use crate::cloud::object_name::{self, ObjectStoreKind};
use crate::embulk::output::{FileOutput, GcsOutput, OutputConfig, S3Output, StaleObjects};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::encode::charset::Transcoder;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::Page;
use crate::transfer::schema::Schema;

/// What to do about credentials that were good for a time.
pub(in crate::transfer) const EXPIRED_TOKEN: &str =
    "the session token has expired: get a new one, then retry";

/// A store of objects, as the target of one transfer needs it.
trait ObjectStore {
    /// Begins an object, of which nothing is visible before it is published.
    fn open(&self, key: &Key) -> Box<dyn ObjectUpload>;

    /// The keys of the bucket that begin with the prefix and are wanted.
    fn keys(&self, wanted: &(dyn Fn(&str) -> bool + Sync)) -> Result<Vec<String>, TransferError>;

    /// Removes an object.
    fn delete(&self, key: &Key) -> Result<(), TransferError>;

    /// Removes what earlier attempts of the transfer left unfinished.
    fn recover(&self) -> Result<(), TransferError>;
}

/// An object under way.
trait ObjectUpload {
    /// Takes bytes; waits while enough of them are under way.
    fn write(&mut self, bytes: &[u8]) -> Result<(), TransferError>;

    /// Ends the object: its bytes are with the store when this returns, but for those that are kept.
    fn seal(&mut self, rest: Rest) -> Result<(), TransferError>;

    /// Makes the object visible.
    fn publish(&mut self) -> Result<(), TransferError>;

    /// Removes what was sent, unless the object is visible.
    fn cancel(&mut self);
}

/// What becomes of bytes that fill no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// They are sent: other objects follow, and memory must not grow with their number.
    Sent,
    /// They may wait for the call that publishes.
    Kept,
}

/// The objects of one transfer.
pub struct ObjectTarget {
    store: Box<dyn ObjectStore>,
    names: Names,
    files: FileOutput,
    /// `S3` or `GCS`, for the log.
    kind: &'static str,
    target: String,
    memory_bytes: usize,
    context: TransferContext,
    schema: Option<Arc<Schema>>,
    transcoder: Option<Arc<Transcoder>>,
    /// Pages are dealt to them in turn.
    tasks: Vec<Task>,
    next: usize,
    /// Objects begun, in order.
    begun: Vec<(Key, Box<dyn ObjectUpload>)>,
    rows: u64,
    bytes: u64,
    packed: Vec<u8>,
}

/// One of the outputs that rows are dealt to: it writes objects one after the other.
#[derive(Default)]
struct Task {
    writing: Option<Writing>,
    /// Objects begun.
    files: usize,
}

/// An object under way.
struct Writing {
    formatted: Formatted<Encoded<Shelf>>,
    shelf: Shelf,
    /// Its place among the objects begun.
    at: usize,
    bytes: u64,
}

impl ObjectTarget {
    /// Objects in S3. Nothing is called yet.
    pub fn s3(config: &S3Output, tasks: usize, context: &TransferContext) -> Self {
        let names = Names::new("s3", &config.bucket, &config.files.path_prefix);
        let store = Box::new(s3::S3Store::new(config, &names, context));
        let target = OutputConfig::S3(Box::new(config.clone())).to_string();
        Self::new("S3", target, store, names, (&config.files, tasks), s3::MEMORY_BYTES, context)
    }

    /// Objects in Cloud Storage. Checks the key; nothing is called yet.
    pub fn gcs(config: &GcsOutput, tasks: usize, context: &TransferContext) -> Result<Self, TransferError> {
        let names = Names::new("gs", &config.bucket, &gcs::clean_prefix(&config.files.path_prefix));
        let store = Box::new(gcs::GcsStore::new(config, &names, context)?);
        let target = OutputConfig::Gcs(Box::new(config.clone())).to_string();
        let files = &config.files;
        let mut output = Self::new("GCS", target, store, names, (files, tasks), gcs::MEMORY_BYTES, context);
        if files.max_file_bytes.is_some() {
            output.memory_bytes += gcs::ENDS_BYTES;
        }
        Ok(output)
    }

    /// What data put into a prefix may make a name that no store takes.
    fn check_names(&self) -> Result<(), TransferError> {
        let kind = if self.kind == "GCS" { ObjectStoreKind::CloudStorage } else { ObjectStoreKind::S3 };
        let first = self.names.key(&self.files, 0, 0);
        object_name::check(&first.real, kind).map_err(|reason| {
            TransferError::new(ErrorKind::Config, format!("the name of an object of `path_prefix` {reason}"))
                .hint("look at what stands in `path_prefix`")
        })
    }

    fn new(
        kind: &'static str,
        target: String,
        store: Box<dyn ObjectStore>,
        names: Names,
        (files, tasks): (&FileOutput, usize),
        store_memory_bytes: usize,
        context: &TransferContext,
    ) -> Self {
        Self {
            store,
            names,
            files: files.clone(),
            kind,
            target,
            memory_bytes: (formatter::memory_bytes(files) + store_memory_bytes) * tasks,
            context: context.clone(),
            schema: None,
            transcoder: formatter::transcoder(files),
            tasks: (0..tasks).map(|_| Task::default()).collect(),
            next: 0,
            begun: Vec::new(),
            rows: 0,
            bytes: 0,
            packed: Vec::new(),
        }
    }

    fn log(&self, text: &str) {
        self.context.observer.log(Level::Info, text);
    }

    fn open_next(&mut self, task: usize) -> Result<(), TransferError> {
        let key = self.names.key(&self.files, task, self.tasks[task].files);
        self.log(&format!("Writing {} file '{}'", self.kind, key.shown));
        let shelf = Shelf::default();
        let sink = formatter::encoded(&self.files, shelf.clone())?;
        let schema = self.schema.as_ref().ok_or_else(not_begun)?;
        let formatted = formatter::open(&self.files, schema, self.transcoder.as_ref(), sink)?;
        let upload = self.store.open(&key);
        let (at, task) = (self.begun.len(), &mut self.tasks[task]);
        task.files += 1;
        task.writing = Some(Writing { formatted, shelf, at, bytes: 0 });
        self.begun.push((key, upload));
        Ok(())
    }

    /// Hands what lies on the shelf to the upload, and says how many bytes it was.
    fn send(&mut self, shelf: &Shelf, at: usize) -> Result<u64, TransferError> {
        shelf.empty_into(&mut self.packed);
        self.begun[at].1.write(&self.packed)?;
        let sent = self.packed.len() as u64;
        self.bytes += sent;
        self.packed.clear();
        Ok(sent)
    }

    fn end_object(&mut self, task: usize, rest: Rest) -> Result<(), TransferError> {
        let Writing { formatted, shelf, at, .. } = self.tasks[task].writing.take().ok_or_else(not_begun)?;
        let encoded = formatted.finish()?;
        encoded.finish().map_err(|error| {
            TransferError::new(ErrorKind::Internal, "rows could not be encoded").caused_by(&error)
        })?;
        self.send(&shelf, at)?;
        self.begun[at].1.seal(rest)
    }

    /// Whether the object under way has as many bytes as it may have.
    fn is_full(&self, task: usize) -> bool {
        let bytes = self.tasks[task].writing.as_ref().map_or(0, |writing| writing.bytes);
        self.files.max_file_bytes.is_some_and(|most| bytes >= most.get())
    }

    /// Objects of the pattern that are not among those that this run writes.
    fn stale(&self, own: &[Key]) -> Result<Vec<Key>, TransferError> {
        let pattern = Pattern::of_keys(self.names.prefix(), &self.files);
        let wanted = |key: &str| pattern.matches(key) && !own.iter().any(|own| own.real == key);
        Ok(self.store.keys(&wanted)?.into_iter().map(|key| self.names.listed(key)).collect())
    }

    /// The first object of each task.
    fn first_keys(&self) -> Vec<Key> {
        (0..self.tasks.len()).map(|task| self.names.key(&self.files, task, 0)).collect()
    }

    fn refuse_stale(&self, stale: &[Key]) -> Result<(), TransferError> {
        if stale.is_empty() || self.files.stale != StaleObjects::Refuse {
            return Ok(());
        }
        let shown: Vec<String> = stale.iter().map(|key| self.names.address(key)).collect();
        Err(stale::refusal("objects", &shown))
    }

    /// Whether the bucket can be listed, and what lies there already.
    pub(super) fn look(&self) -> Result<Looked, TransferError> {
        let mut looked = Looked::default();
        // Who keeps stale objects needs no permission to list.
        if self.files.stale != StaleObjects::Keep {
            let stale = self.stale(&self.first_keys())?;
            if self.files.max_file_bytes.is_none() {
                looked.check(self.refuse_stale(&stale));
            }
        }
        Ok(looked)
    }

    fn publish(&mut self) -> Result<(), TransferError> {
        (0..self.tasks.len()).try_for_each(|task| self.end_object(task, Rest::Kept))?;
        let own: Vec<Key> = self.begun.iter().map(|(key, _)| key.clone()).collect();
        if self.files.max_file_bytes.is_some() && self.files.stale == StaleObjects::Refuse {
            self.refuse_stale(&self.stale(&own)?)?;
        }
        for (_, upload) in &mut self.begun {
            upload.publish()?;
        }
        if self.files.stale == StaleObjects::Delete {
            for key in self.stale(&own)? {
                self.store.delete(&key)?;
                self.log(&format!("Deleted stale {} file '{}'", self.kind, key.shown));
            }
        }
        Ok(())
    }
}

fn not_begun() -> TransferError {
    TransferError::new(ErrorKind::Internal, "rows came before the target was begun")
}

impl Output for ObjectTarget {
    fn target(&self) -> String {
        self.target.clone()
    }

    fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn recover(&mut self) -> Result<Option<OutputFigures>, TransferError> {
        // An object that was published is written again under the same key: nothing is doubled.
        self.store.recover()?;
        Ok(None)
    }

    fn begin(&mut self, schema: &Arc<Schema>) -> Result<(), TransferError> {
        self.schema = Some(Arc::clone(schema));
        formatter::check_memory(self.memory_bytes, self.tasks.len(), &self.context)?;
        self.check_names()?;
        // A bucket that is not there, or that nobody may see, is found before a row is read.
        if self.files.stale != StaleObjects::Keep {
            let stale = self.stale(&self.first_keys())?;
            if self.files.max_file_bytes.is_none() {
                self.refuse_stale(&stale)?;
            }
        }
        (0..self.tasks.len()).try_for_each(|task| self.open_next(task))
    }

    fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        let task = self.next;
        self.next = (task + 1) % self.tasks.len();
        if self.is_full(task) {
            self.end_object(task, Rest::Sent)?;
            self.open_next(task)?;
        }
        let writing = self.tasks[task].writing.as_mut().ok_or_else(not_begun)?;
        writing.formatted.write(page)?;
        let (shelf, at) = (writing.shelf.clone(), writing.at);
        self.rows += page.rows as u64;
        let sent = self.send(&shelf, at)?;
        if let Some(writing) = &mut self.tasks[task].writing {
            writing.bytes += sent;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<OutputFigures, TransferError> {
        self.publish()?;
        let notes = formatter::notes(self.transcoder.as_ref());
        Ok(OutputFigures { rows_sent: self.rows, rows_loaded: None, bytes: self.bytes, notes })
    }

    fn abort(&mut self) {
        self.tasks.iter_mut().for_each(|task| task.writing = None);
        for (_, upload) in &mut self.begun {
            upload.cancel();
        }
    }
}
