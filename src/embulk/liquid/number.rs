//! Numbers as Ruby's filters compute with them: whole numbers of any size that matters, decimals without binary
//! rounding, doubles where neither holds the result.

use super::value::Value;

/// A number inside a computation. What leaves it is a whole number or a double.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Integer(i128),
    /// `mantissa / 10^scale`
    Decimal {
        mantissa: i128,
        scale: u32,
    },
    Float(f64),
}

/// The operations of the filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
}

/// Ruby's word for it.
pub(super) const DIVIDED_BY_ZERO: &str = "divided by 0";

impl Number {
    /// The number that a value means to a filter; zero for what is none.
    pub(super) fn of(value: &Value) -> Self {
        match value.open() {
            Value::Integer(value) => Self::Integer(*value),
            Value::Float(value) => decimal(&float_text(*value)).unwrap_or(Self::Float(*value)),
            Value::Text(text) => {
                let text = text.trim();
                if is_decimal(text) {
                    decimal(text).unwrap_or_else(|| float(text))
                } else {
                    leading_integer(text)
                }
            }
            _ => Self::Integer(0),
        }
    }

    pub(super) fn to_f64(self) -> f64 {
        match self {
            Self::Integer(value) => value as f64,
            // The standard library rounds the decimal text to the nearest double.
            Self::Decimal { mantissa, scale } => format!("{mantissa}e-{scale}").parse().unwrap_or(f64::NAN),
            Self::Float(value) => value,
        }
    }

    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Integer(value) => Value::Integer(value),
            other => Value::Float(other.to_f64()),
        }
    }

    fn is_zero(self) -> bool {
        match self {
            Self::Integer(mantissa) | Self::Decimal { mantissa, .. } => mantissa == 0,
            Self::Float(value) => value == 0.0,
        }
    }

    fn parts(self) -> Option<(i128, u32)> {
        match self {
            Self::Integer(value) => Some((value, 0)),
            Self::Decimal { mantissa, scale } => Some((mantissa, scale)),
            Self::Float(_) => None,
        }
    }

    /// Errors: a whole number divided by zero, anything modulo zero.
    pub(super) fn apply(self, operation: Operation, other: Self) -> Result<Self, &'static str> {
        if other.is_zero() {
            match operation {
                Operation::Modulo => return Err(DIVIDED_BY_ZERO),
                Operation::Divide if matches!((self, other), (Self::Integer(_), Self::Integer(_))) => {
                    return Err(DIVIDED_BY_ZERO);
                }
                Operation::Divide => return Ok(Self::Float(self.to_f64() / other.to_f64().abs())),
                _ => {}
            }
        }
        Ok(self.exact(operation, other).unwrap_or_else(|| Self::Float(self.inexact(operation, other))))
    }

    fn exact(self, operation: Operation, other: Self) -> Option<Self> {
        if let (Self::Integer(left), Self::Integer(right)) = (self, other) {
            return match operation {
                Operation::Plus => left.checked_add(right),
                Operation::Minus => left.checked_sub(right),
                Operation::Times => left.checked_mul(right),
                Operation::Divide => floor_div(left, right),
                Operation::Modulo => floor_mod(left, right),
            }
            .map(Self::Integer);
        }
        let (left, left_scale) = self.parts()?;
        let (right, right_scale) = other.parts()?;
        match operation {
            Operation::Times => Some(Self::Decimal {
                mantissa: left.checked_mul(right)?,
                scale: left_scale.checked_add(right_scale)?,
            }),
            Operation::Divide => divide((left, left_scale), (right, right_scale)),
            _ => {
                let scale = left_scale.max(right_scale);
                let left = left.checked_mul(power(scale - left_scale)?)?;
                let right = right.checked_mul(power(scale - right_scale)?)?;
                let mantissa = match operation {
                    Operation::Plus => left.checked_add(right)?,
                    Operation::Minus => left.checked_sub(right)?,
                    _ => floor_mod(left, right)?,
                };
                Some(Self::Decimal { mantissa, scale })
            }
        }
    }

    fn inexact(self, operation: Operation, other: Self) -> f64 {
        let (left, right) = (self.to_f64(), other.to_f64());
        match operation {
            Operation::Plus => left + right,
            Operation::Minus => left - right,
            Operation::Times => left * right,
            Operation::Divide => left / right,
            Operation::Modulo => left - right * (left / right).floor(),
        }
    }

    pub(super) fn abs(self) -> Self {
        match self {
            Self::Integer(value) => Self::Integer(value.saturating_abs()),
            Self::Decimal { mantissa, scale } => Self::Decimal { mantissa: mantissa.saturating_abs(), scale },
            Self::Float(value) => Self::Float(value.abs()),
        }
    }

    /// The nearest number with so many digits after the point (before it, when negative), halves away from zero.
    pub(super) fn round(self, digits: i128) -> Self {
        let Some((mantissa, scale)) = self.parts() else { return self };
        let cut = i128::from(scale).saturating_sub(digits);
        if cut <= 0 || (scale == 0 && digits >= 0) {
            return self;
        }
        let Some(unit) = u32::try_from(cut).ok().and_then(power) else { return Self::Integer(0) };
        let half = mantissa.signum() * (unit / 2);
        let rounded = (mantissa.saturating_add(half)) / unit;
        match (self, u32::try_from(digits)) {
            (Self::Decimal { .. }, Ok(scale)) => Self::Decimal { mantissa: rounded, scale },
            _ => Self::Integer(rounded.saturating_mul(power(digits.unsigned_abs() as u32).unwrap_or(1))),
        }
    }

    /// Towards zero.
    pub(super) fn truncate(self) -> i128 {
        match self {
            Self::Integer(value) => value,
            Self::Decimal { mantissa, scale } => power(scale).map_or(0, |unit| mantissa / unit),
            Self::Float(value) => value as i128,
        }
    }

    pub(super) fn floor(self) -> i128 {
        match self {
            Self::Decimal { mantissa, scale } => {
                power(scale).and_then(|unit| floor_div(mantissa, unit)).unwrap_or(0)
            }
            Self::Float(value) => value.floor() as i128,
            Self::Integer(value) => value,
        }
    }

    pub(super) fn ceil(self) -> i128 {
        match self {
            Self::Decimal { mantissa, scale } => power(scale)
                .and_then(|unit| floor_div(mantissa.checked_neg()?, unit))
                .map_or(0, |floor| -floor),
            Self::Float(value) => value.ceil() as i128,
            Self::Integer(value) => value,
        }
    }

    pub(super) fn is_less(self, other: Self) -> bool {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => left < right,
            _ => self.to_f64() < other.to_f64(),
        }
    }
}

