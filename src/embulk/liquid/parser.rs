//! Templates to nodes, as strict as Ruby's Liquid with `error_mode: :strict`.

use std::sync::LazyLock;

use regex::Regex;

use super::SyntaxError;
use super::condition::{Comparison, Condition, Join};
use super::expression::Expression;
use super::lexer::{Kind, Markup, Words, is_space, is_word};
use super::node::{
    Blankness, Body, Branch, CaseBranch, CycleName, Direction, FilterCall, For, Node, Offset, Tag, Test,
    Variable,
};
use super::tokenizer::{Token, tokenize};
use super::value::Value;

/// Blocks in blocks; more is refused, as in Ruby, before the stack is.
const MAX_DEPTH: usize = 100;

/// A quoted text, or anything without space, comma, bar and quotes: Ruby's `QuotedFragment`.
const FRAGMENT: &str = r#"(?:"[^"]*"|'[^']*'|(?:[^\s,\|'"]|"[^"]*"|'[^']*')+)"#;

fn pattern(text: &str) -> Regex {
    // Constant patterns: they compile always, or the tests fail.
    Regex::new(text).expect("constant pattern")
}

static ASSIGN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?s)((?:\(?[0-9A-Za-z_\-.\[\]]\)?)+)\s*=\s*(.*)\s*"));
static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:\(?[0-9A-Za-z_\-.\[\]]\)?)+"));
static SUBJECT: LazyLock<Regex> = LazyLock::new(|| pattern(FRAGMENT));
static WHEN: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?s)({FRAGMENT})(?:(?:\s+or\s+|\s*,\s*)({FRAGMENT}.*))?")));
static CYCLE_NAMED: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?s)^({FRAGMENT})\s*:\s*(.*)")));
static INCLUDE: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"({FRAGMENT}+)(?:\s+(?:with|for)\s+({FRAGMENT}+))?")));
static ATTRIBUTE: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"([0-9A-Za-z_]+)\s*:\s*({FRAGMENT})")));
static TABLEROW: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"([0-9A-Za-z_]+)\s+in\s+({FRAGMENT}+)")));
static RAW_END: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)^(.*)\{%\s*([0-9A-Za-z_]+)\s*(.*?)%\}$"));

/// Parses a whole template.
pub(super) fn parse(template: &str) -> Result<Body, SyntaxError> {
    let mut parser = Parser { tokens: tokenize(template), next: 0, trim: Trim::Keep, depth: 0 };
    match parser.body()? {
        (body, None) => Ok(body),
        (_, Some(end)) => Err(match end.name {
            "else" | "end" => SyntaxError::new(format!("Unexpected outer '{}' tag", end.name), end.at),
            name => SyntaxError::new(format!("Unknown tag '{name}'"), end.at),
        }),
    }
}

/// What `-` asks of the text that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trim {
    Keep,
    Next,
}

struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    next: usize,
    trim: Trim,
    depth: usize,
}

/// A tag that no body knows: the end of a block, or one of its branches.
#[derive(Debug, Clone, Copy)]
struct Delimiter<'t> {
    name: &'t str,
    markup: Markup<'t>,
    at: usize,
}

/// The name and the rest of a tag; none for what is no tag.
fn tag_parts<'t>(token: Token<'t>) -> Option<(&'t str, Markup<'t>)> {
    let inner = token.text.strip_prefix("{%")?.strip_suffix("%}")?;
    let mut at = token.at + 2;
    let mut rest = inner;
    if let Some(stripped) = rest.strip_prefix('-') {
        rest = stripped;
        at += 1;
    }
    let trimmed = rest.trim_start_matches(is_space);
    at += rest.len() - trimmed.len();
    let length = trimmed.find(|char| !is_word(char)).unwrap_or(trimmed.len());
    if length == 0 {
        return None;
    }
    let (name, rest) = trimmed.split_at(length);
    let markup = rest.trim_start_matches(is_space);
    at += length + rest.len() - markup.len();
    let markup = markup.strip_suffix('-').unwrap_or(markup);
    Some((name, Markup { text: markup, at }))
}

/// What is inside of an output; none when it is not closed by `}}`.
fn output_markup<'t>(token: Token<'t>) -> Option<Markup<'t>> {
    let inner = token.text.strip_prefix("{{")?.strip_suffix("}}")?;
    let (inner, at) = inner.strip_prefix('-').map_or((inner, token.at + 2), |rest| (rest, token.at + 3));
    Some(Markup { text: inner.strip_suffix('-').unwrap_or(inner), at })
}

