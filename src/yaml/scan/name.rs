//! Anchors, aliases, tags and directives: the marks of one character, and the names behind them.

use super::cursor::{END, is_blank, is_end, is_space_or_end, is_word};
use super::{Directive, Scanner, Token, TokenKind, WrittenTag};
use crate::yaml::syntax::{Failure, Mistake};

impl<'a> Scanner<'a> {
    /// `&name` or `*name`.
    pub(super) fn scan_anchor(&mut self) -> Result<Token<'a>, Failure> {
        let start = self.cursor.byte();
        let is_alias = self.cursor.peek(0) == '*';
        self.cursor.skip();
        let name = self.cursor.take_while(is_word);
        let next = self.cursor.peek(0);
        if name.is_empty() || !(is_blank(next) || "?:,]}%@`".contains(next)) {
            let mistake = if is_alias { Mistake::Alias } else { Mistake::Anchor };
            return Err(self.cursor.mistake_at(mistake, start));
        }
        let kind = if is_alias { TokenKind::Alias(name) } else { TokenKind::Anchor(name) };
        Ok(Token { kind, start, end: self.cursor.byte() })
    }

    /// `!`, `!name`, `!!name`, `!handle!name`, `!<name>`.
    pub(super) fn scan_tag(&mut self) -> Result<Token<'a>, Failure> {
        let start = self.cursor.byte();
        let written = self.written_tag(start)?;
        if !is_space_or_end(self.cursor.peek(0)) {
            return Err(self.cursor.mistake_at(Mistake::Tag, start));
        }
        Ok(Token { kind: TokenKind::Tag(written), start, end: self.cursor.byte() })
    }

    fn written_tag(&mut self, start: usize) -> Result<WrittenTag, Failure> {
        let next = self.cursor.peek(1);
        if is_blank(next) {
            self.cursor.skip();
            return Ok(WrittenTag { handle: None, suffix: "!".to_owned() });
        }
        if next == '<' {
            self.cursor.skip_many(2);
            let suffix = self.uri(Mistake::Tag, start)?;
            if self.cursor.peek(0) != '>' {
                return Err(self.cursor.mistake_at(Mistake::Tag, start));
            }
            self.cursor.skip();
            return Ok(WrittenTag { handle: None, suffix });
        }
        let word = self.cursor.rest()[1..].split(is_space_or_end).next().unwrap_or_default();
        let handle = if word.contains('!') {
            self.handle(Mistake::Tag, start)?
        } else {
            self.cursor.skip();
            "!".to_owned()
        };
        Ok(WrittenTag { handle: Some(handle), suffix: self.uri(Mistake::Tag, start)? })
    }

    /// `!`, `!!` or `!word!`.
    fn handle(&mut self, mistake: Mistake, start: usize) -> Result<String, Failure> {
        let from = self.cursor.byte();
        if self.cursor.peek(0) != '!' {
            return Err(self.cursor.mistake_at(mistake, start));
        }
        self.cursor.skip();
        if self.cursor.peek(0) != ' ' {
            self.cursor.take_while(is_word);
            if self.cursor.peek(0) != '!' {
                return Err(self.cursor.mistake_at(mistake, start));
            }
            self.cursor.skip();
        }
        Ok(self.cursor.since(from).to_owned())
    }

    /// A name of the letters of a URI; `%41` is `A`.
    fn uri(&mut self, mistake: Mistake, start: usize) -> Result<String, Failure> {
        let written =
            self.cursor.take_while(|letter| is_word(letter) || ";/?:@&=+$,.!~*'()[]%".contains(letter));
        match unescape(written) {
            Some(name) if !name.is_empty() => Ok(name),
            _ => Err(self.cursor.mistake_at(mistake, start)),
        }
    }

    /// `%YAML`, `%TAG` or any other line that begins with `%`.
    pub(super) fn scan_directive(&mut self) -> Result<Token<'a>, Failure> {
        let start = self.cursor.byte();
        let wrong = |scanner: &Self| scanner.cursor.mistake_at(Mistake::Directive, start);
        self.cursor.skip();
        let name = self.cursor.take_while(is_word);
        if name.is_empty() || !is_space_or_end(self.cursor.peek(0)) {
            return Err(wrong(self));
        }
        let directive = match name {
            "YAML" => self.version().ok_or_else(|| wrong(self))?,
            "TAG" => self.tag_directive(start)?,
            _ => {
                self.cursor.take_while(|letter| !is_end(letter));
                Directive::Unknown
            }
        };
        let end = self.cursor.byte();
        self.cursor.take_while(|letter| letter == ' ');
        self.cursor.comment();
        if self.cursor.line_break().is_none() && self.cursor.peek(0) != END {
            return Err(wrong(self));
        }
        Ok(Token { kind: TokenKind::Directive(directive), start, end })
    }

    /// ` 1.1`
    fn version(&mut self) -> Option<Directive> {
        self.cursor.take_while(|letter| letter == ' ');
        let written = self.cursor.take_while(|letter| letter.is_ascii_digit() || letter == '.');
        let (major, minor) = written.split_once('.')?;
        let _: u32 = minor.parse().ok()?;
        is_space_or_end(self.cursor.peek(0)).then_some(Directive::Version { major: major.parse().ok()? })
    }

    /// ` !handle! prefix`
    fn tag_directive(&mut self, start: usize) -> Result<Directive, Failure> {
        self.cursor.take_while(|letter| letter == ' ');
        let handle = self.handle(Mistake::Directive, start)?;
        if self.cursor.peek(0) != ' ' {
            return Err(self.cursor.mistake_at(Mistake::Directive, start));
        }
        self.cursor.take_while(|letter| letter == ' ');
        let prefix = self.uri(Mistake::Directive, start)?;
        if !is_space_or_end(self.cursor.peek(0)) {
            return Err(self.cursor.mistake_at(Mistake::Directive, start));
        }
        Ok(Directive::Tag { handle, prefix })
    }
}

/// Percent escapes of UTF-8 resolved; none when one is broken.
fn unescape(written: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}
