//! Entries of `column_options` that no column has: Embulk passes over them without a word, and a name that is
//! misspelt does nothing.

use super::report::Treated;
use super::schema::Schema;
use crate::diagnostic::suggest;
use crate::embulk::input::InputConfig;
use crate::embulk::output::OutputConfig;

/// Names that a note shows.
const SHOWN: usize = 5;

/// How an entry finds its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Match {
    Exact,
    /// By exact name, else by one that differs in case only.
    AnyCase,
}

/// What is said of `column_options` of an input, whose columns are these. That a policy keeps others back, which have
/// entries, is told by itself.
pub fn of_input(input: &InputConfig, schema: &Schema, policy: &[Treated]) -> Option<String> {
    let names = wanted(input.column_options().iter().map(|(name, _)| name.as_str()), policy);
    note("in:", &names, schema, Match::AnyCase)
}

/// What is said of `column_options` of an output that gets these columns.
pub fn of_output(output: &OutputConfig, schema: &Schema, policy: &[Treated]) -> Option<String> {
    let load = match output {
        OutputConfig::Postgresql(output) => &output.load,
        OutputConfig::Mysql(output) => &output.load,
        OutputConfig::Redshift(output) => &output.load,
        OutputConfig::Bigquery(output) => {
            let names = wanted(output.column_options.iter().map(|option| option.name.as_str()), policy);
            return note("out:", &names, schema, Match::Exact);
        }
        // What a formatter says of columns that are not there is its own: an error.
        OutputConfig::File(_) | OutputConfig::S3(_) | OutputConfig::Gcs(_) => return None,
    };
    let names = wanted(load.column_options.iter().map(|(name, _)| name.as_str()), policy);
    note("out:", &names, schema, Match::AnyCase)
}

/// Entries but for those of columns that a policy drops.
fn wanted<'e>(entries: impl Iterator<Item = &'e str>, policy: &[Treated]) -> Vec<&'e str> {
    let dropped: Vec<String> =
        policy.iter().filter(|one| one.is_dropped()).map(|one| one.column.to_lowercase()).collect();
    entries.filter(|entry| !dropped.contains(&entry.to_lowercase())).collect()
}

fn note(section: &str, entries: &[&str], schema: &Schema, rule: Match) -> Option<String> {
    let columns = || schema.columns.iter().map(|column| column.name.as_str());
    let takes = |entry: &str, column: &str| match rule {
        Match::Exact => entry == column,
        Match::AnyCase if entries.contains(&column) => entry == column,
        Match::AnyCase => entry.to_lowercase() == column.to_lowercase(),
    };
    let strays: Vec<&str> =
        entries.iter().copied().filter(|entry| !columns().any(|column| takes(entry, column))).collect();
    let near = |entry: &str| {
        let same = |column: &&str| column.to_lowercase() == entry.to_lowercase();
        columns().find(same).or_else(|| suggest(entry, columns()))
    };
    let shown = strays.iter().take(SHOWN).map(|entry| match near(entry) {
        Some(near) => format!("`{entry}` (did you mean `{near}`?)"),
        None => format!("`{entry}`"),
    });
    let listed = shown.collect::<Vec<_>>().join(", ");
    let begin = format!("`column_options` of `{section}`");
    match strays.len() {
        0 => None,
        1 => Some(format!("{begin} has an entry for a column that does not exist: {listed}")),
        2..=SHOWN => Some(format!("{begin} has entries for columns that do not exist: {listed}")),
        count => {
            let more = count - SHOWN;
            Some(format!("{begin} has entries for columns that do not exist: {listed} and {more} more"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::schema::{Column, ColumnType, Zones};

    #[test]
    fn entries_without_a_column_are_named_with_what_is_near() {
        let columns = ["price", "Name", "id"].map(|name| Column::new(name.to_owned(), ColumnType::Long));
        let schema = Schema::new(columns.to_vec(), Zones::utc());
        let begin = "`column_options` of `in:` has";
        for (entries, rule, expected) in [
            (&["PRICE", "name", "id"][..], Match::AnyCase, None),
            (&["price", "id"], Match::Exact, None),
            (
                &["PRICE"],
                Match::Exact,
                Some("an entry for a column that does not exist: `PRICE` (did you mean `price`?)"),
            ),
            // The other one is the column's.
            (
                &["Price", "price"],
                Match::AnyCase,
                Some("an entry for a column that does not exist: `Price` (did you mean `price`?)"),
            ),
            (
                &["pirce", "id", "nothing"],
                Match::AnyCase,
                Some("entries for columns that do not exist: `pirce` (did you mean `price`?), `nothing`"),
            ),
            (
                &["a1", "b2", "c3", "d4", "e5", "f6", "g7"],
                Match::AnyCase,
                Some("entries for columns that do not exist: `a1`, `b2`, `c3`, `d4`, `e5` and 2 more"),
            ),
        ] {
            let expected = expected.map(|expected| format!("{begin} {expected}"));
            assert_eq!(note("in:", entries, &schema, rule), expected, "{entries:?}");
        }
    }
}
