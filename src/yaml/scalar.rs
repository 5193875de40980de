//! What a plain scalar means: SnakeYAML's implicit types as Digdag and Embulk narrow them.
//!
//! Both leave dates, `yes`/`no`/`on`/`off` and all-capital booleans as text, and both read a number with a leading
//! zero and a point as text (`0.5`). They differ in sexagesimal integers (`1:30`) and in `.5`.

use serde_json::{Number, Value};

use super::Dialect;

/// The value of a plain (unquoted, untagged) scalar.
pub(super) fn resolve(text: &str, dialect: Dialect) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" => return Value::Bool(true),
        "false" | "False" => return Value::Bool(false),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return Value::String(text.to_owned());
    }
    integer(text, dialect).or_else(|| float(text, dialect)).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The text of a key that was read as a value; none for null.
pub(super) fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number_text(number)),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The text of a number that stands where a text is wanted, as Java writes it.
pub fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(double) if number.is_f64() => java_text(double),
        _ => number.to_string(),
    }
}

/// A double as Java writes it: `1.0E7`, `1.0E-4`, and no exponent between.
fn java_text(number: f64) -> String {
    if number == 0.0 || (1e-3..1e7).contains(&number.abs()) {
        return format!("{number:?}");
    }
    let text = format!("{number:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

/// JSON has no infinity: it becomes a word.
pub(super) fn number_or_word(number: f64) -> Value {
    if let Some(number) = Number::from_f64(number) {
        return Value::Number(number);
    }
    let word = if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    Value::String(word.to_owned())
}

pub(super) fn split_sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

pub(super) fn integer(text: &str, dialect: Dialect) -> Option<Value> {
    let (negative, digits) = split_sign(text);
    if let Some(binary) = digits.strip_prefix("0b") {
        return radix(binary, 2, negative);
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return radix(hex, 16, negative);
    }
    if digits == "0" {
        return Some(Value::Number(0.into()));
    }
    if let Some(octal) = digits.strip_prefix('0') {
        return radix(octal, 8, negative);
    }
    if dialect == Dialect::Embulk && digits.contains(':') {
        return sexagesimal_integer(digits, negative);
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    radix(digits, 10, negative)
}

/// Digits with `_` between them in a base. A number beyond 64 bits stays text, digit for digit: JSON numbers here
/// would round it.
fn radix(digits: &str, base: u32, negative: bool) -> Option<Value> {
    if digits.is_empty() || !digits.chars().all(|c| c == '_' || c.is_digit(base)) {
        return None;
    }
    let digits = digits.replace('_', "");
    if digits.is_empty() {
        // `0_` is octal without digits: zero. `0b_` is no number at all.
        return (base == 8).then(|| Value::Number(0.into()));
    }
    let Ok(magnitude) = i128::from_str_radix(&digits, base) else {
        return (base == 10).then(|| Value::String(if negative { format!("-{digits}") } else { digits }));
    };
    let number = if negative { -magnitude } else { magnitude };
    if let Ok(small) = i64::try_from(number) {
        Some(Value::Number(small.into()))
    } else if let Ok(large) = u64::try_from(number) {
        Some(Value::Number(large.into()))
    } else {
        Some(Value::String(number.to_string()))
    }
}

/// `12:30:45` counts in sixties. The first part has no leading zero, the others are below sixty.
fn sexagesimal_integer(digits: &str, negative: bool) -> Option<Value> {
    let mut parts = digits.split(':');
    let first = parts.next()?.replace('_', "");
    if !first.starts_with(|c: char| ('1'..='9').contains(&c)) {
        return None;
    }
    let mut total: i64 = first.parse().ok()?;
    for part in parts {
        total = total.checked_mul(60)?.checked_add(sixtieth(part)?)?;
    }
    Some(Value::Number(if negative { -total } else { total }.into()))
}

/// One or two digits below sixty.
fn sixtieth(part: &str) -> Option<i64> {
    if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    part.parse().ok().filter(|number| *number < 60)
}

fn float(text: &str, dialect: Dialect) -> Option<Value> {
    let (negative, body) = split_sign(text);
    let magnitude = match body {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if body.len() == text.len() => f64::NAN,
        _ if body.contains(':') => sexagesimal_float(body)?,
        _ => decimal_float(body, dialect)?,
    };
    Some(number_or_word(if negative { -magnitude } else { magnitude }))
}

/// `1.5`, `1.`, `1e3`, in Digdag `.5` too; never a leading zero.
fn decimal_float(body: &str, dialect: Dialect) -> Option<f64> {
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if exponent.is_some_and(|exponent| !is_digits(split_sign(exponent).1)) {
        return None;
    }
    let valid = if let Some(fraction) = mantissa.strip_prefix('.') {
        dialect == Dialect::Digdag && is_digits(fraction)
    } else {
        mantissa.starts_with(|c: char| ('1'..='9').contains(&c))
            && mantissa.matches('.').count() <= 1
            && mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'_' || b == b'.')
    };
    if !valid {
        return None;
    }
    body.replace('_', "").parse().ok()
}

/// `1:30.5` is ninety and a half: the form that narrows neither dialect.
fn sexagesimal_float(body: &str) -> Option<f64> {
    let (whole, fraction) = body.split_once('.')?;
    if !fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return None;
    }
    let mut parts = whole.split(':');
    let first = parts.next()?;
    if !first.starts_with(|c: char| c.is_ascii_digit())
        || !first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    {
        return None;
    }
    let mut total: f64 = first.replace('_', "").parse().ok()?;
    for part in parts {
        // Exact: a part is below sixty.
        total = total * 60.0 + f64::from(i32::try_from(sixtieth(part)?).ok()?);
    }
    let fraction: f64 = format!("0.{}", fraction.replace('_', "")).parse().ok()?;
    Some(total + fraction)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(dialect: Dialect, cases: &[(&str, Value)]) {
        for (text, expected) in cases {
            assert_eq!(resolve(text, dialect), *expected, "`{text}` in {dialect:?}");
        }
    }

    #[test]
    fn both_dialects_agree_on_these() {
        let text = |text: &str| json!(text);
        for dialect in [Dialect::Digdag, Dialect::Embulk] {
            table(
                dialect,
                &[
                    ("true", json!(true)),
                    ("True", json!(true)),
                    ("false", json!(false)),
                    ("False", json!(false)),
                    ("TRUE", text("TRUE")),
                    ("yes", text("yes")),
                    ("no", text("no")),
                    ("on", text("on")),
                    ("y", text("y")),
                    ("", json!(null)),
                    ("~", json!(null)),
                    ("null", json!(null)),
                    ("Null", json!(null)),
                    ("NULL", json!(null)),
                    ("2024-01-01", text("2024-01-01")),
                    ("2015-01-02 03:04:05", text("2015-01-02 03:04:05")),
                    ("1", json!(1)),
                    ("-3", json!(-3)),
                    ("+4", json!(4)),
                    ("1_000", json!(1000)),
                    ("0", json!(0)),
                    ("-0", json!(0)),
                    ("08", text("08")),
                    ("09", text("09")),
                    ("012345678", text("012345678")),
                    ("0o17", text("0o17")),
                    ("0777", json!(511)),
                    ("0123", json!(83)),
                    ("007", json!(7)),
                    ("0x1F", json!(31)),
                    ("0b11", json!(3)),
                    ("-0b11", json!(-3)),
                    ("1:30.5", json!(90.5)),
                    ("1.0", json!(1.0)),
                    ("1e3", json!(1000.0)),
                    ("1.", json!(1.0)),
                    ("12e03", json!(12000.0)),
                    ("1.5", json!(1.5)),
                    ("0.5", text("0.5")),
                    ("-0.5", text("-0.5")),
                    ("00.5", text("00.5")),
                    ("0.0", text("0.0")),
                    ("1.10", json!(1.1)),
                    ("0.10.5", text("0.10.5")),
                    ("1.2.3", text("1.2.3")),
                    (".inf", text("Infinity")),
                    ("-.inf", text("-Infinity")),
                    (".nan", text("NaN")),
                    ("-.nan", text("-.nan")),
                    ("12345678901234567890", json!(12_345_678_901_234_567_890_u64)),
                    ("123456789012345678901234567890", text("123456789012345678901234567890")),
                    ("-9223372036854775808", json!(i64::MIN)),
                    ("+0900", text("+0900")),
                    ("-0900", text("-0900")),
                    ("+09:00", text("+09:00")),
                    ("010-1234", text("010-1234")),
                    ("-", text("-")),
                    ("+", text("+")),
                    (".", text(".")),
                    ("1e", text("1e")),
                    ("1e+", text("1e+")),
                    ("0x", text("0x")),
                    ("0b_", text("0b_")),
                    ("0_", json!(0)),
                    ("1e999", text("Infinity")),
                    ("-1e999", text("-Infinity")),
                    ("_1", text("_1")),
                    ("١", text("١")),
                ],
            );
        }
    }

    #[test]
    fn keys_are_written_as_java_writes_them() {
        for (number, text) in [
            (7e7, "7.0E7"),
            (1e308, "1.0E308"),
            (-1.5e-10, "-1.5E-10"),
            (0.001, "0.001"),
            (9_999_999.0, "9999999.0"),
            (1.0, "1.0"),
        ] {
            assert_eq!(key_text(&json!(number)).as_deref(), Some(text));
        }
        for (number, text) in
            [(json!(10_000_000_000_f64), "1.0E10"), (json!(10_000_000_000_u64), "10000000000")]
        {
            assert_eq!(number.as_number().map(number_text).as_deref(), Some(text));
        }
    }

    #[test]
    fn digdag_keeps_clock_times_as_text_and_reads_a_leading_point() {
        table(
            Dialect::Digdag,
            &[
                ("10:00:00", json!("10:00:00")),
                ("1:30", json!("1:30")),
                (".5", json!(0.5)),
                ("-.5", json!(-0.5)),
            ],
        );
    }

    #[test]
    fn embulk_counts_in_sixties_and_keeps_a_leading_point_as_text() {
        table(
            Dialect::Embulk,
            &[
                ("12:30", json!(750)),
                ("12:30:45", json!(45045)),
                ("-1:30", json!(-90)),
                ("12:60", json!("12:60")),
                (".5", json!(".5")),
            ],
        );
    }
}
