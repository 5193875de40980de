//! The text that COPY sends, taken apart: one line a row, a tab between fields, `\N` for NULL, and a few characters
//! behind a backslash.

/// Cuts what comes into whole lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The begin of a line whose end has not come.
    begun: Vec<u8>,
}

impl Lines {
    /// The whole lines of a piece, with what was left of the one before. Servers send a line at a time, so that this
    /// copies nothing.
    pub(super) fn take<'p>(&mut self, piece: &'p [u8], whole: &'p mut Vec<u8>) -> &'p [u8] {
        if self.begun.is_empty() && piece.ends_with(b"\n") {
            return piece;
        }
        self.begun.extend_from_slice(piece);
        let end = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        whole.clear();
        whole.extend(self.begun.drain(..end));
        whole
    }

    /// Whether a line began that did not end.
    pub(super) fn is_torn(&self) -> bool {
        !self.begun.is_empty()
    }
}

/// A field as it stands in a line, with the rest of the text behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Raw<'t> {
    /// Without the character that ends it.
    pub(super) text: &'t [u8],
    /// Whether it holds a backslash.
    pub(super) escaped: bool,
    /// What ended it: a tab or the end of the line.
    pub(super) end: End,
    /// What comes behind.
    pub(super) rest: &'t [u8],
}

/// What ends a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Field,
    Line,
}

/// The first field of a text of whole lines.
pub(super) fn field(text: &[u8]) -> Raw<'_> {
    let mut escaped = false;
    let mut at = 0;
    loop {
        match text.get(at) {
            Some(b'\t') => return Raw { text: &text[..at], escaped, end: End::Field, rest: &text[at + 1..] },
            Some(b'\n') => return Raw { text: &text[..at], escaped, end: End::Line, rest: &text[at + 1..] },
            Some(b'\\') => {
                escaped = true;
                at += 2;
            }
            Some(_) => at += 1,
            None => return Raw { text, escaped, end: End::Line, rest: &[] },
        }
    }
}

impl<'t> Raw<'t> {
    /// The value: none for NULL. `space` holds it where it differs from what stands in the line.
    pub(super) fn value<'s>(&'s self, space: &'s mut Vec<u8>) -> Option<&'s [u8]>
    where
        't: 's,
    {
        if !self.escaped {
            return Some(self.text);
        }
        if self.text == b"\\N" {
            return None;
        }
        space.clear();
        let mut bytes = self.text.iter();
        while let Some(byte) = bytes.next() {
            let byte = match byte {
                b'\\' => match bytes.next() {
                    Some(b'b') => 0x08,
                    Some(b'f') => 0x0c,
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(b't') => b'\t',
                    Some(b'v') => 0x0b,
                    Some(other) => *other,
                    None => b'\\',
                },
                byte => *byte,
            };
            space.push(byte);
        }
        Some(space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of all lines; NULL is none.
    fn rows(mut text: &[u8]) -> Vec<Vec<Option<String>>> {
        let mut rows = vec![Vec::new()];
        while !text.is_empty() {
            let raw = field(text);
            let mut space = Vec::new();
            let value = raw.value(&mut space).map(|value| String::from_utf8(value.to_vec()).unwrap());
            rows.last_mut().unwrap().push(value);
            if raw.end == End::Line {
                rows.push(Vec::new());
            }
            text = raw.rest;
        }
        rows.pop();
        rows
    }

    #[test]
    fn fields_nulls_and_escapes() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows(b"1\t\\N\t\ta\\tb\\nc\\\\N\n\\\\N\t\\b\\f\\r\\v\n\n"),
            [
                vec![some("1"), None, some(""), some("a\tb\nc\\N")],
                vec![some("\\N"), some("\u{8}\u{c}\r\u{b}")],
                vec![some("")],
            ]
        );
    }

    #[test]
    fn pieces_are_put_together_wherever_they_are_cut() {
        let text = b"1\ta\\\\\n2\tb\n3\tc\n";
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut lines = Lines::default();
                let mut whole = Vec::new();
                let mut seen = Vec::new();
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    seen.extend_from_slice(lines.take(piece, &mut whole));
                }
                assert_eq!(seen, text);
                assert!(!lines.is_torn());
            }
        }
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"1\ta", &mut Vec::new()), b"");
        assert!(lines.is_torn());
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "[a\\\\tNn\t\n]{0,40}") {
            rows(text.as_bytes());
        }
    }
}
