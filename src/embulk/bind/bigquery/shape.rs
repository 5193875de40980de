//! What the target looks like: partitions, clusters, fields.

use serde_json::Value;

use crate::diagnostic::{Problem, suggest};
use crate::embulk::bind::scalar::Scalar;
use crate::embulk::bind::section::{Rules, Section};
use crate::embulk::output::{
    BigqueryColumnOption, Conversion, Creation, FieldMode, FieldType, GivenSchema, Partitioning, Payload,
    SchemaUpdate, TimeUnit, WriteMode,
};
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;
use crate::yaml::Node;

/// `schema_file`, `template_table`. The file is read as the config is.
pub(super) fn given_schema(section: &Section<'_>) -> Option<GivenSchema> {
    let template = section.plain("template_table").map(GivenSchema::Template);
    let Some(node) = section.node("schema_file") else { return template };
    let path = section.plain("schema_file")?;
    let binder = section.binder();
    let refuse = |message: String| {
        binder.report(Problem::error("bad-schema-file", message, &node.span));
        None
    };
    let text = match binder.reader.read(&binder.directory.join(&path)) {
        Ok(text) => text,
        Err(error) => return refuse(format!("`schema_file` `{path}` cannot be read: {error}")),
    };
    let fields: Vec<Value> = match serde_json::from_str(&text) {
        Ok(fields) => fields,
        Err(error) => {
            return refuse(format!("`schema_file` `{path}` is not a list of fields in JSON: {error}"));
        }
    };
    match fields.iter().position(|field| !field["name"].is_string() || !field["type"].is_string()) {
        Some(at) => refuse(format!("field {} of `schema_file` `{path}` has no `name` and `type`", at + 1)),
        None => Some(GivenSchema::File(fields)),
    }
}

/// `payload_column_index`, else `payload_column`. Fields must be given unless the table is there.
pub(super) fn payload(
    section: &Section<'_>,
    given: Option<&GivenSchema>,
    mode: Option<&WriteMode>,
) -> Option<Payload> {
    let index = section.ruby_integer("payload_column_index", 0..=i64::from(i32::MAX));
    let index = index.and_then(|index| usize::try_from(index).ok()).map(Payload::Index);
    let name = section.plain("payload_column").map(Payload::Name);
    let payload = index.or(name)?;
    let is_given = given.is_some() || section.node("schema_file").is_some();
    let is_there = mode == Some(&WriteMode::AppendDirect { creation: Creation::Never });
    if !is_given && !is_there {
        let message =
            "`payload_column` needs `schema_file` or `template_table`: a line says nothing of its fields";
        let node = section.node("payload_column").or_else(|| section.node("payload_column_index"));
        let span = node.map_or(section.span(), |node| &node.span);
        section.binder().report(Problem::error("missing-option", message, span));
    }
    Some(payload)
}

pub(super) fn partitioning(section: &Section<'_>, table: Option<&Text>) -> Option<Partitioning> {
    const UNITS: [(&str, TimeUnit); 4] = TimeUnit::NAMES;
    let time = section.section("time_partitioning").and_then(|time| {
        let unit = match time.node("type") {
            Some(_) => time.word("type", &UNITS),
            None => {
                time.missing("type");
                None
            }
        };
        let expiration_ms = time.ruby_integer("expiration_ms", 0..=i64::MAX);
        let field = time.plain("field");
        time.finish();
        Some(Partitioning::Time { unit: unit?, expiration_ms, field })
    });
    let range = section.section("range_partitioning").and_then(|range| {
        let field = range.required("field");
        let bounds = range.required_section("range").and_then(|bounds| {
            let number = |key| match bounds.node(key) {
                Some(_) => bounds.ruby_integer(key, i64::MIN..=i64::MAX),
                None => {
                    bounds.missing(key);
                    None
                }
            };
            let numbers = (number("start"), number("end"), number("interval"));
            bounds.finish();
            Some((numbers.0?, numbers.1?, numbers.2?))
        });
        range.finish();
        let (start, end, interval) = bounds?;
        if interval <= 0 || start.saturating_add(interval) >= end {
            let message = "`range_partitioning` needs `start` + `interval` < `end`";
            section.binder().report(Problem::error("bad-value", message, range.span()));
        }
        Some(Partitioning::Range { field: field?.expose().to_owned(), start, end, interval })
    });
    if range.is_some() && table.is_some_and(|table| table.expose().contains('$')) {
        let message = "`range_partitioning` does not go with `$` in `table`: that is a partition of time";
        let span = section.node("range_partitioning").map_or(section.span(), |node| &node.span);
        section.binder().report(Problem::error("bad-value", message, span));
    }
    if let (Some(_), Some(_)) = (&time, &range) {
        let message = "`time_partitioning` and `range_partitioning` cannot be given both";
        section.binder().report(Problem::error("bad-value", message, section.span()));
    }
    time.or(range)
}

pub(super) fn clustering(section: &Section<'_>) -> Vec<String> {
    section.section("clustering").map_or_else(Vec::new, |clustering| {
        if clustering.node("fields").is_none() {
            clustering.missing("fields");
        }
        let fields = clustering.texts("fields");
        clustering.finish();
        fields
    })
}

pub(super) fn schema_updates(section: &Section<'_>) -> Vec<SchemaUpdate> {
    let nodes = section.list("schema_update_options");
    let mut updates = Vec::new();
    for node in nodes {
        let Some(text) = Scalar::of(node, section.binder()).and_then(Scalar::into_text) else { continue };
        match SchemaUpdate::NAMES.iter().find(|(name, _)| *name == text.expose()) {
            Some((_, update)) => updates.push(*update),
            None => {
                let words = SchemaUpdate::NAMES.iter().map(|(name, _)| *name);
                section.unknown_word("schema_update_options", &text, words, &node.span);
            }
        }
    }
    updates
}

pub(super) fn column_options(section: &Section<'_>) -> Vec<BigqueryColumnOption> {
    let columns = section.sections("column_options");
    columns.iter().filter_map(column_option).collect()
}

fn column_option(column: &Section<'_>) -> Option<BigqueryColumnOption> {
    let name = column.required("name");
    let fields = column.list("fields").into_iter().map(Node::to_json).collect();
    let option = BigqueryColumnOption {
        field_type: field_type(column),
        mode: column.word("mode", &FieldMode::NAMES).unwrap_or(FieldMode::Nullable),
        fields,
        description: column.plain("description"),
        timestamp_format: column.plain("timestamp_format"),
        timezone: column.zone("timezone", Zone::bigquery),
        conversion: match column.flag("strict", Rules::Ruby) {
            Some(false) => Conversion::NullOnFailure,
            _ => Conversion::Strict,
        },
        scale: None,
        name: name?.expose().to_owned(),
    };
    column.finish();
    Some(option)
}

pub(super) fn field_type(column: &Section<'_>) -> Option<FieldType> {
    let text = column.text("type")?;
    let found = FieldType::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.expose()));
    if found.is_none() {
        let span = column.node("type").map_or(column.span(), |node| &node.span);
        let mut problem =
            Problem::error("bad-value", format!("`{}` is not a type of BigQuery", text.shown()), span);
        let upper = text.shown().to_uppercase();
        if let Some(near) = suggest(&upper, FieldType::NAMES.iter().map(|(name, _)| *name)) {
            problem = problem.did_you_mean(text.shown(), near);
        }
        column.binder().report(problem);
    }
    found.map(|(_, field_type)| *field_type)
}
