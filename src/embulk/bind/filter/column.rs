//! `type: column`

use super::cast::path;
use crate::diagnostic::Problem;
use crate::embulk::bind::scalar::Scalar;
use crate::embulk::bind::section::Section;
use crate::embulk::config::EmbulkType;
use crate::embulk::filter::{
    ColumnFilter, ColumnRule, ColumnSelection, DEFAULT_FORMAT, DefaultValue, JsonEdits, JsonRule,
};
use crate::embulk::json_path::{JsonPath, Step};
use crate::embulk::zone::Zone;

/// The entries of `columns` or `add_columns`: columns and parts of JSON columns.
type Entries = (Vec<ColumnRule>, Vec<JsonRule>);

pub(super) fn column(section: &Section<'_>) -> Option<ColumnFilter> {
    let keep = entries(section, "columns");
    let drop = dropped(section);
    let add = entries(section, "add_columns");
    let format = section.plain("default_timestamp_format");
    let zone = section.zone("default_timezone", Zone::embulk);
    let ((keep, keep_parts), (drop, drop_parts), (add, add_parts)) = (keep?, drop?, add?);
    let lists = [keep.len() + keep_parts.len(), drop.len() + drop_parts.len()];
    if lists.iter().all(|entries| *entries > 0) {
        let message = "`columns` and `drop_columns` cannot be given both";
        section.binder().report(Problem::error("bad-value", message, section.span()));
        return None;
    }
    for part in &keep_parts {
        let base = part.path.column().unwrap_or_default();
        if section.is_known(&["columns"]) && !keep.iter().any(|rule| rule.name == base) {
            let message = format!("`columns` lists a part of column `{base}` and not the column, which goes");
            let span = section.node("columns").map_or(section.span(), |node| &node.span);
            let hint = format!("add `- {{name: {base}}}`");
            section.binder().report(Problem::warning("part-without-column", message, span).hint(hint));
        }
    }
    let selection = if lists[0] > 0 {
        ColumnSelection::Only(keep)
    } else if drop.is_empty() {
        ColumnSelection::All
    } else {
        ColumnSelection::Drop(drop)
    };
    Some(ColumnFilter {
        selection,
        add,
        default_timestamp_format: format.unwrap_or_else(|| DEFAULT_FORMAT.to_owned()),
        default_timezone: zone.unwrap_or_else(Zone::utc),
        edits: JsonEdits { keep: keep_parts, add: add_parts, drop: drop_parts },
    })
}

/// Names of columns and paths that go. An entry that cannot be bound is left out: what is wrong with it is said.
fn dropped(section: &Section<'_>) -> Option<(Vec<String>, Vec<JsonPath>)> {
    let (mut names, mut paths) = (Vec::new(), Vec::new());
    for column in section.sections("drop_columns") {
        if let Some(name) = column.required("name") {
            let name = name.expose();
            match JsonPath::is_path(name) {
                true => paths.push(path(&column, name)?),
                false => names.push(name.to_owned()),
            }
        }
        column.finish();
    }
    Some((names, paths))
}

fn entries(section: &Section<'_>, key: &'static str) -> Option<Entries> {
    let (mut columns, mut parts) = (Vec::new(), Vec::new());
    for column in section.sections(key) {
        let name = column.required("name").map(|name| name.expose().to_owned());
        match name {
            Some(name) if JsonPath::is_path(&name) => parts.push(part(&column, &name, key)?),
            Some(name) => columns.push(rule(&column, name)?),
            // Its other options are looked at all the same.
            None => drop(rule(&column, String::new())),
        }
        column.finish();
    }
    Some((columns, parts))
}

fn rule(column: &Section<'_>, name: String) -> Option<ColumnRule> {
    let src = column.plain("src");
    if src.as_deref().is_some_and(JsonPath::is_path) {
        column.refuse_value("src", format!("`src` is a part of a JSON column, and `{name}` is not"));
        return None;
    }
    Some(ColumnRule {
        src,
        column_type: column.word("type", &EmbulkType::NAMES),
        default: default(column),
        format: column.plain("format"),
        timezone: column.zone("timezone", Zone::embulk),
        name,
    })
}

fn default(column: &Section<'_>) -> Option<DefaultValue> {
    let node = column.node("default")?;
    match Scalar::of(node, column.binder()) {
        Some(Scalar::Bool(value)) => Some(DefaultValue::Boolean(value)),
        Some(scalar) => scalar.into_text().map(|text| DefaultValue::Text(text.expose().to_owned())),
        None => Some(DefaultValue::Text(node.to_json().to_string())),
    }
}

/// An entry whose name is a path.
fn part(column: &Section<'_>, name: &str, list: &str) -> Option<JsonRule> {
    let to = path(column, name)?;
    let refuse = |key, message| {
        column.refuse_value(key, message);
        None
    };
    if to.steps.len() < 2 {
        return refuse("name", format!("the path `{name}` names a whole column: write its name alone"));
    }
    if to.steps.last() == Some(&Step::Any) && list == "add_columns" {
        return refuse("name", format!("the path `{name}` ends with `[*]`, where nothing can be added"));
    }
    if to.steps.last() == Some(&Step::Any) {
        return refuse("name", format!("the path `{name}` ends with `[*]`, which keeps nothing by name"));
    }
    let given = column.plain("src");
    let column_type = column.word("type", &EmbulkType::NAMES);
    let default = default(column);
    // Formats of timestamps mean nothing inside of JSON.
    column.ignore(&["format", "timezone"]);
    if let Some(given) = given {
        let src = path(column, &given)?;
        let (place, tail) = (to.steps.split_last()?.1, src.steps.split_last()?);
        if place != tail.1 || matches!(tail.0, Step::Any) {
            let message = format!("`src` must stand beside `{name}`, in the same part of the column");
            return refuse("src", message);
        }
        return Some(JsonRule { src: Some(tail.0.clone()), path: to, default: None });
    }
    let default = match (column_type, default) {
        (Some(column_type), Some(value)) => match json_default(column_type, &value) {
            Some(text) => Some(text),
            None => {
                let word = column_type.word();
                return refuse("default", format!("the default of `{name}` cannot be read as {word}"));
            }
        },
        _ if list == "add_columns" && column.is_known(&["type", "default", "src"]) => {
            return refuse("name", format!("`{name}` needs `src`, or `type` and `default`"));
        }
        _ => None,
    };
    Some(JsonRule { path: to, src: None, default })
}

/// A default as JSON text.
fn json_default(column_type: EmbulkType, value: &DefaultValue) -> Option<String> {
    let text = match (column_type, value) {
        (EmbulkType::Boolean, DefaultValue::Boolean(value)) => return Some(value.to_string()),
        (EmbulkType::Boolean | EmbulkType::Timestamp, _) => return None,
        (_, DefaultValue::Boolean(value)) => value.to_string(),
        (_, DefaultValue::Text(text)) => text.clone(),
    };
    match column_type {
        EmbulkType::Long => text.parse::<i64>().ok().map(|number| number.to_string()),
        EmbulkType::Double => {
            let number = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64)?;
            Some(number.to_string())
        }
        EmbulkType::Json => serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok().then_some(text),
        _ => serde_json::to_string(&text).ok(),
    }
}
