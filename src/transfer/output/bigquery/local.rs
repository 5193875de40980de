//! Files that stay on this machine: `skip_load: true` makes them and calls no service; with
//! `delete_from_local_when_job_end: false` they hold what is sent.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::stage::{self, Packer};
use super::{field, not_begun};
use crate::embulk::output::{BigqueryOutput, GivenSchema, LocalFiles, SourceFormat};
use crate::transfer::context::TransferContext;
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::{Output, OutputFigures};
use crate::transfer::page::Page;
use crate::transfer::report::Change;
use crate::transfer::schema::Schema;

/// One file, which begins with its first bytes.
pub(super) struct LocalFile {
    context: TransferContext,
    path: PathBuf,
    /// Whether an earlier part has this name already.
    goes_on: bool,
    file: Option<File>,
}

impl LocalFile {
    /// The file of a part, by its number; parts whose names are alike follow each other in one.
    pub(super) fn of(
        config: &BigqueryOutput,
        files: &LocalFiles,
        context: &TransferContext,
        part: usize,
    ) -> Result<Self, TransferError> {
        let process = usize::try_from(std::process::id()).unwrap_or_default();
        let extension = files.file_ext.as_deref().unwrap_or_else(|| stage::extension(config));
        let middle = |part: usize| files.sequence.text(process, part);
        let goes_on = part > 0 && middle(part) == middle(part - 1);
        if goes_on && config.source_format == SourceFormat::Parquet {
            let message =
                "`sequence_format` gives all files one name, and one file of Parquet cannot hold them";
            return Err(TransferError::new(ErrorKind::Config, message).hint("write `.%d.%d`"));
        }
        let name = format!("{}{}{extension}", files.path_prefix.expose(), middle(part));
        Ok(Self { context: context.clone(), path: context.directory.join(name), goes_on, file: None })
    }

    fn effect(&self) -> Effect {
        Effect::WriteFile { path: self.path.display().to_string() }
    }

    fn unwritable(&self, error: &io::Error) -> TransferError {
        let message = format!("file `{}` could not be written", self.path.display());
        TransferError::new(ErrorKind::Storage, message).caused_by(error)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        if self.file.is_none() {
            self.context.ledger.intend(&self.effect())?;
            let mut how = File::options();
            how.create(true).append(self.goes_on).write(true).truncate(!self.goes_on);
            self.file = Some(how.open(&self.path).map_err(|error| self.unwritable(&error))?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(bytes);
        written.map_err(|error| self.unwritable(&error))
    }

    /// The file is whole.
    pub(super) fn end(&mut self) -> Result<(), TransferError> {
        if self.file.take().is_some() {
            self.context.ledger.settle(&self.effect(), &EffectOutcome::Done)?;
        }
        Ok(())
    }

    /// What is there of it goes.
    pub(super) fn remove(&mut self) {
        if self.file.take().is_some() {
            // What stays is no target of anybody, and the next attempt begins it anew.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// One file with all rows; without rows there is none.
pub struct LocalTarget {
    config: BigqueryOutput,
    packer: Option<Packer>,
    file: LocalFile,
    packed: Vec<u8>,
    rows: u64,
    bytes: u64,
}

impl LocalTarget {
    /// Nothing is touched yet.
    pub fn new(
        config: &BigqueryOutput,
        files: &LocalFiles,
        context: &TransferContext,
    ) -> Result<Self, TransferError> {
        Ok(Self {
            config: config.clone(),
            packer: None,
            file: LocalFile::of(config, files, context, 0)?,
            packed: Vec::new(),
            rows: 0,
            bytes: 0,
        })
    }

    /// Writes what is packed.
    fn flush(&mut self) -> Result<(), TransferError> {
        self.file.write(&self.packed)?;
        self.bytes += self.packed.len() as u64;
        self.packed.clear();
        Ok(())
    }
}

impl Output for LocalTarget {
    fn target(&self) -> String {
        format!("file {}", self.file.path.display())
    }

    fn memory_bytes(&self) -> usize {
        stage::memory_bytes(&self.config)
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn begin(&mut self, schema: &Arc<Schema>) -> Result<(), TransferError> {
        let columns = match (&self.config.given_schema, &self.config.payload) {
            (Some(GivenSchema::Template(_)), _) => {
                let message = "`skip_load` calls no service, so `template_table` cannot be read";
                return Err(TransferError::new(ErrorKind::Config, message));
            }
            (Some(GivenSchema::File(given)), None) => field::fields_for(given, schema, &self.config)?,
            (Some(GivenSchema::File(_)), Some(_)) => Vec::new(),
            (None, _) => field::fields(schema, &self.config)?,
        };
        self.packer = Some(Packer::new(schema, &columns, &self.config)?);
        Ok(())
    }

    fn write(&mut self, page: &Page) -> Result<(), TransferError> {
        let packer = self.packer.as_mut().ok_or_else(not_begun)?;
        packer.pack(page, &mut self.packed)?;
        self.rows += page.rows as u64;
        self.flush()
    }

    fn commit(&mut self) -> Result<OutputFigures, TransferError> {
        if self.rows > 0 {
            let packer = self.packer.as_mut().ok_or_else(not_begun)?;
            packer.end_part(&mut self.packed)?;
            self.flush()?;
            self.file.end()?;
        }
        let note = "`skip_load` is set: nothing was loaded".to_owned();
        Ok(OutputFigures { rows_sent: self.rows, rows_loaded: None, bytes: self.bytes, notes: vec![note] })
    }

    fn changes(&self) -> Vec<Change> {
        self.packer.as_ref().map_or_else(Vec::new, Packer::changes)
    }

    fn abort(&mut self) {
        self.file.remove();
    }
}
