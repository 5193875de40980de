//! CSV as Embulk's formatter writes it.

use std::fmt;
use std::sync::Arc;

use super::cell::CellWriter;
use super::charset::Transcoder;
use super::short::push_part;
use super::{Converted, Encoder, Form, Rendering, Unfit, unfit};
use crate::embulk::output::{CsvFormatter, HeaderLine, QuotePolicy};
use crate::transfer::error::TransferError;
use crate::transfer::page::{Buffer, Page, empty};
use crate::transfer::schema::{Schema, Storage};

/// The marks of a CSV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvFormat {
    /// Whether the first line has the names.
    pub header: HeaderLine,
    /// Between fields.
    pub delimiter: String,
    /// Around fields.
    pub quote: String,
    /// Before a quote in a field, or before what needs it when nothing is quoted.
    pub escape: String,
    /// Which fields are quoted.
    pub policy: QuotePolicy,
    /// What stands for NULL, never quoted.
    pub null_string: String,
    /// At the end of a line.
    pub newline: &'static str,
    /// What CR, LF and CRLF in a field become; none leaves them.
    pub newline_in_field: Option<&'static str>,
}

impl CsvFormat {
    /// The marks of a formatter of a config.
    pub fn of(config: &CsvFormatter) -> Self {
        Self {
            header: config.header,
            delimiter: config.delimiter.to_string(),
            quote: config.quote.to_string(),
            escape: config.escape.to_string(),
            policy: config.quote_policy,
            null_string: config.null_string.clone(),
            newline: config.newline.as_str(),
            newline_in_field: Some(config.newline_in_field.as_str()),
        }
    }

    /// Comma, LF, quotes where needed, NULL as nothing and an empty text as `""`: what BigQuery reads.
    pub fn bigquery() -> Self {
        Self {
            header: HeaderLine::Absent,
            delimiter: ",".to_owned(),
            quote: "\"".to_owned(),
            escape: "\"".to_owned(),
            policy: QuotePolicy::Minimal,
            null_string: String::new(),
            newline: "\n",
            newline_in_field: None,
        }
    }
}

/// Writes CSV.
#[derive(Debug)]
pub struct CsvEncoder {
    format: CsvFormat,
    names: Vec<String>,
    cells: Vec<CellWriter>,
    scratch: Vec<u8>,
    /// Whose characters texts should keep to.
    transcoder: Option<Arc<Transcoder>>,
    marks: Marks,
    ways: Vec<Way>,
}

/// How the values of a column get into the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As they are written: never with a mark in them.
    Plain,
    /// Texts as they lie in the page.
    Text,
    /// Those of this page are text in UTF-8.
    CheckedText,
    /// And nothing in them is marked.
    CleanText,
    /// Written first, then looked at.
    Any,
}

/// Bytes that something marked can begin with.
struct Marks {
    is_mark: [bool; 256],
    /// The same: line ends, and the first bytes of delimiter, quote and escape.
    all: [u8; 5],
}

impl Marks {
    fn of(format: &CsvFormat) -> Self {
        let mut is_mark = [false; 256];
        // A mark without characters begins nowhere.
        let first = |text: &str| text.bytes().next().unwrap_or(b'\n');
        let [delimiter, quote, escape] =
            [&format.delimiter, &format.quote, &format.escape].map(|text| first(text));
        let all = [b'\r', b'\n', delimiter, quote, escape];
        all.iter().for_each(|byte| is_mark[usize::from(*byte)] = true);
        Self { is_mark, all }
    }

    /// Whether there is none. All bytes of a piece are looked at without leaving early: the compiler makes a few wide
    /// comparisons of it.
    fn are_absent(&self, texts: &[u8]) -> bool {
        let [a, b, c, d, e] = self.all;
        let is_mark = |byte: &u8| (*byte == a) | (*byte == b) | (*byte == c) | (*byte == d) | (*byte == e);
        !texts.chunks(64).any(|piece| piece.iter().fold(false, |found, byte| found | is_mark(byte)))
    }

