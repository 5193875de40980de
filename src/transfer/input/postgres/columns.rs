//! What the columns of a result are, and how their values are read.

use tokio_postgres::types::{Kind, Type};

use super::decode::Read;
use super::nested::Element;
use crate::transfer::input::BytesRule;
use crate::transfer::schema::ColumnType;

/// Digits of a number without a limit.
const UNLIMITED: ColumnType = ColumnType::Decimal { precision: u8::MAX, scale: 0 };

/// A column as the server describes it.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) kind: ColumnType,
    pub(super) read: Read,
    /// The JDBC type, which `default_column_options` goes by.
    pub(super) jdbc: &'static str,
    pub(super) native: Native,
}

/// Whether Embulk has a type for a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Native {
    Yes,
    /// JSON, which may be asked for as a text.
    Json,
    /// hstore: a text that may be asked for as JSON.
    Hstore,
    /// An array: a text whatever `value_type` says, which may be asked for as JSON.
    Array {
        delimiter: u8,
        element: Element,
    },
    /// It has none: `value_type: string`, or a target that keeps what the source holds.
    No,
}

/// What the session says of values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Locale {
    /// How many digits `money` has after the point.
    pub(super) cents: usize,
    /// When the year 10000 begins in its zone: microseconds since 1970-01-01T00:00:00Z.
    pub(super) end: i64,
}

/// The type of a column with its modifier (-1 for none). Domains come as what they are made of.
///
/// Types whose binary form is their text, or costs the server less than its text, are read in it. The others come as
/// the text that the server has for them, which is exact and there for every type, extensions' own among them.
pub(super) fn typed(kind: &Type, modifier: i32, rule: BytesRule, locale: Locale) -> Typed {
    let of = |kind, read, jdbc| Typed { kind, read, jdbc, native: Native::Yes };
    let exact = rule == BytesRule::Accept;
    match *kind {
        Type::BOOL => of(ColumnType::Flag, Read::Boolean, "BIT"),
        Type::BIT if modifier == 1 => of(ColumnType::Flag, Read::Bits, "BIT"),
        Type::BIT if exact => of(ColumnType::String, Read::ServerText, "BIT"),
        Type::BIT => of(ColumnType::Boolean, Read::Bits, "BIT"),
        Type::INT2 => of(ColumnType::Long, Read::Int2, "SMALLINT"),
        Type::INT4 => of(ColumnType::Long, Read::Int4, "INTEGER"),
        Type::INT8 => of(ColumnType::Long, Read::Int8, "BIGINT"),
        Type::OID => of(ColumnType::Long, Read::Oid, "BIGINT"),
        Type::FLOAT4 => of(ColumnType::Float, Read::Float, "REAL"),
        Type::FLOAT8 => of(ColumnType::Double, Read::Double, "DOUBLE"),
        Type::NUMERIC => of(decimal(modifier), Read::Decimal, "NUMERIC"),
        Type::MONEY => {
            let scale = u8::try_from(locale.cents).unwrap_or(0);
            of(ColumnType::Decimal { precision: 19, scale }, Read::Money { scale: locale.cents }, "DOUBLE")
        }
        // One byte, which is not always a character.
        Type::CHAR => of(ColumnType::String, Read::ServerText, "CHAR"),
        Type::BPCHAR => of(ColumnType::String, Read::Text, "CHAR"),
        Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN => {
            of(ColumnType::String, Read::Text, "VARCHAR")
        }
        Type::UUID => of(ColumnType::String, Read::Uuid, "OTHER"),
        Type::JSON => Typed { native: Native::Json, ..of(ColumnType::Json, Read::Text, "OTHER") },
        Type::JSONB => Typed { native: Native::Json, ..of(ColumnType::Json, Read::Jsonb, "OTHER") },
        Type::DATE => of(ColumnType::Date, Read::Date, "DATE"),
        Type::TIME => of(ColumnType::Time, Read::Time, "TIME"),
        Type::TIMETZ if exact => of(ColumnType::String, Read::ServerText, "TIME"),
        Type::TIMETZ => of(ColumnType::Timestamp, Read::TimeWithZone, "TIME"),
        Type::TIMESTAMP => of(ColumnType::DateTime, Read::DateTime, "TIMESTAMP"),
        Type::TIMESTAMPTZ => of(ColumnType::Timestamp, Read::Timestamp { end: locale.end }, "TIMESTAMP"),
        Type::BYTEA => Typed { native: Native::No, ..of(ColumnType::Bytes, Read::Bytes, "BINARY") },
        _ => other(kind, modifier, rule, locale),
    }
}

