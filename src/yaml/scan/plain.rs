//! Unquoted scalars.

use super::cursor::{END, is_blank};
use super::{Scanner, Style, Token, TokenKind};
use crate::yaml::syntax::Failure;

impl<'a> Scanner<'a> {
    /// An unquoted scalar: as many lines as are indented deeper than the block that it stands in.
    pub(super) fn scan_plain(&mut self) -> Result<Token<'a>, Failure> {
        let start = self.cursor.byte();
        let mut end = start;
        let mut text = String::new();
        let mut gap = String::new();
        let least = self.indent.map_or(0, |indent| indent + 1);
        while self.cursor.peek(0) != '#' {
            let word = self.plain_word();
            if word.is_empty() {
                break;
            }
            self.key_allowed = false;
            text.push_str(&gap);
            text.push_str(word);
            end = self.cursor.byte();
            gap = self.plain_gap();
            let outdented = self.flow_depth == 0 && self.cursor.column() < least;
            if gap.is_empty() || outdented {
                break;
            }
        }
        Ok(Token { kind: TokenKind::Scalar { text, style: Style::Plain }, start, end })
    }

    /// What goes on without a blank.
    fn plain_word(&mut self) -> &'a str {
        let in_flow = self.flow_depth > 0;
        let rest = self.cursor.rest();
        let mut letters = rest.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let next = letters.peek().map_or(END, |(_, next)| *next);
            let ends_key = letter == ':' && (is_blank(next) || in_flow && ",[]{}".contains(next));
            if is_blank(letter) || ends_key || in_flow && ",?[]{}".contains(letter) {
                return self.cursor.take(at);
            }
        }
        self.cursor.take(rest.len())
    }

    /// The blanks between two words, as they count: one line break is a space, further ones stay. Empty where the
    /// scalar ends.
    fn plain_gap(&mut self) -> String {
        let blanks = self.cursor.take_while(|letter| matches!(letter, ' ' | '\t'));
        let Some(first) = self.cursor.line_break() else { return blanks.to_owned() };
        self.key_allowed = true;
        let mut further = String::new();
        loop {
            // SnakeYAML takes any `---` at the start of a line for a document mark here.
            if self.cursor.rest().starts_with("---") || self.cursor.at_document_mark() {
                return String::new();
            }
            self.cursor.take_while(|letter| letter == ' ');
            match self.cursor.line_break() {
                Some(letter) => further.push(letter),
                None => return folded(first, &further),
            }
        }
    }
}

/// A line break and the empty lines behind it, folded.
pub(super) fn folded(first: char, further: &str) -> String {
    match first {
        '\n' if further.is_empty() => " ".to_owned(),
        '\n' => further.to_owned(),
        other => format!("{other}{further}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_break_is_a_space_and_more_are_themselves() {
        assert_eq!(folded('\n', ""), " ");
        assert_eq!(folded('\n', "\n\n"), "\n\n");
        assert_eq!(folded('\u{2028}', "\n"), "\u{2028}\n");
    }
}
