//! What a column of the table takes from Parquet, where COPY converts nothing: the type of the file has to be that of the
//! column.
//!
//! Rules: <https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html>,
//! <https://docs.aws.amazon.com/redshift/latest/dg/copy-usage-varbyte.html>. Timestamps are INT64 in microseconds, which
//! it reads; those in nanoseconds it does not.

use super::column::{family, is_char, is_varchar};
use crate::transfer::encode::typed::Stored;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::postgres::column::bracketed;
use crate::transfer::output::sql::column::Family;
use crate::transfer::output::sql::plan::TargetColumn;

/// What each column takes. Errors: one that takes nothing from Parquet.
pub(super) fn stored(columns: &[TargetColumn]) -> Result<Vec<Stored>, TransferError> {
    columns.iter().map(|column| of(&column.sql_type).map_err(|why| refused(column, why))).collect()
}

fn refused(column: &TargetColumn, why: &'static str) -> TransferError {
    let message = format!("column `{}` ({}) cannot be loaded from Parquet", column.name, column.sql_type);
    TransferError::new(ErrorKind::Config, message)
        .cause(why)
        .hint("set `format: text`, `csv` or `jsonl`, or give the column another `type` in `column_options`")
}

fn of(sql_type: &str) -> Result<Stored, &'static str> {
    let lower = sql_type.to_ascii_lowercase();
    Ok(match family(&lower) {
        Family::Boolean => Stored::Boolean,
        Family::Integer => match lower.as_str() {
            "smallint" | "int2" => Stored::Short,
            "integer" | "int" | "int4" => Stored::Integer,
            _ => Stored::Long,
        },
        Family::Float => match lower.as_str() {
            "real" | "float4" => Stored::Real,
            _ => Stored::Double,
        },
        Family::Decimal => decimal(&lower),
        Family::Bytes => Stored::Bytes,
        Family::Date => Stored::Date,
        Family::Timestamp => Stored::Moment,
        Family::TimestampZone => Stored::Instant,
        Family::Text if is_varchar(&lower) || is_char(&lower) => Stored::Text,
        Family::Json => {
            return Err("COPY takes a text of Parquet for a SUPER that is a text, not for a document");
        }
        Family::Time => return Err("COPY takes no times of day from Parquet"),
        _ => return Err("COPY takes the type from text only"),
    })
}

/// DECIMAL is DECIMAL(18, 0).
fn decimal(lower: &str) -> Stored {
    let mut digits = bracketed(lower).into_iter().filter_map(|digits| u8::try_from(digits).ok());
    let precision = digits.next().unwrap_or(18);
    Stored::Decimal { precision, scale: digits.next().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::output::sql::plan::Nature;

    #[test]
    fn every_type_has_its_own_or_is_refused() {
        let decimal = |precision, scale| Ok(Stored::Decimal { precision, scale });
        for (sql_type, expected) in [
            ("BOOLEAN", Ok(Stored::Boolean)),
            ("smallint", Ok(Stored::Short)),
            ("INT", Ok(Stored::Integer)),
            ("integer", Ok(Stored::Integer)),
            ("BIGINT", Ok(Stored::Long)),
            ("int8", Ok(Stored::Long)),
            ("real", Ok(Stored::Real)),
            ("DOUBLE PRECISION", Ok(Stored::Double)),
            ("DECIMAL(38,37)", decimal(38, 37)),
            ("numeric(10)", decimal(10, 0)),
            ("numeric", decimal(18, 0)),
            ("character varying(20)", Ok(Stored::Text)),
            ("TEXT", Ok(Stored::Text)),
            ("bpchar", Ok(Stored::Text)),
            ("VARBYTE(16)", Ok(Stored::Bytes)),
            ("binary varying(8)", Ok(Stored::Bytes)),
            ("date", Ok(Stored::Date)),
            ("timestamp without time zone", Ok(Stored::Moment)),
            ("TIMESTAMPTZ", Ok(Stored::Instant)),
            ("timestamp with time zone", Ok(Stored::Instant)),
            ("TIME", Err("COPY takes no times of day from Parquet")),
            ("time with time zone", Err("COPY takes no times of day from Parquet")),
            ("geometry", Err("COPY takes the type from text only")),
            ("SUPER", Err("COPY takes a text of Parquet for a SUPER that is a text, not for a document")),
        ] {
            assert_eq!(of(sql_type), expected, "{sql_type}");
        }
    }

    #[test]
    fn a_column_that_takes_nothing_is_named() {
        let column = TargetColumn {
            name: "j".to_owned(),
            sql_type: "SUPER".to_owned(),
            base: String::new(),
            nature: Nature::Plain,
        };
        let error = stored(&[column]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "column `j` (SUPER) cannot be loaded from Parquet: COPY takes a text of Parquet for a SUPER that is a \
             text, not for a document"
        );
    }
}
