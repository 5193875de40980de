//! Who read the tables of a project: the queries that BigQuery has on record.
//!
//! `INFORMATION_SCHEMA.JOBS_BY_PROJECT` has the jobs of one project in one region for 180 days, each with the tables that
//! its query referenced (BigQuery: "JOBS view"). A query that was answered from the cache names none, but its answer was
//! computed less than a day before. Loads and copies are jobs of other types, so those of a transfer do not count; a
//! statement of ours that writes to the table it reads (`before_load`) does not, either.

use std::collections::{BTreeMap, HashMap};

use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::service::Service;
use crate::cloud::google::Endpoints;
use crate::cloud::google::bigquery::{TableReference, count};
use crate::cloud::google::error::GoogleError;
use crate::embulk::output::BigqueryOutput;
use crate::transfer::context::TransferContext;
use crate::transfer::error::{ErrorKind, TransferError};
use crate::transfer::output::reads::{Records, TableRecord, Warehouse};

/// How long jobs are on record.
const HISTORY: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Tables that are asked for at the same time.
const AT_ONCE: usize = 8;

/// The tables of a project, asked for with the account of one output.
pub(in crate::transfer::output) struct BigqueryWarehouse {
    service: Service,
    /// `bigquery <project>`
    name: String,
    /// Whose queries count.
    readers: Vec<String>,
}

/// A table in a dataset.
type Name = (String, String);

impl BigqueryWarehouse {
    /// Checks the key; nothing is called.
    pub(in crate::transfer::output) fn new(
        config: &BigqueryOutput,
        context: &TransferContext,
        reader_projects: &[String],
    ) -> Result<Self, TransferError> {
        let service = Service::new(config, context, Endpoints::from_environment())?;
        let mut readers = vec![config.destination_project.expose().to_owned()];
        for project in [config.project.expose()].into_iter().chain(reader_projects.iter().map(String::as_str))
        {
            if !readers.iter().any(|known| known == project) {
                readers.push(project.to_owned());
            }
        }
        Ok(Self { service, name: format!("bigquery {}", config.destination_project.shown()), readers })
    }

    /// Where the datasets are; those that are not there are left out.
    fn locations(&self, names: &[Name]) -> Result<BTreeMap<String, String>, TransferError> {
        let mut locations = BTreeMap::new();
        for (dataset, _) in names {
            if locations.contains_key(dataset) {
                continue;
            }
            let project = &self.service.target.project;
            let what = format!("dataset `{dataset}` could not be read");
            let found = self.service.wait(&what, self.service.bigquery.dataset(project, dataset))?;
            if let Some(found) = found {
                locations.insert(dataset.clone(), found["location"].as_str().unwrap_or("US").to_owned());
            }
        }
        Ok(locations)
    }

    /// The last reads of the tables of some datasets, which are in one location.
    fn last_reads(
        &self,
        location: &str,
        datasets: &[&String],
        since: Timestamp,
    ) -> Result<Reads, TransferError> {
        let mut reads = Reads::default();
        for reader in &self.readers {
            let body = json!({
                "query": statement(reader, location)?,
                "useLegacySql": false,
                "location": location,
                "parameterMode": "NAMED",
                "queryParameters": [
                    parameter("since", "INT64", json!({"value": since.as_microsecond().to_string()})),
                    parameter("project", "STRING", json!({"value": self.service.target.project})),
                    {
                        "name": "datasets",
                        "parameterType": {"type": "ARRAY", "arrayType": {"type": "STRING"}},
                        "parameterValue": {
                            "arrayValues": datasets.iter().map(|name| json!({"value": name})).collect::<Vec<_>>(),
                        },
                    },
                ],
            });
            let what = format!("the queries of project `{reader}` in `{location}` could not be listed");
            let rows = self.service.wait(&what, self.service.bigquery.query(reader, body));
            for row in rows.map_err(|error| permitted(error, reader))? {
                reads.take(&row);
            }
        }
        Ok(reads)
    }

