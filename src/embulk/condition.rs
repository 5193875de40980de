//! The language of `where` in the `row` filter: columns compared with literals, `AND`, `OR`, `NOT`, `( )`.

use super::filter::{Comparison, Condition, Literal, Operator, Reading};
use super::pattern::{self, Pattern};
use super::zone::Zone;

/// Formats of timestamps in `where`, tried in this order.
const FORMATS: [&str; 6] = [
    "%Y-%m-%d %H:%M:%S.%N %z",
    "%Y-%m-%d %H:%M:%S.%N",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %z",
    "%Y-%m-%d",
];

/// More parentheses and `NOT`s than this, one in another, are refused.
const DEEPEST: usize = 200;

/// What is wrong with a condition, in words of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCondition(String);

fn bad<T>(message: impl Into<String>) -> Result<T, BadCondition> {
    Err(BadCondition(message.into()))
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(&'static str),
    Column(String),
    Text(String),
    Number(f64),
    Boolean(bool),
}

/// Words and signs, the longer ones first.
const SIGNS: [(&str, &str); 9] = [
    ("<>", "!="),
    ("!=", "!="),
    (">=", ">="),
    ("<=", "<="),
    ("=", "="),
    (">", ">"),
    ("<", "<"),
    ("(", "("),
    (")", ")"),
];
const WORDS: [&str; 10] =
    ["AND", "OR", "NOT", "IS", "NULL", "START_WITH", "END_WITH", "INCLUDE", "REGEXP", "TIMESTAMP"];

/// Parses a condition.
pub fn parse(text: &str) -> Result<Condition, BadCondition> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let condition = parser.any()?;
    match parser.peek() {
        None => Ok(condition),
        Some(token) => bad(format!("{} is one too many", shown(token))),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, BadCondition> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if matches!(first, ' ' | '\t' | '\n' | '\r') {
            rest = &rest[1..];
        } else if let Some((sign, meaning)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            found.push(Token::Word(meaning));
            rest = &rest[sign.len()..];
        } else if first == '\'' || first == '"' {
            let (inside, after) = quoted(&rest[1..], first)?;
            found.push(if first == '"' { Token::Column(inside) } else { Token::Text(inside) });
            rest = after;
        } else if first.is_ascii_digit() || first == '-' {
            let (number, after) = number(rest)?;
            found.push(Token::Number(number));
            rest = after;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|char: char| !char.is_ascii_alphanumeric() && !matches!(char, '_' | '-'));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            found.push(match word {
                "true" | "TRUE" => Token::Boolean(true),
                "false" | "FALSE" => Token::Boolean(false),
                _ => match WORDS.iter().find(|known| **known == word) {
                    Some(known) => Token::Word(known),
                    None => Token::Column(word.to_owned()),
                },
            });
            rest = after;
        } else {
            return bad(format!("`{first}` means nothing there"));
        }
    }
    Ok(found)
}

fn quoted(text: &str, quote: char) -> Result<(String, &str), BadCondition> {
    let mut inside = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            _ if char == quote => return Ok((inside, &text[at + 1..])),
            '\n' | '\r' => break,
            '\\' => inside.push(match chars.next().map(|(_, char)| char) {
                Some(char @ ('"' | '\'' | '\\')) => char,
                Some('b') if quote == '\'' => '\u{8}',
                Some('t') if quote == '\'' => '\t',
                Some('n') if quote == '\'' => '\n',
                Some('f') if quote == '\'' => '\u{c}',
                Some('r') if quote == '\'' => '\r',
                Some(other) => return bad(format!("`\\{other}` is no escape; a backslash itself is `\\\\`")),
                None => break,
            }),
            _ => inside.push(char),
        }
    }
    bad(format!("a {quote} is not closed on its line"))
}

