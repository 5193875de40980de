//! Walks a parsed template and writes text. It never fails: what goes wrong becomes text in place and a note.

mod evaluate;
mod include;
mod loops;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::condition::Comparison;
use super::expression::Expression;
use super::node::{Blankness, Body, Branch, CaseBranch, Node, Tag, Test, Variable};
use super::origin::{Origins, Stretch};
use super::value::Value;
use super::{filter, number};
use crate::diagnostic::{Source, Span};

/// Scopes in scopes; one more is `Nesting too deep`, as in Ruby.
const MAX_SCOPES: usize = 100;

/// Bodies in bodies beyond which nothing is included: the stack has an end.
const MAX_BODIES: usize = 150;

/// A range of more items is refused: it would only fill the memory.
const MAX_RANGE: i128 = 1_000_000;

/// Parts (texts, outputs, tags) that one rendering may write before it is given up: partials that include themselves
/// twice, and loops in loops, would go on for ever.
pub const MAX_PARTS: usize = 2_000_000;

/// Bytes that one rendering may write or put into variables: texts that are doubled again and again would fill the memory.
pub const MAX_BYTES: usize = 128 << 20;

/// So many parts is a partial worth.
const PARTIAL_PARTS: usize = 100;

/// Gives the partials that `{% include %}` names.
pub trait Partials {
    /// The partial of a path such as `sub/_part.yml.liquid`, from the folder of the template.
    fn find(&self, path: &str) -> Option<Arc<Source>>;
}

/// What a template is rendered with.
pub struct Setting<'a> {
    /// The variables under `env`.
    pub env: &'a BTreeMap<String, Value>,
    /// Where partials come from.
    pub partials: &'a dyn Partials,
    /// What `'now'` is for the `date` filter, in the zone of the process.
    pub now: &'a jiff::Zoned,
    /// While checking: the environment is not known, and this is assumed of it.
    pub guess: Option<Guess>,
}

/// What is assumed of an environment that is not known. Both together reach the branches of usual conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// Every variable is set, not empty, and unlike anything it is compared to; lists of it have one item.
    Filled,
    /// A variable is what it is first compared to, else unset; lists of it are empty.
    Matching,
}

/// A rendered template.
#[derive(Debug)]
pub struct Rendering {
    /// The text, with placeholders for what is hidden or unknown.
    pub text: String,
    /// Where each part of it came from.
    pub origins: Origins,
    /// Placeholders of secrets with the texts they stand for.
    pub hidden: BTreeMap<String, String>,
    /// Placeholders of what is not known while checking.
    pub unknown: Vec<String>,
    /// Errors that became text, and variables that are not set, with their places.
    pub notes: Vec<(Note, Span)>,
}

/// Something that happened while rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// `Liquid error: …` stands in the text.
    Failed(String),
    /// An environment variable that is written out is not set.
    Unset(String),
    /// The template was given up here.
    Endless(Excess),
}

/// What there was too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// More than [`MAX_PARTS`].
    Parts,
    /// More than [`MAX_BYTES`].
    Bytes,
}

/// Renders a body.
pub(super) fn render(source: &Arc<Source>, body: &Body, setting: &Setting<'_>) -> Rendering {
    let env = match setting.guess {
        Some(_) => Value::Unknown("env".into()),
        None => {
            let entries = setting.env.iter().map(|(name, value)| (Rc::from(name.as_str()), value.clone()));
            Value::Hash(Rc::new(entries.collect()))
        }
    };
    let mut renderer = Renderer {
        setting,
        source: Arc::clone(source),
        scopes: vec![HashMap::new()],
        environment: HashMap::from([("env".to_owned(), env)]),
        partials: HashMap::new(),
        depth: 0,
        parts_left: MAX_PARTS,
        bytes_left: MAX_BYTES,
        loops: Vec::new(),
        offsets: HashMap::new(),
        cycles: HashMap::new(),
        changed: None,
        interrupt: None,
        assumed: HashMap::new(),
        hidden: BTreeMap::new(),
        unknown: Vec::new(),
        notes: Vec::new(),
        place: (0, 0),
    };
    let mut out = Output::default();
    renderer.body(body, &mut out);
    Rendering {
        text: out.text,
        origins: out.origins,
        hidden: renderer.hidden,
        unknown: renderer.unknown,
        notes: renderer.notes,
    }
}

/// Why a node could not be rendered, as Ruby words it.
#[derive(Debug)]
enum Failure {
    /// `Liquid error: …`
    Run(String),
    /// `Liquid syntax error: …`: a partial that cannot be parsed.
    Syntax(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Run(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::Run(message.to_owned())
    }
}

#[derive(Debug, Default)]
struct Output {
    text: String,
    origins: Origins,
}

impl Output {
    fn truncate(&mut self, at: usize) {
        self.text.truncate(at);
        self.origins.truncate(at);
    }

