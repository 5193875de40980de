//! Where a file is really written: what a path leads to decides.
//!
//! A file is written beside the one that is there, and takes its name, owner and mode when it is whole. A link stays a
//! link, as under Embulk, which opens what is there. A device or a pipe has no old content that could stay: it is
//! written into, and above all not replaced by a file.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use crate::transfer::output::stale;

/// Links that lead to links, at most: as many as the kernel follows.
const LINKS: usize = 40;

/// Where the bytes of a file go.
#[derive(Debug)]
pub(super) enum Place {
    /// Into a hidden file that takes the name of the target when it is whole.
    Beside { target: PathBuf, temporary: PathBuf },
    /// Into what is there: a device or a pipe.
    Into(PathBuf),
}

impl Place {
    /// Where a path leads. `id` tells the hidden file from those of other transfers.
    pub(super) fn of(path: &Path, id: &str) -> io::Result<Self> {
        let target = followed(path)?;
        match fs::metadata(&target) {
            Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if there.is_file() => {
                // Who may not write a file must not get round that by putting another in its place.
                OpenOptions::new().write(true).open(&target)?;
                Ok(Self::beside(target, id))
            }
            Ok(_) => Ok(Self::Into(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::beside(target, id)),
            Err(error) => Err(error),
        }
    }

    fn beside(target: PathBuf, id: &str) -> Self {
        let temporary = stale::temporary(&target, id);
        Self::Beside { target, temporary }
    }

    /// Begins to write.
    pub(super) fn open(&self) -> io::Result<File> {
        match self {
            Self::Beside { target, temporary } => {
                let file = File::create(temporary)?;
                match fs::metadata(target) {
                    Ok(there) => take_after(&file, &there)?,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                Ok(file)
            }
            Self::Into(target) => OpenOptions::new().write(true).open(target),
        }
    }

    /// Ends to write: what was written is on the disk when this returns.
    pub(super) fn close(&self, file: &File) -> io::Result<()> {
        match self {
            // The name must not be there after a power cut while the content is not.
            Self::Beside { .. } => file.sync_all(),
            Self::Into(_) => Ok(()),
        }
    }

    /// Gives the file its name.
    pub(super) fn publish(&self) -> io::Result<()> {
        match self {
            Self::Beside { target, temporary } => fs::rename(temporary, target),
            Self::Into(_) => Ok(()),
        }
    }

    /// The hidden file, where there is one.
    pub(super) fn temporary(&self) -> Option<&Path> {
        match self {
            Self::Beside { temporary, .. } => Some(temporary),
            Self::Into(_) => None,
        }
    }
}

/// The path behind links, which may lead to nothing yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            // Not a link, or not there.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => {
                return Ok(path);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many links"))
}

/// Gives a file the mode of another one, and its owner where that is allowed.
fn take_after(file: &File, other: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (other.uid(), other.gid()) {
        // Only the superuser may, and nobody else has written into a file of another owner under Embulk.
        let _ = fchown(file, Some(other.uid()), Some(other.gid()));
    }
    file.set_permissions(fs::Permissions::from_mode(other.mode() & 0o7777))
}
