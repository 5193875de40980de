//! Numbers as text without an allocation each.

/// Digits two at a time.
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Appends a signed integer.
pub fn push_i64(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    push_u64(value.unsigned_abs(), out);
}

/// Appends an unsigned integer.
pub fn push_u64(mut value: u64, out: &mut Vec<u8>) {
    // Twice as long, so that a copy from the first digit on has one size, whatever the number.
    let mut digits = [0_u8; 2 * DIGITS];
    let mut at = DIGITS;
    while value >= 100 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if value >= 10 {
        let pair = value as usize * 2;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        at -= 1;
        digits[at] = b'0' + value as u8;
    }
    let end = out.len() + (DIGITS - at);
    if let Some(digits) = digits[at..].first_chunk::<DIGITS>() {
        out.extend_from_slice(digits);
    }
    out.truncate(end);
}

/// Digits of the largest integer.
const DIGITS: usize = 20;

/// Appends the last two digits of a number.
pub fn push_two(value: u32, out: &mut Vec<u8>) {
    let pair = (value % 100) as usize * 2;
    out.extend_from_slice(&PAIRS[pair..pair + 2]);
}

/// Puts two digits at the beginning of a text. It must be that long, and the number below 100.
#[inline]
pub fn put_two(value: u32, out: &mut [u8]) {
    let pair = value as usize * 2;
    out[..2].copy_from_slice(&PAIRS[pair..pair + 2]);
}

/// Appends a number in at least `width` digits, zeros in front.
pub fn push_padded(value: u64, width: usize, out: &mut Vec<u8>) {
    let mut digits = 1;
    let mut rest = value;
    while rest >= 10 {
        rest /= 10;
        digits += 1;
    }
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(digits)));
    push_u64(value, out);
}

