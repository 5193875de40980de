//! Block scalars: `|` keeps its lines, `>` folds them.

use super::cursor::{END, is_break, is_space_or_end};
use super::{Scanner, Style, Token, TokenKind};
use crate::yaml::syntax::{Failure, Mistake};

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// The last line keeps its own.
    Clip,
    /// `-`: none.
    Strip,
    /// `+`: all.
    Keep,
}

struct Header {
    chomping: Chomping,
    /// How much deeper than the block around it the lines stand; none when the first line says so.
    indent: Option<usize>,
}

impl<'a> Scanner<'a> {
    pub(super) fn scan_block(&mut self) -> Result<Token<'a>, Failure> {
        let start = self.cursor.byte();
        let folds = self.cursor.peek(0) == '>';
        self.cursor.skip();
        let header = self.block_header()?;
        let least = self.indent.map_or(1, |indent| indent + 1);
        let (mut breaks, indent) = match header.indent {
            Some(deeper) => (self.block_breaks(least + deeper - 1), least + deeper - 1),
            None => {
                let (breaks, widest) = self.block_start();
                (breaks, widest.max(least))
            }
        };
        let mut text = String::new();
        let mut end = self.cursor.byte();
        let mut last = String::new();
        while self.in_block(indent) {
            text.push_str(&breaks);
            let indented = self.at_more_indented();
            text.push_str(self.cursor.take_while(|letter| !is_break(letter)));
            end = self.cursor.byte();
            last = self.cursor.line_break().map(String::from).unwrap_or_default();
            breaks = self.block_breaks(indent);
            if !self.in_block(indent) {
                break;
            }
            if !folds || last != "\n" || indented || self.at_more_indented() {
                text.push_str(&last);
            } else if breaks.is_empty() {
                text.push(' ');
            }
        }
        if header.chomping != Chomping::Strip {
            text.push_str(&last);
        }
        if header.chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        Ok(Token { kind: TokenKind::Scalar { text, style: Style::Text }, start, end })
    }

    /// `+` or `-` and a digit, in either order; then nothing but a comment.
    fn block_header(&mut self) -> Result<Header, Failure> {
        let mut header = Header { chomping: Chomping::Clip, indent: None };
        for _ in 0..2 {
            match self.cursor.peek(0) {
                '+' if header.chomping == Chomping::Clip => header.chomping = Chomping::Keep,
                '-' if header.chomping == Chomping::Clip => header.chomping = Chomping::Strip,
                digit @ '1'..='9' if header.indent.is_none() => {
                    header.indent = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                }
                _ => break,
            }
            self.cursor.skip();
        }
        if !is_space_or_end(self.cursor.peek(0)) {
            return Err(self.cursor.mistake(Mistake::BlockHeader));
        }
        self.cursor.take_while(|letter| letter == ' ');
        self.cursor.comment();
        if self.cursor.line_break().is_none() && self.cursor.peek(0) != END {
            return Err(self.cursor.mistake(Mistake::BlockHeader));
        }
        Ok(header)
    }

    /// The empty lines before the first, and the widest indentation among them and it.
    fn block_start(&mut self) -> (String, usize) {
        let (mut breaks, mut widest) = (String::new(), 0);
        loop {
            if self.cursor.peek(0) == ' ' {
                self.cursor.skip();
                widest = widest.max(self.cursor.column());
            } else if let Some(letter) = self.cursor.line_break() {
                breaks.push(letter);
            } else {
                return (breaks, widest);
            }
        }
    }

    /// Empty lines, and the indentation of the line behind them.
    fn block_breaks(&mut self, indent: usize) -> String {
        let mut breaks = String::new();
        loop {
            while self.cursor.column() < indent && self.cursor.peek(0) == ' ' {
                self.cursor.skip();
            }
            match self.cursor.line_break() {
                Some(letter) => breaks.push(letter),
                None => return breaks,
            }
        }
    }

    fn in_block(&self, indent: usize) -> bool {
        self.cursor.column() == indent && self.cursor.peek(0) != END
    }

    /// Lines that begin with a blank are never folded.
    fn at_more_indented(&self) -> bool {
        matches!(self.cursor.peek(0), ' ' | '\t')
    }
}
