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

/// Whether Ruby asks the value for its parts at all.
fn has_parts(item: &Value) -> bool {
    matches!(item.open(), Value::Text(_) | Value::Integer(_) | Value::Hash(_) | Value::List(_))
}

/// Ruby's `item[property]`: the value of a name, what a text has there, a bit of a number. Errors: what cannot be
/// asked of it.
fn property(item: &Value, name: &Value) -> Result<Value, String> {
    let refused = || format!("cannot select the property '{}'", name.to_text());
    match (item.open(), name.open()) {
        (Value::Hash(entries), Value::Text(name)) => {
            Ok(entries.iter().find(|(key, _)| key == name).map_or(Value::Nil, |(_, value)| value.clone()))
        }
        (Value::Hash(_), _) => Ok(Value::Nil),
        (Value::Text(whole), Value::Text(part)) => {
            Ok(if whole.contains(&**part) { name.clone() } else { Value::Nil })
        }
        (Value::Text(whole), Value::Range(first, last)) => Ok(stretch(whole, *first, *last)),
        (item, index) => {
            let index = match index {
                Value::Integer(index) => *index,
                Value::Float(index) => index.trunc() as i128,
                _ => return Err(refused()),
            };
            match item {
                Value::Text(whole) => Ok(character(whole, index)),
                Value::Integer(bits) => Ok(Value::Integer(bit(*bits, index))),
                _ => Ok(Value::Nil),
            }
        }
    }
}

/// The character at an index, from the end when negative.
fn character(text: &str, index: i128) -> Value {
    let chars: Vec<char> = text.chars().collect();
    let index = if index < 0 { index.saturating_add(chars.len() as i128) } else { index };
    let found = usize::try_from(index).ok().and_then(|index| chars.get(index));
    found.map_or(Value::Nil, |char| Value::text(char.to_string()))
}

/// The characters from one index to another.
fn stretch(text: &str, first: i128, last: i128) -> Value {
    let chars: Vec<char> = text.chars().collect();
    let size = chars.len() as i128;
    let from_end = |index: i128| if index < 0 { index.saturating_add(size) } else { index };
    let (first, last) = (from_end(first), from_end(last).min(size - 1));
    if !(0..=size).contains(&first) {
        return Value::Nil;
    }
    // Both are between 0 and the size.
    let end = last.saturating_add(1).max(first);
    Value::text(chars[first as usize..end as usize].iter().collect::<String>())
}

/// A bit of a number in two's complement.
fn bit(bits: i128, index: i128) -> i128 {
    if index < 0 { 0 } else { bits >> index.min(127) & 1 }
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
    let length: usize = texts.iter().map(String::len).sum();
    super::check_length(length.saturating_add(between.len().saturating_mul(texts.len())))?;
    Ok(Value::text(texts.join(&between)))
}

pub(super) fn reverse(arguments: &[Value]) -> Result<Value, String> {
    let mut items = items(&arguments[0]);
    items.reverse();
    Ok(Value::list(items))
}

pub(super) fn compact(arguments: &[Value]) -> Result<Value, String> {
    let mut kept = Vec::new();
    let Some(keyed) = keyed(arguments, Asked::Each)? else { return Ok(Value::Nil) };
    for (key, item) in keyed {
        if !matches!(key.open(), Value::Nil) {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
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
    let part = |item: &Value| if has_parts(item) { property(item, &arguments[1]) } else { Ok(Value::Nil) };
    let mapped: Result<Vec<_>, _> = items(&arguments[0]).iter().map(part).collect();
    mapped.map(Value::list)
}

/// How a filter goes over items by a part of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Each item; nothing is done where the first has no parts.
    Each,
    /// The same, but one item alone is asked for nothing.
    EachOfMany,
    /// The same, and nothing is done where any has no parts.
    AllOfMany,
}

/// Items with the part of them that the second argument names, or with themselves. None where they have no parts.
fn keyed(arguments: &[Value], asked: Asked) -> Result<Option<Vec<(Value, Value)>>, String> {
    let items = items(&arguments[0]);
    let Some(name) = arguments.get(1).filter(|name| !matches!(name.open(), Value::Nil)) else {
        return Ok(Some(items.into_iter().map(|item| (item.clone(), item)).collect()));
    };
    let checked = if asked == Asked::AllOfMany { &items[..] } else { &items[..items.len().min(1)] };
    if !checked.iter().all(has_parts) {
        return Ok(None);
    }
    if asked != Asked::Each && items.len() == 1 {
        return Ok(Some(items.into_iter().map(|item| (Value::Nil, item)).collect()));
    }
    let keyed: Result<Vec<_>, String> =
        items.into_iter().map(|item| Ok((property(&item, name)?, item))).collect();
    keyed.map(Some)
}

/// `where`
pub(super) fn select(arguments: &[Value]) -> Result<Value, String> {
    let wanted = arguments.get(2).filter(|wanted| !matches!(wanted.open(), Value::Nil));
    let items = items(&arguments[0]);
    if items.first().is_some_and(|item| !has_parts(item)) {
        return Ok(Value::Nil);
    }
    let mut selected = Vec::new();
    for item in items {
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
    let Some(keyed) = keyed(arguments, Asked::EachOfMany)? else { return Ok(Value::Nil) };
    for (key, item) in keyed {
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
    let Some(mut keyed) = keyed(arguments, Asked::AllOfMany)? else { return Ok(Value::Nil) };
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
