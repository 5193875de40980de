//! A staging table that an earlier attempt began to fill from a set that is staged whole. The retry goes on with it under
//! the names of that try, so that a load job that runs or is done is attached to, and none loads a row twice.

use super::service::Service;
use crate::transfer::effect::{Effect, EffectOutcome, TransferKey};
use crate::transfer::error::TransferError;

/// What was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filling {
    /// The try whose names it has.
    pub(super) try_number: u32,
    /// The staging table.
    pub(super) table: Effect,
    /// Jobs whose end is not recorded.
    open: Vec<Effect>,
}

impl Filling {
    /// Of what is known last of each effect; none where no job of the table's own try was handed over.
    pub(super) fn of(key: &TransferKey, latest: &[(&Effect, Option<&EffectOutcome>)]) -> Option<Self> {
        let is_there = |outcome: &Option<&EffectOutcome>| outcome.is_none_or(|outcome| !outcome.is_end());
        let name = latest.iter().rev().find_map(|(effect, outcome)| match effect {
            Effect::StageTable { table, .. } if is_there(outcome) => Some((table, *effect)),
            _ => None,
        });
        let (name, table) = name?;
        let mut filling = Self { try_number: 0, table: table.clone(), open: Vec::new() };
        for (effect, outcome) in latest {
            let Effect::SubmitJob { job_id, publishes: false, try_number, .. } = effect else { continue };
            let Some(load) = job_id.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix("_load_"))
            else {
                continue;
            };
            // With several jobs the objects of each would have to be those of then.
            if load.split('_').next() != Some("0") || key.name(*try_number) != *name {
                return None;
            }
            match outcome {
                None => filling.open.push((*effect).clone()),
                Some(EffectOutcome::Done) => {}
                Some(_) => continue,
            }
            filling.try_number = *try_number;
        }
        (filling.try_number > 0).then_some(filling)
    }

    /// Whether a job or table belongs to it.
    pub(super) fn holds(&self, effect: &Effect) -> bool {
        self.table == *effect || self.open.contains(effect)
    }
}

impl Service {
    /// Goes on with a staging table, unless it is gone by now.
    pub(super) fn go_on(&self, filling: Filling) -> Result<Option<Filling>, TransferError> {
        let Effect::StageTable { table, .. } = &filling.table else { return Ok(None) };
        let what = format!("staging table `{table}` of an earlier attempt could not be asked for");
        if self.wait(&what, self.bigquery.table(&self.beside(table)))?.is_none() {
            return Ok(None);
        }
        self.log(&format!("staging table `{table}` of an earlier attempt is gone on with"));
        Ok(Some(filling))
    }

    /// Stops its jobs and removes the table.
    pub(super) fn let_go(&self, filling: &Filling) -> Result<(), TransferError> {
        self.stop_for_good(&filling.open)?;
        self.remove(&filling.table)
    }

    /// Stops jobs that no later attempt is to ask for.
    pub(super) fn stop_for_good(&self, jobs: &[Effect]) -> Result<(), TransferError> {
        for effect in jobs {
            if let Effect::SubmitJob { job_id, location, .. } = effect {
                self.stop(&self.job(job_id.clone(), location.clone()));
                let message = "the attempt that began it ended".to_owned();
                self.context.ledger.settle(effect, &EffectOutcome::Failed { message })?;
            }
        }
        Ok(())
    }
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

    fn table(try_number: u32) -> Effect {
        let (project, dataset) = ("p".to_owned(), "d".to_owned());
        Effect::StageTable { project, dataset, table: key().name(try_number) }
    }

    fn load(try_number: u32, number: &str) -> Effect {
        let job_id = format!("{}_load_{number}", key().name(try_number));
        let project = "p".to_owned();
        Effect::SubmitJob { project, location: None, job_id, rows: 5, bytes: 9, publishes: false, try_number }
    }

    fn of(recorded: &[(&Effect, Option<&EffectOutcome>)]) -> Option<(u32, usize)> {
        Filling::of(&key(), recorded).map(|filling| (filling.try_number, filling.open.len()))
    }

    #[test]
    fn a_table_whose_only_load_was_handed_over_is_gone_on_with() {
        let failed = EffectOutcome::Failed { message: "x".to_owned() };
        let (staged, first, again) = (table(2), load(2, "0"), load(2, "0_1"));
        assert_eq!(of(&[(&staged, None), (&first, None)]), Some((2, 1)));
        assert_eq!(of(&[(&staged, None), (&first, Some(&EffectOutcome::Done))]), Some((2, 0)));
        assert_eq!(of(&[(&staged, None), (&first, Some(&failed)), (&again, None)]), Some((2, 1)));
        // Nothing was handed over, all of it failed, or the table is gone.
        assert_eq!(of(&[(&staged, None)]), None);
        assert_eq!(of(&[(&staged, None), (&first, Some(&failed))]), None);
        assert_eq!(of(&[(&staged, Some(&EffectOutcome::Removed)), (&first, None)]), None);
        // Of another try, or the second of several jobs.
        assert_eq!(of(&[(&staged, None), (&load(1, "0"), None)]), None);
        assert_eq!(of(&[(&staged, None), (&first, None), (&load(2, "1"), None)]), None);
    }
}
