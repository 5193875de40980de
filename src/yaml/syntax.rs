//! What a person reads when a text is not YAML, with one thing to do.

use std::sync::Arc;

use crate::diagnostic::{Problem, Source, Span};

/// What ends the reading of a text. Boxed: it is rare, and every step hands a result on.
pub(super) type Failure = Box<Problem>;

const QUOTE_WHOLE: &str = "quote the whole value, or put it in a block that starts with `|`";
/// How an include is written.
pub(super) const INCLUDE: &str =
    "write it as a key on a line of its own, with a space before the colon: `!include : FILE`";
const INDENTATION: &str = "check the indentation of this line";

/// What is wrong with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    /// A character that no YAML text may hold.
    Character(char),
    /// A tab where only spaces may stand.
    Tab { indents: bool },
    /// A character that no unquoted value may begin with.
    Start(char),
    /// A `: ` where no key can end.
    ColonInside,
    /// A `- ` behind something on its line.
    EntryInside,
    /// A `? ` behind something on its line.
    KeyInside,
    /// What stands where a key must stand is none.
    ColonMissing,
    /// Neither a key of the open mapping nor its end.
    KeyExpected,
    /// Neither an item of the open list nor its end.
    ItemExpected,
    /// Nothing that a value could be.
    ValueExpected,
    /// A list or mapping in brackets that goes on without a comma.
    Bracket,
    /// The end of the text inside of quotes.
    Quote,
    /// `---` or `...` inside of quotes.
    MarkInQuotes,
    /// `\` and a character that makes nothing of it.
    Escape(char),
    /// `\x`, `\u` or `\U` without its digits.
    EscapeDigits(char, usize),
    /// The number of no character.
    EscapeCharacter,
    /// What stands behind `|` or `>`.
    BlockHeader,
    /// `&` without a name.
    Anchor,
    /// `*` without a name.
    Alias,
    /// A name after `*` that nothing has.
    UnknownAnchor,
    /// `!` and what can't be a tag.
    Tag,
    /// A tag's `!word!` that no `%TAG` defines.
    TagHandle,
    /// A line that begins with `%`.
    Directive,
    /// `%YAML 2.0`
    Version,
    /// A directive before anything but `---`.
    DocumentExpected,
    /// A further document.
    SecondDocument,
    /// Something behind the end of the root.
    Trailing,
}

