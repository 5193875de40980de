//! What a filter sees: values as Embulk presents them, of its six types. Decimals keep their digits.

use crate::embulk::config::EmbulkType;
use crate::transfer::encode::cell::{CellWriter, is_true};
use crate::transfer::encode::{Form, Unfit};
use crate::transfer::page::{Buffer, ColumnBuffer};
use crate::transfer::schema::{ColumnType, Zones};

/// A value that is not NULL.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'c> {
    Boolean(bool),
    Long(i64),
    Double(f64),
    /// A double to Embulk.
    Decimal(&'c str),
    Text(&'c str),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    Json(&'c str),
}

/// Looks at the values of one column.
#[derive(Debug)]
pub(super) struct Eye {
    kind: ColumnType,
    clock: CellWriter,
}

impl Eye {
    pub(super) fn new(kind: ColumnType, zones: &Zones) -> Self {
        Self { kind, clock: CellWriter::new(kind, Form::Integer, zones) }
    }

    /// A value that is not NULL; an error where Embulk could not have had it.
    pub(super) fn see<'c>(&mut self, column: &'c ColumnBuffer, row: usize) -> Result<Cell<'c>, Unfit> {
        Ok(match &column.data {
            Buffer::Long(values) => match self.kind.embulk() {
                EmbulkType::Boolean => Cell::Boolean(values[row] == -1 || values[row] > 0),
                EmbulkType::Timestamp => Cell::Timestamp(self.clock.instant(values[row])?),
                _ => Cell::Long(values[row]),
            },
            Buffer::UnsignedLong(values) => match self.kind.embulk() {
                EmbulkType::Boolean => Cell::Boolean(is_true(self.kind, values[row])),
                _ => Cell::Long(
                    i64::try_from(values[row])
                        .map_err(|_| Unfit("is above 9223372036854775807, the limit of an integer"))?,
                ),
            },
            Buffer::Double(values) => Cell::Double(values[row]),
            Buffer::Text(texts) => {
                let text = std::str::from_utf8(texts.get(row)).map_err(|_| Unfit("is not text in UTF-8"))?;
                match self.kind.embulk() {
                    EmbulkType::Json => Cell::Json(text),
                    EmbulkType::Double => Cell::Decimal(text),
                    _ => Cell::Text(text),
                }
            }
        })
    }
}

/// The column type of one of Embulk's.
pub(super) fn column_type(embulk: EmbulkType) -> ColumnType {
    match embulk {
        EmbulkType::Boolean => ColumnType::Boolean,
        EmbulkType::Long => ColumnType::Long,
        EmbulkType::Double => ColumnType::Double,
        EmbulkType::String => ColumnType::String,
        EmbulkType::Timestamp => ColumnType::Timestamp,
        EmbulkType::Json => ColumnType::Json,
    }
}
