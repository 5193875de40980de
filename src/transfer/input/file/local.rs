//! `type: file`: files of this machine whose paths begin so, in the order of their paths.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::decode::SourceFault;
use super::{Files, Watched};
use crate::embulk::input::{FileInput, Symlinks};
use crate::session::Level;
use crate::transfer::context::{Cancel, Observer, TransferContext};
use crate::transfer::error::{ErrorKind, TransferError};

/// Files below the working directory of a transfer, or anywhere.
pub(super) struct LocalFiles {
    directory: PathBuf,
    names: Vec<String>,
    last_path: Option<String>,
    /// Bytes of all of them; none where one is no plain file.
    bytes: Option<u64>,
    cancel: Cancel,
    observer: Arc<dyn Observer>,
}

/// Finds the files.
pub(super) fn list(config: &FileInput, context: &TransferContext) -> Result<LocalFiles, TransferError> {
    let prefix = Path::new(config.path_prefix.expose());
    let shown = config.path_prefix.shown();
    let (folder, start) = if context.directory.join(prefix).is_dir() {
        (prefix, String::new())
    } else {
        let start = prefix.file_name().map(|name| name.to_string_lossy().into_owned());
        (prefix.parent().unwrap_or(Path::new("")), start.unwrap_or_default())
    };
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    context.observer.log(
        Level::Info,
        &format!(
            "Listing local files at directory '{}' filtering filename by prefix '{start}'",
            place.display()
        ),
    );
    if !context.directory.join(folder).is_dir() {
        let message = format!("there is no folder `{}`", place.display());
        return Err(TransferError::new(ErrorKind::NotFound, message)
            .hint("`path_prefix` is relative to the working directory of the task"));
    }
    let mut walk = Walk { root: &context.directory, symlinks: config.symlinks, found: Vec::new() };
    walk.folder(folder, &start, &mut Vec::new())?;
    let mut names = walk.found;
    let none = names.is_empty();
    if let Some(last) = &config.last_path {
        names.retain(|name| name > last);
    }
    names.sort();
    if none && config.last_path.is_none() {
        let message = format!("there is no file whose path begins with `{shown}`");
        return Err(TransferError::new(ErrorKind::NotFound, message)
            .hint("`path_prefix` is relative to the working directory of the task"));
    }
    Ok(LocalFiles {
        directory: context.directory.clone(),
        last_path: names.last().or(config.last_path.as_ref()).cloned(),
        bytes: size(&context.directory, &names),
        names,
        cancel: context.cancel.clone(),
        observer: Arc::clone(&context.observer),
    })
}

/// Bytes of files, as they lie there. Of a pipe nobody knows.
fn size(directory: &Path, names: &[String]) -> Option<u64> {
    let sizes = names.iter().map(|name| {
        let metadata = fs::metadata(directory.join(name)).ok()?;
        metadata.is_file().then_some(metadata.len())
    });
    sizes.sum()
}

struct Walk<'w> {
    root: &'w Path,
    symlinks: Symlinks,
    found: Vec<String>,
}

impl Walk<'_> {
    /// Adds the files of a folder whose names begin so, and all below its folders whose names do.
    fn folder(&mut self, folder: &Path, start: &str, above: &mut Vec<PathBuf>) -> Result<(), TransferError> {
        let unread = |error: &io::Error| {
            TransferError::new(ErrorKind::Storage, format!("folder `{}` could not be read", folder.display()))
                .caused_by(error)
        };
        let whole = self.root.join(folder);
        let own = whole.canonicalize().map_err(|error| unread(&error))?;
        if above.contains(&own) {
            let message = format!("folder `{}` links to a folder above it", folder.display());
            return Err(TransferError::new(ErrorKind::Config, message)
                .hint("take out `follow_symlinks`, or choose a narrower `path_prefix`"));
        }
        above.push(own);
        for entry in fs::read_dir(&whole).map_err(|error| unread(&error))? {
            let entry = entry.map_err(|error| unread(&error))?;
            if entry.file_name().to_string_lossy().starts_with(start) {
                self.entry(&folder.join(entry.file_name()), above)?;
            }
        }
        above.pop();
        Ok(())
    }

    fn entry(&mut self, path: &Path, above: &mut Vec<PathBuf>) -> Result<(), TransferError> {
        let whole = self.root.join(path);
        let metadata = fs::metadata(&whole).map_err(|error| {
            TransferError::new(ErrorKind::Storage, format!("file `{}` could not be read", path.display()))
                .caused_by(&error)
        })?;
        if !metadata.is_dir() {
            self.found.push(path.to_string_lossy().into_owned());
        } else if self.symlinks == Symlinks::Follow || !whole.is_symlink() {
            self.folder(path, "", above)?;
        }
        Ok(())
    }
}

impl Files for LocalFiles {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn last_path(&self) -> Option<&str> {
        self.last_path.as_deref()
    }

    fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    fn open(&self, at: usize) -> Result<Box<dyn Read + Send>, TransferError> {
        let name = &self.names[at];
        match File::open(self.directory.join(name)) {
            Ok(file) => Ok(Box::new(Watched {
                source: LocalFile(file),
                cancel: self.cancel.clone(),
                observer: Arc::clone(&self.observer),
            })),
            Err(error) => Err(unread(name, &error)),
        }
    }
}

fn unread(name: &str, error: &io::Error) -> TransferError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied => ErrorKind::Permission,
        _ => ErrorKind::Storage,
    };
    TransferError::new(kind, format!("file `{name}` could not be read")).caused_by(error)
}

struct LocalFile(File);

impl Read for LocalFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => SourceFault(TransferError::new(ErrorKind::Storage, error.to_string())).into(),
        })
    }
}