    fn push(&mut self, text: &str, source: &Arc<Source>, from: usize, stretch: Stretch) {
        if !text.is_empty() {
            let source = self.origins.source(source);
            self.origins.mark(self.text.len(), source, from, stretch);
            self.text.push_str(text);
        }
    }
}

/// What stops a body before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interrupt {
    Break,
    Continue,
}

struct Renderer<'a> {
    setting: &'a Setting<'a>,
    /// The template or partial that is being rendered.
    source: Arc<Source>,
    /// The outermost first.
    scopes: Vec<HashMap<String, Value>>,
    /// `env` and the counters of `increment`.
    environment: HashMap<String, Value>,
    partials: HashMap<String, Rc<(Arc<Source>, Body)>>,
    /// Bodies in bodies.
    depth: usize,
    /// How many parts may still be written.
    parts_left: usize,
    /// How many bytes may still be written or kept.
    bytes_left: usize,
    /// The loops around the current node.
    loops: Vec<Value>,
    offsets: HashMap<String, usize>,
    cycles: HashMap<String, usize>,
    changed: Option<String>,
    interrupt: Option<Interrupt>,
    /// While checking: what unknown values were taken to be.
    assumed: HashMap<Rc<str>, Value>,
    hidden: BTreeMap<String, String>,
    unknown: Vec<String>,
    notes: Vec<(Note, Span)>,
    /// First byte and length of the tag or output that is being rendered.
    place: (usize, usize),
}

