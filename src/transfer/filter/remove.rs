//! `type: remove_columns`: some columns go, or all but some.

use std::collections::HashSet;

use super::projection::{Origin, Projection};
use crate::embulk::filter::{RemoveColumns, RemoveRule, Unmatched};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::Schema;

/// The projection of a `remove_columns` filter. The order of the input stays.
pub(super) fn plan(filter: &RemoveColumns, schema: &Schema) -> Result<Projection, TransferError> {
    let (names, stays): (_, fn(bool) -> bool) = match &filter.rule {
        RemoveRule::Remove(names) => (names, |named| !named),
        RemoveRule::Keep(names) => (names, |named| named),
    };
    if filter.unmatched == Unmatched::Refuse
        && let known = schema.positions()
        && let Some(missing) = names.iter().find(|name| !known.contains_key(name.as_str()))
    {
        return Err(TransferError::new(
            ErrorKind::Config,
            format!("remove_columns: column `{missing}` does not exist in the schema"),
        )
        .hint("correct the name, or set `accept_unmatched_columns: true`"));
    }
    let names: HashSet<&String> = names.iter().collect();
    let kept = schema.columns.iter().enumerate().filter(|(_, column)| stays(names.contains(&column.name)));
    Ok(Projection::of(schema, kept.map(|(at, column)| (column.clone(), Origin::Input(at))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::schema::{Column, ColumnType, Zones};

    fn names(rule: RemoveRule, unmatched: Unmatched) -> Result<Vec<String>, TransferError> {
        let columns = ["a", "b", "c"].map(|name| Column::new(name, ColumnType::Long)).to_vec();
        let schema = Schema { columns, zones: Zones::utc() };
        let projection = plan(&RemoveColumns { rule, unmatched }, &schema)?;
        Ok(projection.schema().columns.iter().map(|column| column.name.clone()).collect())
    }

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn columns_are_removed_or_kept() {
        assert_eq!(names(RemoveRule::Remove(list(&["b"])), Unmatched::Refuse).unwrap(), ["a", "c"]);
        assert_eq!(names(RemoveRule::Keep(list(&["c", "a", "x"])), Unmatched::Accept).unwrap(), ["a", "c"]);
        assert_eq!(
            names(RemoveRule::Keep(list(&["x"])), Unmatched::Refuse).unwrap_err().to_string(),
            "remove_columns: column `x` does not exist in the schema"
        );
    }
}
