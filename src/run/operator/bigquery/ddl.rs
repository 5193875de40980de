//! `bq_ddl>`: datasets and tables that are deleted, made empty, and created, in this order.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::configuration;
use super::job::failed;
use super::names::{Defaults, dataset};
use crate::cloud::google::bigquery::{BigQuery, TableReference};
use crate::cloud::google::error::GoogleError;
use crate::dig::params;
use crate::run::operator::cancelable::unless_canceled;
use crate::run::operator::options::Options;
use crate::run::operator::{OperatorError, OperatorRequest};
use crate::session::Level;

/// What is done with each entry of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Delete,
    /// Deleted, and created as it is described.
    Empty,
    /// One that is there stays as it is.
    Create,
}

impl Deed {
    fn word(self) -> &'static str {
        match self {
            Self::Delete => "deleted",
            Self::Empty => "made empty",
            Self::Create => "created",
        }
    }
}

const DATASETS: [(&str, Deed); 3] =
    [("delete_datasets", Deed::Delete), ("empty_datasets", Deed::Empty), ("create_datasets", Deed::Create)];
const TABLES: [(&str, Deed); 3] =
    [("delete_tables", Deed::Delete), ("empty_tables", Deed::Empty), ("create_tables", Deed::Create)];

/// Everything that the task asks for.
pub(super) fn run(
    request: &OperatorRequest<'_>,
    options: &Options<'_>,
    defaults: &Defaults,
    service: &BigQuery,
) -> Result<(), OperatorError> {
    let ddl = Ddl { request, defaults, service };
    // All of it is understood before anything is done.
    let mut datasets = Vec::new();
    for (option, deed) in DATASETS {
        for entry in entries(options, option)? {
            datasets.push((deed, ddl.dataset(option, &entry)?));
        }
    }
    let mut tables = Vec::new();
    for (option, deed) in TABLES {
        for entry in entries(options, option)? {
            tables.push((deed, ddl.table(option, &entry)?));
        }
    }
    for (deed, (project, name, body)) in datasets {
        ddl.do_dataset(deed, &project, &name, body)?;
    }
    for (deed, (table, body)) in tables {
        ddl.do_table(deed, &table, body)?;
    }
    Ok(())
}

fn entries(options: &Options<'_>, option: &str) -> Result<Vec<Value>, OperatorError> {
    match options.get(option).map(params::parsed) {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(OperatorError::config(format!("`{option}` must be a list"))),
    }
}

struct Ddl<'a> {
    request: &'a OperatorRequest<'a>,
    defaults: &'a Defaults,
    service: &'a BigQuery,
}

impl Ddl<'_> {
    /// Project, name and resource of a dataset: a name, or a mapping with `id`.
    fn dataset(&self, option: &str, entry: &Value) -> Result<(String, String, Value), OperatorError> {
        let (name, fields) = split(option, entry)?;
        let project = text(&fields, "project")?;
        let (project, name) = dataset(&name, project.as_deref().unwrap_or(&self.defaults.project))?;
        let mut body = resource(&fields, &["id", "project", "default_table_expiration"])?;
        if let Some(expiration) = fields.get("default_table_expiration") {
            let expiration: Duration = params::to_duration("default_table_expiration", expiration)?;
            body["defaultTableExpirationMs"] = expiration.as_millis().to_string().into();
        }
        Ok((project, name, body))
    }

    /// Name and resource of a table.
    fn table(&self, option: &str, entry: &Value) -> Result<(TableReference, Value), OperatorError> {
        let (name, fields) = split(option, entry)?;
        let mut defaults = self.defaults.clone();
        if let Some(project) = text(&fields, "project")? {
            defaults.project = project;
        }
        if let Some(name) = text(&fields, "dataset")? {
            defaults.dataset = Some(dataset(&name, &defaults.project)?);
        }
        let table = defaults.table(&name)?;
        let mut body = resource(&fields, &["id", "project", "dataset", "expiration_time", "schema"])?;
        if let Some(at) = fields.get("expiration_time") {
            let written = params::to_text("expiration_time", at)?;
            let at: Timestamp = written.parse().map_err(|_| {
                OperatorError::config(format!("`expiration_time` is no time: `{written}`"))
                    .hint("write it as `2026-01-31T00:00:00Z`")
            })?;
            body["expirationTime"] = at.as_millisecond().to_string().into();
        }
        if let Some(schema) = fields.get("schema") {
            body["schema"] = configuration::schema(self.request, schema)?;
        }
        Ok((table, body))
    }

    fn do_dataset(&self, deed: Deed, project: &str, name: &str, body: Value) -> Result<(), OperatorError> {
        let what = format!("dataset `{project}:{name}`");
        if deed != Deed::Create {
            self.call(&what, "deleted", self.service.delete_dataset(project, name))?;
        }
        if deed != Deed::Delete {
            self.call(&what, "created", self.service.insert_dataset(project, name, body))?;
        }
        self.tell(deed, &what);
        Ok(())
    }

    fn do_table(&self, deed: Deed, table: &TableReference, body: Value) -> Result<(), OperatorError> {
        let what = format!("table `{table}`");
        if deed != Deed::Create {
            self.call(&what, "deleted", self.service.delete_table(table))?;
        }
        if deed != Deed::Delete {
            self.call(&what, "created", self.service.make_table(table, body))?;
        }
        self.tell(deed, &what);
        Ok(())
    }

    fn tell(&self, deed: Deed, what: &str) {
        self.request.reporter.log(Level::Info, &format!("{what} is {}", deed.word()));
    }

    fn call(
        &self,
        what: &str,
        deed: &str,
        call: impl Future<Output = Result<(), GoogleError>>,
    ) -> Result<(), OperatorError> {
        unless_canceled(&self.request.cancel, call)?
            .map_err(|error| failed(&format!("{what} could not be {deed}"), &error))
    }
}

/// The name in an entry, and what else it says.
fn split(option: &str, entry: &Value) -> Result<(String, Map<String, Value>), OperatorError> {
    match entry {
        Value::String(name) => Ok((name.clone(), Map::new())),
        Value::Object(fields) => match text(fields, "id")? {
            Some(name) => Ok((name, fields.clone())),
            None => Err(OperatorError::config(format!("an entry of `{option}` has no `id`"))),
        },
        _ => Err(OperatorError::config(format!(
            "an entry of `{option}` must be a name, or a mapping with `id`"
        ))),
    }
}

fn text(fields: &Map<String, Value>, key: &str) -> Result<Option<String>, OperatorError> {
    let value = fields.get(key).filter(|value| !value.is_null());
    Ok(value.map(|value| params::to_text(key, value)).transpose()?)
}

/// The other fields under the API's names: `friendly_name` is `friendlyName`, and labels are texts.
fn resource(fields: &Map<String, Value>, read: &[&str]) -> Result<Value, OperatorError> {
    let mut body = Map::new();
    for (key, value) in fields.iter().filter(|(key, _)| !read.contains(&key.as_str())) {
        let value = match (key.as_str(), value) {
            ("labels", Value::Object(labels)) => {
                let texts = labels
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), params::to_text(name, value)?.into())));
                Value::Object(texts.collect::<Result<_, OperatorError>>()?)
            }
            (_, value) => value.clone(),
        };
        body.insert(camel_case(key), value);
    }
    Ok(json!(body))
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
