//! `for`, `tablerow` and `cycle`.

use std::rc::Rc;

use super::{Failure, Guess, Interrupt, MAX_RANGE, Output, Renderer};
use crate::embulk::liquid::expression::Expression;
use crate::embulk::liquid::node::{Blankness, Body, CycleName, Direction, For, Offset};
use crate::embulk::liquid::number;
use crate::embulk::liquid::value::{Value, pair};

impl Renderer<'_> {
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

    pub(super) fn for_loop(&mut self, head: &For, out: &mut Output) -> Result<(), Failure> {
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

    pub(super) fn tablerow(
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

    pub(super) fn cycle(
        &mut self,
        name: &CycleName,
        values: &[Expression],
        out: &mut Output,
    ) -> Result<(), Failure> {
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