/// Bytes that a value takes at most; of a text with a length, whose characters take up to four.
pub(super) fn octets(kind: &Type, modifier: i32) -> Option<u32> {
    match *kind {
        Type::INT2 => Some(2),
        Type::INT4 => Some(4),
        Type::UUID => Some(36),
        Type::VARCHAR | Type::BPCHAR => {
            u32::try_from(modifier).ok()?.checked_sub(4).and_then(|characters| characters.checked_mul(4))
        }
        _ => None,
    }
}

fn other(kind: &Type, modifier: i32, rule: BytesRule, locale: Locale) -> Typed {
    let text = |jdbc, native| Typed { kind: ColumnType::String, read: Read::ServerText, jdbc, native };
    match kind.kind() {
        Kind::Domain(base) => typed(base, modifier, rule, locale),
        Kind::Enum(_) => Typed { read: Read::Text, ..text("VARCHAR", Native::Yes) },
        // int2vector and oidvector are of this kind and have another text.
        Kind::Array(of) if kind.name().starts_with('_') => {
            // A box holds commas itself.
            let delimiter = if *of == Type::BOX { b';' } else { b',' };
            let native = Native::Array { delimiter, element: element(of) };
            let read = if rule == BytesRule::Accept { Read::ServerText } else { Read::Array { delimiter } };
            Typed { read, ..text("ARRAY", native) }
        }
        Kind::Composite(_) => text("STRUCT", Native::No),
        _ if kind.name() == "hstore" => text("OTHER", Native::Hstore),
        _ if *kind == Type::XML => text("SQLXML", Native::No),
        _ => text("OTHER", Native::No),
    }
}

fn element(of: &Type) -> Element {
    match *of {
        Type::BOOL => Element::Boolean,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID | Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => {
            Element::Number
        }
        _ => match of.kind() {
            Kind::Domain(base) => element(base),
            _ => Element::Text,
        },
    }
}

/// Precision and scale are kept in the modifier, four above its own value; the scale may be below zero or above the
/// precision.
fn decimal(modifier: i32) -> ColumnType {
    let Some(packed) = modifier.checked_sub(4).filter(|packed| *packed >= 0) else { return UNLIMITED };
    let precision = packed >> 16 & 0xffff;
    let scale = ((packed & 0x7ff) ^ 1024) - 1024;
    let digits = precision.max(scale) - scale.min(0);
    match (u8::try_from(digits), u8::try_from(scale.max(0))) {
        (Ok(precision @ ..=76), Ok(scale)) => ColumnType::Decimal { precision, scale },
        _ => UNLIMITED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCALE: Locale = Locale { cents: 2, end: 0 };

    fn modifier(precision: i32, scale: i32) -> i32 {
        (precision << 16 | scale & 0x7ff) + 4
    }

    #[test]
    fn precision_and_scale_of_numbers() {
        let decimal_of = |precision, scale| ColumnType::Decimal { precision, scale };
        for (modifier, expected) in [
            (-1, UNLIMITED),
            (modifier(10, 2), decimal_of(10, 2)),
            (modifier(20, 0), decimal_of(20, 0)),
            (modifier(5, -2), decimal_of(7, 0)),
            (modifier(2, 5), decimal_of(5, 5)),
            (modifier(76, 38), decimal_of(76, 38)),
            (modifier(77, 0), UNLIMITED),
            (modifier(1000, 1000), UNLIMITED),
        ] {
            assert_eq!(decimal(modifier), expected);
        }
    }

    #[test]
    fn bits_and_arrays_depend_on_what_the_target_keeps() {
        let read = |kind: &Type, modifier, rule| {
            let typed = typed(kind, modifier, rule, LOCALE);
            (typed.kind, typed.read)
        };
        use BytesRule::{Accept, Refuse};
        assert_eq!(read(&Type::BIT, 1, Accept), (ColumnType::Flag, Read::Bits));
        assert_eq!(read(&Type::BIT, 3, Refuse), (ColumnType::Boolean, Read::Bits));
        assert_eq!(read(&Type::BIT, 3, Accept), (ColumnType::String, Read::ServerText));
        assert_eq!(
            read(&Type::TEXT_ARRAY, -1, Refuse),
            (ColumnType::String, Read::Array { delimiter: b',' })
        );
        assert_eq!(read(&Type::TEXT_ARRAY, -1, Accept), (ColumnType::String, Read::ServerText));
        assert_eq!(typed(&Type::INT2_VECTOR, -1, Refuse, LOCALE).native, Native::No);
        assert_eq!(typed(&Type::INTERVAL, -1, Refuse, LOCALE).native, Native::No);
    }
}
