//! gzip on threads of its own: rows are encoded while those before them are compressed.
//!
//! Blocks of rows are compressed one by one and put behind each other in one member: each ends on a byte (a "sync
//! flush" of RFC 1951), and the checksum of the whole is put together from theirs. Where blocks begin, and how many are
//! under way, does not depend on the machine: nor do the files.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Level when nothing else is written: the fastest, some percent larger than the usual 6, several times faster.
pub(super) const FASTEST: u32 = 1;
/// Bytes that are compressed by themselves. References reach back 32 KiB only, so that little is lost between blocks.
const BLOCK: usize = 256 * 1024;
/// A last block without content: it ends the stream.
const END: [u8; 2] = [3, 0];
/// Blocks that are under way at most.
const UNDER_WAY: usize = 4;
/// Bytes of blocks, most of them from pages: rows as text are larger than in a page.
const USUAL: usize = 3 * BLOCK;

/// Bytes that are held at most: blocks before and after.
pub(super) fn memory_bytes() -> usize {
    (UNDER_WAY + 1) * USUAL * 2
}

/// One is left to those who read and encode.
fn threads() -> usize {
    (cores() / 2).clamp(1, UNDER_WAY)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Members that are being written in this process.
static MEMBERS: AtomicUsize = AtomicUsize::new(0);

/// One of them, until it is dropped.
struct Member;

impl Member {
    fn new() -> Self {
        MEMBERS.fetch_add(1, Ordering::Relaxed);
        Self
    }

    /// Whether there are so many that threads of its own would only take memory.
    fn is_one_of_many() -> bool {
        MEMBERS.load(Ordering::Relaxed) > cores()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        MEMBERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Compresses what is written into one member.
pub(super) struct Gzip {
    level: Compression,
    /// The block that fills.
    block: Vec<u8>,
    /// Blocks to fill again.
    spare: Vec<Vec<u8>>,
    /// They start when a block is full.
    threads: Vec<Thread>,
    /// Blocks that were handed to threads, in turn, and those that came back.
    handed: usize,
    back: usize,
    checksum: Crc,
    /// What stands before the first block was given out.
    begun: bool,
    /// Compresses where no thread does.
    own: Option<Box<Compress>>,
    _member: Option<Member>,
}

struct Thread {
    blocks: Sender<Vec<u8>>,
    packed: Receiver<Packed>,
}

/// A block that was compressed.
struct Packed {
    bytes: io::Result<Vec<u8>>,
    checksum: Crc,
    block: Vec<u8>,
}

impl Gzip {
    /// The same for a member beside others of one writer, of which it fills one at a time: together they keep as many
    /// threads busy as one.
    #[must_use]
    pub(super) fn beside(mut self) -> Self {
        self._member = None;
        self
    }

    /// A member at a level from 0 to 9.
    pub(super) fn new(level: u32) -> Self {
        Self {
            level: Compression::new(level.min(9)),
            block: Vec::new(),
            spare: Vec::new(),
            threads: Vec::new(),
            handed: 0,
            back: 0,
            checksum: Crc::new(),
            begun: false,
            own: None,
            _member: Some(Member::new()),
        }
    }

    /// Takes bytes; those before them that are compressed by now go to `out`.
    pub(super) fn write(&mut self, mut bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK.saturating_sub(self.block.len())));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() >= BLOCK {
                self.hand_on(out)?;
            }
        }
        Ok(())
    }

    /// Takes a block whole, where it is large enough to be compressed by itself, and leaves an empty one.
    pub(super) fn write_block(&mut self, block: &mut Vec<u8>, out: &mut impl Write) -> io::Result<()> {
        if self.block.is_empty() && (BLOCK / 2..=BLOCK * 8).contains(&block.len()) {
            std::mem::swap(block, &mut self.block);
            return self.hand_on(out);
        }
        self.write(block, out)?;
        block.clear();
        Ok(())
    }

    /// Ends the member.
    pub(super) fn finish(mut self, out: &mut impl Write) -> io::Result<()> {
        while self.back < self.handed {
            self.take_back(out)?;
        }
        let rest = std::mem::take(&mut self.block);
        if !rest.is_empty() {
            self.pack_here(rest, out)?;
        }
        self.begin(out)?;
        out.write_all(&END)?;
        out.write_all(&self.checksum.sum().to_le_bytes())?;
        out.write_all(&self.checksum.amount().to_le_bytes())
    }

    /// Compresses a block on this thread. None may be under way.
    fn pack_here(&mut self, block: Vec<u8>, out: &mut impl Write) -> io::Result<()> {
        let level = self.level;
        let own = self.own.get_or_insert_with(|| Box::new(Compress::new(level, false)));
        let packed = pack(own, block);
        self.give_out(packed, out)
    }

    fn hand_on(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.threads.is_empty() && Member::is_one_of_many() {
            let block = std::mem::take(&mut self.block);
            self.pack_here(block, out)?;
            self.block = self.spare.pop().unwrap_or_default();
            return Ok(());
        }
        if self.threads.is_empty() {
            self.threads = (0..threads()).map(|_| Thread::start(self.level)).collect::<io::Result<_>>()?;
        }
        while self.handed - self.back >= UNDER_WAY {
            self.take_back(out)?;
        }
        let empty = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK));
        let block = std::mem::replace(&mut self.block, empty);
        let thread = &self.threads[self.handed % self.threads.len()];
        thread.blocks.send(block).map_err(|_| gone())?;
        self.handed += 1;
        Ok(())
    }

    fn take_back(&mut self, out: &mut impl Write) -> io::Result<()> {
        let thread = &self.threads[self.back % self.threads.len()];
        let packed = thread.packed.recv().map_err(|_| gone())?;
        self.back += 1;
        self.give_out(packed, out)
    }

    fn give_out(&mut self, packed: Packed, out: &mut impl Write) -> io::Result<()> {
        self.begin(out)?;
        out.write_all(&packed.bytes?)?;
        self.checksum.combine(&packed.checksum);
        let mut block = packed.block;
        block.clear();
        self.spare.push(block);
        Ok(())
    }

    /// The header: deflate, no name, no time, and how hard it was tried.
    fn begin(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.begun {
            return Ok(());
        }
        self.begun = true;
        let effort = match self.level.level() {
            9 => 2,
            0 | 1 => 4,
            _ => 0,
        };
        out.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, effort, 0xff])
    }
}

