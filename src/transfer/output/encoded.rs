//! The encoders of written files: what the bytes of a format go through on their way out.

use std::io::{self, Write};

use bzip2::write::BzEncoder;
use flate2::write::GzEncoder;
use zstd::stream::write::Encoder as ZstdEncoder;

use crate::embulk::output::Encoder;

/// gzip's level when the config names none: the fastest, some percent larger than the usual 6.
const FASTEST: u32 = 1;

/// A sink behind encoders.
pub(super) enum Encoded<W: Write> {
    /// The sink itself.
    Plain(W),
    Gzip(Box<GzEncoder<Encoded<W>>>),
    Bzip2(Box<BzEncoder<Encoded<W>>>),
    Zstd(Box<ZstdEncoder<'static, Encoded<W>>>),
}

/// Bytes that an encoder holds at most.
pub(super) fn memory_bytes(encoders: &[Encoder]) -> usize {
    let megabytes = encoders.iter().map(|encoder| match encoder {
        Encoder::Gzip { .. } => 1,
        Encoder::Bzip2 { .. } => 8,
        // Windows and tables of zstd grow with the level.
        Encoder::Zstd { level: ..=3 } => 8,
        Encoder::Zstd { level: ..=12 } => 64,
        Encoder::Zstd { .. } => 112,
    });
    megabytes.sum::<usize>() << 20
}

impl<W: Write> Encoded<W> {
    /// The first encoder of the config is the first that the bytes meet.
    pub(super) fn new(sink: W, encoders: &[Encoder]) -> io::Result<Self> {
        encoders.iter().rev().try_fold(Self::Plain(sink), |inner, encoder| {
            Ok(match encoder {
                Encoder::Gzip { level } => {
                    let level = flate2::Compression::new(level.unwrap_or(FASTEST).min(9));
                    Self::Gzip(Box::new(GzEncoder::new(inner, level)))
                }
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
            Self::Gzip(encoder) => encoder.finish()?.finish(),
            Self::Bzip2(encoder) => encoder.finish()?.finish(),
            Self::Zstd(encoder) => encoder.finish()?.finish(),
        }
    }
}

impl<W: Write> Write for Encoded<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(sink) => sink.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Bzip2(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(sink) => sink.flush(),
            Self::Gzip(encoder) => encoder.flush(),
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
