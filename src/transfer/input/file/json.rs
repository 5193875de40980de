//! Rows of JSON: documents one after another, or one in each line.
//!
//! Values keep the text that they are written in: digits beyond a double, the order of keys.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io::{self, Read};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::cell::{CellReader, Row};
use super::charset::Utf8Reader;
use super::documents::Documents;
use super::lines::Lines;
use super::notes::{BadRow, Notes};
use super::{FileRows, OpenFile, decode, escapes};
use crate::embulk::config::EmbulkType;
use crate::embulk::input::{Arrays, JsonParser};
use crate::transfer::encode::json_text::{push_compact_json, string_text};
use crate::transfer::error::{ErrorKind, TransferError};

/// The rows of one file.
pub(super) struct JsonRows<'f> {
    file: OpenFile<'f>,
    config: &'f JsonParser,
    source: Source,
    cells: &'f mut [CellReader],
    document: Vec<u8>,
    /// The line of the document.
    line: u64,
    /// Rows of the document that are still to come.
    pending: VecDeque<String>,
}

enum Source {
    Documents(Documents),
    Lines(Lines),
}

/// Why there is no row.
enum Fault {
    /// The row is passed over.
    Row(BadRow),
    /// The file is not what it should be.
    Value(BadRow),
}

impl<'f> JsonRows<'f> {
    /// Documents one after another: one that is broken ends the read, for nobody knows where the next begins.
    pub(super) fn documents(
        file: OpenFile<'f>,
        bytes: Box<dyn Read + Send>,
        config: &'f JsonParser,
        cells: &'f mut [CellReader],
    ) -> Self {
        let bytes = escapes::repaired(bytes, config.bad_escapes);
        let source = Source::Documents(Documents::new(Utf8Reader::new(bytes, config.charset)));
        Self::new(file, source, config, cells)
    }

    /// A document in each line.
    pub(super) fn lines(
        file: OpenFile<'f>,
        bytes: Box<dyn Read + Send>,
        config: &'f JsonParser,
        cells: &'f mut [CellReader],
    ) -> Self {
        let bytes = escapes::repaired(bytes, config.bad_escapes);
        let source = Source::Lines(Lines::new(Utf8Reader::new(bytes, config.charset), None));
        Self::new(file, source, config, cells)
    }

    fn new(file: OpenFile<'f>, source: Source, config: &'f JsonParser, cells: &'f mut [CellReader]) -> Self {
        Self { file, config, source, cells, document: Vec::new(), line: 0, pending: VecDeque::new() }
    }

    /// Goes to the next document; false at the end of the file.
    fn next_document(&mut self) -> io::Result<bool> {
        match &mut self.source {
            Source::Documents(documents) => {
                let line = documents.next(&mut self.document)?;
                self.line = line.unwrap_or(self.line);
                Ok(line.is_some())
            }
            Source::Lines(lines) => loop {
                if !lines.next(&mut self.document)? {
                    return Ok(false);
                }
                self.line += 1;
                if !self.document.trim_ascii().is_empty() {
                    return Ok(true);
                }
            },
        }
    }

    /// Lines before the one that could not be read.
    fn whole_lines(&self) -> u64 {
        match &self.source {
            Source::Documents(documents) => documents.line() - 1,
            Source::Lines(_) => self.line,
        }
    }

    /// The rows of the document.
    fn unpack(&mut self) -> Result<(), Fault> {
        let not_json = || match self.source {
            Source::Documents(_) => Fault::Value(BadRow::new("is not JSON")),
            Source::Lines(_) => Fault::Row(BadRow::new("is not JSON")),
        };
        let whole = parsed(&mut self.document).ok_or_else(not_json)?;
        let Some(root) = at_pointer(whole, &self.config.root) else {
            return Err(Fault::Row(BadRow::new("has nothing at `root`")));
        };
        match self.config.arrays {
            Arrays::Keep => self.pending.push_back(root.get().to_owned()),
            Arrays::Flatten => {
                let rows: Vec<&RawValue> = serde_json::from_str(root.get())
                    .map_err(|_| Fault::Row(BadRow::new("is not a JSON array")))?;
                self.pending.extend(rows.into_iter().map(|row| row.get().to_owned()));
            }
        }
        Ok(())
    }

    fn row(&mut self, text: &str, row: &mut Row) -> Result<(), Fault> {
        row.clear();
        let Ok(Members(members)) = serde_json::from_str(text) else {
            return Err(Fault::Row(BadRow::new("is not a JSON object")));
        };
        let whole: &RawValue =
            serde_json::from_str(text).map_err(|_| Fault::Row(BadRow::new("is not JSON")))?;
        for cell in self.cells.iter_mut() {
            let value = match cell.element_at() {
                Some(pointer) => at_pointer(whole, pointer),
                None => members.get(cell.name()).copied(),
            };
            match value {
                Some(value) if value.get() != "null" => push(cell, value, row)?,
                _ => row.push_null(),
            }
        }
        Ok(())
    }

    fn fault(&self, fault: Fault, notes: &mut Notes) -> Result<(), TransferError> {
        let name = self.file.name;
        match (fault, &self.source) {
            (Fault::Row(bad), _) | (Fault::Value(bad), Source::Lines(_)) => {
                notes.bad_row(name, self.line, &bad)
            }
            (Fault::Value(bad), Source::Documents(_)) => {
                let message = format!("file `{name}`, line {}: {}", self.line, bad.text());
                Err(TransferError::new(ErrorKind::Data, message))
            }
        }
    }
}

