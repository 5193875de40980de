//! Text to tokens, by the rules of YAML 1.1 as SnakeYAML keeps them: indentation, and keys that are known to be keys
//! only when their `:` is found.
//!
//! Whether a token may stand where it does is `parse`'s question.

mod block;
mod cursor;
mod name;
mod plain;
mod quoted;
mod token;

use std::collections::VecDeque;
use std::sync::Arc;

pub(super) use token::{Directive, Style, Token, TokenKind, WrittenTag};

use super::syntax::{Failure, Mistake};
use crate::diagnostic::Source;
use cursor::{Cursor, END, Place, is_blank, is_break};

/// How far a key's `:` may be from its first character.
const LONGEST_KEY: usize = 1024;

/// A place where a key may have begun.
struct PossibleKey {
    /// The number of its first token.
    token: usize,
    place: Place,
    /// It can be nothing else: it stands where the keys of the open mapping stand.
    required: bool,
}

/// Reads tokens. After [`TokenKind::End`] it gives that for ever.
pub(super) struct Scanner<'a> {
    cursor: Cursor<'a>,
    tokens: VecDeque<Token<'a>>,
    /// How many tokens were taken.
    taken: usize,
    done: bool,
    /// The open `[` and `{`.
    flow_depth: usize,
    /// The column of the open block; none outside of all.
    indent: Option<usize>,
    /// The columns of the blocks around it.
    indents: Vec<Option<usize>>,
    /// Whether a key that is not marked with `?` may begin here.
    key_allowed: bool,
    /// The possible key of each level of `[` and `{`, outermost first.
    keys: Vec<Option<PossibleKey>>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(source: &'a Arc<Source>) -> Result<Self, Failure> {
        if let Some((at, letter)) = source.text.char_indices().find(|(_, letter)| !is_printable(*letter)) {
            return Err(Mistake::Character(letter).problem(source, at));
        }
        Ok(Self {
            cursor: Cursor::new(source),
            tokens: VecDeque::new(),
            taken: 0,
            done: false,
            flow_depth: 0,
            indent: None,
            indents: Vec::new(),
            key_allowed: true,
            keys: vec![None],
        })
    }

    /// The next token.
    pub(super) fn peek(&mut self) -> Result<&Token<'a>, Failure> {
        while self.needs_more()? {
            self.fetch()?;
        }
        Ok(&self.tokens[0])
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Result<Token<'a>, Failure> {
        let end = Token { kind: TokenKind::End, start: self.cursor.byte(), end: self.cursor.byte() };
        if self.peek()?.kind == TokenKind::End {
            return Ok(end);
        }
        self.taken += 1;
        Ok(self.tokens.pop_front().unwrap_or(end))
    }

    /// A token may be given away only when it is clear that no key begins with it.
    fn needs_more(&mut self) -> Result<bool, Failure> {
        if self.done {
            return Ok(false);
        }
        if self.tokens.is_empty() {
            return Ok(true);
        }
        if !self.may_begin_key() {
            return Ok(false);
        }
        self.drop_stale_keys()?;
        Ok(self.may_begin_key())
    }

    /// Whether the next token may turn out to be that of a key.
    fn may_begin_key(&self) -> bool {
        self.keys.iter().flatten().next().is_some_and(|key| key.token == self.taken)
    }

    fn fetch(&mut self) -> Result<(), Failure> {
        self.skip_to_token();
        self.drop_stale_keys()?;
        self.unwind(Some(self.cursor.column()));
        let letter = self.cursor.peek(0);
        let next_blank = is_blank(self.cursor.peek(1));
        let in_flow = self.flow_depth > 0;
        let line_start = self.cursor.column() == 0;
        match letter {
            END => self.fetch_end(),
            '%' if line_start => self.fetch_directive(),
            '-' | '.' if line_start && self.cursor.at_document_mark() => {
                self.fetch_document_mark(if letter == '-' {
                    TokenKind::DocumentStart
                } else {
                    TokenKind::DocumentEnd
                })
            }
            '[' => self.open_flow(TokenKind::FlowSequenceStart),
            '{' => self.open_flow(TokenKind::FlowMappingStart),
            ']' => self.close_flow(TokenKind::FlowSequenceEnd),
            '}' => self.close_flow(TokenKind::FlowMappingEnd),
            ',' => {
                self.key_allowed = true;
                self.forget_key()?;
                self.push_sign(TokenKind::FlowEntry);
                Ok(())
            }
            '-' if next_blank => self.fetch_block_entry(),
            '?' if in_flow || next_blank => self.fetch_key(),
            ':' if in_flow || next_blank => self.fetch_value(),
            '*' | '&' => self.fetch_word(Self::scan_anchor),
            '!' => self.fetch_word(Self::scan_tag),
            '|' | '>' if !in_flow => {
                self.key_allowed = true;
                self.forget_key()?;
                let token = self.scan_block()?;
                self.tokens.push_back(token);
                Ok(())
            }
            '\'' | '"' => self.fetch_word(Self::scan_quoted),
            _ if may_begin_plain(letter, next_blank, in_flow) => self.fetch_word(Self::scan_plain),
            '\t' => Err(self.cursor.mistake(Mistake::Tab { indents: self.only_blanks_before() })),
            _ => Err(self.cursor.mistake(Mistake::Start(letter))),
        }
    }

    fn skip_to_token(&mut self) {
        if self.cursor.byte() == 0 && self.cursor.peek(0) == '\u{feff}' {
            self.cursor.skip();
        }
        loop {
            self.cursor.take_while(|letter| letter == ' ');
            self.cursor.comment();
            if self.cursor.line_break().is_none() {
                return;
            }
            if self.flow_depth == 0 {
                self.key_allowed = true;
            }
        }
    }

    fn only_blanks_before(&self) -> bool {
        let before = self.cursor.since(0);
        before
            .rsplit(is_break)
            .next()
            .is_some_and(|line| line.chars().all(|letter| matches!(letter, ' ' | '\t')))
    }

    /// Closes the blocks that the indentation of the next token ends.
    fn unwind(&mut self, column: Option<usize>) {
        if self.flow_depth > 0 {
            return;
        }
        while self.indent > column {
            self.indent = self.indents.pop().unwrap_or_default();
            self.push_empty(TokenKind::BlockEnd);
        }
    }

    /// Opens a block at a column, unless one is open there.
    fn indent_to(&mut self, column: usize) -> bool {
        let opens = self.indent < Some(column);
        if opens {
            self.indents.push(self.indent);
            self.indent = Some(column);
        }
        opens
    }

    fn push_empty(&mut self, kind: TokenKind<'a>) {
        let at = self.cursor.byte();
        self.tokens.push_back(Token { kind, start: at, end: at });
    }

    /// A token of one character.
    fn push_sign(&mut self, kind: TokenKind<'a>) {
        let start = self.cursor.byte();
        self.cursor.skip();
        self.tokens.push_back(Token { kind, start, end: self.cursor.byte() });
    }

    fn fetch_end(&mut self) -> Result<(), Failure> {
        self.unwind(None);
        self.forget_key()?;
        self.keys = vec![None];
        self.done = true;
        self.push_empty(TokenKind::End);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), Failure> {
        self.unwind(None);
        self.forget_key()?;
        self.key_allowed = false;
        let token = self.scan_directive()?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn fetch_document_mark(&mut self, kind: TokenKind<'a>) -> Result<(), Failure> {
        self.unwind(None);
        self.forget_key()?;
        self.key_allowed = false;
        let start = self.cursor.byte();
        self.cursor.skip_many(3);
        self.tokens.push_back(Token { kind, start, end: self.cursor.byte() });
        Ok(())
    }

    fn open_flow(&mut self, kind: TokenKind<'a>) -> Result<(), Failure> {
        self.note_key()?;
        self.flow_depth += 1;
        self.keys.push(None);
        self.key_allowed = true;
        self.push_sign(kind);
        Ok(())
    }

    fn close_flow(&mut self, kind: TokenKind<'a>) -> Result<(), Failure> {
        self.forget_key()?;
        if self.flow_depth > 0 {
            self.flow_depth -= 1;
            self.keys.pop();
        }
        self.key_allowed = false;
        self.push_sign(kind);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Failure> {
        if self.flow_depth == 0 {
            self.open_block(TokenKind::BlockSequenceStart, Mistake::EntryInside)?;
        }
        self.key_allowed = true;
        self.forget_key()?;
        self.push_sign(TokenKind::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Failure> {
        if self.flow_depth == 0 {
            self.open_block(TokenKind::BlockMappingStart, Mistake::KeyInside)?;
        }
        self.key_allowed = self.flow_depth == 0;
        self.forget_key()?;
        self.push_sign(TokenKind::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Failure> {
        if let Some(key) = self.keys.last_mut().and_then(Option::take) {
            let at = key.token - self.taken;
            let empty = |kind| Token { kind, start: key.place.byte, end: key.place.byte };
            self.tokens.insert(at, empty(TokenKind::Key));
            if self.flow_depth == 0 && self.indent_to(key.place.column) {
                self.tokens.insert(at, empty(TokenKind::BlockMappingStart));
            }
            self.key_allowed = false;
        } else {
            if self.flow_depth == 0 {
                self.open_block(TokenKind::BlockMappingStart, Mistake::ColonInside)?;
            }
            self.key_allowed = self.flow_depth == 0;
        }
        self.push_sign(TokenKind::Value);
        Ok(())
    }

    /// `mistake` is what it is where no block may begin.
    fn open_block(&mut self, kind: TokenKind<'a>, mistake: Mistake) -> Result<(), Failure> {
        if !self.key_allowed {
            return Err(self.cursor.mistake(mistake));
        }
        if self.indent_to(self.cursor.column()) {
            self.push_empty(kind);
        }
        Ok(())
    }

    /// A token that a key may begin with and no key can follow at once.
    fn fetch_word(
        &mut self,
        scan: impl FnOnce(&mut Self) -> Result<Token<'a>, Failure>,
    ) -> Result<(), Failure> {
        self.note_key()?;
        self.key_allowed = false;
        let token = scan(self)?;
        self.tokens.push_back(token);
        Ok(())
    }

    /// Remembers that a key may begin here.
    fn note_key(&mut self) -> Result<(), Failure> {
        let place = self.cursor.place();
        let required = self.flow_depth == 0 && self.indent == Some(place.column);
        if self.key_allowed {
            self.forget_key()?;
            let key = PossibleKey { token: self.taken + self.tokens.len(), place, required };
            if let Some(slot) = self.keys.last_mut() {
                *slot = Some(key);
            }
        } else if required {
            return Err(self.cursor.mistake(Mistake::KeyExpected));
        }
        Ok(())
    }

    /// What may have been a key is none: something else begins here.
    fn forget_key(&mut self) -> Result<(), Failure> {
        match self.keys.last_mut().and_then(Option::take) {
            Some(key) if key.required => Err(self.without_colon(&key)),
            _ => Ok(()),
        }
    }

    /// A key stands on one line and is not too long.
    fn drop_stale_keys(&mut self) -> Result<(), Failure> {
        let here = self.cursor.place();
        for slot in &mut self.keys {
            let Some(key) =
                slot.take_if(|key| key.place.line != here.line || here.index - key.place.index > LONGEST_KEY)
            else {
                continue;
            };
            if key.required {
                return Err(self.without_colon(&key));
            }
        }
        Ok(())
    }

    fn without_colon(&self, key: &PossibleKey) -> Failure {
        self.cursor.mistake_at(Mistake::ColonMissing, key.place.byte)
    }
}

fn may_begin_plain(letter: char, next_blank: bool, in_flow: bool) -> bool {
    if is_blank(letter) {
        return false;
    }
    match letter {
        '-' => !next_blank,
        '?' | ':' => !next_blank && !in_flow,
        _ => !",[]{}#&*!|>'\"%@`".contains(letter),
    }
}

/// The characters that a YAML text may hold.
fn is_printable(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
        | '\u{10000}'..)
}
