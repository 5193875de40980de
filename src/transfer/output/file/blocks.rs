//! A file that is written in blocks, which are counted.
//!
//! A file takes its name when it is on the disk. The system would begin to write a file of some hundred megabytes when
//! it is asked at the end, and everybody would wait: so it is asked now and then while rows still come.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

/// Bytes of encoded rows that are collected before they go on.
const BLOCK: usize = 256 * 1024;
/// Bytes that are written between two requests to the disk: a small file is on it soon enough.
const STEP: usize = 32 * 1024 * 1024;

/// Bytes that went into files.
pub(super) type Count = Arc<AtomicU64>;

/// A file that is written in blocks.
pub(super) struct Blocks {
    file: File,
    block: Vec<u8>,
    /// Of this file, and of all files of the transfer.
    counts: [Count; 2],
    /// Bytes since the disk was asked.
    written: usize,
    flusher: Option<Flusher>,
}

/// Waits for the disk on a thread of its own.
struct Flusher {
    ask: Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Flusher {
    fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (ask, asked): (Sender<()>, Receiver<()>) = bounded(1);
        // An error is told once only, to whoever asks first: it must not be lost here.
        let flush = move || asked.iter().try_for_each(|()| file.sync_data());
        let thread = std::thread::Builder::new().name("flush".to_owned()).spawn(flush)?;
        Ok(Self { ask, thread })
    }

    fn end(self) -> io::Result<()> {
        drop(self.ask);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that flushes has ended")))
    }
}

impl Blocks {
    pub(super) fn new(file: File, counts: [Count; 2]) -> Self {
        Self { file, block: Vec::with_capacity(BLOCK), counts, written: 0, flusher: None }
    }

    fn write_block(&mut self) -> io::Result<()> {
        self.file.write_all(&self.block)?;
        self.written += self.block.len();
        if self.written >= STEP {
            self.written = 0;
            self.begin_to_flush()?;
        }
        for count in &self.counts {
            count.fetch_add(self.block.len() as u64, Ordering::Relaxed);
        }
        self.block.clear();
        Ok(())
    }

    /// Has the disk asked. While it is at it, nothing more is asked; a device or a pipe has no disk behind it.
    fn begin_to_flush(&mut self) -> io::Result<()> {
        let flusher = match &self.flusher {
            Some(flusher) => flusher,
            None if self.file.metadata()?.is_file() => self.flusher.insert(Flusher::start(&self.file)?),
            None => return Ok(()),
        };
        // A thread that has ended met an error, which is told at the end.
        let _ = flusher.ask.try_send(());
        Ok(())
    }

    /// Writes what is left. What was asked of the disk is done when this returns, or an error.
    pub(super) fn finish(mut self) -> io::Result<File> {
        self.write_block()?;
        if let Some(flusher) = self.flusher {
            flusher.end()?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_flushed_on_its_way_and_whole_at_the_end() {
        let file = tempfile::tempfile().unwrap();
        let count = Count::default();
        let mut blocks = Blocks::new(file.try_clone().unwrap(), [Count::default(), Arc::clone(&count)]);
        let block = vec![7; BLOCK];
        for at in 0..2 * STEP / BLOCK {
            assert_eq!(blocks.flusher.is_some(), at >= STEP / BLOCK);
            blocks.write_all(&block).unwrap();
        }
        blocks.write_all(b"end").unwrap();
        blocks.finish().unwrap();
        let size = (2 * STEP + 3) as u64;
        assert_eq!((file.metadata().unwrap().len(), count.load(Ordering::Relaxed)), (size, size));
    }

    #[test]
    fn what_the_disk_says_is_not_lost() {
        // A pipe cannot be flushed.
        let (_reader, writer) = io::pipe().unwrap();
        let flusher = Flusher::start(&File::from(std::os::fd::OwnedFd::from(writer))).unwrap();
        flusher.ask.send(()).unwrap();
        assert!(flusher.end().is_err());
    }
}
