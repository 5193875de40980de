//! What files are packed with, unpacked on the way; and whose fault it is when that ends badly.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::read::MultiBzDecoder;
use flate2::bufread::GzDecoder;

use crate::embulk::input::Decoder;
use crate::transfer::error::{ErrorKind, TransferError};

/// Where the file comes from failed, not what it is packed with.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct SourceFault(pub(super) TransferError);

impl From<SourceFault> for io::Error {
    fn from(fault: SourceFault) -> Self {
        Self::other(fault)
    }
}

/// Longer lines and documents are no rows: they would fill the memory.
pub(super) const LARGEST: usize = 256 << 20;

/// A part of a file is larger than [`LARGEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooLarge {
    #[error("is longer than 256 MiB")]
    Line,
    #[error("begins a document of more than 256 MiB")]
    Document,
}

impl From<TooLarge> for io::Error {
    fn from(too_large: TooLarge) -> Self {
        Self::other(too_large)
    }
}

/// Unpacks a file, the first decoder first.
pub(super) fn decoded(source: Box<dyn Read + Send>, decoders: &[Decoder]) -> Box<dyn Read + Send> {
    decoders.iter().fold(source, |source, decoder| match decoder {
        Decoder::Gzip => Box::new(Members::new(source)) as Box<dyn Read + Send>,
        Decoder::Bzip2 => Box::new(MultiBzDecoder::new(BufReader::new(source))),
    })
}

/// Members of gzip one after another, with zeros between and behind them perhaps, as tapes leave them. Java takes whatever
/// follows the first one for the end, also a second one that is cut off; here it is broken then.
struct Members<R> {
    /// None after the last one.
    member: Option<GzDecoder<BufReader<R>>>,
    is_first: bool,
}

impl<R: Read> Members<R> {
    fn new(source: R) -> Self {
        Self { member: Some(GzDecoder::new(BufReader::new(source))), is_first: true }
    }

    /// Goes to the next member.
    fn follow(mut source: BufReader<R>) -> io::Result<Option<GzDecoder<BufReader<R>>>> {
        loop {
            let ready = source.fill_buf()?;
            let zeros = ready.iter().take_while(|byte| **byte == 0).count();
            let (is_end, is_member) = (ready.is_empty(), zeros < ready.len());
            source.consume(zeros);
            if is_end {
                return Ok(None);
            }
            if is_member {
                return Ok(Some(GzDecoder::new(source)));
            }
        }
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let length = member.read(buffer).map_err(|error| match error.kind() {
                io::ErrorKind::InvalidInput if !self.is_first => {
                    io::Error::new(io::ErrorKind::InvalidData, "bytes follow it that are not gzip")
                }
                _ => error,
            })?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            self.is_first = false;
            if let Some(member) = self.member.take() {
                self.member = Self::follow(member.into_inner())?;
            }
        }
        Ok(0)
    }
}

/// What went wrong in a file, at a place in it.
pub(super) fn failed(error: io::Error, name: &str, after_line: u64, decoders: &[Decoder]) -> TransferError {
    let place = match after_line {
        0 => format!("file `{name}` could not be read"),
        line => format!("file `{name}` could not be read after line {line}"),
    };
    let error = match error.downcast::<SourceFault>() {
        Ok(fault) => return fault.0.context(place),
        Err(error) => error,
    };
    let error = match error.downcast::<TooLarge>() {
        Ok(too_large) => {
            let message = format!("file `{name}`, line {}: {too_large}", after_line + 1);
            return TransferError::new(ErrorKind::Data, message)
                .hint("check what the file is packed and written in, and what ends its lines");
        }
        Err(error) => error,
    };
    let word = decoders.first().map(|decoder| match decoder {
        Decoder::Gzip => "gzip",
        Decoder::Bzip2 => "bzip2",
    });
    let Some(word) = word else {
        return TransferError::new(ErrorKind::Data, place).cause(error.to_string());
    };
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("its {word} data ends early"),
        _ => format!("its {word} data is broken: {error}"),
    };
    TransferError::new(ErrorKind::Data, place)
        .cause(reason)
        .hint("fetch or write the file again; nothing of it was published")
}