    /// What the tables say of themselves; none where there is no such table.
    fn resources(&self, names: &[Name]) -> Result<Vec<Option<Value>>, TransferError> {
        let project = &self.service.target.project;
        let calls = names.iter().map(|(dataset, table)| {
            let (project, dataset, table) = (project.clone(), dataset.clone(), table.clone());
            let reference = TableReference { project, dataset, table };
            async move { self.service.bigquery.table(&reference).await }
        });
        self.service.wait("tables could not be read", async {
            let found: Vec<Result<_, GoogleError>> =
                futures_util::stream::iter(calls).buffered(AT_ONCE).collect().await;
            found.into_iter().collect()
        })
    }
}

impl Warehouse for BigqueryWarehouse {
    fn name(&self) -> &str {
        &self.name
    }

    fn table(&self, target: &str) -> Option<String> {
        // Only the project may have dots.
        let (project, table) = target.rsplit_once('.').and_then(|(before, table)| {
            let (project, dataset) = before.rsplit_once('.')?;
            let table = table.split('$').next().unwrap_or_default();
            Some((project, format!("{dataset}.{table}")))
        })?;
        (project == self.name).then_some(table)
    }

    fn records(&self, tables: &[String]) -> Result<Records, TransferError> {
        let since = Timestamp::now().saturating_sub(HISTORY).unwrap_or(Timestamp::UNIX_EPOCH);
        let names: Vec<Name> = tables
            .iter()
            .filter_map(|table| table.split_once('.'))
            .map(|(dataset, table)| (dataset.to_owned(), table.to_owned()))
            .collect();
        let locations = self.locations(&names)?;
        let mut by_location: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
        for (dataset, location) in &locations {
            by_location.entry(location).or_default().push(dataset);
        }
        let mut reads = Reads::default();
        for (location, datasets) in by_location {
            reads.add(self.last_reads(location, &datasets, since)?);
        }
        let resources = self.resources(&names)?;
        let records = names.iter().zip(resources).map(|(name, resource)| record(reads.of(name), resource));
        Ok(Records { since, scope: self.scope(), tables: records.collect() })
    }
}

impl BigqueryWarehouse {
    fn scope(&self) -> String {
        let projects = match self.readers.as_slice() {
            [one] => format!("project `{one}`"),
            several => {
                let quoted: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
                format!("projects {}", quoted.join(", "))
            }
        };
        format!(
            "queries of {projects}; those of other projects, extracts, copies and the Storage Read API leave no trace \
             there, and of a query over more than 50 tables not all are named"
        )
    }
}

fn parameter(name: &str, kind: &str, value: Value) -> Value {
    json!({"name": name, "parameterType": {"type": kind}, "parameterValue": value})
}

/// The last read of each table. Names of projects and locations come from configs and from the service; what could end
/// the quotes around them is refused.
fn statement(reader: &str, location: &str) -> Result<String, TransferError> {
    let region = format!("region-{}", location.to_lowercase());
    if [reader, &region].iter().any(|name| name.contains(['`', '\\']) || name.is_empty()) {
        return Err(TransferError::new(
            ErrorKind::Config,
            format!("`{reader}` is not the name of a project"),
        ));
    }
    Ok(format!(
        "SELECT t.dataset_id, t.table_id, UNIX_MICROS(MAX(j.creation_time)) AS last_read
FROM `{reader}`.`{region}`.INFORMATION_SCHEMA.JOBS_BY_PROJECT AS j, UNNEST(j.referenced_tables) AS t
WHERE j.creation_time >= TIMESTAMP_MICROS(@since)
  AND j.job_type = 'QUERY'
  AND t.project_id = @project
  AND t.dataset_id IN UNNEST(@datasets)
  AND NOT IFNULL(STARTS_WITH(j.job_id, 'sync_')
    AND j.destination_table.project_id = t.project_id
    AND j.destination_table.dataset_id = t.dataset_id
    AND j.destination_table.table_id = t.table_id, FALSE)
GROUP BY t.dataset_id, t.table_id"
    ))
}

