//! What each column becomes: the type it gets in a new table, and how its values get into the columns of the server.

use super::statement::Taken;
use crate::embulk::config::{EmbulkType, TypeMapping};
use crate::embulk::output::{SentAs, SqlColumnOption, TableLoad};
use crate::transfer::encode::Form;
use crate::transfer::encode::check::{Check, Lost};
use crate::transfer::encode::sent::{SentColumn, SentForm};
use crate::transfer::output::sql::column::{self, Family, USUAL};
use crate::transfer::output::sql::plan::{Plan, TargetColumn, option_of};
use crate::transfer::schema::{Column, ColumnType, Schema};
use crate::transfer::target::{ColumnTarget, Excess, Room, Written};

/// The family of a type as `SHOW COLUMNS` or `CREATE TABLE` writes it.
fn family(sql_type: &str) -> Family {
    match word(sql_type).to_ascii_lowercase().as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "bool" | "boolean" => {
            Family::Integer
        }
        "float" | "double" => Family::Float,
        "decimal" => Family::Decimal,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry" | "point"
        | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
        | "geometrycollection" | "geomcollection" | "vector" => Family::Bytes,
        "json" => Family::Json,
        "date" => Family::Date,
        "time" => Family::Time,
        "datetime" => Family::Timestamp,
        "timestamp" => Family::TimestampZone,
        "bit" => Family::Bit,
        "year" => Family::Year,
        _ => Family::Text,
    }
}

/// `varchar` of `varchar(3) COLLATE …`.
fn word(sql_type: &str) -> &str {
    sql_type.split(['(', ' ']).next().unwrap_or_default()
}

/// What stands between the brackets of a type.
fn bracketed(sql_type: &str) -> Option<&str> {
    let (start, end) = (sql_type.find('(')?, sql_type.rfind(')')?);
    sql_type.get(start + 1..end)
}

