//! What the server's column metadata means: the exact type of every column.

use crate::cloud::mysql::{Column as Metadata, ColumnFlags, ColumnType as Wire};
use crate::transfer::schema::ColumnType;

/// The character set of bytes.
pub(super) const BINARY: u16 = 63;

/// How TINYINT(1) is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TinyInt1 {
    /// As a boolean, as Connector/J does without further options.
    Boolean,
    /// As the number it is (`options: {tinyInt1isBit: false}`).
    Number,
}

/// How YEAR is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum YearAs {
    /// As its first day.
    Date,
    /// As the number it is (`options: {yearIsDateType: false}`).
    Number,
}

/// The type of a column, or its MySQL name when it is of no type that can be read.
pub(super) fn column_type(column: &Metadata, tiny_int: TinyInt1) -> Result<ColumnType, &'static str> {
    let unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    Ok(match column.column_type() {
        Wire::MYSQL_TYPE_TINY if column.column_length() == 1 && tiny_int == TinyInt1::Boolean => {
            ColumnType::Boolean
        }
        Wire::MYSQL_TYPE_TINY | Wire::MYSQL_TYPE_SHORT | Wire::MYSQL_TYPE_INT24 | Wire::MYSQL_TYPE_LONG => {
            ColumnType::Long
        }
        Wire::MYSQL_TYPE_LONGLONG if unsigned => ColumnType::UnsignedLong,
        Wire::MYSQL_TYPE_LONGLONG => ColumnType::Long,
        Wire::MYSQL_TYPE_FLOAT => ColumnType::Float,
        Wire::MYSQL_TYPE_DOUBLE => ColumnType::Double,
        Wire::MYSQL_TYPE_DECIMAL | Wire::MYSQL_TYPE_NEWDECIMAL => decimal(column, unsigned),
        Wire::MYSQL_TYPE_BIT if column.column_length() <= 1 => ColumnType::Boolean,
        Wire::MYSQL_TYPE_BIT => ColumnType::Bit { width: u8::try_from(column.column_length()).unwrap_or(64) },
        Wire::MYSQL_TYPE_DATE | Wire::MYSQL_TYPE_NEWDATE => ColumnType::Date,
        Wire::MYSQL_TYPE_DATETIME | Wire::MYSQL_TYPE_DATETIME2 => ColumnType::DateTime,
        Wire::MYSQL_TYPE_TIMESTAMP | Wire::MYSQL_TYPE_TIMESTAMP2 => ColumnType::Timestamp,
        Wire::MYSQL_TYPE_TIME | Wire::MYSQL_TYPE_TIME2 => ColumnType::Time,
        Wire::MYSQL_TYPE_YEAR => ColumnType::Year,
        Wire::MYSQL_TYPE_JSON => ColumnType::Json,
        Wire::MYSQL_TYPE_GEOMETRY | Wire::MYSQL_TYPE_VECTOR => ColumnType::Bytes,
        Wire::MYSQL_TYPE_VARCHAR
        | Wire::MYSQL_TYPE_VAR_STRING
        | Wire::MYSQL_TYPE_STRING
        | Wire::MYSQL_TYPE_ENUM
        | Wire::MYSQL_TYPE_SET
        | Wire::MYSQL_TYPE_TINY_BLOB
        | Wire::MYSQL_TYPE_MEDIUM_BLOB
        | Wire::MYSQL_TYPE_LONG_BLOB
        | Wire::MYSQL_TYPE_BLOB => {
            if column.character_set() == BINARY {
                ColumnType::Bytes
            } else {
                ColumnType::String
            }
        }
        Wire::MYSQL_TYPE_NULL => ColumnType::String,
        _ => return Err(type_name(column)),
    })
}

/// Bytes that a value takes at most; an unsigned number is one of the next size.
pub(super) fn octets(column: &Metadata, kind: ColumnType) -> Option<u32> {
    let unsigned = u32::from(column.flags().contains(ColumnFlags::UNSIGNED_FLAG));
    match (kind, column.column_type()) {
        (ColumnType::Long, Wire::MYSQL_TYPE_TINY) => Some(1 + unsigned),
        (ColumnType::Long, Wire::MYSQL_TYPE_SHORT) => Some(2 + unsigned),
        // 24 bits go into 32, with a sign or without.
        (ColumnType::Long, Wire::MYSQL_TYPE_INT24) => Some(3),
        (ColumnType::Long, Wire::MYSQL_TYPE_LONG) => Some(4 + unsigned),
        // The server tells the length in the charset of the connection.
        (ColumnType::String | ColumnType::Bytes, Wire::MYSQL_TYPE_GEOMETRY | Wire::MYSQL_TYPE_VECTOR) => None,
        (ColumnType::String | ColumnType::Bytes, _) if !is_null(column) => Some(column.column_length()),
        _ => None,
    }
}

/// Whether a column has no type at all, as that of `SELECT NULL`.
pub(super) fn is_null(column: &Metadata) -> bool {
    column.column_type() == Wire::MYSQL_TYPE_NULL
}

/// The display length counts the sign and the point.
fn decimal(column: &Metadata, unsigned: bool) -> ColumnType {
    let scale = column.decimals();
    let signs = u32::from(!unsigned) + u32::from(scale > 0);
    let precision = column.column_length().saturating_sub(signs).clamp(1, 65);
    ColumnType::Decimal { precision: u8::try_from(precision).unwrap_or(65), scale: scale.min(38) }
}

