//! A file that is written in blocks, which are counted.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of encoded rows that are collected before they go on.
const BLOCK: usize = 256 * 1024;

/// Bytes that went into files.
pub(super) type Count = Arc<AtomicU64>;

/// A file that is written in blocks.
pub(super) struct Blocks {
    file: File,
    block: Vec<u8>,
    /// Of this file, and of all files of the transfer.
    counts: [Count; 2],
}

impl Blocks {
    pub(super) fn new(file: File, counts: [Count; 2]) -> Self {
        Self { file, block: Vec::with_capacity(BLOCK), counts }
    }

    fn write_block(&mut self) -> io::Result<()> {
        self.file.write_all(&self.block)?;
        for count in &self.counts {
            count.fetch_add(self.block.len() as u64, Ordering::Relaxed);
        }
        self.block.clear();
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> io::Result<File> {
        self.write_block()?;
        Ok(self.file)
    }
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.block.extend_from_slice(bytes);
        if self.block.len() >= BLOCK {
            self.write_block()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