    /// Where the first of them is, or the end.
    fn first(&self, text: &[u8]) -> usize {
        text.iter().position(|byte| self.is_mark[usize::from(*byte)]).unwrap_or(text.len())
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marks")
    }
}

/// What numbers and the usual clocks are written with.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b':' | b' ' | b'/')
}

impl CsvEncoder {
    /// An encoder for a schema, with one rendering per column.
    pub fn new(schema: &Schema, renderings: Vec<Rendering>, format: CsvFormat) -> Self {
        let marks = Marks::of(&format);
        let is_marked = |byte: u8| marks.is_mark[usize::from(byte)];
        // An empty text of such a column cannot be, so that only a written one could be taken for NULL.
        let null = format.null_string.as_bytes();
        let apart = !(0..=127).any(|byte| is_plain(byte) && is_marked(byte))
            && (null.is_empty() || !null.iter().all(|byte| is_plain(*byte)));
        let ways = schema.columns.iter().zip(&renderings).map(|(column, rendering)| {
            // Other forms of a text give parts of what the source wrote.
            match (column.kind.storage(), &rendering.form) {
                (Storage::Text, Form::Text) => Way::Text,
                (Storage::Text, Form::Float) if apart => Way::Plain,
                (Storage::Text, _) => Way::Any,
                (_, form) if apart && form.is_plain(is_plain) => Way::Plain,
                _ => Way::Any,
            }
        });
        let ways = ways.collect();
        let cells = schema.columns.iter().zip(renderings);
        let cells =
            cells.map(|(column, rendering)| CellWriter::new(column.kind, rendering.form, &schema.zones));
        Self {
            ways,
            marks,
            names: schema.columns.iter().map(|column| column.name.clone()).collect(),
            cells: cells.collect(),
            format,
            scratch: Vec::new(),
            transcoder: None,
        }
    }

    /// Takes note of what the charset of the file lacks. Rows stay in UTF-8.
    #[must_use]
    pub fn counting(mut self, transcoder: Option<Arc<Transcoder>>) -> Self {
        self.transcoder = transcoder;
        self
    }

    fn row(&mut self, page: &Page, row: usize, out: &mut Vec<u8>) -> Result<(), TransferError> {
        for (at, cell) in self.cells.iter_mut().enumerate() {
            if at > 0 {
                out.extend_from_slice(self.format.delimiter.as_bytes());
            }
            let column = &page.columns[at];
            let named = |reason: Unfit| unfit(&page.schema.columns[at], page.first_row + row as u64, &reason);
            let valid = column.validity.is_valid(row);
            if !valid {
                out.extend_from_slice(self.format.null_string.as_bytes());
                continue;
            }
            let text = match (self.ways[at], &column.data) {
                (Way::CleanText, Buffer::Text(texts)) => {
                    let (start, end) = texts.span(row);
                    let all = texts.bytes();
                    let is_quoted = match self.format.policy {
                        QuotePolicy::All => true,
                        QuotePolicy::Minimal => all[start..end] == *self.format.null_string.as_bytes(),
                        QuotePolicy::None => false,
                    };
                    let quote = if is_quoted { self.format.quote.as_bytes() } else { b"" };
                    out.extend_from_slice(quote);
                    push_part(all, start, end, out);
                    out.extend_from_slice(quote);
                    continue;
                }
                (Way::Plain, _) => {
                    let quote = if self.format.policy == QuotePolicy::All { &*self.format.quote } else { "" };
                    out.extend_from_slice(quote.as_bytes());
                    cell.write(column, row, out).map_err(named)?;
                    out.extend_from_slice(quote.as_bytes());
                    continue;
                }
                (Way::CheckedText, Buffer::Text(texts)) => texts.get(row),
                _ => {
                    empty(&mut self.scratch);
                    if cell.write(column, row, &mut self.scratch).map_err(named)? == Converted::Null {
                        out.extend_from_slice(self.format.null_string.as_bytes());
                        continue;
                    }
                    &self.scratch
                }
            };
            if let Some(transcoder) = &self.transcoder
                && std::str::from_utf8(text).is_ok_and(|text| !transcoder.has(text))
            {
                transcoder.replaced(&page.schema.columns[at].name, page.first_row + row as u64);
            }
            self.format.field(text, &self.marks, out);
        }
        out.extend_from_slice(self.format.newline.as_bytes());
        Ok(())
    }
}

