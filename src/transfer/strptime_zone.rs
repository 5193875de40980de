//! The zone in a text that strptime reads: an offset in one of its many forms, or a name.

/// A zone as a text names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZoneText<'t> {
    /// Seconds ahead of UTC.
    Offset(i64),
    /// A name or abbreviation.
    Name(&'t str),
}

/// The zone at the start, and what stands behind it.
pub(super) fn read(text: &str) -> Option<(ZoneText<'_>, &str)> {
    let unprefixed = ["utc", "gmt", "ut"]
        .iter()
        .find(|prefix| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
        .map_or(text, |prefix| &text[prefix.len()..]);
    if unprefixed.starts_with(['+', '-']) {
        return offset(unprefixed);
    }
    let end = text.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if rest.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
        return None;
    }
    match name.as_bytes() {
        [] => None,
        [letter] => Some((ZoneText::Offset(military(letter.to_ascii_uppercase())?), rest)),
        _ => Some((ZoneText::Name(name), rest)),
    }
}

/// One letter: A to M without J east of UTC, N to Y west, Z is UTC; in seconds.
fn military(letter: u8) -> Option<i64> {
    let hours = match letter {
        b'A'..=b'I' => i64::from(letter - b'A') + 1,
        b'K'..=b'M' => i64::from(letter - b'K') + 10,
        b'N'..=b'Y' => -i64::from(letter - b'N') - 1,
        b'Z' => 0,
        _ => return None,
    };
    Some(hours * 3600)
}

/// `+9`, `+09`, `+0900`, `+090000`, `+09:00`, `+09:00:00`
fn offset(text: &str) -> Option<(ZoneText<'_>, &str)> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let mut rest = &text[1..];
    let run = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let first = run(rest);
    let mut fields = [0_i64; 3];
    if first == 0 || first > 6 {
        return None;
    }
    if first > 2 {
        // Hours have one digit when the number of digits is odd.
        let mut from = 0;
        for (field, to) in fields.iter_mut().zip([2 - first % 2, 4 - first % 2, 6 - first % 2]) {
            if to <= first {
                *field = rest[from..to].parse().ok()?;
                from = to;
            }
        }
        rest = &rest[first..];
    } else {
        fields[0] = rest[..first].parse().ok()?;
        rest = &rest[first..];
        for field in &mut fields[1..] {
            let Some(after) = rest.strip_prefix(':') else { break };
            let length = run(after);
            if length == 0 || length > 2 {
                break;
            }
            *field = after[..length].parse().ok()?;
            rest = &after[length..];
        }
    }
    let [hours, minutes, seconds] = fields;
    // Without colons minutes may be as many as two digits can say.
    (hours < 24 && (first > 2 || minutes < 60) && seconds < 60)
        .then_some((ZoneText::Offset(sign * (hours * 3600 + minutes * 60 + seconds)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_names() {
        for (text, expected) in [
            ("+0900", Some((ZoneText::Offset(32_400), ""))),
            ("-09:30 x", Some((ZoneText::Offset(-34_200), " x"))),
            ("+9", Some((ZoneText::Offset(32_400), ""))),
            ("+900", Some((ZoneText::Offset(32_400), ""))),
            ("+09:00:01", Some((ZoneText::Offset(32_401), ""))),
            ("UTC+9", Some((ZoneText::Offset(32_400), ""))),
            ("UTC", Some((ZoneText::Name("UTC"), ""))),
            ("+09000", Some((ZoneText::Offset(5_400), ""))),
            ("x", Some((ZoneText::Offset(-39_600), ""))),
            ("J", None),
            ("T12", None),
            ("JST", Some((ZoneText::Name("JST"), ""))),
            ("+", None),
            ("+2500", None),
            ("", None),
            ("日本", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
