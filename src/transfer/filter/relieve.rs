//! Filters that name columns which the policy keeps back: entries without which the rest still means the same are left
//! out with a note. What cannot do without them fails, and says why.

use std::borrow::Cow;

use crate::embulk::filter::{ColumnRule, ColumnSelection, FilterConfig, Place, RemoveRule};
use crate::transfer::error::TransferError;
use crate::transfer::report::Treated;
use crate::transfer::schema::Schema;

/// A filter without what the policy makes void, and what is said of that.
pub(super) struct Relieved<'f> {
    pub(super) filter: Cow<'f, FilterConfig>,
    pub(super) note: Option<String>,
}

/// The filter for columns that the policy has gone over. `schema` is what comes to the filter.
pub(super) fn relieved<'f>(filter: &'f FilterConfig, schema: &Schema, treated: &[Treated]) -> Relieved<'f> {
    let dropped = treated.iter().filter(|column| column.is_dropped());
    // An earlier filter may have made a column of that name.
    let lost: Vec<&str> =
        dropped.map(|column| column.column.as_str()).filter(|name| schema.position(name).is_none()).collect();
    let unchanged = Relieved { filter: Cow::Borrowed(filter), note: None };
    if lost.is_empty() {
        return unchanged;
    }
    let mut relieved = filter.clone();
    let mut void = Void { lost, names: Vec::new() };
    let (word, tells) = match &mut relieved {
        FilterConfig::Column(column) => {
            if let ColumnSelection::Only(rules) = &mut column.selection {
                void.without(rules, source);
            }
            void.without(&mut column.add, source);
            let is_empty = matches!(&column.selection, ColumnSelection::Only(rules) if rules.is_empty());
            if is_empty && column.add.is_empty() {
                return unchanged;
            }
            ("column", true)
        }
        FilterConfig::RemoveColumns(remove) => match &mut remove.rule {
            // What is to go has gone.
            RemoveRule::Remove(names) => {
                void.without(names, |name| Some(name));
                ("remove_columns", false)
            }
            RemoveRule::Keep(names) => {
                void.without(names, |name| Some(name));
                ("remove_columns", true)
            }
        },
        FilterConfig::Mask(mask) => {
            void.without(&mut mask.columns, |column| Some(&column.name));
            ("mask", false)
        }
        FilterConfig::Rename(rename) => {
            void.without(&mut rename.columns, |(old, _)| Some(old));
            ("rename", true)
        }
        FilterConfig::Typecast(cast) => {
            void.without(&mut cast.columns, |column| place(&column.place));
            ("typecast", true)
        }
        FilterConfig::TimestampFormat(format) => {
            void.without(&mut format.columns, |column| place(&column.place));
            ("timestamp_format", true)
        }
        FilterConfig::ExpandJson(_) | FilterConfig::Row(_) => return unchanged,
    };
    if void.names.is_empty() {
        return unchanged;
    }
    let names: Vec<String> = void.names.iter().map(|name| format!("`{name}`")).collect();
    let note = format!("filter `{word}`: no effect on {}, which the policy keeps back", names.join(", "));
    Relieved { filter: Cow::Owned(relieved), note: tells.then_some(note) }
}

/// Entries that have lost their column.
struct Void<'t> {
    lost: Vec<&'t str>,
    names: Vec<&'t str>,
}

impl Void<'_> {
    fn without<T>(&mut self, entries: &mut Vec<T>, name: impl Fn(&T) -> Option<&String>) {
        entries.retain(|entry| {
            let found = name(entry).and_then(|name| self.lost.iter().find(|lost| **lost == name.as_str()));
            if let Some(lost) = found
                && !self.names.contains(lost)
            {
                self.names.push(lost);
            }
            found.is_none()
        });
    }
}

/// The column that an entry takes; none where it can do without.
fn source(rule: &ColumnRule) -> Option<&String> {
    let is_constant = rule.column_type.is_some() && rule.default.is_some();
    (!is_constant).then(|| rule.src.as_ref().unwrap_or(&rule.name))
}

fn place(place: &Place) -> Option<&String> {
    match place {
        Place::Column(name) => Some(name),
        Place::Path(_) => None,
    }
}

/// An error that names a column which the policy keeps back, with the reason.
pub(super) fn explained(error: TransferError, treated: &[Treated]) -> TransferError {
    let named = |column: &&Treated| {
        column.is_dropped() && error.to_string().contains(&format!("`{}`", column.column))
    };
    let Some(column) = treated.iter().find(named) else { return error };
    let why = match &column.rule {
        Some(rule) => format!("{rule} drops column `{}`", column.column),
        None => format!("no rule of the policy names column `{}`, so it is not copied", column.column),
    };
    error.hint(why)
}
