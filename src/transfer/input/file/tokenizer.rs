//! Lines of CSV as fields, by the rules of Embulk's tokenizer, which go by lines: a row that cannot be read is left
//! at the end of its first line.

use std::collections::VecDeque;
use std::io;

use memchr::{memchr, memchr2};

use super::lines::Lines;
use super::notes::BadRow;
use crate::embulk::guess::EmptyLines;
use crate::embulk::input::{CsvParser, Spaces, StrayQuotes};

/// Line ends and doubled quotes do not break the limit of a quoted field in Embulk, only a character after them does;
/// but so many of them do, or a file of nothing else would fill the memory.
const UNCHECKED: u64 = 1 << 20;

/// A mark in UTF-8; never empty.
#[derive(Debug, Clone)]
struct Mark(Vec<u8>);

impl Mark {
    fn of(char: char) -> Self {
        Self(char.to_string().into_bytes())
    }

    #[inline]
    fn is_at(&self, line: &[u8], at: usize) -> bool {
        line.get(at) == self.0.first() && line[at..].starts_with(&self.0)
    }
}

/// Why there is no field.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file cannot be read on.
    File(io::Error),
    /// The row is no row.
    Row(BadRow),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

fn bad(reason: &'static str) -> Fault {
    Fault::Row(BadRow::new(reason))
}

/// Whether the row has further fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InRow,
    AtEnd,
}

/// How a field was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    Quoted,
    Bare,
}

/// Reads fields.
pub(super) struct Tokenizer {
    lines: Lines,
    delimiter: Mark,
    quote: Option<Mark>,
    escape: Option<Mark>,
    newline: &'static [u8],
    spaces: Spaces,
    stray_quotes: StrayQuotes,
    max_quoted_size: u64,
    comment: Option<Vec<u8>>,
    line: Vec<u8>,
    /// Whether `line` is a line: a file can end in the middle of a quoted field.
    has_line: bool,
    at: usize,
    number: u64,
    state: State,
    /// The lines before `line` that the current field spans.
    spanned: Vec<Vec<u8>>,
    /// Lines that are to be read again.
    unread: VecDeque<Vec<u8>>,
}

impl Tokenizer {
    pub(super) fn new(lines: Lines, config: &CsvParser) -> Self {
        Self {
            lines,
            delimiter: Mark(config.delimiter.clone().into_bytes()),
            quote: config.quote.map(Mark::of),
            escape: config.escape.map(Mark::of),
            newline: config.newline.as_bytes(),
            spaces: config.spaces,
            stray_quotes: config.stray_quotes,
            max_quoted_size: config.max_quoted_size,
            comment: config.comment_marker.clone().map(String::into_bytes),
            line: Vec::new(),
            has_line: false,
            at: 0,
            number: 0,
            state: State::AtEnd,
            spanned: Vec::new(),
            unread: VecDeque::new(),
        }
    }

    /// Number of the line that was read last, from 1.
    pub(super) fn line_number(&self) -> u64 {
        self.number
    }

    /// Whether bytes were found that are no characters.
    pub(super) fn has_replaced(&self) -> bool {
        self.lines.has_replaced()
    }

    /// Passes over a line before the first row; false at the end of the file.
    pub(super) fn skip_header(&mut self) -> io::Result<bool> {
        let skipped = self.lines.next(&mut self.line)?;
        self.number += u64::from(skipped);
        Ok(skipped)
    }

    /// Goes to the next row: lines that are empty or comments are passed over. False at the end of the file.
    pub(super) fn next_row(&mut self) -> io::Result<bool> {
        self.next_row_of(EmptyLines::Skip)
    }

