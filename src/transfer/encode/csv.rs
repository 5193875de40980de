//! CSV as Embulk's formatter writes it.

use std::sync::Arc;

use super::cell::CellWriter;
use super::charset::Transcoder;
use super::{Converted, Encoder, Rendering, unfit};
use crate::embulk::output::{CsvFormatter, HeaderLine, QuotePolicy};
use crate::transfer::error::TransferError;
use crate::transfer::page::{Page, empty};
use crate::transfer::schema::Schema;

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
}

impl CsvEncoder {
    /// An encoder for a schema, with one rendering per column.
    pub fn new(schema: &Schema, renderings: Vec<Rendering>, format: CsvFormat) -> Self {
        let cells = schema.columns.iter().zip(renderings);
        let cells =
            cells.map(|(column, rendering)| CellWriter::new(column.kind, rendering.form, &schema.zones));
        Self {
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
            empty(&mut self.scratch);
            let written = if column.validity.is_valid(row) {
                cell.write(column, row, &mut self.scratch)
                    .map_err(|reason| unfit(&page.schema.columns[at], page.first_row + row as u64, &reason))?
            } else {
                Converted::Null
            };
            match written {
                Converted::Null => out.extend_from_slice(self.format.null_string.as_bytes()),
                Converted::Text => {
                    if let Some(transcoder) = &self.transcoder
                        && std::str::from_utf8(&self.scratch).is_ok_and(|text| !transcoder.has(text))
                    {
                        transcoder.replaced(&page.schema.columns[at].name, page.first_row + row as u64);
                    }
                    self.format.field(&self.scratch, out);
                }
            }
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
            self.format.field(name.as_bytes(), out);
        }
        out.extend_from_slice(self.format.newline.as_bytes());
    }

    fn rows(&mut self, page: &Page, out: &mut Vec<u8>) -> Result<(), TransferError> {
        (0..page.rows).try_for_each(|row| self.row(page, row, out))
    }

    fn null_counts(&self) -> Vec<u64> {
        self.cells.iter().map(CellWriter::null_count).collect()
    }
}

impl CsvFormat {
    /// Appends a field that is not NULL.
    fn field(&self, text: &[u8], out: &mut Vec<u8>) {
        match self.policy {
            QuotePolicy::None => self.escaped(text, out),
            QuotePolicy::All => self.quoted(text, out),
            QuotePolicy::Minimal if self.needs_quotes(text) => self.quoted(text, out),
            QuotePolicy::Minimal => out.extend_from_slice(text),
        }
    }

    /// Marks of CSV, line ends, and a text that would read as NULL.
    fn needs_quotes(&self, text: &[u8]) -> bool {
        if text == self.null_string.as_bytes() {
            return true;
        }
        if let ([delimiter], [quote]) = (self.delimiter.as_bytes(), self.quote.as_bytes()) {
            return text
                .iter()
                .any(|byte| byte == delimiter || byte == quote || matches!(byte, b'\n' | b'\r'));
        }
        contains(text, self.delimiter.as_bytes())
            || contains(text, self.quote.as_bytes())
            || text.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
    }

    fn quoted(&self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.quote.as_bytes());
        self.marked(text, out, |format, rest| {
            let escape = format.escape != format.quote && rest.starts_with(format.escape.as_bytes());
            if rest.starts_with(format.quote.as_bytes()) {
                Some(format.quote.len())
            } else {
                escape.then_some(format.escape.len())
            }
        });
        out.extend_from_slice(self.quote.as_bytes());
    }

    fn escaped(&self, text: &[u8], out: &mut Vec<u8>) {
        self.marked(text, out, |format, rest| {
            if rest.starts_with(format.delimiter.as_bytes()) {
                return Some(format.delimiter.len());
            }
            matches!(rest.first(), Some(b'\n' | b'\r')).then_some(0)
        });
    }

    /// Copies a text with the escape before what `mark` finds (its length; 0 for a line end) and line ends replaced.
    fn marked(&self, text: &[u8], out: &mut Vec<u8>, mark: impl Fn(&Self, &[u8]) -> Option<usize>) {
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
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
