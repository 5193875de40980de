//! The types of columns, from the texts in them.

use std::sync::LazyLock;

use regex::Regex;
use serde::de::IgnoredAny;

use super::Record;
use super::time_format;
use crate::embulk::config::EmbulkType;

/// What the texts of a column have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ColumnGuess {
    pub(super) kind: EmbulkType,
    /// For timestamps.
    pub(super) format: Option<String>,
}

/// `0` is no truth value here, though the csv parser reads it as one: it is a number first.
const TRUTHS: [&str; 26] = [
    "true", "True", "TRUE", "yes", "Yes", "YES", "t", "T", "y", "Y", "on", "On", "ON", "false", "False",
    "FALSE", "no", "No", "NO", "f", "F", "n", "N", "off", "Off", "OFF",
];

static DOUBLE: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"^[+-]?(?:NaN|Infinity|(?:[1-9][0-9]*|0)\.[0-9]+(?:[eE][+-]?[0-9]+)?[fFdD]?)$";
    // A constant pattern: compiles always, or the tests fail.
    Regex::new(number).expect("constant pattern")
});

/// The types of as many columns as the longest record has fields. A column without a text is one of texts.
pub(super) fn of_records(records: &[Record]) -> Vec<ColumnGuess> {
    let count = records.iter().map(Vec::len).max().unwrap_or(0);
    let column = |at: usize| records.iter().filter_map(move |record| record.get(at)?.as_deref());
    (0..count).map(|at| of_column(column(at))).collect()
}

fn of_column<'a>(texts: impl Iterator<Item = &'a str>) -> ColumnGuess {
    let mut kind = None;
    let mut times = Vec::new();
    for text in texts {
        let Some(next) = of_text(text) else { continue };
        if next == EmbulkType::Timestamp {
            times.push(text);
        }
        kind = Some(kind.map_or(next, |kind| common(kind, next)));
    }
    let kind = kind.unwrap_or(EmbulkType::String);
    let format = if kind == EmbulkType::Timestamp { time_format::guess(times) } else { None };
    ColumnGuess { kind, format }
}

/// None for an empty text, which fits every type.
fn of_text(text: &str) -> Option<EmbulkType> {
    Some(if TRUTHS.contains(&text) {
        EmbulkType::Boolean
    } else if time_format::is_time(text) {
        EmbulkType::Timestamp
    } else if text.parse::<i64>().is_ok_and(|number| number.to_string() == text) {
        EmbulkType::Long
    } else if DOUBLE.is_match(text) {
        EmbulkType::Double
    } else if text.is_empty() {
        return None;
    } else if is_document(text) {
        EmbulkType::Json
    } else {
        EmbulkType::String
    })
}

/// The type of both; a number may look like a date, or stand for a truth value.
fn common(one: EmbulkType, other: EmbulkType) -> EmbulkType {
    use EmbulkType::{Boolean, Double, Long, Timestamp};
    match (one, other) {
        (one, other) if one == other => one,
        (Double, Long) | (Long, Double) => Double,
        (Boolean | Timestamp, Long) | (Long, Boolean | Timestamp) => Long,
        _ => EmbulkType::String,
    }
}

/// Whether a text begins with a JSON object or array.
fn is_document(text: &str) -> bool {
    text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with(['{', '['])
        && matches!(serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>().next(), Some(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_narrowest_type() {
        for (text, kind) in [
            ("true", Some(EmbulkType::Boolean)),
            ("off", Some(EmbulkType::Boolean)),
            ("tRUE", Some(EmbulkType::String)),
            ("1", Some(EmbulkType::Long)),
            ("-5", Some(EmbulkType::Long)),
            ("007", Some(EmbulkType::String)),
            ("+5", Some(EmbulkType::String)),
            ("9223372036854775808", Some(EmbulkType::String)),
            ("1.5", Some(EmbulkType::Double)),
            ("1.", Some(EmbulkType::String)),
            (".5", Some(EmbulkType::String)),
            ("-0.5e-3d", Some(EmbulkType::Double)),
            ("00.5", Some(EmbulkType::String)),
            ("NaN", Some(EmbulkType::Double)),
            ("1,000", Some(EmbulkType::String)),
            ("20150604", Some(EmbulkType::Timestamp)),
            ("{}", Some(EmbulkType::Json)),
            (" [1] x", Some(EmbulkType::Json)),
            ("[1", Some(EmbulkType::String)),
            ("\"a\"", Some(EmbulkType::String)),
            (" ", Some(EmbulkType::String)),
            ("", None),
        ] {
            assert_eq!(of_text(text), kind, "{text:?}");
        }
    }

    #[test]
    fn a_column_has_the_type_of_all_its_texts() {
        for (texts, kind, format) in [
            (&["1", "", "2.5"][..], EmbulkType::Double, None),
            (&["1", "true"], EmbulkType::Long, None),
            (&["20150604", "5"], EmbulkType::Long, None),
            (&["1.5", "true"], EmbulkType::String, None),
            (&["2015-06-04", ""], EmbulkType::Timestamp, Some("%Y-%m-%d")),
            (&["2015-06-04", "x"], EmbulkType::String, None),
            (&["", ""], EmbulkType::String, None),
        ] {
            let guess = ColumnGuess { kind, format: format.map(str::to_owned) };
            assert_eq!(of_column(texts.iter().copied()), guess, "{texts:?}");
        }
    }
}
