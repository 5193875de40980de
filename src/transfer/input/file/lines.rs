//! The lines of a file. Those of gigabytes are refused before they fill the memory.

use std::io;

use memchr::memchr2;

use super::charset::Utf8Reader;
use super::decode::{LARGEST, TooLarge};
use crate::embulk::input::LineEnd;
use crate::transfer::page::{empty, trim};

/// Lines, without what ends them.
pub(super) struct Lines {
    reader: Utf8Reader,
    end: Option<LineEnd>,
    buffer: Vec<u8>,
    /// Where the next line starts.
    at: usize,
    ended: bool,
}

impl Lines {
    pub(super) fn new(reader: Utf8Reader, end: Option<LineEnd>) -> Self {
        Self { reader, end, buffer: Vec::new(), at: 0, ended: false }
    }

    /// Whether bytes were found that are no characters.
    pub(super) fn has_replaced(&self) -> bool {
        self.reader.has_replaced()
    }

    /// Puts the next line into `line`; false at the end of the file.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        empty(line);
        let mut seen = self.at;
        loop {
            if let Some((length, marks)) = find(&self.buffer[self.at..], seen - self.at, self.end, self.ended)
            {
                line.extend_from_slice(&self.buffer[self.at..self.at + length]);
                self.at += length + marks;
                return Ok(true);
            }
            if self.ended {
                line.extend_from_slice(&self.buffer[self.at..]);
                self.at = self.buffer.len();
                return Ok(!line.is_empty());
            }
            self.buffer.drain(..self.at);
            trim(&mut self.buffer);
            self.at = 0;
            // The last byte is looked at again: it may be the first half of a line end.
            seen = self.buffer.len().saturating_sub(1);
            if self.buffer.len() > LARGEST {
                return Err(TooLarge::Line.into());
            }
            self.ended = !self.reader.read(&mut self.buffer)?;
        }
    }
}

/// Length of the first line and of its end; none while the end is not there. `from` is where to look first.
fn find(text: &[u8], from: usize, end: Option<LineEnd>, whole: bool) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(found) = memchr2(b'\r', b'\n', &text[at..]) {
        at += found;
        let next = text.get(at + 1);
        if text[at] == b'\r' && next.is_none() && !whole {
            return None;
        }
        let after_cr = at > 0 && text[at - 1] == b'\r';
        match (text[at], next, end) {
            (b'\r', Some(b'\n'), None) => return Some((at, 2)),
            (b'\r', _, None) | (b'\n', _, None) => return Some((at, 1)),
            (b'\r', Some(b'\n'), Some(LineEnd::Crlf)) => return Some((at, 2)),
            (b'\r', next, Some(LineEnd::Cr)) if next != Some(&b'\n') => return Some((at, 1)),
            (b'\n', _, Some(LineEnd::Lf)) if !after_cr => return Some((at, 1)),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::embulk::input::Charset;

    fn lines(text: &str, end: Option<LineEnd>) -> Vec<String> {
        // Two bytes at a time: line ends fall between pieces.
        struct Pairs(Vec<u8>);
        impl Read for Pairs {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let length = self.0.len().min(2);
                buffer[..length].copy_from_slice(&self.0[..length]);
                self.0.drain(..length);
                Ok(length)
            }
        }
        let charset = Charset::of("utf-8").unwrap();
        let mut lines = Lines::new(Utf8Reader::new(Box::new(Pairs(text.into())), charset), end);
        let mut all = Vec::new();
        let mut line = Vec::new();
        while lines.next(&mut line).unwrap() {
            all.push(String::from_utf8(line.clone()).unwrap());
        }
        all
    }

    #[test]
    fn every_line_end_counts_unless_one_is_named() {
        let text = "a\r\nbcd\re\n\nf\r\r\n";
        assert_eq!(lines(text, None), ["a", "bcd", "e", "", "f", ""]);
        assert_eq!(lines(text, Some(LineEnd::Crlf)), ["a", "bcd\re\n\nf\r"]);
        assert_eq!(lines(text, Some(LineEnd::Lf)), ["a\r\nbcd\re", "", "f\r\r\n"]);
        assert_eq!(lines(text, Some(LineEnd::Cr)), ["a\r\nbcd", "e\n\nf", "\r\n"]);
        assert_eq!(lines("", None), [""; 0]);
        assert_eq!(lines("x", None), ["x"]);
    }
}
