//! Backslashes that JSON does not know, taken out of documents on their way.
//!
//! Bytes are looked at, not characters: all charsets of JSON files have a backslash where ASCII has it. An escaped
//! backslash stays what it is, whatever follows it.

use std::io::{self, Read};

use crate::embulk::input::BadEscapes;

/// Bytes that are looked at at once.
const PIECE: usize = 16 * 1024;
/// A backslash with `u` and four digits is the longest escape.
const LONGEST: usize = 6;

/// The same bytes with the backslashes as they should be.
pub(super) fn repaired(source: Box<dyn Read + Send>, policy: BadEscapes) -> Box<dyn Read + Send> {
    match policy {
        BadEscapes::Refuse => source,
        BadEscapes::Skip | BadEscapes::Unescape => {
            Box::new(Repaired { source, policy, raw: Vec::new(), ready: Vec::new(), at: 0, ended: false })
        }
    }
}

struct Repaired<R> {
    source: R,
    policy: BadEscapes,
    /// As it was read; what is here may go on in the next piece.
    raw: Vec<u8>,
    ready: Vec<u8>,
    /// How much of `ready` has been given.
    at: usize,
    ended: bool,
}

impl<R: Read> Read for Repaired<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() && !(self.ended && self.raw.is_empty()) {
            self.fill()?;
        }
        let length = buffer.len().min(self.ready.len() - self.at);
        buffer[..length].copy_from_slice(&self.ready[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

impl<R: Read> Repaired<R> {
    fn fill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.at = 0;
        if !self.ended {
            let start = self.raw.len();
            self.raw.resize(start + PIECE, 0);
            let read = self.source.read(&mut self.raw[start..]);
            self.raw.truncate(start + *read.as_ref().unwrap_or(&0));
            self.ended = read? == 0;
        }
        let mut at = 0;
        while at < self.raw.len() && (self.ended || at + LONGEST <= self.raw.len() || self.raw[at] != b'\\') {
            at += self.take(at);
        }
        self.raw.drain(..at);
        Ok(())
    }

    /// Passes on what begins at a place; how much that is.
    fn take(&mut self, at: usize) -> usize {
        let rest = &self.raw[at..];
        let (kept, length) = match rest {
            [b'\\', b'b' | b'f' | b'n' | b'r' | b't' | b'"' | b'\\' | b'/', ..] => (&rest[..2], 2),
            [b'\\', b'u', digits @ ..]
                if digits.len() >= 4 && digits[..4].iter().all(u8::is_ascii_hexdigit) =>
            {
                (&rest[..LONGEST], LONGEST)
            }
            // A line end is no character to skip.
            [b'\\', b'\n' | b'\r', ..] | [b'\\'] => (&rest[..0], 1),
            [b'\\', ..] => (&rest[..0], if self.policy == BadEscapes::Skip { 2 } else { 1 }),
            _ => (&rest[..1], 1),
        };
        self.ready.extend_from_slice(kept);
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, policy: BadEscapes) -> String {
        // One byte at a time: escapes fall between pieces.
        struct Drops(Vec<u8>);
        impl Read for Drops {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let length = self.0.len().min(1);
                buffer[..length].copy_from_slice(&self.0[..length]);
                self.0.drain(..length);
                Ok(length)
            }
        }
        let mut out = String::new();
        repaired(Box::new(Drops(text.into())), policy).read_to_string(&mut out).unwrap();
        out
    }

    #[test]
    fn escapes_that_json_does_not_know_are_taken_out() {
        for (text, skip, unescape) in [
            (r#"{"a": "b\xc"}"#, r#"{"a": "bc"}"#, r#"{"a": "bxc"}"#),
            (r#"\n\"\\\/\u00e9"#, r#"\n\"\\\/\u00e9"#, r#"\n\"\\\/\u00e9"#),
            (r#"\u12x4"#, "12x4", "u12x4"),
            (r#"\\x\"#, r#"\\x"#, r#"\\x"#),
            ("\\\n1", "\n1", "\n1"),
            ("日本", "日本", "日本"),
        ] {
            assert_eq!(read(text, BadEscapes::Refuse), text, "{text}");
            assert_eq!(read(text, BadEscapes::Skip), skip, "{text}");
            assert_eq!(read(text, BadEscapes::Unescape), unescape, "{text}");
        }
    }
}
