//! What a transfer file looks like as people wrote it, whatever a session fills in.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::reader::Reader;

/// Remembers what it read: a file that is included in a loop counts once.
pub(super) struct Remembering<'a> {
    reader: &'a dyn Reader,
    files: Mutex<BTreeMap<PathBuf, [u8; 32]>>,
}

impl<'a> Remembering<'a> {
    pub(super) fn new(reader: &'a dyn Reader) -> Self {
        Self { reader, files: Mutex::default() }
    }

    /// SHA-256, in hex, of the names and texts of all files that were read.
    pub(super) fn mark(&self) -> String {
        let mut hash = Sha256::new();
        for (path, text) in self.files.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let path = path.as_os_str().as_encoded_bytes();
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path);
            hash.update(text);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Reader for Remembering<'_> {
    fn read(&self, path: &Path) -> io::Result<String> {
        let text = self.reader.read(path)?;
        let digest = Sha256::digest(text.as_bytes()).into();
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), digest);
        Ok(text)
    }

    fn exists(&self, path: &Path) -> bool {
        self.reader.exists(path)
    }
}
