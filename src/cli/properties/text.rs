//! The text of a Java properties file, as `java.util.Properties` reads it.

/// A text that is not a properties file. The only thing that can be wrong is a `\u` without four hex digits.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `\\u` needs four hex digits")]
pub struct SyntaxError {
    /// The line, from 1, that the entry begins on.
    pub line: usize,
}

/// Decodes the bytes of a file: UTF-8 where it is that, else Latin-1, which is what Java assumes.
pub(super) fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// The entries in order; of equal keys all are given, the last one counts.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, SyntaxError> {
    logical_lines(text)
        .into_iter()
        .map(|(line, text)| {
            let (key, value) = split(&text);
            Ok((unescape(key, line)?, unescape(value, line)?))
        })
        .collect()
}

/// Lines without comments, joined where an odd number of backslashes ends them.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in natural_lines(text).enumerate() {
        let line = line.trim_start_matches([' ', '\t', '\u{c}']);
        let (number, mut joined) = match open.take() {
            Some(begun) => begun,
            None if line.is_empty() || line.starts_with(['#', '!']) => continue,
            None => (index + 1, String::new()),
        };
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            joined.push_str(&line[..line.len() - 1]);
            open = Some((number, joined));
        } else {
            joined.push_str(line);
            lines.push((number, joined));
        }
    }
    lines.extend(open.filter(|(_, text)| !text.is_empty()));
    lines
}

/// Lines end with CR, LF or both.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// Key and value around the first `=`, `:` or blank that is not escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let mut key_end = line.len();
    for (at, character) in line.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if matches!(character, '=' | ':' | ' ' | '\t' | '\u{c}') {
            key_end = at;
            break;
        }
    }
    const BLANKS: [char; 3] = [' ', '\t', '\u{c}'];
    let rest = line[key_end..].trim_start_matches(BLANKS);
    let rest = rest.strip_prefix(['=', ':']).map_or(rest, |value| value.trim_start_matches(BLANKS));
    (&line[..key_end], rest)
}

fn unescape(text: &str, line: usize) -> Result<String, SyntaxError> {
    // Units of UTF-16, because `\u` may write a pair of surrogates.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let character = match character {
            '\\' => match characters.next() {
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).collect();
                    let is_hex = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                    let unit = u16::from_str_radix(&digits, 16).ok().filter(|_| is_hex);
                    units.push(unit.ok_or(SyntaxError { line })?);
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
    }
    Ok(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(String, String)> {
        parse(text).expect("the text is right")
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.into(), value.into())
    }

    #[test]
    fn separators_blanks_and_comments() {
        assert_eq!(
            entries("# no\n! no\n\n  a = 1 \nb:2\nc 3\nd\ne==x\nf = = y\r\ng\t:\tz"),
            [
                pair("a", "1 "),
                pair("b", "2"),
                pair("c", "3"),
                pair("d", ""),
                pair("e", "=x"),
                pair("f", "= y"),
                pair("g", "z")
            ]
        );
    }

    #[test]
    fn continued_lines_and_escapes() {
        assert_eq!(
            entries("a = one,\\\n    two\\\\\nb\\ c\\=d = \\u65e5\\ud83d\\ude00\\t\\x\nlast \\"),
            [pair("a", "one,two\\"), pair("b c=d", "日😀\tx"), pair("last", "")]
        );
        assert_eq!(entries("a = \\\n# not a comment"), [pair("a", "# not a comment")]);
    }

    #[test]
    fn a_broken_unicode_escape_names_its_line() {
        assert_eq!(
            parse("a=1\nb=\\u12").map_err(|error| error.to_string()),
            Err("line 2: `\\u` needs four hex digits".into())
        );
        assert!(parse("b=\\u+123").is_err());
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_latin_1() {
        assert_eq!(decode(b"a=\xe9"), "a=é");
        assert_eq!(decode("a=日".as_bytes()), "a=日");
    }
}
