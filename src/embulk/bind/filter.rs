//! `filters:`, by the rules of Java plugins.

use super::scalar::Scalar;
use super::section::{Rules, Section};
use crate::diagnostic::Problem;
use crate::embulk::config::EmbulkType;
use crate::embulk::filter::{
    ColumnFilter, ColumnRule, ColumnSelection, DefaultValue, FilterConfig, RemoveColumns, RemoveRule, Rename,
    Unmatched,
};
use crate::embulk::zone::Zone;
use crate::yaml::{Node, NodeValue};

/// None when one of them could not be bound.
pub(super) fn bind(top: &Section<'_>) -> Option<Vec<FilterConfig>> {
    let filters: Vec<_> = top.sections("filters").iter().map(filter).collect();
    filters.into_iter().collect()
}

fn filter(section: &Section<'_>) -> Option<FilterConfig> {
    let filter = match section.plugin("filter", &["column", "rename", "remove_columns"])? {
        "column" => column(section).map(FilterConfig::Column),
        "rename" => rename(section).map(FilterConfig::Rename),
        _ => remove_columns(section).map(FilterConfig::RemoveColumns),
    };
    section.finish();
    filter
}

fn column(section: &Section<'_>) -> Option<ColumnFilter> {
    let keep = rules(section, "columns");
    let drop = dropped(section);
    let add = rules(section, "add_columns");
    let format = section.plain("default_timestamp_format");
    let zone = section.zone("default_timezone", Zone::embulk);
    let selection = match (keep.is_empty(), drop.is_empty()) {
        (false, false) => {
            let message = "`columns` and `drop_columns` cannot be given both";
            section.binder().report(Problem::error("bad-value", message, section.span()));
            return None;
        }
        (false, true) => ColumnSelection::Only(keep),
        (true, false) => ColumnSelection::Drop(drop),
        (true, true) => ColumnSelection::All,
    };
    Some(ColumnFilter {
        selection,
        add,
        default_timestamp_format: format.unwrap_or_else(|| "%Y-%m-%d %H:%M:%S.%N %z".to_owned()),
        default_timezone: zone.unwrap_or_else(Zone::utc),
    })
}

fn dropped(section: &Section<'_>) -> Vec<String> {
    let columns = section.sections("drop_columns");
    let names = columns.iter().filter_map(|column| {
        let name = name(column);
        column.finish();
        name
    });
    names.collect()
}

/// The name of a column; names inside of JSON columns are not there yet.
fn name(column: &Section<'_>) -> Option<String> {
    let name = column.required("name")?.expose().to_owned();
    if name.starts_with("$.") || name.starts_with("$[") {
        let span = column.node("name").map_or(column.span(), |node| &node.span);
        let message = format!("`{name}` names a part of a JSON column, which is not supported yet");
        column.binder().report(Problem::error("unsupported-option", message, span));
        return None;
    }
    Some(name)
}

fn rules(section: &Section<'_>, key: &'static str) -> Vec<ColumnRule> {
    let columns = section.sections(key);
    let rules = columns.iter().filter_map(|column| {
        let rule = ColumnRule {
            src: column.plain("src"),
            column_type: column.word("type", &EmbulkType::NAMES),
            default: default(column),
            format: column.plain("format"),
            timezone: column.zone("timezone", Zone::embulk),
            name: name(column)?,
        };
        column.finish();
        Some(rule)
    });
    rules.collect()
}

fn default(column: &Section<'_>) -> Option<DefaultValue> {
    let node = column.node("default")?;
    match Scalar::of(node, column.binder()) {
        Some(Scalar::Bool(value)) => Some(DefaultValue::Boolean(value)),
        Some(scalar) => scalar.into_text().map(|text| DefaultValue::Text(text.expose().to_owned())),
        None => Some(DefaultValue::Text(node.to_json().to_string())),
    }
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

fn scalar_text(node: &Node, section: &Section<'_>) -> Option<String> {
    Some(Scalar::of(node, section.binder())?.into_text()?.expose().to_owned())
}

fn rename(section: &Section<'_>) -> Option<Rename> {
    let mut columns = Vec::new();
    for (old, entry) in section.named("columns") {
        match Scalar::of(&entry.value, section.binder()) {
            Some(Scalar::Unknown) => {}
            Some(Scalar::Bool(_) | Scalar::Number(_) | Scalar::Text(_)) => {
                columns.extend(scalar_text(&entry.value, section).map(|new| (old, new)));
            }
            Some(Scalar::Null) | None => {
                let message = format!("the new name of `{old}` must be text, not {}", entry.value.kind());
                section.binder().report(Problem::error("wrong-type", message, &entry.value.span));
            }
        }
    }
    if !section.list("rules").is_empty() {
        section.refuse("rules", "name the columns one by one under `columns`");
    }
    Some(Rename { columns })
}
