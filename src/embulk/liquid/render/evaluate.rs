//! Values of expressions and the truth of conditions, while checking with what is assumed of the unknown.

use std::rc::Rc;

use super::{Failure, Guess, Note, Renderer};
use crate::embulk::liquid::condition::{self, Comparison, Condition, Join};
use crate::embulk::liquid::expression::{Expression, Key, Lookup, Quality};
use crate::embulk::liquid::node::Variable;
use crate::embulk::liquid::value::Value;
use crate::embulk::liquid::{filter, number};

impl Renderer<'_> {
    pub(super) fn value_of(&mut self, variable: &Variable) -> Result<Value, Failure> {
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

    pub(super) fn evaluate(&mut self, expression: &Expression) -> Result<Value, Failure> {
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

    pub(super) fn find(&self, name: &str) -> Value {
        self.scopes
            .iter()
            .rev()
            .find_map(|scope| scope.get(name))
            .or_else(|| self.environment.get(name))
            .cloned()
            .unwrap_or(Value::Nil)
    }

    pub(super) fn holds(&mut self, condition: &Condition) -> Result<bool, Failure> {
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

    pub(super) fn compare(
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
        if comparison != Comparison::Contains && quality_of(left, right).is_some() {
            // `blank` and `empty` have no order.
            return Ok(false);
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
