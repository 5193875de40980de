//! What a tag makes of a value: `!!str 1` is text.

use std::collections::HashMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::scalar::{self, integer, number_or_word, split_sign};
use super::scan::Style;
use super::{Dialect, Entry, Node, NodeValue, timestamp};

/// What the tags of YAML itself begin with; `!!` stands for it.
const CORE: &str = "tag:yaml.org,2002:";
/// The bits behind the last byte are not looked at.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Why a tag can't be heeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// No such tag is known.
    Unknown,
    /// It is known, and the value is none of that kind.
    Unfit,
}

/// What a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SequenceKind {
    List,
    /// `!!omap [a: 1, b: 2]` is a mapping.
    OrderedMapping,
}

/// What a mapping is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MappingKind {
    Mapping,
    /// `!!set {a, b}` is the list of its keys.
    Set,
}

/// The value of a scalar. The bare tag `!` reads even a quoted one as if it stood there plain.
pub(super) fn scalar_value(
    text: &str,
    style: Style,
    tag: Option<&str>,
    dialect: Dialect,
) -> Result<Value, Refused> {
    let as_text = || Value::String(text.to_owned());
    let Some(tag) = tag else {
        return Ok(if style == Style::Plain { scalar::resolve(text, dialect) } else { as_text() });
    };
    if tag == "!" {
        return Ok(scalar::resolve(text, dialect));
    }
    let value = match core(tag) {
        Some("str") => Some(as_text()),
        Some("null") => Some(Value::Null),
        Some("int") => explicit_integer(text),
        Some("float") => explicit_float(text),
        Some("bool") => explicit_boolean(text),
        Some("binary") => binary(text),
        Some("timestamp") => timestamp::milliseconds(text).map(Value::from),
        Some("seq" | "map" | "omap" | "set") => None,
        _ => return Err(Refused::Unknown),
    };
    value.ok_or(Refused::Unfit)
}

/// What a tag makes of a list.
pub(super) fn sequence_kind(tag: Option<&str>) -> Result<SequenceKind, Refused> {
    let Some(tag) = tag.filter(|tag| *tag != "!") else { return Ok(SequenceKind::List) };
    match core(tag) {
        Some("seq") => Ok(SequenceKind::List),
        Some("omap") => Ok(SequenceKind::OrderedMapping),
        _ => Err(refused(tag)),
    }
}

/// What a tag makes of a mapping.
pub(super) fn mapping_kind(tag: Option<&str>) -> Result<MappingKind, Refused> {
    let Some(tag) = tag.filter(|tag| *tag != "!") else { return Ok(MappingKind::Mapping) };
    match core(tag) {
        Some("map") => Ok(MappingKind::Mapping),
        Some("set") => Ok(MappingKind::Set),
        _ => Err(refused(tag)),
    }
}

/// The mapping that a list of mappings with one pair each stands for.
pub(super) fn ordered_mapping(items: Vec<Node>) -> Result<Vec<Entry>, Refused> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut entries: Vec<Entry> = Vec::with_capacity(items.len());
    for item in items {
        let NodeValue::Mapping(mut pair) = item.value else { return Err(Refused::Unfit) };
        let (Some(entry), true) = (pair.pop(), pair.is_empty()) else { return Err(Refused::Unfit) };
        let at = *places.entry(entry.key.clone()).or_insert(entries.len());
        match entries.get_mut(at) {
            Some(known) => known.value = entry.value,
            None => entries.push(entry),
        }
    }
    Ok(entries)
}

/// A tag as people write it.
pub(super) fn shown(tag: &str) -> String {
    match core(tag) {
        Some(name) => format!("!!{name}"),
        None if tag.starts_with('!') => tag.to_owned(),
        None => format!("!<{tag}>"),
    }
}

/// Whether a scalar is the `<<` that merges.
pub(super) fn is_merge(text: &str, style: Style, tag: Option<&str>) -> bool {
    match tag {
        None => style == Style::Plain && text == "<<",
        Some("!") => text == "<<",
        Some(tag) => core(tag) == Some("merge"),
    }
}

fn core(tag: &str) -> Option<&str> {
    tag.strip_prefix(CORE)
}

fn refused(tag: &str) -> Refused {
    match core(tag) {
        Some(
            "str" | "null" | "int" | "float" | "bool" | "binary" | "timestamp" | "seq" | "map" | "omap"
            | "set",
        ) => Refused::Unfit,
        _ => Refused::Unknown,
    }
}

/// Base64, without its blanks.
fn binary(text: &str) -> Option<Value> {
    let written: String = text.split_whitespace().collect();
    Some(Value::String(BASE64.encode(BASE64.decode(written).ok()?)))
}

/// `!!int` on a text. It also takes what is no plain number: `1:30`, a leading `_`.
fn explicit_integer(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let (negative, digits) = split_sign(&text);
    if !digits.contains(':') {
        return integer(&text, Dialect::Digdag);
    }
    let mut total: i64 = 0;
    for part in digits.trim_end_matches(':').split(':') {
        total = total.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    Some(Value::Number(if negative { -total } else { total }.into()))
}

/// `!!float` on a text: what Java takes for a number.
fn explicit_float(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let (negative, body) = split_sign(&text);
    let magnitude = match body.to_ascii_lowercase().as_str() {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ => {
            let parts = body.trim_end_matches(':').split(':');
            parts.map(java_double).try_fold(0.0, |total, part| Some(total * 60.0 + part?))?
        }
    };
    Some(number_or_word(if negative { -magnitude } else { magnitude }))
}

/// What `Double.valueOf` reads, hexadecimal digits excepted.
fn java_double(text: &str) -> Option<f64> {
    match text.trim() {
        "Infinity" => Some(f64::INFINITY),
        "NaN" => Some(f64::NAN),
        text => {
            let digits = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
            // Rust knows further words.
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
            digits.parse().ok().filter(|_| is_number)
        }
    }
}

/// `!!bool` also knows the words that a plain scalar does not.
fn explicit_boolean(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(Value::Bool(true)),
        "false" | "no" | "off" => Some(Value::Bool(false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_take_what_java_takes() {
        for (text, expected) in [
            ("_00", Some(json!(0))),
            ("1_000", Some(json!(1000))),
            ("10:72050", Some(json!(72650))),
            ("-1:30", Some(json!(-90))),
            ("0o17", None),
            ("08", None),
            ("1.5", None),
            ("", None),
            (":1", None),
        ] {
            assert_eq!(explicit_integer(text), expected, "`{text}`");
        }
        for (text, expected) in [
            ("1", Some(json!(1.0))),
            ("0.5", Some(json!(0.5))),
            ("-.Inf", Some(json!("-Infinity"))),
            ("NaN", Some(json!("NaN"))),
            ("1e400", Some(json!("Infinity"))),
            ("9f", Some(json!(9.0))),
            ("1.5 ", Some(json!(1.5))),
            ("1:30", Some(json!(90.0))),
            ("inf", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(explicit_float(text), expected, "`{text}`");
        }
    }
}
