//! The encoders of written files: what the bytes of a format go through on their way out.

use std::io::{self, Write};

use bzip2::write::BzEncoder;
use zstd::stream::write::Encoder as ZstdEncoder;

use super::gzip::{self, FASTEST, Gzip};
use crate::embulk::output::Encoder;

/// A sink behind encoders.
pub(super) enum Encoded<W: Write> {
    /// The sink itself.
    Plain(W),
    Gzip(Box<(Gzip, Encoded<W>)>),
    Bzip2(Box<BzEncoder<Encoded<W>>>),
    Zstd(Box<ZstdEncoder<'static, Encoded<W>>>),
}

/// Bytes that an encoder holds at most.
pub(super) fn memory_bytes(encoders: &[Encoder]) -> usize {
    let bytes = encoders.iter().map(|encoder| match encoder {
        Encoder::Gzip { .. } => gzip::memory_bytes(),
        Encoder::Bzip2 { .. } => 8 << 20,
        // Windows and tables of zstd grow with the level.
        Encoder::Zstd { level: ..=3 } => 8 << 20,
        Encoder::Zstd { level: ..=12 } => 64 << 20,
        Encoder::Zstd { .. } => 112 << 20,
    });
    bytes.sum()
}

impl<W: Write> Encoded<W> {
    /// The first encoder of the config is the first that the bytes meet.
    pub(super) fn new(sink: W, encoders: &[Encoder]) -> io::Result<Self> {
        encoders.iter().rev().try_fold(Self::Plain(sink), |inner, encoder| {
            Ok(match encoder {
                Encoder::Gzip { level } => Self::Gzip(Box::new((Gzip::new(level.unwrap_or(FASTEST)), inner))),
                Encoder::Bzip2 { level } => {
                    let level = bzip2::Compression::new((*level).clamp(1, 9));
                    Self::Bzip2(Box::new(BzEncoder::new(inner, level)))
                }
                Encoder::Zstd { level } => {
                    let mut encoder = ZstdEncoder::new(inner, *level)?;
                    // A reader finds out when bytes were changed on the way.
                    encoder.include_checksum(true)?;
                    Self::Zstd(Box::new(encoder))
                }
            })
        })
    }

    /// Ends every encoder and gives the sink back.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(sink) => Ok(sink),
            Self::Gzip(encoder) => {
                let (gzip, mut inner) = *encoder;
                gzip.finish(&mut inner)?;
                inner.finish()
            }
            Self::Bzip2(encoder) => encoder.finish()?.finish(),
            Self::Zstd(encoder) => encoder.finish()?.finish(),
        }
    }
}

/// A sink that may keep the memory that it is handed.
pub(super) trait BlockSink: Write {
    /// Writes a block and leaves it empty.
    fn write_block(&mut self, block: &mut Vec<u8>) -> io::Result<()>;
}

impl<W: Write> BlockSink for Encoded<W> {
    fn write_block(&mut self, block: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => {
                let (gzip, inner) = encoder.as_mut();
                gzip.write_block(block, inner)
            }
            _ => {
                self.write_all(block)?;
                block.clear();
                Ok(())
            }
        }
    }
}

impl<W: Write> Write for Encoded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(sink) => sink.write(bytes),
            Self::Gzip(encoder) => {
                let (gzip, inner) = encoder.as_mut();
                gzip.write(bytes, inner).map(|()| bytes.len())
            }
            Self::Bzip2(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(sink) => sink.flush(),
            Self::Gzip(encoder) => encoder.1.flush(),
            Self::Bzip2(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn bytes_meet_the_first_encoder_first() {
        let encoders =
            [Encoder::Bzip2 { level: 9 }, Encoder::Zstd { level: 3 }, Encoder::Gzip { level: None }];
        let mut encoded = Encoded::new(Vec::new(), &encoders).unwrap();
        let text = "注文 ".repeat(100_000);
        encoded.write_all(text.as_bytes()).unwrap();
        let bytes = encoded.finish().unwrap();
        let unzipped = flate2::read::GzDecoder::new(&bytes[..]);
        let inner = zstd::stream::read::Decoder::new(unzipped).unwrap();
        let mut read = String::new();
        bzip2::read::BzDecoder::new(inner).read_to_string(&mut read).unwrap();
        assert!(read == text);
    }

    #[test]
    fn a_zstd_file_has_a_checksum_of_its_content() {
        let mut encoded = Encoded::new(Vec::new(), &[Encoder::Zstd { level: 1 }]).unwrap();
        encoded.write_all(b"hello").unwrap();
        let mut bytes = encoded.finish().unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        assert!(zstd::stream::decode_all(&bytes[..]).is_err());
    }
}
