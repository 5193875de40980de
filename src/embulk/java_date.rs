//! Java's date formats (`SimpleDateFormat`) in Ruby's words, which the rest of the program speaks.
//!
//! Directives whose text cannot be had are refused by name: a format must not come out as something else.

use jiff::tz::TimeZone;

/// Why a format is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDate {
    /// Letters that mean something to Java and cannot be written here.
    #[error("`{0}` in a format of Java's is not supported")]
    Directive(String),
    /// A quoted text that does not end.
    #[error("a quote in a format of Java's does not end")]
    Quote,
}

/// The strftime of a format of Java's, for times in a zone; none: the zone is not known yet.
pub fn strftime(format: &str, zone: Option<&TimeZone>) -> Result<String, BadDate> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => quoted(rest, &mut out)?,
            letter if letter.is_ascii_alphabetic() => {
                let length = rest.len() - rest.trim_start_matches(letter).len();
                out.push_str(
                    directive(letter, length, zone).ok_or(BadDate::Directive(rest[..length].to_owned()))?,
                );
                length
            }
            other => {
                literal(other, &mut out);
                other.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Ok(out)
}

/// Appends a quoted text, and says how long it was with its quotes. Two quotes are one.
fn quoted(text: &str, out: &mut String) -> Result<usize, BadDate> {
    if text.starts_with("''") {
        out.push('\'');
        return Ok(2);
    }
    let mut at = 1;
    loop {
        let end = text[at..].find('\'').ok_or(BadDate::Quote)? + at;
        text[at..end].chars().for_each(|char| literal(char, out));
        if !text[end + 1..].starts_with('\'') {
            return Ok(end + 1);
        }
        out.push('\'');
        at = end + 2;
    }
}

fn literal(char: char, out: &mut String) {
    if char == '%' {
        out.push('%');
    }
    out.push(char);
}

fn directive(letter: char, length: usize, zone: Option<&TimeZone>) -> Option<&'static str> {
    Some(match (letter, length) {
        ('y', 2) => "%y",
        ('y', 1 | 3 | 4) => "%Y",
        ('M', 1) => "%-m",
        ('M', 2) => "%m",
        ('M', 3) => "%b",
        ('M', 4..) => "%B",
        ('d', 1) => "%-d",
        ('d', 2) => "%d",
        ('D', 1) => "%-j",
        ('D', 3) => "%j",
        ('E', 1..=3) => "%a",
        ('E', 4..) => "%A",
        ('u', 1) => "%u",
        ('a', _) => "%p",
        ('H', 1) => "%-H",
        ('H', 2) => "%H",
        ('h', 1) => "%-I",
        ('h', 2) => "%I",
        ('m', 1) => "%-M",
        ('m', 2) => "%M",
        ('s', 1) => "%-S",
        ('s', 2) => "%S",
        ('S', 3) => "%L",
        ('Z', _) => "%z",
        ('X', _) => return iso_offset(length, zone?),
        _ => return None,
    })
}

/// Offsets that are `Z` where they are zero: only zones of one offset have one text.
fn iso_offset(length: usize, zone: &TimeZone) -> Option<&'static str> {
    match (zone.to_fixed_offset().ok()?.seconds(), length) {
        (0, 1..=3) => Some("Z"),
        (_, 2) => Some("%z"),
        (_, 3) => Some("%:z"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_java_become_formats_of_ruby() {
        for (java, ruby) in [
            ("yyyy-MM-dd HH:mm:ss", "%Y-%m-%d %H:%M:%S"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSZ", "%Y-%m-%dT%H:%M:%S.%L%z"),
            ("EEE, d MMM yy 'o''clock' h a", "%a, %-d %b %y o'clock %-I %p"),
            ("''yyyy''/M 100%", "'%Y'/%-m 100%%"),
            ("yyyy年M月d日", "%Y年%-m月%-d日"),
            ("", ""),
        ] {
            assert_eq!(strftime(java, None).as_deref(), Ok(ruby), "{java}");
        }
    }

    #[test]
    fn offsets_have_one_text_in_zones_of_one_offset() {
        let tokyo = TimeZone::fixed(jiff::tz::offset(9));
        let london = TimeZone::get("Europe/London").unwrap();
        for (zone, expected) in [
            (Some(&TimeZone::UTC), Some("Z")),
            (Some(&tokyo), Some("%:z")),
            (Some(&london), None),
            (None, None),
        ] {
            assert_eq!(strftime("XXX", zone).ok().as_deref(), expected);
        }
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        for (java, error) in [
            ("yyyy-MM-dd HH:mm:ss.SSSSSS", "`SSSSSS` in a format of Java's is not supported"),
            ("YYYY", "`YYYY` in a format of Java's is not supported"),
            ("yyyy 'x", "a quote in a format of Java's does not end"),
        ] {
            assert_eq!(strftime(java, None).unwrap_err().to_string(), error);
        }
    }
}
