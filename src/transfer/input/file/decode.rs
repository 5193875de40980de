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
    if error.get_ref().is_some_and(|inner| inner.is::<SourceFault>()) {
        let inner = error.into_inner().and_then(|inner| inner.downcast::<SourceFault>().ok());
        if let Some(fault) = inner {
            return fault.0.context(place);
        }
        return TransferError::new(ErrorKind::Storage, place);
    }
    let word = decoders.first().map(|decoder| match decoder {
        Decoder::Gzip => "gzip",
        Decoder::Bzip2 => "bzip2",
    });
    let (Some(word), true) = (word, error.kind() != io::ErrorKind::InvalidData || is_packing(&error)) else {
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

/// Whether the library that unpacks said it: our own errors of that kind speak of lines.
fn is_packing(error: &io::Error) -> bool {
    !error.to_string().starts_with("a line ")
}
