//! Filters on lists; anything else is a list of itself, nothing is an empty one.

use std::cmp::Ordering;

use crate::embulk::liquid::number::strict_integer;
use crate::embulk::liquid::value::Value;

/// What Ruby's `InputIterator` goes over; lists in lists are flattened.
fn items(value: &Value) -> Vec<Value> {
    match value.open() {
        Value::Nil => Vec::new(),
        Value::List(items) => flatten(items),
        // As large a range as loops take; more would only fill the memory.
        Value::Range(first, last) => (*first..=*last).take(1_000_000).map(Value::Integer).collect(),
        other => vec![other.clone()],
    }
}

fn flatten(items: &[Value]) -> Vec<Value> {
    items
        .iter()
        .flat_map(|item| match item.open() {
            Value::List(inner) => flatten(inner),
            _ => vec![item.clone()],
        })
        .collect()
}

/// Ruby's `item[property]`: the value of a name, or the part of a text that is there. Errors: a number, which has no
/// named parts.
fn property(item: &Value, name: &Value) -> Result<Value, String> {
    let text = name.to_text();
    match item.open() {
        Value::Hash(entries) => {
            Ok(entries.iter().find(|(key, _)| **key == *text).map_or(Value::Nil, |(_, value)| value.clone()))
        }
        Value::Text(whole) => Ok(if whole.contains(&text) { Value::text(text.as_str()) } else { Value::Nil }),
        Value::Integer(_) | Value::List(_) => Err(format!("cannot select the property '{text}'")),
        _ => Ok(Value::Nil),
    }
}

pub(super) fn size(arguments: &[Value]) -> Result<Value, String> {
    Ok(Value::Integer(arguments[0].size().unwrap_or(0)))
}

pub(super) fn first(arguments: &[Value]) -> Result<Value, String> {
    Ok(arguments[0].first().unwrap_or(Value::Nil))
}

pub(super) fn last(arguments: &[Value]) -> Result<Value, String> {
    Ok(arguments[0].last().unwrap_or(Value::Nil))
}

pub(super) fn join(arguments: &[Value]) -> Result<Value, String> {
    let between = arguments.get(1).map_or_else(|| " ".to_owned(), Value::to_text);
    let texts: Vec<_> = items(&arguments[0]).iter().map(Value::to_text).collect();
    Ok(Value::text(texts.join(&between)))
}

pub(super) fn reverse(arguments: &[Value]) -> Result<Value, String> {
    let mut items = items(&arguments[0]);
    items.reverse();
    Ok(Value::list(items))
}

pub(super) fn compact(arguments: &[Value]) -> Result<Value, String> {
    let mut items = items(&arguments[0]);
    items.retain(|item| !matches!(item, Value::Nil));
    Ok(Value::list(items))
}

pub(super) fn concat(arguments: &[Value]) -> Result<Value, String> {
    let Value::List(more) = arguments[1].open() else {
        return Err("concat filter requires an array argument".to_owned());
    };
    let mut items = items(&arguments[0]);
    items.extend(more.iter().cloned());
    Ok(Value::list(items))
}

pub(super) fn map(arguments: &[Value]) -> Result<Value, String> {
    let mapped: Result<Vec<_>, _> =
        items(&arguments[0]).iter().map(|item| property(item, &arguments[1])).collect();
    mapped.map(Value::list)
}

/// `where`
pub(super) fn select(arguments: &[Value]) -> Result<Value, String> {
    let wanted = arguments.get(2).filter(|wanted| !matches!(wanted, Value::Nil));
    let mut selected = Vec::new();
    for item in items(&arguments[0]) {
        let found = property(&item, &arguments[1])?;
        if wanted.map_or_else(|| found.is_truthy(), |wanted| found == *wanted) {
            selected.push(item);
        }
    }
    Ok(Value::list(selected))
}

pub(super) fn uniq(arguments: &[Value]) -> Result<Value, String> {
    let mut seen: Vec<Value> = Vec::new();
    let mut unique = Vec::new();
    for item in items(&arguments[0]) {
        let key = match arguments.get(1) {
            Some(name) => property(&item, name)?,
            None => item.clone(),
        };
        if !seen.contains(&key) {
            seen.push(key);
            unique.push(item);
        }
    }
    Ok(Value::list(unique))
}

pub(super) fn sort(arguments: &[Value]) -> Result<Value, String> {
    sort_by(arguments, |left, right| match (left.open(), right.open()) {
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        (Value::Integer(left), Value::Float(right)) => (*left as f64).partial_cmp(right),
        (Value::Float(left), Value::Integer(right)) => left.partial_cmp(&(*right as f64)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        _ => None,
    })
}

pub(super) fn sort_natural(arguments: &[Value]) -> Result<Value, String> {
    let folded = |value: &Value| value.to_text().to_ascii_lowercase();
    sort_by(arguments, |left, right| Some(folded(left).cmp(&folded(right))))
}

/// Sorts with nothing last. Errors: two values without an order.
fn sort_by(arguments: &[Value], order: impl Fn(&Value, &Value) -> Option<Ordering>) -> Result<Value, String> {
    let mut keyed = Vec::new();
    for item in items(&arguments[0]) {
        let key = match arguments.get(1).filter(|name| !matches!(name, Value::Nil)) {
            Some(name) => property(&item, name)?,
            None => item.clone(),
        };
        keyed.push((key, item));
    }
    let mut failed = None;
    keyed.sort_by(|(left, _), (right, _)| match (left, right) {
        (Value::Nil, Value::Nil) => Ordering::Equal,
        (Value::Nil, _) => Ordering::Greater,
        (_, Value::Nil) => Ordering::Less,
        _ => order(left, right).unwrap_or_else(|| {
            failed = Some(format!("comparison of {} with {} failed", left.class(), right.class()));
            Ordering::Equal
        }),
    });
    match failed {
        Some(message) => Err(message),
        None => Ok(Value::list(keyed.into_iter().map(|(_, item)| item).collect())),
    }
}

pub(super) fn slice(arguments: &[Value]) -> Result<Value, String> {
    let offset = strict_integer(&arguments[1]).ok_or("invalid integer")?;
    let length = match arguments.get(2).filter(|length| length.is_truthy()) {
        Some(length) => strict_integer(length).ok_or("invalid integer")?,
        None => 1,
    };
    Ok(match arguments[0].open() {
        Value::List(items) => Value::list(cut(items, offset, length)),
        other => {
            let chars: Vec<char> = other.to_text().chars().collect();
            Value::text(cut(&chars, offset, length).into_iter().collect::<String>())
        }
    })
}

/// Ruby's `slice(offset, length)`; nothing where it says nil.
fn cut<T: Clone>(items: &[T], offset: i128, length: i128) -> Vec<T> {
    let size = items.len() as i128;
    let start = if offset < 0 { size + offset.max(-size - 1) } else { offset };
    if start < 0 || start > size || length < 0 {
        return Vec::new();
    }
    // Both are between 0 and the size.
    let end = start.saturating_add(length).min(size);
    items[start as usize..end as usize].to_vec()
}
