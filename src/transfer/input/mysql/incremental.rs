//! The statement of an incremental read: its columns, and the last record as values of theirs.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::columns::{self, TinyInt1};
use super::{Read, found, prepare, server_error};
use crate::cloud::mysql::Connection;
use crate::embulk::input::{Incremental, LastValue, MysqlInput, Selection};
use crate::session::Level;
use crate::transfer::context::TransferContext;
use crate::transfer::error::TransferError;
use crate::transfer::input::increment::{given, no_primary_key};
use crate::transfer::input::select;
use crate::transfer::schema::ColumnType;

/// What an incremental read is told.
pub(super) struct Increments<'a> {
    pub(super) config: &'a MysqlInput,
    pub(super) incremental: &'a Incremental,
    /// The zone in which TIMESTAMP is compared.
    pub(super) session: &'a TimeZone,
    /// What messages call the selection.
    pub(super) name: &'a str,
}

impl Increments<'_> {
    pub(super) fn prepared(
        &self,
        connection: &mut Connection,
        context: &TransferContext,
    ) -> Result<Read, TransferError> {
        let selection = found(connection, &self.config.selection, self.name)?;
        let columns = self.columns(connection, &selection, context)?;
        let literals = match given(self.incremental, &columns)? {
            [] => None,
            given => Some(self.literals(connection, &selection, &columns, given)?),
        };
        let statement = select::incremental(&selection, &columns, literals.as_deref(), '`');
        let prepared = prepare(connection, &statement, self.name)?;
        Ok(Read::new(prepared, statement, selection, Some(columns)))
    }

    /// `incremental_columns`, else the primary key.
    fn columns(
        &self,
        connection: &mut Connection,
        selection: &Selection,
        context: &TransferContext,
    ) -> Result<Vec<String>, TransferError> {
        let Selection::Table { table, .. } = selection else { return Ok(self.incremental.columns.clone()) };
        if !self.incremental.columns.is_empty() {
            return Ok(self.incremental.columns.clone());
        }
        let sql = "SELECT column_name FROM information_schema.key_column_usage WHERE table_schema = DATABASE() \
                   AND table_name = ? AND constraint_name = 'PRIMARY' ORDER BY ordinal_position";
        let rows = connection.select(sql, &[table.expose()]).map_err(|error| {
            server_error(&error, format!("the primary key of {} could not be read", self.name))
        })?;
        let keys: Vec<String> = rows.into_iter().flatten().flatten().collect();
        if keys.is_empty() {
            return Err(no_primary_key(self.name));
        }
        let text = format!("Using primary keys as incremental_columns: [{}]", keys.join(", "));
        context.observer.log(Level::Info, &text);
        Ok(keys)
    }

    /// The last record as values in SQL. The columns say what a text is.
    fn literals(
        &self,
        connection: &mut Connection,
        selection: &Selection,
        columns: &[String],
        given: &[LastValue],
    ) -> Result<Vec<String>, TransferError> {
        let nulls = vec!["NULL".to_owned(); columns.len()];
        let shape =
            prepare(connection, &select::incremental(selection, columns, Some(&nulls), '`'), self.name)?;
        let is_instant = |name: &String| {
            shape.columns.iter().any(|column| {
                column.name_str() == name.as_str()
                    && columns::column_type(column, TinyInt1::Boolean) == Ok(ColumnType::Timestamp)
            })
        };
        Ok(given
            .iter()
            .zip(columns)
            .map(|(value, name)| match value {
                LastValue::Integer(number) => number.to_string(),
                LastValue::Text(text) if is_instant(name) => literal(&in_zone(text, self.session)),
                LastValue::Text(text) => literal(text),
            })
            .collect())
    }
}

/// An instant as the wall clock that the server compares it by; other texts stay.
fn in_zone(text: &str, zone: &TimeZone) -> String {
    match text.parse::<Timestamp>() {
        Ok(at) => at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S.%6f").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// A text between quotes. In hexadecimal where the mode of the server decides what a backslash is.
fn literal(text: &str) -> String {
    if text.contains('\\') {
        let hex: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
        return format!("_utf8mb4 X'{hex}'");
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_and_instants_are_wall_clocks_of_the_session() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\"), "_utf8mb4 X'615C'");
        let tokyo = TimeZone::get("Asia/Tokyo").expect("a zone");
        assert_eq!(in_zone("2015-06-04T12:34:56.000001Z", &tokyo), "2015-06-04 21:34:56.000001");
        assert_eq!(in_zone("x", &tokyo), "x");
    }
}
