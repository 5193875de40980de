//! Rows as Redshift's `COPY … FROM 's3://…'` reads them: text with tabs, and a backslash before what would end a field;
//! CSV with quotes around every value; or JSON lines whose values are texts, since that COPY reads a bare number as a
//! double.

use super::sent::{SentCell, SentColumn};
use super::{Converted, Unfit, unfit};
use crate::transfer::error::TransferError;
use crate::transfer::page::Page;
use crate::transfer::report::Change;
use crate::transfer::schema::Schema;

const NULL: Unfit = Unfit("is the text that stands for NULL: set `format: jsonl`");
const RETURN: Unfit =
    Unfit("ends in a carriage return, which COPY may take for the end of the line: set `format: jsonl`");
const NUL: Unfit = Unfit("holds a NUL character, which the target cannot store");

/// What stands on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Fields with tabs between.
    Text {
        /// What stands for NULL.
        null: Vec<u8>,
    },
    /// Fields with commas between, each value in quotes. Nobody has said whether what stands for NULL is that between
    /// quotes too, so no value may be equal to it.
    Csv {
        /// What stands for NULL.
        null: Vec<u8>,
    },
    /// An object.
    Json,
}

/// A column of the target.
#[derive(Debug)]
pub struct StagedColumn {
    /// Its name there.
    pub name: String,
    /// What it is sent.
    pub sent: SentColumn,
    /// What its texts are.
    pub content: Content,
}

/// What the texts of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Texts.
    Text,
    /// JSON, for a column that holds documents.
    Document,
}

/// Writes the lines of staged objects.
#[derive(Debug)]
pub struct StagedEncoder {
    line: Line,
    fields: Vec<Field>,
    /// What stands before the number of the row; none: rows have no number.
    number: Option<Vec<u8>>,
    rows: u64,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Field {
    cell: SentCell,
    content: Content,
    /// What stands before the value.
    before: Vec<u8>,
    /// Whether the line ends with it.
    is_last: bool,
}

impl StagedEncoder {
    /// An encoder of some columns of a schema. `number` names a column that takes the numbers of the rows.
    pub fn new(schema: &Schema, columns: Vec<StagedColumn>, line: Line, number: Option<&str>) -> Self {
        let last = columns.len() - usize::from(!columns.is_empty());
        let fields = columns.into_iter().enumerate().map(|(at, column)| {
            let cell = SentCell::new(schema, column.sent);
            let is_last = at == last && number.is_none();
            Field { cell, content: column.content, before: before(&line, at, &column.name), is_last }
        });
        let fields: Vec<Field> = fields.collect();
        let number = number.map(|name| before(&line, fields.len(), name));
        Self { line, fields, number, rows: 0, scratch: Vec::new() }
    }

    /// Appends the rows of a page.
    pub fn rows(&mut self, page: &Page, out: &mut Vec<u8>) -> Result<(), TransferError> {
        for row in 0..page.rows {
            if self.line == Line::Json {
                out.push(b'{');
            }
            for field in &mut self.fields {
                field.write(page, row, &self.line, &mut self.scratch, out).map_err(|reason| {
                    unfit(&page.schema.columns[field.cell.column], page.first_row + row as u64, &reason)
                })?;
            }
            if let Some(before) = &self.number {
                out.extend_from_slice(before);
                out.extend_from_slice(self.rows.to_string().as_bytes());
            }
            self.rows += 1;
            out.extend_from_slice(if self.line == Line::Json { b"}\n" } else { b"\n" });
        }
        Ok(())
    }

    /// What was lost, column by column.
    pub fn changes(&self) -> Vec<Change> {
        self.fields.iter().filter_map(|field| field.cell.change()).collect()
    }
}

/// What stands before a value: a comma and its name, a tab, or a comma.
fn before(line: &Line, at: usize, name: &str) -> Vec<u8> {
    let mut before = Vec::new();
    match line {
        Line::Text { .. } if at > 0 => before.push(b'\t'),
        Line::Csv { .. } if at > 0 => before.push(b','),
        Line::Text { .. } | Line::Csv { .. } => {}
        Line::Json => {
            if at > 0 {
                before.push(b',');
            }
            push_json(name.as_bytes(), &mut before);
            before.push(b':');
        }
    }
    before
}

impl Field {
    fn write(
        &mut self,
        page: &Page,
        row: usize,
        line: &Line,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        scratch.clear();
        out.extend_from_slice(&self.before);
        let converted = self.cell.write(page, row, scratch)?;
        if scratch.contains(&0) {
            return Err(NUL);
        }
        match (converted, line) {
            (Converted::Null, Line::Text { null } | Line::Csv { null }) => out.extend_from_slice(null),
            (Converted::Null, Line::Json) => out.extend_from_slice(b"null"),
            (Converted::Text, Line::Text { null } | Line::Csv { null }) if scratch == null => {
                return Err(NULL);
            }
            (Converted::Text, Line::Text { .. }) if self.is_last && scratch.ends_with(b"\r") => {
                return Err(RETURN);
            }
            (Converted::Text, Line::Text { .. }) => push_escaped(scratch, out),
            (Converted::Text, Line::Csv { .. }) => push_quoted(scratch, out),
            (Converted::Text, Line::Json) if self.content == Content::Document => push_document(scratch, out),
            (Converted::Text, Line::Json) => push_json(scratch, out),
        }
        Ok(())
    }
}

/// The character itself follows the backslash: Redshift knows no `\n`.
fn push_escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n' | b'\r' | b'\t')) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// A field of CSV: COPY takes lines and spaces within quotes as they are, and two quotes for one.
fn push_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for (at, part) in text.split(|byte| *byte == b'"').enumerate() {
        if at > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part);
    }
    out.push(b'"');
}

