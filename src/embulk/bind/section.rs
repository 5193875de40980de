//! One mapping of the config, asked for its options one by one. What nobody asked for is unknown.

use std::cell::RefCell;
use std::collections::HashSet;
use std::num::NonZeroUsize;

use serde_json::Value;

use super::scalar::Scalar;
use super::{Binder, Purpose};
use crate::diagnostic::{Problem, Span, suggest};
use crate::embulk::ruby;
use crate::embulk::text::Text;
use crate::embulk::zone::{UnknownZone, Zone};
use crate::yaml::{Entry, Node, NodeValue};

/// Which numbers a count may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    AtLeastOne,
}

/// Whose rule says what is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// `true`, `false` and their texts; null is false.
    Java,
    /// Everything but null and false is true.
    Ruby,
}

/// Code of the problem of a secret that is written out; the place it is shown with must not show it.
pub(in crate::embulk) const LITERAL_SECRET: &str = "literal-secret";
/// The same for what is wrong with a key in the config.
pub(in crate::embulk) const LITERAL_KEY: &str = "bad-json-key";

/// One mapping of the config.
pub(super) struct Section<'a> {
    entries: &'a [Entry],
    span: &'a Span,
    name: &'static str,
    binder: &'a Binder<'a>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The section of a mapping; none for anything else.
    pub(super) fn of(node: &'a Node, name: &'static str, binder: &'a Binder<'a>) -> Option<Self> {
        let entries = node.as_mapping()?;
        Some(Self { entries, span: &node.span, name, binder, asked: RefCell::default() })
    }

    pub(super) fn binder(&self) -> &'a Binder<'a> {
        self.binder
    }

    pub(super) fn span(&self) -> &'a Span {
        self.span
    }

    fn entry(&self, key: &'static str) -> Option<&'a Entry> {
        self.asked.borrow_mut().push(key);
        self.entries.iter().rev().find(|entry| entry.key == key)
    }

    /// The value of an option as it stands.
    pub(super) fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    fn wrong(&self, key: &str, wanted: &str, node: &Node) {
        let message = format!("`{key}` must be {wanted}, not {}", node.kind());
        self.binder.report(Problem::error("wrong-type", message, &node.span));
    }

    /// Says that an option has a value that it cannot have. The value is shown unless it is a secret.
    pub(super) fn bad(&self, key: &str, wanted: &str, text: &Text, span: &Span) {
        let message = format!("`{key}` must be {wanted}, not `{}`", text.shown());
        self.binder.report(Problem::error("bad-value", message, span));
    }

    /// Says that an option is needed.
    pub(super) fn missing(&self, key: &str) {
        let problem =
            Problem::error("missing-option", format!("`{key}` is required in {}", self.place()), self.span);
        self.binder.report(problem);
    }

    fn place(&self) -> String {
        if self.name.starts_with("the ") { self.name.to_owned() } else { format!("`{}`", self.name) }
    }

    fn scalar(&self, key: &'static str, wanted: &str) -> Option<(Scalar, &'a Span)> {
        let node = self.node(key)?;
        match Scalar::of(node, self.binder) {
            Some(scalar) => Some((scalar, &node.span)),
            None => {
                self.wrong(key, wanted, node);
                None
            }
        }
    }

    /// A text; null is as good as absent.
    pub(super) fn text(&self, key: &'static str) -> Option<Text> {
        self.scalar(key, "text")?.0.into_text()
    }

    /// A text that is not a secret by nature: names, formats.
    pub(super) fn plain(&self, key: &'static str) -> Option<String> {
        self.text(key).map(|text| text.expose().to_owned())
    }

    /// A text that must be there. When it is absent or null, that is reported.
    pub(super) fn required(&self, key: &'static str) -> Option<Text> {
        match self.scalar(key, "text") {
            Some((Scalar::Null, _)) => self.missing(key),
            Some((scalar, _)) => return scalar.into_text(),
            None if self.entries.iter().any(|entry| entry.key == key) => {}
            None => self.missing(key),
        }
        None
    }

    /// A whole number between two bounds. Texts count by their number.
    pub(super) fn integer(&self, key: &'static str, bounds: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.whole(key, bounds, |scalar| match scalar {
            Scalar::Text(text) => text.expose().trim().parse().ok(),
            Scalar::Number(number) => number.parse().ok(),
            _ => None,
        })
    }

    /// The same by Ruby's `Integer()`: `"010"` is 8, `"1_000"` is 1000, and 1.5 without quotes is 1.
    pub(super) fn ruby_integer(
        &self,
        key: &'static str,
        bounds: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        self.whole(key, bounds, |scalar| match scalar {
            Scalar::Text(text) => ruby::integer(text.expose()),
            Scalar::Number(number) => number.parse().ok().or_else(|| whole_part(number.parse::<f64>().ok()?)),
            _ => None,
        })
    }

    fn whole(
        &self,
        key: &'static str,
        bounds: std::ops::RangeInclusive<i64>,
        read: fn(&Scalar) -> Option<i64>,
    ) -> Option<i64> {
        let wanted = if *bounds.start() == i64::MIN {
            "a whole number".to_owned()
        } else if *bounds.end() >= i64::from(u32::MAX) {
            format!("a whole number of at least {}", bounds.start())
        } else {
            format!("a whole number from {} to {}", bounds.start(), bounds.end())
        };
        let (scalar, span) = self.scalar(key, &wanted)?;
        let number = read(&scalar);
        let text = scalar.into_text()?;
        match number {
            Some(number) if bounds.contains(&number) => Some(number),
            _ => {
                self.bad(key, &wanted, &text, span);
                None
            }
        }
    }

    /// A whole number of seconds from zero on.
    pub(super) fn seconds(&self, key: &'static str) -> Option<std::time::Duration> {
        let seconds = self.integer(key, 0..=i64::from(u32::MAX))?;
        Some(std::time::Duration::from_secs(seconds.unsigned_abs()))
    }

    /// The same by Ruby's `Integer()`.
    pub(super) fn ruby_seconds(&self, key: &'static str) -> Option<std::time::Duration> {
        let seconds = self.ruby_integer(key, 0..=i64::from(u32::MAX))?;
        Some(std::time::Duration::from_secs(seconds.unsigned_abs()))
    }

    /// A number of things.
    pub(super) fn count(&self, key: &'static str, size: Size) -> Option<NonZeroUsize> {
        let least = match size {
            Size::AtLeastOne => 1,
        };
        let number = self.integer(key, least..=i64::from(u32::MAX))?;
        usize::try_from(number).ok().and_then(NonZeroUsize::new)
    }

    /// Yes or no, by the rules of the plugin.
    pub(super) fn flag(&self, key: &'static str, rules: Rules) -> Option<bool> {
        let (scalar, span) = self.scalar(key, "true or false")?;
        match (scalar, rules) {
            (Scalar::Unknown, _) => None,
            (Scalar::Bool(value), _) => Some(value),
            (Scalar::Null, _) => Some(false),
            (Scalar::Text(text), Rules::Java) => match text.expose() {
                "true" => Some(true),
                "false" => Some(false),
                _ => {
                    self.bad(key, "true or false", &text, span);
                    None
                }
            },
            (Scalar::Number(number), Rules::Java) => {
                self.bad(key, "true or false", &Text::plain(number), span);
                None
            }
            (other, Rules::Ruby) => {
                if let Some(text) = other.into_text()
                    && !matches!(text.expose(), "true" | "yes" | "on" | "1")
                {
                    let message =
                        format!("`{key}` counts as true: everything but `false` without quotes does");
                    let problem = Problem::warning("true-by-ruby", message, span);
                    let problem = problem.hint("write `false` without quotes");
                    self.binder.report(problem);
                }
                Some(true)
            }
        }
    }

    /// One of some words, in any case.
    pub(super) fn word<T: Copy>(&self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let (scalar, span) = self.scalar(key, "text")?;
        let text = scalar.into_text()?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.expose()));
        if found.is_none() {
            self.unknown_word(key, &text, words.iter().map(|(word, _)| *word), span);
        }
        found.map(|(_, value)| *value)
    }

    /// Says that a word is none of those that an option takes.
    pub(super) fn unknown_word(
        &self,
        key: &str,
        text: &Text,
        words: impl Iterator<Item = &'static str> + Clone,
        span: &Span,
    ) {
        let listed: Vec<_> = words.clone().collect();
        let message = format!("`{key}` must be one of {}, not `{}`", listed.join(", "), text.shown());
        let mut problem = Problem::error("bad-value", message, span);
        if let Some(near) = suggest(&text.shown().to_lowercase(), words.clone())
            .or_else(|| suggest(&text.shown().to_uppercase(), words))
        {
            problem = problem.did_you_mean(text.shown(), near);
        }
        self.binder.report(problem);
    }

    /// A zone, by the plugin's own rule.
    pub(super) fn zone(
        &self,
        key: &'static str,
        parse: fn(&str) -> Result<Zone, UnknownZone>,
    ) -> Option<Zone> {
        let (scalar, span) = self.scalar(key, "a time zone")?;
        let text = scalar.into_text()?;
        match parse(text.expose()) {
            Ok(zone) => Some(zone),
            Err(_) => {
                let message = format!("`{}` in `{key}` is not a time zone", text.shown());
                self.binder.report(
                    Problem::error("bad-time-zone", message, span)
                        .hint("write `Region/City`, an offset such as `+09:00`, or `UTC`"),
                );
                None
            }
        }
    }

    /// The items of a list. Null is an empty one, with a note: templates end up there when a variable is empty.
    pub(super) fn list(&self, key: &'static str) -> Vec<&'a Node> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        match &entry.value.value {
            NodeValue::Sequence(items) => items.iter().collect(),
            NodeValue::Scalar(Value::Null) => {
                self.note_empty(entry, "list");
                Vec::new()
            }
            _ if Scalar::of(&entry.value, self.binder) == Some(Scalar::Unknown) => Vec::new(),
            _ => {
                self.wrong(key, "a list", &entry.value);
                Vec::new()
            }
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Vec<String> {
        self.list(key)
            .into_iter()
            .filter_map(|node| match Scalar::of(node, self.binder) {
                Some(Scalar::Null) | None => {
                    self.wrong(key, "a list of texts", node);
                    None
                }
                Some(scalar) => scalar.into_text().map(|text| text.expose().to_owned()),
            })
            .collect()
    }

    /// The mappings in a list.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        self.list(key)
            .into_iter()
            .filter_map(|node| {
                let section = Section::of(node, key, self.binder);
                if section.is_none() && Scalar::of(node, self.binder) != Some(Scalar::Unknown) {
                    self.wrong(key, "a list of mappings", node);
                }
                section
            })
            .collect()
    }

    fn note_empty(&self, entry: &Entry, what: &str) {
        if self.binder.purpose == Purpose::Run {
            let message = format!("`{}` has nothing under it and counts as an empty {what}", entry.key);
            self.binder.report(Problem::warning("empty-value", message, &entry.key_span));
        }
    }

    /// The mapping under an option; null is none, with a note.
    pub(super) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let entry = self.entry(key)?;
        if matches!(entry.value.value, NodeValue::Scalar(Value::Null)) {
            self.note_empty(entry, "mapping");
            return None;
        }
        let section = Section::of(&entry.value, key, self.binder);
        if section.is_none() && Scalar::of(&entry.value, self.binder) != Some(Scalar::Unknown) {
            self.wrong(key, "a mapping", &entry.value);
        }
        section
    }

    /// The mapping under an option that must be there.
    pub(super) fn required_section(&self, key: &'static str) -> Option<Section<'a>> {
        match self.entry(key).map(|entry| &entry.value.value) {
            None | Some(NodeValue::Scalar(Value::Null)) => {
                self.missing(key);
                None
            }
            Some(_) => self.section(key),
        }
    }

    /// The entries of a mapping from names that people choose, with the names uncovered.
    pub(super) fn named(&self, key: &'static str) -> Vec<(String, &'a Entry)> {
        let Some(section) = self.section(key) else { return Vec::new() };
        section
            .entries
            .iter()
            .filter_map(|entry| {
                let node = Node {
                    value: NodeValue::Scalar(Value::String(entry.key.clone())),
                    span: entry.key_span.clone(),
                };
                let name = Scalar::of(&node, self.binder)?.into_text()?;
                Some((name.expose().to_owned(), entry))
            })
            .collect()
    }

    /// The `type` of the plugin, when it is one of the native ones.
    pub(super) fn plugin(&self, what: &str, native: &[&'static str]) -> Option<&'static str> {
        let (scalar, span) = match self.scalar("type", "text") {
            Some((Scalar::Null, _)) | None => {
                if self.node("type").is_none_or(|node| node.as_mapping().is_none()) {
                    self.missing("type");
                }
                return None;
            }
            Some(found) => found,
        };
        let text = scalar.into_text()?;
        let found = native.iter().find(|name| **name == text.expose()).copied();
        if found.is_none() {
            self.binder.foreign(what, text.shown(), native, span);
        }
        found
    }

    /// An option that is known and would change the result, and is not there yet.
    pub(super) fn refuse(&self, key: &'static str, hint: &str) {
        if let Some(entry) = self.entry(key) {
            let problem = Problem::error(
                "unsupported-option",
                format!("`{key}` is not supported yet, and leaving it out would change the result"),
                &entry.key_span,
            );
            self.binder.report(if hint.is_empty() { problem } else { problem.hint(hint) });
        }
    }

    /// The same for a switch that changes nothing while it is off.
    pub(super) fn refuse_on(&self, key: &'static str, rules: Rules, hint: &str) {
        if self.flag(key, rules) == Some(true) {
            self.refuse(key, hint);
        }
    }

    /// Warns, while checking, of a secret that is written out in the file: what the environment or a secret gives is
    /// not known then, so a text that is known is written out.
    pub(super) fn warn_of_literal(&self, key: &'static str, text: &str) {
        if self.binder.purpose == Purpose::Check
            && !text.is_empty()
            && let Some(node) = self.node(key)
        {
            let message = format!("the value of `{key}` is a secret that is written out");
            self.binder.report(
                Problem::warning(LITERAL_SECRET, message, &node.span)
                    .hint("pass it in through the environment: `{{ env.NAME }}`"),
            );
        }
    }

    /// Says what is wrong with the value of an option, at the value.
    pub(super) fn refuse_value(&self, key: &'static str, message: String) {
        let span = self.node(key).map_or(self.span, |node| &node.span);
        self.binder.report(Problem::error("bad-value", message, span));
    }

    /// Whether options that are there have values that are known while checking.
    pub(super) fn is_known(&self, keys: &[&'static str]) -> bool {
        let is_known = |node: &Node| Scalar::of(node, self.binder) != Some(Scalar::Unknown);
        keys.iter().filter_map(|key| self.node(key)).all(|node| match &node.value {
            NodeValue::Sequence(items) => items.iter().all(is_known),
            _ => is_known(node),
        })
    }

    /// Whether an option is there whose value is not known while checking, or is wrong and reported.
    pub(super) fn is_unknown(&self, key: &'static str) -> bool {
        self.node(key)
            .is_some_and(|node| Scalar::of(node, self.binder).is_none_or(|scalar| scalar == Scalar::Unknown))
    }

    /// An option that changes nothing here, which is said.
    pub(super) fn useless(&self, key: &'static str, why: &str) {
        if let Some(entry) = self.entry(key) {
            let message = format!("`{key}` has no effect: {why}");
            self.binder.report(Problem::warning("ignored-option", message, &entry.key_span));
        }
    }

    /// Options that mean nothing here and whose absence changes no result.
    pub(super) fn ignore(&self, keys: &[&'static str]) {
        self.asked.borrow_mut().extend(keys);
    }

    /// Warns of options that nobody asked for.
    pub(super) fn finish(&self) {
        let asked = self.asked.borrow();
        let mut seen = HashSet::new();
        for entry in self.entries {
            let again = !seen.insert(entry.key.as_str());
            if again || asked.iter().any(|key| *key == entry.key) || self.is_unknown_key(entry) {
                continue;
            }
            let message = format!("unknown option `{}` in {} is ignored", entry.key, self.place());
            let mut problem = Problem::warning("unknown-option", message, &entry.key_span);
            if let Some(near) = suggest(&entry.key, asked.iter().copied()) {
                problem = problem.did_you_mean(&entry.key, near);
            }
            self.binder.report(problem);
        }
    }

    /// Whether the key itself comes from the environment.
    fn is_unknown_key(&self, entry: &Entry) -> bool {
        entry.key.contains('⟦')
    }
}

/// The number without its fraction, as Ruby cuts it off.
fn whole_part(number: f64) -> Option<i64> {
    format!("{:.0}", number.trunc()).parse().ok()
}
