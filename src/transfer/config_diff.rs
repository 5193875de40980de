//! The file of `embulk run -c`: what the next read begins behind. It changes once the rows of this one are published.
//!
//! The new text lies beside the file before the rows are published, under a name of this transfer. An attempt that
//! finds them published by one that was killed puts it in its place: else the next run would send the same rows again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::context::TransferContext;
use super::error::{ErrorKind, TransferError};

/// Whether the file can be written, which is asked before anything runs; it is there afterwards.
pub fn prepare(path: &Path) -> Result<(), TransferError> {
    let opened = fs::OpenOptions::new().append(true).create(true).open(path);
    opened.map(drop).map_err(|error| {
        TransferError::new(ErrorKind::Config, format!("Not writable: {}", path.display())).caused_by(&error)
    })
}

/// Lays down what the file will say.
pub(super) fn stage(context: &TransferContext, input: &Map<String, Value>) -> Result<(), TransferError> {
    let Some(path) = &context.config_diff else { return Ok(()) };
    let text = format!("in: {}\nout: {{}}\n", json!(input));
    let written = fs::File::create(staged(path, context)).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| unwritable(path, &error))
}

/// Puts it in place, where there is some.
pub(super) fn publish(context: &TransferContext) -> Result<(), TransferError> {
    let Some(path) = &context.config_diff else { return Ok(()) };
    match fs::rename(staged(path, context), path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(path, &error)),
        _ => Ok(()),
    }
}

/// Removes it: the rows were not published.
pub(super) fn discard(context: &TransferContext) {
    if let Some(path) = &context.config_diff {
        // One that stays is overwritten by the next attempt.
        let _ = fs::remove_file(staged(path, context));
    }
}

fn staged(path: &Path, context: &TransferContext) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", context.key.id()))
}

fn unwritable(path: &Path, error: &io::Error) -> TransferError {
    let message = format!("config diff `{}` could not be written", path.display());
    TransferError::new(ErrorKind::Storage, message).caused_by(error)
}
