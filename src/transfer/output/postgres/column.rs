//! What each column becomes: the type it gets in a new table, and which texts the columns of the server take.

use crate::embulk::config::{EmbulkType, TypeMapping};
use crate::transfer::output::sql::column::Family;
use crate::transfer::schema::ColumnType;

/// A timestamp of TIMESTAMPTZ, in UTC.
pub(super) const ZONED: &str = "%Y-%m-%d %H:%M:%S.%6N%:z";

/// The family of a type by its name in the catalog.
pub(super) fn family(name: &str) -> Family {
    match name {
        "bool" => Family::Boolean,
        "int2" | "int4" | "int8" | "oid" => Family::Integer,
        "float4" | "float8" => Family::Float,
        "numeric" | "money" => Family::Decimal,
        "bytea" => Family::Bytes,
        "json" | "jsonb" => Family::Json,
        "date" => Family::Date,
        "time" | "timetz" => Family::Time,
        "timestamp" => Family::Timestamp,
        "timestamptz" => Family::TimestampZone,
        "bit" | "varbit" => Family::Bit,
        "interval" => Family::Interval,
        _ => Family::Text,
    }
}

/// The type of a column in a new table.
pub(super) fn usual_type(kind: ColumnType, types: TypeMapping) -> String {
    let word = match (types, kind) {
        (TypeMapping::Embulk, _) => match kind.embulk() {
            EmbulkType::Boolean => "BOOLEAN",
            EmbulkType::Long => "BIGINT",
            EmbulkType::Double => "DOUBLE PRECISION",
            EmbulkType::String => "TEXT",
            EmbulkType::Timestamp => "TIMESTAMP",
            EmbulkType::Json => "JSON",
        },
        (TypeMapping::Exact, ColumnType::Decimal { precision, scale }) if precision <= 76 => {
            return format!("NUMERIC({precision},{scale})");
        }
        (TypeMapping::Exact, ColumnType::Flag) => "BOOLEAN",
        (TypeMapping::Exact, ColumnType::Boolean | ColumnType::Long) => "BIGINT",
        (TypeMapping::Exact, ColumnType::UnsignedLong | ColumnType::Bit { .. }) => "NUMERIC(20,0)",
        (TypeMapping::Exact, ColumnType::Decimal { .. }) => "NUMERIC",
        (TypeMapping::Exact, ColumnType::Year) => "INTEGER",
        (TypeMapping::Exact, ColumnType::Float) => "REAL",
        (TypeMapping::Exact, ColumnType::Double) => "DOUBLE PRECISION",
        (TypeMapping::Exact, ColumnType::String) => "TEXT",
        (TypeMapping::Exact, ColumnType::Bytes) => "BYTEA",
        (TypeMapping::Exact, ColumnType::Json) => "JSON",
        (TypeMapping::Exact, ColumnType::Date) => "DATE",
        (TypeMapping::Exact, ColumnType::Time) => "TIME",
        (TypeMapping::Exact, ColumnType::DateTime) => "TIMESTAMP",
        (TypeMapping::Exact, ColumnType::Timestamp) => "TIMESTAMPTZ",
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_types_are_embulks_or_exact() {
        for (kind, embulk, exact) in [
            (ColumnType::Boolean, "BOOLEAN", "BIGINT"),
            (ColumnType::Flag, "BOOLEAN", "BOOLEAN"),
            (ColumnType::Bit { width: 64 }, "BOOLEAN", "NUMERIC(20,0)"),
            (ColumnType::Long, "BIGINT", "BIGINT"),
            (ColumnType::UnsignedLong, "BIGINT", "NUMERIC(20,0)"),
            (ColumnType::Float, "DOUBLE PRECISION", "REAL"),
            (ColumnType::Double, "DOUBLE PRECISION", "DOUBLE PRECISION"),
            (ColumnType::Decimal { precision: 65, scale: 30 }, "DOUBLE PRECISION", "NUMERIC(65,30)"),
            (ColumnType::Decimal { precision: 255, scale: 0 }, "DOUBLE PRECISION", "NUMERIC"),
            (ColumnType::String, "TEXT", "TEXT"),
            (ColumnType::Bytes, "TEXT", "BYTEA"),
            (ColumnType::Json, "JSON", "JSON"),
            (ColumnType::Date, "TIMESTAMP", "DATE"),
            (ColumnType::DateTime, "TIMESTAMP", "TIMESTAMP"),
            (ColumnType::Timestamp, "TIMESTAMP", "TIMESTAMPTZ"),
            (ColumnType::Time, "TIMESTAMP", "TIME"),
            (ColumnType::Year, "TIMESTAMP", "INTEGER"),
        ] {
            assert_eq!(usual_type(kind, TypeMapping::Embulk), embulk, "{kind:?}");
            assert_eq!(usual_type(kind, TypeMapping::Exact), exact, "{kind:?}");
        }
    }
}
