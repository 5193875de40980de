//! A job from the turn that hands it over to the turn that finds it done.

use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::stored;
use crate::cloud::google::bigquery::{BigQuery, Inserted, Job, JobReference};
use crate::cloud::google::error::{GoogleError, without_values};
use crate::run::operator::cancelable::unless_canceled;
use crate::run::operator::{OperatorError, OperatorRequest, Turn};
use crate::session::Level;

/// The first pause between two looks, and the longest; each is half as long again as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// One turn of a task whose work is a job.
pub(super) struct JobTurn<'a> {
    pub(super) request: &'a OperatorRequest<'a>,
    pub(super) service: &'a BigQuery,
    pub(super) project: &'a str,
    /// As the task says; else where the service puts the job.
    pub(super) location: Option<String>,
    /// As the API takes it.
    pub(super) configuration: Value,
}

/// What a turn leaves to the next.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    id: String,
    location: Option<String>,
    looks: u32,
}

impl JobTurn<'_> {
    pub(super) fn take(&self) -> Result<Turn, OperatorError> {
        let mut progress = match serde_json::from_value(self.request.waiting.state.clone()) {
            Ok(progress) => progress,
            Err(_) => match self.hand_over()? {
                (progress, Some(job)) if job.is_done() => return self.end(&progress, &job),
                (progress, _) => return Ok(again(progress)),
            },
        };
        let Some(job) = self.look(&progress)? else {
            return Err(OperatorError::failed(format!("job `{}` is gone", progress.id)));
        };
        if job.is_done() {
            return self.end(&progress, &job);
        }
        progress.looks += 1;
        Ok(again(progress))
    }

    /// Hands the job over, or finds the one that an earlier attempt handed over. One that failed there is done again.
    fn hand_over(&self) -> Result<(Progress, Option<Job>), OperatorError> {
        let mut number = 0;
        loop {
            let id = self.id(number);
            let progress = Progress { id: id.clone(), location: self.location.clone(), looks: 0 };
            let reference = self.reference(&progress);
            let inserted =
                self.call(self.service.insert_job(&reference, &self.configuration), "could not be started")?;
            let word = match inserted {
                Inserted::New(job) => {
                    self.request.reporter.log(Level::Info, &format!("job `{id}` is started"));
                    let location = progress.location.or(job.location.clone());
                    return Ok((Progress { location, ..progress }, Some(*job)));
                }
                Inserted::Known => self.look(&progress)?,
            };
            if word.as_ref().is_none_or(|job| job.error.is_none()) {
                let text = format!("goes on with job `{id}` of an earlier attempt");
                self.request.reporter.log(Level::Info, &text);
                let location = progress.location.or(word.as_ref().and_then(|job| job.location.clone()));
                return Ok((Progress { location, ..progress }, word));
            }
            number += 1;
        }
    }

    fn look(&self, progress: &Progress) -> Result<Option<Job>, OperatorError> {
        self.call(self.service.job(&self.reference(progress)), "could not be asked for")
    }

    fn end(&self, progress: &Progress, job: &Job) -> Result<Turn, OperatorError> {
        let Progress { id, .. } = progress;
        let told = |error: &crate::cloud::google::bigquery::JobError| {
            let place =
                if error.location.is_empty() { String::new() } else { format!(" ({})", error.location) };
            format!("{}: {}{place}", error.reason, without_values(&error.message))
        };
        let Some(error) = &job.error else {
            for warning in &job.errors {
                self.request.reporter.log(Level::Warn, &told(warning));
            }
            return Ok(Turn::Done(stored(id)));
        };
        let mut failed = OperatorError::failed(format!("BigQuery job `{id}` failed: {}", told(error)));
        failed.causes = job.errors.iter().filter(|other| *other != error).map(told).collect();
        Err(failed.detail("job_id", id.clone()))
    }

    fn reference(&self, progress: &Progress) -> JobReference {
        JobReference {
            project: self.project.to_owned(),
            location: progress.location.clone(),
            job_id: progress.id.clone(),
        }
    }

    fn call<T>(
        &self,
        call: impl Future<Output = Result<T, GoogleError>>,
        what: &str,
    ) -> Result<T, OperatorError> {
        unless_canceled(&self.request.cancel, call)?
            .map_err(|error| failed(&format!("the job {what}"), &error))
    }

    /// The same for every attempt of the task in this round, as long as it is to do the same.
    fn id(&self, number: u32) -> String {
        let request = self.request;
        let origin = &request.services.origin;
        let mut hash = Sha256::new();
        for part in [
            origin.installation.as_str(),
            &origin.starting_attempt.to_string(),
            request.task.as_str(),
            &request.round.to_string(),
            &self.configuration.to_string(),
        ] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let hash: String = hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("sync_{hash}_{number}")
    }
}

fn again(progress: Progress) -> Turn {
    let pause = FIRST_PAUSE.mul_f64(1.5_f64.powi(progress.looks.min(20).cast_signed()));
    // A mapping of texts and numbers is always JSON.
    let state = serde_json::to_value(progress).unwrap_or_default();
    Turn::Again { after: pause.min(LONGEST_PAUSE), state }
}

/// A call that failed.
pub(super) fn failed(what: &str, error: &GoogleError) -> OperatorError {
    let failed = if error.is_unreachable() {
        OperatorError::unreachable(what).hint("check the network, then retry")
    } else {
        OperatorError::failed(what)
    };
    failed.cause(error)
}
