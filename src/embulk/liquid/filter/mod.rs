//! The standard filters of Ruby's Liquid 4.

mod list;
mod math;
mod text;

use std::rc::Rc;

use super::time;
use super::value::Value;

/// A filter gives no longer text…
const MAX_TEXT: usize = 8 << 20;
/// …and no longer list: they would only fill the memory.
const MAX_ITEMS: usize = 1_000_000;

/// A filter: its arguments, the input first.
type Filter = fn(&[Value]) -> Result<Value, String>;

/// Applies a filter. An unknown one gives its input. Errors: what Ruby says, without values that are hidden.
pub(super) fn apply(name: &str, arguments: &[Value], now: &jiff::Zoned) -> Result<Value, String> {
    if let Some(label) = arguments.iter().find_map(Value::unknown) {
        return Ok(Value::Unknown(Rc::clone(label)));
    }
    let label = arguments.iter().find_map(Value::label).cloned();
    let result = match find(name) {
        Some((least, most, filter)) => check_count(arguments.len(), least, most).and_then(|()| match name {
            "date" => Ok(time::formatted(&arguments[0], &arguments[1], now)),
            _ => filter(arguments).and_then(checked),
        }),
        None => return Ok(arguments.first().cloned().unwrap_or(Value::Nil)),
    };
    match label {
        None => result,
        Some(_) if name == "size" => result,
        Some(label) => result.map(|value| value.hide(&label)).map_err(|_| format!("filter {name} failed")),
    }
}

/// Refuses a value that is too large.
fn checked(value: Value) -> Result<Value, String> {
    match value.open() {
        Value::Text(text) => check_length(text.len())?,
        Value::List(items) => check_items(items.len())?,
        _ => {}
    }
    Ok(value)
}

/// Refuses a list of so many items when it is too long.
fn check_items(count: usize) -> Result<(), String> {
    if count > MAX_ITEMS { Err(format!("a list of more than {MAX_ITEMS} items")) } else { Ok(()) }
}

/// Refuses a text of so many bytes when it is too long; those who could make one many times as long as what they are
/// given ask before they make it.
pub(super) fn check_length(bytes: usize) -> Result<(), String> {
    if bytes > MAX_TEXT { Err(format!("a text of more than {} MiB", MAX_TEXT >> 20)) } else { Ok(()) }
}

fn check_count(given: usize, least: usize, most: usize) -> Result<(), String> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let expected = if least == most { least.to_string() } else { format!("{least}..{most}") };
    Err(format!("wrong number of arguments (given {given}, expected {expected})"))
}

/// Least and most arguments, the input included, and what the filter does.
fn find(name: &str) -> Option<(usize, usize, Filter)> {
    Some(match name {
        "size" => (1, 1, list::size),
        "downcase" => (1, 1, text::downcase),
        "upcase" => (1, 1, text::upcase),
        "capitalize" => (1, 1, text::capitalize),
        "escape" | "h" => (1, 1, text::escape),
        "escape_once" => (1, 1, text::escape_once),
        "url_encode" => (1, 1, text::url_encode),
        "url_decode" => (1, 1, text::url_decode),
        "slice" => (2, 3, list::slice),
        "truncate" => (1, 3, text::truncate),
        "truncatewords" => (1, 3, text::truncatewords),
        "split" => (2, 2, text::split),
        "strip" => (1, 1, text::strip),
        "lstrip" => (1, 1, text::lstrip),
        "rstrip" => (1, 1, text::rstrip),
        "strip_html" => (1, 1, text::strip_html),
        "strip_newlines" => (1, 1, text::strip_newlines),
        "newline_to_br" => (1, 1, text::newline_to_br),
        "append" => (2, 2, text::append),
        "prepend" => (2, 2, text::prepend),
        "replace" => (2, 3, text::replace),
        "replace_first" => (2, 3, text::replace_first),
        "remove" => (2, 2, text::remove),
        "remove_first" => (2, 2, text::remove_first),
        "default" => (1, 2, text::default),
        "join" => (1, 2, list::join),
        "sort" => (1, 2, list::sort),
        "sort_natural" => (1, 2, list::sort_natural),
        "where" => (2, 3, list::select),
        "uniq" => (1, 2, list::uniq),
        "reverse" => (1, 1, list::reverse),
        "map" => (2, 2, list::map),
        "compact" => (1, 2, list::compact),
        "concat" => (2, 2, list::concat),
        "first" => (1, 1, list::first),
        "last" => (1, 1, list::last),
        "abs" => (1, 1, math::abs),
        "plus" => (2, 2, math::plus),
        "minus" => (2, 2, math::minus),
        "times" => (2, 2, math::times),
        "divided_by" => (2, 2, math::divided_by),
        "modulo" => (2, 2, math::modulo),
        "round" => (1, 2, math::round),
        "ceil" => (1, 1, math::ceil),
        "floor" => (1, 1, math::floor),
        "at_least" => (2, 2, math::at_least),
        "at_most" => (2, 2, math::at_most),
        // Applied above, where the time is known.
        "date" => (2, 2, list::first),
        _ => return None,
    })
}