impl Encoder for CsvEncoder {
    fn header(&mut self, out: &mut Vec<u8>) {
        if self.format.header == HeaderLine::Absent {
            return;
        }
        for (at, name) in self.names.iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(self.format.delimiter.as_bytes());
            }
            if let Some(transcoder) = self.transcoder.as_ref().filter(|transcoder| !transcoder.has(name)) {
                transcoder.replaced_name(name);
            }
            self.format.field(name.as_bytes(), &self.marks, out);
        }
        out.extend_from_slice(self.format.newline.as_bytes());
    }

    fn rows(&mut self, page: &Page, out: &mut Vec<u8>) -> Result<(), TransferError> {
        for (way, column) in self.ways.iter_mut().zip(&page.columns) {
            let (Way::Text | Way::CheckedText | Way::CleanText, Buffer::Text(texts)) = (*way, &column.data)
            else {
                continue;
            };
            *way = match texts.is_utf8() {
                true if self.transcoder.is_none() && self.marks.are_absent(texts.bytes()) => Way::CleanText,
                true => Way::CheckedText,
                false => Way::Text,
            };
        }
        (0..page.rows).try_for_each(|row| self.row(page, row, out))
    }

    fn null_counts(&self) -> Vec<u64> {
        self.cells.iter().map(CellWriter::null_count).collect()
    }
}

impl CsvFormat {
    /// Appends a field that is not NULL.
    fn field(&self, text: &[u8], marks: &Marks, out: &mut Vec<u8>) {
        match self.policy {
            QuotePolicy::None => self.escaped(text, marks, out),
            QuotePolicy::All => self.quoted(text, marks, out),
            QuotePolicy::Minimal if self.needs_quotes(text, marks) => self.quoted(text, marks, out),
            QuotePolicy::Minimal => out.extend_from_slice(text),
        }
    }

    /// Marks of CSV, line ends, and a text that would read as NULL.
    fn needs_quotes(&self, text: &[u8], marks: &Marks) -> bool {
        if text == self.null_string.as_bytes() {
            return true;
        }
        let text = &text[marks.first(text)..];
        if let ([delimiter], [quote]) = (self.delimiter.as_bytes(), self.quote.as_bytes()) {
            return text
                .iter()
                .any(|byte| byte == delimiter || byte == quote || matches!(byte, b'\n' | b'\r'));
        }
        contains(text, self.delimiter.as_bytes())
            || contains(text, self.quote.as_bytes())
            || text.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
    }

    fn quoted(&self, text: &[u8], marks: &Marks, out: &mut Vec<u8>) {
        out.extend_from_slice(self.quote.as_bytes());
        self.marked(text, marks, out, |format, rest| {
            let escape = format.escape != format.quote && begins(rest, &format.escape);
            if begins(rest, &format.quote) {
                Some(format.quote.len())
            } else {
                escape.then_some(format.escape.len())
            }
        });
        out.extend_from_slice(self.quote.as_bytes());
    }

    fn escaped(&self, text: &[u8], marks: &Marks, out: &mut Vec<u8>) {
        self.marked(text, marks, out, |format, rest| {
            if begins(rest, &format.delimiter) {
                return Some(format.delimiter.len());
            }
            matches!(rest.first(), Some(b'\n' | b'\r')).then_some(0)
        });
    }

