//! Scalars in single and double quotes.

use super::cursor::{END, is_blank};
use super::plain::folded;
use super::{Scanner, Style, Token, TokenKind};
use crate::yaml::syntax::{Failure, Mistake};

impl<'a> Scanner<'a> {
    /// A scalar in quotes. Its further lines may stand at any column.
    pub(super) fn scan_quoted(&mut self) -> Result<Token<'a>, Failure> {
        let start = self.cursor.byte();
        let quote = self.cursor.peek(0);
        self.cursor.skip();
        let mut text = String::new();
        loop {
            if quote == '"' {
                self.double_quoted_word(&mut text)?;
            } else {
                self.single_quoted_word(&mut text);
            }
            if self.cursor.peek(0) == quote {
                break;
            }
            self.quoted_gap(&mut text, start)?;
        }
        self.cursor.skip();
        Ok(Token { kind: TokenKind::Scalar { text, style: Style::Text }, start, end: self.cursor.byte() })
    }

    /// What goes on without a blank; two single quotes are one.
    fn single_quoted_word(&mut self, text: &mut String) {
        loop {
            text.push_str(self.cursor.take_while(|letter| !is_blank(letter) && letter != '\''));
            if !self.cursor.rest().starts_with("''") {
                return;
            }
            text.push('\'');
            self.cursor.skip_many(2);
        }
    }

    fn double_quoted_word(&mut self, text: &mut String) -> Result<(), Failure> {
        loop {
            text.push_str(
                self.cursor.take_while(|letter| !is_blank(letter) && !matches!(letter, '"' | '\\')),
            );
            if self.cursor.peek(0) != '\\' {
                return Ok(());
            }
            self.escape(text)?;
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), Failure> {
        let start = self.cursor.byte();
        self.cursor.skip();
        let letter = self.cursor.peek(0);
        if self.cursor.line_break().is_some() {
            let breaks = self.quoted_breaks()?;
            text.push_str(&breaks);
            return Ok(());
        }
        if let Some(digits) = hex_digits(letter) {
            let code = self.hex(start, letter, digits)?;
            text.push(self.character(start, code)?);
            return Ok(());
        }
        let Some(meant) = escaped(letter) else {
            // At the end of the text it is the quote that is missing.
            return if letter == END {
                Ok(())
            } else {
                Err(self.cursor.mistake_at(Mistake::Escape(letter), start))
            };
        };
        text.push(meant);
        self.cursor.skip();
        Ok(())
    }

    /// The number after `\x`, `\u`, `\U`.
    fn hex(&mut self, start: usize, letter: char, digits: usize) -> Result<u32, Failure> {
        self.cursor.skip();
        let hex: String = self.cursor.rest().chars().take(digits).collect();
        let is_hex = hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(&hex, 16).ok().filter(|_| is_hex);
        let code =
            code.ok_or_else(|| self.cursor.mistake_at(Mistake::EscapeDigits(letter, digits), start))?;
        self.cursor.skip_many(digits);
        Ok(code)
    }

    /// A code's character. Two halves of a pair, as JSON writes them, are one.
    fn character(&mut self, start: usize, code: u32) -> Result<char, Failure> {
        let wrong = |scanner: &Self| scanner.cursor.mistake_at(Mistake::EscapeCharacter, start);
        if !(0xd800..0xdc00).contains(&code) {
            return char::from_u32(code).ok_or_else(|| wrong(self));
        }
        if !self.cursor.rest().starts_with("\\u") {
            return Err(wrong(self));
        }
        self.cursor.skip();
        let low = self.hex(start, 'u', 4)?;
        let units = [code, low].map(|unit| u16::try_from(unit).unwrap_or_default());
        char::decode_utf16(units).next().and_then(Result::ok).ok_or_else(|| wrong(self))
    }

    /// Blanks between two words: kept on one line, folded at its end.
    fn quoted_gap(&mut self, text: &mut String, start: usize) -> Result<(), Failure> {
        let blanks = self.cursor.take_while(|letter| matches!(letter, ' ' | '\t'));
        if self.cursor.peek(0) == END {
            return Err(self.cursor.mistake_at(Mistake::Quote, start));
        }
        match self.cursor.line_break() {
            Some(first) => text.push_str(&folded(first, &self.quoted_breaks()?)),
            None => text.push_str(blanks),
        }
        Ok(())
    }

    /// Empty lines, and the blanks before what follows them.
    fn quoted_breaks(&mut self) -> Result<String, Failure> {
        let mut breaks = String::new();
        loop {
            if self.cursor.at_document_mark() {
                return Err(self.cursor.mistake(Mistake::MarkInQuotes));
            }
            self.cursor.take_while(|letter| matches!(letter, ' ' | '\t'));
            match self.cursor.line_break() {
                Some(letter) => breaks.push(letter),
                None => return Ok(breaks),
            }
        }
    }
}

/// How many digits follow.
fn hex_digits(letter: char) -> Option<usize> {
    match letter {
        'x' => Some(2),
        'u' => Some(4),
        'U' => Some(8),
        _ => None,
    }
}

/// The escapes of YAML 1.1; `\/` came later.
fn escaped(letter: char) -> Option<char> {
    Some(match letter {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '\\' => letter,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    })
}
