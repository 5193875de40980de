//! `type: file`: one file, whole or not there.
//!
//! Rows go to a hidden file beside the target, which takes the target's name when it is complete: nobody ever reads
//! half a file, and a failed run leaves the old one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::formatter::{self, Formatted};
use super::stale;
use super::{Output, OutputFigures};
use crate::embulk::output::{Encoder, FileOutput, OutputConfig, StaleObjects};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::Page;
use crate::transfer::schema::Schema;

/// Bytes of encoded rows that are collected before they go on.
const BLOCK: usize = 256 * 1024;
/// gzip's level when the config names none: the fastest, some percent larger than the usual 6.
const FASTEST: u32 = 1;

/// The file of one transfer.
pub struct FileTarget {
    options: FileOutput,
    context: TransferContext,
    path: PathBuf,
    temporary: PathBuf,
    rows: u64,
    writing: Option<Formatted<ByteSink>>,
    bytes: Arc<AtomicU64>,
}

impl FileTarget {
    /// A target; nothing is touched yet.
    pub fn new(options: &FileOutput, context: &TransferContext) -> Self {
        let name =
            format!("{}{}{}", options.path_prefix.expose(), options.sequence.text(0, 0), options.file_ext);
        let path = context.directory.join(name);
        let temporary = path.with_file_name(format!("{}{}.tmp", stale::hidden(&path), context.key.id()));
        Self {
            options: options.clone(),
            context: context.clone(),
            path,
            temporary,
            rows: 0,
            writing: None,
            bytes: Arc::default(),
        }
    }

    fn effect(&self) -> Effect {
        Effect::WriteFile { path: self.path.display().to_string() }
    }

    fn failed(&self, error: &io::Error) -> TransferError {
        let name = self.path.display();
        TransferError::new(ErrorKind::Storage, format!("file `{name}` could not be written")).caused_by(error)
    }

    fn create(&mut self, schema: &Arc<Schema>) -> Result<(), TransferError> {
        let stale = self.stale_files()?;
        if let (false, StaleObjects::Refuse) = (stale.is_empty(), self.options.stale) {
            return Err(stale::refusal(&stale));
        }
        // Embulk makes no folders either: a mistyped prefix must not grow a tree of them.
        if let Some(folder) = self.path.parent()
            && !folder.as_os_str().is_empty()
            && !folder.is_dir()
        {
            let shown = folder.display();
            return Err(TransferError::new(ErrorKind::Storage, format!("there is no folder `{shown}`"))
                .hint("make it before the transfer (`mkdir -p`), or correct `path_prefix`"));
        }
        stale::remove_abandoned(&self.path, &self.temporary);
        self.context.ledger.intend(&self.effect())?;
        self.context.observer.log(Level::Info, &format!("Writing local file '{}'", self.path.display()));
        let file = File::create(&self.temporary).map_err(|error| self.failed(&error))?;
        let sink = ByteSink::new(file, &self.options.encoders, &self.bytes);
        self.writing = Some(formatter::open(&self.options, schema, sink)?);
        Ok(())
    }

    fn stale_files(&self) -> Result<Vec<PathBuf>, TransferError> {
        let options = &self.options;
        let middle = options.sequence.text(0, 0);
        stale::find(&self.path, &middle, &options.file_ext).map_err(|error| self.failed(&error))
    }

    fn publish(&mut self, writing: Formatted<ByteSink>) -> Result<(), TransferError> {
        let sink = writing.finish()?;
        let file = sink.finish().map_err(|error| self.failed(&error))?;
        // The name must not be there after a power cut while the content is not.
        file.sync_all().map_err(|error| self.failed(&error))?;
        fs::rename(&self.temporary, &self.path).map_err(|error| self.failed(&error))?;
        self.context.ledger.settle(&self.effect(), &EffectOutcome::Done)?;
        if self.options.stale == StaleObjects::Delete {
            for path in self.stale_files()? {
                fs::remove_file(&path).map_err(|error| self.failed(&error))?;
            }
        }
        Ok(())
    }
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
        self.create(schema)
    }

    fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        let Some(writing) = &mut self.writing else {
            return Err(TransferError::new(ErrorKind::Internal, "rows came before the schema"));
        };
        writing.write(page)?;
        self.rows += page.rows as u64;
        Ok(())
    }

    fn commit(&mut self) -> Result<OutputFigures, TransferError> {
        let Some(writing) = self.writing.take() else {
            return Err(TransferError::new(ErrorKind::Internal, "the file was not begun"));
        };
        self.publish(writing)?;
        Ok(OutputFigures {
            rows_sent: self.rows,
            rows_loaded: Some(self.rows),
            bytes: self.bytes(),
            notes: Vec::new(),
        })
    }

    fn abort(&mut self) {
        self.writing = None;
        match fs::remove_file(&self.temporary) {
            Ok(()) => {
                // A ledger that cannot be written has stopped the run already.
                let _ = self.context.ledger.settle(&self.effect(), &EffectOutcome::Removed);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let name = self.temporary.display();
                self.context
                    .observer
                    .log(Level::Warn, &format!("file `{name}` could not be removed: {error}"));
            }
        }
    }
}

/// Bytes through the encoders into a file, counted at the file.
pub(super) enum ByteSink {
    File { file: File, block: Vec<u8>, count: Arc<AtomicU64> },
    Gzip(Box<GzEncoder<ByteSink>>),
}

impl ByteSink {
    fn new(file: File, encoders: &[Encoder], count: &Arc<AtomicU64>) -> Self {
        let plain = Self::File { file, block: Vec::with_capacity(BLOCK), count: Arc::clone(count) };
        // The first encoder of the config is the first that the bytes meet.
        encoders.iter().rev().fold(plain, |inner, encoder| match encoder {
            Encoder::Gzip { level } => {
                let level = Compression::new(level.unwrap_or(FASTEST).min(9));
                Self::Gzip(Box::new(GzEncoder::new(inner, level)))
            }
        })
    }

    fn finish(self) -> io::Result<File> {
        match self {
            Self::File { mut file, block, count } => {
                file.write_all(&block)?;
                count.fetch_add(block.len() as u64, Ordering::Relaxed);
                Ok(file)
            }
            Self::Gzip(encoder) => encoder.finish()?.finish(),
        }
    }
}

impl Write for ByteSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File { file, block, count } => {
                block.extend_from_slice(bytes);
                if block.len() >= BLOCK {
                    file.write_all(block)?;
                    count.fetch_add(block.len() as u64, Ordering::Relaxed);
                    block.clear();
                }
                Ok(bytes.len())
            }
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File { .. } => Ok(()),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }
}

/// The name of a file, for messages.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}
