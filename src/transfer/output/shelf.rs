//! Bytes on their way from an encoder that owns where it writes to, to an upload that someone else drives.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Where an encoder puts its bytes. Copies share what lies there.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf(Arc<Mutex<Vec<u8>>>);

impl Shelf {
    /// Takes what lies there.
    pub(super) fn empty_into(&self, out: &mut Vec<u8>) {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if out.is_empty() {
            std::mem::swap(out, &mut bytes);
        } else {
            out.append(&mut bytes);
        }
    }
}

impl Write for Shelf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