fn trimmed<'t>(markup: Markup<'t>) -> &'t str {
    markup.text.trim_matches(is_space)
}

impl<'t> Parser<'t> {
    fn shift(&mut self) -> Option<Token<'t>> {
        let token = self.tokens.get(self.next).copied();
        self.next += 1;
        token
    }

    /// Nodes up to the end or to a tag that is no tag of its own.
    fn body(&mut self) -> Result<(Body, Option<Delimiter<'t>>), SyntaxError> {
        self.depth += 1;
        let result = self.nodes();
        self.depth -= 1;
        result
    }

    fn nodes(&mut self) -> Result<(Body, Option<Delimiter<'t>>), SyntaxError> {
        let mut body = Body::default();
        while let Some(token) = self.shift() {
            if self.depth > MAX_DEPTH {
                return Err(SyntaxError::new("Nesting too deep", token.at));
            }
            if token.text.starts_with("{%") {
                self.whitespace(token, &mut body);
                let (name, markup) = tag_parts(token).ok_or_else(|| {
                    let message =
                        format!("Tag '{}' was not properly terminated with regexp: /\\%\\}}/", token.text);
                    SyntaxError::new(message, token.at)
                })?;
                let Some((tag, blankness)) = self.tag(name, markup, token)? else {
                    return Ok((body, Some(Delimiter { name, markup, at: token.at })));
                };
                body.blankness = body.blankness.and(blankness);
                body.nodes.push(Node::Tag { tag, at: token.at, length: token.text.len() });
            } else if token.text.starts_with("{{") {
                self.whitespace(token, &mut body);
                let markup = output_markup(token).ok_or_else(|| {
                    let message = format!(
                        "Variable '{}' was not properly terminated with regexp: /\\}}\\}}/",
                        token.text
                    );
                    SyntaxError::new(message, token.at)
                })?;
                body.blankness = Blankness::Visible;
                body.nodes.push(Node::Output {
                    variable: variable(markup)?,
                    at: token.at,
                    length: token.text.len(),
                });
            } else {
                self.text(token, &mut body);
            }
        }
        Ok((body, None))
    }

    fn text(&mut self, token: Token<'t>, body: &mut Body) {
        let mut text = token.text;
        if self.trim == Trim::Next {
            text = text.trim_start_matches(is_space);
        }
        self.trim = Trim::Keep;
        if !text.trim_matches(is_space).is_empty() {
            body.blankness = Blankness::Visible;
        }
        let at = token.at + token.text.len() - text.len();
        body.nodes.push(Node::Text { text: text.to_owned(), at });
    }

    /// `-` at the start of a tag trims the text before it, `-` at its end the text after it.
    fn whitespace(&mut self, token: Token<'t>, body: &mut Body) {
        let bytes = token.text.as_bytes();
        if bytes.get(2) == Some(&b'-')
            && let Some(Node::Text { text, .. }) = body.nodes.last_mut()
        {
            text.truncate(text.trim_end_matches(|char| is_space(char) || char == '\0').len());
        }
        let third_last = bytes.len().checked_sub(3).map(|at| bytes[at]);
        self.trim = if third_last == Some(b'-') { Trim::Next } else { Trim::Keep };
    }

    /// A tag with its blocks; none for a name that is no tag.
    fn tag(
        &mut self,
        name: &str,
        markup: Markup<'t>,
        token: Token<'t>,
    ) -> Result<Option<(Tag, Blankness)>, SyntaxError> {
        let visible = |tag| Ok(Some((tag, Blankness::Visible)));
        match name {
            "assign" => assign(markup).map(|tag| Some((tag, Blankness::Blank))),
            "capture" => self.capture(markup, token).map(|tag| Some((tag, Blankness::Blank))),
            "comment" => self.comment(token).map(|()| Some((Tag::Comment, Blankness::Blank))),
            "if" | "unless" => self.conditional(name, markup, token).map(Some),
            "case" => self.case(markup, token).map(Some),
            "for" => self.for_loop(markup, token).map(Some),
            "tablerow" => self.tablerow(markup, token).map(Some),
            "ifchanged" => {
                let body = self.block("ifchanged", token)?;
                let blankness = body.blankness;
                Ok(Some((Tag::IfChanged(body), blankness)))
            }
            "raw" => self.raw(markup, token).map(Some),
            "cycle" => visible(cycle(markup)?),
            "include" => visible(include(markup)?),
            "increment" => visible(Tag::Increment(trimmed(markup).to_owned())),
            "decrement" => visible(Tag::Decrement(trimmed(markup).to_owned())),
            "break" => visible(Tag::Break),
            "continue" => visible(Tag::Continue),
            _ => Ok(None),
        }
    }

    /// The body of a block that has no branches.
    fn block(&mut self, name: &str, token: Token<'t>) -> Result<Body, SyntaxError> {
        match self.branch(name, token)? {
            (body, None) => Ok(body),
            (_, Some(end)) => Err(unknown(name, end)),
        }
    }

    /// A body of a block: up to its end (none) or to another tag.
    fn branch(&mut self, name: &str, token: Token<'t>) -> Result<(Body, Option<Delimiter<'t>>), SyntaxError> {
        let (body, end) = self.body()?;
        match end {
            None => Err(SyntaxError::new(format!("'{name}' tag was never closed"), token.at)),
            Some(end) if end.name.strip_prefix("end") == Some(name) => Ok((body, None)),
            Some(end) => Ok((body, Some(end))),
        }
    }

    fn capture(&mut self, markup: Markup<'t>, token: Token<'t>) -> Result<Tag, SyntaxError> {
        let name = NAME.find(markup.text).ok_or_else(|| {
            SyntaxError::new("Syntax Error in 'capture' - Valid syntax: capture [var]", markup.at)
        })?;
        let name = name.as_str().to_owned();
        Ok(Tag::Capture { name, body: self.block("capture", token)? })
    }

    /// Comments are parsed like everything else; only tags that are unknown in them do not matter.
    fn comment(&mut self, token: Token<'t>) -> Result<(), SyntaxError> {
        while self.branch("comment", token)?.1.is_some() {}
        Ok(())
    }

    fn conditional(
        &mut self,
        name: &str,
        markup: Markup<'t>,
        token: Token<'t>,
    ) -> Result<(Tag, Blankness), SyntaxError> {
        let first = condition(markup)?;
        let mut test = if name == "if" { Test::If(first) } else { Test::Unless(first) };
        let mut branches = Vec::new();
        let mut blankness = Blankness::Blank;
        loop {
            let (body, end) = self.branch(name, token)?;
            blankness = blankness.and(body.blankness);
            branches.push(Branch { test, body });
            test = match end {
                None => return Ok((Tag::If { branches, blankness }, blankness)),
                Some(end) if end.name == "else" => Test::Else,
                Some(end) if end.name == "elsif" => Test::If(condition(end.markup)?),
                Some(end) => return Err(unknown(name, end)),
            };
        }
    }

    fn case(&mut self, markup: Markup<'t>, token: Token<'t>) -> Result<(Tag, Blankness), SyntaxError> {
        let subject = SUBJECT.find(markup.text).ok_or_else(|| {
            SyntaxError::new("Syntax Error in 'case' - Valid syntax: case [condition]", markup.at)
        })?;
        let subject = Expression::parse(subject.as_str());
        let mut branches: Vec<CaseBranch> = Vec::new();
        let (body, mut end) = self.branch("case", token)?;
        let mut blankness = body.blankness;
        while let Some(branch) = end {
            let values = match branch.name {
                "when" => Some(when(branch.markup)?),
                "else" if trimmed(branch.markup).is_empty() => None,
                "else" => {
                    let message =
                        "Syntax Error in tag 'case' - Valid else condition: {% else %} (no parameters) ";
                    return Err(SyntaxError::new(message, branch.markup.at));
                }
                _ => return Err(unknown("case", branch)),
            };
            let (body, next) = self.branch("case", token)?;
            blankness = blankness.and(body.blankness);
            branches.push(CaseBranch { values, body });
            end = next;
        }
        Ok((Tag::Case { subject, branches, blankness }, blankness))
    }

    fn for_loop(&mut self, markup: Markup<'t>, token: Token<'t>) -> Result<(Tag, Blankness), SyntaxError> {
        let mut head = for_head(markup).map_err(|error| error.within(trimmed(markup)))?;
        let (body, mut end) = self.branch("for", token)?;
        head.blankness = body.blankness;
        head.body = body;
        while let Some(branch) = end {
            if branch.name != "else" {
                return Err(unknown("for", branch));
            }
            let (body, next) = self.branch("for", token)?;
            head.blankness = head.blankness.and(body.blankness);
            head.otherwise = Some(body);
            end = next;
        }
        let blankness = head.blankness;
        Ok((Tag::For(Box::new(head)), blankness))
    }

    fn tablerow(&mut self, markup: Markup<'t>, token: Token<'t>) -> Result<(Tag, Blankness), SyntaxError> {
        let found = TABLEROW.captures(markup.text).ok_or_else(|| {
            let message =
                "Syntax Error in 'table_row loop' - Valid syntax: table_row [item] in [collection] cols=3";
            SyntaxError::new(message, markup.at)
        })?;
        let (name, collection) = (found[1].to_owned(), Expression::parse(&found[2]));
        let attributes = attributes(markup.text);
        let body = self.block("tablerow", token)?;
        let blankness = body.blankness;
        Ok((Tag::Tablerow { name, collection, attributes, body }, blankness))
    }

    fn raw(&mut self, markup: Markup<'t>, token: Token<'t>) -> Result<(Tag, Blankness), SyntaxError> {
        if !trimmed(markup).is_empty() {
            return Err(SyntaxError::new("Syntax Error in 'raw' - Valid syntax: raw", markup.at));
        }
        let mut text = String::new();
        let at = token.at + token.text.len();
        while let Some(token) = self.shift() {
            if let Some(found) = RAW_END.captures(token.text) {
                text.push_str(&found[1]);
                if &found[2] == "endraw" {
                    let blankness = if text.is_empty() { Blankness::Blank } else { Blankness::Visible };
                    return Ok((Tag::Raw { text, at }, blankness));
                }
            }
            text.push_str(token.text);
        }
        Err(SyntaxError::new("'raw' tag was never closed", token.at))
    }
}

