//! One JSON object per line, keys in the order of the columns, NULL as `null`, non-ASCII text as it is.

use super::cell::CellWriter;
use super::{Converted, Encoder, JsonPlace, Rendering, unfit};
use crate::transfer::error::TransferError;
use crate::transfer::page::Page;
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
    key: Vec<u8>,
    cell: CellWriter,
    place: JsonPlace,
}

impl JsonlEncoder {
    /// An encoder for a schema, with one rendering per column.
    pub fn new(schema: &Schema, renderings: Vec<Rendering>) -> Self {
        let fields = schema.columns.iter().zip(renderings).enumerate().map(|(at, (column, rendering))| {
            let mut key = vec![if at == 0 { b'{' } else { b',' }];
            push_string(column.name.as_bytes(), &mut key);
            key.push(b':');
            let cell = CellWriter::new(column.kind, rendering.form, &schema.zones);
            Field { key, cell, place: rendering.json }
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
            out.extend_from_slice(&field.key);
            let column = &page.columns[at];
            if !column.validity.is_valid(row) {
                out.extend_from_slice(b"null");
                continue;
            }
            let quoted = field.place == JsonPlace::Quoted;
            let target = if quoted { &mut self.scratch } else { &mut *out };
            let written = field
                .cell
                .write(column, row, target)
                .map_err(|reason| unfit(&page.schema.columns[at], page.first_row + row as u64, &reason))?;
            match written {
                Converted::Null => out.extend_from_slice(b"null"),
                Converted::Text if quoted => push_string(&self.scratch, out),
                Converted::Text => {}
            }
            self.scratch.clear();
        }
        if self.fields.is_empty() {
            out.push(b'{');
        }
        out.push(b'}');
        out.extend_from_slice(self.newline);
        Ok(())
    }
}

impl Encoder for JsonlEncoder {
    fn header(&mut self, _out: &mut Vec<u8>) {}

    fn rows(&mut self, page: &Page, out: &mut Vec<u8>) -> Result<(), TransferError> {
        (0..page.rows).try_for_each(|row| self.row(page, row, out))
    }
}

/// Appends a JSON string: only quotes, backslashes and control characters are escaped.
pub fn push_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
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
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::encode::Form;
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
