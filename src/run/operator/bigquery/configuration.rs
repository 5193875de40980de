//! What a job is to do, out of a task's options, as BigQuery's API takes it
//! (<https://cloud.google.com/bigquery/docs/reference/rest/v2/Job>).

use serde_json::{Map, Value, json};

use super::names::Defaults;
use crate::diagnostic::Source;
use crate::dig::params;
use crate::run::operator::options::{Options, template_text};
use crate::run::operator::secret_text::expand;
use crate::run::operator::{OperatorError, OperatorRequest, resolve_inside};
use crate::yaml::{self, Dialect};

/// What an option holds.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    Flag,
    /// A number, or one that the API takes as text since it may be larger than a double can hold.
    Number,
    LongNumber,
    List,
    Mapping,
}

/// An option and the API's word for it.
type Known = (&'static str, &'static str, Form);

/// Options of `bq>` besides those that name tables.
const QUERY: [Known; 15] = [
    ("create_disposition", "createDisposition", Form::Text),
    ("write_disposition", "writeDisposition", Form::Text),
    ("priority", "priority", Form::Text),
    ("use_query_cache", "useQueryCache", Form::Flag),
    ("allow_large_results", "allowLargeResults", Form::Flag),
    ("flatten_results", "flattenResults", Form::Flag),
    ("maximum_billing_tier", "maximumBillingTier", Form::Number),
    ("maximum_bytes_billed", "maximumBytesBilled", Form::LongNumber),
    ("table_definitions", "tableDefinitions", Form::Mapping),
    ("user_defined_function_resources", "userDefinedFunctionResources", Form::List),
    ("schema_update_options", "schemaUpdateOptions", Form::List),
    ("clustering", "clustering", Form::Mapping),
    ("encryption_configuration", "destinationEncryptionConfiguration", Form::Mapping),
    ("range_partitioning", "rangePartitioning", Form::Mapping),
    ("time_partitioning", "timePartitioning", Form::Mapping),
];

/// Options of `bq_load>` besides those that name tables and files.
const LOAD: [Known; 24] = [
    ("create_disposition", "createDisposition", Form::Text),
    ("write_disposition", "writeDisposition", Form::Text),
    ("source_format", "sourceFormat", Form::Text),
    ("field_delimiter", "fieldDelimiter", Form::Text),
    ("skip_leading_rows", "skipLeadingRows", Form::Number),
    ("encoding", "encoding", Form::Text),
    ("quote", "quote", Form::Text),
    ("max_bad_records", "maxBadRecords", Form::Number),
    ("allow_quoted_newlines", "allowQuotedNewlines", Form::Flag),
    ("allow_jagged_rows", "allowJaggedRows", Form::Flag),
    ("ignore_unknown_values", "ignoreUnknownValues", Form::Flag),
    ("projection_fields", "projectionFields", Form::List),
    ("autodetect", "autodetect", Form::Flag),
    ("schema_update_options", "schemaUpdateOptions", Form::List),
    ("clustering", "clustering", Form::Mapping),
    ("decimal_target_types", "decimalTargetTypes", Form::List),
    ("encryption_configuration", "destinationEncryptionConfiguration", Form::Mapping),
    ("hive_partitioning_options", "hivePartitioningOptions", Form::Mapping),
    ("json_extension", "jsonExtension", Form::Text),
    ("null_marker", "nullMarker", Form::Text),
    ("parquet_options", "parquetOptions", Form::Mapping),
    ("use_avro_logical_types", "useAvroLogicalTypes", Form::Flag),
    ("range_partitioning", "rangePartitioning", Form::Mapping),
    ("time_partitioning", "timePartitioning", Form::Mapping),
];

/// Options of `bq_extract>` besides those that name the table and the files.
const EXTRACT: [Known; 4] = [
    ("print_header", "printHeader", Form::Flag),
    ("field_delimiter", "fieldDelimiter", Form::Text),
    ("destination_format", "destinationFormat", Form::Text),
    ("compression", "compression", Form::Text),
];

/// `bq>`
pub(super) fn query(
    request: &OperatorRequest<'_>,
    options: &Options<'_>,
    defaults: &Defaults,
) -> Result<Value, OperatorError> {
    let text = template_text(request, "query")?;
    let sql = expand(&text.evaluated(request)?, request)?;
    let mut query = given(options, &QUERY)?;
    query.insert("query".to_owned(), sql.into());
    query.insert("useLegacySql".to_owned(), options.flag("use_legacy_sql", false)?.into());
    if let Some((project, dataset)) = &defaults.dataset {
        let default = json!({"projectId": project, "datasetId": dataset});
        query.insert("defaultDataset".to_owned(), default);
    }
    if let Some(table) = options.text("destination_table")? {
        query.insert("destinationTable".to_owned(), defaults.table(&table)?.to_json());
    }
    Ok(json!({"query": query}))
}

