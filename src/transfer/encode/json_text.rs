//! JSON as texts hold it: without white space around values, and strings in the one way that Embulk writes them.

/// Appends JSON without white space outside of strings. Strings have characters as they are, and escapes only where
/// JSON needs them; numbers and the order of keys stay.
pub(in crate::transfer) fn push_compact_json(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b' ' | b'\t' | b'\n' | b'\r')) {
        out.extend_from_slice(&rest[..at]);
        if rest[at] == b'"' {
            let length = string_length(&rest[at..]);
            push_string(&rest[at..at + length], out);
            rest = &rest[at + length..];
        } else {
            rest = &rest[at + 1..];
        }
    }
    out.extend_from_slice(rest);
}

/// The text of a JSON string, which stands there with its quotes. Half of a surrogate pair becomes `?`, as in Embulk.
pub(in crate::transfer) fn string_text(string: &str) -> String {
    let bytes = string.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let inner = bytes.get(1..bytes.len().saturating_sub(1)).unwrap_or_default();
    unescape(inner, |piece| match piece {
        Piece::Plain(bytes) => out.extend_from_slice(bytes),
        Piece::Char(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        Piece::Half(_) => out.push(b'?'),
    });
    String::from_utf8_lossy(&out).into_owned()
}

/// Length of the JSON string at the start, quotes and all.
fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn push_string(string: &[u8], out: &mut Vec<u8>) {
    if !string.contains(&b'\\') {
        return out.extend_from_slice(string);
    }
    unescape(string, |piece| match piece {
        Piece::Plain(bytes) | Piece::Half(bytes) => out.extend_from_slice(bytes),
        Piece::Char('"') => out.extend_from_slice(b"\\\""),
        Piece::Char('\\') => out.extend_from_slice(b"\\\\"),
        Piece::Char('\n') => out.extend_from_slice(b"\\n"),
        Piece::Char('\r') => out.extend_from_slice(b"\\r"),
        Piece::Char('\t') => out.extend_from_slice(b"\\t"),
        Piece::Char('\u{8}') => out.extend_from_slice(b"\\b"),
        Piece::Char('\u{c}') => out.extend_from_slice(b"\\f"),
        Piece::Char(char @ ..' ') => out.extend_from_slice(format!("\\u{:04x}", u32::from(char)).as_bytes()),
        Piece::Char(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
    });
}

/// A piece of a string.
enum Piece<'t> {
    /// Bytes without an escape.
    Plain(&'t [u8]),
    /// What an escape stands for.
    Char(char),
    /// The escape of half a surrogate pair, or one that JSON does not know.
    Half(&'t [u8]),
}

fn unescape<'t>(mut text: &'t [u8], mut take: impl FnMut(Piece<'t>)) {
    while let Some(at) = text.iter().position(|byte| *byte == b'\\') {
        if at > 0 {
            take(Piece::Plain(&text[..at]));
        }
        let (piece, length) = escape(&text[at..]);
        take(piece);
        text = &text[at + length..];
    }
    take(Piece::Plain(text));
}

/// The escape at the start, and its length.
fn escape(text: &[u8]) -> (Piece<'_>, usize) {
    let char = match text.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        Some(b'u') => {
            let Some(unit) = unit(text) else { return (Piece::Half(&text[..2]), 2) };
            if let Some(char) = char::from_u32(unit) {
                return (Piece::Char(char), 6);
            }
            let low = text.get(6..).filter(|rest| rest.starts_with(b"\\u")).and_then(self::unit);
            return match low {
                Some(low @ 0xdc00..=0xdfff) if unit < 0xdc00 => {
                    let char = char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
                    (Piece::Char(char.unwrap_or(char::REPLACEMENT_CHARACTER)), 12)
                }
                _ => (Piece::Half(&text[..6]), 6),
            };
        }
        _ => return (Piece::Half(&text[..text.len().min(2)]), text.len().min(2)),
    };
    (Piece::Char(char), 2)
}

/// The number in `\uXXXX`.
fn unit(text: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(text.get(2..6)?).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(json: &str) -> String {
        let mut out = Vec::new();
        push_compact_json(json.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn space_goes_and_all_else_stays() {
        assert_eq!(
            compact("{ \"a b\" : [ 1.50 , \"x \\\" y\" ], \"a\":1e3 }\n"),
            "{\"a b\":[1.50,\"x \\\" y\"],\"a\":1e3}"
        );
    }

    /// As Embulk writes them, but for the last two: it has `?` there.
    #[test]
    fn strings_have_the_escapes_that_json_needs() {
        for (json, written) in [
            (r#""\u00e9\u65e5\ud83d\ude00\/\u002f\u003c""#, "\"é日😀//<\""),
            (r#""\u0000\u001F\b\f\n\r\t\u000a""#, r#""\u0000\u001f\b\f\n\r\t\n""#),
            (r#""\"\\\u0022\u005c""#, r#""\"\\\"\\""#),
            (r#"{"\u0061":"\u007f"}"#, "{\"a\":\"\u{7f}\"}"),
            (r#""\ud83dx\ude00""#, r#""\ud83dx\ude00""#),
            (r#""\ud83d\ud83d\ude00""#, "\"\\ud83d😀\""),
        ] {
            assert_eq!(compact(json), written, "{json}");
        }
        // What is no JSON comes out as it went in.
        for text in ["\"\\", "\"\\u12", "\"\\x\"", "\"abc"] {
            assert_eq!(compact(text), text);
        }
    }

    #[test]
    fn texts_of_strings() {
        assert_eq!(string_text(r#""a\u65e5\n\ud83d\ude00\"""#), "a日\n😀\"");
        assert_eq!(string_text(r#""a\ud83d""#), "a?");
        assert_eq!(string_text("\""), "");
    }
}
