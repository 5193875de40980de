//! `type: file`: files that are whole or not there.
//!
//! Rows go to a hidden file beside the target, which takes the target's name when all rows are written: nobody ever
//! reads half a file, and a failed run leaves the old ones.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::encoded::Encoded;
use super::formatter::{self, Formatted};
use super::look::{Looked, Weight};
use super::stale;
use super::{Output, OutputFigures};
use crate::embulk::output::{FileOutput, OutputConfig, StaleObjects};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::Page;
use crate::transfer::schema::Schema;

/// Bytes of encoded rows that are collected before they go on.
const BLOCK: usize = 256 * 1024;

/// The files of one transfer.
pub struct FileTarget {
    options: FileOutput,
    context: TransferContext,
    schema: Option<Arc<Schema>>,
    rows: u64,
    /// The file under way.
    writing: Option<Formatted<Encoded<Blocks>>>,
    /// All files begun, in order; all but the one under way are whole.
    begun: Vec<Begun>,
    bytes: Arc<AtomicU64>,
}

/// A file that was begun.
struct Begun {
    path: PathBuf,
    temporary: PathBuf,
    /// Bytes that were written before it.
    start: u64,
}

impl Begun {
    fn effect(&self) -> Effect {
        Effect::WriteFile { path: shown(&self.path) }
    }
}

impl FileTarget {
    /// A target; nothing is touched yet.
    pub fn new(options: &FileOutput, context: &TransferContext) -> Self {
        Self {
            options: options.clone(),
            context: context.clone(),
            schema: None,
            rows: 0,
            writing: None,
            begun: Vec::new(),
            bytes: Arc::default(),
        }
    }

    fn path(&self, file: usize) -> PathBuf {
        self.context.directory.join(self.options.name(file))
    }

    /// Looks at the folder before the first row is read.
    fn prepare(&self) -> Result<(), TransferError> {
        let first = self.path(0);
        if self.options.max_file_bytes.is_none() {
            self.refuse_stale(&[&first])?;
        }
        self.folder_is_there()?;
        stale::remove_abandoned(&first, &self.options);
        Ok(())
    }

    /// Embulk makes no folders either: a mistyped prefix must not grow a tree of them.
    fn folder_is_there(&self) -> Result<(), TransferError> {
        let first = self.path(0);
        let folder = first.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
        let Some(folder) = folder else { return Ok(()) };
        let shown = folder.display();
        Err(TransferError::new(ErrorKind::Storage, format!("there is no folder `{shown}`"))
            .hint("make it before the transfer (`mkdir -p`), or correct `path_prefix`"))
    }

    /// What can be said of the folder without changing it. An earlier task may still make it.
    pub(super) fn look(&self) -> Result<Looked, TransferError> {
        let mut looked = Looked::default();
        if let Err(error) = self.folder_is_there() {
            looked.add(Weight::Warning, error);
        } else if self.options.max_file_bytes.is_none() {
            looked.check(self.refuse_stale(&[&self.path(0)]));
        }
        Ok(looked)
    }

    fn open_next(&mut self) -> Result<(), TransferError> {
        let path = self.path(self.begun.len());
        let temporary = stale::temporary(&path, &self.context.key.id());
        let begun = Begun { path, temporary, start: self.bytes() };
        self.context.ledger.intend(&begun.effect())?;
        let name = begun.path.display();
        self.context.observer.log(Level::Info, &format!("Writing local file '{name}'"));
        let file = File::create(&begun.temporary).map_err(|error| failed(&begun.path, &error))?;
        self.begun.push(begun);
        let blocks = Blocks { file, block: Vec::with_capacity(BLOCK), count: Arc::clone(&self.bytes) };
        let sink = formatter::encoded(&self.options, blocks)?;
        let schema = self.schema.as_ref().ok_or_else(not_begun)?;
        self.writing = Some(formatter::open(&self.options, schema, sink)?);
        Ok(())
    }

    /// Ends the file under way; it is whole on the disk when this returns.
    fn end_file(&mut self) -> Result<(), TransferError> {
        let (Some(writing), Some(begun)) = (self.writing.take(), self.begun.last()) else {
            return Err(not_begun());
        };
        let ended = writing.finish()?.finish().and_then(Blocks::finish);
        // The name must not be there after a power cut while the content is not.
        ended.and_then(|file| file.sync_all()).map_err(|error| failed(&begun.path, &error))
    }

