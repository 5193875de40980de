//! What files are packed with, unpacked on the way; and whose fault it is when that ends badly.

use std::io::{self, BufReader, Read};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;

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
        Decoder::Gzip => Box::new(MultiGzDecoder::new(source)) as Box<dyn Read + Send>,
        Decoder::Bzip2 => Box::new(MultiBzDecoder::new(BufReader::new(source))),
    })
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
