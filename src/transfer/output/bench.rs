//! The way of `bench/micro` to the gzip pipeline.

use std::io;

use super::gzip::{FASTEST, Gzip};

/// Compresses blocks into one member, as the files of an output are. Each block is left empty.
pub fn gzip(blocks: &mut [Vec<u8>], out: &mut impl io::Write) -> io::Result<()> {
    let mut gzip = Gzip::new(FASTEST);
    blocks.iter_mut().try_for_each(|block| gzip.write_block(block, out))?;
    gzip.finish(out)
}
