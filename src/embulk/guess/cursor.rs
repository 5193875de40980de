//! Reads a short text from left to right.

/// A place in a text. What does not match leaves it where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t> {
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'t str {
        self.rest
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Goes over so many bytes, which must end between characters.
    fn take(&mut self, length: usize) -> Option<&'t str> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// One of some characters of ASCII.
    pub(super) fn one_of(&mut self, chars: &str) -> Option<&'t str> {
        self.rest.chars().next().filter(|char| char.is_ascii() && chars.contains(*char))?;
        self.take(1)
    }

    pub(super) fn word(&mut self, word: &str) -> Option<&'t str> {
        self.rest.starts_with(word).then(|| self.take(word.len()))?
    }

    /// One of some words of three letters.
    pub(super) fn name(&mut self, names: &[&str]) -> Option<&'t str> {
        names.iter().find_map(|name| self.word(name))
    }

    /// So many digits.
    pub(super) fn digits(&mut self, count: usize) -> Option<&'t str> {
        let bytes = self.rest.as_bytes().get(..count)?;
        bytes.iter().all(u8::is_ascii_digit).then(|| self.take(count))?
    }

    /// A number of two places: one of the pairs of digits, or, where the number is `Loose`, one digit with or without
    /// a zero or a blank before it.
    pub(super) fn number(&mut self, pairs: impl Fn(u8, u8) -> bool, single: Single) -> Option<&'t str> {
        let bytes = self.rest.as_bytes();
        let digit = |at: usize| bytes.get(at).copied().filter(u8::is_ascii_digit);
        if let (Some(tens), Some(ones)) = (digit(0), digit(1))
            && pairs(tens - b'0', ones - b'0')
        {
            return self.take(2);
        }
        let Single::Loose { least } = single else { return None };
        let is_one = |at: usize| digit(at).is_some_and(|digit| digit >= least);
        match bytes.first() {
            Some(b'0' | b' ') if is_one(1) => self.take(2),
            _ if is_one(0) => self.take(1),
            _ => None,
        }
    }
}

/// Whether one digit is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Single {
    /// From this digit on.
    Loose {
        /// In ASCII.
        least: u8,
    },
    /// There must be two.
    Never,
}
