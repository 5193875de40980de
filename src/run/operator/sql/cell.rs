//! One value of a result: the database's text for it, and what kind of value that text is.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Bool(bool),
    /// A whole number, in digits.
    Whole(Cow<'a, str>),
    /// A binary floating point number.
    Float(Cow<'a, str>),
    /// A decimal that becomes a number where nothing is lost.
    Decimal(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// Bytes that are no text.
    Bytes,
}

/// Up to here JavaScript, through which stored values pass, keeps every whole number apart.
const LARGEST_SAFE: u64 = 1 << 53;

impl Cell<'_> {
    /// The value that is stored; none for bytes. A number that JavaScript would change stays text.
    pub(super) fn to_json(&self) -> Option<Value> {
        let or_text = |number: Option<Number>, text: &str| {
            number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
        };
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Whole(text) => or_text(whole(text), text),
            Self::Float(text) => or_text(text.parse().ok().and_then(Number::from_f64), text),
            Self::Decimal(text) => or_text(whole(text).or_else(|| exact(text)), text),
            Self::Text(text) => Value::String(text.clone().into_owned()),
            Self::Bytes => return None,
        })
    }

    /// The text in a CSV file: none for NULL and for bytes. Numbers of the kind of 5.0 keep their fraction, as Digdag
    /// writes them.
    pub(super) fn csv(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null | Self::Bytes => None,
            Self::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Self::Float(text) if text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) => {
                Some(Cow::Owned(format!("{text}.0")))
            }
            Self::Whole(text) | Self::Float(text) | Self::Decimal(text) | Self::Text(text) => {
                Some(Cow::Borrowed(text))
            }
        }
    }
}

/// A whole number that JavaScript keeps.
fn whole(text: &str) -> Option<Number> {
    let number: i64 = text.parse().ok()?;
    (number.unsigned_abs() <= LARGEST_SAFE).then(|| Number::from(number))
}

/// A decimal as a number, if the number has the same digits.
fn exact(text: &str) -> Option<Number> {
    let number = Number::from_f64(text.parse().ok()?)?;
    (digits(&number.to_string())? == digits(text)?).then_some(number)
}

/// Sign, significant digits and power of ten of a number's text.
fn digits(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let (whole, fraction) = mantissa.trim_start_matches(['-', '+']).split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{}{fraction}", whole.trim_start_matches(['-', '+']));
    if !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let trailing = all.len() - all.trim_end_matches('0').len();
    let power = exponent - i64::try_from(fraction.len()).ok()? + i64::try_from(trailing).ok()?;
    Some((negative, significant.to_owned(), power))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_numbers_where_their_digits_survive() {
        for (text, stored) in [
            ("12", json!(12)),
            ("-12.50", json!(-12.5)),
            ("0.10", json!(0.1)),
            ("0.00", json!(0.0)),
            ("1000.00", json!(1000.0)),
            ("0.00000001", json!(1e-8)),
            ("9007199254740992", json!(9_007_199_254_740_992_i64)),
            ("9007199254740993", json!("9007199254740993")),
            ("100000000000000000000", json!(1e20)),
            ("0.1234567890123456789", json!("0.1234567890123456789")),
            ("NaN", json!("NaN")),
            ("-Infinity", json!("-Infinity")),
        ] {
            assert_eq!(Cell::Decimal(text.into()).to_json(), Some(stored), "{text}");
        }
        assert_eq!(Cell::Whole("18446744073709551615".into()).to_json(), Some(json!("18446744073709551615")));
        assert_eq!(Cell::Whole("-5".into()).to_json(), Some(json!(-5)));
        assert_eq!(Cell::Float("1e+20".into()).to_json(), Some(json!(1e20)));
        assert_eq!(Cell::Float("Infinity".into()).to_json(), Some(json!("Infinity")));
        assert_eq!(Cell::Text("5".into()).to_json(), Some(json!("5")));
        assert_eq!(Cell::Bytes.to_json(), None);
    }

    #[test]
    fn csv_has_the_databases_digits() {
        for (cell, text) in [
            (Cell::Null, None),
            (Cell::Bool(true), Some("true")),
            (Cell::Whole("5".into()), Some("5")),
            (Cell::Float("-5".into()), Some("-5.0")),
            (Cell::Float("0.1".into()), Some("0.1")),
            (Cell::Float("1e+20".into()), Some("1e+20")),
            (Cell::Decimal("1.500".into()), Some("1.500")),
            (Cell::Text(String::new().into()), Some("")),
        ] {
            assert_eq!(cell.csv().as_deref(), text, "{cell:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_decimal_never_changes_its_value(text in "-?[0-9]{1,25}(\\.[0-9]{1,25})?") {
            let stored = Cell::Decimal(text.as_str().into()).to_json().expect("no bytes");
            match stored {
                Value::Number(number) => proptest::prop_assert_eq!(digits(&number.to_string()), digits(&text)),
                other => proptest::prop_assert_eq!(other, Value::String(text)),
            }
        }
    }
}