impl Mistake {
    /// The mistake made at a byte of a text.
    pub(super) fn problem(self, source: &Arc<Source>, byte: usize) -> Failure {
        let rest = source.text.get(byte..).unwrap_or_default();
        let width = rest.chars().next().filter(|letter| *letter != '\n').map_or(0, char::len_utf8);
        let problem = Problem::error("yaml-syntax", self.message(), &Span::new(source, byte, byte + width));
        let problem = match self {
            Self::SecondDocument => problem.label("a second one starts here"),
            _ => problem,
        };
        let before = source.text.get(..byte).unwrap_or_default();
        let hint = match self {
            Self::ColonInside if before.trim_end().ends_with(" !include") => Some(INCLUDE),
            _ => self.hint(rest),
        };
        Box::new(match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        })
    }

    fn message(self) -> String {
        let text = match self {
            Self::Character(letter) => {
                return format!("the character U+{:04X} is not allowed", u32::from(letter));
            }
            Self::Start(letter) => return format!("a plain value can't begin with `{letter}`"),
            Self::Escape(letter) => return format!("unknown escape `\\{letter}` in double quotes"),
            Self::EscapeDigits(letter, digits) => return format!("`\\{letter}` needs {digits} hex digits"),
            Self::Tab { indents: true } => "a tab can't be used for indentation",
            Self::Tab { indents: false } => "a tab can't stand here",
            Self::ColonInside => "`: ` is not allowed inside a plain value",
            Self::EntryInside => "a list can't begin on this line",
            Self::KeyInside => "`? ` can't stand here",
            Self::ColonMissing => "a `:` is missing behind this key",
            Self::KeyExpected => "a key was expected here",
            Self::ItemExpected => "a `- ` was expected here",
            Self::ValueExpected => "a value was expected here",
            Self::Bracket => "a `,` or the closing bracket is missing here",
            Self::Quote => "a quote that is never closed",
            Self::MarkInQuotes => "a line in quotes can't begin with `---` or `...`",
            Self::EscapeCharacter => "this escape is no character",
            Self::BlockHeader => "only `+`, `-` and a digit from 1 to 9 may follow `|` or `>`",
            Self::Anchor => "an anchor without a name",
            Self::Alias | Self::UnknownAnchor => "an alias of an anchor that is not there",
            Self::Tag => "a tag that can't be read",
            Self::TagHandle => "a tag with a prefix that is not defined",
            Self::Directive => "a line that begins with `%` must be `%YAML` or `%TAG`",
            Self::Version => "only YAML 1 can be read",
            Self::DocumentExpected => "`---` must follow the lines that begin with `%`",
            Self::SecondDocument => "a file must hold one document",
            Self::Trailing => "the document has ended before this",
        };
        text.to_owned()
    }

    fn hint(self, rest: &str) -> Option<&'static str> {
        Some(match self {
            Self::Tab { indents: true } => "indent with spaces",
            Self::Tab { indents: false } => "write spaces instead of the tab",
            Self::ColonInside => QUOTE_WHOLE,
            Self::Start(_) => "quote the value",
            Self::Alias | Self::UnknownAnchor => "quote the value if it only begins with `*`",
            Self::Anchor => "quote the value if it only begins with `&`",
            Self::Tag | Self::TagHandle => "quote the value if it only begins with `!`",
            Self::Bracket if rest.starts_with('{') => "quote `${...}` inside `[ ]` and `{ }`",
            Self::EntryInside => "begin the list on a line of its own",
            Self::KeyExpected | Self::ItemExpected | Self::ColonMissing | Self::Trailing => INDENTATION,
            Self::MarkInQuotes => "indent the line",
            Self::Escape(_) => "write `\\\\` for a backslash, or use single quotes",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Dialect, parse};

    /// `LINE:COLUMN MESSAGE; HINT` of the only problem.
    fn shown(text: &str) -> String {
        let parsed = parse(&Source::new("a.dig", text), Dialect::Digdag);
        assert_eq!(parsed.node, None, "{text}");
        let [problem] = parsed.problems.as_slice() else { panic!("{text}: {:?}", parsed.problems) };
        let place = problem.span.as_ref().map(|span| format!("{}:{}", span.line(), span.column()));
        let hint = problem.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{} {}{hint}", place.unwrap_or_default(), problem.message)
    }

    #[test]
    fn each_mistake_is_named_where_it_is_made() {
        const ALIAS: &str =
            "an alias of an anchor that is not there; quote the value if it only begins with `*`";
        const COLON: &str = "`: ` is not allowed inside a plain value; quote the whole value, or put it in a block \
            that starts with `|`";
        const DIRECTIVE: &str = "a line that begins with `%` must be `%YAML` or `%TAG`";
        const BLOCK: &str = "only `+`, `-` and a digit from 1 to 9 may follow `|` or `>`";
        const KEY: &str = "a key was expected here; check the indentation of this line";
        const TAG: &str = "a tag that can't be read; quote the value if it only begins with `!`";
        for (text, place, message) in [
            ("a: 1\nb: \u{7}\n", "2:4", "the character U+0007 is not allowed"),
            ("+a:\n\tsh>: echo 1\n", "2:1", "a tab can't be used for indentation; indent with spaces"),
            ("a:\tb\n", "1:3", "a tab can't stand here; write spaces instead of the tab"),
            ("a: %x\n", "1:4", "a plain value can't begin with `%`; quote the value"),
            ("a: @x\n", "1:4", "a plain value can't begin with `@`; quote the value"),
            ("+a:\n  sh>: echo ${true ? \"a\" : \"b\"}\n", "2:26", COLON),
            ("+b:\n  x: 日本: 1\n", "2:8", COLON),
            ("a: - b\n", "1:4", "a list can't begin on this line; begin the list on a line of its own"),
            ("a: ? b\n", "1:4", "`? ` can't stand here"),
            ("a: 1\nb\n", "2:1", "a `:` is missing behind this key; check the indentation of this line"),
            ("+a:\n  sh>: x\n +b: 1\n", "3:2", KEY),
            ("a: 'x'\n  'y': 1\n", "2:3", KEY),
            ("a: 'x' y\n", "1:8", KEY),
            (": 1\n", "1:1", KEY),
            ("- a\nb: 1\n", "2:1", "a `- ` was expected here; check the indentation of this line"),
            ("a: [, b]\n", "1:5", "a value was expected here"),
            ("a: }\n", "1:4", "a value was expected here"),
            ("a: [b\n", "2:1", "a `,` or the closing bracket is missing here"),
            ("a: {b: 'x' c: 2}\n", "1:12", "a `,` or the closing bracket is missing here"),
            (
                "v: [${x}]\n",
                "1:6",
                "a `,` or the closing bracket is missing here; quote `${...}` inside `[ ]` and `{ }`",
            ),
            ("a: 'x\n", "1:4", "a quote that is never closed"),
            ("a: \"x\\", "1:4", "a quote that is never closed"),
            ("a: 'x\n---\n'\n", "2:1", "a line in quotes can't begin with `---` or `...`; indent the line"),
            (
                "a: \"x\\d\"\n",
                "1:6",
                "unknown escape `\\d` in double quotes; write `\\\\` for a backslash, or use single quotes",
            ),
            ("a: \"x\\u12\"\n", "1:6", "`\\u` needs 4 hex digits"),
            ("a: \"\\ud83d\"\n", "1:5", "this escape is no character"),
            ("a: \"\\U00110000\"\n", "1:5", "this escape is no character"),
            ("a: |x\n", "1:5", BLOCK),
            ("a: |0\n", "1:5", BLOCK),
            ("a: | x\n", "1:6", BLOCK),
            ("a: &\n", "1:4", "an anchor without a name; quote the value if it only begins with `&`"),
            ("cron>: */5 * * * *\n", "1:8", ALIAS),
            ("a: *x\n", "1:4", ALIAS),
            ("a: !<x\n", "1:4", TAG),
            ("a: !x{}\n", "1:4", TAG),
            (
                "a: !x!y z\n",
                "1:4",
                "a tag with a prefix that is not defined; quote the value if it only begins with `!`",
            ),
            ("%\n", "1:1", DIRECTIVE),
            ("%YAML x\n---\n", "1:1", DIRECTIVE),
            ("%YAML 2.0\n---\n", "1:1", "only YAML 1 can be read"),
            ("%YAML 1.1\na: 1\n", "2:1", "`---` must follow the lines that begin with `%`"),
            ("+a:\n  x: 1\n---\n+b: 1\n", "3:1", "a file must hold one document"),
            ("[a]\nb\n", "2:1", "the document has ended before this; check the indentation of this line"),
        ] {
            assert_eq!(shown(text), format!("{place} {message}"), "{text}");
        }
    }
}
