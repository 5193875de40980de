//! The calls of BigQuery that a transfer needs.

use reqwest::Method;
use serde_json::{Value, json};

use super::error::GoogleError;
use super::http::{Call, Google};
use super::path_part;
use super::upload::{Proof, Upload};

/// How long one call waits for the end of a query, in milliseconds.
const QUERY_WAIT: u32 = 10_000;

/// Datasets, tables and jobs.
#[derive(Clone)]
pub struct BigQuery {
    google: Google,
}

/// A table's full name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReference {
    pub project: String,
    pub dataset: String,
    /// Perhaps with a partition decorator (`t$20260101`).
    pub table: String,
}

impl TableReference {
    /// As the API takes it.
    pub fn to_json(&self) -> Value {
        json!({"projectId": self.project, "datasetId": self.dataset, "tableId": self.table})
    }

    /// Without its partition decorator.
    pub fn without_decorator(&self) -> Self {
        let table = self.table.split('$').next().unwrap_or_default().to_owned();
        Self { table, ..self.clone() }
    }
}

impl std::fmt::Display for TableReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}.{}", self.project, self.dataset, self.table)
    }
}

/// Names a job: ours, or one that the service made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReference {
    pub project: String,
    pub location: Option<String>,
    pub job_id: String,
}

/// A job as the service describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// `PENDING`, `RUNNING` or `DONE`.
    pub state: String,
    /// Why it failed; none while it runs and when it succeeded.
    pub error: Option<JobError>,
    /// All errors and warnings.
    pub errors: Vec<JobError>,
    /// Where it runs.
    pub location: Option<String>,
    /// Rows that a load job wrote.
    pub output_rows: Option<u64>,
    /// Rows that a load job left out.
    pub bad_records: Option<u64>,
    /// `statistics` as the service gives them.
    pub statistics: Value,
}

/// One error of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    pub reason: String,
    /// Where, e.g. the file.
    pub location: String,
    /// May hold values of rows: shown only through [`super::error::without_values`].
    pub message: String,
}

/// What became of a job that was handed over.
#[derive(Debug)]
pub enum Inserted {
    /// It is there now.
    New(Box<Job>),
    /// A job of this id was there before: ours, of an earlier try.
    Known,
}

impl BigQuery {
    /// Calls go out as `google` makes them.
    pub fn new(google: Google) -> Self {
        Self { google }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/bigquery/v2/{path}", self.google.endpoints.bigquery)
    }

    fn table_url(&self, table: &TableReference) -> String {
        self.url(&format!(
            "projects/{}/datasets/{}/tables/{}",
            path_part(&table.project),
            path_part(&table.dataset),
            path_part(&table.table)
        ))
    }

    /// A dataset; none when there is none.
    pub async fn dataset(&self, project: &str, dataset: &str) -> Result<Option<Value>, GoogleError> {
        let path = format!("projects/{}/datasets/{}", path_part(project), path_part(dataset));
        self.google.find(&Call::new(Method::GET, self.url(&path), "bigquery dataset")).await
    }

    /// Makes a dataset unless it is there; `access` as another dataset has it.
    pub async fn make_dataset(
        &self,
        project: &str,
        dataset: &str,
        location: Option<&str>,
        access: Option<&Value>,
    ) -> Result<(), GoogleError> {
        let mut body = json!({});
        if let Some(location) = location {
            body["location"] = location.into();
        }
        if let Some(access) = access.filter(|access| access.is_array()) {
            body["access"] = access.clone();
        }
        self.insert_dataset(project, dataset, body).await
    }

