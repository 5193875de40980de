//! The words that the scanner makes of a text.

/// A word of the text, and the bytes that it takes.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Token<'a> {
    pub(in super::super) kind: TokenKind<'a>,
    pub(in super::super) start: usize,
    pub(in super::super) end: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum TokenKind<'a> {
    End,
    Directive(Directive),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    /// `- `
    BlockEntry,
    /// `,`
    FlowEntry,
    /// `? `, or nothing at all before what turned out to be a key.
    Key,
    /// `:`
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    Tag(WrittenTag),
    Scalar {
        text: String,
        style: Style,
    },
}

/// `%YAML 1.1`, `%TAG ! prefix`.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Directive {
    Version {
        major: u32,
    },
    Tag {
        handle: String,
        prefix: String,
    },
    /// Any other: it means nothing.
    Unknown,
}

/// A tag as written: `!!str` has the handle `!!`, `!<...>` has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct WrittenTag {
    pub(in super::super) handle: Option<String>,
    pub(in super::super) suffix: String,
}

/// Whether a scalar is only text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Style {
    /// Unquoted: it may mean a number.
    Plain,
    /// Quoted, or a block.
    Text,
}
