//! `type: mask`: asterisks for values.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cast::{Stamp, plain_text};
use super::cell::Cell;
use super::json::Json;
use super::make::{MASK, Make, Maker, Source, Unfitting};
use crate::embulk::config::EmbulkType;
use crate::embulk::filter::{Mask, MaskColumn, MaskKind};
use crate::embulk::replacement::replace_all;
use crate::embulk::zone::Zone;
use crate::transfer::encode::Unfit;
use crate::transfer::schema::{Column, ColumnType, Schema};
use crate::transfer::value::Value;

/// The step of a `mask` filter. Names that the input does not have mask nothing, as in Embulk, and are told.
pub(super) fn plan(filter: &Mask, schema: &Schema) -> Make {
    // Of two entries for a column the last one counts.
    let masks: HashMap<&str, &MaskColumn> =
        filter.columns.iter().map(|mask| (mask.name.as_str(), mask)).collect();
    let columns = schema.columns.iter().enumerate().map(|(at, column)| {
        let Some(mask) = masks.get(column.name.as_str()) else {
            return (column.clone(), Source::Moved(at));
        };
        let json = column.kind.embulk() == EmbulkType::Json;
        let kind = if json { column.kind } else { ColumnType::String };
        (Column::new(&column.name, kind), Source::Made(at, Box::new(Masker::new(mask)) as Box<dyn Maker>))
    });
    let columns = columns.collect();
    let mut make = Make::new(MASK, Unfitting::Stop, schema, columns);
    let known = schema.positions();
    for mask in filter.columns.iter().filter(|mask| !known.contains_key(mask.name.as_str())) {
        make.note(format!("filter `mask`: column `{}` does not exist", mask.name));
    }
    make
}

struct Masker {
    column: MaskColumn,
    stamps: [Stamp; 3],
}

impl Masker {
    fn new(column: &MaskColumn) -> Self {
        // As many digits of a second as there are, in threes.
        let stamp = |format| Stamp::new(format, &Zone::utc());
        let stamps = ["%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S.%3N UTC", "%Y-%m-%d %H:%M:%S.%6N UTC"];
        Self { column: column.clone(), stamps: stamps.map(stamp) }
    }

    fn text(&mut self, cell: &Cell<'_>) -> Result<String, Unfit> {
        let Cell::Timestamp(instant) = cell else { return Ok(plain_text(cell)) };
        let digits = match instant.rem_euclid(1_000_000) {
            0 => 0,
            micros if micros % 1000 == 0 => 1,
            _ => 2,
        };
        self.stamps[digits].text(*instant)
    }
}

impl Maker for Masker {
    fn make(&mut self, cell: Cell<'_>, made: &mut Vec<Option<Value>>) -> Result<(), Unfit> {
        let text = match cell {
            Cell::Json(text) if self.column.paths.is_empty() => text.to_owned(),
            Cell::Json(text) => {
                let mut json = Json::parse(text)?;
                for path in &self.column.paths {
                    // The whole value and null are left alone.
                    if !path.key.steps.is_empty() {
                        json.change::<Unfit>(&path.key.steps, &mut |value| {
                            if *value != Json::Null {
                                *value = Json::Text(masked(&path.kind, &shown(value)));
                            }
                            Ok(())
                        })?;
                    }
                }
                json.to_text()
            }
            cell => {
                let text = self.text(&cell)?;
                masked(&self.column.kind, &text)
            }
        };
        made.push(Some(Value::Text(text.into_bytes())));
        Ok(())
    }
}

/// The text of a part of JSON, as the plugin's library shows it: objects as `{key=value, key=value}`.
fn shown(json: &Json) -> String {
    match json {
        Json::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}={}", shown(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.clone().into_plain(),
    }
}

fn stars(count: usize) -> String {
    "*".repeat(count)
}

fn is_line_end(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// An asterisk for every character but the ends of lines.
fn starred(text: &str) -> String {
    text.chars().map(|char| if is_line_end(char) { char } else { '*' }).collect()
}

fn masked(kind: &MaskKind, text: &str) -> String {
    match kind {
        MaskKind::All { length: Some(length) } => stars(*length),
        MaskKind::All { length: None } => starred(text),
        MaskKind::Email { length: None } => match text.rfind('@') {
            Some(at) => starred(&text[..at]) + &text[at..],
            None => text.to_owned(),
        },
        MaskKind::Email { length: Some(length) } => email(text, *length).into_owned(),
        MaskKind::Regex(pattern) => replace_all(text, &pattern.0, "*"),
        MaskKind::Substring { start, end, length } => substring(text, *start, *end, *length),
    }
}

/// Asterisks before the first `@` that has something before it, on one line, and something behind it.
fn email(text: &str, length: usize) -> Cow<'_, str> {
    let first = text.chars().next().map_or(0, char::len_utf8);
    let Some(at) = text[first..].find('@').map(|at| at + first) else { return Cow::Borrowed(text) };
    let behind = &text[at + 1..];
    if behind.is_empty() || text.contains(is_line_end) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}@{behind}", stars(length)))
}

/// Asterisks from one place up to before another; places count UTF-16 units.
fn substring(text: &str, start: usize, end: Option<usize>, length: Option<usize>) -> String {
    let units = text.encode_utf16().count();
    let end = end.unwrap_or(units).min(units);
    if start >= end {
        return text.to_owned();
    }
    let (mut before, mut after) = (String::new(), String::new());
    let mut at = 0;
    for char in text.chars() {
        let next = at + char.len_utf16();
        if next <= start {
            before.push(char);
        } else if at >= end {
            after.push(char);
        }
        at = next;
    }
    before + &stars(length.unwrap_or(end - start)) + &after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::pattern::{self, Pattern};

    #[test]
    fn texts_of_every_kind() {
        let length = |length| Some(length);
        let regex = |text| MaskKind::Regex(Pattern(pattern::compile(text).unwrap()));
        let substring = |start, end, length| MaskKind::Substring { start, end, length };
        for (kind, text, expected) in [
            (MaskKind::All { length: None }, "日本 ab\n😀", "*****\n*"),
            (MaskKind::All { length: length(3) }, "a", "***"),
            (MaskKind::Email { length: None }, "a.b@c@example.com", "*****@example.com"),
            (MaskKind::Email { length: None }, "nobody", "nobody"),
            (MaskKind::Email { length: length(5) }, "bell@example.com", "*****@example.com"),
            (MaskKind::Email { length: length(5) }, "@x@example.com", "*****@example.com"),
            (MaskKind::Email { length: length(5) }, "nobody", "nobody"),
            (MaskKind::Email { length: length(5) }, "a@", "a@"),
            (regex("[0-9]+"), "a12b3", "a*b*"),
            (substring(2, None, None), "abcdef", "ab****"),
            (substring(1, Some(3), None), "abcdef", "a**def"),
            (substring(1, Some(3), length(5)), "abcdef", "a*****def"),
            (substring(4, None, None), "abc", "abc"),
            (substring(0, Some(1), None), "abc", "*bc"),
            (substring(0, Some(9), None), "😀a", "***"),
        ] {
            assert_eq!(masked(&kind, text), expected, "{kind:?} {text}");
        }
    }

    #[test]
    fn parts_of_json_become_text_first() {
        for (text, expected) in
            [("[0,1,2]", "[0,1,2]"), (r#"{"a":1,"b":"x"}"#, "{a=1, b=x}"), ("1.10", "1.10"), ("\"q\"", "q")]
        {
            assert_eq!(shown(&Json::parse(text).unwrap()), expected);
        }
    }
}