/// What Ruby says of a tag that a block does not know.
fn unknown(block: &str, end: Delimiter<'_>) -> SyntaxError {
    let name = end.name;
    let message = if name == "else" {
        format!("{block} tag does not expect 'else' tag")
    } else if name.starts_with("end") {
        format!("'{name}' is not a valid delimiter for {block} tags. use end{block}")
    } else {
        format!("Unknown tag '{name}'")
    };
    SyntaxError::new(message, end.at)
}

/// An expression with filters, up to its end.
fn variable(markup: Markup<'_>) -> Result<Variable, SyntaxError> {
    strict_variable(markup).map_err(|error| error.within(&format!("{{{{{}}}}}", markup.text)))
}

fn strict_variable(markup: Markup<'_>) -> Result<Variable, SyntaxError> {
    let mut words = Words::of(markup)?;
    let expression = Expression::parse(&words.expression()?);
    let mut filters = Vec::new();
    while words.accept(Kind::Pipe).is_some() {
        let name = words.consume(Kind::Id)?.to_owned();
        let mut call = FilterCall { name, arguments: Vec::new(), named: Vec::new() };
        if words.accept(Kind::Colon).is_some() {
            argument(&mut words, &mut call)?;
            while words.accept(Kind::Comma).is_some() {
                argument(&mut words, &mut call)?;
            }
        }
        filters.push(call);
    }
    words.consume(Kind::End)?;
    Ok(Variable { expression, filters })
}

