//! What earlier attempts of a transfer left: read from what they recorded, decided here, acted upon by the service.

use super::filling::Filling;
use super::job::JobKind;
use super::report::transaction_report;
use super::service::Service;
use crate::cloud::google::bigquery::{Job, count};
use crate::embulk::output::{CountCheck, GcsStaging, OutputConfig};
use crate::transfer::effect::{Effect, EffectOutcome, RecordedEffect, TransferKey, latest};
use crate::transfer::error::TransferError;
use crate::transfer::output::OutputFigures;
use crate::transfer::output::kept::{self, Kept};
use crate::transfer::output::trail::KeptParts;

/// What is known of earlier tries.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Past {
    /// Number of the next try, from 1.
    pub(super) next_try: u32,
    /// Staged objects, sets and tables that may still be there.
    pub(super) leftovers: Vec<Effect>,
    /// What is staged whole, and among the leftovers.
    pub(super) kept: Option<Kept>,
    /// Else what is staged of ranges, the same way.
    pub(super) parts: Option<KeptParts>,
    /// Jobs that fill a staging table and may still run.
    pub(super) unfinished: Vec<Effect>,
    /// A staging table that was begun to be filled.
    pub(super) filling: Option<Filling>,
    /// What became of the last job that would have published.
    pub(super) publication: Publication,
}

/// What became of the last job that would have published.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Publication {
    /// There was none, or it failed: the transfer starts over.
    Open,
    /// It succeeded and was counted.
    Done(Effect),
    /// It was intended, and perhaps submitted: the service knows.
    Unknown(Effect),
}

impl Past {
    /// Reads what was recorded under a key.
    pub(super) fn read(key: &TransferKey, recorded: &[RecordedEffect]) -> Self {
        let prefix = format!("sync_{}_", key.id());
        let mut past = Self {
            next_try: 1,
            leftovers: Vec::new(),
            kept: Kept::of(recorded),
            parts: KeptParts::of(recorded),
            unfinished: Vec::new(),
            filling: None,
            publication: Publication::Open,
        };
        let latest = latest(recorded);
        past.filling = Filling::of(key, &latest);
        for (effect, outcome) in latest {
            match try_of(&prefix, effect) {
                Some(try_number) => past.next_try = past.next_try.max(try_number + 1),
                // An earlier round of the task: only what nobody knows the end of matters.
                None if outcome.is_none_or(|outcome| !outcome.is_end()) => {}
                None => continue,
            }
            match (effect, outcome) {
                (Effect::StageObject { .. } | Effect::StageTable { .. }, Some(EffectOutcome::Removed)) => {}
                (Effect::StageSet { .. }, Some(outcome)) if outcome.is_end() => {}
                (Effect::StageObject { .. } | Effect::StageTable { .. } | Effect::StageSet { .. }, _) => {
                    past.leftovers.push(effect.clone());
                }
                (Effect::SubmitJob { publishes: true, .. }, outcome) => {
                    past.publication = match outcome {
                        Some(EffectOutcome::Done) => Publication::Done(effect.clone()),
                        Some(_) => Publication::Open,
                        None => Publication::Unknown(effect.clone()),
                    };
                }
                (Effect::SubmitJob { .. }, None) => past.unfinished.push(effect.clone()),
                (Effect::SubmitJob { .. }, _) => {}
                // Of a config that was another output's.
                (
                    Effect::WriteFile { .. }
                    | Effect::WriteObject { .. }
                    | Effect::UploadParts { .. }
                    | Effect::PublishRows { .. },
                    _,
                ) => {}
            }
        }
        past
    }
}

