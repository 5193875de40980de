//! The words inside of a tag or an output, and the strict walk over them.

use super::SyntaxError;

/// A stretch of the template that a tag or output is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Markup<'t> {
    pub(super) text: &'t str,
    /// Its first byte in the template.
    pub(super) at: usize,
}

/// Kinds of words, named as Ruby's messages name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    String,
    Number,
    Comparison,
    DotDot,
    Pipe,
    Dot,
    Colon,
    Comma,
    OpenSquare,
    CloseSquare,
    OpenRound,
    CloseRound,
    Question,
    Dash,
    End,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::String => "string",
            Self::Number => "number",
            Self::Comparison => "comparison",
            Self::DotDot => "dotdot",
            Self::Pipe => "pipe",
            Self::Dot => "dot",
            Self::Colon => "colon",
            Self::Comma => "comma",
            Self::OpenSquare => "open_square",
            Self::CloseSquare => "close_square",
            Self::OpenRound => "open_round",
            Self::CloseRound => "close_round",
            Self::Question => "question",
            Self::Dash => "dash",
            Self::End => "end_of_string",
        }
    }

    fn special(char: char) -> Option<Self> {
        Some(match char {
            '|' => Self::Pipe,
            '.' => Self::Dot,
            ':' => Self::Colon,
            ',' => Self::Comma,
            '[' => Self::OpenSquare,
            ']' => Self::CloseSquare,
            '(' => Self::OpenRound,
            ')' => Self::CloseRound,
            '?' => Self::Question,
            '-' => Self::Dash,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct Word<'t> {
    kind: Kind,
    text: &'t str,
    at: usize,
}

pub(super) fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

pub(super) fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

fn words(markup: Markup<'_>) -> Result<Vec<Word<'_>>, SyntaxError> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        let rest = &markup.text[at..];
        at += rest.len() - rest.trim_start_matches(is_space).len();
        let rest = &markup.text[at..];
        let Some(first) = rest.chars().next() else { break };
        let (kind, length) = word(rest, first)
            .ok_or_else(|| SyntaxError::new(format!("Unexpected character {first}"), markup.at + at))?;
        words.push(Word { kind, text: &rest[..length], at: markup.at + at });
        at += length;
    }
    words.push(Word { kind: Kind::End, text: "", at: markup.at + at });
    Ok(words)
}

/// Kind and length of the word at the start of `rest`.
fn word(rest: &str, first: char) -> Option<(Kind, usize)> {
    if let Some(length) = comparison(rest) {
        return Some((Kind::Comparison, length));
    }
    if first == '\'' || first == '"' {
        return rest[1..].find(first).map(|end| (Kind::String, end + 2));
    }
    if let Some(length) = number(rest) {
        return Some((Kind::Number, length));
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let length = rest.find(|char| !is_word(char) && char != '-').unwrap_or(rest.len());
        return Some((Kind::Id, length + usize::from(rest[length..].starts_with('?'))));
    }
    if rest.starts_with("..") {
        return Some((Kind::DotDot, 2));
    }
    Kind::special(first).map(|kind| (kind, 1))
}

fn comparison(rest: &str) -> Option<usize> {
    for operator in ["==", "!=", "<>", "<=", ">=", "<", ">"] {
        if rest.starts_with(operator) {
            return Some(operator.len());
        }
    }
    let after = rest.strip_prefix("contains")?;
    after.starts_with(is_space).then_some("contains".len())
}

fn number(rest: &str) -> Option<usize> {
    let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(rest.starts_with('-'));
    let whole = digits(sign);
    if whole == 0 {
        return None;
    }
    let end = sign + whole;
    if rest[end..].starts_with('.') {
        let fraction = digits(end + 1);
        if fraction > 0 {
            return Some(end + 1 + fraction);
        }
    }
    Some(end)
}

/// A walk over the words of a markup, as Ruby's strict parser does it.
#[derive(Debug)]
pub(super) struct Words<'t> {
    words: Vec<Word<'t>>,
    next: usize,
    depth: usize,
}

/// Expressions in expressions; more is refused before the stack is.
const MAX_DEPTH: usize = 100;

