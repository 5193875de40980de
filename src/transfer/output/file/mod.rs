//! `type: file`: files that are whole or not there.
//!
//! Rows go to a hidden file beside the target, which takes the target's name when all rows are written: nobody ever
//! reads half a file, and a failed run leaves the old ones.
//!
//! * [`place`]: what a path leads to, and what is kept of a file that is there.
//! * [`blocks`]: how bytes reach the disk.

mod blocks;
mod place;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use self::blocks::{Blocks, Count};
use self::place::Place;
use super::encoded::Encoded;
use super::formatter::{self, Formatted};
use super::look::{Looked, Weight};
use super::stale::{self, Reach};
use super::{Output, OutputFigures};
use crate::embulk::output::{FileOutput, OutputConfig, StaleObjects};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::encode::charset::Transcoder;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::Page;
use crate::transfer::schema::Schema;

/// The files of one transfer.
pub struct FileTarget {
    options: FileOutput,
    context: TransferContext,
    schema: Option<Arc<Schema>>,
    transcoder: Option<Arc<Transcoder>>,
    rows: u64,
    /// Pages are dealt to them in turn.
    tasks: Vec<Task>,
    next: usize,
    /// All files begun, in order.
    begun: Vec<Begun>,
    bytes: Count,
}

/// One of the outputs that rows are dealt to: it writes files one after the other.
#[derive(Default)]
struct Task {
    writing: Option<Writing>,
    /// Files begun.
    files: usize,
}

/// A file under way.
struct Writing {
    formatted: Formatted<Encoded<Blocks>>,
    /// Its place among the files begun.
    at: usize,
    bytes: Count,
}

/// A file that was begun.
struct Begun {
    path: PathBuf,
    place: Place,
}

impl Begun {
    fn effect(&self) -> Effect {
        Effect::WriteFile { path: shown(&self.path) }
    }
}

impl FileTarget {
    /// A target for so many output tasks; nothing is touched yet.
    pub fn new(options: &FileOutput, tasks: usize, context: &TransferContext) -> Self {
        Self {
            options: options.clone(),
            context: context.clone(),
            schema: None,
            transcoder: formatter::transcoder(options),
            rows: 0,
            tasks: (0..tasks).map(|_| Task::default()).collect(),
            next: 0,
            begun: Vec::new(),
            bytes: Count::default(),
        }
    }

    fn path(&self, task: usize, file: usize) -> PathBuf {
        self.context.directory.join(self.options.name(task, file))
    }

    /// The first file of each task.
    fn first_paths(&self) -> Vec<PathBuf> {
        (0..self.tasks.len()).map(|task| self.path(task, 0)).collect()
    }

    /// Looks at the folder before the first row is read.
    fn prepare(&self) -> Result<(), TransferError> {
        formatter::check_memory(self.memory_bytes(), self.tasks.len(), &self.context)?;
        let firsts = self.first_paths();
        if self.options.max_file_bytes.is_none() {
            self.refuse_stale(&firsts.iter().collect::<Vec<_>>())?;
        }
        for first in &firsts {
            folder_of(first)?;
        }
        let several = self.tasks.len() > 1 || self.options.max_file_bytes.is_some();
        let reach = if several { Reach::Pattern } else { Reach::First };
        stale::remove_abandoned(&firsts[0], &self.options, reach);
        Ok(())
    }

    /// What can be said of the folder without changing it. An earlier task may still make it.
    pub(super) fn look(&self) -> Result<Looked, TransferError> {
        let mut looked = Looked::default();
        let firsts = self.first_paths();
        if let Some(error) = firsts.iter().find_map(|first| folder_of(first).err()) {
            looked.add(Weight::Warning, error);
        } else if self.options.max_file_bytes.is_none() {
            looked.check(self.refuse_stale(&firsts.iter().collect::<Vec<_>>()));
        }
        Ok(looked)
    }