fn argument(words: &mut Words<'_>, call: &mut FilterCall) -> Result<(), SyntaxError> {
    if words.look(Kind::Id, 0) && words.look(Kind::Colon, 1) {
        let name = words.consume(Kind::Id)?.to_owned();
        words.consume(Kind::Colon)?;
        call.named.push((name, Expression::parse(&words.expression()?)));
    } else {
        call.arguments.push(Expression::parse(&words.expression()?));
    }
    Ok(())
}

fn condition(markup: Markup<'_>) -> Result<Condition, SyntaxError> {
    let parse = || {
        let mut words = Words::of(markup)?;
        let mut comparisons = vec![comparison(&mut words)?];
        let mut joins = Vec::new();
        loop {
            if words.accept_name("and") {
                joins.push(Join::And);
            } else if words.accept_name("or") {
                joins.push(Join::Or);
            } else {
                break;
            }
            comparisons.push(comparison(&mut words)?);
        }
        words.consume(Kind::End)?;
        Ok((comparisons, joins))
    };
    let (mut comparisons, mut joins) = parse().map_err(|error: SyntaxError| error.within(trimmed(markup)))?;
    let mut chain = comparisons.pop();
    while let (Some(mut condition), Some(join)) = (comparisons.pop(), joins.pop()) {
        condition.next = chain.map(|next| (join, Box::new(next)));
        chain = Some(condition);
    }
    chain.ok_or_else(|| SyntaxError::new("[:end_of_string] is not a valid expression", markup.at))
}

fn comparison(words: &mut Words<'_>) -> Result<Condition, SyntaxError> {
    let left = Expression::parse(&words.expression()?);
    let comparison = match words.accept(Kind::Comparison) {
        Some(word) => Some((Comparison::of(word), Expression::parse(&words.expression()?))),
        None => None,
    };
    Ok(Condition { left, comparison, next: None })
}

