//! What each column becomes: the type it gets in a new table, and which texts the columns of the server take.

use crate::embulk::config::{EmbulkType, TypeMapping};
use crate::embulk::output::{SqlColumnOption, TableLoad};
use crate::transfer::encode::check::{Check, Lost};
use crate::transfer::encode::sent::{SentColumn, SentForm};
use crate::transfer::encode::staged_rows::{Content, StagedColumn};
use crate::transfer::output::postgres::column::{bracketed, family_of_sql};
use crate::transfer::output::sql::column::{self, Family};
use crate::transfer::output::sql::plan::{Plan, TargetColumn, option_of};
use crate::transfer::schema::{Column, ColumnType, Schema};
use crate::transfer::target::{ColumnTarget, Room, Written};

/// A timestamp of TIMESTAMPTZ, in UTC.
const ZONED: &str = "%Y-%m-%d %H:%M:%S.%6N+00";

/// Bytes of the longest VARCHAR.
pub(super) const MOST_OCTETS: u32 = 65_535;
/// Bytes of the longest VARBYTE.
const MOST_BYTES: u32 = 1_024_000;
/// Digits of the longest DECIMAL, and how many of them may stand after the point.
const MOST_DIGITS: (u8, u8) = (38, 37);
/// Digits of a second that every clock has.
const SECOND_DIGITS: usize = 6;

/// The family of a type as SQL spells it.
pub(super) fn family(sql_type: &str) -> Family {
    let lower = sql_type.to_ascii_lowercase();
    match lower.split('(').next().unwrap_or_default().trim() {
        "super" => Family::Json,
        "varbyte" | "varbinary" | "binary varying" => Family::Bytes,
        // These are known by their text only.
        "bit" | "bit varying" | "oid" | "money" | "interval" => Family::Text,
        _ => family_of_sql(&lower),
    }
}

/// What a column becomes in a column of a table that is there, or else would be made.
pub(super) fn target(
    kind: ColumnType,
    to: &TargetColumn,
    option: Option<&SqlColumnOption>,
    load: &TableLoad,
) -> ColumnTarget {
    let family = family(&to.sql_type);
    ColumnTarget {
        type_name: to.sql_type.clone(),
        written: Written::Sql(form(kind, family, option, load)),
        room: room(family, &to.sql_type, load.types),
    }
}

fn form(kind: ColumnType, family: Family, option: Option<&SqlColumnOption>, load: &TableLoad) -> SentForm {
    match column::form(kind, family, option, load, ZONED) {
        // COPY reads no exponent into digits.
        SentForm::Text(_) if family == Family::Decimal && is_double(kind) => SentForm::Plain,
        other => other,
    }
}

fn is_double(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Float | ColumnType::Double)
}

/// The columns in the order in which rows are staged: one that is no text comes last where there is one, since COPY may
/// take a carriage return before the end of a line for a part of that end.
pub(super) fn copy_order(plan: &Plan) -> Plan {
    let is_text = |column: &TargetColumn| matches!(family(&column.sql_type), Family::Text | Family::Json);
    let mut ordered =
        Plan { positions: plan.positions.clone(), columns: plan.columns.clone(), ..Plan::default() };
    if let Some(at) = plan.columns.iter().rposition(|column| !is_text(column)) {
        let (position, column) = (ordered.positions.remove(at), ordered.columns.remove(at));
        ordered.positions.push(position);
        ordered.columns.push(column);
    }
    ordered
}

/// How the columns are sent.
pub(super) fn sent(schema: &Schema, plan: &Plan, load: &TableLoad) -> Vec<StagedColumn> {
    let columns = plan.positions.iter().zip(&plan.columns).map(|(position, to)| {
        let from = &schema.columns[*position];
        let family = family(&to.sql_type);
        let form = form(from.kind, family, option_of(load, &from.name), load);
        let check = check(family, &to.sql_type, load.types);
        StagedColumn {
            name: to.name.clone(),
            sent: SentColumn { column: *position, form, check },
            content: if family == Family::Json { Content::Document } else { Content::Text },
        }
    });
    columns.collect()
}