/// Appends a finite double in the notation of Ruby on a JVM, which Embulk's BigQuery output writes: the shortest
/// digits that give the number back, always with a point, an exponent below 1e-4 and from 1e19 on.
/// NaN and infinities give false and nothing.
pub fn push_ruby_float(value: f64, out: &mut Vec<u8>) -> bool {
    if !value.is_finite() {
        return false;
    }
    if value == 0.0 {
        out.extend_from_slice(if value.is_sign_negative() { b"-0.0" } else { b"0.0" });
        return true;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let (digits, length, point) = shortest(value.abs());
    let digits = &digits[..length];
    if (-3..=19).contains(&point) {
        push_plain(digits, point, out);
    } else {
        out.push(digits[0]);
        out.push(b'.');
        out.extend_from_slice(if length > 1 { &digits[1..] } else { b"0" });
        out.push(b'e');
        let exponent = point - 1;
        out.push(if exponent < 0 { b'-' } else { b'+' });
        push_padded(u64::from(exponent.unsigned_abs()), 2, out);
    }
    true
}

/// Appends a double as Java's `Double.toString`: an exponent below 1e-3 and from 1e7 on; `NaN`, `Infinity`.
pub fn push_java_double(value: f64, out: &mut Vec<u8>) {
    push_java(value, shortest(value.abs()), out);
}

/// Appends a 32-bit float as Java's `Float.toString`.
pub fn push_java_float(value: f32, out: &mut Vec<u8>) {
    push_java(f64::from(value), digits_of(zmij::Buffer::new().format(value.abs())), out);
}

fn push_java(value: f64, (digits, length, point): ([u8; 24], usize, i32), out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value.is_infinite() {
        return out.extend_from_slice(b"Infinity");
    }
    let digits = &digits[..length];
    if value == 0.0 {
        out.extend_from_slice(b"0.0");
    } else if (-2..=7).contains(&point) {
        push_plain(digits, point, out);
    } else {
        out.push(digits[0]);
        out.push(b'.');
        out.extend_from_slice(if length > 1 { &digits[1..] } else { b"0" });
        out.push(b'E');
        push_i64(i64::from(point - 1), out);
    }
}

/// Digits with a point after `point` of them (which may lie outside the digits).
fn push_plain(digits: &[u8], point: i32, out: &mut Vec<u8>) {
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |count: i32| std::iter::repeat_n(b'0', usize::try_from(count).unwrap_or(0));
    if point <= 0 {
        out.extend_from_slice(b"0.");
        out.extend(zeros(-point));
        out.extend_from_slice(digits);
    } else if point >= length {
        out.extend_from_slice(digits);
        out.extend(zeros(point - length));
        out.extend_from_slice(b".0");
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

/// The shortest digits of a positive double, how many, and the place of the point counted from the first.
fn shortest(value: f64) -> ([u8; 24], usize, i32) {
    // The JVM has one more digit than needed for its smallest number.
    if value.to_bits() == 1 {
        let mut digits = [0; 24];
        digits[..2].copy_from_slice(b"49");
        return (digits, 2, -323);
    }
    digits_of(zmij::Buffer::new().format_finite(value))
}

/// The digits of a number in plain or scientific notation; none of what is no number.
fn digits_of(text: &str) -> ([u8; 24], usize, i32) {
    let (number, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut digits = [0; 24];
    let (mut length, mut point) = (0, whole.len() as i32);
    // Seventeen digits at most, and zeros around them.
    for digit in whole.bytes().chain(fraction.bytes()) {
        if length == 0 && digit == b'0' {
            point -= 1;
        } else if length < digits.len() {
            digits[length] = digit;
            length += 1;
        }
    }
    while length > 1 && digits[length - 1] == b'0' {
        length -= 1;
    }
    (digits, length, point + exponent.parse::<i32>().unwrap_or(0))
}

/// Appends a decimal as the nearest double in the notation of [`push_ruby_float`]; false, and nothing, for what is not
/// written as a decimal.
pub fn push_decimal_as_ruby_float(text: &[u8], out: &mut Vec<u8>) -> bool {
    if let Some((whole, fraction)) = short_decimal(text) {
        // Two decimals of 15 digits are never the same double, so that none is shorter than this one.
        if text[0] == b'-' {
            out.push(b'-');
        }
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction });
        return true;
    }
    let value = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    value.is_some_and(|value| push_ruby_float(value, out))
}

/// The digits before and behind the point of a number that has a digit before the point that is not zero, and 15 digits
/// at most. Zeros at both ends are left out.
fn short_decimal(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut whole = text.strip_prefix(b"-").unwrap_or(text);
    let mut fraction: &[u8] = b"";
    if let Some(point) = whole.iter().position(|byte| *byte == b'.') {
        (whole, fraction) = (&whole[..point], &whole[point + 1..]);
    }
    while let [b'0', rest @ ..] = whole {
        whole = rest;
    }
    while let [rest @ .., b'0'] = fraction {
        fraction = rest;
    }
    let is_short = !whole.is_empty() && whole.len() + fraction.len() <= 15;
    let is_number = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    (is_short && is_number(whole) && is_number(fraction)).then_some((whole, fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: f64) -> String {
        let mut out = Vec::new();
        assert!(push_ruby_float(value, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn floats_read_as_embulk_wrote_them() {
        for (value, text) in [
            (1.1, "1.1"),
            (-1234.0, "-1234.0"),
            (1e-5, "1.0e-05"),
            (0.0001, "0.0001"),
            (0.00012345, "0.00012345"),
            (1e15, "1000000000000000.0"),
            (1e16, "10000000000000000.0"),
            (1e18, "1000000000000000000.0"),
            (1e19, "1.0e+19"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "4.9e-324"),
            (1.234_500_050_544_738_8, "1.2345000505447388"),
            (-0.0, "-0.0"),
            (100.5, "100.5"),
            (1.234_567_890_123_456_8e17, "123456789012345680.0"),
        ] {
            assert_eq!(float(value), text);
        }
        assert!(!push_ruby_float(f64::NAN, &mut Vec::new()));
    }

    #[test]
    fn digits_are_those_of_the_standard_library_and_even_in_the_middle() {
        let mut bits = 0x1234_5678_9abc_def0_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(bits >> 1);
            if !value.is_finite() {
                continue;
            }
            let (digits, length, point) = shortest(value);
            let text = format!("{value:e}");
            let (number, exponent) = text.split_once('e').unwrap();
            assert_eq!(point - 1, exponent.parse::<i32>().unwrap(), "{text}");
            let theirs = number.replace('.', "");
            if digits[..length] != *theirs.as_bytes() {
                // Between two that are as near Java and Ruby take the even one.
                assert!(length == theirs.len() && digits[length - 1].is_multiple_of(2), "{text}");
            }
        }
        assert_eq!(shortest(1e21).1, 1);
        assert_eq!(float(89_037_304_515_588.12), "89037304515588.12");
    }

    #[test]
    fn decimals_are_written_as_the_double_that_they_are() {
        let mut number = 1_u64;
        let texts = (0..20_000).map(|at: u32| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let sign = if at.is_multiple_of(3) { "-" } else { "" };
            let digits = (number >> (at % 60)).to_string();
            let (whole, fraction) = digits.split_at(digits.len() / 2);
            format!("{sign}{whole}.{fraction}")
        });
        let odd = ["0", "0.00", "-0.0", "0.000012", "007.50", "1", "-12.", "100000000000000000000", "1.1"];
        for text in texts.chain(odd.map(str::to_owned)) {
            let mut out = Vec::new();
            assert!(push_decimal_as_ruby_float(text.as_bytes(), &mut out) || text.starts_with('.'), "{text}");
            assert_eq!(String::from_utf8(out).unwrap(), float(text.parse().unwrap()), "{text}");
        }
        for text in ["", "-", "x", "1.2.3", "NaN"] {
            let mut out = Vec::new();
            assert!(!push_decimal_as_ruby_float(text.as_bytes(), &mut out) && out.is_empty(), "{text}");
        }
    }

    #[test]
    fn every_float_text_gives_the_number_back() {
        let mut bits = 0x1234_5678_9abc_def0_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                assert_eq!(float(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
            }
        }
    }

    #[test]
    fn floats_as_java_writes_them() {
        for (value, text) in [
            (1.234_567_890_123_456_8e17, "1.2345678901234568E17"),
            (1e-5, "1.0E-5"),
            (0.001, "0.001"),
            (1e7, "1.0E7"),
            (9_999_999.5, "9999999.5"),
            (-0.0, "-0.0"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            let mut out = Vec::new();
            push_java_double(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
        let mut out = Vec::new();
        push_java_float(1.2345, &mut out);
        assert_eq!(out, b"1.2345");
    }

    #[test]
    fn integers_at_their_limits() {
        for value in [i64::MIN, i64::MAX, 0, -1, 9, 10, 99, 100, 101, -1000] {
            let mut out = Vec::new();
            push_i64(value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
        let mut out = Vec::new();
        push_u64(u64::MAX, &mut out);
        push_padded(7, 3, &mut out);
        push_two(5, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "1844674407370955161500705");
    }
}