fn divide((left, left_scale): (i128, u32), (right, right_scale): (i128, u32)) -> Option<Number> {
    // As many digits as fit: far more than a double keeps.
    let mut room = 0;
    let mut scaled = left;
    while let Some(next) = scaled.checked_mul(10) {
        if room == 60 {
            break;
        }
        scaled = next;
        room += 1;
    }
    let quotient = scaled.checked_div(right)?;
    let scale = i64::from(left_scale) + i64::from(room) - i64::from(right_scale);
    match u32::try_from(scale) {
        Ok(scale) => Some(Number::Decimal { mantissa: quotient, scale }),
        Err(_) => Some(Number::Decimal {
            mantissa: quotient.checked_mul(power(u32::try_from(-scale).ok()?)?)?,
            scale: 0,
        }),
    }
}

fn power(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

fn floor_div(left: i128, right: i128) -> Option<i128> {
    let quotient = left.checked_div(right)?;
    Some(if left % right != 0 && (left < 0) != (right < 0) { quotient - 1 } else { quotient })
}

fn floor_mod(left: i128, right: i128) -> Option<i128> {
    let rest = left.checked_rem(right)?;
    Some(if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest })
}

/// A number literal of a template; none for anything else.
pub(super) fn literal(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.starts_with(|char: char| char.is_ascii_digit()) {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or_else(|_| float(text).into_value(), Value::Integer));
    }
    digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then(|| float(text).into_value())
}

/// Ruby's `to_f` of digits and points: what follows a second point is not read.
fn float(text: &str) -> Number {
    let end = text.match_indices('.').nth(1).map_or(text.len(), |(at, _)| at);
    Number::Float(text[..end].trim_end_matches('.').parse().unwrap_or(0.0))
}

fn is_decimal(text: &str) -> bool {
    let all = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix('-')
        .unwrap_or(text)
        .split_once('.')
        .is_some_and(|(left, right)| all(left) && all(right))
}

