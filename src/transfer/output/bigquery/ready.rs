//! `skip_file_generation`: files that somebody else made are loaded as they are, and the rows of the source are not.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::job::DoneJob;
use super::{BigqueryTarget, Way};
use crate::embulk::output::{Afterwards, ReadyFiles};
use crate::transfer::error::{ErrorKind, TransferError};

/// Bytes of a file that are read at once.
const PIECE: usize = 1 << 20;

impl BigqueryTarget {
    /// Brings the files into the bucket, one object each.
    pub(super) fn stage_ready(&mut self, files: &[PathBuf]) -> Result<(), TransferError> {
        for file in files {
            self.open_upload(0)?;
            self.send_file(file)?;
            self.end_object()?;
        }
        Ok(())
    }

    /// Loads each file with a job of its own; several of them go through a staging table, so that they appear at once.
    pub(super) fn upload_ready(&mut self, files: &[PathBuf]) -> Result<Vec<DoneJob>, TransferError> {
        if files.len() > 1 {
            self.work_mut()?.way = Way::Staged;
        }
        let mut done = Vec::new();
        for (number, file) in files.iter().enumerate() {
            self.open_upload(number)?;
            self.send_file(file)?;
            done.push(self.load_upload(number)?);
        }
        Ok(done)
    }

    fn send_file(&mut self, path: &Path) -> Result<(), TransferError> {
        let unreadable = |error: &std::io::Error| unreadable(path, error);
        let mut file = File::open(path).map_err(|error| unreadable(&error))?;
        loop {
            self.packed.resize(PIECE, 0);
            let length = file.read(&mut self.packed).map_err(|error| unreadable(&error))?;
            self.packed.truncate(length);
            if length == 0 {
                return Ok(());
            }
            self.send()?;
        }
    }

    /// The files, in the order of their names. None is an error: what was to be loaded is not there.
    pub(super) fn ready_files(&self, ready: &ReadyFiles) -> Result<Vec<PathBuf>, TransferError> {
        let start = self.service.context.directory.join(ready.path_prefix.expose());
        let files = matching(&start, &ready.file_ext)?;
        if files.is_empty() {
            let shown = format!("{}*{}", ready.path_prefix.shown(), ready.file_ext);
            let error =
                TransferError::new(ErrorKind::NotFound, format!("no file `{shown}` is there to be loaded"));
            return Err(error.hint("check `path_prefix` and `file_ext`"));
        }
        Ok(files)
    }

    /// Removes the files once they are loaded, unless they are to stay. One that cannot be removed is logged.
    pub(super) fn remove_ready(&self) {
        let Some(ready) = &self.service.config.ready else { return };
        if ready.afterwards == Afterwards::Keep {
            return;
        }
        for path in self.ready_files(ready).unwrap_or_default() {
            self.service.log(&format!("delete {}", path.display()));
            if let Err(error) = fs::remove_file(&path) {
                self.service.warn(&format!("file `{}` could not be removed: {error}", path.display()));
            }
        }
    }
}

/// The files whose path begins with `start` and ends with `ext`, sorted.
fn matching(start: &Path, ext: &str) -> Result<Vec<PathBuf>, TransferError> {
    let text = start.to_string_lossy();
    let (folder, name) = match text.rfind('/') {
        Some(at) => text.split_at(at + 1),
        None => ("./", text.as_ref()),
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(Path::new(folder), &error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(Path::new(folder), &error))?;
        let own = entry.file_name();
        let own = own.to_string_lossy();
        let is_hidden = name.is_empty() && own.starts_with('.');
        let fits = own.strip_prefix(name).is_some_and(|rest| rest.ends_with(ext));
        if fits && !is_hidden && entry.path().is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn unreadable(path: &Path, error: &std::io::Error) -> TransferError {
    let message = format!("file `{}` could not be read", path.display());
    TransferError::new(ErrorKind::Storage, message).caused_by(error)
}
