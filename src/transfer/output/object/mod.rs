//! `type: s3` and `type: gcs`: objects that are whole or not there.
//!
//! Rows are formatted, encoded and sent in parts while they come; a store makes an object visible in one step, which
//! is left for `commit`. A reader sees the old object or the new one, and a failed run leaves the old one.
//!
//! * [`names`]: keys, and how messages show them.
//! * [`s3`] and [`gcs`]: the two stores, with what a killed run may have left in them.
//! * [`wait`]: how a call is waited for.

mod gcs;
mod names;
mod s3;
mod wait;

use std::sync::Arc;

pub(in crate::transfer) use self::s3::credentials;

use self::names::{Key, Names};
use super::encoded::Encoded;
use super::formatter::{self, Formatted};
use super::look::Looked;
use super::shelf::Shelf;
use super::stale::{self, Pattern};
use super::{Output, OutputFigures};
use crate::embulk::output::{FileOutput, GcsOutput, OutputConfig, S3Output, StaleObjects};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::Page;
use crate::transfer::schema::Schema;

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
    writing: Option<Writing>,
    /// Objects begun, in order.
    begun: Vec<(Key, Box<dyn ObjectUpload>)>,
    rows: u64,
    bytes: u64,
    packed: Vec<u8>,
}

/// The object under way.
struct Writing {
    formatted: Formatted<Encoded<Shelf>>,
    shelf: Shelf,
    /// Bytes that were sent before it.
    start: u64,
}

impl ObjectTarget {
    /// Objects in S3. Nothing is called yet.
    pub fn s3(config: &S3Output, context: &TransferContext) -> Self {
        let names = Names::new("s3", &config.bucket, &config.files.path_prefix);
        let store = Box::new(s3::S3Store::new(config, &names, context));
        let target = OutputConfig::S3(Box::new(config.clone())).to_string();
        Self::new("S3", target, store, names, &config.files, s3::MEMORY_BYTES, context)
    }

    /// Objects in Cloud Storage. Checks the key; nothing is called yet.
    pub fn gcs(config: &GcsOutput, context: &TransferContext) -> Result<Self, TransferError> {
        let names = Names::new("gs", &config.bucket, &gcs::clean_prefix(&config.files.path_prefix));
        let store = Box::new(gcs::GcsStore::new(config, &names, context)?);
        let target = OutputConfig::Gcs(Box::new(config.clone())).to_string();
        Ok(Self::new("GCS", target, store, names, &config.files, gcs::MEMORY_BYTES, context))
    }

    fn new(
        kind: &'static str,
        target: String,
        store: Box<dyn ObjectStore>,
        names: Names,
        files: &FileOutput,
        store_memory_bytes: usize,
        context: &TransferContext,
    ) -> Self {
        Self {
            store,
            names,
            files: files.clone(),
            kind,
            target,
            memory_bytes: formatter::memory_bytes(files) + store_memory_bytes,
            context: context.clone(),
            schema: None,
            writing: None,
            begun: Vec::new(),
            rows: 0,
            bytes: 0,
            packed: Vec::new(),
        }
    }

    fn log(&self, text: &str) {
        self.context.observer.log(Level::Info, text);
    }

    fn open_next(&mut self) -> Result<(), TransferError> {
        let key = self.names.key(&self.files, self.begun.len());
        self.log(&format!("Writing {} file '{}'", self.kind, key.shown));
        let shelf = Shelf::default();
        let sink = formatter::encoded(&self.files, shelf.clone())?;
        let schema = self.schema.as_ref().ok_or_else(not_begun)?;
        let formatted = formatter::open(&self.files, schema, sink)?;
        self.writing = Some(Writing { formatted, shelf, start: self.bytes });
        let upload = self.store.open(&key);
        self.begun.push((key, upload));
        Ok(())
    }

    /// Hands what lies on the shelf to the upload.
    fn send(&mut self, shelf: &Shelf) -> Result<(), TransferError> {
        shelf.empty_into(&mut self.packed);
        let (_, upload) = self.begun.last_mut().ok_or_else(not_begun)?;
        upload.write(&self.packed)?;
        self.bytes += self.packed.len() as u64;
        self.packed.clear();
        Ok(())
    }

    fn end_object(&mut self, rest: Rest) -> Result<(), TransferError> {
        let Writing { formatted, shelf, .. } = self.writing.take().ok_or_else(not_begun)?;
        let encoded = formatted.finish()?;
        encoded.finish().map_err(|error| {
            TransferError::new(ErrorKind::Internal, "rows could not be encoded").caused_by(&error)
        })?;
        self.send(&shelf)?;
        let (_, upload) = self.begun.last_mut().ok_or_else(not_begun)?;
        upload.seal(rest)
    }

    /// Whether the object under way has as many bytes as it may have.
    fn is_full(&self) -> bool {
        let start = self.writing.as_ref().map_or(0, |writing| writing.start);
        self.files.max_file_bytes.is_some_and(|most| self.bytes - start >= most.get())
    }

    /// Objects of the pattern that are not among the first `own` of this run.
    fn stale(&self, own: usize) -> Result<Vec<Key>, TransferError> {
        let own: Vec<Key> = (0..own).map(|file| self.names.key(&self.files, file)).collect();
        let pattern = Pattern::of_keys(self.names.prefix(), &self.files);
        let wanted = |key: &str| pattern.matches(key) && !own.iter().any(|own| own.real == key);
        Ok(self.store.keys(&wanted)?.into_iter().map(|key| self.names.listed(key)).collect())
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
            let stale = self.stale(1)?;
            if self.files.max_file_bytes.is_none() {
                looked.check(self.refuse_stale(&stale));
            }
        }
        Ok(looked)
    }

    fn publish(&mut self) -> Result<(), TransferError> {
        self.end_object(Rest::Kept)?;
        if self.files.max_file_bytes.is_some() && self.files.stale == StaleObjects::Refuse {
            self.refuse_stale(&self.stale(self.begun.len())?)?;
        }
        for (_, upload) in &mut self.begun {
            upload.publish()?;
        }
        if self.files.stale == StaleObjects::Delete {
            for key in self.stale(self.begun.len())? {
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
        // A bucket that is not there, or that nobody may see, is found before a row is read.
        if self.files.stale != StaleObjects::Keep {
            let stale = self.stale(1)?;
            if self.files.max_file_bytes.is_none() {
                self.refuse_stale(&stale)?;
            }
        }
        self.open_next()
    }

    fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        if self.is_full() {
            self.end_object(Rest::Sent)?;
            self.open_next()?;
        }
        let writing = self.writing.as_mut().ok_or_else(not_begun)?;
        writing.formatted.write(page)?;
        let shelf = writing.shelf.clone();
        self.rows += page.rows as u64;
        self.send(&shelf)
    }

    fn commit(&mut self) -> Result<OutputFigures, TransferError> {
        self.publish()?;
        Ok(OutputFigures { rows_sent: self.rows, rows_loaded: None, bytes: self.bytes, notes: Vec::new() })
    }

    fn abort(&mut self) {
        self.writing = None;
        for (_, upload) in &mut self.begun {
            upload.cancel();
        }
    }
}
