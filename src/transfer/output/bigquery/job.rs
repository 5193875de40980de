//! Jobs: handed over under an id that was recorded before, waited for, and never left to chance.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::failure::{call_failed, job_failed};
use super::service::Service;
use crate::cloud::fault::codes;
use crate::cloud::fault::pace::Pace;
use crate::cloud::fault::retry::{self, Next};
use crate::cloud::google::bigquery::{Inserted, Job, JobReference};
use crate::cloud::google::upload::Upload;
use crate::transfer::effect::{Effect, EffectOutcome};
use crate::transfer::error::{ErrorKind, TransferError};

/// The first look at a job comes this soon; each further one half as long again later.
const FIRST_LOOK: Duration = Duration::from_millis(200);
/// How often a stopped job is looked at until its end is known.
const LAST_LOOKS: u32 = 20;

/// A job to be done.
#[derive(Debug, Clone)]
pub(super) struct JobPlan {
    /// What it does.
    pub(super) kind: JobKind,
    /// Its id; a job that failed for a passing reason is done again as `<id>_1`, `<id>_2`.
    pub(super) id: String,
    /// Where it runs.
    pub(super) location: Option<String>,
    /// As the API takes it.
    pub(super) configuration: Value,
    /// Rows it is about.
    pub(super) rows: u64,
    /// Bytes it is about.
    pub(super) bytes: u64,
    /// Whether readers of the target see its result.
    pub(super) publishes: Publishes,
    /// The try it belongs to.
    pub(super) try_number: u32,
    /// From and to, for the log.
    pub(super) route: String,
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobKind {
    /// Loads rows into a table.
    Load,
    /// Copies a table.
    Copy,
    /// Runs SQL.
    Query,
}

/// Whether readers of the target see the result of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publishes {
    /// Its success is the moment.
    Yes,
    /// It fills a staging table.
    No,
}

impl JobKind {
    /// The word in the log of Embulk's plugin.
    fn word(self) -> &'static str {
        match self {
            Self::Load => "Load",
            Self::Copy => "Copy",
            Self::Query => "Query",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Load => "load job",
            Self::Copy => "copy job",
            Self::Query => "query job",
        }
    }
}

/// A job that succeeded, and its record, which is settled when the rows were counted.
#[derive(Debug)]
pub(super) struct DoneJob {
    pub(super) job: Job,
    pub(super) effect: Effect,
}

impl JobPlan {
    /// The id of a repetition, from 0.
    pub(super) fn id_of(&self, repetition: u32) -> String {
        if repetition == 0 { self.id.clone() } else { format!("{}_{repetition}", self.id) }
    }

    pub(super) fn effect(&self, service: &Service, job_id: &str) -> Effect {
        Effect::SubmitJob {
            project: service.config.project.shown().to_owned(),
            location: self.location.clone(),
            job_id: job_id.to_owned(),
            rows: self.rows,
            bytes: self.bytes,
            publishes: self.publishes == Publishes::Yes,
            try_number: self.try_number,
        }
    }
}

impl Service {
    /// Hands a job over and waits for its success. One that failed for a passing reason is done again.
    pub(super) fn run_job(&self, plan: &JobPlan) -> Result<DoneJob, TransferError> {
        let (retrying, mut repetition) = (self.context.retrying(), 0);
        loop {
            let id = plan.id_of(repetition);
            let effect = plan.effect(self, &id);
            self.context.ledger.intend(&effect)?;
            self.announce(plan, &id);
            let reference = self.job(id, plan.location.clone());
            let first = self.submit(plan, &reference, &effect)?;
            let job = self.watch(plan.kind, &reference, first)?;
            match self.judge(plan.kind, &reference, &effect, job) {
                Ok(job) => {
                    retrying.helped(repetition);
                    return Ok(DoneJob { job, effect });
                }
                Err(Failed::Passing(error)) => {
                    let failed = retry::Failed {
                        what: &error,
                        retried: repetition,
                        most: self.config.retries,
                        wish: None,
                        pace: Pace::CALLS,
                    };
                    match retrying.next(failed) {
                        Next::Again(pause) => self.pause(pause)?,
                        last => return Err(error.ended(last)),
                    }
                    repetition += 1;
                }
                Err(Failed::ForGood(error)) => return Err(error),
            }
        }
    }

    pub(super) fn announce(&self, plan: &JobPlan, id: &str) {
        let (word, route) = (plan.kind.word(), &plan.route);
        let location = plan.location.as_deref().unwrap_or("Primary location");
        self.log(&format!("{word} job starting... job_id:[{id}] {route} in {location}"));
    }

    /// Hands a job over. An id that is known is a job of ours whose answer was lost.
    fn submit(
        &self,
        plan: &JobPlan,
        reference: &JobReference,
        effect: &Effect,
    ) -> Result<Option<Job>, TransferError> {
        let what = format!("{} `{}` for `{}` was not taken", plan.kind.name(), reference.job_id, self.shown);
        match self.wait(&what, self.bigquery.insert_job(reference, &plan.configuration)) {
            Ok(Inserted::New(job)) => Ok(Some(*job)),
            Ok(Inserted::Known) => Ok(None),
            Err(error) => {
                self.settle_refusal(effect, &error)?;
                Err(error)
            }
        }
    }