/// The MySQL name of a column's type, as Embulk's messages name it.
pub(super) fn type_name(column: &Metadata) -> &'static str {
    match column.column_type() {
        Wire::MYSQL_TYPE_NULL => "NULL",
        Wire::MYSQL_TYPE_GEOMETRY => "GEOMETRY",
        Wire::MYSQL_TYPE_VECTOR => "VECTOR",
        Wire::MYSQL_TYPE_STRING => "BINARY",
        Wire::MYSQL_TYPE_VAR_STRING | Wire::MYSQL_TYPE_VARCHAR => "VARBINARY",
        Wire::MYSQL_TYPE_TINY_BLOB => "TINYBLOB",
        Wire::MYSQL_TYPE_MEDIUM_BLOB => "MEDIUMBLOB",
        Wire::MYSQL_TYPE_LONG_BLOB => "LONGBLOB",
        // The protocol sends one code for all four; the length tells them apart.
        Wire::MYSQL_TYPE_BLOB => match column.column_length() {
            0..=255 => "TINYBLOB",
            256..=65_535 => "BLOB",
            65_536..=16_777_215 => "MEDIUMBLOB",
            _ => "LONGBLOB",
        },
        _ => "OTHER",
    }
}

/// The name of the JDBC type of a column, which `default_column_options` goes by.
pub(super) fn jdbc_type(column: &Metadata, kind: ColumnType) -> &'static str {
    let unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    match kind {
        ColumnType::Boolean | ColumnType::Flag | ColumnType::Bit { .. } => "BIT",
        ColumnType::UnsignedLong => "BIGINT",
        ColumnType::Long => match column.column_type() {
            Wire::MYSQL_TYPE_TINY => "TINYINT",
            Wire::MYSQL_TYPE_SHORT => "SMALLINT",
            Wire::MYSQL_TYPE_LONG if unsigned => "BIGINT",
            Wire::MYSQL_TYPE_INT24 | Wire::MYSQL_TYPE_LONG => "INTEGER",
            _ => "BIGINT",
        },
        ColumnType::Float => "REAL",
        ColumnType::Double => "DOUBLE",
        ColumnType::Decimal { .. } => "DECIMAL",
        ColumnType::Date | ColumnType::Year => "DATE",
        ColumnType::DateTime | ColumnType::Timestamp => "TIMESTAMP",
        ColumnType::Time => "TIME",
        ColumnType::Json => "CHAR",
        ColumnType::String => match column.column_type() {
            Wire::MYSQL_TYPE_STRING | Wire::MYSQL_TYPE_ENUM | Wire::MYSQL_TYPE_SET => "CHAR",
            Wire::MYSQL_TYPE_VAR_STRING | Wire::MYSQL_TYPE_VARCHAR => "VARCHAR",
            _ => "LONGVARCHAR",
        },
        ColumnType::Bytes => match column.column_type() {
            Wire::MYSQL_TYPE_STRING | Wire::MYSQL_TYPE_GEOMETRY => "BINARY",
            Wire::MYSQL_TYPE_VAR_STRING | Wire::MYSQL_TYPE_VARCHAR => "VARBINARY",
            _ => "LONGVARBINARY",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(wire: Wire, length: u32, flags: ColumnFlags) -> Metadata {
        Metadata::new(wire).with_column_length(length).with_flags(flags).with_character_set(45)
    }

    #[test]
    fn the_width_one_decides_about_booleans() {
        let none = ColumnFlags::empty();
        for (length, options, expected) in [
            (1, TinyInt1::Boolean, ColumnType::Boolean),
            (4, TinyInt1::Boolean, ColumnType::Long),
            (1, TinyInt1::Number, ColumnType::Long),
        ] {
            assert_eq!(column_type(&column(Wire::MYSQL_TYPE_TINY, length, none), options), Ok(expected));
        }
    }

    #[test]
    fn decimals_have_their_precision() {
        for (length, decimals, flags, precision, scale) in [
            (14, 2, ColumnFlags::empty(), 12, 2),
            (67, 30, ColumnFlags::empty(), 65, 30),
            (11, 0, ColumnFlags::empty(), 10, 0),
            (13, 2, ColumnFlags::UNSIGNED_FLAG, 12, 2),
        ] {
            let column = column(Wire::MYSQL_TYPE_NEWDECIMAL, length, flags).with_decimals(decimals);
            assert_eq!(column_type(&column, TinyInt1::Boolean), Ok(ColumnType::Decimal { precision, scale }));
        }
    }

    #[test]
    fn the_character_set_tells_text_from_bytes() {
        let text = column(Wire::MYSQL_TYPE_BLOB, 65_535 * 4, ColumnFlags::empty());
        assert_eq!(column_type(&text, TinyInt1::Boolean), Ok(ColumnType::String));
        let bytes = column(Wire::MYSQL_TYPE_BLOB, 65_535, ColumnFlags::empty()).with_character_set(BINARY);
        assert_eq!(column_type(&bytes, TinyInt1::Boolean), Ok(ColumnType::Bytes));
        assert_eq!((type_name(&bytes), jdbc_type(&bytes, ColumnType::Bytes)), ("BLOB", "LONGVARBINARY"));
    }
}
