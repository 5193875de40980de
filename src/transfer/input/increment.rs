//! `incremental: true`: rows beyond the last record, in the order of some columns, and what the last record is then.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::embulk::input::{Incremental, LastValue};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::page::{Buffer, Page};
use crate::transfer::schema::{Column, ColumnType, Schema};

/// The columns of an incremental read, by their place in the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Increment {
    places: Vec<usize>,
}

impl Increment {
    /// The columns with these names. They must be there, hold what can be written down and read again, and be as the
    /// source holds them.
    pub(super) fn of(
        names: &[String],
        schema: &Schema,
        is_converted: impl Fn(&str) -> bool,
    ) -> Result<Self, TransferError> {
        let place = |name: &String| {
            let Some(place) = schema.position(name) else {
                let message =
                    format!("`incremental_columns` names column `{name}`, which the rows do not have");
                return Err(TransferError::new(ErrorKind::Config, message)
                    .hint("add it to `select`, or name it as the query does"));
            };
            if is_converted(name) {
                let message =
                    format!("column `{name}` is incremental, so `column_options` must leave it as it is");
                return Err(TransferError::new(ErrorKind::Config, message));
            }
            match schema.columns[place].kind {
                ColumnType::Long
                | ColumnType::UnsignedLong
                | ColumnType::String
                | ColumnType::DateTime
                | ColumnType::Timestamp => Ok(place),
                other => {
                    let message = format!(
                        "column `{name}` cannot be incremental: {} columns have no last record",
                        other.word()
                    );
                    Err(TransferError::new(ErrorKind::Config, message)
                        .hint("integers, texts and points in time have one"))
                }
            }
        };
        Ok(Self { places: names.iter().map(place).collect::<Result<_, _>>()? })
    }

    /// Where they are among the columns of the rows.
    pub(in crate::transfer) fn places(&self) -> &[usize] {
        &self.places
    }

    /// The columns, in the order of the read.
    pub(super) fn columns<'s>(&self, schema: &'s Schema) -> impl Iterator<Item = &'s Column> {
        self.places.iter().map(|place| &schema.columns[*place])
    }
}

/// The last record: none, or a value for each column.
pub(super) fn given<'i>(
    incremental: &'i Incremental,
    columns: &[String],
) -> Result<&'i [LastValue], TransferError> {
    let values = incremental.last_record.as_slice();
    if values.is_empty() || values.len() == columns.len() {
        return Ok(values);
    }
    let names = columns.join(", ");
    let message = format!("`last_record` must have a value for each incremental column: {names}");
    Err(TransferError::new(ErrorKind::Config, message))
}

/// A table that has no key and a config that names no columns.
pub(super) fn no_primary_key(name: &str) -> TransferError {
    TransferError::new(ErrorKind::Config, format!("{name} has no primary key"))
        .hint("name the columns to read by in `incremental_columns`")
}

/// Looks at the last row of every page.
#[derive(Debug)]
pub struct LastRow {
    increment: Increment,
    schema: Arc<Schema>,
    values: Option<Vec<Option<LastValue>>>,
}

impl LastRow {
    /// Nothing was read yet.
    pub fn new(increment: Increment, schema: &Arc<Schema>) -> Self {
        Self { increment, schema: Arc::clone(schema), values: None }
    }

    /// Hears of a page with rows.
    pub fn see(&mut self, page: &Page) {
        let Some(row) = page.rows.checked_sub(1) else { return };
        let values = self.increment.places.iter().map(|place| value(page, *place, row));
        self.values = Some(values.collect());
    }

    /// What the next read begins behind, and what people should know of it. Without rows that is what this one began
    /// behind; a NULL in the last row says nothing, so that stays, too.
    pub fn next(self, given: &Incremental) -> (Map<String, Value>, Option<String>) {
        let given = || given.last_record.iter().map(LastValue::to_json).collect::<Vec<_>>();
        let (values, note) = match self.values {
            None => (given(), None),
            Some(values) => match values.iter().position(Option::is_none) {
                Some(at) => {
                    let name = self.increment.columns(&self.schema).nth(at).map_or("", |column| &column.name);
                    let note = format!(
                        "incremental column `{name}` is NULL in the last row, so `last_record` stays as it was"
                    );
                    (given(), Some(note))
                }
                None => (values.iter().flatten().map(LastValue::to_json).collect(), None),
            },
        };
        if values.is_empty() {
            return (Map::new(), note);
        }
        (Map::from_iter([("last_record".to_owned(), json!(values))]), note)
    }
}