    /// Whether the file under way has as many bytes as it may have.
    fn is_full(&self) -> bool {
        let start = self.begun.last().map_or(0, |begun| begun.start);
        self.options.max_file_bytes.is_some_and(|most| self.bytes() - start >= most.get())
    }

    /// Files of the pattern beside those that this run writes.
    fn stale_files(&self, own: &[&PathBuf]) -> Result<Vec<PathBuf>, TransferError> {
        let first = self.path(0);
        let mut found = stale::find(&first, &self.options).map_err(|error| failed(&first, &error))?;
        found.retain(|path| !own.contains(&path));
        Ok(found)
    }

    fn refuse_stale(&self, own: &[&PathBuf]) -> Result<(), TransferError> {
        if self.options.stale != StaleObjects::Refuse {
            return Ok(());
        }
        let stale: Vec<String> = self.stale_files(own)?.iter().map(|path| shown(path)).collect();
        if stale.is_empty() { Ok(()) } else { Err(stale::refusal("files", &stale)) }
    }

    fn publish(&mut self) -> Result<(), TransferError> {
        self.end_file()?;
        let own: Vec<&PathBuf> = self.begun.iter().map(|begun| &begun.path).collect();
        if self.options.max_file_bytes.is_some() {
            self.refuse_stale(&own)?;
        }
        for begun in &self.begun {
            fs::rename(&begun.temporary, &begun.path).map_err(|error| failed(&begun.path, &error))?;
            self.context.ledger.settle(&begun.effect(), &EffectOutcome::Done)?;
        }
        if self.options.stale == StaleObjects::Delete {
            for path in self.stale_files(&own)? {
                fs::remove_file(&path).map_err(|error| failed(&path, &error))?;
            }
        }
        Ok(())
    }
}

fn failed(path: &Path, error: &io::Error) -> TransferError {
    let name = path.display();
    TransferError::new(ErrorKind::Storage, format!("file `{name}` could not be written")).caused_by(error)
}

fn not_begun() -> TransferError {
    TransferError::new(ErrorKind::Internal, "rows came before the schema")
}

impl Output for FileTarget {
    fn target(&self) -> String {
        OutputConfig::File(Box::new(self.options.clone())).to_string()
    }

    fn memory_bytes(&self) -> usize {
        formatter::memory_bytes(&self.options)
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn begin(&mut self, schema: &Arc<Schema>) -> Result<(), TransferError> {
        self.schema = Some(Arc::clone(schema));
        self.prepare()?;
        self.open_next()
    }

    fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        if self.is_full() {
            self.end_file()?;
            self.open_next()?;
        }
        self.writing.as_mut().ok_or_else(not_begun)?.write(page)?;
        self.rows += page.rows as u64;
        Ok(())
    }

    fn commit(&mut self) -> Result<OutputFigures, TransferError> {
        self.publish()?;
        Ok(OutputFigures {
            rows_sent: self.rows,
            rows_loaded: Some(self.rows),
            bytes: self.bytes(),
            notes: Vec::new(),
        })
    }

    fn abort(&mut self) {
        self.writing = None;
        for begun in &self.begun {
            match fs::remove_file(&begun.temporary) {
                Ok(()) => {
                    // A ledger that cannot be written has stopped the run already.
                    let _ = self.context.ledger.settle(&begun.effect(), &EffectOutcome::Removed);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let name = begun.temporary.display();
                    let text = format!("file `{name}` could not be removed: {error}");
                    self.context.observer.log(Level::Warn, &text);
                }
            }
        }
    }
}

/// A file that is written in blocks, which are counted.
struct Blocks {
    file: File,
    block: Vec<u8>,
    count: Arc<AtomicU64>,
}

impl Blocks {
    fn write_block(&mut self) -> io::Result<()> {
        self.file.write_all(&self.block)?;
        self.count.fetch_add(self.block.len() as u64, Ordering::Relaxed);
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<File> {
        self.write_block()?;
        Ok(self.file)
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.block.extend_from_slice(bytes);
        if self.block.len() >= BLOCK {
            self.write_block()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The name of a file, for messages.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
