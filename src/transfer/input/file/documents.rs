//! JSON documents one after another, with or without line ends between them, as pieces of text.

use std::io;

use memchr::{memchr_iter, memchr2};

use super::charset::Utf8Reader;
use super::decode::{LARGEST, TooLarge};
use crate::transfer::page::{empty, trim};

/// Finds where documents begin and end; whether they are right is for others to say.
pub(super) struct Documents {
    reader: Utf8Reader,
    buffer: Vec<u8>,
    /// Where the next document is looked for.
    at: usize,
    ended: bool,
    line: u64,
}

impl Documents {
    pub(super) fn new(reader: Utf8Reader) -> Self {
        Self { reader, buffer: Vec::new(), at: 0, ended: false, line: 1 }
    }

    /// Whether bytes were found that are no characters.
    pub(super) fn has_replaced(&self) -> bool {
        self.reader.has_replaced()
    }

    /// The line in which the next document is looked for.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Puts the next document into `text` and gives the line that it begins in; none at the end of the file.
    pub(super) fn next(&mut self, text: &mut Vec<u8>) -> io::Result<Option<u64>> {
        empty(text);
        loop {
            let blank = self.buffer[self.at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.pass(blank);
            if self.at < self.buffer.len() {
                break;
            }
            if !self.more()? {
                return Ok(None);
            }
        }
        let mut scan = Scan::default();
        let length = loop {
            if let Some(length) = scan.end(&self.buffer[self.at..]) {
                break length;
            }
            if self.buffer.len() - self.at > LARGEST {
                return Err(TooLarge::Document.into());
            }
            if !self.more()? {
                break self.buffer.len() - self.at;
            }
        };
        text.extend_from_slice(&self.buffer[self.at..self.at + length]);
        let line = self.line;
        self.pass(length);
        Ok(Some(line))
    }

    /// Goes on by so many bytes, counting lines.
    fn pass(&mut self, length: usize) {
        let passed = &self.buffer[self.at..self.at + length];
        self.line += memchr_iter(b'\n', passed).count() as u64;
        self.at += length;
    }

    fn more(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.drain(..self.at);
        trim(&mut self.buffer);
        self.at = 0;
        self.ended = !self.reader.read(&mut self.buffer)?;
        Ok(true)
    }
}

/// Length of the document at the start of a text: up to its closing bracket or quote, or up to white space.
pub(super) fn length(text: &[u8]) -> usize {
    match text.first() {
        Some(b'{' | b'[' | b'"') => Scan::default().end(text).unwrap_or(text.len()),
        _ => text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len()),
    }
}

/// How far a document was looked at.
#[derive(Debug, Default)]
struct Scan {
    at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Length of the document at the start of the text; none while its end is not there.
    fn end(&mut self, text: &[u8]) -> Option<usize> {
        while let Some(&byte) = text.get(self.at) {
            let begun = self.at > 0;
            self.at += 1;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return Some(self.at);
                        }
                    }
                    _ => {
                        let plain = memchr2(b'"', b'\\', &text[self.at..]);
                        self.at = plain.map_or(text.len(), |plain| self.at + plain);
                    }
                }
                continue;
            }
            match byte {
                b'{' | b'[' | b'"' if self.depth == 0 && begun => return Some(self.at - 1),
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(self.at);
                    }
                }
                byte if self.depth == 0 && byte.is_ascii_whitespace() => return Some(self.at - 1),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::input::Charset;

    #[test]
    fn documents_end_where_their_brackets_close() {
        let text = "{\"a\": \"}\\\"\"}{\"b\":[1,{}]}\n\n 12 true\"x\"[\n]{\"c\"";
        let reader = Utf8Reader::new(Box::new(text.as_bytes()), Charset::of("utf-8").unwrap());
        let mut documents = Documents::new(reader);
        let mut found = Vec::new();
        let mut document = Vec::new();
        while let Some(line) = documents.next(&mut document).unwrap() {
            found.push((line, String::from_utf8(document.clone()).unwrap()));
        }
        let expected = [
            (1, "{\"a\": \"}\\\"\"}"),
            (1, "{\"b\":[1,{}]}"),
            (3, "12"),
            (3, "true"),
            (3, "\"x\""),
            (3, "[\n]"),
            (4, "{\"c\""),
        ];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }
}
