//! One JSON object per line, keys in the order of the columns, NULL as `null`, non-ASCII text as it is.

use super::cell::CellWriter;
use super::short::{Short, push_part};
use super::{Converted, Encoder, Form, JsonPlace, Rendering, Unfit, unfit};
use crate::transfer::error::TransferError;
use crate::transfer::page::{Buffer, ColumnBuffer, Page};
use crate::transfer::schema::Schema;

/// Writes newline-delimited JSON.
#[derive(Debug)]
pub struct JsonlEncoder {
    fields: Vec<Field>,
    newline: &'static [u8],
    /// Texts are written here before they are escaped.
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Field {
    /// Comma or brace, key and colon.
    key: Short,
    /// The same with the quote behind it that a text begins with.
    text_key: Short,
    /// What is known of the texts of the page.
    texts: KnownTexts,
    cell: CellWriter,
    style: Style,
}

/// What one look at all texts of a page has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KnownTexts {
    /// Nothing: each is looked at by itself.
    Nothing,
    /// All are UTF-8.
    Utf8,
    /// All are UTF-8 and have nothing to escape.
    Plain,
}

impl KnownTexts {
    fn of(column: &ColumnBuffer) -> Self {
        match &column.data {
            Buffer::Text(texts) if texts.is_utf8() => {
                if texts.bytes().chunks(64).any(needs_escape) {
                    Self::Utf8
                } else {
                    Self::Plain
                }
            }
            _ => Self::Nothing,
        }
    }
}

/// How the text of a value gets into the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// As it is.
    Bare,
    /// Between quotes, for texts that have nothing to escape.
    Quoted,
    /// Between quotes, escaped.
    Escaped,
    /// The same for a text column that is written as it is: straight from the page.
    Text,
}

impl Style {
    fn of(rendering: &Rendering) -> Self {
        match (rendering.json, &rendering.form) {
            (JsonPlace::Bare, _) => Self::Bare,
            (JsonPlace::Quoted, Form::Text) => Self::Text,
            (JsonPlace::Quoted, Form::Json | Form::TextWith(_)) => Self::Escaped,
            (JsonPlace::Quoted, Form::Clock(form)) => {
                // `%n` and `%t` are the directives that need an escape.
                let plain = |char: char| !matches!(char, '"' | '\\' | 'n' | 't') && !char.is_control();
                if form.format.text().chars().all(plain) { Self::Quoted } else { Self::Escaped }
            }
            (JsonPlace::Quoted, _) => Self::Quoted,
        }
    }
}

impl JsonlEncoder {
    /// An encoder for a schema, with one rendering per column.
    pub fn new(schema: &Schema, renderings: Vec<Rendering>) -> Self {
        let fields = schema.columns.iter().zip(renderings).enumerate().map(|(at, (column, rendering))| {
            let mut key = vec![if at == 0 { b'{' } else { b',' }];
            push_string(column.name.as_bytes(), &mut key);
            key.push(b':');
            let style = Style::of(&rendering);
            let text_key = Short::new(&[&key[..], b"\""].concat());
            let key = Short::new(&key);
            let cell = CellWriter::new(column.kind, rendering.form, &schema.zones);
            Field { key, text_key, texts: KnownTexts::Nothing, cell, style }
        });
        Self { fields: fields.collect(), newline: b"\n", scratch: Vec::new() }
    }

    /// Ends lines otherwise than with LF.
    #[must_use]
    pub fn newline(mut self, newline: &'static [u8]) -> Self {
        self.newline = newline;
        self
    }

    fn row(&mut self, page: &Page, row: usize, out: &mut Vec<u8>) -> Result<(), TransferError> {
        for (at, field) in self.fields.iter_mut().enumerate() {
            let column = &page.columns[at];
            if !column.validity.is_valid(row) {
                field.null(out);
                continue;
            }
            field
                .write(column, row, &mut self.scratch, out)
                .map_err(|reason| unfit(&page.schema.columns[at], page.first_row + row as u64, &reason))?;
        }
        if self.fields.is_empty() {
            out.push(b'{');
        }
        out.push(b'}');
        out.extend_from_slice(self.newline);
        Ok(())
    }
}

impl Field {
    /// Appends a value that is not NULL.
    fn write(
        &mut self,
        column: &ColumnBuffer,
        row: usize,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        let start = out.len();
        let written = match (self.style, &column.data) {
            (Style::Text, Buffer::Text(texts)) => {
                self.text_key.push(out);
                match self.texts {
                    KnownTexts::Plain => {
                        let (start, end) = texts.span(row);
                        push_part(texts.bytes(), start, end, out);
                    }
                    KnownTexts::Utf8 => push_escaped(texts.get(row), out),
                    KnownTexts::Nothing => {
                        let text = texts.get(row);
                        std::str::from_utf8(text).map_err(|_| Unfit("is not text in UTF-8"))?;
                        push_escaped(text, out);
                    }
                }
                out.push(b'"');
                Converted::Text
            }
            (Style::Bare, _) => {
                self.key.push(out);
                self.cell.write(column, row, out)?
            }
            (Style::Quoted, _) => {
                self.text_key.push(out);
                let written = self.cell.write(column, row, out)?;
                out.push(b'"');
                written
            }
            (Style::Escaped | Style::Text, _) => {
                scratch.clear();
                let written = self.cell.write(column, row, scratch)?;
                self.key.push(out);
                push_string(scratch, out);
                written
            }
        };
        if written == Converted::Null {
            out.truncate(start);
            self.null(out);
        }
        Ok(())
    }