    /// The same where lines without characters, and comments, may be rows.
    pub(super) fn next_row_of(&mut self, empty: EmptyLines) -> io::Result<bool> {
        self.spanned.clear();
        while self.next_line()? {
            let comment = self.comment.as_ref().is_some_and(|marker| self.line.starts_with(marker));
            if empty == EmptyLines::Keep || (!self.line.is_empty() && !comment) {
                self.state = State::InRow;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn next_line(&mut self) -> io::Result<bool> {
        self.has_line = match self.unread.pop_front() {
            Some(line) => {
                self.line = line;
                true
            }
            None => self.lines.next(&mut self.line)?,
        };
        self.number += u64::from(self.has_line);
        self.at = 0;
        Ok(self.has_line)
    }

    /// Whether the row has another field.
    pub(super) fn has_field(&self) -> bool {
        self.state == State::InRow
    }

    /// Leaves the row that cannot be read at the end of its first line; the lines after it are read again.
    pub(super) fn leave_row(&mut self) {
        if !self.spanned.is_empty() {
            let mut again = std::mem::take(&mut self.spanned);
            again.remove(0);
            if self.has_line {
                again.push(std::mem::take(&mut self.line));
            }
            self.number -= again.len() as u64;
            for line in again.into_iter().rev() {
                self.unread.push_front(line);
            }
        }
        self.state = State::AtEnd;
    }

    /// Appends the next field.
    pub(super) fn field(&mut self, out: &mut Vec<u8>) -> Result<Quoting, Fault> {
        if !self.has_field() {
            return Err(bad("has fewer fields than columns"));
        }
        self.spanned.clear();
        let mut start = self.at;
        if self.spaces == Spaces::Trim && !self.delimiter.is_at(&self.line, start) {
            while self.line.get(start) == Some(&b' ') && !self.delimiter.is_at(&self.line, start) {
                start += 1;
            }
        }
        if !self.delimiter.is_at(&self.line, start)
            && let Some(length) = self.quote_at(start)
        {
            self.at = start + length;
            self.quoted(out)?;
            return Ok(Quoting::Quoted);
        }
        let end = self.bare_end(start);
        let mut last = end;
        if self.spaces == Spaces::Trim {
            while last > start && self.line[last - 1] == b' ' {
                last -= 1;
            }
        }
        out.extend_from_slice(&self.line[start..last]);
        self.end_field(end);
        Ok(Quoting::Bare)
    }

    /// Where a field without quotes ends: at the delimiter or at the end of the line.
    fn bare_end(&self, start: usize) -> usize {
        let first = self.delimiter.0[0];
        let mut at = start;
        while let Some(found) = memchr(first, &self.line[at..]) {
            at += found;
            if self.delimiter.is_at(&self.line, at) {
                return at;
            }
            at += 1;
        }
        self.line.len()
    }

    /// Goes behind the delimiter at `end`, or ends the row.
    fn end_field(&mut self, end: usize) {
        if end < self.line.len() {
            self.at = end + self.delimiter.0.len();
        } else {
            self.at = end;
            self.state = State::AtEnd;
        }
    }

    fn quote_at(&self, at: usize) -> Option<usize> {
        self.quote.as_ref().filter(|quote| quote.is_at(&self.line, at)).map(|quote| quote.0.len())
    }

    fn escape_at(&self, at: usize) -> Option<usize> {
        self.escape.as_ref().filter(|escape| escape.is_at(&self.line, at)).map(|escape| escape.0.len())
    }

    /// Whether a delimiter may begin here: stray quotes are told by its first character alone.
    fn ends_at(&self, at: usize) -> bool {
        let first = std::str::from_utf8(&self.delimiter.0).ok().and_then(|text| text.chars().next());
        at >= self.line.len()
            || first
                .is_some_and(|first| self.line[at..].starts_with(first.encode_utf8(&mut [0; 4]).as_bytes()))
    }

    /// Appends what is between the quotes, and goes to the end of the field.
    fn quoted(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut size = 0;
        loop {
            if self.at >= self.line.len() {
                out.extend_from_slice(self.newline);
                size += self.newline.len() as u64;
                self.check(size.saturating_sub(UNCHECKED))?;
                self.spanned.push(std::mem::take(&mut self.line));
                if !self.next_line()? {
                    return Err(bad("has a quoted field that does not end"));
                }
            } else if let Some(length) = self.quote_at(self.at) {
                let (next, accept) = (self.at + length, self.stray_quotes == StrayQuotes::Accept);
                if self.quote_at(next).is_some() && (!accept || !self.ends_at(next + length)) {
                    out.extend_from_slice(&self.line[self.at..next]);
                    self.at = next + length;
                    size += 1;
                } else if accept && !self.ends_at(next) {
                    out.extend_from_slice(&self.line[self.at..next]);
                    self.at = next;
                    size += 1;
                    self.check(size)?;
                } else {
                    self.at = next;
                    return self.close();
                }
            } else if let Some(length) = self.escape_at(self.at) {
                let next = self.at + length;
                let escaped = self.quote_at(next).or_else(|| self.escape_at(next)).unwrap_or(0);
                let from = if escaped > 0 { next } else { self.at };
                out.extend_from_slice(&self.line[from..next + escaped]);
                self.at = next + escaped;
                size += 1;
            } else {
                let plain = &self.line[self.at..self.plain_end(self.at)];
                size += utf16_length(plain);
                self.check(size)?;
                out.extend_from_slice(plain);
                self.at += plain.len();
            }
        }
    }

    /// Where characters end that stand for themselves between quotes; there is one at `start`.
    fn plain_end(&self, start: usize) -> usize {
        let first = |mark: &Option<Mark>| mark.as_ref().map(|mark| mark.0[0]);
        let rest = &self.line[start + 1..];
        let found = match (first(&self.quote), first(&self.escape)) {
            (Some(quote), Some(escape)) => memchr2(quote, escape, rest),
            (Some(mark), None) | (None, Some(mark)) => memchr(mark, rest),
            (None, None) => None,
        };
        found.map_or(self.line.len(), |found| start + 1 + found)
    }

    fn check(&self, size: u64) -> Result<(), Fault> {
        if size > self.max_quoted_size {
            return Err(bad("has a quoted field above `max_quoted_size_limit`"));
        }
        Ok(())
    }

    /// After the closing quote: spaces, then the delimiter or the end of the line.
    fn close(&mut self) -> Result<(), Fault> {
        loop {
            if self.at >= self.line.len() || self.delimiter.is_at(&self.line, self.at) {
                self.end_field(self.at);
                return Ok(());
            }
            if self.line[self.at] != b' ' {
                return Err(bad("has a character after a closing quote"));
            }
            self.at += 1;
        }
    }
}

/// How many characters a text has in Java, where those of four bytes are two.
fn utf16_length(text: &[u8]) -> u64 {
    text.iter().map(|byte| u64::from(byte & 0xc0 != 0x80) + u64::from(*byte >= 0xf0)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::embulk::config::EmbulkType;
    use crate::embulk::input::{BadRows, Charset, ClockReading, ExtraFields, FileColumn, MissingFields};
    use crate::embulk::zone::Zone;
    use crate::transfer::input::file::charset::Utf8Reader;

    fn config() -> CsvParser {
        let clock =
            ClockReading { format: String::new(), zone: Zone::utc(), date: jiff::civil::date(1970, 1, 1) };
        let column = FileColumn { name: "a".to_owned(), kind: EmbulkType::String, clock, element_at: None };
        CsvParser {
            columns: vec![column],
            skip_header_lines: 0,
            delimiter: ",".to_owned(),
            quote: Some('"'),
            escape: Some('\\'),
            null_string: None,
            newline: "\r\n",
            line_end: None,
            spaces: Spaces::Keep,
            stray_quotes: StrayQuotes::Refuse,
            max_quoted_size: 131_072,
            comment_marker: None,
            missing_fields: MissingFields::Refuse,
            extra_fields: ExtraFields::Refuse,
            bad_rows: BadRows::Skip,
            charset: Charset::Encoding(encoding_rs::UTF_8),
        }
    }

    /// Rows with their fields between bars, quoted ones in brackets; `!line reason` for a bad row.
    fn rows(text: &str, config: &CsvParser) -> Vec<String> {
        let reader = Utf8Reader::new(Box::new(io::Cursor::new(text.to_owned())), config.charset);
        let mut tokenizer = Tokenizer::new(Lines::new(reader, config.line_end), config);
        let mut all = Vec::new();
        while tokenizer.next_row().unwrap() {
            let mut row = Vec::new();
            while tokenizer.has_field() {
                let mut field = Vec::new();
                match tokenizer.field(&mut field) {
                    Ok(quoting) => {
                        let text = String::from_utf8(field).unwrap();
                        row.push(if quoting == Quoting::Quoted { format!("[{text}]") } else { text });
                    }
                    Err(Fault::Row(bad)) => {
                        tokenizer.leave_row();
                        row = vec![format!("!{} {}", tokenizer.line_number(), bad.text())];
                    }
                    Err(Fault::File(error)) => panic!("{error}"),
                }
            }
            all.push(row.join("|"));
        }
        all
    }

    #[test]
    fn fields_are_those_of_embulk() {
        let plain = config();
        for (text, expected) in [
            ("a,b,,c", &["a|b||c"][..]),
            ("a\n\nb\r\nc\rd", &["a", "b", "c", "d"]),
            ("\"a,b\" , \"\",x", &["[a,b]| \"\"|x"]),
            ("\"a\"\"b\",\"c\\\"d\",\"e\\\\f\",\"g\\h\"", &["[a\"b]|[c\"d]|[e\\f]|[g\\h]"]),
            ("\"a\nb\r\n\",c", &["[a\r\nb\r\n]|c"]),
            ("x\"y\",z", &["x\"y\"|z"]),
            (",", &["|"]),
            ("日,😀", &["日|😀"]),
        ] {
            assert_eq!(rows(text, &plain), expected, "{text:?}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_read_ends_with_its_first_line() {
        assert_eq!(
            rows("\"a\nb\nc\"x\nd", &config()),
            ["!1 has a character after a closing quote", "b", "c\"x", "d"]
        );
        assert_eq!(rows("a\n\"b\nc", &config()), ["a", "!2 has a quoted field that does not end", "c"]);
        let short = CsvParser { max_quoted_size: 3, ..config() };
        assert_eq!(
            rows("\"abc\"\n\"日本語\"\n\"a😀b\"\n\"abcd\"", &short),
            [
                "[abc]",
                "[日本語]",
                "!3 has a quoted field above `max_quoted_size_limit`",
                "!4 has a quoted field above `max_quoted_size_limit`"
            ]
        );
    }

    #[test]
    fn options_change_the_marks() {
        let with = |change: fn(&mut CsvParser)| {
            let mut config = config();
            change(&mut config);
            config
        };
        for (config, text, expected) in [
            (with(|config| config.spaces = Spaces::Trim), " a b , \"c\" ,  ", "a b|[c]|"),
            (with(|config| config.stray_quotes = StrayQuotes::Accept), "\"a\"b\",\"c\"\"", "[a\"b]|[c\"]"),
            (with(|config| config.delimiter = "||".to_owned()), "a|b||c", "a|b|c"),
            (with(|config| config.quote = None), "\"a\",b", "\"a\"|b"),
            (with(|config| config.quote = Some('日')), "日a,日日b日,c", "[a,日b]|c"),
            (with(|config| config.comment_marker = Some("#".to_owned())), "#x\na#", "a#"),
            (with(|config| config.newline = "\n"), "\"a\r\nb\"", "[a\nb]"),
            (with(|config| config.escape = None), "\"a\\\",b", "[a\\]|b"),
        ] {
            assert_eq!(rows(text, &config), [expected], "{text:?}");
        }
    }

    proptest! {
        /// Whatever a file holds: every line is looked at, and none of it is a fault of the program.
        #[test]
        fn no_text_is_too_odd(text in "[a\",\\\\ \n\r日😀|]{0,40}") {
            for stray_quotes in [StrayQuotes::Refuse, StrayQuotes::Accept] {
                let config = CsvParser { stray_quotes, max_quoted_size: 5, ..config() };
                prop_assert!(rows(&text, &config).len() <= text.len());
            }
        }
    }
}