/// The number of the try that made a name.
fn try_of(prefix: &str, effect: &Effect) -> Option<u32> {
    let name = match effect {
        Effect::StageObject { object, .. } => object,
        Effect::StageTable { table, .. } => table,
        Effect::SubmitJob { job_id, .. } => job_id,
        Effect::StageSet { name } => name,
        Effect::WriteFile { .. }
        | Effect::WriteObject { .. }
        | Effect::UploadParts { .. }
        | Effect::PublishRows { .. } => return None,
    };
    let rest = name.strip_prefix(prefix)?;
    let digits = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// What came of looking back.
pub(super) struct Recovered {
    /// The rows are in the target.
    pub(super) figures: Option<OutputFigures>,
    /// What is staged whole, where they are not and nobody refused it.
    pub(super) kept: Option<Kept>,
    /// Else what is staged of ranges.
    pub(super) parts: Option<KeptParts>,
    /// The table that was begun to be filled from what is staged whole.
    pub(super) filling: Option<Filling>,
}

/// What became of a job of an earlier attempt.
enum Asked {
    Published(OutputFigures),
    /// Nothing was published; the same rows may be taken another time.
    Open,
    /// The service wants other rows.
    Refused,
}

impl Service {
    /// Finishes what an earlier attempt began: gives the figures when its rows are in the target, else leaves nothing
    /// of it behind but what is staged whole.
    pub(super) fn recover(&self, past: Past) -> Result<Recovered, TransferError> {
        let asked = match &past.publication {
            Publication::Open => Asked::Open,
            Publication::Done(effect) => Asked::Published(figures(effect)),
            Publication::Unknown(effect) => self.ask(effect)?,
        };
        let is_open = matches!(asked, Asked::Open);
        let (kept, parts) = (past.kept.filter(|_| is_open), past.parts.filter(|_| is_open));
        let was_filled = past.publication == Publication::Open && kept.is_some();
        let filling = match past.filling.filter(|_| was_filled) {
            Some(filling) => self.go_on(filling)?,
            None => None,
        };
        let is_kept = |effect: &Effect| {
            kept::holds(kept.as_ref(), parts.as_ref(), effect)
                || filling.as_ref().is_some_and(|filling| filling.holds(effect))
        };
        let ended: Vec<Effect> = past.unfinished.into_iter().filter(|effect| !is_kept(effect)).collect();
        self.stop_for_good(&ended)?;
        self.remove_all(past.leftovers.into_iter().filter(|effect| !is_kept(effect)))?;
        let figures = match asked {
            Asked::Published(figures) => Some(figures),
            Asked::Open | Asked::Refused => None,
        };
        if figures.is_some() {
            self.log(&format!("an earlier attempt has published `{}`", self.shown));
        }
        Ok(Recovered { figures, kept, parts, filling })
    }

    /// Removes what is staged. That it is no set any more is recorded before.
    pub(super) fn remove_all(&self, staged: impl Iterator<Item = Effect>) -> Result<(), TransferError> {
        let (sets, rest): (Vec<Effect>, Vec<Effect>) =
            staged.partition(|effect| matches!(effect, Effect::StageSet { .. }));
        sets.iter().chain(&rest).try_for_each(|effect| self.remove(effect))
    }

    /// Stops the jobs of a try whose end is not recorded. Their end stays open: the next attempt asks.
    pub(super) fn stop_jobs(&self, past: &Past, this_try: u32) {
        let unknown = match &past.publication {
            Publication::Unknown(effect) => Some(effect),
            Publication::Open | Publication::Done(_) => None,
        };
        for effect in past.unfinished.iter().chain(unknown) {
            if let Effect::SubmitJob { job_id, location, try_number, .. } = effect
                && *try_number == this_try
            {
                self.stop(&self.job(job_id.clone(), location.clone()));
            }
        }
    }

    /// Attaches to a job that may have been submitted.
    fn ask(&self, effect: &Effect) -> Result<Asked, TransferError> {
        let Effect::SubmitJob { job_id, location, rows, .. } = effect else { return Ok(Asked::Open) };
        let reference = self.job(job_id.clone(), location.clone());
        let what = format!("job `{job_id}` of an earlier attempt could not be asked for");
        let Some(found) = self.wait(&what, self.bigquery.job(&reference))? else {
            let message = "it was never submitted".to_owned();
            self.context.ledger.settle(effect, &EffectOutcome::Failed { message })?;
            return Ok(Asked::Open);
        };
        self.log(&format!("attached to job `{job_id}` of an earlier attempt"));
        let job = self.watch(JobKind::Load, &reference, Some(found))?;
        match self.judge(JobKind::Load, &reference, effect, job) {
            Ok(job) => {
                // Nobody but the service has counted the rows of files that were there already.
                let own = self.config.ready.as_ref().and(job.output_rows).unwrap_or(*rows);
                self.check_counts(effect, own, &job)?;
                self.context.ledger.settle(effect, &EffectOutcome::Done)?;
                let mut figures = figures(effect);
                figures.rows_sent = own;
                if let Some(loaded) = job.output_rows.filter(|loaded| loaded != rows) {
                    figures.rows_loaded = Some(loaded);
                }
                if let Some(loaded) = job.output_rows.filter(|loaded| *loaded != own) {
                    figures.notes.push(counts_differ(&self.shown, own, loaded).to_string());
                }
                Ok(Asked::Published(figures))
            }
            Err(failed) => {
                let error: TransferError = failed.into();
                if self.context.cancel.is_canceled() {
                    return Err(error);
                }
                self.warn(&format!("the job of an earlier attempt failed, the rows are sent again: {error}"));
                Ok(if error.passes() { Asked::Open } else { Asked::Refused })
            }
        }
    }

    /// Compares rows sent and loaded after a job that published. An append that differs stays open, so that no retry
    /// appends once more.
    pub(super) fn check_counts(&self, effect: &Effect, rows: u64, job: &Job) -> Result<(), TransferError> {
        let Some(loaded) = job.output_rows.filter(|loaded| *loaded != rows) else { return Ok(()) };
        if self.config.count_check == CountCheck::Note {
            return Ok(());
        }
        self.log(&transaction_report(rows, loaded));
        let error = counts_differ(&self.shown, rows, loaded).hint(self.time_travel(job));
        if self.config.mode.replaces() {
            let outcome = EffectOutcome::Failed { message: error.message.clone() };
            self.context.ledger.settle(effect, &outcome)?;
        }
        Err(error)
    }

    /// The query that shows the rows from before a job.
    fn time_travel(&self, job: &Job) -> String {
        let statistics = &job.statistics;
        let start = count(&statistics["startTime"]).or_else(|| count(&statistics["creationTime"]));
        let before = start.unwrap_or_default().saturating_sub(1);
        let table = self.shown.replacen(':', ".", 1);
        let table = table.split('$').next().unwrap_or_default();
        format!(
            "the rows from before: SELECT * FROM `{table}` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({before})"
        )
    }

    /// Removes what runs to the same target left that are over and were never tried again.
    pub(super) fn remove_abandoned(&self) -> Result<(), TransferError> {
        let target = OutputConfig::Bigquery(Box::new(self.config.clone())).to_string();
        for left in self.context.ledger.abandoned(&target)? {
            let (removed, what) = match &left.effect {
                Effect::StageObject { bucket, object } => match &self.config.gcs {
                    Some(gcs) if gcs.bucket.shown() == bucket => (self.delete_object(gcs, object), object),
                    _ => continue,
                },
                Effect::StageTable { project, dataset, table }
                    if project == self.config.destination_project.shown()
                        && dataset == self.config.dataset.shown() =>
                {
                    (self.delete_table(table), table)
                }
                _ => continue,
            };
            match removed {
                Ok(()) => self.log(&format!("removed `{what}`, which a run that is over had left")),
                Err(error) => {
                    self.warn(&error.to_string());
                    continue;
                }
            }
            self.context.ledger.settle_abandoned(&left)?;
        }
        Ok(())
    }

    fn delete_object(&self, gcs: &GcsStaging, object: &str) -> Result<(), TransferError> {
        let what = format!("staged object `{object}` could not be removed");
        self.tidy(&what, self.storage.delete(gcs.bucket.expose(), object))
    }

    fn delete_table(&self, table: &str) -> Result<(), TransferError> {
        let what = format!("staging table `{table}` could not be removed");
        self.tidy(&what, self.bigquery.delete_table(&self.beside(table)))
    }

    /// Removes a staged object or table, and records it.
    pub(super) fn remove(&self, effect: &Effect) -> Result<(), TransferError> {
        match effect {
            Effect::StageObject { object, .. } => {
                let Some(gcs) = &self.config.gcs else { return Ok(()) };
                self.delete_object(gcs, object)?;
            }
            Effect::StageTable { table, .. } => self.delete_table(table)?,
            Effect::StageSet { .. } => {}
            Effect::SubmitJob { .. }
            | Effect::WriteFile { .. }
            | Effect::WriteObject { .. }
            | Effect::UploadParts { .. }
            | Effect::PublishRows { .. } => return Ok(()),
        }
        Ok(self.context.ledger.settle(effect, &EffectOutcome::Removed)?)
    }
}

/// Rows sent and loaded differ.
pub(super) fn counts_differ(target: &str, sent: u64, loaded: u64) -> TransferError {
    TransferError::new(
        crate::transfer::error::ErrorKind::Data,
        format!("`{target}`: {sent} rows were sent but {loaded} were loaded"),
    )
}

fn figures(effect: &Effect) -> OutputFigures {
    let Effect::SubmitJob { rows, bytes, .. } = effect else { return OutputFigures::default() };
    OutputFigures { rows_sent: *rows, rows_loaded: Some(*rows), bytes: *bytes, notes: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{AttemptId, TaskName};

    fn key() -> TransferKey {
        TransferKey {
            installation: "x".to_owned(),
            starting_attempt: AttemptId(1),
            task: TaskName::from_full("+sync+orders"),
            round: 1,
            config: "c".to_owned(),
        }
    }

    fn job(try_number: u32, publishes: bool) -> Effect {
        let job_id = key().name(try_number);
        let project = "p".to_owned();
        Effect::SubmitJob { project, location: None, job_id, rows: 5, bytes: 9, publishes, try_number }
    }

    fn object(try_number: u32) -> Effect {
        let object = format!("{}-000000.jsonl.gz", key().name(try_number));
        Effect::StageObject { bucket: "b".to_owned(), object }
    }

    fn read(recorded: &[(Effect, Option<EffectOutcome>)]) -> Past {
        let recorded = recorded.iter().cloned();
        let recorded: Vec<RecordedEffect> =
            recorded.map(|(effect, outcome)| RecordedEffect { effect, outcome }).collect();
        Past::read(&key(), &recorded)
    }

    fn failed() -> Option<EffectOutcome> {
        Some(EffectOutcome::Failed { message: "x".to_owned() })
    }

    #[test]
    fn nothing_recorded_is_a_first_try() {
        let past = read(&[]);
        assert_eq!((past.next_try, past.leftovers.len(), past.publication), (1, 0, Publication::Open));
    }

    #[test]
    fn a_kill_while_reading_or_uploading_starts_over_under_the_next_name() {
        let past = read(&[(object(1), None)]);
        assert_eq!(past.next_try, 2);
        assert_eq!(past.leftovers, [object(1)]);
        assert_eq!(past.publication, Publication::Open);
    }

    #[test]
    fn a_kill_around_the_submission_asks_the_service() {
        let past = read(&[(object(1), Some(EffectOutcome::Done)), (job(1, true), None)]);
        assert_eq!(past.publication, Publication::Unknown(job(1, true)));
        assert_eq!(past.leftovers, [object(1)]);
    }

    #[test]
    fn a_kill_after_the_end_only_tidies_up() {
        let past = read(&[
            (object(1), Some(EffectOutcome::Removed)),
            (object(2), Some(EffectOutcome::Done)),
            (job(2, true), Some(EffectOutcome::Done)),
        ]);
        assert_eq!(past.publication, Publication::Done(job(2, true)));
        assert_eq!(past.leftovers, [object(2)]);
    }

    #[test]
    fn a_failed_job_raises_the_number_and_the_last_job_counts() {
        let past = read(&[(job(1, true), failed()), (job(2, true), None)]);
        assert_eq!((past.next_try, past.publication), (3, Publication::Unknown(job(2, true))));
        let past = read(&[(job(1, true), failed())]);
        assert_eq!((past.next_try, past.publication), (2, Publication::Open));
    }

    #[test]
    fn of_an_earlier_round_only_an_open_end_counts() {
        let earlier = TransferKey { round: 0, ..key() };
        let job_id = earlier.name(4);
        let effect = Effect::SubmitJob {
            project: "p".to_owned(),
            location: None,
            job_id,
            rows: 5,
            bytes: 9,
            publishes: true,
            try_number: 4,
        };
        let past = read(&[(effect.clone(), None)]);
        assert_eq!((past.next_try, past.publication), (1, Publication::Unknown(effect.clone())));
        let past = read(&[(effect, Some(EffectOutcome::Done))]);
        assert_eq!((past.next_try, past.publication), (1, Publication::Open));
    }

    #[test]
    fn loads_into_a_staging_table_are_stopped() {
        let table =
            Effect::StageTable { project: "p".to_owned(), dataset: "d".to_owned(), table: key().name(3) };
        let past = read(&[(table.clone(), None), (job(3, false), None)]);
        assert_eq!((past.next_try, past.publication), (4, Publication::Open));
        assert_eq!((past.leftovers, past.unfinished), (vec![table], vec![job(3, false)]));
    }
}