    fn null(&self, out: &mut Vec<u8>) {
        self.key.push(out);
        out.extend_from_slice(b"null");
    }
}

impl Encoder for JsonlEncoder {
    fn header(&mut self, _out: &mut Vec<u8>) {}

    fn rows(&mut self, page: &Page, out: &mut Vec<u8>) -> Result<(), TransferError> {
        let texts = self.fields.iter_mut().zip(&page.columns).filter(|(field, _)| field.style == Style::Text);
        texts.for_each(|(field, column)| field.texts = KnownTexts::of(column));
        (0..page.rows).try_for_each(|row| self.row(page, row, out))
    }

    fn null_counts(&self) -> Vec<u64> {
        self.fields.iter().map(|field| field.cell.null_count()).collect()
    }
}

/// Looks at all bytes without leaving early: the compiler makes a few wide comparisons of it.
fn needs_escape(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| found | (*byte < b' ') | (*byte == b'"') | (*byte == b'\\'))
}

/// Appends a JSON string: only quotes, backslashes and control characters are escaped.
pub fn push_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    push_escaped(text, out);
    out.push(b'"');
}

/// Appends what stands between the quotes.
fn push_escaped(text: &[u8], out: &mut Vec<u8>) {
    if !text.chunks(16).any(needs_escape) {
        return out.extend_from_slice(text);
    }
    let mut start = 0;
    for (at, byte) in text.iter().enumerate() {
        if *byte >= b' ' && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[start..at]);
        start = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            control => {
                out.extend_from_slice(b"\\u00");
                out.push(b'0' + (control >> 4));
                out.push(b"0123456789abcdef"[usize::from(control & 15)]);
            }
        }
    }
    out.extend_from_slice(&text[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::schema::{Column, ColumnType, Zones};

    #[test]
    fn a_row_is_a_line() {
        let schema = Schema::new(
            vec![
                Column::new("id", ColumnType::Long),
                Column::new("名 \"前\"", ColumnType::String),
                Column::new("json", ColumnType::Json),
            ],
            Zones::utc(),
        );
        let renderings = schema.columns.iter().map(|column| Rendering::natural(column.kind)).collect();
        let mut page = Page::new(&schema);
        assert!(page.columns[0].push_long(-5));
        assert!(page.columns[1].push_text("😀 \"a\\b\"\n\u{1}/<".as_bytes()));
        assert!(page.columns[2].push_text(b"{\"a\": 1}"));
        page.columns[0].push_null();
        page.columns[1].push_null();
        page.columns[2].push_null();
        page.rows = 2;
        let mut out = Vec::new();
        JsonlEncoder::new(&schema, renderings).rows(&page, &mut out).unwrap();
        let expected = "{\"id\":-5,\"名 \\\"前\\\"\":\"😀 \\\"a\\\\b\\\"\\n\\u0001/<\",\"json\":{\"a\":1}}\n\
                        {\"id\":null,\"名 \\\"前\\\"\":null,\"json\":null}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_format_with_quotes_in_it_is_escaped() {
        use crate::transfer::encode::Clock;
        let schema = Schema::new(vec![Column::new("t", ColumnType::Timestamp)], Zones::utc());
        let mut page = Page::new(&schema);
        assert!(page.columns[0].push_long(0));
        page.rows = 1;
        for (format, expected) in [("%Y", "1970"), ("\"%Y\"", "\\\"1970\\\""), ("%Y%n", "1970\\n")] {
            let mut out = Vec::new();
            let mut encoder = JsonlEncoder::new(&schema, vec![Rendering::clock(format, Clock::Wall)]);
            encoder.rows(&page, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), format!("{{\"t\":\"{expected}\"}}\n"));
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_without_being_shown() {
        let schema = Schema::new(vec![Column::new("t", ColumnType::Time)], Zones::utc());
        let mut page = Page::new(&schema);
        assert!(page.columns[0].push_long(-1));
        page.rows = 1;
        page.first_row = 41;
        let error = JsonlEncoder::new(&schema, vec![Rendering::quoted(Form::TimeOfDay)])
            .rows(&page, &mut Vec::new())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `t`, row 42: a value is not a time of day (below 00:00:00 or beyond 23:59:59)"
        );
    }
}