/// What COPY would cut off without a word, and what it says of no column.
fn check(family: Family, sql_type: &str, types: TypeMapping) -> Check {
    let lost = Lost::by(types);
    let lower = sql_type.to_ascii_lowercase();
    let mut digits = bracketed(&lower).into_iter().map(|digits| usize::try_from(digits).unwrap_or(0));
    match (family, digits.next(), digits.next()) {
        (Family::Decimal, precision, scale) => Check::Scale {
            // DECIMAL is DECIMAL(18, 0).
            digits: precision.and(scale).unwrap_or(0) as i64,
            lost,
        },
        (Family::Date, ..) => Check::Date,
        (Family::Timestamp | Family::TimestampZone, ..) => Check::Moment { digits: SECOND_DIGITS, lost },
        (Family::Time, ..) => Check::Span { digits: SECOND_DIGITS, lost },
        // Half a value is no value.
        (Family::Bytes, length, _) => Check::Hex { length: length.unwrap_or(64_000) },
        (Family::Text, Some(length), _) if is_varchar(&lower) => Check::Octets { length, lost },
        (Family::Text, None, _) if is_varchar(&lower) => Check::Octets { length: 256, lost },
        (Family::Text, length, _) if is_char(&lower) => Check::Ascii { length: length.unwrap_or(1), lost },
        _ => Check::None,
    }
}

fn name_of(lower: &str) -> &str {
    lower.split('(').next().unwrap_or_default().trim()
}

pub(super) fn is_varchar(lower: &str) -> bool {
    matches!(name_of(lower), "varchar" | "character varying" | "nvarchar" | "text")
}

pub(super) fn is_char(lower: &str) -> bool {
    matches!(name_of(lower), "char" | "character" | "nchar" | "bpchar")
}

/// What a type holds of the text that it is sent.
fn room(family: Family, sql_type: &str, types: TypeMapping) -> Room {
    let lower = sql_type.to_ascii_lowercase();
    let excess = Lost::by(types).excess();
    match family {
        Family::Float if matches!(lower.as_str(), "real" | "float4") => Room::Single,
        Family::Float => Room::Double,
        Family::Decimal if bracketed(&lower).is_empty() => Room::Digits { whole: 18, scale: 0, excess },
        Family::Decimal => Room::decimal(&lower, excess),
        _ => Room::All,
    }
}

/// The type of a column in a new table.
pub(super) fn usual_type(from: &Column, types: TypeMapping) -> String {
    let word = match (types, from.kind) {
        (TypeMapping::Embulk, kind) => match kind.embulk() {
            EmbulkType::Boolean => "BOOLEAN",
            EmbulkType::Long => "BIGINT",
            EmbulkType::Double => "DOUBLE PRECISION",
            EmbulkType::String | EmbulkType::Json => return varchar(MOST_OCTETS),
            EmbulkType::Timestamp => "TIMESTAMP",
        },
        (TypeMapping::Exact, ColumnType::Decimal { precision, scale }) => {
            return decimal(precision, scale);
        }
        (TypeMapping::Exact, ColumnType::UnsignedLong | ColumnType::Bit { .. }) => "DECIMAL(20,0)",
        (TypeMapping::Exact, ColumnType::String) => return varchar(from.octets.unwrap_or(MOST_OCTETS)),
        (TypeMapping::Exact, ColumnType::Bytes) => {
            return format!("VARBYTE({})", from.octets.unwrap_or(MOST_BYTES).clamp(1, MOST_BYTES));
        }
        (TypeMapping::Exact, ColumnType::Flag) => "BOOLEAN",
        (TypeMapping::Exact, ColumnType::Boolean | ColumnType::Year) => "SMALLINT",
        (TypeMapping::Exact, ColumnType::Long) => match from.octets {
            Some(..=2) => "SMALLINT",
            Some(..=4) => "INTEGER",
            _ => "BIGINT",
        },
        (TypeMapping::Exact, ColumnType::Float) => "REAL",
        (TypeMapping::Exact, ColumnType::Double) => "DOUBLE PRECISION",
        (TypeMapping::Exact, ColumnType::Json) => "SUPER",
        (TypeMapping::Exact, ColumnType::Date) => "DATE",
        (TypeMapping::Exact, ColumnType::Time) => "TIME",
        (TypeMapping::Exact, ColumnType::DateTime) => "TIMESTAMP",
        (TypeMapping::Exact, ColumnType::Timestamp) => "TIMESTAMPTZ",
    };
    word.to_owned()
}

fn varchar(octets: u32) -> String {
    format!("VARCHAR({})", octets.clamp(1, MOST_OCTETS))
}

