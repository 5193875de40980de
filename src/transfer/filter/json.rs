//! JSON values that filters look into: order of keys and texts of numbers stay as they are.

use crate::embulk::json_path::Step;
use crate::transfer::encode::Unfit;

/// Values that stand deeper than this, one in another, are refused: each level takes its part of the stack.
const DEEPEST: usize = 500;

/// Why a text is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoValue {
    NotJson,
    TooDeep,
}

impl NoValue {
    /// What to say of it, where `other` is said of what is not JSON.
    pub(super) fn or(self, other: Unfit) -> Unfit {
        match self {
            Self::NotJson => other,
            Self::TooDeep => Unfit("is JSON that is nested deeper than 500 levels"),
        }
    }
}

impl From<NoValue> for Unfit {
    fn from(no_value: NoValue) -> Self {
        no_value.or(Self("is not JSON"))
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Boolean(bool),
    /// Its text.
    Number(String),
    Text(String),
    List(Vec<Json>),
    /// Keys and values in their order; a key may be there twice.
    Map(Vec<(String, Json)>),
}

impl Json {
    /// Parses a text.
    pub(super) fn parse(text: &str) -> Result<Self, NoValue> {
        let mut parser = Parser { rest: text, depth: 0, too_deep: false };
        let value = parser.value();
        parser.skip_space();
        match value {
            Some(value) if parser.rest.is_empty() => Ok(value),
            None if parser.too_deep => Err(NoValue::TooDeep),
            _ => Err(NoValue::NotJson),
        }
    }