impl FileRows for JsonRows<'_> {
    fn next(&mut self, row: &mut Row, notes: &mut Notes) -> Result<bool, TransferError> {
        loop {
            let outcome = if let Some(text) = self.pending.pop_front() {
                match self.row(&text, row) {
                    Ok(()) => return Ok(true),
                    Err(fault) => Err(fault),
                }
            } else {
                let more = self.next_document();
                let failed =
                    |error| decode::failed(error, self.file.name, self.whole_lines(), self.file.decoders);
                if !more.map_err(failed)? {
                    return Ok(false);
                }
                self.unpack()
            };
            if let Err(fault) = outcome {
                self.fault(fault, notes)?;
            }
        }
    }

    fn has_replaced(&self) -> bool {
        match &self.source {
            Source::Documents(documents) => documents.has_replaced(),
            Source::Lines(lines) => lines.has_replaced(),
        }
    }
}

/// The members of an object by their names. Of those of the same name the first counts, as in Embulk.
struct Members<'v>(HashMap<String, &'v RawValue>);

impl<'de: 'v, 'v> Deserialize<'de> for Members<'v> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = HashMap<String, &'de RawValue>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = HashMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    members.entry(name).or_insert(value);
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Each).map(Self)
    }
}

/// Adds a value that is not null as the column's type.
fn push(cell: &mut CellReader, value: &RawValue, row: &mut Row) -> Result<(), Fault> {
    let raw = value.get();
    let text = match (cell.kind(), raw.strip_prefix('"')) {
        (EmbulkType::Json, _) => raw.to_owned(),
        (_, Some(_)) => string_text(raw),
        (_, None) => {
            let mut compact = Vec::new();
            push_compact_json(raw.as_bytes(), &mut compact);
            String::from_utf8(compact).unwrap_or_default()
        }
    };
    match cell.kind() {
        EmbulkType::Boolean => {
            let value = if text.eq_ignore_ascii_case("true") { "true" } else { "false" };
            cell.read(value.as_bytes(), row).map_err(Fault::Row)
        }
        // Embulk ends here too: a number that is none is no matter of one row.
        EmbulkType::Long | EmbulkType::Double => cell.read(text.as_bytes(), row).map_err(Fault::Value),
        EmbulkType::String | EmbulkType::Timestamp | EmbulkType::Json => {
            cell.read(text.as_bytes(), row).map_err(Fault::Row)
        }
    }
}

/// The document, when it is JSON. Bare control characters in strings, which Embulk takes, are escaped.
fn parsed(document: &mut Vec<u8>) -> Option<&RawValue> {
    if serde_json::from_slice::<&RawValue>(document).is_err() {
        *document = escape_controls(document);
    }
    serde_json::from_slice(document).ok()
}

/// Writes control characters in strings as JSON wants them.
pub(super) fn escape_controls(document: &[u8]) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let mut out = Vec::with_capacity(document.len() + 16);
    for &byte in document {
        match byte {
            0..=0x1f if in_string => {
                if escaped {
                    // A backslash before a bare control character escapes nothing.
                    out.push(b'\\');
                }
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                escaped = false;
                continue;
            }
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ => {}
        }
        out.push(byte);
    }
    out
}

/// The part of a document at a JSON pointer (RFC 6901); none when there is none.
fn at_pointer<'v>(value: &'v RawValue, pointer: &str) -> Option<&'v RawValue> {
    let mut value = value;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        value = match value.get().as_bytes().first()? {
            b'{' => serde_json::from_str::<Members<'_>>(value.get()).ok()?.0.get(&step).copied()?,
            b'[' => {
                let at: usize = step.parse().ok()?;
                serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()?.get(at).copied()?
            }
            _ => return None,
        };
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_lead_to_parts() {
        let mut document = br#"{"a": {"b/c": [1, {"d": 1.50}]}, "e": "x"}"#.to_vec();
        let whole = parsed(&mut document).unwrap();
        for (pointer, text) in [
            ("/a/b~1c/1/d", Some("1.50")),
            ("/a/b~1c/0", Some("1")),
            ("/e", Some("\"x\"")),
            ("/e/f", None),
            ("/a/b~1c/x", None),
            ("/no", None),
        ] {
            assert_eq!(at_pointer(whole, pointer).map(RawValue::get), text, "{pointer}");
        }
        assert_eq!(at_pointer(whole, "").map(RawValue::get), Some(whole.get()));
    }

    #[test]
    fn the_first_of_members_with_one_name_counts() {
        let mut document = br#"{"a": null, "b": {"c": 1, "c": 2}, "a": 3}"#.to_vec();
        let whole = parsed(&mut document).unwrap();
        assert_eq!(at_pointer(whole, "/a").map(RawValue::get), Some("null"));
        assert_eq!(at_pointer(whole, "/b/c").map(RawValue::get), Some("1"));
    }

    #[test]
    fn bare_control_characters_are_taken() {
        let mut document = b"{\"a\": \"x\ty\n\"}".to_vec();
        assert_eq!(parsed(&mut document).map(RawValue::get), Some("{\"a\": \"x\\u0009y\\u000a\"}"));
        assert!(parsed(&mut b"{\"a\": }".to_vec()).is_none());
    }
}
