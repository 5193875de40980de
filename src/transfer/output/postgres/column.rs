//! What each column becomes: the type it gets in a new table, and which texts the columns of the server take.

use crate::embulk::config::{EmbulkType, TypeMapping};
use crate::embulk::output::{SqlColumnOption, TableLoad};
use crate::transfer::encode::check::{Check, Lost};
use crate::transfer::encode::sent::SentColumn;
use crate::transfer::output::sql::column::{self, Family};
use crate::transfer::output::sql::plan::{Plan, TargetColumn, option_of};
use crate::transfer::schema::{ColumnType, Schema};
use crate::transfer::target::{ColumnTarget, Room, Written};

/// A timestamp of TIMESTAMPTZ, in UTC.
pub(super) const ZONED: &str = "%Y-%m-%d %H:%M:%S.%6N%:z";

/// The family of a type by its name in the catalog.
fn family(name: &str) -> Family {
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

/// The family of a type as SQL spells it.
pub(in crate::transfer::output) fn family_of_sql(sql_type: &str) -> Family {
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
    let sql_type = holds(to);
    let family = family_of_sql(sql_type);
    ColumnTarget {
        type_name: to.sql_type.clone(),
        written: Written::Sql(column::form(kind, family, option, load, ZONED)),
        room: room(family, sql_type, load.types),
    }
}

/// The type that decides what a column holds: of a domain the one below it.
fn holds(column: &TargetColumn) -> &str {
    if column.base.is_empty() { &column.sql_type } else { &column.base }
}

/// How the columns are sent. `cents` are the digits of an amount of money after the point.
pub(super) fn sent(schema: &Schema, plan: &Plan, load: &TableLoad, cents: usize) -> Vec<SentColumn> {
    let columns = plan.positions.iter().zip(&plan.columns).map(|(position, to)| {
        let from = &schema.columns[*position];
        let family = family_of_sql(holds(to));
        let form = column::form(from.kind, family, option_of(load, &from.name), load, ZONED);
        SentColumn { column: *position, form, check: check(family, holds(to), load.types, cents) }
    });
    columns.collect()
}

/// What the server would change without a word.
fn check(family: Family, sql_type: &str, types: TypeMapping, cents: usize) -> Check {
    let lost = Lost::by(types);
    let mut digits = bracketed(sql_type).into_iter();
    match (family, digits.next(), digits.next()) {
        (Family::Timestamp | Family::TimestampZone | Family::Time | Family::Interval, Some(digits), _) => {
            Check::Span { digits: usize::try_from(digits).unwrap_or(0), lost }
        }
        (Family::Decimal, None, _) if sql_type == "money" => Check::Scale { digits: cents as i64, lost },
        (Family::Decimal, Some(_), scale) => Check::Scale { digits: scale.unwrap_or(0), lost },
        (Family::Text, Some(length), _) if sql_type.starts_with("character varying") => {
            Check::Spaces { length: usize::try_from(length).unwrap_or(0), lost }
        }
        _ => Check::None,
    }
}

/// The numbers between the brackets of a type.
pub(in crate::transfer::output) fn bracketed(sql_type: &str) -> Vec<i64> {
    let inner = sql_type.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    inner.map_or("", |(inner, _)| inner).split(',').map_while(|part| part.trim().parse().ok()).collect()
}

/// What a type holds of the text that it is sent.
fn room(family: Family, sql_type: &str, types: TypeMapping) -> Room {
    let lower = sql_type.to_ascii_lowercase();
    let excess = Lost::by(types).excess();
    match (family, bracketed(&lower).first()) {
        (Family::Float, _) if lower == "real" || lower == "float4" => Room::Single,
        (Family::Float, _) => Room::Double,
        (Family::Decimal, _) => Room::decimal(&lower, excess),
        (Family::Timestamp | Family::TimestampZone | Family::Time, Some(digits)) => {
            Room::Seconds { digits: usize::try_from(*digits).unwrap_or(0), excess }
        }
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
    use crate::transfer::target::Excess;

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
            ("character varying(3)", Family::Text),
            ("time(0) with time zone", Family::Time),
            ("bit varying(9)", Family::Bit),
            ("\"char\"", Family::Text),
        ] {
            assert_eq!(family_of_sql(sql_type), family, "{sql_type}");
        }
        let rounded = Room::Digits { whole: 8, scale: 2, excess: Excess::Rounded };
        assert_eq!(room(Family::Decimal, "numeric(10, 2)", TypeMapping::Embulk), rounded);
        let seconds = Room::Seconds { digits: 3, excess: Excess::Refused };
        assert_eq!(room(Family::Timestamp, "timestamp(3)", TypeMapping::Exact), seconds);
        assert_eq!(room(Family::Float, "real", TypeMapping::Embulk), Room::Single);
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
