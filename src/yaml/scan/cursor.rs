//! A text read character by character, with the place of each.

use std::sync::Arc;

use crate::diagnostic::Source;
use crate::yaml::syntax::{Failure, Mistake};

/// What [`Cursor::peek`] gives behind the end. It can't stand in a text: it is not printable.
pub(super) const END: char = '\0';

/// Where a reader stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Bytes from the start of the text.
    pub(super) byte: usize,
    /// Characters from the start of the text.
    pub(super) index: usize,
    /// Lines before this one.
    pub(super) line: usize,
    /// Characters before this one on its line; a byte order mark does not count.
    pub(super) column: usize,
}

/// The reader.
pub(super) struct Cursor<'a> {
    source: &'a Arc<Source>,
    place: Place,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(source: &'a Arc<Source>) -> Self {
        Self { source, place: Place { byte: 0, index: 0, line: 0, column: 0 } }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn byte(&self) -> usize {
        self.place.byte
    }

    pub(super) fn column(&self) -> usize {
        self.place.column
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a str {
        &self.source.text[self.place.byte..]
    }

    /// The text since a byte.
    pub(super) fn since(&self, start: usize) -> &'a str {
        &self.source.text[start..self.place.byte]
    }

    /// The next character, or one further on.
    pub(super) fn peek(&self, ahead: usize) -> char {
        self.rest().chars().nth(ahead).unwrap_or(END)
    }

    /// Reads one character.
    pub(super) fn skip(&mut self) {
        let mut characters = self.rest().chars();
        let Some(letter) = characters.next() else { return };
        self.place.byte += letter.len_utf8();
        self.place.index += 1;
        if is_break(letter) && !(letter == '\r' && characters.next() == Some('\n')) {
            self.place.line += 1;
            self.place.column = 0;
        } else if letter != '\u{feff}' {
            self.place.column += 1;
        }
    }

    pub(super) fn skip_many(&mut self, count: usize) {
        (0..count).for_each(|_| self.skip());
    }

    /// Reads as long as the characters fit. A line break must not.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        self.take(rest.find(|letter| !fits(letter)).unwrap_or(rest.len()))
    }

    /// Reads so many bytes, without a line break among them.
    pub(super) fn take(&mut self, bytes: usize) -> &'a str {
        let taken = &self.rest()[..bytes];
        let count = taken.chars().count();
        self.place.byte += bytes;
        self.place.index += count;
        self.place.column += count;
        taken
    }

    /// Reads a line break. All count as a line feed but the two that Unicode has for texts.
    pub(super) fn line_break(&mut self) -> Option<char> {
        let letter = self.peek(0);
        if !is_break(letter) {
            return None;
        }
        self.skip_many(if self.rest().starts_with("\r\n") { 2 } else { 1 });
        Some(if matches!(letter, '\u{2028}' | '\u{2029}') { letter } else { '\n' })
    }

    /// Reads a comment up to the end of its line.
    pub(super) fn comment(&mut self) {
        if self.peek(0) == '#' {
            self.take_while(|letter| !is_break(letter));
        }
    }

    /// Whether `---` or `...` stands here, as a word of its own. The caller knows that a line begins.
    pub(super) fn at_document_mark(&self) -> bool {
        let rest = self.rest();
        (rest.starts_with("---") || rest.starts_with("...")) && is_blank(self.peek(3))
    }

    /// The problem of a mistake that is made here.
    pub(super) fn mistake(&self, mistake: Mistake) -> Failure {
        self.mistake_at(mistake, self.byte())
    }

    pub(super) fn mistake_at(&self, mistake: Mistake, byte: usize) -> Failure {
        mistake.problem(self.source, byte)
    }
}

pub(super) fn is_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The end of the text or of a line.
pub(super) fn is_end(letter: char) -> bool {
    letter == END || is_break(letter)
}

/// The end of a line, or a space.
pub(super) fn is_space_or_end(letter: char) -> bool {
    letter == ' ' || is_end(letter)
}

/// The end of a line, a space or a tab.
pub(super) fn is_blank(letter: char) -> bool {
    letter == '\t' || is_space_or_end(letter)
}

/// What names of anchors, handles and directives are made of.
pub(super) fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_')
}