/// `bq_load>`
pub(super) fn load(
    request: &OperatorRequest<'_>,
    options: &Options<'_>,
    defaults: &Defaults,
) -> Result<Value, OperatorError> {
    let mut load = given(options, &LOAD)?;
    load.insert("sourceUris".to_owned(), uris("bq_load>", Some(&request.command))?);
    let Some(table) = options.text("destination_table")? else {
        return Err(OperatorError::config("`bq_load>` needs a `destination_table`"));
    };
    load.insert("destinationTable".to_owned(), defaults.table(&table)?.to_json());
    if let Some(written) = options.get("schema") {
        load.insert("schema".to_owned(), schema(request, written)?);
    }
    Ok(json!({"load": load}))
}

/// `bq_extract>`
pub(super) fn extract(
    request: &OperatorRequest<'_>,
    options: &Options<'_>,
    defaults: &Defaults,
) -> Result<Value, OperatorError> {
    let mut extract = given(options, &EXTRACT)?;
    let table = params::to_text("bq_extract>", &request.command)?;
    extract.insert("sourceTable".to_owned(), defaults.table(&table)?.to_json());
    extract.insert("destinationUris".to_owned(), uris("destination", options.get("destination"))?);
    Ok(json!({"extract": extract}))
}

/// The options that are there, under the API's names.
fn given(options: &Options<'_>, known: &[Known]) -> Result<Map<String, Value>, OperatorError> {
    let mut map = Map::new();
    for (name, api_name, form) in known {
        let Some(value) = options.get(name) else { continue };
        let bad = |wanted: &str| OperatorError::config(format!("`{name}` must be {wanted}"));
        let value = match form {
            Form::Text => options.text(name)?.unwrap_or_default().into(),
            Form::Flag => params::to_bool(name, value)?.into(),
            Form::Number => params::to_integer(name, value)?.into(),
            Form::LongNumber => params::to_integer(name, value)?.to_string().into(),
            Form::List => match params::parsed(value) {
                list @ Value::Array(_) => list,
                one @ Value::String(_) => Value::Array(vec![one]),
                _ => return Err(bad("a list")),
            },
            Form::Mapping => match params::parsed(value) {
                mapping @ Value::Object(_) => mapping,
                _ => return Err(bad("a mapping")),
            },
        };
        map.insert((*api_name).to_owned(), value);
    }
    Ok(map)
}

/// One address in Cloud Storage, or some.
fn uris(name: &str, value: Option<&Value>) -> Result<Value, OperatorError> {
    let value = value.filter(|value| !value.is_null()).map(params::parsed);
    let list = match value {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
    };
    let texts: Result<Vec<String>, _> = list.iter().map(|item| params::to_text(name, item)).collect();
    let texts = texts?;
    match texts.iter().find(|text| !text.starts_with("gs://")) {
        None if texts.is_empty() => {
            Err(OperatorError::config(format!("`{name}` needs an address such as `gs://BUCKET/OBJECT`")))
        }
        Some(text) => {
            Err(OperatorError::config(format!("`{text}` is no address such as `gs://BUCKET/OBJECT`")))
        }
        None => Ok(json!(texts)),
    }
}

/// `schema`: a mapping with `fields`, or the name of a file that holds one, as JSON or YAML.
pub(super) fn schema(request: &OperatorRequest<'_>, written: &Value) -> Result<Value, OperatorError> {
    let schema = match params::parsed(written) {
        Value::String(name) => {
            let path = resolve_inside(&request.services.project, &request.directory, &name)?;
            let bad = |error: &(dyn std::error::Error + 'static)| {
                OperatorError::config(format!("the schema in `{name}` cannot be read")).cause(error)
            };
            let text = crate::reader::read_text(&path).map_err(|error| bad(&error))?;
            match name.ends_with(".json") {
                true => serde_json::from_str(&text).map_err(|error| bad(&error))?,
                false => yaml_text(&name, &text)?,
            }
        }
        other => other,
    };
    match schema["fields"].is_array() {
        true => Ok(schema),
        false => {
            Err(OperatorError::config("`schema` must be a mapping with `fields`, or a file that holds one"))
        }
    }
}

fn yaml_text(name: &str, text: &str) -> Result<Value, OperatorError> {
    let parsed = yaml::parse(&Source::new(name, text), Dialect::Digdag);
    let problem = parsed.problems.iter().find(|problem| problem.is_error());
    match (problem, parsed.node) {
        (None, Some(node)) => Ok(node.to_json()),
        (problem, _) => {
            let reason = problem.map_or("it is no YAML", |problem| problem.message.as_str());
            Err(OperatorError::config(format!("the schema in `{name}` cannot be read: {reason}")))
        }
    }
}