    /// Ends an upload that carries its job along. The job is recorded before its last byte goes out: then it is there.
    pub(super) fn end_upload(&self, plan: &JobPlan, upload: Upload) -> Result<DoneJob, TransferError> {
        let effect = plan.effect(self, &plan.id);
        self.context.ledger.intend(&effect)?;
        self.announce(plan, &plan.id);
        let reference = self.job(plan.id.clone(), plan.location.clone());
        let first = match upload.finish() {
            Ok(uploaded) => Some(Job::read(&uploaded.resource)),
            // The last byte may have arrived although its answer did not.
            Err(_) if self.context.cancel.is_canceled() => return Err(TransferError::canceled()),
            Err(error) => {
                let error = call_failed(format!("rows for `{}` could not be uploaded", self.shown), &error);
                match self.wait("the job could not be asked for", self.bigquery.job(&reference))? {
                    Some(job) => Some(job),
                    None => {
                        let outcome = EffectOutcome::Failed { message: error.to_string() };
                        self.context.ledger.settle(&effect, &outcome)?;
                        return Err(error);
                    }
                }
            }
        };
        let job = self.watch(plan.kind, &reference, first)?;
        let job = self.judge(plan.kind, &reference, &effect, job)?;
        Ok(DoneJob { job, effect })
    }

    /// A refusal is final; without an answer nobody knows, and the next attempt asks.
    pub(super) fn settle_refusal(&self, effect: &Effect, error: &TransferError) -> Result<(), TransferError> {
        let unknown = matches!(
            error.kind,
            ErrorKind::Unreachable | ErrorKind::Busy | ErrorKind::ConnectionLost | ErrorKind::Canceled
        );
        if !unknown {
            self.context.ledger.settle(effect, &EffectOutcome::Failed { message: error.message.clone() })?;
        }
        Ok(())
    }

    /// Waits until a job is done, however it ends. A run that stops, and a job that takes too long, stop the job.
    pub(super) fn watch(
        &self,
        kind: JobKind,
        reference: &JobReference,
        first: Option<Job>,
    ) -> Result<Job, TransferError> {
        let start = Instant::now();
        let (word, id) = (kind.word(), &reference.job_id);
        let mut current = first;
        let mut look = FIRST_LOOK;
        let mut next_line = self.config.polling_interval;
        loop {
            let elapsed = start.elapsed();
            let state = current.as_ref().map_or_else(|| "PENDING".to_owned(), |job| job.state.clone());
            let line = |verb: &str| {
                let seconds = elapsed.as_secs_f64();
                self.log(&format!(
                    "{word} job {verb}... job_id:[{id}] elapsed_time:{seconds:.3}sec status:[{state}]"
                ));
            };
            if let Some(job) = current.take_if(|job| job.is_done()) {
                line("completed");
                self.log(&format!(
                    "{word} job response... job_id:[{id}] response.statistics:{}",
                    job.statistics
                ));
                return Ok(job);
            }
            if elapsed >= next_line {
                line("checking");
                next_line = elapsed + self.config.polling_interval;
            }
            if elapsed >= self.config.max_polling_time {
                let limit = self.config.max_polling_time.as_secs();
                return self.stop(reference).ok_or_else(|| {
                    let message = format!("{} `{id}` took longer than {limit} seconds", kind.name());
                    TransferError::new(ErrorKind::Timeout, message)
                        .hint("raise `job_status_max_polling_time`")
                });
            }
            let pause = look.min(self.config.polling_interval).min(self.config.max_polling_time - elapsed);
            if self.pause(pause).is_err() {
                return self.stop(reference).ok_or_else(TransferError::canceled);
            }
            look = look.mul_f64(1.5);
            let what = format!("{} `{id}` could not be asked for", kind.name());
            current = match self.wait(&what, self.bigquery.job(reference)) {
                Ok(Some(job)) => Some(job),
                Ok(None) => {
                    return Err(TransferError::new(ErrorKind::NotFound, format!("job `{id}` is gone")));
                }
                Err(error) if error.kind == ErrorKind::Canceled => return self.stop(reference).ok_or(error),
                Err(error) => return Err(error),
            };
        }
    }

    /// Asks the service to stop a job and says how it ended; none when that stays open.
    pub(super) fn stop(&self, reference: &JobReference) -> Option<Job> {
        let what = format!("job `{}` could not be stopped", reference.job_id);
        if let Err(error) = self.tidy(&what, self.bigquery.cancel_job(reference)) {
            self.warn(&error.to_string());
        }
        for _ in 0..LAST_LOOKS {
            match self.tidy(&what, self.bigquery.job(reference)) {
                Ok(Some(job)) if job.is_done() => return Some(job),
                Ok(Some(_)) => crate::cloud::block_on(tokio::time::sleep(Duration::from_millis(500))),
                Ok(None) | Err(_) => return None,
            }
        }
        None
    }

    /// Whether a job that is done succeeded; a failure is recorded.
    pub(super) fn judge(
        &self,
        kind: JobKind,
        reference: &JobReference,
        effect: &Effect,
        job: Job,
    ) -> Result<Job, Failed> {
        let id = &reference.job_id;
        let Some(error) = &job.error else {
            for warning in &job.errors {
                let text = crate::cloud::google::error::without_values(&warning.message);
                self.warn(&format!("{} `{id}`: {}: {text}", kind.name(), warning.reason));
            }
            return Ok(job);
        };
        let passing = codes::of_job(&error.reason).passes();
        let failed = job_failed(format!("{} `{id}` for `{}` failed", kind.name(), self.shown), &job);
        let failed = if self.context.cancel.is_canceled() { TransferError::canceled() } else { failed };
        let outcome = EffectOutcome::Failed { message: failed.to_string() };
        if let Err(error) = self.context.ledger.settle(effect, &outcome) {
            return Err(Failed::ForGood(error.into()));
        }
        Err(if passing { Failed::Passing(failed) } else { Failed::ForGood(failed) })
    }
}

/// How a job failed.
#[derive(Debug)]
pub(super) enum Failed {
    /// Doing it again may help.
    Passing(TransferError),
    /// It may not.
    ForGood(TransferError),
}

impl From<Failed> for TransferError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Passing(error) | Failed::ForGood(error) => error,
        }
    }
}