impl Thread {
    fn start(level: Compression) -> io::Result<Self> {
        let (blocks, taken) = bounded::<Vec<u8>>(UNDER_WAY);
        let (given, packed) = bounded(UNDER_WAY);
        let work = move || {
            let mut compress = Compress::new(level, false);
            // Either end may be gone: then the transfer has ended with an error of its own.
            while let Ok(block) = taken.recv() {
                if given.send(pack(&mut compress, block)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("gzip".to_owned()).spawn(work)?;
        Ok(Self { blocks, packed })
    }
}

/// Compresses a block up to a byte on which the next one can begin.
fn pack(compress: &mut Compress, block: Vec<u8>) -> Packed {
    let mut checksum = Crc::new();
    checksum.update(&block);
    let mut bytes = Vec::with_capacity(block.len() / 2 + 64);
    compress.reset();
    let mut packed = || loop {
        let taken = usize::try_from(compress.total_in()).unwrap_or(usize::MAX).min(block.len());
        let before = bytes.len();
        let status = compress.compress_vec(&block[taken..], &mut bytes, FlushCompress::Sync)?;
        // Done when there was room left: then the flush is out as well.
        if bytes.len() < bytes.capacity() && compress.total_in() == block.len() as u64 {
            return Ok(());
        }
        if status == Status::BufError && bytes.len() == before && bytes.len() < bytes.capacity() {
            return Err(io::Error::other("the compression does not go on"));
        }
        bytes.reserve(block.len() / 4 + 64);
    };
    let done = packed();
    Packed { bytes: done.map(|()| bytes), checksum, block }
}

fn gone() -> io::Error {
    io::Error::other("a thread that compresses has ended")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn packed(bytes: &[u8], level: u32, step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut gzip = Gzip::new(level);
        bytes.chunks(step).for_each(|bytes| gzip.write(bytes, &mut out).unwrap());
        gzip.finish(&mut out).unwrap();
        out
    }

    /// Numbers that look random, and repeat themselves a little.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 29 == 0 { b'a' } else { (state >> 24) as u8 }
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn a_member_of_many_has_the_same_bytes_and_no_threads() {
        let text: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let alone = packed(&text, 1, 100_000);
        let many: Vec<Member> = (0..=cores()).map(|_| Member::new()).collect();
        let mut gzip = Gzip::new(1);
        let mut out = Vec::new();
        gzip.write(&text, &mut out).unwrap();
        assert!(gzip.threads.is_empty());
        gzip.finish(&mut out).unwrap();
        assert!(out == alone);
        drop(many);
    }

    #[test]
    fn every_length_is_one_member_that_reads_back() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 9 * BLOCK + 77] {
            let bytes = sample(length);
            for level in [0, 1, 6] {
                let file = packed(&bytes, level, 100_000);
                // This reader stops after one member.
                let mut reader = GzDecoder::new(&file[..]);
                let mut read = Vec::new();
                reader.read_to_end(&mut read).unwrap();
                assert!(read == bytes, "{length} at {level}");
                assert!(reader.into_inner().is_empty());
            }
        }
    }

    #[test]
    fn blocks_of_any_size_may_be_handed_over() {
        let bytes = sample(20 * BLOCK);
        let mut gzip = Gzip::new(1);
        let mut out = Vec::new();
        let mut block = Vec::new();
        let mut from = 0;
        for length in [1, BLOCK, 2 * BLOCK, BLOCK / 2, 9 * BLOCK, 0, 5, 3 * BLOCK] {
            block.extend_from_slice(&bytes[from..from + length]);
            from += length;
            gzip.write_block(&mut block, &mut out).unwrap();
            assert!(block.is_empty());
        }
        gzip.finish(&mut out).unwrap();
        let mut read = Vec::new();
        GzDecoder::new(&out[..]).read_to_end(&mut read).unwrap();
        assert!(read == bytes[..from]);
    }

    #[test]
    fn how_it_was_written_does_not_matter() {
        let bytes = b"order 1 paid; ".repeat(200_000);
        let file = packed(&bytes, 1, 7_777);
        assert!(file == packed(&bytes, 1, bytes.len()));
        assert!(file.len() < bytes.len() / 20, "{}", file.len());
    }
}