/// A value as the next read is given it; none is NULL.
fn value(page: &Page, column: usize, row: usize) -> Option<LastValue> {
    let buffer = &page.columns[column];
    if !buffer.validity.is_valid(row) {
        return None;
    }
    Some(match (&buffer.data, page.schema.columns[column].kind) {
        (Buffer::Long(values), ColumnType::DateTime) => LastValue::Text(clock(values[row], "")?),
        (Buffer::Long(values), ColumnType::Timestamp) => LastValue::Text(clock(values[row], "Z")?),
        (Buffer::Long(values), _) => LastValue::Integer(values[row].into()),
        (Buffer::UnsignedLong(values), _) => LastValue::Integer(values[row].into()),
        (Buffer::Text(texts), _) => LastValue::Text(String::from_utf8_lossy(texts.get(row)).into_owned()),
        (Buffer::Double(_), _) => return None,
    })
}

/// `2015-06-04T12:34:56.000000`, as the plugin writes it.
fn clock(micros: i64, zone: &str) -> Option<String> {
    let at = Timestamp::from_microsecond(micros).ok()?;
    Some(format!("{}{zone}", at.strftime("%Y-%m-%dT%H:%M:%S.%6f")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::schema::Zones;

    fn schema() -> Arc<Schema> {
        let column = |name: &str, kind| Column::new(name, kind);
        let columns = vec![
            column("id", ColumnType::Long),
            column("big", ColumnType::UnsignedLong),
            column("name", ColumnType::String),
            column("at", ColumnType::DateTime),
            column("seen", ColumnType::Timestamp),
            column("price", ColumnType::Double),
        ];
        Schema::new(columns, Zones::utc())
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn given(values: Vec<LastValue>) -> Incremental {
        Incremental { columns: Vec::new(), last_record: values }
    }

    #[test]
    fn the_last_row_of_the_last_page_is_the_last_record() {
        let schema = schema();
        let increment = Increment::of(&names(&["seen", "id", "big", "name", "at"]), &schema, |_| false);
        let mut last = LastRow::new(increment.expect("they are there"), &schema);
        for id in [1, 2] {
            let mut page = Page::new(&schema);
            assert!(page.columns[0].push_long(id));
            assert!(page.columns[1].push_unsigned(u64::MAX));
            assert!(page.columns[2].push_text("日".as_bytes()));
            assert!(page.columns[3].push_long(1_433_421_296_000_000));
            assert!(page.columns[4].push_long(-1));
            page.columns[5].push_null();
            page.rows = 1;
            last.see(&page);
        }
        let expected = json!({"last_record": [
            "1969-12-31T23:59:59.999999Z", 2, 18_446_744_073_709_551_615_u64, "日", "2015-06-04T12:34:56.000000"
        ]});
        let (next, note) = last.next(&given(vec![LastValue::Integer(0)]));
        assert_eq!((Value::Object(next), note), (expected, None));
    }

    #[test]
    fn without_a_row_and_with_a_null_the_last_record_stays() {
        let schema = schema();
        let last =
            || LastRow::new(Increment::of(&names(&["id"]), &schema, |_| false).expect("there"), &schema);
        let (next, note) = last().next(&given(vec![LastValue::Text("a".into())]));
        assert_eq!((Value::Object(next), note), (json!({"last_record": ["a"]}), None));
        assert_eq!(last().next(&given(Vec::new())), (Map::new(), None));
        let mut page = Page::new(&schema);
        page.columns.iter_mut().for_each(crate::transfer::page::ColumnBuffer::push_null);
        page.rows = 1;
        let mut seen = last();
        seen.see(&page);
        let note = "incremental column `id` is NULL in the last row, so `last_record` stays as it was";
        assert_eq!(seen.next(&given(Vec::new())), (Map::new(), Some(note.to_owned())));
    }

    #[test]
    fn columns_that_have_no_last_record_are_refused() {
        let refused = |name: &str| {
            Increment::of(&names(&[name]), &schema(), |name| name == "name")
                .map(drop)
                .map_err(|e| e.to_string())
        };
        assert_eq!(refused("id"), Ok(()));
        assert_eq!(
            refused("no"),
            Err("`incremental_columns` names column `no`, which the rows do not have".to_owned())
        );
        assert_eq!(
            refused("name"),
            Err("column `name` is incremental, so `column_options` must leave it as it is".to_owned())
        );
        assert_eq!(
            refused("price"),
            Err("column `price` cannot be incremental: double columns have no last record".to_owned())
        );
    }
}
