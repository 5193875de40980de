//! `type: column`: which columns stay, in which order, and which are added.

use std::collections::{HashMap, HashSet};

use super::default;
use super::projection::{Origin, Projection};
use crate::embulk::config::EmbulkType;
use crate::embulk::filter::{ColumnFilter, ColumnRule, ColumnSelection};
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::schema::{Column, ColumnType, Schema};

/// The projection of a `column` filter.
pub(super) fn plan(filter: &ColumnFilter, schema: &Schema) -> Result<Projection, TransferError> {
    let known = schema.positions();
    let mut columns = match &filter.selection {
        ColumnSelection::All => dropped(schema, &[]),
        // Names that do not exist are ignored, as Embulk does.
        ColumnSelection::Drop(names) => dropped(schema, names),
        ColumnSelection::Only(rules) => {
            let pick = |rule| pick(rule, filter, schema, &known, "columns");
            rules.iter().map(pick).collect::<Result<_, _>>()?
        }
    };
    for rule in &filter.add {
        columns.push(pick(rule, filter, schema, &known, "add_columns")?);
    }
    Ok(Projection::of(schema, columns))
}

fn dropped(schema: &Schema, names: &[String]) -> Vec<(Column, Origin)> {
    let names: HashSet<&String> = names.iter().collect();
    let kept = schema.columns.iter().enumerate().filter(|(_, column)| !names.contains(&column.name));
    kept.map(|(at, column)| (column.clone(), Origin::Input(at))).collect()
}

/// A column of the input, under a new name perhaps, else a constant.
fn pick(
    rule: &ColumnRule,
    filter: &ColumnFilter,
    schema: &Schema,
    known: &HashMap<&str, usize>,
    list: &str,
) -> Result<(Column, Origin), TransferError> {
    let source = rule.src.as_deref().unwrap_or(&rule.name);
    if let Some(&at) = known.get(source) {
        // The type always is the input's: `type` cannot convert.
        let kind = schema.columns[at].kind;
        let origin = match &rule.default {
            Some(value) => Origin::InputOr(at, default::value(value, kind, rule, filter, schema)?),
            None => Origin::Input(at),
        };
        return Ok((Column::new(&rule.name, kind), origin));
    }
    let (Some(asked), Some(value)) = (rule.column_type, &rule.default) else {
        return Err(TransferError::new(
            ErrorKind::Config,
            format!(
                "{list}: column src `{source}` is not found in the input; column `{}` does not have `type` and `default`",
                rule.name
            ),
        ));
    };
    let kind = match asked {
        EmbulkType::Boolean => ColumnType::Boolean,
        EmbulkType::Long => ColumnType::Long,
        EmbulkType::Double => ColumnType::Double,
        EmbulkType::String => ColumnType::String,
        EmbulkType::Timestamp => ColumnType::Timestamp,
        EmbulkType::Json => ColumnType::Json,
    };
    let origin = Origin::Constant(default::value(value, kind, rule, filter, schema)?);
    Ok((Column::new(&rule.name, kind), origin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embulk::filter::{DefaultValue, JsonEdits};
    use crate::embulk::zone::Zone;
    use crate::transfer::schema::Zones;

    fn filter(selection: ColumnSelection, add: Vec<ColumnRule>) -> ColumnFilter {
        ColumnFilter {
            selection,
            add,
            default_timestamp_format: "%Y-%m-%d %H:%M:%S.%N %z".to_owned(),
            default_timezone: Zone::utc(),
            edits: JsonEdits::default(),
        }
    }

    fn rule(
        name: &str,
        src: Option<&str>,
        column_type: Option<EmbulkType>,
        default: Option<&str>,
    ) -> ColumnRule {
        ColumnRule {
            name: name.to_owned(),
            src: src.map(str::to_owned),
            column_type,
            default: default.map(|text| DefaultValue::Text(text.to_owned())),
            format: None,
            timezone: None,
        }
    }

    fn schema() -> Schema {
        let columns = vec![
            Column::new("id", ColumnType::Long),
            Column::new("email", ColumnType::String),
            Column::new("at", ColumnType::DateTime),
        ];
        Schema { columns, zones: Zones::utc() }
    }

    fn names(projection: &Projection) -> Vec<String> {
        projection.schema().columns.iter().map(|column| column.name.clone()).collect()
    }

    #[test]
    fn dropping_ignores_names_that_do_not_exist_and_an_empty_list_drops_nothing() {
        let drop =
            |names: &[&str]| ColumnSelection::Drop(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names(&plan(&filter(drop(&["email", "nope"]), vec![]), &schema()).unwrap()), ["id", "at"]);
        assert_eq!(names(&plan(&filter(drop(&[]), vec![]), &schema()).unwrap()), ["id", "email", "at"]);
    }

    #[test]
    fn the_order_of_columns_is_that_of_the_list_and_added_ones_follow() {
        let only = ColumnSelection::Only(vec![
            rule("when", Some("at"), None, None),
            rule("id", None, Some(EmbulkType::String), Some("5")),
        ]);
        let add = vec![
            rule("site", None, Some(EmbulkType::String), Some("jp")),
            rule("id2", Some("id"), None, None),
        ];
        let projection = plan(&filter(only, add), &schema()).unwrap();
        assert_eq!(names(&projection), ["when", "id", "site", "id2"]);
        assert_eq!(projection.schema().columns[1].kind, ColumnType::Long);
    }

    #[test]
    fn a_column_without_source_needs_type_and_default() {
        let only = ColumnSelection::Only(vec![rule("y", Some("x"), Some(EmbulkType::Long), None)]);
        let error = plan(&filter(only, vec![]), &schema()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "columns: column src `x` is not found in the input; column `y` does not have `type` and `default`"
        );
    }
}
