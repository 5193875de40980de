//! The way of `fuzz` to the parsers: the rows of some bytes, without a disk.

use std::io::{Cursor, Read};

use jiff::tz::TimeZone;

use super::{CellReader, FilePlace, FileReader, Files};
use crate::embulk::input::FileInput;
use crate::transfer::context::Cancel;
use crate::transfer::error::TransferError;
use crate::transfer::schema::Zones;

/// One file that is in memory.
struct InMemory {
    names: [String; 1],
    bytes: Vec<u8>,
}

impl Files for InMemory {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn last_path(&self) -> Option<&str> {
        None
    }

    fn bytes(&self) -> Option<u64> {
        None
    }

    fn open(&self, _: usize) -> Result<Box<dyn Read + Send>, TransferError> {
        Ok(Box::new(Cursor::new(self.bytes.clone())))
    }
}

/// Reads these bytes as the config says that its files are written.
pub fn reader(config: &FileInput, bytes: Vec<u8>) -> FileReader {
    let content = config.content.clone();
    FileReader {
        files: Box::new(InMemory { names: ["data".to_owned()], bytes }),
        cells: content.parser.columns().iter().map(CellReader::new).collect(),
        schema: content.schema(Zones { process: TimeZone::UTC, clock: TimeZone::UTC, ..Zones::utc() }),
        content,
        place: FilePlace::of(config),
        cancel: Cancel::default(),
    }
}
