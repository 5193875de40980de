//! The scrubber: takes every known secret out of text and bytes before they leave the process.
//!
//! Every secret is looked for in all the [forms](forms) that programs print it in. All matches count, also those
//! that overlap: a byte that belongs to any form of any secret is never shown. Secrets may be added at any time,
//! from any thread; what is scrubbed afterwards knows them.

mod base64;
mod forms;
#[cfg(test)]
mod laws;
mod stream;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde_json::Value;
use zeroize::Zeroize as _;

pub use stream::{ScrubbingStream, ScrubbingWriter};

use super::Secret;

/// What stands where a secret stood.
pub const MARK: &str = "***";

/// Shorter forms are hidden only where they stand alone, between characters that are no letters and no digits:
/// a password `ab` hidden everywhere would make text unreadable, and its gaps would tell the password.
const SHORT: usize = 4;

/// Shorter numbers in values are no secrets.
const NUMBER: usize = 6;

/// A text that ends in the first half of a secret was cut there. From this many bytes on, that half is hidden too.
const CUT: usize = 8;

/// Knows secrets and hides them. A clone shares what it knows.
#[derive(Clone, Default)]
pub struct Scrubber(Arc<RwLock<Known>>);

/// One way a secret may be printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Form(Vec<u8>);

impl Drop for Form {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Default)]
struct Known {
    values: BTreeSet<Form>,
    /// Forms, sorted, so that prefixes can be found by bisection.
    forms: BTreeSet<Form>,
    /// Built when the first text is scrubbed after a change.
    matcher: Option<Arc<Matcher>>,
}

/// All forms, ready to search.
struct Matcher {
    automaton: Option<AhoCorasick>,
    forms: Vec<Form>,
    begins: Begins,
    longest: usize,
}

impl std::fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scrubber(…)")
    }
}

impl Scrubber {
    /// A scrubber that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns a secret. Knowing it already costs nothing. Values of one character, and empty ones, cannot be hidden.
    pub fn add(&self, secret: &Secret) {
        let value = Form(secret.expose().as_bytes().to_vec());
        if self.0.read().unwrap_or_else(PoisonError::into_inner).values.contains(&value) {
            return;
        }
        let forms = forms::of(secret.expose());
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.values.insert(value);
        known.forms.extend(forms);
        known.matcher = None;
    }

    /// The text with every known secret replaced by [`MARK`].
    pub fn scrub_text(&self, text: &str) -> String {
        let matcher = self.matcher();
        if matcher.automaton.is_none() {
            return text.to_owned();
        }
        let bytes = matcher.scrub_to_end(text.as_bytes(), None);
        // Forms are whole characters, so what is left is UTF-8; the lossy way is for the reader's peace.
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// The bytes with every known secret replaced by [`MARK`].
    pub fn scrub_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.matcher().scrub_to_end(bytes, None)
    }

    /// Every text in a value scrubbed, keys of mappings too.
    pub fn scrub_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.scrub_text(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.scrub_value(item)).collect()),
            Value::Object(map) => Value::Object(
                map.iter().map(|(key, value)| (self.scrub_text(key), self.scrub_value(value))).collect(),
            ),
            Value::Number(number) => {
                let text = number.to_string();
                // Counts are numbers too: only a long one that is a secret as a whole is taken for one.
                let is_secret = text.len() >= NUMBER && self.scrub_text(&text) == MARK;
                if is_secret { Value::String(MARK.to_owned()) } else { value.clone() }
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    /// Whether a known secret stands in the text, in any form.
    pub fn contains(&self, text: &str) -> bool {
        !self.matcher().hidden(text.as_bytes(), None, Ends::Here).is_empty()
    }

    /// A scrubber of bytes that come in pieces.
    pub fn stream(&self) -> ScrubbingStream {
        ScrubbingStream::new(self.clone())
    }

    fn matcher(&self) -> Arc<Matcher> {
        {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(matcher) = &known.matcher {
                return Arc::clone(matcher);
            }
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(matcher) = &known.matcher {
            return Arc::clone(matcher);
        }
        let matcher = Arc::new(Matcher::new(&known.forms));
        known.matcher = Some(Arc::clone(&matcher));
        matcher
    }
}

/// Whether more bytes may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// The text is whole.
    Here,
    /// More may come.
    Later,
}

impl Matcher {
    fn new(forms: &BTreeSet<Form>) -> Self {
        let forms: Vec<_> = forms.iter().cloned().collect();
        let longest = forms.iter().map(|form| form.0.len()).max().unwrap_or(0);
        // Not the kind it would pick: a DFA over a private key in all its forms is a hundred megabytes.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(forms.iter().map(|form| form.0.as_slice()));
        // Building fails beyond 2^31 states, that is two gigabytes of secrets.
        let automaton = if forms.is_empty() { None } else { automaton.ok() };
        let begins = Begins::of(&forms);
        Self { automaton, forms, begins, longest }
    }