/// A document may have lines of its own, between its parts only.
fn push_document(text: &[u8], out: &mut Vec<u8>) {
    out.extend(text.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
}

/// A string of JSON.
fn push_json(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=31 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::encode::Form;
    use crate::transfer::encode::check::Check;
    use crate::transfer::encode::sent::SentForm;
    use crate::transfer::schema::{Column, ColumnType, Zones};

    fn text() -> Line {
        Line::Text { null: b"NULL_1".to_vec() }
    }

    fn csv() -> Line {
        Line::Csv { null: b"NULL_1".to_vec() }
    }

    fn lines(line: Line, rows: &[[Option<&str>; 2]]) -> Result<String, String> {
        encoded(line, rows, Some("n"))
    }

    fn encoded(line: Line, rows: &[[Option<&str>; 2]], number: Option<&str>) -> Result<String, String> {
        let columns = ["a", "b\""].map(|name| Column::new(name, ColumnType::String));
        let schema = Schema::new(columns.to_vec(), Zones::utc());
        let mut page = Page::new(&schema);
        for row in rows {
            for (column, value) in page.columns.iter_mut().zip(row) {
                match value {
                    Some(text) => assert!(column.push_text(text.as_bytes())),
                    None => column.push_null(),
                }
            }
        }
        page.rows = rows.len();
        let column = |at: usize, content| StagedColumn {
            name: schema.columns[at].name.clone(),
            sent: SentColumn { column: at, form: SentForm::Text(Form::Text), check: Check::None },
            content,
        };
        let columns = vec![column(0, Content::Text), column(1, Content::Document)];
        let mut encoder = StagedEncoder::new(&schema, columns, line, number);
        let mut out = Vec::new();
        encoder.rows(&page, &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_would_end_a_field_has_a_backslash_before_it() {
        let rows = [[Some("a\tb\nc\rd\\e日"), Some("")], [None, Some("\\N")]];
        assert_eq!(lines(text(), &rows).unwrap(), "a\\\tb\\\nc\\\rd\\\\e日\t\t0\nNULL_1\t\\\\N\t1\n");
    }

    #[test]
    fn fields_of_csv_are_quoted_but_for_null() {
        let rows = [[Some("a\t,\"b\"\r\n\\e日\""), Some("")], [None, Some("\\N")]];
        assert_eq!(lines(csv(), &rows).unwrap(), "\"a\t,\"\"b\"\"\r\n\\e日\"\"\",\"\",0\nNULL_1,\"\\N\",1\n");
        assert_eq!(encoded(csv(), &[[Some("a\r"), Some("b\r")]], None).unwrap(), "\"a\r\",\"b\r\"\n");
    }

    #[test]
    fn json_lines_have_texts_and_documents() {
        let rows = [[Some("a\t\"\\\n\u{1}日"), Some("{\"a\":\n1.50}")], [None, Some("[]")]];
        assert_eq!(
            lines(Line::Json, &rows).unwrap(),
            "{\"a\":\"a\\t\\\"\\\\\\n\\u0001日\",\"b\\\"\":{\"a\": 1.50},\"n\":0}\n\
             {\"a\":null,\"b\\\"\":[],\"n\":1}\n"
        );
    }

    #[test]
    fn a_nul_has_no_place() {
        for line in [text(), csv(), Line::Json] {
            assert_eq!(
                lines(line, &[[Some("a\0b"), None]]).unwrap_err(),
                "column `a`, row 1: a value holds a NUL character, which the target cannot store"
            );
        }
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_refused() {
        let refused = |row: [Option<&str>; 2], number| encoded(text(), &[row], number).unwrap_err();
        let null = "column `a`, row 1: a value is the text that stands for NULL: set `format: jsonl`";
        assert_eq!(refused([Some("NULL_1"), None], None), null);
        assert_eq!(encoded(csv(), &[[Some("NULL_1"), None]], None).unwrap_err(), null);
        assert!(
            refused([None, Some("a\r")], None)
                .starts_with("column `b\"`, row 1: a value ends in a carriage return")
        );
        // Where something follows, it is no end.
        assert_eq!(encoded(text(), &[[Some("a\r"), None]], None).unwrap(), "a\\\r\tNULL_1\n");
        assert_eq!(encoded(text(), &[[None, Some("a\r")]], Some("n")).unwrap(), "NULL_1\ta\\\r\t0\n");
        assert!(encoded(Line::Json, &[[Some("NULL_1"), Some("a\r")]], None).is_ok());
    }
}
