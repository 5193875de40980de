//! What a config says of columns by name, where the source was not asked: what it is silent about is not known.

use super::{ColumnStory, Explanation};
use crate::embulk::config::{EmbulkConfig, EmbulkType};
use crate::embulk::input::{ColumnOption, ValueType};
use crate::embulk::output::{OutputConfig, SqlColumnOption, TableLoad};

/// The columns that a config names, and what it says of them.
pub fn partial(config: &EmbulkConfig) -> Explanation {
    let mut columns: Vec<ColumnStory> = Vec::new();
    for (name, option) in config.input.column_options() {
        let story = story(&mut columns, name);
        story.embulk_type = option.column_type.map(EmbulkType::word);
        story.conversion.extend(fetched(option));
    }
    for (name, type_name, more) in sent(&config.output) {
        let story = story(&mut columns, name);
        story.target_type = type_name;
        story.conversion.extend(more);
    }
    let mut unknown = vec!["columns and types of the source: `--connect` asks it".to_owned()];
    if !config.filters.is_empty() {
        unknown.push("what the filters leave of them".to_owned());
    }
    Explanation {
        source: config.input.to_string(),
        target: config.output.to_string(),
        columns,
        unknown,
        verdicts: None,
    }
}

fn story<'c>(columns: &'c mut Vec<ColumnStory>, name: &str) -> &'c mut ColumnStory {
    let at = columns.iter().position(|known| known.name == name).unwrap_or_else(|| {
        columns.push(ColumnStory { name: name.to_owned(), ..ColumnStory::default() });
        columns.len() - 1
    });
    &mut columns[at]
}

/// What an option of the input says.
fn fetched(option: &ColumnOption) -> Vec<String> {
    let value_type = ValueType::NAMES.iter().find(|(_, known)| *known == option.value_type);
    let value_type = value_type.filter(|(_, known)| *known != ValueType::Coalesce);
    let zone = option.timezone.as_ref().map(|zone| zone.name.as_str());
    let parts = [
        ("value_type", value_type.map(|(name, _)| *name)),
        ("timestamp_format", option.timestamp_format.as_deref()),
        ("timezone", zone),
    ];
    written(&parts)
}

fn written(parts: &[(&str, Option<&str>)]) -> Vec<String> {
    parts.iter().filter_map(|(name, value)| value.map(|value| format!("`{name}: {value}`"))).collect()
}

/// What the columns of a table of a database are told.
fn of_table(load: &TableLoad) -> Vec<(&str, Option<String>, Vec<String>)> {
    let parts = |option: &SqlColumnOption| {
        let zone = option.timezone.as_ref().map(|zone| zone.name.as_str());
        written(&[("timestamp_format", option.timestamp_format.as_deref()), ("timezone", zone)])
    };
    let columns = load.column_options.iter();
    columns.map(|(name, option)| (name.as_str(), option.sql_type.clone(), parts(option))).collect()
}

/// What the output says: names, types, the rest.
fn sent(output: &OutputConfig) -> Vec<(&str, Option<String>, Vec<String>)> {
    match output {
        OutputConfig::Bigquery(output) => output
            .column_options
            .iter()
            .map(|option| {
                let zone = option.timezone.as_ref().map(|zone| zone.name.as_str());
                let parts = [("timestamp_format", option.timestamp_format.as_deref()), ("timezone", zone)];
                let kind = option.field_type.map(|kind| kind.api_name().to_owned());
                (option.name.as_str(), kind, written(&parts))
            })
            .collect(),
        OutputConfig::Postgresql(output) => of_table(&output.load),
        OutputConfig::Mysql(output) => of_table(&output.load),
        OutputConfig::Redshift(output) => of_table(&output.load),
        OutputConfig::File(_) | OutputConfig::S3(_) | OutputConfig::Gcs(_) => Vec::new(),
    }
}
