//! Tokens to the parts of a document, handed to the builder in their order. One function a rule of the grammar.
//!
//! The functions call each other as deep as the text is nested; the builder refuses depth before it can hurt.

use std::collections::HashMap;
use std::sync::Arc;

use super::build::{Builder, Properties, Tag};
use super::scan::{Directive, Scanner, Style, Token, TokenKind, WrittenTag};
use super::syntax::{Failure, Mistake};
use crate::diagnostic::{Source, Span};

/// What may stand in the place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    /// Inside of brackets.
    Flow,
    /// An item of a list, or the root.
    Block,
    /// A key or its value: here a list need not be indented deeper.
    Pair,
}

/// Reads one document.
pub(super) fn parse<'a>(source: &'a Arc<Source>, builder: &mut Builder<'a>) -> Result<(), Failure> {
    let handles = HashMap::from([("!".into(), "!".into()), ("!!".into(), "tag:yaml.org,2002:".into())]);
    Parser { source, scanner: Scanner::new(source)?, builder, handles, brackets: Vec::new() }.document()
}

struct Parser<'a, 'b> {
    source: &'a Arc<Source>,
    scanner: Scanner<'a>,
    builder: &'b mut Builder<'a>,
    /// What the handles of tags stand for.
    handles: HashMap<String, String>,
    /// Where the open `[` and `{` stand.
    brackets: Vec<usize>,
}

