//! One value on its way to a target, through the encoders that write whole tables.

use std::sync::Arc;

use super::probe::Arrived;
use crate::transfer::encode::arrow::ArrowColumn;
use crate::transfer::encode::cell::CellWriter;
use crate::transfer::encode::check::Check;
use crate::transfer::encode::copy_text::CopyTextEncoder;
use crate::transfer::encode::sent::SentColumn;
use crate::transfer::encode::{Converted, Unfit};
use crate::transfer::page::Page;
use crate::transfer::schema::{Column, Schema, Zones};
use crate::transfer::target::{ColumnTarget, Excess, Room, Written};
use crate::transfer::value::Value;

/// What is sent for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A text.
    Text(String),
    /// The value in binary, as a file of Parquet has it.
    Binary,
    /// Nothing: the value does not fit, and the transfer fails.
    Fails,
}

impl Sent {
    /// The text, where it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary | Self::Fails => None,
        }
    }
}

const UNFIT: Unfit = Unfit("does not fit into its target");
/// How COPY writes NULL.
const NULL: &[u8] = b"\\N";

/// Writes values of one column, each as if it were the only one of a table.
pub(super) struct Trial<'t> {
    schema: Arc<Schema>,
    target: &'t ColumnTarget,
}

impl<'t> Trial<'t> {
    pub(super) fn new(column: &Column, target: &'t ColumnTarget, zones: &Zones) -> Self {
        Self { schema: Schema::new(vec![column.clone()], zones.clone()), target }
    }

    /// What the target has of a value.
    pub(super) fn arrived(&self, value: &Value) -> Result<Arrived, Unfit> {
        match (self.written(value)?, &self.target.written) {
            (Arrived::Is(text), Written::Text(_) | Written::Sql(_)) => {
                self.target.room.held(text).map(Arrived::Is).ok_or(UNFIT)
            }
            (arrived, _) => Ok(arrived),
        }
    }

    /// What is sent for a value.
    pub(super) fn sent(&self, value: &Value) -> Sent {
        match (&self.target.written, self.arrived(value), self.written(value)) {
            (_, Err(_), _) | (_, _, Err(_)) => Sent::Fails,
            (_, Ok(Arrived::Null), _) => Sent::Text("NULL".to_owned()),
            (Written::Text(_) | Written::Sql(_), Ok(_), Ok(Arrived::Is(text))) => {
                Sent::Text(String::from_utf8_lossy(&text).into_owned())
            }
            _ => Sent::Binary,
        }
    }

    fn written(&self, value: &Value) -> Result<Arrived, Unfit> {
        let column = &self.schema.columns[0];
        let mut page = Page::new(&self.schema);
        if !value.push(&mut page.columns[0]) {
            return Err(UNFIT);
        }
        page.rows = 1;
        let mut text = Vec::new();
        let written = match &self.target.written {
            Written::Text(form) => {
                let mut cell = CellWriter::new(column.kind, form.clone(), &self.schema.zones);
                cell.write(&page.columns[0], 0, &mut text)?
            }
            Written::Sql(form) => {
                let sent = SentColumn { column: 0, form: form.clone(), check: Check::None };
                let mut encoder = CopyTextEncoder::new(&self.schema, vec![sent]);
                encoder.rows(&page, &mut text).map_err(|_| UNFIT)?;
                text.pop();
                if text == NULL { Converted::Null } else { Converted::Text }
            }
            Written::Parquet(kind) => {
                let mut arrow = ArrowColumn::new(column, kind.clone(), &self.schema.zones);
                let array =
                    arrow.array(&page.columns[0], column, |row| row as u64).map_err(|_| UNFIT)?.to_data();
                array.buffers().iter().for_each(|buffer| text.extend_from_slice(buffer.as_slice()));
                Converted::Text
            }
            Written::LeftOut => Converted::Null,
        };
        Ok(if written == Converted::Null { Arrived::Null } else { Arrived::Is(text) })
    }
}

/// A clock without the digits of a second beyond the first so many.
fn cut_seconds(mut text: Vec<u8>, digits: usize) -> Vec<u8> {
    if let Some(point) = text.iter().position(|byte| *byte == b'.') {
        text.truncate(if digits == 0 { point } else { point + 1 + digits });
    }
    text
}

impl Room {
    /// What of a written text the type tells apart from other texts; none where it does not fit.
    fn held(self, text: Vec<u8>) -> Option<Vec<u8>> {
        let (scale, most, excess) = match self {
            Self::All => return Some(text),
            Self::Double => return Some(number::<f64>(&text)?.to_be_bytes().to_vec()),
            Self::Single => return Some(number::<f32>(&text)?.to_be_bytes().to_vec()),
            Self::Seconds { digits, excess } => {
                let whole = text.clone();
                let cut = cut_seconds(text, digits);
                let more = whole[cut.len()..].iter().any(|byte| matches!(byte, b'1'..=b'9'));
                return (excess == Excess::Rounded || !more).then_some(cut);
            }
            Self::Digits { whole, scale, excess } => (scale, whole, excess),
        };
        let digits = std::str::from_utf8(&text).ok()?.trim_start_matches('-');
        let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
        let after = after.trim_end_matches('0');
        if before.trim_start_matches('0').len() > most || after.len() > scale && excess == Excess::Refused {
            return None;
        }
        Some(format!("{before}.{}", &after[..after.len().min(scale)]).into_bytes())
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
