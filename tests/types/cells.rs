//! Cells of either side in one form, so that they can be compared.

use serde_json::Value;

/// A type of BigQuery, and how its cells are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Float,
    /// A FLOAT of MariaDB: any double that rounds to the same single.
    Single,
    /// Every digit counts; zeros at the end do not.
    Numeric,
    Bignumeric,
    Boolean,
    String,
    /// JSON as a text: white space does not count.
    JsonText,
    Json,
    /// As Base64.
    Bytes,
    Date,
    Datetime,
    Time,
    /// In microseconds since 1970.
    Timestamp,
}

impl Kind {
    /// The name of the type in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Float | Self::Single => "FLOAT",
            Self::Numeric => "NUMERIC",
            Self::Bignumeric => "BIGNUMERIC",
            Self::Boolean => "BOOLEAN",
            Self::String | Self::JsonText => "STRING",
            Self::Json => "JSON",
            Self::Bytes => "BYTES",
            Self::Date => "DATE",
            Self::Datetime => "DATETIME",
            Self::Time => "TIME",
            Self::Timestamp => "TIMESTAMP",
        }
    }

    /// The one text of a value.
    pub fn normal(self, text: &str) -> String {
        match self {
            Self::Float => text.parse::<f64>().map_or_else(|_| text.to_owned(), |value| format!("{value:e}")),
            Self::Single => {
                text.parse::<f32>().map_or_else(|_| text.to_owned(), |value| format!("{value:e}"))
            }
            Self::Numeric | Self::Bignumeric => decimal(text),
            Self::Json | Self::JsonText => serde_json::from_str::<Value>(text)
                .map_or_else(|_| text.to_owned(), |value| value.to_string()),
            Self::Datetime | Self::Time => match text.split_once('.') {
                Some((whole, fraction)) => with_fraction(whole, fraction.trim_end_matches('0')),
                None => text.to_owned(),
            },
            _ => text.to_owned(),
        }
    }
}

fn with_fraction(whole: &str, fraction: &str) -> String {
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// `-.50`, `-0.500` and `-5E-1` are one.
fn decimal(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (digits, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent: i64 = exponent.parse().unwrap_or_else(|_| panic!("{text} is no number"));
    let zeros = "0".repeat(usize::try_from(exponent.abs()).expect("few digits"));
    // The point moves among zeros enough on both sides.
    let all = format!("{zeros}{whole}{fraction}{zeros}");
    let point = i64::try_from(zeros.len() + whole.len()).expect("few digits") + exponent;
    let (whole, fraction) = all.split_at(usize::try_from(point).expect("zeros are before it"));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    format!("{sign}{}", with_fraction(whole, fraction.trim_end_matches('0')))
}

/// Where two tables differ, in words; columns are (name, kind) in order.
pub fn differences(
    columns: &[(&str, Kind)],
    expected: &[Vec<Option<String>>],
    found: &[Vec<Option<String>>],
) -> Vec<String> {
    if expected.len() != found.len() {
        return vec![format!("{} rows instead of {}", found.len(), expected.len())];
    }
    let mut differences = Vec::new();
    for (number, (wanted, got)) in expected.iter().zip(found).enumerate() {
        for (((name, kind), wanted), got) in columns.iter().zip(wanted).zip(got) {
            let [wanted, got] = [wanted, got].map(|cell| cell.as_deref().map(|text| kind.normal(text)));
            if wanted != got {
                differences.push(format!("{name}, row {}: {got:?} instead of {wanted:?}", number + 1));
            }
        }
    }
    differences
}

/// Rows in the order of their first cell, a number.
pub fn by_key(mut rows: Vec<Vec<Option<String>>>) -> Vec<Vec<Option<String>>> {
    rows.sort_by_key(|row| row[0].as_deref().and_then(|key| key.parse::<i64>().ok()));
    rows
}

#[test]
fn decimals_are_one_however_they_are_written() {
    for text in ["-.50", "-0.5", "-5E-1", "-0.05e1", "-500E-3"] {
        assert_eq!(Kind::Numeric.normal(text), "-0.5", "{text}");
    }
    assert_eq!(Kind::Numeric.normal("0E-9"), "0");
    assert_eq!(Kind::Numeric.normal("12e2"), "1200");
}