/// Where the digits have no place in a DECIMAL, their text.
fn decimal(precision: u8, scale: u8) -> String {
    let (most, most_scale) = MOST_DIGITS;
    match precision {
        _ if precision <= most && scale <= most_scale => format!("DECIMAL({precision},{scale})"),
        // With a sign, a point, and a zero before it.
        ..=76 => varchar(u32::from(precision) + 3),
        _ => varchar(MOST_OCTETS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::target::Excess;

    #[test]
    fn usual_types_are_embulks_or_exact() {
        let decimal = |precision, scale| ColumnType::Decimal { precision, scale };
        for (kind, octets, embulk, exact) in [
            (ColumnType::Boolean, None, "BOOLEAN", "SMALLINT"),
            (ColumnType::Flag, None, "BOOLEAN", "BOOLEAN"),
            (ColumnType::Bit { width: 64 }, None, "BOOLEAN", "DECIMAL(20,0)"),
            (ColumnType::Long, None, "BIGINT", "BIGINT"),
            (ColumnType::Long, Some(2), "BIGINT", "SMALLINT"),
            (ColumnType::Long, Some(3), "BIGINT", "INTEGER"),
            (ColumnType::Long, Some(4), "BIGINT", "INTEGER"),
            (ColumnType::Long, Some(5), "BIGINT", "BIGINT"),
            (ColumnType::UnsignedLong, None, "BIGINT", "DECIMAL(20,0)"),
            (ColumnType::Float, None, "DOUBLE PRECISION", "REAL"),
            (ColumnType::Double, None, "DOUBLE PRECISION", "DOUBLE PRECISION"),
            (decimal(38, 37), None, "DOUBLE PRECISION", "DECIMAL(38,37)"),
            (decimal(38, 38), None, "DOUBLE PRECISION", "VARCHAR(41)"),
            (decimal(65, 30), None, "DOUBLE PRECISION", "VARCHAR(68)"),
            (decimal(255, 0), None, "DOUBLE PRECISION", "VARCHAR(65535)"),
            (ColumnType::String, None, "VARCHAR(65535)", "VARCHAR(65535)"),
            (ColumnType::String, Some(40), "VARCHAR(65535)", "VARCHAR(40)"),
            (ColumnType::String, Some(0), "VARCHAR(65535)", "VARCHAR(1)"),
            (ColumnType::String, Some(u32::MAX), "VARCHAR(65535)", "VARCHAR(65535)"),
            (ColumnType::Bytes, Some(16), "VARCHAR(65535)", "VARBYTE(16)"),
            (ColumnType::Bytes, None, "VARCHAR(65535)", "VARBYTE(1024000)"),
            (ColumnType::Json, None, "VARCHAR(65535)", "SUPER"),
            (ColumnType::Date, None, "TIMESTAMP", "DATE"),
            (ColumnType::DateTime, None, "TIMESTAMP", "TIMESTAMP"),
            (ColumnType::Timestamp, None, "TIMESTAMP", "TIMESTAMPTZ"),
            (ColumnType::Time, None, "TIMESTAMP", "TIME"),
            (ColumnType::Year, None, "TIMESTAMP", "SMALLINT"),
        ] {
            let column = Column::new("c", kind).within(octets);
            assert_eq!(usual_type(&column, TypeMapping::Embulk), embulk, "{kind:?}");
            assert_eq!(usual_type(&column, TypeMapping::Exact), exact, "{kind:?}");
        }
    }

    #[test]
    fn what_the_server_would_cut_is_looked_at() {
        let counted = Lost::Counted;
        for (sql_type, check_of) in [
            ("character varying(20)", Check::Octets { length: 20, lost: counted }),
            ("varchar", Check::Octets { length: 256, lost: counted }),
            ("character(3)", Check::Ascii { length: 3, lost: counted }),
            ("binary varying(8)", Check::Hex { length: 8 }),
            ("varbyte", Check::Hex { length: 64_000 }),
            ("numeric(10,2)", Check::Scale { digits: 2, lost: counted }),
            ("DECIMAL", Check::Scale { digits: 0, lost: counted }),
            ("timestamp without time zone", Check::Moment { digits: 6, lost: counted }),
            ("date", Check::Date),
            ("super", Check::None),
            ("bigint", Check::None),
        ] {
            assert_eq!(check(family(sql_type), sql_type, TypeMapping::Embulk), check_of, "{sql_type}");
        }
    }

    #[test]
    fn a_double_for_digits_has_no_exponent() {
        let load = |types| TableLoad { types, ..crate::transfer::output::redshift::tests::load() };
        let load = load(TypeMapping::Embulk);
        assert!(matches!(form(ColumnType::Double, Family::Decimal, None, &load), SentForm::Plain));
        assert!(matches!(form(ColumnType::Double, Family::Float, None, &load), SentForm::Text(_)));
        let rounded = Room::Digits { whole: 8, scale: 2, excess: Excess::Rounded };
        assert_eq!(room(Family::Decimal, "numeric(10, 2)", TypeMapping::Embulk), rounded);
    }
}
