//! Bytes of any charset as UTF-8, piece by piece.
//!
//! A byte-order mark at the start is dropped, and what is no character becomes U+FFFD, as in Embulk; that it happened
//! is remembered, because a text has changed then.

use std::io::{self, Read};

use encoding_rs::Decoder;

use crate::embulk::input::Charset;

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;
/// The byte-order mark in UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads UTF-8.
pub(super) struct Utf8Reader {
    source: Box<dyn Read + Send>,
    decoding: Decoding,
    raw: Vec<u8>,
    /// Room for a piece in UTF-8.
    decoded: Vec<u8>,
    /// Whether nothing was given yet.
    fresh: bool,
    ended: bool,
    replaced: bool,
}

enum Decoding {
    /// Its first bytes decide.
    Utf16,
    By(Box<Decoder>),
    /// Each byte up to this one is the character of its number.
    Bytes(u8),
}

impl Utf8Reader {
    pub(super) fn new(source: Box<dyn Read + Send>, charset: Charset) -> Self {
        let decoding = match charset {
            Charset::Encoding(encoding) => {
                Decoding::By(Box::new(encoding.new_decoder_without_bom_handling()))
            }
            Charset::Utf16 => Decoding::Utf16,
            Charset::Latin1 => Decoding::Bytes(u8::MAX),
            Charset::Ascii => Decoding::Bytes(127),
        };
        Self {
            source,
            decoding,
            raw: vec![0; PIECE],
            decoded: Vec::new(),
            fresh: true,
            ended: false,
            replaced: false,
        }
    }

    /// Whether bytes were found that are no characters.
    pub(super) fn has_replaced(&self) -> bool {
        self.replaced
    }

    /// Appends the next piece; false at the end.
    pub(super) fn read(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let start = out.len();
        let least = if self.fresh { MARK.len() } else { 1 };
        while out.len() - start < least && !self.ended {
            let length = self.fill()?;
            self.ended = length == 0;
            self.decode(length, out);
        }
        if self.fresh {
            self.fresh = false;
            if out[start..].starts_with(MARK) {
                out.drain(start..start + MARK.len());
            }
        }
        Ok(out.len() > start || !self.ended)
    }

    /// Reads a piece; while the charset hangs on the first two bytes, both of them.
    fn fill(&mut self) -> io::Result<usize> {
        let least = if let Decoding::Utf16 = self.decoding { 2 } else { 1 };
        let mut length = 0;
        while length < least {
            match self.source.read(&mut self.raw[length..]) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }

    fn decode(&mut self, length: usize, out: &mut Vec<u8>) {
        let raw = &self.raw[..length];
        if let Decoding::Utf16 = self.decoding {
            let encoding = match raw {
                [0xff, 0xfe, ..] => encoding_rs::UTF_16LE,
                _ => encoding_rs::UTF_16BE,
            };
            self.decoding = Decoding::By(Box::new(encoding.new_decoder_without_bom_handling()));
        }
        match &mut self.decoding {
            Decoding::By(decoder) => {
                // The library says how much room is enough; without its word there is too much.
                let room = decoder.max_utf8_buffer_length(length).unwrap_or(length * 4 + 16);
                if self.decoded.len() < room {
                    self.decoded.resize(room, 0);
                }
                let (_, _, written, replaced) = decoder.decode_to_utf8(raw, &mut self.decoded, length == 0);
                out.extend_from_slice(&self.decoded[..written]);
                self.replaced |= replaced;
            }
            Decoding::Bytes(last) => {
                for &byte in raw {
                    let char = if byte <= *last { char::from(byte) } else { char::REPLACEMENT_CHARACTER };
                    self.replaced |= byte > *last;
                    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            Decoding::Utf16 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Drops(Vec<u8>);

    impl Read for Drops {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            buffer[0] = self.0.remove(0);
            Ok(1)
        }
    }

    fn read(bytes: &[u8], charset: &str) -> (String, bool) {
        let mut reader = Utf8Reader::new(Box::new(Drops(bytes.to_vec())), Charset::of(charset).unwrap());
        let mut out = Vec::new();
        while reader.read(&mut out).unwrap() {}
        (String::from_utf8(out).unwrap(), reader.has_replaced())
    }

    #[test]
    fn texts_arrive_whatever_they_were_written_in() {
        for (bytes, charset, text, replaced) in [
            (&b"\xef\xbb\xbfa\xe6\x97\xa5"[..], "utf-8", "a日", false),
            (b"a\xefb", "utf-8", "a\u{fffd}b", true),
            (b"\x93\xfa\x96{", "MS932", "日本", false),
            (b"\xff\xfea\0\xe5\x65", "UTF-16", "a日", false),
            (b"\0a\x65\xe5", "UTF-16", "a日", false),
            (b"\xfe\xff\0a", "UTF-16", "a", false),
            (b"a\x80\xe9", "ISO-8859-1", "a\u{80}é", false),
            (b"a\xe9", "US-ASCII", "a\u{fffd}", true),
            (b"\xe9", "Cp1252", "é", false),
            (b"", "utf-8", "", false),
            (b"\xef", "utf-8", "\u{fffd}", true),
        ] {
            assert_eq!(read(bytes, charset), (text.to_owned(), replaced), "{bytes:?} {charset}");
        }
    }
}