    /// Appends the value without white space.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Self::Number(text) => out.extend_from_slice(text.as_bytes()),
            Self::Text(text) => push_text(text, out),
            Self::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Map(entries) => {
                out.push(b'{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    push_text(key, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    /// The text without white space.
    pub(super) fn to_text(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    /// A text as it is, anything else as JSON.
    pub(super) fn into_plain(self) -> String {
        match self {
            Self::Text(text) => text,
            other => other.to_text(),
        }
    }

    /// What one step down leads to. Of equal keys the last one counts.
    pub(super) fn child(&self, step: &Step) -> Option<&Self> {
        match (self, step) {
            (Self::Map(entries), Step::Key(key)) => {
                entries.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value)
            }
            (Self::List(items), Step::Index(index)) => items.get(*index),
            _ => None,
        }
    }

    /// Everything that a path leads to.
    pub(super) fn find<'j>(&'j self, steps: &[Step], found: &mut Vec<&'j Self>) {
        match steps.split_first() {
            None => found.push(self),
            Some((Step::Any, rest)) => match self {
                Self::List(items) => items.iter().for_each(|item| item.find(rest, found)),
                Self::Map(entries) => entries.iter().for_each(|(_, value)| value.find(rest, found)),
                _ => {}
            },
            Some((step, rest)) => {
                if let Some(child) = self.child(step) {
                    child.find(rest, found);
                }
            }
        }
    }

    /// Changes everything that a path leads to; the first error ends it.
    pub(super) fn change<E>(
        &mut self,
        steps: &[Step],
        change: &mut dyn FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((step, rest)) = steps.split_first() else { return change(self) };
        match (self, step) {
            (Self::List(items), Step::Any) => items.iter_mut().try_for_each(|item| item.change(rest, change)),
            (Self::Map(entries), Step::Any) => {
                entries.iter_mut().try_for_each(|(_, value)| value.change(rest, change))
            }
            (Self::List(items), Step::Index(index)) => match items.get_mut(*index) {
                Some(item) => item.change(rest, change),
                None => Ok(()),
            },
            (Self::Map(entries), Step::Key(key)) => {
                match entries.iter_mut().rev().find(|(known, _)| known == key) {
                    Some((_, value)) => value.change(rest, change),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
    too_deep: bool,
}

impl<'t> Parser<'t> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, start: &str) -> bool {
        let after = self.rest.strip_prefix(start);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn value(&mut self) -> Option<Json> {
        self.skip_space();
        match self.rest.bytes().next()? {
            b'{' => self.nested(Self::map),
            b'[' => self.nested(Self::list),
            b'"' => self.text().map(Json::Text),
            b'n' => self.take("null").then_some(Json::Null),
            b't' => self.take("true").then_some(Json::Boolean(true)),
            b'f' => self.take("false").then_some(Json::Boolean(false)),
            _ => self.number(),
        }
    }

    fn nested(&mut self, inside: fn(&mut Self) -> Option<Json>) -> Option<Json> {
        self.rest = &self.rest[1..];
        self.depth += 1;
        self.too_deep |= self.depth > DEEPEST;
        let value = if self.too_deep { None } else { inside(self) };
        self.depth -= 1;
        value
    }

    fn map(&mut self) -> Option<Json> {
        let mut entries = Vec::new();
        self.skip_space();
        if self.take("}") {
            return Some(Json::Map(entries));
        }
        loop {
            self.skip_space();
            let key = self.text()?;
            self.skip_space();
            if !self.take(":") {
                return None;
            }
            entries.push((key, self.value()?));
            self.skip_space();
            if self.take("}") {
                return Some(Json::Map(entries));
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    fn list(&mut self) -> Option<Json> {
        let mut items = Vec::new();
        self.skip_space();
        if self.take("]") {
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_space();
            if self.take("]") {
                return Some(Json::List(items));
            }
            if !self.take(",") {
                return None;
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        let bytes = self.rest.as_bytes();
        if bytes.first() != Some(&b'"') {
            return None;
        }
        let mut at = 1;
        let mut escaped = false;
        while *bytes.get(at)? != b'"' {
            escaped |= bytes[at] == b'\\';
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        let (text, rest) = self.rest.split_at_checked(at + 1)?;
        self.rest = rest;
        let inside = &text[1..at];
        if !escaped && !inside.bytes().any(|byte| byte < 0x20) {
            return Some(inside.to_owned());
        }
        serde_json::from_str(text).ok()
    }

    fn number(&mut self) -> Option<Json> {
        let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest.bytes().take_while(is_part).count();
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        is_number(text).then(|| Json::Number(text.to_owned()))
    }
}

/// `-0.5e+10`
fn is_number(text: &str) -> bool {
    let run = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = run(rest);
    if whole == 0 || (whole > 1 && rest.starts_with('0')) {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(after) = rest.strip_prefix('.') {
        if run(after) == 0 {
            return false;
        }
        rest = &after[run(after)..];
    }
    if let Some(after) = rest.strip_prefix(['e', 'E']) {
        let after = after.strip_prefix(['+', '-']).unwrap_or(after);
        return run(after) > 0 && run(after) == after.len();
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::json_path::JsonPath;

    #[test]
    fn numbers_and_order_stay_and_space_goes() {
        let text = " { \"b\" : [ 1.10 , -0, 1e400, 123456789012345678901234567890 ], \"a\": {\"x\": null, \"é\\n\": \"\\u3042\"} } ";
        assert_eq!(
            Json::parse(text).unwrap().to_text(),
            "{\"b\":[1.10,-0,1e400,123456789012345678901234567890],\"a\":{\"x\":null,\"é\\n\":\"あ\"}}"
        );
    }

    #[test]
    fn what_is_not_json() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "nul",
            "\"a",
            "\"\\x\"",
            "'a'",
            "1 2",
            "NaN",
            "{a:1}",
            "\"\t\"",
            "\"\\",
        ] {
            assert_eq!(Json::parse(text), Err(NoValue::NotJson), "{text}");
        }
    }

    #[test]
    fn values_have_a_deepest_level() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let deepest = nested(DEEPEST);
        assert_eq!(Json::parse(&deepest).unwrap().to_text(), deepest);
        for text in [nested(DEEPEST + 1), nested(100_000), "{\"a\":".repeat(100_000)] {
            let no_value = Json::parse(&text).unwrap_err();
            assert_eq!(Unfit::from(no_value), Unfit("is JSON that is nested deeper than 500 levels"));
        }
    }

    #[test]
    fn paths_find_and_change() {
        let mut json = Json::parse(r#"{"a":[{"k":1},{"k":2},{}],"b":3}"#).unwrap();
        let steps = JsonPath::parse("$.a[*].k").unwrap().steps;
        let mut found = Vec::new();
        json.find(&steps, &mut found);
        assert_eq!(found.iter().map(|json| json.to_text()).collect::<Vec<_>>(), ["1", "2"]);
        let changed: Result<(), ()> = json.change(&steps, &mut |value| {
            *value = Json::Boolean(true);
            Ok(())
        });
        assert_eq!(changed, Ok(()));
        assert_eq!(json.to_text(), r#"{"a":[{"k":true},{"k":true},{}],"b":3}"#);
    }

    proptest::proptest! {
        #[test]
        fn it_agrees_with_another_parser(text in "[\\[\\]{}\",:0-9.eE+\\- atrufnlsx\\\\]{0,24}") {
            let other = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            proptest::prop_assert_eq!(Json::parse(&text).is_ok(), other, "{}", text);
        }
    }
}
