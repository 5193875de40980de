//! Filters on text.

use std::sync::LazyLock;

use regex::Regex;

use super::{check_items, check_length};
use crate::embulk::liquid::lexer::is_space;
use crate::embulk::liquid::number::strict_integer;
use crate::embulk::liquid::value::Value;

fn input(arguments: &[Value]) -> String {
    arguments[0].to_text()
}

fn argument(arguments: &[Value], index: usize) -> String {
    arguments.get(index).map_or_else(String::new, Value::to_text)
}

fn text(text: impl AsRef<str>) -> Result<Value, String> {
    Ok(Value::text(text.as_ref()))
}

fn is_nil(arguments: &[Value]) -> bool {
    matches!(arguments[0].open(), Value::Nil)
}

pub(super) fn downcase(arguments: &[Value]) -> Result<Value, String> {
    text(input(arguments).to_lowercase())
}

pub(super) fn upcase(arguments: &[Value]) -> Result<Value, String> {
    text(input(arguments).to_uppercase())
}

pub(super) fn capitalize(arguments: &[Value]) -> Result<Value, String> {
    let input = input(arguments);
    let mut chars = input.chars();
    let first: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    text(first + &chars.as_str().to_lowercase())
}

fn entity(char: char) -> Option<&'static str> {
    Some(match char {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        '\'' => "&#39;",
        _ => return None,
    })
}

pub(super) fn escape(arguments: &[Value]) -> Result<Value, String> {
    if is_nil(arguments) {
        return Ok(Value::Nil);
    }
    let mut out = String::new();
    for char in input(arguments).chars() {
        match entity(char) {
            Some(entity) => out.push_str(entity),
            None => out.push(char),
        }
    }
    text(out)
}

pub(super) fn escape_once(arguments: &[Value]) -> Result<Value, String> {
    let input = input(arguments);
    let mut out = String::new();
    for (at, char) in input.char_indices() {
        match entity(char) {
            Some("&amp;") if is_entity(&input[at + 1..]) => out.push('&'),
            Some(entity) => out.push_str(entity),
            None => out.push(char),
        }
    }
    text(out)
}

/// Whether a text after `&` goes on as an entity: letters, or `#` and digits, then `;`.
fn is_entity(rest: &str) -> bool {
    let Some((name, _)) = rest.split_once(';') else { return false };
    match name.strip_prefix('#') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()),
    }
}

pub(super) fn url_encode(arguments: &[Value]) -> Result<Value, String> {
    if is_nil(arguments) {
        return Ok(Value::Nil);
    }
    let mut out = String::new();
    for byte in input(arguments).bytes() {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    text(out)
}

pub(super) fn url_decode(arguments: &[Value]) -> Result<Value, String> {
    if is_nil(arguments) {
        return Ok(Value::Nil);
    }
    let input = input(arguments);
    let mut out = Vec::new();
    let mut rest = input.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        rest = after;
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            (b'+', ..) => out.push(b' '),
            (byte, ..) => out.push(*byte),
        }
    }
    String::from_utf8(out).map(Value::text).map_err(|_| "invalid byte sequence in UTF-8".to_owned())
}

pub(super) fn truncate(arguments: &[Value]) -> Result<Value, String> {
    if is_nil(arguments) {
        return Ok(Value::Nil);
    }
    let input = input(arguments);
    let length = match arguments.get(1) {
        Some(length) => strict_integer(length).ok_or("invalid integer")?,
        None => 50,
    };
    let ellipsis = arguments.get(2).map_or_else(|| "...".to_owned(), Value::to_text);
    if (input.chars().count() as i128) <= length {
        return text(input);
    }
    let keep = usize::try_from(length.saturating_sub(ellipsis.chars().count() as i128)).unwrap_or(0);
    text(input.chars().take(keep).collect::<String>() + &ellipsis)
}

pub(super) fn truncatewords(arguments: &[Value]) -> Result<Value, String> {
    if is_nil(arguments) {
        return Ok(Value::Nil);
    }
    let input = input(arguments);
    let count = match arguments.get(1) {
        Some(count) => strict_integer(count).ok_or("invalid integer")?,
        None => 15,
    };
    let ellipsis = arguments.get(2).map_or_else(|| "...".to_owned(), Value::to_text);
    let words: Vec<_> = input.split(is_space).filter(|word| !word.is_empty()).collect();
    // Liquid 4 counts the words before the last one it keeps, so a text of just that many words gets the dots too.
    let last = usize::try_from(count.max(1) - 1).unwrap_or(usize::MAX);
    if words.len() <= last {
        return Ok(arguments[0].clone());
    }
    text(words[..=last].join(" ") + &ellipsis)
}