    /// Makes a dataset of this resource unless it is there.
    pub async fn insert_dataset(
        &self,
        project: &str,
        dataset: &str,
        mut body: Value,
    ) -> Result<(), GoogleError> {
        body["datasetReference"] = json!({"projectId": project, "datasetId": dataset});
        let url = self.url(&format!("projects/{}/datasets", path_part(project)));
        match self.google.json(&Call::new(Method::POST, url, "bigquery datasets").body(&body)).await {
            Err(error) if !error.is(409) => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes a dataset with all that is in it; one that is not there is removed already.
    pub async fn delete_dataset(&self, project: &str, dataset: &str) -> Result<(), GoogleError> {
        let path = format!("projects/{}/datasets/{}", path_part(project), path_part(dataset));
        let url = format!("{}?deleteContents=true", self.url(&path));
        match self.google.send(&Call::new(Method::DELETE, url, "bigquery dataset")).await {
            Err(error) if !error.is(404) => Err(error),
            _ => Ok(()),
        }
    }

    /// A table; none when there is none.
    pub async fn table(&self, table: &TableReference) -> Result<Option<Value>, GoogleError> {
        let call = Call::new(Method::GET, self.table_url(table), "bigquery table");
        self.google.find(&call).await
    }

    /// Makes a table unless it is there; one that is there keeps its schema.
    pub async fn make_table(&self, table: &TableReference, mut body: Value) -> Result<(), GoogleError> {
        body["tableReference"] = table.to_json();
        let url = self.url(&format!(
            "projects/{}/datasets/{}/tables",
            path_part(&table.project),
            path_part(&table.dataset)
        ));
        match self.google.json(&Call::new(Method::POST, url, "bigquery tables").body(&body)).await {
            Err(error) if !error.is(409) => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes a table; one that is not there is removed already.
    pub async fn delete_table(&self, table: &TableReference) -> Result<(), GoogleError> {
        let call = Call::new(Method::DELETE, self.table_url(table), "bigquery table");
        match self.google.send(&call).await {
            Err(error) if !error.is(404) => Err(error),
            _ => Ok(()),
        }
    }

    /// Hands a job over under its own id. A lost answer is no danger: the id is asked for again.
    pub async fn insert_job(
        &self,
        reference: &JobReference,
        configuration: &Value,
    ) -> Result<Inserted, GoogleError> {
        let url = self.url(&format!("projects/{}/jobs", path_part(&reference.project)));
        let call = Call::new(Method::POST, url, "bigquery jobs").body(&job_body(reference, configuration));
        match self.google.json(&call).await {
            Ok(body) => Ok(Inserted::New(Box::new(Job::read(&body)))),
            Err(error) if error.is(409) => Ok(Inserted::Known),
            Err(error) => Err(error),
        }
    }

    /// Starts a job whose data is uploaded with it.
    pub fn upload_job(&self, reference: &JobReference, configuration: &Value, content_type: &str) -> Upload {
        let url = format!(
            "{}/upload/bigquery/v2/projects/{}/jobs?uploadType=resumable",
            self.google.endpoints.bigquery,
            path_part(&reference.project)
        );
        let open = Call::new(Method::POST, url, "bigquery upload")
            .header("x-upload-content-type", content_type)
            .body(&job_body(reference, configuration));
        Upload::start(&self.google, open, Proof::Nothing)
    }

    /// A job; none when the service knows none of that id.
    pub async fn job(&self, reference: &JobReference) -> Result<Option<Job>, GoogleError> {
        let call = Call::new(Method::GET, self.job_url(reference, ""), "bigquery job");
        Ok(self.google.find(&call).await?.map(|body| Job::read(&body)))
    }

    /// The rows of a query, each cell as text. `body` is that of `jobs.query`; the query may take as long as it does.
    pub async fn query(
        &self,
        project: &str,
        mut body: Value,
    ) -> Result<Vec<Vec<Option<String>>>, GoogleError> {
        body["timeoutMs"] = QUERY_WAIT.into();
        let url = self.url(&format!("projects/{}/queries", path_part(project)));
        let mut answer =
            self.google.json(&Call::new(Method::POST, url, "bigquery query").body(&body)).await?;
        let mut rows = Vec::new();
        loop {
            rows.extend(answer["rows"].as_array().into_iter().flatten().map(cells));
            let token = answer["pageToken"].as_str().filter(|token| !token.is_empty());
            let is_whole = answer["jobComplete"].as_bool() == Some(true) && token.is_none();
            let Some(job) = answer["jobReference"]["jobId"].as_str().filter(|_| !is_whole) else {
                return Ok(rows);
            };
            let mut url = self.url(&format!(
                "projects/{}/queries/{}?timeoutMs={QUERY_WAIT}",
                path_part(project),
                path_part(job)
            ));
            for (name, value) in
                [("location", answer["jobReference"]["location"].as_str()), ("pageToken", token)]
            {
                if let Some(value) = value {
                    url.push_str(&format!("&{name}={}", path_part(value)));
                }
            }
            answer = self.google.json(&Call::new(Method::GET, url, "bigquery query")).await?;
        }
    }

    /// Asks the service to stop a job.
    pub async fn cancel_job(&self, reference: &JobReference) -> Result<(), GoogleError> {
        let call = Call::new(Method::POST, self.job_url(reference, "/cancel"), "bigquery cancel");
        self.google.send(&call).await.map(drop)
    }

    fn job_url(&self, reference: &JobReference, verb: &str) -> String {
        let mut url = self.url(&format!(
            "projects/{}/jobs/{}{verb}",
            path_part(&reference.project),
            path_part(&reference.job_id)
        ));
        if let Some(location) = &reference.location {
            url.push_str("?location=");
            url.push_str(&path_part(location));
        }
        url
    }
}

/// A row as the API writes it: `{"f": [{"v": text}, ...]}`.
fn cells(row: &Value) -> Vec<Option<String>> {
    let text = |cell: &Value| cell["v"].as_str().map(str::to_owned);
    row["f"].as_array().into_iter().flatten().map(text).collect()
}

fn job_body(reference: &JobReference, configuration: &Value) -> Value {
    let mut body = json!({
        "configuration": configuration,
        "jobReference": {"projectId": reference.project, "jobId": reference.job_id},
    });
    if let Some(location) = &reference.location {
        body["jobReference"]["location"] = location.as_str().into();
    }
    body
}

impl Job {
    /// Reads the service's description.
    pub fn read(body: &Value) -> Self {
        let status = &body["status"];
        let load = &body["statistics"]["load"];
        let failed = status["errorResult"].is_object();
        Self {
            state: status["state"].as_str().unwrap_or("PENDING").to_owned(),
            error: failed.then(|| JobError::read(&status["errorResult"])),
            errors: status["errors"].as_array().into_iter().flatten().map(JobError::read).collect(),
            location: body["jobReference"]["location"].as_str().map(str::to_owned),
            output_rows: count(&load["outputRows"]),
            bad_records: count(&load["badRecords"]),
            statistics: body["statistics"].clone(),
        }
    }

    /// Whether nothing more happens to it.
    pub fn is_done(&self) -> bool {
        self.state == "DONE"
    }
}

impl JobError {
    fn read(error: &Value) -> Self {
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        Self { reason: text("reason"), location: text("location"), message: text("message") }
    }
}

/// 64-bit numbers come as text.
pub fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