impl Renderer<'_> {
    fn span(&self) -> Span {
        Span::new(&self.source, self.place.0, self.place.0 + self.place.1)
    }

    fn write(&mut self, text: &str, out: &mut Output) {
        if self.keep(text.len()) {
            out.push(text, &self.source, self.place.0, Stretch::Computed { length: self.place.1 });
        }
    }

    /// Writes a text of the template.
    fn copy(&mut self, text: &str, at: usize, out: &mut Output) {
        if self.keep(text.len()) {
            out.push(text, &self.source, at, Stretch::Literal);
        }
    }

    /// Takes from the bytes that are left; false when there are not enough, which is noted once and ends the rendering.
    fn keep(&mut self, bytes: usize) -> bool {
        let left = self.bytes_left.checked_sub(bytes);
        if left.is_none() && self.parts_left > 0 {
            self.parts_left = 0;
            self.notes.push((Note::Endless(Excess::Bytes), self.span()));
        }
        self.bytes_left = left.unwrap_or(0);
        left.is_some()
    }

    fn body(&mut self, body: &Body, out: &mut Output) {
        self.depth += 1;
        self.nodes(body, out);
        self.depth -= 1;
    }

    /// Takes from the parts that are left; false when there are none, which is noted once.
    fn spend(&mut self, parts: usize) -> bool {
        if self.parts_left == 0 {
            return false;
        }
        self.parts_left = self.parts_left.saturating_sub(parts);
        if self.parts_left == 0 {
            self.notes.push((Note::Endless(Excess::Parts), self.span()));
        }
        self.parts_left > 0
    }

    fn nodes(&mut self, body: &Body, out: &mut Output) {
        for node in &body.nodes {
            if !self.spend(1) {
                break;
            }
            let start = out.text.len();
            let result = match node {
                Node::Text { text, at } => {
                    self.copy(text, *at, out);
                    continue;
                }
                Node::Output { variable, at, length } => {
                    self.place = (*at, *length);
                    self.output(variable, out)
                }
                Node::Tag { tag, at, length } => {
                    self.place = (*at, *length);
                    self.tag(tag, out)
                }
            };
            if let Err(failure) = result {
                if let Node::Tag { at, length, .. } = node {
                    self.place = (*at, *length);
                }
                out.truncate(start);
                let text = match failure {
                    Failure::Run(message) => format!("Liquid error: {message}"),
                    Failure::Syntax(message) => format!("Liquid syntax error: {message}"),
                };
                self.notes.push((Note::Failed(text.clone()), self.span()));
                self.write(&text, out);
            }
            if self.interrupt.is_some() {
                break;
            }
        }
    }

    /// A block: nothing is written when it can only write space.
    fn block(&mut self, body: &Body, blankness: Blankness, out: &mut Output) {
        let start = out.text.len();
        self.body(body, out);
        if blankness == Blankness::Blank {
            out.truncate(start);
        }
    }

    fn output(&mut self, variable: &Variable, out: &mut Output) -> Result<(), Failure> {
        let value = self.value_of(variable)?;
        self.emit(&value, out);
        Ok(())
    }

    fn emit(&mut self, value: &Value, out: &mut Output) {
        match value {
            Value::List(items) => items.iter().for_each(|item| self.emit(item, out)),
            Value::Unknown(label) => {
                let placeholder = format!("⟦{label}⟧");
                if !self.unknown.contains(&placeholder) {
                    self.unknown.push(placeholder.clone());
                }
                self.write(&placeholder, out);
            }
            value => match value.label() {
                Some(label) if !value.to_output().is_empty() => {
                    let placeholder = self.placeholder(&Rc::clone(label), value.to_output());
                    self.write(&placeholder, out);
                }
                _ => self.write(&value.to_output(), out),
            },
        }
    }

    /// The name under which a hidden text is rendered: its label, with a number for other texts made of it.
    fn placeholder(&mut self, label: &str, text: String) -> String {
        self.keep(text.len());
        let mut name = format!("⟦{label}⟧");
        let mut number = 2;
        while self.hidden.get(&name).is_some_and(|known| *known != text) {
            name = format!("⟦{label}.{number}⟧");
            number += 1;
        }
        self.hidden.insert(name.clone(), text);
        name
    }

    fn set(&mut self, name: &str, value: Value) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), value);
        }
    }

    /// Runs something in a scope of its own.
    fn scoped(&mut self, inside: impl FnOnce(&mut Self) -> Result<(), Failure>) -> Result<(), Failure> {
        if self.scopes.len() >= MAX_SCOPES {
            return Err("Nesting too deep".into());
        }
        self.scopes.push(HashMap::new());
        let result = inside(self);
        self.scopes.pop();
        result
    }

    fn tag(&mut self, tag: &Tag, out: &mut Output) -> Result<(), Failure> {
        match tag {
            Tag::Assign { name, value } => {
                let made = !value.filters.is_empty();
                let value = self.value_of(value)?;
                if !made || self.keep(value.bytes()) {
                    self.scopes[0].insert(name.clone(), value);
                }
            }
            Tag::Capture { name, body } => {
                let mut captured = Output::default();
                self.body(body, &mut captured);
                let value = self.reveal(captured.text)?;
                self.scopes[0].insert(name.clone(), value);
            }
            Tag::If { branches, blankness } => {
                return self.scoped(|this| this.conditional(branches, *blankness, out));
            }
            Tag::Case { subject, branches, blankness } => {
                return self.scoped(|this| this.case(subject, branches, *blankness, out));
            }
            Tag::For(head) => return self.for_loop(head, out),
            Tag::Tablerow { name, collection, attributes, body } => {
                return self.tablerow(name, collection, attributes, body, out);
            }
            Tag::Cycle { name, values } => return self.cycle(name, values, out),
            Tag::Increment(name) => {
                let count = self.counter(name);
                self.environment.insert(name.clone(), Value::Integer(count.saturating_add(1)));
                self.write(&count.to_string(), out);
            }
            Tag::Decrement(name) => {
                let count = self.counter(name).saturating_sub(1);
                self.environment.insert(name.clone(), Value::Integer(count));
                self.write(&count.to_string(), out);
            }
            Tag::Include { template, with, attributes } => {
                return self.include(template, with.as_ref(), attributes, out);
            }
            Tag::IfChanged(body) => {
                let start = out.text.len();
                self.body(body, out);
                let text = out.text[start..].to_owned();
                if self.changed.as_ref() == Some(&text) || body.blankness == Blankness::Blank {
                    out.truncate(start);
                }
                self.changed = Some(text);
            }
            Tag::Raw { text, at } => self.copy(text, *at, out),
            Tag::Comment => {}
            Tag::Break => self.interrupt = Some(Interrupt::Break),
            Tag::Continue => self.interrupt = Some(Interrupt::Continue),
        }
        Ok(())
    }

    fn counter(&self, name: &str) -> i128 {
        self.environment.get(name).map_or(0, number::to_integer)
    }

    /// A captured text: what it hides is put in, and the whole is hidden.
    fn reveal(&mut self, text: String) -> Result<Value, Failure> {
        let mut label = None;
        let mut revealed = text;
        for (placeholder, value) in &self.hidden {
            let count = revealed.matches(placeholder.as_str()).count();
            if count > 0 {
                filter::check_length(revealed.len().saturating_add(count.saturating_mul(value.len())))?;
                revealed = revealed.replace(placeholder.as_str(), value);
                label = Some(placeholder.trim_matches(['⟦', '⟧']).to_owned());
            }
        }
        Ok(match label {
            Some(label) => Value::hidden(&label, &revealed),
            None => Value::text(revealed),
        })
    }

    fn conditional(
        &mut self,
        branches: &[Branch],
        blankness: Blankness,
        out: &mut Output,
    ) -> Result<(), Failure> {
        for branch in branches {
            let taken = match &branch.test {
                Test::If(condition) => self.holds(condition)?,
                Test::Unless(condition) => !self.holds(condition)?,
                Test::Else => true,
            };
            if taken {
                self.block(&branch.body, blankness, out);
                break;
            }
        }
        Ok(())
    }

    fn case(
        &mut self,
        subject: &Expression,
        branches: &[CaseBranch],
        blankness: Blankness,
        out: &mut Output,
    ) -> Result<(), Failure> {
        let mut matched = false;
        for branch in branches {
            let Some(values) = &branch.values else {
                if !matched {
                    self.block(&branch.body, blankness, out);
                    return Ok(());
                }
                continue;
            };
            for value in values {
                if self.compare(subject, Comparison::Equal, value)? {
                    matched = true;
                    self.block(&branch.body, blankness, out);
                }
            }
        }
        Ok(())
    }
}
