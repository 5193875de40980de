//! What each column becomes: the type it gets in a new table, and which texts the columns of the server take.

use crate::embulk::config::{EmbulkType, TypeMapping};
use crate::embulk::output::{SqlColumnOption, TableLoad};
use crate::transfer::output::sql::column::{self, Family};
use crate::transfer::output::sql::plan::TargetColumn;
use crate::transfer::schema::ColumnType;
use crate::transfer::target::{ColumnTarget, Excess, Room, Written};

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

/// The family of a type as SQL spells it, for columns that no catalog has yet.
fn family_of_sql(sql_type: &str) -> Family {
    let lower = sql_type.to_ascii_lowercase();
    let name = lower.split('(').next().unwrap_or_default().trim();
    let with_zone = lower.contains("with time zone");
    match name {
        "boolean" => Family::Boolean,
        "smallint" | "integer" | "int" | "bigint" | "serial" | "bigserial" => Family::Integer,
        "real" | "double precision" | "float" => Family::Float,
        "decimal" => Family::Decimal,
        "bit varying" => Family::Bit,
        _ if with_zone && name.starts_with("timestamp") => Family::TimestampZone,
        _ => ["timestamp", "time", "interval"]
            .into_iter()
            .find(|known| name == *known || name.starts_with(&format!("{known} ")))
            .map_or_else(|| family(name), family),
    }
}

/// What a column becomes in a column of a table that is there, or else would be made.
pub(super) fn target(
    kind: ColumnType,
    to: &TargetColumn,
    option: Option<&SqlColumnOption>,
    load: &TableLoad,
) -> ColumnTarget {
    let family = if to.base.is_empty() { family_of_sql(&to.sql_type) } else { family(&to.base) };
    ColumnTarget {
        type_name: to.sql_type.clone(),
        written: Written::Sql(column::form(kind, family, option, load, ZONED)),
        room: room(family, &to.sql_type),
    }
}

/// What a type holds of the text that it is sent.
fn room(family: Family, sql_type: &str) -> Room {
    let lower = sql_type.to_ascii_lowercase();
    match family {
        Family::Float if lower == "real" || lower == "float4" => Room::Single,
        Family::Float => Room::Double,
        Family::Decimal => Room::decimal(&lower, Excess::Rounded),
        _ => Room::All,
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
    fn families_of_types_that_no_catalog_has_yet() {
        for (sql_type, family) in [
            ("BOOLEAN", Family::Boolean),
            ("BIGINT", Family::Integer),
            ("DOUBLE PRECISION", Family::Float),
            ("NUMERIC(20,0)", Family::Decimal),
            ("TIMESTAMP", Family::Timestamp),
            ("timestamp(3) with time zone", Family::TimestampZone),
            ("TIMESTAMPTZ", Family::TimestampZone),
            ("timestamp without time zone", Family::Timestamp),
            ("TIME", Family::Time),
            ("interval day to second", Family::Interval),
            ("varchar(20)", Family::Text),
            ("JSON", Family::Json),
        ] {
            assert_eq!(family_of_sql(sql_type), family, "{sql_type}");
        }
        let rounded = Room::Digits { whole: 8, scale: 2, excess: Excess::Rounded };
        assert_eq!(room(Family::Decimal, "numeric(10, 2)"), rounded);
        assert_eq!(room(Family::Float, "real"), Room::Single);
    }

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