fn assign(markup: Markup<'_>) -> Result<Tag, SyntaxError> {
    let found = ASSIGN.captures(markup.text).ok_or_else(|| {
        SyntaxError::new("Syntax Error in 'assign' - Valid syntax: assign [var] = [source]", markup.at)
    })?;
    let name = found[1].to_owned();
    let value = found
        .get(2)
        .map_or(markup, |value| Markup { text: &markup.text[value.range()], at: markup.at + value.start() });
    Ok(Tag::Assign { name, value: variable(value)? })
}

fn when(markup: Markup<'_>) -> Result<Vec<Expression>, SyntaxError> {
    let mut values = Vec::new();
    let mut rest = Some(markup.text);
    while let Some(text) = rest {
        let found = WHEN.captures(text).ok_or_else(|| {
            let message =
                "Syntax Error in tag 'case' - Valid when condition: {% when [condition] [or condition2...] %}";
            SyntaxError::new(message, markup.at)
        })?;
        values.push(Expression::parse(&found[1]));
        rest = found.get(2).map(|more| &text[more.range()]);
    }
    Ok(values)
}

fn for_head(markup: Markup<'_>) -> Result<For, SyntaxError> {
    let mut words = Words::of(markup)?;
    let variable = words.consume(Kind::Id)?.to_owned();
    if !words.accept_name("in") {
        return Err(words.error("For loops require an 'in' clause"));
    }
    let collection = words.expression()?;
    let direction = if words.accept_name("reversed") { Direction::Reversed } else { Direction::Forward };
    let mut head = For {
        name: format!("{variable}-{collection}"),
        variable,
        collection: Expression::parse(&collection),
        limit: None,
        offset: None,
        direction,
        body: Body::default(),
        otherwise: None,
        blankness: Blankness::Blank,
    };
    while words.look(Kind::Id, 0) && words.look(Kind::Colon, 1) {
        let is_limit = words.accept_name("limit");
        if !is_limit && !words.accept_name("offset") {
            return Err(words.error("Invalid attribute in for loop. Valid attributes are limit and offset"));
        }
        words.consume(Kind::Colon)?;
        let value = words.expression()?;
        if is_limit {
            head.limit = Some(Expression::parse(&value));
        } else if value == "continue" {
            head.offset = Some(Offset::Continue);
        } else {
            head.offset = Some(Offset::At(Expression::parse(&value)));
        }
    }
    words.consume(Kind::End)?;
    Ok(head)
}

fn attributes(text: &str) -> Vec<(String, Expression)> {
    ATTRIBUTE.captures_iter(text).map(|found| (found[1].to_owned(), Expression::parse(&found[2]))).collect()
}

fn cycle(markup: Markup<'_>) -> Result<Tag, SyntaxError> {
    let values = |text: &str| -> Vec<Expression> {
        text.split(',')
            .filter_map(|part| SUBJECT.find(part))
            .map(|found| Expression::parse(found.as_str()))
            // Ruby leaves out what is written as nothing.
            .filter(|value| !matches!(value, Expression::Literal(Value::Nil)))
            .collect()
    };
    if let Some(found) = CYCLE_NAMED.captures(markup.text) {
        let name = CycleName::Named(Expression::parse(&found[1]));
        return Ok(Tag::Cycle { name, values: values(&found[2]) });
    }
    if SUBJECT.find(markup.text).is_none_or(|found| found.start() != 0) {
        let message = "Syntax Error in 'cycle' - Valid syntax: cycle [name :] var [, var2, var3 ...]";
        return Err(SyntaxError::new(message, markup.at));
    }
    let values = values(markup.text);
    let mut name = format!("{values:?}");
    if values.iter().any(|value| matches!(value, Expression::Variable(_))) {
        // Ruby names such a cycle by its objects: two of them never share their turn.
        name.push_str(&format!(" at {}", markup.at));
    }
    Ok(Tag::Cycle { name: CycleName::ByValues(name), values })
}

fn include(markup: Markup<'_>) -> Result<Tag, SyntaxError> {
    let found = INCLUDE.captures(markup.text).ok_or_else(|| {
        let message =
            "Error in tag 'include' - Valid syntax: include '[template]' (with|for) [object|collection]";
        SyntaxError::new(message, markup.at)
    })?;
    Ok(Tag::Include {
        template: Expression::parse(&found[1]),
        with: found.get(2).map(|with| Expression::parse(with.as_str())),
        attributes: attributes(markup.text),
    })
}
