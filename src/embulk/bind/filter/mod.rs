//! `filters:`, by the rules of Java plugins.

mod cast;
mod column;
mod mask;
mod rename;
mod row;

use super::section::{Rules, Section};
use crate::diagnostic::Problem;
use crate::embulk::filter::{FilterConfig, RemoveColumns, RemoveRule, Unmatched};
use crate::yaml::NodeValue;

/// None when one of them could not be bound.
pub(super) fn bind(top: &Section<'_>) -> Option<Vec<FilterConfig>> {
    let filters: Vec<_> = top.sections("filters").iter().map(filter).collect();
    filters.into_iter().collect()
}

type Binding = fn(&Section<'_>) -> Option<FilterConfig>;

const NATIVE: [(&str, Binding); 8] = [
    ("column", |section| column::column(section).map(FilterConfig::Column)),
    ("rename", |section| rename::rename(section).map(FilterConfig::Rename)),
    ("remove_columns", |section| remove_columns(section).map(FilterConfig::RemoveColumns)),
    ("mask", |section| mask::mask(section).map(FilterConfig::Mask)),
    ("row", |section| row::row(section).map(FilterConfig::Row)),
    ("typecast", |section| cast::typecast(section).map(FilterConfig::Typecast)),
    ("timestamp_format", |section| cast::timestamp_format(section).map(FilterConfig::TimestampFormat)),
    ("expand_json", |section| cast::expand_json(section).map(FilterConfig::ExpandJson)),
];

/// The filters that are part of the program.
pub fn names() -> [&'static str; NATIVE.len()] {
    NATIVE.map(|(name, _)| name)
}

fn filter(section: &Section<'_>) -> Option<FilterConfig> {
    let name = section.plugin("filter", &names())?;
    let (_, bind) = NATIVE.iter().find(|(native, _)| *native == name)?;
    let filter = bind(section);
    section.finish();
    filter
}

fn remove_columns(section: &Section<'_>) -> Option<RemoveColumns> {
    let given = |key: &'static str| {
        section.node(key).is_some_and(|node| node.value != NodeValue::Scalar(serde_json::Value::Null))
    };
    let unmatched = match section.flag("accept_unmatched_columns", Rules::Java) {
        Some(true) => Unmatched::Accept,
        _ => Unmatched::Refuse,
    };
    let (remove, keep) = (given("remove"), given("keep"));
    let rule = match (remove, keep) {
        (true, true) => {
            let message = "`remove` and `keep` cannot be given both";
            section.binder().report(Problem::error("bad-value", message, section.span()));
            return None;
        }
        (false, true) => RemoveRule::Keep(section.texts("keep")),
        (true, false) => RemoveRule::Remove(section.texts("remove")),
        // A list that a template left empty; without either key there is nothing that could be meant.
        (false, false) if section.node("keep").is_some() => RemoveRule::Keep(section.texts("keep")),
        (false, false) if section.node("remove").is_some() => RemoveRule::Remove(section.texts("remove")),
        (false, false) => {
            let message = "`remove` or `keep` is required in `filters`";
            section.binder().report(Problem::error("missing-option", message, section.span()));
            return None;
        }
    };
    Some(RemoveColumns { rule, unmatched })
}

#[cfg(test)]
mod tests;