/// The digits of a second that a type keeps.
fn digits(sql_type: &str) -> usize {
    bracketed(sql_type).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The digits after the point that `float(7,2)` keeps.
fn scale(sql_type: &str) -> Option<i64> {
    bracketed(sql_type)?.split_once(',')?.1.trim().parse().ok()
}

/// The members of `enum('a','it''s')`.
fn members(sql_type: &str) -> Vec<String> {
    let list = bracketed(sql_type).unwrap_or_default();
    let mut members = Vec::new();
    let mut chars = list.chars().peekable();
    while chars.next() == Some('\'') {
        let mut member = String::new();
        while let Some(char) = chars.next() {
            if char == '\'' && chars.next_if_eq(&'\'').is_none() {
                break;
            }
            member.push(char);
        }
        members.push(member);
        chars.next_if_eq(&',');
    }
    members
}

/// The type of a column in a new table.
pub(super) fn usual_type(kind: ColumnType, types: TypeMapping) -> String {
    let word = match (types, kind) {
        (TypeMapping::Embulk, _) => match kind.embulk() {
            EmbulkType::Boolean => "BOOLEAN",
            EmbulkType::Long => "BIGINT",
            EmbulkType::Double => "DOUBLE",
            EmbulkType::String | EmbulkType::Json => "TEXT",
            // Without the word some servers put the time of the load where there is NULL.
            EmbulkType::Timestamp => "TIMESTAMP NULL",
        },
        (TypeMapping::Exact, ColumnType::Decimal { precision, scale }) if precision <= 65 && scale <= 30 => {
            return format!("DECIMAL({precision},{scale})");
        }
        (TypeMapping::Exact, ColumnType::Bit { width }) => return format!("BIT({width})"),
        (TypeMapping::Exact, ColumnType::Flag | ColumnType::Boolean) => "BOOLEAN",
        (TypeMapping::Exact, ColumnType::Long) => "BIGINT",
        (TypeMapping::Exact, ColumnType::UnsignedLong) => "BIGINT UNSIGNED",
        (TypeMapping::Exact, ColumnType::Year) => "YEAR",
        (TypeMapping::Exact, ColumnType::Float) => "FLOAT",
        (TypeMapping::Exact, ColumnType::Double) => "DOUBLE",
        (TypeMapping::Exact, ColumnType::Decimal { .. } | ColumnType::String) => "LONGTEXT",
        (TypeMapping::Exact, ColumnType::Bytes) => "LONGBLOB",
        (TypeMapping::Exact, ColumnType::Json) => "JSON",
        (TypeMapping::Exact, ColumnType::Date) => "DATE",
        (TypeMapping::Exact, ColumnType::Time) => "TIME(6)",
        (TypeMapping::Exact, ColumnType::DateTime) => "DATETIME(6)",
        (TypeMapping::Exact, ColumnType::Timestamp) => "TIMESTAMP(6) NULL",
    };
    word.to_owned()
}

/// How the columns are sent and what the server makes of them.
pub(super) fn sent(schema: &Schema, plan: &Plan, load: &TableLoad) -> Vec<(SentColumn, Taken)> {
    let columns = plan.positions.iter().zip(&plan.columns).map(|(position, to)| {
        let from = &schema.columns[*position];
        let option = option_of(load, &from.name);
        let family = family(&to.sql_type);
        let form = form(from.kind, family, option, load);
        let taken = taken(from.kind, family, &form, option);
        let check = check(from.kind, to, family, load);
        (SentColumn { column: *position, form, check }, taken)
    });
    columns.collect()
}

/// What a column becomes in a column of a table that is there, or else would be made.
pub(super) fn target(from: &Column, to: &TargetColumn, load: &TableLoad) -> ColumnTarget {
    let family = family(&to.sql_type);
    ColumnTarget {
        type_name: to.sql_type.clone(),
        written: Written::Sql(form(from.kind, family, option_of(load, &from.name), load)),
        room: room(family, &to.sql_type.to_ascii_lowercase(), load.types),
    }
}

/// What a type holds of the text that it is sent.
fn room(family: Family, sql_type: &str, types: TypeMapping) -> Room {
    match family {
        Family::Float if word(sql_type) == "float" => Room::Single,
        Family::Float => Room::Double,
        Family::Decimal => Room::decimal(sql_type, Excess::Refused),
        Family::Time | Family::Timestamp | Family::TimestampZone => {
            Room::Seconds { digits: digits(sql_type), excess: Lost::by(types).excess() }
        }
        _ => Room::All,
    }
}

fn form(kind: ColumnType, family: Family, option: Option<&SqlColumnOption>, load: &TableLoad) -> SentForm {
    let sent = option.map_or(SentAs::Column, |option| option.value_type);
    // A boolean of this server is a number.
    let as_number = SqlColumnOption {
        value_type: SentAs::Integer,
        ..option.cloned().unwrap_or_else(SqlColumnOption::silent)
    };
    let option = if sent == SentAs::Boolean { Some(&as_number) } else { option };
    let exact = load.types == TypeMapping::Exact;
    match kind {
        _ if sent == SentAs::Null => SentForm::Null,
        // The server knows its own limit.
        ColumnType::UnsignedLong if family == Family::Integer => SentForm::Text(Form::Digits),
        // TIME goes beyond 24 hours and below 0.
        ColumnType::Time if family == Family::Time && exact => SentForm::Text(Form::TimeSpan),
        _ => column::form(kind, family, option, load, USUAL),
    }
}

/// What the server does with the text of a column.
fn taken(kind: ColumnType, family: Family, form: &SentForm, option: Option<&SqlColumnOption>) -> Taken {
    let sent = option.map_or(SentAs::Column, |option| option.value_type);
    let is_instant = is_clock(kind) && matches!(sent, SentAs::Column | SentAs::Timestamp);
    match (form, family) {
        (SentForm::Hex, _) => Taken::Unhex,
        (_, Family::Bit) => Taken::Unsigned,
        (_, Family::TimestampZone) if is_instant => Taken::Utc,
        (_, Family::TimestampZone) => Taken::Local,
        _ => Taken::Plain,
    }
}

fn is_clock(kind: ColumnType) -> bool {
    kind.embulk() == EmbulkType::Timestamp
}

fn check(kind: ColumnType, to: &TargetColumn, family: Family, load: &TableLoad) -> Check {
    let lost = Lost::by(load.types);
    let digits = digits(&to.sql_type);
    match family {
        Family::Integer if matches!(kind, ColumnType::String | ColumnType::Json) => Check::Whole,
        // The digits of a text may be meant as bits.
        Family::Bit if matches!(kind, ColumnType::String | ColumnType::Json) => Check::NoText,
        Family::Bit => Check::Unsigned,
        Family::Year => Check::Year,
        Family::Date => Check::Date,
        Family::Timestamp | Family::TimestampZone => Check::Moment { digits, lost },
        Family::Time => Check::Span { digits, lost },
        // These round without a word, unlike DECIMAL.
        Family::Float if let Some(digits) = scale(&to.sql_type) => Check::Scale { digits, lost },
        Family::Float | Family::Decimal if matches!(kind, ColumnType::Float | ColumnType::Double) => {
            Check::Finite { lost }
        }
        Family::Text if matches!(word(&to.sql_type), "enum" | "set") => Check::Members(members(&to.sql_type)),
        _ => Check::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_types_are_embulks_or_exact() {
        for (kind, embulk, exact) in [
            (ColumnType::Boolean, "BOOLEAN", "BOOLEAN"),
            (ColumnType::Flag, "BOOLEAN", "BOOLEAN"),
            (ColumnType::Bit { width: 64 }, "BOOLEAN", "BIT(64)"),
            (ColumnType::Long, "BIGINT", "BIGINT"),
            (ColumnType::UnsignedLong, "BIGINT", "BIGINT UNSIGNED"),
            (ColumnType::Float, "DOUBLE", "FLOAT"),
            (ColumnType::Double, "DOUBLE", "DOUBLE"),
            (ColumnType::Decimal { precision: 65, scale: 30 }, "DOUBLE", "DECIMAL(65,30)"),
            (ColumnType::Decimal { precision: 65, scale: 31 }, "DOUBLE", "LONGTEXT"),
            (ColumnType::Decimal { precision: 255, scale: 0 }, "DOUBLE", "LONGTEXT"),
            (ColumnType::String, "TEXT", "LONGTEXT"),
            (ColumnType::Bytes, "TEXT", "LONGBLOB"),
            (ColumnType::Json, "TEXT", "JSON"),
            (ColumnType::Date, "TIMESTAMP NULL", "DATE"),
            (ColumnType::DateTime, "TIMESTAMP NULL", "DATETIME(6)"),
            (ColumnType::Timestamp, "TIMESTAMP NULL", "TIMESTAMP(6) NULL"),
            (ColumnType::Time, "TIMESTAMP NULL", "TIME(6)"),
            (ColumnType::Year, "TIMESTAMP NULL", "YEAR"),
        ] {
            assert_eq!(usual_type(kind, TypeMapping::Embulk), embulk, "{kind:?}");
            assert_eq!(usual_type(kind, TypeMapping::Exact), exact, "{kind:?}");
        }
    }

    #[test]
    fn the_parts_of_a_type_are_read() {
        assert_eq!(family("varchar(3) COLLATE utf8mb4_bin"), Family::Text);
        assert_eq!(family("bigint(20) unsigned"), Family::Integer);
        assert_eq!((digits("datetime(3)"), digits("timestamp"), digits("time(6)")), (3, 0, 6));
        assert_eq!(members("enum('a','it''s','x,y','')"), ["a", "it's", "x,y", ""]);
        assert_eq!(family("TIMESTAMP NULL"), Family::TimestampZone);
        let seconds = |digits, excess| Room::Seconds { digits, excess };
        let null = room(Family::TimestampZone, "timestamp null", TypeMapping::Embulk);
        assert_eq!(null, seconds(0, Excess::Rounded));
        let six = room(Family::Timestamp, "datetime(6)", TypeMapping::Exact);
        assert_eq!(six, seconds(6, Excess::Refused));
        assert_eq!(members("set('1') COLLATE utf8mb4_bin"), ["1"]);
    }
}
