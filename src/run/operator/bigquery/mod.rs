//! `bq>`, `bq_load>`, `bq_extract>` and `bq_ddl>`: SQL, loads and exports as jobs, and datasets and tables by direct
//! calls.
//!
//! A job has an id of our own, made of the task and of what it does: an attempt that was killed after it had handed a
//! job over finds it again, and nothing is done twice. No thread is held while a job runs.

mod configuration;
mod ddl;
mod job;
mod names;

use serde_json::{Value, json};

use self::job::JobTurn;
use self::names::Defaults;
use super::google;
use super::options::Options;
use super::{Operator, OperatorError, OperatorOutput, OperatorRequest, Turn};
use crate::cloud::google::Endpoints;
use crate::cloud::google::bigquery::BigQuery;
use crate::session::Params;

/// How often a call is tried again.
const RETRIES: u32 = 5;

/// What one of the operators does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `bq>`
    Query,
    /// `bq_load>`
    Load,
    /// `bq_extract>`
    Extract,
    /// `bq_ddl>`
    Ddl,
}

/// One of the operators.
#[derive(Debug)]
pub struct Bigquery {
    kind: Kind,
    endpoints: Endpoints,
}

impl Bigquery {
    /// The services are where the environment says.
    pub fn new(kind: Kind) -> Self {
        Self::at(kind, Endpoints::from_environment())
    }

    /// The services are there.
    pub fn at(kind: Kind, endpoints: Endpoints) -> Self {
        Self { kind, endpoints }
    }
}

impl Operator for Bigquery {
    fn run(&self, request: &OperatorRequest<'_>) -> Result<Turn, OperatorError> {
        let options = Options::new(request, "bq");
        let (google, own_project) = google::open(request, self.endpoints.clone(), RETRIES)?;
        let service = BigQuery::new(google);
        let defaults = Defaults::of(request, &options, own_project)?;
        let configuration = match self.kind {
            Kind::Query => configuration::query(request, &options, &defaults)?,
            Kind::Load => configuration::load(request, &options, &defaults)?,
            Kind::Extract => configuration::extract(request, &options, &defaults)?,
            Kind::Ddl => {
                ddl::run(request, &options, &defaults, &service)?;
                return Ok(OperatorOutput::default().into());
            }
        };
        let turn = JobTurn {
            request,
            service: &service,
            project: &defaults.project,
            location: options.text("location")?,
            configuration,
        };
        turn.take()
    }
}

/// What later tasks find: the id, and the same under its old name.
fn stored(job_id: &str) -> OperatorOutput {
    let names: Value = json!({"last_job_id": job_id, "last_jobid": job_id});
    OperatorOutput { store: Params::from_iter([("bq".to_owned(), names)]), ..OperatorOutput::default() }
}