    /// What must not be shown, as ranges in order that do not overlap.
    fn hidden(&self, bytes: &[u8], before: Option<u8>, ends: Ends) -> Vec<Range<usize>> {
        let Some(automaton) = &self.automaton else { return Vec::new() };
        let mut found: Vec<Range<usize>> = automaton
            .find_overlapping_iter(bytes)
            .map(|found| found.range())
            .filter(|range| range.len() >= SHORT || stands_alone(bytes, range, before, ends))
            .collect();
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }

    /// Scrubs a text that ends here. `before`: the byte before it, where there is one.
    fn scrub_to_end(&self, bytes: &[u8], before: Option<u8>) -> Vec<u8> {
        let mut hidden = self.hidden(bytes, before, Ends::Here);
        for end in [bytes.len(), before_ellipsis(bytes)] {
            if let Some(start) = self.cut_form_at_end(&bytes[..end]) {
                add_range(&mut hidden, start..end);
            }
        }
        replace(bytes, &hidden)
    }

    /// Where the longest end of `bytes` begins that may be the beginning of a form; `bytes.len()` for none.
    fn tail_start(&self, bytes: &[u8]) -> usize {
        let window = bytes.len().saturating_sub(self.longest);
        (window..bytes.len())
            .find(|&start| self.form_beginning_with(&bytes[start..]).is_some())
            .unwrap_or(bytes.len())
    }

    /// Where a form begins that the end of the text cuts after at least half of it.
    fn cut_form_at_end(&self, bytes: &[u8]) -> Option<usize> {
        let window = bytes.len().saturating_sub(self.longest);
        (window..bytes.len().saturating_sub(CUT - 1)).find(|&start| {
            let tail = &bytes[start..];
            self.form_beginning_with(tail).is_some_and(|form| tail.len() * 2 >= form.len())
        })
    }

    /// The first form, in order of bytes, that begins with `tail` and is longer or as long.
    fn form_beginning_with(&self, tail: &[u8]) -> Option<&[u8]> {
        if !self.begins.may_begin(tail) {
            return None;
        }
        let at = self.forms.partition_point(|form| form.0.as_slice() < tail);
        self.forms.get(at).map(|form| form.0.as_slice()).filter(|form| form.starts_with(tail))
    }
}

/// What forms begin with, a bit for each: most ends of a text are told apart by it alone.
struct Begins {
    /// By the first two bytes.
    pairs: Box<[u64; 1024]>,
    /// By a hash of the first four.
    fours: Box<[u64; 4096]>,
}

impl Begins {
    fn of(forms: &[Form]) -> Self {
        let mut begins = Self { pairs: Box::new([0; 1024]), fours: Box::new([0; 4096]) };
        for form in forms {
            if let Some((word, bit)) = pair(&form.0) {
                begins.pairs[word] |= bit;
            }
            if let Some((word, bit)) = four(&form.0) {
                begins.fours[word] |= bit;
            }
        }
        begins
    }

    /// Whether a form may begin with these bytes and go on.
    fn may_begin(&self, tail: &[u8]) -> bool {
        if let Some((word, bit)) = four(tail) {
            return self.fours[word] & bit != 0;
        }
        pair(tail).is_none_or(|(word, bit)| self.pairs[word] & bit != 0)
    }
}

/// Where the first two bytes stand in a table of bits; none for less.
fn pair(bytes: &[u8]) -> Option<(usize, u64)> {
    let [first, second, ..] = bytes else { return None };
    Some((usize::from(*first) << 2 | usize::from(second >> 6), 1 << (second & 63)))
}

/// Where the hash of the first four bytes stands in a table of bits; none for less.
fn four(bytes: &[u8]) -> Option<(usize, u64)> {
    // Fibonacci's multiplier; the upper bits are the mixed ones.
    let hash = u32::from_le_bytes(*bytes.first_chunk()?).wrapping_mul(0x9e37_79b1) >> 14;
    Some(((hash >> 6) as usize, 1 << (hash & 63)))
}

/// The end of a text without the signs that one sets after a text that was cut.
fn before_ellipsis(bytes: &[u8]) -> usize {
    let mut end = bytes.len();
    loop {
        let text = &bytes[..end];
        match text.last() {
            Some(b'.' | b'\'' | b'"' | b'`' | b')' | b']' | b' ' | b'\n' | b'\r') => end -= 1,
            _ if text.ends_with("…".as_bytes()) => end -= "…".len(),
            _ => return end,
        }
    }
}