    /// Copies a text with the escape before what `mark` finds (its length; 0 for a line end) and line ends replaced.
    fn marked(
        &self,
        text: &[u8],
        marks: &Marks,
        out: &mut Vec<u8>,
        mark: impl Fn(&Self, &[u8]) -> Option<usize>,
    ) {
        let mut at = 0;
        while at < text.len() {
            let run = marks.first(&text[at..]);
            out.extend_from_slice(&text[at..at + run]);
            at += run;
            let rest = &text[at..];
            if rest.is_empty() {
                return;
            }
            let found = mark(self, rest);
            if found.is_some() {
                out.extend_from_slice(self.escape.as_bytes());
            }
            let length = match (found, self.newline_in_field, rest[0]) {
                (Some(length), _, _) if length > 0 => {
                    out.extend_from_slice(&rest[..length]);
                    length
                }
                (_, Some(newline), b'\r' | b'\n') => {
                    out.extend_from_slice(newline.as_bytes());
                    if rest.starts_with(b"\r\n") { 2 } else { 1 }
                }
                _ => {
                    out.push(rest[0]);
                    1
                }
            };
            at += length;
        }
    }
}

/// Most marks are one byte, which needs no comparison of texts.
fn begins(text: &[u8], mark: &str) -> bool {
    match mark.as_bytes() {
        [byte] => text.first() == Some(byte),
        mark => text.starts_with(mark),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::schema::{Column, ColumnType, Zones};

    fn format() -> CsvFormat {
        CsvFormat {
            header: HeaderLine::Written,
            newline: "\r\n",
            newline_in_field: Some("\n"),
            ..CsvFormat::bigquery()
        }
    }

    fn lines(format: CsvFormat, texts: &[Option<&str>]) -> String {
        let columns = vec![Column::new("id", ColumnType::Long), Column::new("a,b", ColumnType::String)];
        let schema = Schema::new(columns, Zones::utc());
        let renderings = schema.columns.iter().map(|column| Rendering::natural(column.kind)).collect();
        let mut encoder = CsvEncoder::new(&schema, renderings, format);
        let mut page = Page::new(&schema);
        for text in texts {
            assert!(page.columns[0].push_long(1));
            match text {
                Some(text) => assert!(page.columns[1].push_text(text.as_bytes())),
                None => page.columns[1].push_null(),
            }
            page.rows += 1;
        }
        let mut out = Vec::new();
        encoder.header(&mut out);
        encoder.rows(&page, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fields_are_quoted_where_they_need_it() {
        let texts = [Some("日本"), Some("a,b"), Some("say \"x\""), Some("1\r\n2\r3"), Some(""), None];
        assert_eq!(
            lines(format(), &texts),
            "id,\"a,b\"\r\n1,日本\r\n1,\"a,b\"\r\n1,\"say \"\"x\"\"\"\r\n1,\"1\n2\n3\"\r\n1,\"\"\r\n1,\r\n"
        );
    }

    #[test]
    fn a_text_equal_to_the_null_string_is_quoted() {
        let format = CsvFormat { null_string: "\\N".to_owned(), header: HeaderLine::Absent, ..format() };
        assert_eq!(lines(format, &[Some("\\N"), Some(""), None]), "1,\"\\N\"\r\n1,\r\n1,\\N\r\n");
    }

    #[test]
    fn without_quotes_delimiters_and_line_ends_are_escaped() {
        let format = CsvFormat {
            policy: QuotePolicy::None,
            escape: "\\".to_owned(),
            delimiter: "\t".to_owned(),
            header: HeaderLine::Absent,
            ..format()
        };
        assert_eq!(lines(format, &[Some("a\tb\r\nc\\\"")]), "1\ta\\\tb\\\nc\\\"\r\n");
    }

    #[test]
    fn another_escape_is_escaped_too() {
        let format = CsvFormat {
            policy: QuotePolicy::All,
            escape: "\\".to_owned(),
            header: HeaderLine::Absent,
            ..format()
        };
        assert_eq!(lines(format, &[Some("a\"b\\c"), None]), "\"1\",\"a\\\"b\\\\c\"\r\n\"1\",\r\n");
    }
}