/// `12.50`, `1.0e+20`; none for what does not fit.
fn decimal(text: &str) -> Option<Number> {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()? - exponent;
    match u32::try_from(scale) {
        Ok(scale) => Some(Number::Decimal { mantissa, scale }),
        Err(_) => {
            Some(Number::Decimal { mantissa: mantissa.checked_mul(power(scale.unsigned_abs())?)?, scale: 0 })
        }
    }
}

/// Ruby's `to_i` of a text: the digits at its start, underscores between them allowed.
fn leading_integer(text: &str) -> Number {
    let (sign, rest) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let mut value: i128 = 0;
    let mut after_digit = false;
    for byte in rest.bytes() {
        match byte {
            b'0'..=b'9' => {
                let Some(next) =
                    value.checked_mul(10).and_then(|value| value.checked_add(i128::from(byte - b'0')))
                else {
                    return Number::Float(rest.parse().unwrap_or(0.0));
                };
                value = next;
                after_digit = true;
            }
            b'_' if after_digit => after_digit = false,
            _ => break,
        }
    }
    Number::Integer(sign * value)
}

/// Ruby's `to_i` of a value in a tag (`limit`, a range): text by its leading digits.
pub(super) fn to_integer(value: &Value) -> i128 {
    match value.open() {
        Value::Text(text) => leading_integer(text.trim_start()).truncate(),
        Value::Float(value) => *value as i128,
        Value::Integer(value) => *value,
        _ => 0,
    }
}

/// Ruby's strict `Integer(…)` of an argument of a filter.
pub(super) fn strict_integer(value: &Value) -> Option<i128> {
    match value.open() {
        Value::Integer(value) => Some(*value),
        Value::Text(text) => {
            let text = text.trim();
            let well_placed = !text.starts_with('_')
                && !text.ends_with('_')
                && !text.contains("__")
                && !text.contains("-_");
            let digits = text.replace('_', "");
            let unsigned = digits.trim_start_matches(['-', '+']);
            if let Some(hex) = unsigned.strip_prefix("0x") {
                return i128::from_str_radix(hex, 16).ok();
            }
            if unsigned.len() > 1 && unsigned.starts_with('0') {
                return i128::from_str_radix(unsigned, 8).ok();
            }
            well_placed.then(|| digits.parse().ok()).flatten()
        }
        _ => None,
    }
}

/// Ruby's text of a double: `1.0`, `1.0e+20`, `1.0e-05`.
pub(super) fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = value.abs();
    if value == 0.0 || (1e-4..1e16).contains(&size) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa = if mantissa.contains('.') { mantissa.to_owned() } else { format!("{mantissa}.0") };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn computed(left: &str, operation: Operation, right: &str) -> String {
        let number = |text: &str| Number::of(&Value::text(text));
        match number(left).apply(operation, number(right)) {
            Ok(number) => number.into_value().to_text(),
            Err(message) => message.to_owned(),
        }
    }

    #[test]
    fn decimals_are_not_rounded_in_binary() {
        assert_eq!(computed("0.1", Operation::Plus, "0.2"), "0.3");
        assert_eq!(computed("3", Operation::Times, "0.1"), "0.3");
        assert_eq!(computed("10", Operation::Divide, "3.0"), "3.3333333333333335");
        assert_eq!(computed("-7.25", Operation::Modulo, "2.5"), "0.25");
    }

    #[test]
    fn whole_numbers_divide_downwards() {
        assert_eq!(computed("-10", Operation::Divide, "3"), "-4");
        assert_eq!(computed("-10", Operation::Modulo, "3"), "2");
        assert_eq!(computed("1", Operation::Divide, "0"), "divided by 0");
        assert_eq!(computed("1.5", Operation::Modulo, "0"), "divided by 0");
    }

    #[test]
    fn what_does_not_fit_becomes_a_double() {
        let huge = format!("1{}", "0".repeat(38));
        assert_eq!(computed(&huge, Operation::Times, "10000"), "1.0e+42");
        assert_eq!(float_text(1e-5), "1.0e-05");
        assert_eq!(float_text(1e20), "1.0e+20");
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        let round = |text: &str, digits| Number::of(&Value::text(text)).round(digits).into_value().to_text();
        assert_eq!(round("7", -1), "10");
        assert_eq!(round("1.005", 2), "1.01");
        assert_eq!(round("-2.5", 0), "-3.0");
        assert_eq!(round("7", -99), "0");
    }
}