    fn open_next(&mut self, task: usize) -> Result<(), TransferError> {
        let path = self.path(task, self.tasks[task].files);
        let place = Place::of(&path, &self.context.key.id()).map_err(|error| failed(&path, &error))?;
        if let Place::Beside { target, .. } = &place
            && *target != path
        {
            stale::remove_abandoned(target, &self.options, Reach::First);
        }
        let begun = Begun { path, place };
        self.context.ledger.intend(&begun.effect())?;
        let name = begun.path.display();
        self.context.observer.log(Level::Info, &format!("Writing local file '{name}'"));
        let file = begun.place.open().map_err(|error| failed(&begun.path, &error))?;
        let at = self.begun.len();
        self.begun.push(begun);
        let bytes = Count::default();
        let blocks = Blocks::new(file, [Arc::clone(&bytes), Arc::clone(&self.bytes)]);
        let sink = formatter::encoded(&self.options, blocks)?;
        let schema = self.schema.as_ref().ok_or_else(not_begun)?;
        let formatted = formatter::open(&self.options, schema, self.transcoder.as_ref(), sink)?;
        let task = &mut self.tasks[task];
        task.files += 1;
        task.writing = Some(Writing { formatted, at, bytes });
        Ok(())
    }

    /// Ends the file under way; it is whole on the disk when this returns.
    fn end_file(&mut self, task: usize) -> Result<(), TransferError> {
        let Writing { formatted, at, .. } = self.tasks[task].writing.take().ok_or_else(not_begun)?;
        let begun = &self.begun[at];
        let ended = formatted.finish()?.finish().and_then(Blocks::finish);
        ended.and_then(|file| begun.place.close(&file)).map_err(|error| failed(&begun.path, &error))
    }

    /// Whether the file under way has as many bytes as it may have.
    fn is_full(&self, task: usize) -> bool {
        let bytes = self.tasks[task].writing.as_ref().map_or(0, |file| file.bytes.load(Ordering::Relaxed));
        self.options.max_file_bytes.is_some_and(|most| bytes >= most.get())
    }

    /// Files of the pattern beside those that this run writes.
    fn stale_files(&self, own: &[&PathBuf]) -> Result<Vec<PathBuf>, TransferError> {
        let first = self.path(0, 0);
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
        (0..self.tasks.len()).try_for_each(|task| self.end_file(task))?;
        let own: Vec<&PathBuf> = self.begun.iter().map(|begun| &begun.path).collect();
        if self.options.max_file_bytes.is_some() {
            self.refuse_stale(&own)?;
        }
        for begun in &self.begun {
            begun.place.publish().map_err(|error| failed(&begun.path, &error))?;
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

/// Embulk makes no folders either: a mistyped prefix must not grow a tree of them.
fn folder_of(path: &Path) -> Result<(), TransferError> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            let shown = folder.display();
            Err(TransferError::new(ErrorKind::Storage, format!("there is no folder `{shown}`"))
                .hint("make it before the transfer (`mkdir -p`), or correct `path_prefix`"))
        }
        _ => Ok(()),
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
        formatter::memory_bytes(&self.options) * self.tasks.len()
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn begin(&mut self, schema: &Arc<Schema>) -> Result<(), TransferError> {
        self.schema = Some(Arc::clone(schema));
        self.prepare()?;
        (0..self.tasks.len()).try_for_each(|task| self.open_next(task))
    }

    fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        let task = self.next;
        self.next = (task + 1) % self.tasks.len();
        if self.is_full(task) {
            self.end_file(task)?;
            self.open_next(task)?;
        }
        self.tasks[task].writing.as_mut().ok_or_else(not_begun)?.formatted.write(page)?;
        self.rows += page.rows as u64;
        Ok(())
    }

    fn commit(&mut self) -> Result<OutputFigures, TransferError> {
        self.publish()?;
        Ok(OutputFigures {
            rows_sent: self.rows,
            rows_loaded: Some(self.rows),
            bytes: self.bytes(),
            notes: formatter::notes(self.transcoder.as_ref()),
        })
    }

    fn abort(&mut self) {
        self.tasks.iter_mut().for_each(|task| task.writing = None);
        for begun in &self.begun {
            let Some(temporary) = begun.place.temporary() else { continue };
            match fs::remove_file(temporary) {
                Ok(()) => {
                    // A ledger that cannot be written has stopped the run already.
                    let _ = self.context.ledger.settle(&begun.effect(), &EffectOutcome::Removed);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let name = temporary.display();
                    let text = format!("file `{name}` could not be removed: {error}");
                    self.context.observer.log(Level::Warn, &text);
                }
            }
        }
    }
}

/// The name of a file, for messages.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