impl<'t> Words<'t> {
    /// Errors: a character that no word starts with.
    pub(super) fn of(markup: Markup<'t>) -> Result<Self, SyntaxError> {
        Ok(Self { words: words(markup)?, next: 0, depth: 0 })
    }

    fn peek(&self, ahead: usize) -> Word<'t> {
        self.words[(self.next + ahead).min(self.words.len() - 1)]
    }

    /// Whether the word so far ahead is of a kind.
    pub(super) fn look(&self, kind: Kind, ahead: usize) -> bool {
        self.peek(ahead).kind == kind
    }

    fn take(&mut self) -> &'t str {
        let word = self.peek(0);
        self.next += 1;
        word.text
    }

    /// The next word, which must be of a kind.
    pub(super) fn consume(&mut self, kind: Kind) -> Result<&'t str, SyntaxError> {
        let word = self.peek(0);
        if word.kind == kind {
            return Ok(self.take());
        }
        let message = format!("Expected {} but found {}", kind.word(), word.kind.word());
        Err(SyntaxError::new(message, word.at))
    }

    /// The next word if it is of a kind.
    pub(super) fn accept(&mut self, kind: Kind) -> Option<&'t str> {
        self.look(kind, 0).then(|| self.take())
    }

    /// Steps over the next word if it is this name.
    pub(super) fn accept_name(&mut self, name: &str) -> bool {
        let found = self.look(Kind::Id, 0) && self.peek(0).text == name;
        self.next += usize::from(found);
        found
    }

    /// An error at the next word.
    pub(super) fn error(&self, message: &str) -> SyntaxError {
        SyntaxError::new(message, self.peek(0).at)
    }

    /// The text of an expression: a literal, a range, or a variable with what is looked up in it.
    pub(super) fn expression(&mut self) -> Result<String, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error("Nesting too deep"));
        }
        self.depth += 1;
        let expression = self.inner_expression();
        self.depth -= 1;
        expression
    }

    fn inner_expression(&mut self) -> Result<String, SyntaxError> {
        let word = self.peek(0);
        match word.kind {
            Kind::Id => self.variable(),
            Kind::String | Kind::Number => Ok(self.take().to_owned()),
            Kind::OpenRound => {
                self.take();
                let first = self.expression()?;
                self.consume(Kind::DotDot)?;
                let last = self.expression()?;
                self.consume(Kind::CloseRound)?;
                Ok(format!("({first}..{last})"))
            }
            Kind::End => Err(SyntaxError::new("[:end_of_string] is not a valid expression", word.at)),
            kind => Err(SyntaxError::new(
                format!("[:{}, {:?}] is not a valid expression", kind.word(), word.text),
                word.at,
            )),
        }
    }

    fn variable(&mut self) -> Result<String, SyntaxError> {
        let mut text = self.consume(Kind::Id)?.to_owned();
        loop {
            while self.accept(Kind::OpenSquare).is_some() {
                text.push('[');
                text.push_str(&self.expression()?);
                text.push_str(self.consume(Kind::CloseSquare)?);
            }
            if self.accept(Kind::Dot).is_none() {
                return Ok(text);
            }
            text.push('.');
            text.push_str(self.consume(Kind::Id)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(text: &str) -> Result<String, String> {
        let markup = Markup { text, at: 0 };
        let mut words = Words::of(markup).map_err(|error| error.message)?;
        let expression = words.expression().map_err(|error| error.message)?;
        words.consume(Kind::End).map_err(|error| error.message)?;
        Ok(expression)
    }

    #[test]
    fn expressions_are_read_strictly() {
        assert_eq!(expression("env. A-B['x'].y?"), Ok("env.A-B['x'].y?".to_owned()));
        assert_eq!(expression("(1..env.n)"), Ok("(1..env.n)".to_owned()));
        assert_eq!(expression("5."), Err("Expected end_of_string but found dot".to_owned()));
        assert_eq!(expression(".5"), Err("[:dot, \".\"] is not a valid expression".to_owned()));
        assert_eq!(expression("1e3"), Err("Expected end_of_string but found id".to_owned()));
        assert_eq!(expression("'open"), Err("Unexpected character '".to_owned()));
    }
}