fn permitted(error: TransferError, project: &str) -> TransferError {
    if error.kind != ErrorKind::Permission {
        return error;
    }
    let hint = format!(
        "it takes `bigquery.jobs.listAll` and `bigquery.jobs.create` in `{project}`: the roles BigQuery Resource Viewer \
         and BigQuery Job User"
    );
    error.hint(hint)
}

/// The last read of each table that was read.
#[derive(Debug, Default)]
struct Reads {
    tables: HashMap<Name, Timestamp>,
    /// What queries named with a `*` at the end: every table that begins so was read.
    beginnings: Vec<(Name, Timestamp)>,
}

impl Reads {
    fn take(&mut self, row: &[Option<String>]) {
        let [Some(dataset), Some(table), Some(micros)] = row else { return };
        let Some(at) = micros.parse().ok().and_then(|micros| Timestamp::from_microsecond(micros).ok()) else {
            return;
        };
        // A decorator names a part of the table, or the table as it was.
        let table = table.split(['$', '@']).next().unwrap_or_default();
        match table.strip_suffix('*') {
            Some(beginning) => self.beginnings.push(((dataset.clone(), beginning.to_owned()), at)),
            None => {
                let last = self.tables.entry((dataset.clone(), table.to_owned())).or_insert(at);
                *last = at.max(*last);
            }
        }
    }

    fn add(&mut self, other: Self) {
        for (name, at) in other.tables {
            let last = self.tables.entry(name).or_insert(at);
            *last = at.max(*last);
        }
        self.beginnings.extend(other.beginnings);
    }

    fn of(&self, name: &Name) -> Option<Timestamp> {
        let begins = |((dataset, beginning), _): &&(Name, Timestamp)| {
            *dataset == name.0 && name.1.starts_with(beginning.as_str())
        };
        let beginnings = self.beginnings.iter().filter(begins).map(|(_, at)| *at);
        self.tables.get(name).copied().into_iter().chain(beginnings).max()
    }
}

fn record(last_read: Option<Timestamp>, resource: Option<Value>) -> TableRecord {
    let Some(resource) = resource else { return TableRecord { last_read, ..TableRecord::default() } };
    let created = count(&resource["creationTime"]).and_then(|millis| i64::try_from(millis).ok());
    TableRecord {
        exists: true,
        created: created.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
        last_read,
        rows: count(&resource["numRows"]),
        bytes: count(&resource["numBytes"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(dataset: &str, table: &str, micros: &str) -> Vec<Option<String>> {
        [dataset, table, micros].map(|text| Some(text.to_owned())).to_vec()
    }

    #[test]
    fn a_read_of_a_part_or_by_a_beginning_is_a_read() {
        let mut reads = Reads::default();
        for (table, micros) in [("orders$20260101", "5"), ("orders", "3"), ("event_*", "7"), ("event_a", "9")]
        {
            reads.take(&row("lake", table, micros));
        }
        let mut other = Reads::default();
        other.take(&row("lake", "orders", "6"));
        reads.add(other);
        let last =
            |table: &str| reads.of(&("lake".to_owned(), table.to_owned())).map(Timestamp::as_microsecond);
        assert_eq!(
            [last("orders"), last("event_a"), last("event_b"), last("orders_old")],
            [Some(6), Some(9), Some(7), None]
        );
        assert_eq!(reads.of(&("other".to_owned(), "orders".to_owned())), None);
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert!(statement("my-project", "asia-northeast1").is_ok_and(|sql| {
            sql.contains("`my-project`.`region-asia-northeast1`.INFORMATION_SCHEMA.JOBS_BY_PROJECT")
        }));
        let error = statement("p`; drop", "US").expect_err("it is refused");
        assert_eq!(error.to_string(), "`p`; drop` is not the name of a project");
    }
}
