//! What a declared type of SQLite means. SQLite itself lets any value into any column; the declaration says what was
//! meant.

use crate::transfer::schema::ColumnType;

/// The type that a declaration stands for; none where it says nothing.
pub(super) fn column_type(declared: &str) -> Option<ColumnType> {
    let upper = declared.to_ascii_uppercase();
    let name = upper.split('(').next().unwrap_or_default().trim();
    let has = |part: &str| name.contains(part);
    Some(match name {
        "" => return None,
        "DATE" => ColumnType::Date,
        "TIME" => ColumnType::Time,
        "JSON" | "JSONB" => ColumnType::Json,
        "REAL" => ColumnType::Double,
        _ if has("DATETIME") || has("TIMESTAMP") => ColumnType::DateTime,
        _ if has("BOOL") => ColumnType::Boolean,
        _ if has("DEC") || has("NUMERIC") || has("MONEY") => decimal(&upper),
        _ if has("INT") => ColumnType::Long,
        _ if has("CHAR") || has("TEXT") || has("CLOB") || has("STRING") || has("UUID") => ColumnType::String,
        _ if has("BLOB") || has("BINARY") => ColumnType::Bytes,
        _ if has("REAL") || has("FLOA") || has("DOUB") => ColumnType::Double,
        _ => return None,
    })
}

/// `DECIMAL(12, 2)`; without digits what BigQuery's NUMERIC holds.
fn decimal(declared: &str) -> ColumnType {
    let inner = declared.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inner, _)| inner);
    let mut digits = inner.unwrap_or_default().split(',').map(|part| part.trim().parse::<u8>().ok());
    let (precision, scale) = match (digits.next().flatten(), digits.next().flatten()) {
        (Some(precision), scale) => (precision.clamp(1, 76), scale.unwrap_or(0)),
        (None, _) => (38, 9),
    };
    ColumnType::Decimal { precision, scale: scale.min(precision) }
}

/// The JDBC name of a type, which `default_column_options` goes by.
pub(super) fn jdbc_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Boolean | ColumnType::Flag => "BOOLEAN",
        ColumnType::Long => "INTEGER",
        ColumnType::Double => "DOUBLE",
        ColumnType::Decimal { .. } => "DECIMAL",
        ColumnType::Bytes => "BLOB",
        ColumnType::Date => "DATE",
        ColumnType::Time => "TIME",
        ColumnType::DateTime => "TIMESTAMP",
        _ => "VARCHAR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_say_what_is_meant() {
        let decimal = |precision, scale| Some(ColumnType::Decimal { precision, scale });
        for (declared, expected) in [
            ("integer", Some(ColumnType::Long)),
            ("BIGINT UNSIGNED", Some(ColumnType::Long)),
            ("varchar(20)", Some(ColumnType::String)),
            ("decimal(12, 2)", decimal(12, 2)),
            ("NUMERIC", decimal(38, 9)),
            ("money", decimal(38, 9)),
            ("decimal(5)", decimal(5, 0)),
            ("double precision", Some(ColumnType::Double)),
            ("boolean", Some(ColumnType::Boolean)),
            ("date", Some(ColumnType::Date)),
            ("datetime", Some(ColumnType::DateTime)),
            ("timestamp with time zone", Some(ColumnType::DateTime)),
            ("json", Some(ColumnType::Json)),
            ("blob", Some(ColumnType::Bytes)),
            ("", None),
            ("anything", None),
        ] {
            assert_eq!(column_type(declared), expected, "{declared}");
        }
    }
}
