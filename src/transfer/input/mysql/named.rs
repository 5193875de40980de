//! The type of a column as SQL spells it, from what the server says of a result.

use super::columns::{self, BINARY, TinyInt1};
use crate::cloud::mysql::{Column as Metadata, ColumnFlags, ColumnType as Wire};
use crate::transfer::schema::ColumnType;

/// Bytes that a letter may take in the character set of the connection.
const LETTER: u32 = 4;

/// What the values of a column can be: a BIT(1) is 0 or 1, which its kind does not say.
pub(super) fn holds(column: &Metadata, kind: ColumnType) -> ColumnType {
    match column.column_type() {
        Wire::MYSQL_TYPE_BIT if kind == ColumnType::Boolean => ColumnType::Flag,
        _ => kind,
    }
}

/// `DECIMAL(20,2)`, `BIGINT UNSIGNED`, `VARCHAR(40)`.
pub(super) fn sql_type(column: &Metadata) -> String {
    let flags = column.flags();
    let sign = if flags.contains(ColumnFlags::UNSIGNED_FLAG) { " UNSIGNED" } else { "" };
    let width = column.column_length();
    let name = match column.column_type() {
        Wire::MYSQL_TYPE_TINY if width == 1 => "TINYINT(1)",
        Wire::MYSQL_TYPE_TINY => "TINYINT",
        Wire::MYSQL_TYPE_SHORT => "SMALLINT",
        Wire::MYSQL_TYPE_INT24 => "MEDIUMINT",
        Wire::MYSQL_TYPE_LONG => "INT",
        Wire::MYSQL_TYPE_LONGLONG => "BIGINT",
        Wire::MYSQL_TYPE_FLOAT => "FLOAT",
        Wire::MYSQL_TYPE_DOUBLE => "DOUBLE",
        Wire::MYSQL_TYPE_DECIMAL | Wire::MYSQL_TYPE_NEWDECIMAL => {
            let Ok(ColumnType::Decimal { precision, .. }) = columns::column_type(column, TinyInt1::Number)
            else {
                return "DECIMAL".to_owned();
            };
            return format!("DECIMAL({precision},{}){sign}", column.decimals());
        }
        Wire::MYSQL_TYPE_BIT => return format!("BIT({width})"),
        Wire::MYSQL_TYPE_DATE | Wire::MYSQL_TYPE_NEWDATE => return "DATE".to_owned(),
        Wire::MYSQL_TYPE_DATETIME | Wire::MYSQL_TYPE_DATETIME2 => return with_digits("DATETIME", column),
        Wire::MYSQL_TYPE_TIMESTAMP | Wire::MYSQL_TYPE_TIMESTAMP2 => return with_digits("TIMESTAMP", column),
        Wire::MYSQL_TYPE_TIME | Wire::MYSQL_TYPE_TIME2 => return with_digits("TIME", column),
        Wire::MYSQL_TYPE_YEAR => return "YEAR".to_owned(),
        Wire::MYSQL_TYPE_JSON => return "JSON".to_owned(),
        _ => return text_type(column),
    };
    format!("{name}{sign}")
}

/// Digits of a second, where there are any.
fn with_digits(name: &str, column: &Metadata) -> String {
    match column.decimals() {
        digits @ 1..=6 => format!("{name}({digits})"),
        _ => name.to_owned(),
    }
}

fn text_type(column: &Metadata) -> String {
    let (flags, width) = (column.flags(), column.column_length());
    if column.character_set() == BINARY {
        return match columns::type_name(column) {
            name @ ("BINARY" | "VARBINARY") => format!("{name}({width})"),
            name => name.to_owned(),
        };
    }
    let name = match column.column_type() {
        _ if flags.contains(ColumnFlags::ENUM_FLAG) => "ENUM",
        _ if flags.contains(ColumnFlags::SET_FLAG) => "SET",
        Wire::MYSQL_TYPE_NULL => "NULL",
        Wire::MYSQL_TYPE_STRING => return format!("CHAR({})", width / LETTER),
        Wire::MYSQL_TYPE_VAR_STRING | Wire::MYSQL_TYPE_VARCHAR => {
            return format!("VARCHAR({})", width / LETTER);
        }
        _ => match width / LETTER {
            0..=255 => "TINYTEXT",
            256..=65_535 => "TEXT",
            65_536..=16_777_215 => "MEDIUMTEXT",
            _ => "LONGTEXT",
        },
    };
    name.to_owned()
}
