//! How Ruby reads numbers from texts, which the plugins written in it hand on to options and values.

/// Ruby's `Integer()`: white space around, a sign, `0x` `0b` `0o` and a leading zero, single underscores. None for what
/// it refuses, and for what needs more than 64 bits.
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'd', ..] => (10, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let digits = without_underscores(digits)?;
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from_str_radix(&digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Ruby's `Float()`: digits before and after a point must be there where one is, but `.5` is taken.
pub fn float(text: &str) -> Option<f64> {
    let text = without_underscores(text.trim())?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let mantissa = unsigned.split(['e', 'E']).next()?;
    if mantissa.ends_with('.') {
        return None;
    }
    text.parse().ok()
}

/// Underscores may stand between digits, one at a time.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let misplaced = bytes.iter().enumerate().any(|(at, byte)| {
        let digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_hexdigit);
        *byte == b'_' && !(at > 0 && digit(bytes.get(at - 1)) && digit(bytes.get(at + 1)))
    });
    (!misplaced && !text.is_empty()).then(|| text.replace('_', ""))
}
