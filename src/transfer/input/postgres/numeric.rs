//! Digits of `numeric` from the form in which PostgreSQL sends it: groups of four digits, base 10,000, with where the
//! point stands among them, and how many digits are shown behind it.

use super::decode::ODD;
use crate::transfer::encode::Unfit;
use crate::transfer::encode::number::put_two;

/// Digits of a group.
const GROUP: usize = 4;

/// Writes the text that the server has for a number. At most some 200,000 digits, whatever the bytes say.
pub(super) fn push_numeric(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let Some(([n0, n1, w0, w1, s0, s1, d0, d1], groups)) = bytes.split_first_chunk() else { return Err(ODD) };
    let (groups, odd) = groups.as_chunks::<2>();
    let shown = usize::from(u16::from_be_bytes([*d0, *d1]));
    if !odd.is_empty() || groups.len() != usize::from(u16::from_be_bytes([*n0, *n1])) {
        return Err(ODD);
    }
    match [*s0, *s1] {
        [0x00, 0] => {}
        [0x40, 0] => out.push(b'-'),
        [0xc0, 0] => return Err(Unfit("is NaN, which a decimal cannot be here")),
        [0xd0 | 0xf0, 0] => return Err(Unfit("is infinite, which a decimal cannot be here")),
        _ => return Err(ODD),
    }
    // Groups before the point; below zero that many are missing behind it.
    let before = i32::from(i16::from_be_bytes([*w0, *w1])) + 1;
    let whole = usize::try_from(before).unwrap_or(0);
    let mut digits = [0; GROUP];
    if whole == 0 {
        out.push(b'0');
    }
    for at in 0..whole {
        put(groups.get(at), &mut digits)?;
        let zeros = if at == 0 {
            digits.iter().take(GROUP - 1).take_while(|digit| **digit == b'0').count()
        } else {
            0
        };
        out.extend_from_slice(&digits[zeros..]);
    }
    if shown == 0 {
        return Ok(());
    }
    out.push(b'.');
    let missing = usize::try_from(-before).unwrap_or(0);
    for at in 0..shown.div_ceil(GROUP) {
        put(at.checked_sub(missing).and_then(|at| groups.get(whole + at)), &mut digits)?;
        out.extend_from_slice(&digits[..GROUP.min(shown - at * GROUP)]);
    }
    Ok(())
}

/// The digits of a group; zeros where none was sent.
#[inline]
fn put(group: Option<&[u8; 2]>, digits: &mut [u8; GROUP]) -> Result<(), Unfit> {
    let group = group.map_or(0, |group| u16::from_be_bytes(*group));
    if group > 9999 {
        return Err(ODD);
    }
    put_two(u32::from(group / 100), digits);
    put_two(u32::from(group % 100), &mut digits[2..]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(weight: i16, sign: u16, shown: u16, groups: &[u16]) -> Vec<u8> {
        let count = u16::try_from(groups.len()).unwrap();
        let head = [count, weight.cast_unsigned(), sign, shown];
        head.iter().chain(groups).flat_map(|part| part.to_be_bytes()).collect()
    }

    fn text(bytes: &[u8]) -> Result<String, Unfit> {
        let mut out = Vec::new();
        push_numeric(bytes, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn digits_stand_where_the_server_shows_them() {
        for (weight, sign, shown, groups, expected) in [
            (0, 0, 0, &[][..], "0"),
            (0, 0, 2, &[], "0.00"),
            (0, 0, 0, &[7], "7"),
            (0, 0x4000, 2, &[12, 5000], "-12.50"),
            (1, 0, 2, &[1, 2345, 6700], "12345.67"),
            (2, 0, 0, &[1], "100000000"),
            (-1, 0, 4, &[42], "0.0042"),
            (-1, 0, 2, &[100], "0.01"),
            (-2, 0x4000, 9, &[5, 6000], "-0.000000056"),
            (-3, 0, 3, &[1], "0.000"),
            (0, 0, 5, &[1], "1.00000"),
            (0, 0, 1, &[9999, 9999], "9999.9"),
        ] {
            assert_eq!(text(&sent(weight, sign, shown, groups)).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert_eq!(text(&sent(0, 0xc000, 0, &[])), Err(Unfit("is NaN, which a decimal cannot be here")));
        for sign in [0xd000, 0xf000] {
            let infinite = Unfit("is infinite, which a decimal cannot be here");
            assert_eq!(text(&sent(0, sign, 0x20, &[])), Err(infinite));
        }
        let whole = sent(0, 0, 2, &[1, 5000]);
        for length in 0..whole.len() {
            assert_eq!(text(&whole[..length]), Err(ODD), "{length}");
        }
        for odd in [sent(0, 1, 0, &[1]), sent(0, 0, 0, &[10_000]), sent(0, 0, 1, &[1, 10_000])] {
            assert_eq!(text(&odd), Err(ODD));
        }
        let most = text(&sent(i16::MAX, 0, u16::MAX, &[])).unwrap();
        assert_eq!(most.len(), 131_069 + 1 + 65_535);
    }

    proptest::proptest! {
        #[test]
        fn numbers_are_the_text_of_their_digits(number: i64, scale in 0_u32..18) {
            // The groups of a number with `scale` digits behind the point.
            let (mut whole, unit) = (number.unsigned_abs() / 10_u64.pow(scale), 10_u64.pow(scale));
            let mut fraction = number.unsigned_abs() % unit;
            let mut groups = Vec::new();
            while whole > 0 {
                groups.insert(0, u16::try_from(whole % 10_000).unwrap());
                whole /= 10_000;
            }
            let weight = i16::try_from(groups.len()).unwrap() - 1;
            let padded = scale.next_multiple_of(4);
            for at in 1..=padded / 4 {
                let wide = u128::from(fraction) * 10_u128.pow(padded - scale);
                groups.push(u16::try_from(wide / 10_u128.pow(padded - at * 4) % 10_000).unwrap());
            }
            fraction += unit;
            let sign = if number < 0 { "-" } else { "" };
            let point = if scale > 0 { format!(".{}", &fraction.to_string()[1..]) } else { String::new() };
            let expected = format!("{sign}{}{point}", number.unsigned_abs() / unit);
            let sent = sent(weight, if number < 0 { 0x4000 } else { 0 }, u16::try_from(scale).unwrap(), &groups);
            proptest::prop_assert_eq!(text(&sent), Ok(expected));
        }

        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(0_u8..=255, 0..24)) {
            let _ = text(&bytes);
        }
    }
}
