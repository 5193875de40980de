//! Rows as MySQL's `LOAD DATA` reads them: tabs between fields, `\N` for NULL, backslashes before what would end a
//! field. The same escapes hold between quotes, so that a row is also what an `INSERT` is made of.

use super::sent::{SentCell, SentColumn};
use super::{Converted, unfit};
use crate::transfer::error::TransferError;
use crate::transfer::page::Page;
use crate::transfer::report::Change;
use crate::transfer::schema::Schema;

/// Writes the text of a LOAD DATA.
#[derive(Debug)]
pub struct LoadEncoder {
    cells: Vec<SentCell>,
    scratch: Vec<u8>,
}

impl LoadEncoder {
    /// An encoder of some columns of a schema.
    pub fn new(schema: &Schema, columns: Vec<SentColumn>) -> Self {
        let cells = columns.into_iter().map(|column| SentCell::new(schema, column));
        Self { cells: cells.collect(), scratch: Vec::new() }
    }

    /// Appends a row of a page.
    pub fn row(&mut self, page: &Page, row: usize, out: &mut Vec<u8>) -> Result<(), TransferError> {
        for (at, cell) in self.cells.iter_mut().enumerate() {
            if at > 0 {
                out.push(b'\t');
            }
            self.scratch.clear();
            let written = cell.write(page, row, &mut self.scratch).map_err(|reason| {
                unfit(&page.schema.columns[cell.column], page.first_row + row as u64, &reason)
            })?;
            match written {
                Converted::Null => out.extend_from_slice(b"\\N"),
                Converted::Text => push_escaped(&self.scratch, out),
            }
        }
        out.push(b'\n');
        Ok(())
    }

    /// What was lost, column by column.
    pub fn changes(&self) -> Vec<Change> {
        self.cells.iter().filter_map(SentCell::change).collect()
    }
}

fn push_escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n' | b'\t' | 0)) {
        out.extend_from_slice(&rest[..at]);
        let escape = match rest[at] {
            b'\n' => b'n',
            b'\t' => b't',
            0 => b'0',
            other => other,
        };
        out.extend_from_slice(&[b'\\', escape]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// The fields of an encoded row, without its line end, as literals; `\N` is NULL.
pub fn literals(row: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    row.split(|byte| *byte == b'\t').map(|field| {
        if field == b"\\N" {
            return b"NULL".to_vec();
        }
        let mut literal = Vec::with_capacity(field.len() + 2);
        literal.push(b'\'');
        for byte in field {
            if *byte == b'\'' {
                literal.push(b'\'');
            }
            literal.push(*byte);
        }
        literal.push(b'\'');
        literal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::encode::Form;
    use crate::transfer::encode::check::Check;
    use crate::transfer::encode::sent::SentForm;
    use crate::transfer::page::ColumnBuffer;
    use crate::transfer::schema::{Column, ColumnType, Zones};

    fn page(texts: &[Option<&str>]) -> Page {
        let columns = (0..texts.len()).map(|at| Column::new(format!("c{at}"), ColumnType::String)).collect();
        let mut page = Page::new(&Schema::new(columns, Zones::utc()));
        let push = |column: &mut ColumnBuffer, text: &Option<&str>| match text {
            Some(text) => assert!(column.push_text(text.as_bytes())),
            None => column.push_null(),
        };
        page.columns.iter_mut().zip(texts).for_each(|(column, text)| push(column, text));
        page.rows = 1;
        page
    }

    #[test]
    fn what_would_end_a_field_is_escaped_in_rows_and_literals() {
        let page = page(&[Some("a\tb\nc\rd\\e'\0日"), None, Some("\\N"), Some("")]);
        let text = |column| SentColumn { column, form: SentForm::Text(Form::Text), check: Check::None };
        let mut encoder = LoadEncoder::new(&page.schema, (0..4).map(text).collect());
        let mut row = Vec::new();
        encoder.row(&page, 0, &mut row).unwrap();
        assert_eq!(String::from_utf8(row.clone()).unwrap(), "a\\tb\\nc\rd\\\\e'\\0日\t\\N\t\\\\N\t\n");
        let literals: Vec<_> = literals(row.strip_suffix(b"\n").unwrap())
            .map(|literal| String::from_utf8(literal).unwrap())
            .collect();
        assert_eq!(literals, ["'a\\tb\\nc\rd\\\\e''\\0日'", "NULL", "'\\\\N'", "''"]);
    }
}
