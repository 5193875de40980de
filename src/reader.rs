//! How the reading rooms get at text without knowing a disk: one small trait, with a memory version for tests.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What people write is smaller: a larger file is refused before it fills the memory.
pub const LARGEST: usize = 32 << 20;

/// Gives the text of files of one project. Paths are relative to the project's directory, normalised, with `/`.
pub trait Reader: Send + Sync {
    /// Reads a whole file as UTF-8. Errors: not found, not readable, not UTF-8 (`InvalidData`), larger than [`LARGEST`].
    fn read(&self, path: &Path) -> io::Result<String>;
    /// Whether a file of that name exists.
    fn exists(&self, path: &Path) -> bool;
}

/// The files under a directory on disk. A path may leave the directory only where the caller allows it.
#[derive(Debug, Clone)]
pub struct DirectoryReader {
    root: PathBuf,
}

impl DirectoryReader {
    /// A reader of the files under `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory that relative paths start from.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Reader for DirectoryReader {
    fn read(&self, path: &Path) -> io::Result<String> {
        read_text(&self.root.join(path))
    }

    fn exists(&self, path: &Path) -> bool {
        self.root.join(path).is_file()
    }
}

/// The bytes of a file that people write. Errors: those of the disk, larger than [`LARGEST`].
pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = File::open(path)?.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    if length > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 32 MiB"));
    }
    Ok(bytes)
}

/// The same as text. Errors: not UTF-8 (`InvalidData`), too.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_bytes(path)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}

/// Files held in memory, for tests.
#[derive(Debug, Clone, Default)]
pub struct MemoryReader {
    files: BTreeMap<PathBuf, String>,
}

impl MemoryReader {
    /// Adds or replaces a file.
    #[must_use]
    pub fn with(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }
}

impl Reader for MemoryReader {
    fn read(&self, path: &Path) -> io::Result<String> {
        self.files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.contains_key(path)
    }
}
