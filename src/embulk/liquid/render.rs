//! Walks a parsed template and writes text. It never fails: what goes wrong becomes text in place and a note.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::condition::{self, Comparison, Condition, Join};
use super::expression::{Expression, Key, Lookup, Quality};
use super::node::{
    Blankness, Body, Branch, CaseBranch, CycleName, Direction, For, Node, Offset, Tag, Test, Variable,
};
use super::origin::{Origins, Stretch};
use super::value::{Value, pair};
use super::{filter, number, parser};
use crate::diagnostic::{Source, Span};

/// Scopes in scopes; one more is `Nesting too deep`, as in Ruby.
const MAX_SCOPES: usize = 100;

/// A range of more items is refused: it would only fill the memory.
const MAX_RANGE: i128 = 1_000_000;

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

    fn write(&self, text: &str, out: &mut Output) {
        out.push(text, &self.source, self.place.0, Stretch::Computed { length: self.place.1 });
    }

    fn body(&mut self, body: &Body, out: &mut Output) {
        for node in &body.nodes {
            let start = out.text.len();
            let result = match node {
                Node::Text { text, at } => {
                    out.push(text, &self.source, *at, Stretch::Literal);
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
        let mut name = format!("⟦{label}⟧");
        let mut number = 2;
        while self.hidden.get(&name).is_some_and(|known| *known != text) {
            name = format!("⟦{label}.{number}⟧");
            number += 1;
        }
        self.hidden.insert(name.clone(), text);
        name
    }

    fn value_of(&mut self, variable: &Variable) -> Result<Value, Failure> {
        let defaulted = variable.filters.iter().any(|call| call.name == "default");
        let mut value = self.evaluate(&variable.expression)?;
        if !defaulted {
            self.note_unset(&variable.expression, &value);
        }
        for call in &variable.filters {
            let mut arguments = vec![value];
            for argument in &call.arguments {
                arguments.push(self.evaluate(argument)?);
            }
            if !call.named.is_empty() {
                let mut named = Vec::new();
                for (name, argument) in &call.named {
                    named.push((Rc::from(name.as_str()), self.evaluate(argument)?));
                }
                arguments.push(Value::Hash(Rc::new(named)));
            }
            value = filter::apply(&call.name, &arguments, self.setting.now)?;
        }
        Ok(value)
    }

    fn note_unset(&mut self, expression: &Expression, value: &Value) {
        let Expression::Variable(Lookup { name, keys }) = expression else { return };
        if self.setting.guess.is_some() || !matches!(value, Value::Nil) {
            return;
        }
        if let (Expression::Literal(Value::Text(root)), [Key::Name(key)]) = (&**name, keys.as_slice())
            && &**root == "env"
            && !self.setting.env.contains_key(key)
        {
            self.notes.push((Note::Unset(key.clone()), self.span()));
        }
    }

    fn evaluate(&mut self, expression: &Expression) -> Result<Value, Failure> {
        match expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Quality(_) => Ok(Value::text("")),
            Expression::Range(first, last) => {
                let (first, last) = (self.evaluate(first)?, self.evaluate(last)?);
                if let Some(label) = first.unknown().or(last.unknown()) {
                    return Ok(Value::Unknown(Rc::clone(label)));
                }
                Ok(Value::Range(range_end(&first)?, range_end(&last)?))
            }
            Expression::Variable(lookup) => self.lookup(lookup),
        }
    }

    fn lookup(&mut self, lookup: &Lookup) -> Result<Value, Failure> {
        let name = self.evaluate(&lookup.name)?;
        let mut value = self.find(&name.to_text());
        for key in &lookup.keys {
            let (key, command) = match key {
                Key::Name(name) => (Value::text(name.as_str()), Some(name.as_str())),
                Key::Index(expression) => (self.evaluate(expression)?, None),
            };
            let Some(next) = step(&value, &key, command) else { return Ok(Value::Nil) };
            value = next;
        }
        Ok(value)
    }

    fn find(&self, name: &str) -> Value {
        self.scopes
            .iter()
            .rev()
            .find_map(|scope| scope.get(name))
            .or_else(|| self.environment.get(name))
            .cloned()
            .unwrap_or(Value::Nil)
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
                let value = self.value_of(value)?;
                self.scopes[0].insert(name.clone(), value);
            }
            Tag::Capture { name, body } => {
                let mut captured = Output::default();
                self.body(body, &mut captured);
                let value = self.reveal(captured.text);
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
            Tag::Raw { text, at } => out.push(text, &self.source, *at, Stretch::Literal),
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
    fn reveal(&self, text: String) -> Value {
        let mut label = None;
        let mut revealed = text;
        for (placeholder, value) in &self.hidden {
            if revealed.contains(placeholder.as_str()) {
                revealed = revealed.replace(placeholder.as_str(), value);
                label = Some(placeholder.trim_matches(['⟦', '⟧']).to_owned());
            }
        }
        match label {
            Some(label) => Value::hidden(&label, &revealed),
            None => Value::text(revealed),
        }
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

    fn holds(&mut self, condition: &Condition) -> Result<bool, Failure> {
        let holds = match &condition.comparison {
            Some((comparison, right)) => self.compare(&condition.left, *comparison, right)?,
            None => match &condition.left {
                Expression::Quality(_) => true,
                left => {
                    let value = self.evaluate(left)?;
                    self.truth(&value)
                }
            },
        };
        match &condition.next {
            Some((Join::And, next)) => Ok(holds && self.holds(next)?),
            Some((Join::Or, next)) => Ok(holds || self.holds(next)?),
            None => Ok(holds),
        }
    }

    fn truth(&self, value: &Value) -> bool {
        match value.unknown() {
            Some(label) => match self.assumed.get(label) {
                Some(value) => value.is_truthy(),
                None => self.setting.guess != Some(Guess::Matching),
            },
            None => value.is_truthy(),
        }
    }

    fn compare(
        &mut self,
        left: &Expression,
        comparison: Comparison,
        right: &Expression,
    ) -> Result<bool, Failure> {
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if let (true, Some((quality, other))) = (equality, quality_of(left, right)) {
            let value = self.evaluate(other)?;
            let is = match (value.unknown(), quality) {
                (Some(_), _) => self.setting.guess == Some(Guess::Matching),
                (None, Quality::Empty) => value.is_empty().unwrap_or(false),
                (None, Quality::Blank) => false,
            };
            return Ok(is == (comparison == Comparison::Equal));
        }
        let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
        let (left, right) = match self.assume(left, right) {
            Ok(known) => known,
            Err(same) => {
                return Ok(match comparison {
                    Comparison::NotEqual => !same,
                    _ => same,
                });
            }
        };
        match comparison {
            Comparison::Equal => Ok(left == right),
            Comparison::NotEqual => Ok(left != right),
            Comparison::Contains => Ok(condition::contains(&left, &right)),
            _ => condition::ordered(&left, comparison, &right).map_err(|message| {
                if left.label().or(right.label()).is_some() {
                    Failure::from("comparison failed")
                } else {
                    Failure::Run(message)
                }
            }),
        }
    }

    /// Two values to compare, once what is not known was assumed; else whether they are taken to be the same.
    fn assume(&mut self, left: Value, right: Value) -> Result<(Value, Value), bool> {
        let known = |this: &Self, value: Value| match value.unknown() {
            Some(label) => this.assumed.get(label).cloned().ok_or_else(|| Rc::clone(label)),
            None => Ok(value),
        };
        match (known(self, left), known(self, right)) {
            (Ok(left), Ok(right)) => Ok((left, right)),
            (Err(label), Ok(value)) | (Ok(value), Err(label))
                if self.setting.guess == Some(Guess::Matching) =>
            {
                self.assumed.insert(label, value);
                Err(true)
            }
            _ => Err(false),
        }
    }

    fn items(&mut self, collection: &Value) -> Result<Vec<Value>, Failure> {
        let items = match collection.open() {
            Value::Unknown(label) => match self.setting.guess {
                Some(Guess::Filled) => vec![Value::Unknown(format!("{label} item").into())],
                _ => Vec::new(),
            },
            Value::List(items) => items.to_vec(),
            Value::Hash(entries) => entries.iter().map(|(key, value)| pair(key, value)).collect(),
            Value::Range(first, last) => {
                if last.saturating_sub(*first) >= MAX_RANGE {
                    return Err(format!("a range of more than {MAX_RANGE} items").into());
                }
                (*first..=*last).map(Value::Integer).collect()
            }
            _ => Vec::new(),
        };
        Ok(items)
    }

    /// The part of a collection that a loop goes over. A text is a list of itself, whatever the part.
    fn slice(&mut self, collection: &Value, from: i128, to: Option<i128>) -> Result<Vec<Value>, Failure> {
        if let Value::Text(text) = collection.open() {
            return Ok(if text.is_empty() { Vec::new() } else { vec![collection.clone()] });
        }
        let items = self.items(collection)?;
        let skip = usize::try_from(from.max(0)).unwrap_or(usize::MAX);
        let end = to.map_or(usize::MAX, |to| usize::try_from(to.max(0)).unwrap_or(usize::MAX));
        Ok(items.into_iter().take(end).skip(skip).collect())
    }

    fn for_loop(&mut self, head: &For, out: &mut Output) -> Result<(), Failure> {
        let from = match &head.offset {
            None => 0,
            Some(Offset::Continue) => self.offsets.get(&head.name).copied().unwrap_or(0) as i128,
            Some(Offset::At(expression)) => number::to_integer(&self.evaluate(expression)?),
        };
        let collection = self.evaluate(&head.collection)?;
        let to = match &head.limit {
            None => None,
            Some(limit) => match self.evaluate(limit)? {
                Value::Nil => None,
                limit => Some(number::to_integer(&limit).saturating_add(from)),
            },
        };
        let mut items = self.slice(&collection, from, to)?;
        if head.direction == Direction::Reversed {
            items.reverse();
        }
        let next = usize::try_from(from.max(0)).unwrap_or(0).saturating_add(items.len());
        self.offsets.insert(head.name.clone(), next);
        if items.is_empty() {
            if let Some(otherwise) = &head.otherwise {
                self.block(otherwise, head.blankness, out);
            }
            return Ok(());
        }
        self.scoped(|this| {
            this.iterate(head, items, out);
            Ok(())
        })
    }

    fn iterate(&mut self, head: &For, items: Vec<Value>, out: &mut Output) {
        let length = items.len();
        for (index, item) in items.into_iter().enumerate() {
            let parent = self.loops.last().cloned().unwrap_or(Value::Nil);
            let forloop = forloop(&head.name, index, length, parent);
            self.loops.push(forloop.clone());
            self.set("forloop", forloop);
            self.set(&head.variable, item);
            self.block(&head.body, head.blankness, out);
            self.loops.pop();
            if self.interrupt.take() == Some(Interrupt::Break) {
                break;
            }
        }
    }

    fn tablerow(
        &mut self,
        name: &str,
        collection: &Expression,
        attributes: &[(String, Expression)],
        body: &Body,
        out: &mut Output,
    ) -> Result<(), Failure> {
        let collection = self.evaluate(collection)?;
        if !collection.is_truthy() {
            return Ok(());
        }
        let number_of = |this: &mut Self, wanted: &str| -> Result<Option<i128>, Failure> {
            match attributes.iter().rev().find(|(name, _)| name == wanted) {
                Some((_, value)) => Ok(Some(number::to_integer(&this.evaluate(value)?))),
                None => Ok(None),
            }
        };
        let from = number_of(self, "offset")?.unwrap_or(0);
        let to = number_of(self, "limit")?.map(|limit| from.saturating_add(limit));
        let columns = number_of(self, "cols")?.unwrap_or(0);
        let items = self.slice(&collection, from, to)?;
        let start = out.text.len();
        self.write("<tr class=\"row1\">\n", out);
        self.scoped(|this| {
            let (mut row, mut column) = (1_i128, 1_i128);
            let length = items.len();
            for (index, item) in items.into_iter().enumerate() {
                this.set("tablerowloop", tablerowloop(index, length, (row, column), columns));
                this.set(name, item);
                this.write(&format!("<td class=\"col{column}\">"), out);
                this.body(body, out);
                this.write("</td>", out);
                if column == columns {
                    if index + 1 < length {
                        this.write(&format!("</tr>\n<tr class=\"row{}\">", row + 1), out);
                    }
                    (row, column) = (row + 1, 1);
                } else {
                    column += 1;
                }
                if this.interrupt.take() == Some(Interrupt::Break) {
                    break;
                }
            }
            Ok(())
        })?;
        self.write("</tr>\n", out);
        if body.blankness == Blankness::Blank {
            out.truncate(start);
        }
        Ok(())
    }

    fn cycle(&mut self, name: &CycleName, values: &[Expression], out: &mut Output) -> Result<(), Failure> {
        let key = match name {
            CycleName::Named(expression) => format!("named {}", self.evaluate(expression)?.to_text()),
            CycleName::ByValues(text) => text.clone(),
        };
        let at = self.cycles.get(&key).copied().unwrap_or(0);
        let value = match values.get(at) {
            Some(expression) => self.evaluate(expression)?,
            None => Value::Nil,
        };
        self.emit(&value, out);
        self.cycles.insert(key, if at + 1 >= values.len() { 0 } else { at + 1 });
        Ok(())
    }

    fn include(
        &mut self,
        template: &Expression,
        with: Option<&Expression>,
        attributes: &[(String, Expression)],
        out: &mut Output,
    ) -> Result<(), Failure> {
        let template = self.evaluate(template)?;
        if template.unknown().is_some() {
            return Ok(());
        }
        if !template.is_truthy() {
            return Err("Argument error in tag 'include' - Illegal template name".into());
        }
        if template.label().is_some() {
            return Err("Illegal template name '…'".into());
        }
        let name = template.to_text();
        let partial = self.partial(&name)?;
        let variable_name = name.split('/').rfind(|part| !part.is_empty()).unwrap_or_default().to_owned();
        let variable = match with {
            Some(expression) => self.evaluate(expression)?,
            None => self.find(&name),
        };
        let outer = std::mem::replace(&mut self.source, Arc::clone(&partial.0));
        let place = self.place;
        let result = self.scoped(|this| {
            let inner = std::mem::replace(&mut this.source, Arc::clone(&outer));
            for (name, expression) in attributes {
                let value = this.evaluate(expression)?;
                this.set(name, value);
            }
            this.source = inner;
            match variable {
                Value::List(items) => {
                    for item in items.iter() {
                        this.set(&variable_name, item.clone());
                        this.body(&partial.1, out);
                    }
                }
                value => {
                    this.set(&variable_name, value);
                    this.body(&partial.1, out);
                }
            }
            Ok(())
        });
        self.source = outer;
        self.place = place;
        result
    }

    fn partial(&mut self, name: &str) -> Result<Rc<(Arc<Source>, Body)>, Failure> {
        if let Some(partial) = self.partials.get(name) {
            return Ok(Rc::clone(partial));
        }
        let path = partial_path(name).ok_or_else(|| format!("Illegal template name '{name}'"))?;
        let source = self.setting.partials.find(&path).ok_or_else(|| format!("No such template '{name}'"))?;
        let body = parser::parse(&source.text).map_err(|error| Failure::Syntax(error.message))?;
        let partial = Rc::new((source, body));
        self.partials.insert(name.to_owned(), Rc::clone(&partial));
        Ok(partial)
    }
}

/// The file of a partial: `a/b` is `a/_b.yml.liquid`. None for names that Embulk refuses: a hyphen, a point, a single
/// character.
fn partial_path(name: &str) -> Option<String> {
    let mut chars = name.chars();
    let first = chars.next()?;
    let rest = chars.as_str();
    let word = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '/');
    if matches!(first, '.' | '/') || rest.is_empty() || !rest.chars().all(word) {
        return None;
    }
    let (folder, base) = name.rsplit_once('/').map_or(("", name), |(folder, base)| (folder, base));
    let folder: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let folder = folder.join("/");
    Some(if folder.is_empty() {
        format!("_{base}.yml.liquid")
    } else {
        format!("{folder}/_{base}.yml.liquid")
    })
}

fn quality_of<'e>(left: &'e Expression, right: &'e Expression) -> Option<(Quality, &'e Expression)> {
    match (left, right) {
        (Expression::Quality(quality), other) | (other, Expression::Quality(quality)) => {
            Some((*quality, other))
        }
        _ => None,
    }
}

fn range_end(value: &Value) -> Result<i128, Failure> {
    match value.open() {
        Value::Nil | Value::Text(_) | Value::Integer(_) | Value::Float(_) => Ok(number::to_integer(value)),
        _ => Err("invalid integer".into()),
    }
}

/// One step of a lookup; none when there is nothing.
fn step(value: &Value, key: &Value, command: Option<&str>) -> Option<Value> {
    let found = match (value.open(), key.open()) {
        (Value::Unknown(label), key) => {
            return Some(Value::Unknown(format!("{label}.{}", key.to_text()).into()));
        }
        (Value::Hash(entries), Value::Text(name)) => {
            entries.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        }
        (Value::List(items), Value::Integer(index)) => {
            let index = if *index < 0 { index.saturating_add(items.len() as i128) } else { *index };
            return Some(
                usize::try_from(index).ok().and_then(|index| items.get(index).cloned()).unwrap_or(Value::Nil),
            );
        }
        _ => None,
    };
    found.or_else(|| {
        let part = match command? {
            "size" => return value.size().map(Value::Integer),
            "first" => value.first()?,
            "last" => value.last()?,
            _ => return None,
        };
        Some(match value.label() {
            Some(label) => part.hide(label),
            None => part,
        })
    })
}

fn hash(entries: Vec<(&str, Value)>) -> Value {
    Value::Hash(Rc::new(entries.into_iter().map(|(key, value)| (Rc::from(key), value)).collect()))
}

fn count(value: usize) -> Value {
    Value::Integer(value as i128)
}

fn forloop(name: &str, index: usize, length: usize, parent: Value) -> Value {
    hash(vec![
        ("name", Value::text(name)),
        ("length", count(length)),
        ("parentloop", parent),
        ("index", count(index + 1)),
        ("index0", count(index)),
        ("rindex", count(length - index)),
        ("rindex0", count(length - index - 1)),
        ("first", Value::Bool(index == 0)),
        ("last", Value::Bool(index + 1 == length)),
    ])
}

fn tablerowloop(index: usize, length: usize, (row, column): (i128, i128), columns: i128) -> Value {
    hash(vec![
        ("length", count(length)),
        ("row", Value::Integer(row)),
        ("col", Value::Integer(column)),
        ("col0", Value::Integer(column - 1)),
        ("index", count(index + 1)),
        ("index0", count(index)),
        ("rindex", count(length - index)),
        ("rindex0", count(length - index - 1)),
        ("first", Value::Bool(index == 0)),
        ("last", Value::Bool(index + 1 == length)),
        ("col_first", Value::Bool(column == 1)),
        ("col_last", Value::Bool(column == columns)),
    ])
}
