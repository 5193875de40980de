//! `payload_column`: the text of one column is the whole line of a row.

use crate::embulk::output::Payload;
use crate::transfer::encode::{Encoder, Unfit, unfit};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::{Buffer, Page};
use crate::transfer::schema::{ColumnType, Schema};

/// Writes the texts of one column.
pub(super) struct PayloadEncoder {
    column: usize,
}

impl PayloadEncoder {
    /// The column must hold text or JSON.
    pub(super) fn new(payload: &Payload, schema: &Schema) -> Result<Self, TransferError> {
        let (column, shown) = match payload {
            Payload::Name(name) => (schema.position(name), format!("`{name}`")),
            Payload::Index(index) => {
                (Some(*index).filter(|index| *index < schema.columns.len()), format!("number {index}"))
            }
        };
        let refuse = |why: &str| {
            let message = format!("the payload column {shown} {why}");
            Err(TransferError::new(ErrorKind::Config, message))
        };
        let Some(column) = column else { return refuse("does not exist") };
        match schema.columns[column].kind {
            ColumnType::String | ColumnType::Json => Ok(Self { column }),
            other => refuse(&format!("holds no text but {}", other.word())),
        }
    }
}

impl Encoder for PayloadEncoder {
    fn header(&mut self, _out: &mut Vec<u8>) {}

    fn rows(&mut self, page: &Page, out: &mut Vec<u8>) -> Result<(), TransferError> {
        let column = &page.columns[self.column];
        let Buffer::Text(texts) = &column.data else { return Ok(()) };
        for row in 0..page.rows {
            let reason = match std::str::from_utf8(texts.get(row)) {
                _ if !column.validity.is_valid(row) => "is NULL, which is no line",
                Err(_) => "is not text in UTF-8",
                Ok(text) if text.trim().is_empty() => "is empty, which is no line",
                Ok(text) => {
                    // Line breaks between the parts of a text are only white space; a line must stay a line.
                    out.extend(text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
                    out.push(b'\n');
                    continue;
                }
            };
            let column = &page.schema.columns[self.column];
            return Err(unfit(column, page.first_row + row as u64, &Unfit(reason)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::schema::{Column, Zones};

    fn encoder(payload: Payload) -> Result<PayloadEncoder, String> {
        let columns = vec![Column::new("id", ColumnType::Long), Column::new("line", ColumnType::String)];
        let schema = Schema { columns, zones: Zones::utc() };
        PayloadEncoder::new(&payload, &schema).map_err(|error| error.to_string())
    }

    fn written(text: Option<&str>) -> Result<String, String> {
        let schema = Schema::new(vec![Column::new("line", ColumnType::Json)], Zones::utc());
        let mut page = Page::new(&schema);
        match text {
            Some(text) => assert!(page.columns[0].push_text(text.as_bytes())),
            None => page.columns[0].push_null(),
        }
        page.rows = 1;
        let mut out = Vec::new();
        let mut encoder = PayloadEncoder::new(&Payload::Index(0), &schema).expect("a column of texts");
        encoder.rows(&page, &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn a_text_is_a_line() {
        assert_eq!(written(Some("{\"a\":\n 1}")).as_deref(), Ok("{\"a\": 1}\n"));
        let row = "column `line`, row 1: a value";
        assert_eq!(written(None), Err(format!("{row} is NULL, which is no line")));
        assert_eq!(written(Some(" \n")), Err(format!("{row} is empty, which is no line")));
    }

    #[test]
    fn the_column_must_be_there_and_hold_text() {
        let refused = |payload| encoder(payload).map(drop);
        assert_eq!(refused(Payload::Name("line".into())), Ok(()));
        assert_eq!(refused(Payload::Index(1)), Ok(()));
        let holds_no_text =
            |shown: &str| Err(format!("the payload column {shown} holds no text but integer"));
        assert_eq!(refused(Payload::Index(0)), holds_no_text("number 0"));
        assert_eq!(refused(Payload::Name("id".into())), holds_no_text("`id`"));
        assert_eq!(refused(Payload::Index(2)), Err("the payload column number 2 does not exist".into()));
        assert_eq!(refused(Payload::Name("x".into())), Err("the payload column `x` does not exist".into()));
    }
}
