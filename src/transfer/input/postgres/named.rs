//! The type of a column as SQL spells it, from what the server says of a result.

use tokio_postgres::types::{Kind, Type};

/// `numeric(20,2)`, `varchar(40)`, `timestamp(3)`, `integer[]`.
pub(super) fn sql_type(kind: &Type, modifier: i32) -> String {
    if let Kind::Array(of) = kind.kind()
        && kind.name().starts_with('_')
    {
        return format!("{}[]", sql_type(of, modifier));
    }
    let name = match *kind {
        Type::BOOL => "boolean",
        Type::INT2 => "smallint",
        Type::INT4 => "integer",
        Type::INT8 => "bigint",
        Type::FLOAT4 => "real",
        Type::FLOAT8 => "double precision",
        Type::BPCHAR => "char",
        ref other => other.name(),
    };
    match (kind, modifier) {
        (_, ..0) => name.to_owned(),
        (&Type::NUMERIC, packed) => {
            let packed = packed - 4;
            let scale = ((packed & 0x7ff) ^ 1024) - 1024;
            format!("{name}({},{scale})", packed >> 16 & 0xffff)
        }
        (&Type::VARCHAR | &Type::BPCHAR, length) => format!("{name}({})", length - 4),
        (
            &Type::BIT | &Type::VARBIT | &Type::TIMESTAMP | &Type::TIMESTAMPTZ | &Type::TIME | &Type::TIMETZ,
            n,
        ) => {
            format!("{name}({n})")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spelled_as_in_sql() {
        let numeric = |precision: i32, scale: i32| (precision << 16 | scale & 0x7ff) + 4;
        for (kind, modifier, expected) in [
            (&Type::NUMERIC, -1, "numeric"),
            (&Type::NUMERIC, numeric(20, 2), "numeric(20,2)"),
            (&Type::NUMERIC, numeric(5, -2), "numeric(5,-2)"),
            (&Type::VARCHAR, 44, "varchar(40)"),
            (&Type::BPCHAR, 5, "char(1)"),
            (&Type::TIMESTAMP, 3, "timestamp(3)"),
            (&Type::INT4_ARRAY, -1, "integer[]"),
            (&Type::VARCHAR_ARRAY, 14, "varchar(10)[]"),
            (&Type::BIT, 3, "bit(3)"),
            (&Type::FLOAT8, -1, "double precision"),
            (&Type::UUID, -1, "uuid"),
        ] {
            assert_eq!(sql_type(kind, modifier), expected);
        }
    }
}