/// Whether no letter and no digit touches the range. Where more may follow, the end of the bytes is not a border.
fn stands_alone(bytes: &[u8], range: &Range<usize>, before: Option<u8>, ends: Ends) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    let left = if range.start == 0 { before } else { Some(bytes[range.start - 1]) };
    let right = bytes.get(range.end).copied();
    !left.is_some_and(is_word)
        && match right {
            Some(byte) => !is_word(byte),
            None => ends == Ends::Here,
        }
}

/// Puts a range among ranges that are in order and do not overlap, and keeps them so.
fn add_range(ranges: &mut Vec<Range<usize>>, mut range: Range<usize>) {
    ranges.retain(|known| {
        let overlaps = known.start < range.end && range.start < known.end;
        if overlaps {
            range = known.start.min(range.start)..known.end.max(range.end);
        }
        !overlaps
    });
    let at = ranges.partition_point(|known| known.start < range.start);
    ranges.insert(at, range);
}

fn replace(bytes: &[u8], hidden: &[Range<usize>]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for range in hidden {
        shown.extend_from_slice(&bytes[at..range.start]);
        shown.extend_from_slice(MARK.as_bytes());
        at = range.end;
    }
    shown.extend_from_slice(&bytes[at..]);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing(values: &[&str]) -> Scrubber {
        let scrubber = Scrubber::new();
        for value in values {
            scrubber.add(&Secret::new(*value));
        }
        scrubber
    }

    #[test]
    fn text_without_secrets_stays() {
        assert_eq!(Scrubber::new().scrub_text("a line"), "a line");
        assert_eq!(knowing(&["hunter2!"]).scrub_text("a line"), "a line");
        assert_eq!(knowing(&[""]).scrub_text("a line"), "a line");
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands() {
        let scrubber = knowing(&["hunter2!"]);
        assert_eq!(scrubber.scrub_text("mysql -phunter2! --host=x"), "mysql -p*** --host=x");
        assert_eq!(scrubber.scrub_text("hunter2!hunter2!"), "******");
        assert!(scrubber.contains("x=hunter2!"));
        assert!(!scrubber.contains("x=hunter3!"));
    }

    #[test]
    fn secrets_that_overlap_are_hidden_whole() {
        assert_eq!(knowing(&["abcdefgh", "efghijkl"]).scrub_text("<abcdefghijkl>"), "<***>");
        assert_eq!(knowing(&["abcdefgh", "cdef"]).scrub_text("<abcdefgh> <cdef>"), "<***> <***>");
    }

    #[test]
    fn a_short_value_is_hidden_only_alone() {
        let scrubber = knowing(&["ab", "x"]);
        assert_eq!(scrubber.scrub_text("ab cab abc -p=ab, x"), "*** cab abc -p=***, x");
    }

    #[test]
    fn words_that_hide_nothing_stay() {
        assert_eq!(knowing(&["true", "NULL"]).scrub_text("ssl: true, NULL"), "ssl: true, NULL");
    }

    #[test]
    fn secrets_may_be_added_later_and_by_a_clone() {
        let scrubber = Scrubber::new();
        let clone = scrubber.clone();
        assert_eq!(scrubber.scrub_text("opensesame"), "opensesame");
        clone.add(&Secret::new("opensesame"));
        assert_eq!(scrubber.scrub_text("opensesame"), "***");
    }

    #[test]
    fn a_text_cut_within_a_secret_does_not_show_most_of_it() {
        let scrubber = knowing(&["correct horse battery"]);
        assert_eq!(scrubber.scrub_text("password: correct horse b"), "password: ***");
        assert_eq!(scrubber.scrub_text("near 'correct horse ba...'"), "near '***...'");
        assert_eq!(scrubber.scrub_text("near \"correct horse ba…\""), "near \"***…\"");
        assert_eq!(scrubber.scrub_text("password: correct"), "password: correct");
    }

    #[test]
    fn values_are_scrubbed_in_depth() {
        let scrubber = knowing(&["hunter2!", "12345678", "5432"]);
        let value = serde_json::json!({"a": ["hunter2!", 5432, 54321], "hunter2!": {"b": 12_345_678}});
        assert_eq!(
            scrubber.scrub_value(&value),
            serde_json::json!({"a": ["***", 5432, 54321], "***": {"b": "***"}})
        );
    }

    #[test]
    fn its_debug_form_shows_nothing() {
        assert_eq!(format!("{:?}", knowing(&["hunter2!"])), "Scrubber(…)");
    }
}