fn number(text: &str) -> Result<(f64, &str), BadCondition> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(text.starts_with('-'));
    let mut end = sign + digits(&text[sign..]);
    if text[end..].starts_with('.') && digits(&text[end + 1..]) > 0 {
        end += 1 + digits(&text[end + 1..]);
    }
    match text[..end].parse() {
        Ok(number) => Ok((number, &text[end..])),
        Err(_) => bad("`-` means nothing there"),
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Column(name) => format!("`{name}`"),
        Token::Text(text) => format!("`'{text}'`"),
        Token::Number(number) => format!("`{number}`"),
        Token::Boolean(value) => format!("`{value}`"),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(known)) if *known == word);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self, wanted: &str) -> Result<Token, BadCondition> {
        let Some(token) = self.tokens.get(self.at).cloned() else {
            return bad(format!("it ends where {wanted} is needed"));
        };
        self.at += 1;
        Ok(token)
    }

    fn any(&mut self) -> Result<Condition, BadCondition> {
        let mut parts = vec![self.all()?];
        while self.take("OR") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any(parts) })
    }

    fn all(&mut self) -> Result<Condition, BadCondition> {
        let mut parts = vec![self.one()?];
        while self.take("AND") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All(parts) })
    }

    fn one(&mut self) -> Result<Condition, BadCondition> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return bad(format!("more than {DEEPEST} conditions stand one in another"));
        }
        let condition = if self.take("NOT") {
            Condition::Not(Box::new(self.one()?))
        } else if self.take("(") {
            let inside = self.any()?;
            if !self.take(")") {
                return match self.peek() {
                    Some(token) => bad(format!("{} stands where `)` is needed", shown(token))),
                    None => bad("it ends where `)` is needed"),
                };
            }
            inside
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, BadCondition> {
        let first = self.next("a column or a literal")?;
        let Token::Column(column) = first else {
            let literal = self.literal(first)?;
            let operator = reversed(self.operator()?)?;
            return match self.next("a column")? {
                Token::Column(column) => compare(column, operator, literal),
                other => bad(format!("{} stands where a column is needed", shown(&other))),
            };
        };
        if self.take("IS") {
            let not = self.take("NOT");
            if !self.take("NULL") {
                return bad("`NULL` is needed after `IS`");
            }
            let null = Condition::Null { column };
            return Ok(if not { Condition::Not(Box::new(null)) } else { null });
        }
        let operator = self.operator()?;
        let literal = self.next("a literal")?;
        let literal = self.literal(literal)?;
        compare(column, operator, literal)
    }

    fn operator(&mut self) -> Result<Operator, BadCondition> {
        let token = self.next("an operator")?;
        Ok(match &token {
            Token::Word("=") => Operator::Equal,
            Token::Word("!=") => Operator::NotEqual,
            Token::Word(">") => Operator::Greater,
            Token::Word(">=") => Operator::GreaterOrEqual,
            Token::Word("<") => Operator::Less,
            Token::Word("<=") => Operator::LessOrEqual,
            Token::Word("START_WITH") => Operator::StartWith,
            Token::Word("END_WITH") => Operator::EndWith,
            Token::Word("INCLUDE") => Operator::Include,
            Token::Word("REGEXP") => Operator::Regexp,
            other => return bad(format!("{} stands where an operator is needed", shown(other))),
        })
    }

    fn literal(&mut self, token: Token) -> Result<Literal, BadCondition> {
        Ok(match token {
            Token::Text(text) => Literal::Text(text),
            Token::Number(number) => Literal::Number(number),
            Token::Boolean(value) => Literal::Boolean(value),
            Token::Word("TIMESTAMP") => match self.next("a timestamp")? {
                Token::Text(text) => Literal::TimestampText(text),
                Token::Number(number) => Literal::TimestampNumber(number),
                other => return bad(format!("{} stands where a timestamp is needed", shown(&other))),
            },
            other => return bad(format!("{} stands where a literal is needed", shown(&other))),
        })
    }
}

/// The operator with its sides exchanged.
fn reversed(operator: Operator) -> Result<Operator, BadCondition> {
    Ok(match operator {
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        Operator::StartWith => Operator::StartsLiteral,
        Operator::EndWith => Operator::EndsLiteral,
        Operator::Include => Operator::InLiteral,
        Operator::Regexp => return bad("the pattern of `REGEXP` stands on its right"),
        other => other,
    })
}