pub(super) fn split(arguments: &[Value]) -> Result<Value, String> {
    let (input, separator) = (input(arguments), argument(arguments, 1));
    let most = if separator.is_empty() { input.len() } else { input.matches(&separator).count() };
    check_items(most)?;
    let mut parts: Vec<String> = match separator.as_str() {
        "" => input.chars().map(String::from).collect(),
        " " => input.split(is_space).filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        separator => input.split(separator).map(str::to_owned).collect(),
    };
    while parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    Ok(Value::list(parts.into_iter().map(Value::text).collect()))
}

pub(super) fn strip(arguments: &[Value]) -> Result<Value, String> {
    let input = input(arguments);
    text(strip_end(input.trim_start_matches(strippable)))
}

pub(super) fn lstrip(arguments: &[Value]) -> Result<Value, String> {
    text(input(arguments).trim_start_matches(strippable))
}

pub(super) fn rstrip(arguments: &[Value]) -> Result<Value, String> {
    text(strip_end(&input(arguments)))
}

fn strippable(char: char) -> bool {
    is_space(char) || char == '\0'
}

fn strip_end(text: &str) -> &str {
    text.trim_end_matches(strippable)
}

pub(super) fn strip_html(arguments: &[Value]) -> Result<Value, String> {
    // Constant patterns: they compile always, or the tests fail.
    static BLOCKS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?s)<script.*?</script>|<!--.*?-->|<style.*?</style>").expect("constant pattern")
    });
    static TAGS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)<.*?>").expect("constant pattern"));
    let input = input(arguments);
    text(TAGS.replace_all(&BLOCKS.replace_all(&input, ""), ""))
}

pub(super) fn strip_newlines(arguments: &[Value]) -> Result<Value, String> {
    text(input(arguments).replace("\r\n", "").replace('\n', ""))
}

pub(super) fn newline_to_br(arguments: &[Value]) -> Result<Value, String> {
    text(input(arguments).replace('\n', "<br />\n"))
}

pub(super) fn append(arguments: &[Value]) -> Result<Value, String> {
    text(input(arguments) + &argument(arguments, 1))
}

pub(super) fn prepend(arguments: &[Value]) -> Result<Value, String> {
    text(argument(arguments, 1) + &input(arguments))
}

/// What Ruby makes of backslashes in a replacement: `\0` and `\&` are the match.
fn replacement(text: &str, matched: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('0' | '&') => out.push_str(matched),
            Some('1'..='9' | '`' | '\'') => {}
            Some('\\') | None => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    out
}

fn checked_replacement(text: &str, matched: &str) -> Result<String, String> {
    let most = text.matches('\\').count().saturating_mul(matched.len());
    check_length(most.saturating_add(text.len()))?;
    Ok(replacement(text, matched))
}

pub(super) fn replace(arguments: &[Value]) -> Result<Value, String> {
    let (input, from, to) = (input(arguments), argument(arguments, 1), argument(arguments, 2));
    let to = checked_replacement(&to, &from)?;
    let added = input.matches(&from).count().saturating_mul(to.len());
    check_length(added.saturating_add(input.len()))?;
    text(input.replace(&from, &to))
}

pub(super) fn replace_first(arguments: &[Value]) -> Result<Value, String> {
    let (from, to) = (argument(arguments, 1), argument(arguments, 2));
    text(input(arguments).replacen(&from, &checked_replacement(&to, &from)?, 1))
}

pub(super) fn remove(arguments: &[Value]) -> Result<Value, String> {
    text(input(arguments).replace(&argument(arguments, 1), ""))
}

pub(super) fn remove_first(arguments: &[Value]) -> Result<Value, String> {
    text(input(arguments).replacen(&argument(arguments, 1), "", 1))
}

pub(super) fn default(arguments: &[Value]) -> Result<Value, String> {
    let value = &arguments[0];
    if value.is_truthy() && value.is_empty() != Some(true) {
        return Ok(value.clone());
    }
    Ok(arguments.get(1).cloned().unwrap_or_else(|| Value::text("")))
}