impl<'a> Parser<'a, '_> {
    fn document(&mut self) -> Result<(), Failure> {
        match self.scanner.peek()?.kind {
            TokenKind::End => return Ok(()),
            TokenKind::Directive(_) | TokenKind::DocumentStart => self.explicit_document()?,
            _ => self.node(Context::Block)?,
        }
        while self.scanner.peek()?.kind == TokenKind::DocumentEnd {
            self.scanner.take()?;
        }
        match self.scanner.peek()?.kind {
            TokenKind::End => Ok(()),
            TokenKind::Directive(_) | TokenKind::DocumentStart => self.fail(Mistake::SecondDocument),
            _ => self.fail(Mistake::Trailing),
        }
    }

    fn explicit_document(&mut self) -> Result<(), Failure> {
        self.directives()?;
        if self.scanner.peek()?.kind != TokenKind::DocumentStart {
            return self.fail(Mistake::DocumentExpected);
        }
        let end = self.scanner.take()?.end;
        match self.scanner.peek()?.kind {
            TokenKind::Directive(_) | TokenKind::DocumentStart | TokenKind::DocumentEnd | TokenKind::End => {
                self.empty(end)
            }
            _ => self.node(Context::Block),
        }
    }

    fn directives(&mut self) -> Result<(), Failure> {
        let (mut versions, mut defined) = (0, Vec::new());
        while let TokenKind::Directive(directive) = &self.scanner.peek()?.kind {
            match directive {
                Directive::Version { major: 1 } if versions == 0 => versions += 1,
                Directive::Version { major: 1 } => return self.fail(Mistake::Directive),
                Directive::Version { .. } => return self.fail(Mistake::Version),
                Directive::Tag { handle, .. } if defined.contains(handle) => {
                    return self.fail(Mistake::Directive);
                }
                Directive::Tag { handle, prefix } => {
                    defined.push(handle.clone());
                    self.handles.insert(handle.clone(), prefix.clone());
                }
                Directive::Unknown => {}
            }
            self.scanner.take()?;
        }
        Ok(())
    }

    fn node(&mut self, context: Context) -> Result<(), Failure> {
        let token = self.scanner.peek()?;
        if let TokenKind::Alias(name) = token.kind {
            let (start, end) = (token.start, token.end);
            self.scanner.take()?;
            return self.builder.alias(name, start, end);
        }
        let properties = self.properties()?;
        match &self.scanner.peek()?.kind {
            TokenKind::BlockEntry if context == Context::Pair => self.list_of_pair(properties),
            TokenKind::Scalar { .. } => self.scalar(properties),
            TokenKind::FlowSequenceStart => self.flow_sequence(properties),
            TokenKind::FlowMappingStart => self.flow_mapping(properties),
            TokenKind::BlockSequenceStart if context != Context::Flow => self.block_sequence(properties),
            TokenKind::BlockMappingStart if context != Context::Flow => self.block_mapping(properties),
            _ => match properties.end {
                Some(end) => self.builder.scalar(String::new(), Style::Plain, end, end, &properties),
                None => self.fail(Mistake::ValueExpected),
            },
        }
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self) -> Result<Properties<'a>, Failure> {
        let mut properties = Properties::default();
        loop {
            match &self.scanner.peek()?.kind {
                TokenKind::Anchor(name) if properties.anchor.is_none() => properties.anchor = Some(*name),
                TokenKind::Tag(written) if properties.tag.is_none() => {
                    let written = written.clone();
                    properties.tag = Some(self.tag(written)?);
                }
                _ => return Ok(properties),
            }
            properties.end = Some(self.scanner.take()?.end);
        }
    }

    fn tag(&mut self, written: WrittenTag) -> Result<Tag, Failure> {
        let token = self.scanner.peek()?;
        let span = Span::new(self.source, token.start, token.end);
        let name = match written.handle {
            None => written.suffix,
            Some(handle) => match self.handles.get(&handle) {
                Some(prefix) => format!("{prefix}{}", written.suffix),
                None => return self.fail(Mistake::TagHandle),
            },
        };
        Ok(Tag { name, span })
    }

    fn scalar(&mut self, properties: Properties<'a>) -> Result<(), Failure> {
        let Token { kind, start, end } = self.scanner.take()?;
        match kind {
            TokenKind::Scalar { text, style } => self.builder.scalar(text, style, start, end, &properties),
            _ => Ok(()),
        }
    }

    /// A value that is not written.
    fn empty(&mut self, at: usize) -> Result<(), Failure> {
        self.builder.scalar(String::new(), Style::Plain, at, at, &Properties::default())
    }

    /// A value, or none where one of `ends` comes next.
    fn node_or_empty(&mut self, at: usize, context: Context, ends: &[TokenKind<'_>]) -> Result<(), Failure> {
        if ends.contains(&self.scanner.peek()?.kind) { self.empty(at) } else { self.node(context) }
    }

    fn block_sequence(&mut self, properties: Properties<'a>) -> Result<(), Failure> {
        let start = self.scanner.take()?.start;
        self.builder.open_sequence(start, &properties)?;
        loop {
            let token = self.scanner.peek()?;
            match token.kind {
                TokenKind::BlockEntry => {
                    let end = self.scanner.take()?.end;
                    self.node_or_empty(end, Context::Block, &[TokenKind::BlockEntry, TokenKind::BlockEnd])?;
                }
                TokenKind::BlockEnd => {
                    self.scanner.take()?;
                    return self.builder.close(None);
                }
                _ => return self.fail(Mistake::ItemExpected),
            }
        }
    }

    /// A list whose `-` stand in the column of the key that it belongs to.
    fn list_of_pair(&mut self, properties: Properties<'a>) -> Result<(), Failure> {
        const ENDS: [TokenKind<'_>; 4] =
            [TokenKind::BlockEntry, TokenKind::Key, TokenKind::Value, TokenKind::BlockEnd];
        let start = self.scanner.peek()?.start;
        self.builder.open_sequence(start, &properties)?;
        while self.scanner.peek()?.kind == TokenKind::BlockEntry {
            let end = self.scanner.take()?.end;
            self.node_or_empty(end, Context::Block, &ENDS)?;
        }
        self.builder.close(None)
    }

    fn block_mapping(&mut self, properties: Properties<'a>) -> Result<(), Failure> {
        const ENDS: [TokenKind<'_>; 3] = [TokenKind::Key, TokenKind::Value, TokenKind::BlockEnd];
        let start = self.scanner.take()?.start;
        self.builder.open_mapping(start, &properties)?;
        loop {
            match self.scanner.peek()?.kind {
                TokenKind::Key => {
                    let end = self.scanner.take()?.end;
                    self.node_or_empty(end, Context::Pair, &ENDS)?;
                    self.value(Context::Pair, &ENDS)?;
                }
                TokenKind::BlockEnd => {
                    self.scanner.take()?;
                    return self.builder.close(None);
                }
                _ => return self.fail(Mistake::KeyExpected),
            }
        }
    }

    /// `:` and what follows it, or nothing.
    fn value(&mut self, context: Context, ends: &[TokenKind<'_>]) -> Result<(), Failure> {
        let token = self.scanner.peek()?;
        if token.kind != TokenKind::Value {
            let at = token.start;
            return self.empty(at);
        }
        let end = self.scanner.take()?.end;
        self.node_or_empty(end, context, ends)
    }

    fn flow_sequence(&mut self, properties: Properties<'a>) -> Result<(), Failure> {
        let start = self.open_brackets()?;
        self.builder.open_sequence(start, &properties)?;
        while self.next_in_brackets(&TokenKind::FlowSequenceEnd)? {
            if self.scanner.peek()?.kind == TokenKind::Key {
                self.pair_in_list()?;
            } else {
                self.node(Context::Flow)?;
            }
            self.comma(&TokenKind::FlowSequenceEnd)?;
        }
        self.close_brackets()
    }

    /// `[a: 1]`: a mapping of one pair without braces.
    fn pair_in_list(&mut self) -> Result<(), Failure> {
        const ENDS: [TokenKind<'_>; 3] = [TokenKind::Value, TokenKind::FlowEntry, TokenKind::FlowSequenceEnd];
        let Token { start, end, .. } = self.scanner.take()?;
        self.builder.open_mapping(start, &Properties::default())?;
        self.node_or_empty(end, Context::Flow, &ENDS)?;
        self.value(Context::Flow, &ENDS[1..])?;
        self.builder.close(None)
    }

    fn flow_mapping(&mut self, properties: Properties<'a>) -> Result<(), Failure> {
        const ENDS: [TokenKind<'_>; 3] = [TokenKind::Value, TokenKind::FlowEntry, TokenKind::FlowMappingEnd];
        let start = self.open_brackets()?;
        self.builder.open_mapping(start, &properties)?;
        while self.next_in_brackets(&TokenKind::FlowMappingEnd)? {
            if self.scanner.peek()?.kind == TokenKind::Key {
                let end = self.scanner.take()?.end;
                self.node_or_empty(end, Context::Flow, &ENDS)?;
                self.value(Context::Flow, &ENDS[1..])?;
            } else {
                self.node(Context::Flow)?;
                let at = self.scanner.peek()?.start;
                self.empty(at)?;
            }
            self.comma(&TokenKind::FlowMappingEnd)?;
        }
        self.close_brackets()
    }

    fn open_brackets(&mut self) -> Result<usize, Failure> {
        let start = self.scanner.take()?.start;
        self.brackets.push(start);
        Ok(start)
    }

    fn next_in_brackets(&mut self, end: &TokenKind<'_>) -> Result<bool, Failure> {
        Ok(self.scanner.peek()?.kind != *end)
    }

    /// Between two items stands a comma; before the end there may be one.
    fn comma(&mut self, end: &TokenKind<'_>) -> Result<(), Failure> {
        let kind = &self.scanner.peek()?.kind;
        if *kind == TokenKind::FlowEntry {
            self.scanner.take()?;
        } else if kind != end {
            return self.fail(Mistake::Bracket);
        }
        Ok(())
    }

    fn close_brackets(&mut self) -> Result<(), Failure> {
        self.brackets.pop();
        let end = self.scanner.take()?.end;
        self.builder.close(Some(end))
    }

    /// The mistake is where the next token stands.
    fn fail<T>(&mut self, mistake: Mistake) -> Result<T, Failure> {
        let at = self.scanner.peek()?.start;
        let problem = mistake.problem(self.source, at);
        Err(match self.brackets.last() {
            Some(open) => Box::new(problem.also(&Span::new(self.source, *open, open + 1), "opened here")),
            None => problem,
        })
    }
}