fn compare(column: String, operator: Operator, literal: Literal) -> Result<Condition, BadCondition> {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual, Regexp};
    let ordered = matches!(operator, Equal | NotEqual | Greater | GreaterOrEqual | Less | LessOrEqual);
    let literal = match literal {
        Literal::Text(text) if operator == Regexp => match pattern::compile_ruby(&text) {
            Ok(pattern) => Literal::Pattern(Pattern(pattern)),
            Err(error) => return bad(format!("the pattern of `REGEXP` cannot be used: it {error}")),
        },
        Literal::Text(_) => literal,
        Literal::Boolean(_) if !matches!(operator, Equal | NotEqual) => {
            return bad("`true` and `false` go with `=` and `!=` alone");
        }
        _ if !ordered => return bad("`START_WITH`, `END_WITH`, `INCLUDE` and `REGEXP` go with text alone"),
        _ => literal,
    };
    let reading = Reading { formats: FORMATS.map(str::to_owned).to_vec(), zone: Zone::utc() };
    Ok(Condition::Compare(Comparison { column, operator, literal, reading }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A condition in fewer words.
    fn brief(condition: &Condition) -> String {
        let list = |parts: &[Condition]| parts.iter().map(brief).collect::<Vec<_>>().join(" ");
        match condition {
            Condition::All(parts) => format!("(and {})", list(parts)),
            Condition::Any(parts) => format!("(or {})", list(parts)),
            Condition::Not(part) => format!("(not {})", brief(part)),
            Condition::Null { column } => format!("(null {column})"),
            Condition::Compare(Comparison { column, operator, literal, .. }) => {
                format!("({operator:?} {column} {literal:?})")
            }
        }
    }

    #[test]
    fn conditions_in_every_form() {
        for (text, expected) in [
            ("a = 1", "(Equal a Number(1.0))"),
            ("a <> -1.5", "(NotEqual a Number(-1.5))"),
            ("5 > a", "(Less a Number(5.0))"),
            ("'x' START_WITH a", "(StartsLiteral a Text(\"x\"))"),
            ("\"a b\" INCLUDE 'it\\'s\\n'", "(Include a b Text(\"it's\\n\"))"),
            ("a IS NULL", "(null a)"),
            ("NOT a IS NOT NULL", "(not (not (null a)))"),
            ("t >= TIMESTAMP '2015-07-13'", "(GreaterOrEqual t TimestampText(\"2015-07-13\"))"),
            ("TIMESTAMP 12.5 = t", "(Equal t TimestampNumber(12.5))"),
            ("a=TRUE", "(Equal a Boolean(true))"),
            (
                "a = 1 OR b = 2 AND NOT c = 3 OR d = 4",
                "(or (Equal a Number(1.0)) (and (Equal b Number(2.0)) (not (Equal c Number(3.0)))) (Equal d Number(4.0)))",
            ),
            (
                "(a = 1\n OR b != 2) AND c <= 3",
                "(and (or (Equal a Number(1.0)) (NotEqual b Number(2.0))) (LessOrEqual c Number(3.0)))",
            ),
        ] {
            assert_eq!(parse(text).map(|condition| brief(&condition)).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("", "it ends where a column or a literal is needed"),
            ("a", "it ends where an operator is needed"),
            ("a =", "it ends where a literal is needed"),
            ("a = b", "`b` stands where a literal is needed"),
            ("1 = 2", "`2` stands where a column is needed"),
            ("a = 1 b = 2", "`b` is one too many"),
            ("(a = 1", "it ends where `)` is needed"),
            ("a IS 1", "`NULL` is needed after `IS`"),
            ("a # 1", "`#` means nothing there"),
            ("a = 'x", "a ' is not closed on its line"),
            ("a = '\\d'", "`\\d` is no escape; a backslash itself is `\\\\`"),
            ("a > true", "`true` and `false` go with `=` and `!=` alone"),
            ("a INCLUDE 1", "`START_WITH`, `END_WITH`, `INCLUDE` and `REGEXP` go with text alone"),
            ("'x' REGEXP a", "the pattern of `REGEXP` stands on its right"),
            (
                "a REGEXP '(?=x)'",
                "the pattern of `REGEXP` cannot be used: it has the lookahead `(?=...)`, which is not supported",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
        }
        assert_eq!(
            parse(&"NOT ".repeat(1000)).unwrap_err().to_string(),
            "more than 200 conditions stand one in another"
        );
    }
}
