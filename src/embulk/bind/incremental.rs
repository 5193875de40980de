//! `incremental` and what belongs to it.

use super::Purpose;
use super::scalar::Scalar;
use super::section::{Rules, Section};
use crate::diagnostic::Problem;
use crate::embulk::input::{Incremental, LastValue, Selection};

/// The outer none: something is wrong, which is reported.
pub(super) fn bind(section: &Section<'_>, selection: Option<&Selection>) -> Option<Option<Incremental>> {
    let wanted = section.flag("incremental", Rules::Java) == Some(true);
    let columns = section.texts("incremental_columns");
    let last_record = last_record(section)?;
    let raw = section.flag("use_raw_query_with_incremental", Rules::Java) == Some(true);
    let is_query = matches!(selection, Some(Selection::Query(_)));
    let refuse = |key: &'static str, message: &str| {
        let span = section.node(key).map_or(section.span(), |node| &node.span);
        section.binder().report(Problem::error("bad-value", message, span));
        None
    };
    if !wanted {
        if !columns.is_empty() {
            return refuse(
                "incremental_columns",
                "`incremental: true` must be set if `incremental_columns` is set",
            );
        }
        return Some(None);
    }
    if matches!(selection, Some(Selection::Table { order_by: Some(_), .. })) {
        return refuse("order_by", "`order_by` must not be set if `incremental` is true");
    }
    if is_query && !raw {
        return refuse(
            "incremental",
            "a `query` is incremental only with `use_raw_query_with_incremental: true`",
        );
    }
    if is_query && columns.is_empty() {
        return refuse("incremental", "an incremental `query` needs `incremental_columns`");
    }
    if is_query && last_record.is_empty() {
        return refuse("incremental", "an incremental `query` needs a `last_record` to begin behind");
    }
    if !columns.is_empty() && !last_record.is_empty() && columns.len() != last_record.len() {
        return refuse("last_record", "`last_record` must have as many values as `incremental_columns`");
    }
    if columns.is_empty() && section.binder().purpose == Purpose::Check {
        let span = section.node("incremental").map_or(section.span(), |node| &node.span);
        let message = "`incremental: true` without `incremental_columns` goes by the table's primary key";
        let problem = Problem::warning("incremental-without-key", message, span);
        section.binder().report(problem.hint("name the columns that grow with every row"));
    }
    Some(Some(Incremental { columns, last_record }))
}

/// None when a value of it is no value, or is not known.
fn last_record(section: &Section<'_>) -> Option<Vec<LastValue>> {
    let mut values = Vec::new();
    for node in section.list("last_record") {
        match Scalar::of(node, section.binder()) {
            Some(Scalar::Number(text)) => match text.parse() {
                Ok(number) => values.push(LastValue::Integer(number)),
                Err(_) => values.push(LastValue::Text(text)),
            },
            Some(Scalar::Text(text)) => values.push(LastValue::Text(text.expose().to_owned())),
            Some(Scalar::Unknown) => return None,
            Some(Scalar::Null | Scalar::Bool(_)) | None => {
                let message = format!("`last_record` must hold numbers and texts, not {}", node.kind());
                section.binder().report(Problem::error("wrong-type", message, &node.span));
                return None;
            }
        }
    }
    Some(values)
}
